"""With people: asked for, taken over, handed back, resolved by a person, watched only."""

import pytest

from closeloop.models.proposal import EscalationDraft, Proposal
from closeloop.models.ticket import Mode, Status
from tests.support.scripted import (
    ScriptedClassifier,
    ScriptedResolver,
    question,
    refund,
)
from tests.workflows.cases import GIVE_UP, RESOLUTION, escalated, refund_by_hand
from tests.workflows.held import Held
from tests.workflows.play import DAY, NORA, SAMUEL, OpenDesk, Refusal, action, texts
from workflows.notices import DONE_BY_PERSON, HANDED_OVER

HUMAN = {"human": "speak_to_person"}


# --- handing over --------------------------------------------------------------------------------


async def test_the_agent_gives_up(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await escalated(desk)
    view = await desk.view(handle)
    assert view.mode is Mode.ADVISORY
    assert view.escalation is not None
    assert (view.escalation.reason, view.escalation.queue) == ("no_playbook", "support")
    [case] = desk.cases()
    assert view.escalation.receipt_id == case["escalation_id"]
    for part in ("no_playbook", "odd", "call them", "refund_request", "Please refund order #W1001"):
        assert part in case["pack"]
    assert texts(view) == [HANDED_OVER]
    assert "first_response" not in desk.kinds(handle)
    [event] = desk.events(handle, "escalated")
    assert event.data["reason"] == "no_playbook"


async def test_an_agents_free_text_is_no_reason_to_filter_by(open_desk: OpenDesk) -> None:
    draft = EscalationDraft(reason="Nora Whitfield, nora@example.com, is angry", summary="odd")
    desk = await open_desk(resolver=ScriptedResolver(Proposal(escalation=draft)))
    handle = await escalated(desk)
    view = await desk.view(handle)
    assert view.escalation is not None
    assert view.escalation.reason == "agent_escalated"


async def test_people_are_reminded_and_nothing_closes_by_itself(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await escalated(desk)
    await desk.skip(30 * DAY)
    view = await desk.view(handle)
    assert view.status is Status.ESCALATED
    assert view.escalation is not None
    assert 28 <= view.escalation.reminders <= 30
    assert len(desk.sent(handle)) == 1


async def test_a_message_is_put_on_record_for_the_person(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(GIVE_UP)
    desk = await open_desk(resolver=resolver)
    handle = await escalated(desk)
    await desk.say(handle, "Any news?")
    view = await desk.noted(handle, "forwarded")
    assert view.status is Status.ESCALATED
    assert all(message.handled for message in view.messages)
    assert len(desk.sent(handle)) == 1
    assert len(resolver.requests) == 1
    await desk.eventually(lambda: "Any news?" in texts(desk.recorded(handle), "customer"))


# --- a person is asked for -----------------------------------------------------------------------


async def test_a_person_is_asked_for_at_the_door(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"))
    desk = await open_desk(resolver=resolver, classifier=ScriptedClassifier(by_word=HUMAN))
    handle = await escalated(desk, "I want a human to refund order #W1001.")
    view = await desk.view(handle)
    assert view.escalation is not None
    assert view.escalation.reason == "customer_asked"
    assert resolver.requests == []
    assert desk.refunds("#W1001") == ()


async def test_a_person_is_asked_for_while_approval_is_awaited(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1005")), classifier=ScriptedClassifier(by_word=HUMAN)
    )
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.say(handle, "Let me speak to a human.")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "customer_asked"
    assert [a.outcome for a in view.approvals] == ["withdrawn"]
    assert desk.effect_state("refund:#W1005:all") == "released"
    assert desk.waiting() == ()
    assert desk.refunds("#W1005") == ()


async def test_a_person_is_asked_for_in_one_of_several_messages(open_desk: OpenDesk) -> None:
    """Also where the latest message of all says something else."""
    held = Held("outbox.send")
    classifier = ScriptedClassifier(by_word=HUMAN)
    desk = await open_desk(
        resolver=ScriptedResolver(question("Which one?")), classifier=classifier, held=held
    )
    handle = await desk.open("Please refund my order.", email=NORA)
    await held.reached()
    await desk.say(handle, "I want to speak to a human!")
    await desk.say(handle, "It is about the mug.")
    held.let_go()
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "customer_asked"


async def test_a_person_is_asked_for_after_the_resolution(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), classifier=ScriptedClassifier(by_word=HUMAN)
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await desk.say(handle, "Yes, but now I want to speak to a human.")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "customer_asked"


# --- a person resolves ---------------------------------------------------------------------------


async def test_a_persons_effect_is_read_back_then_resolved_and_closed(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await escalated(desk)
    refund_by_hand(desk)
    receipt = await desk.operate(handle, "record_resolution", resolution=RESOLUTION)
    assert receipt.accepted
    view = await desk.until(handle, Status.RESOLVED)
    done = action(view)
    assert (done.kind, done.state) == ("refund_payment", "verified")
    assert done.effect_id == "refund:#W1001:all"
    assert done.receipt is not None
    assert done.receipt.receipt_id == desk.refunds("#W1001")[0].refund_id
    assert texts(view) == [HANDED_OVER, "I have refunded it myself."]
    assert desk.effect_state("refund:#W1001:all") == "done"
    [resolved] = desk.events(handle, "resolved")
    assert (resolved.data["by_person"], resolved.data["autonomous"]) == (True, False)
    outcome = await handle.result()
    assert outcome.closure == "verified_quiet"
    assert len(desk.refunds("#W1001")) == 1


async def test_without_a_reply_of_the_persons_a_plain_one_goes_out(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await escalated(desk)
    await desk.operate(handle, "record_resolution", resolution={"summary": "called them"})
    view = await desk.until(handle, Status.RESOLVED)
    assert texts(view)[-1] == DONE_BY_PERSON
    assert (await handle.result()).closure == "unconfirmed"


@pytest.mark.parametrize(
    ("minor", "effects", "code"),
    [
        (None, RESOLUTION["effects"], "effect_not_found"),
        (1000, RESOLUTION["effects"], "effect_not_found"),
        (2490, [{"kind": "refund_payment", "params": {"order": "#W1001"}}], "bad_effect"),
        (2490, [{"kind": "send_money", "params": {}}], "bad_effect"),
        (
            2490,
            [{"kind": "create_escalation", "params": {"number": 1, "queue": "q", "reason": "r"}}],
            "cannot_read_back",
        ),
    ],
)
async def test_an_effect_nobody_can_read_back_is_refused(
    open_desk: OpenDesk, minor: int | None, effects: object, code: str
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await escalated(desk)
    if minor is not None:
        refund_by_hand(desk, minor)
    before = await desk.view(handle)
    with pytest.raises(Refusal) as refused:
        await desk.operate(
            handle, "record_resolution", resolution={"summary": "done", "effects": effects}
        )
    assert refused.value.code == code
    assert await desk.view(handle) == before
    assert desk.effect_state("refund:#W1001:all") is None


async def test_one_refund_by_hand_proves_one_effect_only(open_desk: OpenDesk) -> None:
    """Two mugs of the same price: what was paid back for one says nothing of the other."""
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await escalated(desk)
    refund_by_hand(desk, 2490, "#W1020")
    effects = [
        {
            "kind": "refund_payment",
            "params": {"order_id": "#W1020", "components": [f"item:710103:{n}"]},
        }
        for n in (1, 2)
    ]
    with pytest.raises(Refusal) as refused:
        await desk.operate(
            handle, "record_resolution", resolution={"summary": "both", "effects": effects}
        )
    assert refused.value.code == "effect_not_found"


async def test_a_resolution_is_recorded_once(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await escalated(desk)
    refund_by_hand(desk)
    first = await desk.operate(
        handle, "record_resolution", resolution=RESOLUTION, operation_id="once"
    )
    await desk.until(handle, Status.RESOLVED)
    again = await desk.operate(
        handle, "record_resolution", resolution=RESOLUTION, operation_id="once"
    )
    assert again == first
    assert len((await desk.view(handle)).actions) == 1
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, "record_resolution", resolution=RESOLUTION)
    assert refused.value.code == "not_escalated"


async def test_a_second_ticket_finds_what_a_person_did_on_the_first(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP, refund("#W1001")))
    first = await escalated(desk)
    refund_by_hand(desk)
    await desk.operate(first, "record_resolution", resolution=RESOLUTION)
    await desk.until(first, Status.RESOLVED)
    second = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(second)
    assert action(view).state == "verified"
    assert len(desk.refunds("#W1001")) == 1
