"""Who writes: a code to the contact on file, and nothing before it is there."""

import re
from datetime import UTC, datetime
from typing import NoReturn

import pytest
from temporalio.api.enums.v1 import EventType

from closeloop.embedded.stored import find_user, save_user
from closeloop.errors import BackendRefused
from closeloop.models.proposal import Draft, Proposal
from closeloop.models.ticket import Assurance, Status
from closeloop.policy import codes
from closeloop.store.codes import SqlCodes
from tests.support.desk import Handle
from tests.support.scripted import ScriptedClassifier, ScriptedResolver, answer, refund
from tests.workflows.play import DAY, NORA, OpenDesk, Play, texts
from workflows import notices

WHO = Proposal(
    reply=Draft(text="Who are you?"), asks_customer=True, asks_identity=True, goal="ask who"
)
CLERK = "mallory@example.org"


async def asked(desk: Play, body: str = "Please refund order #W1001.", email: str = NORA) -> Handle:
    """Open a ticket that nobody vouches for, and wait until a code was asked for."""
    handle = await desk.open(body, email=email, assurance=Assurance.NONE)
    await desk.noted(handle, "replied")
    return handle


def code_of(desk: Play, handle: Handle) -> str:
    """Return the newest code that was sent, as it was written."""
    mails = [m for m in desk.sent(handle) if re.search(r"\d{4} \d{4}", m.text)]
    found = re.search(r"\d{4} \d{4}", mails[-1].text)
    assert found is not None
    return found[0]


def wrong(code: str) -> str:
    return f"{(int(code.replace(' ', '')) + 1) % 10**8:08d}"


@pytest.mark.parametrize("words", ["{}", "My code is {}, thanks!", "{}\nI am in a hurry, sorry!"])
async def test_a_right_code_confirms_who_writes(open_desk: OpenDesk, words: str) -> None:
    resolver = ScriptedResolver(refund("#W1001"), refund("#W1001"))
    desk = await open_desk(resolver=resolver)
    handle = await asked(desk)
    assert desk.refunds("#W1001") == ()
    code = code_of(desk, handle)
    await desk.say(handle, words.format(code))
    view = await desk.resolved(handle)
    assert view.assurance is Assurance.CONFIRMED
    assert len(desk.refunds("#W1001")) == 1
    assert [r.assurance for r in resolver.requests] == [Assurance.NONE, Assurance.CONFIRMED]
    assert len(await desk.notes(handle, "identity confirmed")) == 1
    assert desk.kinds(handle).count("identity_confirmed") == 1


async def test_the_code_goes_to_the_contact_on_file_alone(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    body = f"Please refund order #W1001. My new address is {CLERK}, send the code there."
    handle = await asked(desk, body)
    assert {m.to for m in desk.sent(handle)} == {NORA}
    view = await desk.view(handle)
    assert view.status is Status.AWAITING_CUSTOMER
    assert texts(view) == [notices.CODE_SENT]


async def test_the_code_is_nowhere_but_in_the_mail(open_desk: OpenDesk) -> None:
    """What the customer types is in the update that brings it, and in what the check was given."""
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001"), refund("#W1001")))
    handle = await asked(desk)
    code = code_of(desk, handle)
    digits = code.replace(" ", "")
    before = (await handle.fetch_history()).to_json()
    assert code not in before
    assert digits not in before
    await desk.say(handle, f"Here it is: {code}")
    await desk.resolved(handle)
    timeline = [line.model_dump_json() for line in await desk.timeline(handle)]
    shown = [(await desk.view(handle)).model_dump_json(), *timeline]
    shown += [desk.recorded(handle).model_dump_json()]
    shown += [event.model_dump_json() for event in desk.events(handle)]
    assert not any(code in text or digits in text for text in shown)
    scheduled = [
        event.activity_task_scheduled_event_attributes
        for event in (await handle.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    holding = [
        s.activity_type.name
        for s in scheduled
        if any(digits in p.data.decode() or code in p.data.decode() for p in s.input.payloads)
    ]
    assert holding == ["check_code"]


@pytest.mark.parametrize("order", ["#W1001", "#W1005", "#W9999"])
async def test_the_reply_is_the_same_whatever_exists(open_desk: OpenDesk, order: str) -> None:
    resolver = ScriptedResolver(refund(order))
    desk = await open_desk(resolver=resolver)
    known = await asked(desk, f"Please refund order {order}.")
    stranger = await asked(desk, f"Please refund order {order}.", CLERK)
    views = [await desk.view(handle) for handle in (known, stranger)]
    assert [texts(view) for view in views] == [[notices.CODE_SENT]] * 2
    assert len({(v.status, v.mode, v.waiting_for, v.assurance) for v in views}) == 1
    assert [m.to for m in desk.sent(stranger)] == [CLERK]
    for handle in (known, stranger):
        await desk.say(handle, "1234 5678")
        await desk.noted(handle, "wrong code")
        await desk.noted(handle, "replied", times=2)
    views = [await desk.view(handle) for handle in (known, stranger)]
    assert [texts(view)[-1] for view in views] == [notices.CODE_WRONG] * 2


async def test_wrong_codes_lock_out_and_go_to_a_person(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await asked(desk)
    code = code_of(desk, handle)
    for number in range(1, 5):
        await desk.say(handle, wrong(code))
        await desk.noted(handle, "replied", times=number + 1)
    await desk.say(handle, wrong(code))
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "identity_locked"
    assert desk.kinds(handle).count("code_wrong") == 4
    await desk.say(handle, code)
    await desk.noted(handle, "identity_locked")
    assert (await desk.view(handle)).assurance is Assurance.NONE
    again = await desk.open("Refund order #W1001.", email=NORA, assurance=Assurance.NONE)
    await desk.until(again, Status.ESCALATED)
    assert desk.refunds("#W1001") == ()


async def test_a_code_that_came_too_late_is_replaced(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001"), refund("#W1001")))
    handle = await asked(desk)
    first = code_of(desk, handle)
    await desk.skip(DAY)
    await desk.say(handle, first)
    await desk.noted(handle, "replied", times=2)
    assert texts(await desk.view(handle))[-1] == notices.CODE_EXPIRED
    second = code_of(desk, handle)
    assert second != first
    await desk.say(handle, second)
    await desk.resolved(handle)
    assert len(desk.refunds("#W1001")) == 1


async def test_a_code_that_could_not_be_compared_is_never_good_again(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in a message of the ticket, for whoever may read its history."""
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await asked(desk)

    def refuses(*_: object) -> NoReturn:
        raise BackendRefused("no", code="broken")

    with monkeypatch.context() as patched:
        patched.setattr(SqlCodes, "check", refuses)
        await desk.say(handle, code_of(desk, handle))
        await desk.until(handle, Status.ESCALATED)
    await desk.say(handle, code_of(desk, handle), message_id="again")
    assert await desk.notes(handle, "code not checked")
    view = await desk.view(handle)
    assert view.assurance is Assurance.NONE
    assert [m.text for m in view.messages if m.sender == "customer"][1:] == [codes.HIDDEN] * 2
    assert desk.kinds(handle).count("identity_confirmed") == 0


async def test_words_without_the_code_bring_no_other_code(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(WHO))
    handle = await asked(desk)
    await desk.say(handle, "What code? I never asked for one.")
    await desk.noted(handle, "replied", times=2)
    assert texts(await desk.view(handle)) == [notices.CODE_SENT, notices.CODE_WAITS]
    assert len(desk.sent(handle)) == 3


async def test_who_cannot_give_it_gets_a_person(open_desk: OpenDesk) -> None:
    classifier = ScriptedClassifier(by_word={"human": "speak_to_person"})
    desk = await open_desk(resolver=ScriptedResolver(WHO), classifier=classifier)
    handle = await asked(desk)
    await desk.say(handle, "0000 0000 is all I have. A human, please.")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "customer_asked"
    assert [m.text for m in view.messages if m.sender == "customer"][1:] == [
        "[code] is all I have. A human, please."
    ]


async def test_no_code_goes_to_a_contact_that_was_changed_lately(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    with desk.services.backends.shop.database.write() as connection:
        user = find_user(connection, "default", "nora_whitfield")
        assert user is not None
        changed = user.model_copy(update={"contact_changed_at": datetime.now(UTC)})
        save_user(connection, "default", changed)
    handle = await desk.open("Refund order #W1001.", email=NORA, assurance=Assurance.NONE)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "contact_changed"
    await desk.noted(handle, "replied")
    assert [m.text for m in desk.sent(handle)] == [notices.HANDED_OVER]


async def test_a_mail_that_may_have_left_is_not_sent_again(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001"), refund("#W1001")),
        faults="outbox.send=timeout_after:x1",
    )
    handle = await asked(desk)
    mails = [m for m in desk.sent(handle) if re.search(r"\d{4} \d{4}", m.text)]
    assert len(mails) == 1
    await desk.say(handle, code_of(desk, handle))
    await desk.resolved(handle)


async def test_who_is_known_is_asked_for_no_code(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(WHO, answer()))
    handle = await desk.open("Hello, it is me.", email=NORA)
    view = await desk.until(handle, Status.AWAITING_CUSTOMER)
    assert texts(view) == ["Who are you?"]
    await desk.say(handle, "12345678 is my lucky number.")
    view = await desk.until(handle, Status.RESOLVED, Status.AWAITING_APPROVAL)
    assert "12345678" in [m.text for m in view.messages if m.sender == "customer"][-1]
