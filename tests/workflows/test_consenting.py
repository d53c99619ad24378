"""The customer says yes to exactly what is done, or it is not done."""

from datetime import timedelta

from closeloop.models.proposal import Action
from closeloop.models.ticket import Mode, Status
from tests.support.desk import Handle
from tests.support.scripted import ScriptedResolver, acting, question, refund
from tests.workflows.play import DAY, NORA, OpenDesk, Play, action, texts
from workflows import notices

MUG = "refund $24.90 for Stoneware Mug of order #W1001"


async def asked(desk: Play, body: str = "My mug came in pieces.") -> Handle:
    """Open a ticket that names no remedy, and wait until the customer was asked."""
    handle = await desk.open(body, email=NORA)
    await desk.noted(handle, "replied")
    return handle


async def test_a_yes_to_the_named_effect_is_kept_and_lets_it_happen(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"))
    desk = await open_desk(resolver=resolver)
    handle = await asked(desk)
    view = await desk.view(handle)
    assert view.status is Status.AWAITING_CUSTOMER
    assert MUG in texts(view)[-1]
    assert desk.refunds("#W1001") == ()
    await desk.say(handle, "Yes please, go ahead.", "m-yes")
    view = await desk.resolved(handle)
    assert action(view).state == "verified"
    assert view.mode is Mode.AUTONOMOUS
    assert len(resolver.requests) == 1
    [agreed] = desk.events(handle, "consented")
    assert agreed.data == {"effect_id": action(view).effect_id, "message_id": "m-yes"}
    assert len(await desk.notes(handle, "consented")) == 1


async def test_a_no_is_final_and_nothing_happens(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await asked(desk)
    await desk.say(handle, "No thanks")
    await desk.noted(handle, "replied", times=2)
    view = await desk.view(handle)
    assert texts(view)[-1] == notices.NOT_DONE
    assert action(view).state == "skipped"
    assert desk.refunds("#W1001") == ()


async def test_silence_is_no_yes(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await asked(desk)
    assert (await handle.result()).closure == "unconfirmed"
    assert action(await desk.view(handle)).state == "skipped"
    assert desk.refunds("#W1001") == ()


async def test_a_yes_to_another_effect_does_not_count(open_desk: OpenDesk) -> None:
    """The customer agreed to all of it; what is proposed after their next words is half."""
    resolver = ScriptedResolver(refund("#W1001"), refund("#W1001", amount_minor=1000))
    desk = await open_desk(resolver=resolver)
    handle = await asked(desk)
    await desk.say(handle, "Yes, but make it quick, or I want something else!")
    await desk.noted(handle, "consent asked", times=2)
    assert desk.refunds("#W1001") == ()
    await desk.noted(handle, "replied", times=2)
    assert "refund $10.00" in texts(await desk.view(handle))[-1]
    await desk.say(handle, "yes")
    pending = await desk.asked(handle)  # part of a price is for a person, whoever agrees
    assert not any("consent." in reason for reason in pending.reasons)
    await desk.decide(handle, "bob", approve=True)
    await desk.resolved(handle)
    assert [r.amount.amount_minor for r in desk.refunds("#W1001")] == [1000]


async def test_the_same_effect_is_asked_about_once_then_a_person_is(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await asked(desk)
    await desk.say(handle, "What is this about?")
    pending = await desk.asked(handle)
    assert any("consent." in reason for reason in pending.reasons)
    assert desk.refunds("#W1001") == ()


async def test_words_after_the_yes_open_it_again(open_desk: OpenDesk) -> None:
    """The customer agrees, then writes again before an approver has decided."""
    part = refund("#W1001", amount_minor=1000)
    desk = await open_desk(resolver=ScriptedResolver(part, question()))
    handle = await asked(desk)
    await desk.say(handle, "yes")
    await desk.asked(handle)
    await desk.say(handle, "Wait, I changed my mind.")
    await desk.noted(handle, "replied", times=2)
    assert desk.refunds("#W1001") == ()
    assert action(await desk.view(handle)).state == "skipped"


async def test_what_staff_alone_can_read_is_asked_of_a_person(open_desk: OpenDesk) -> None:
    pay = Action(
        action_id="a",
        kind="modify_order_payment",
        params={"order_id": "#W1018", "payment_method_id": "x"},
    )
    desk = await open_desk(resolver=ScriptedResolver(acting(pay), question()))
    handle = await desk.open("Something is odd.", email="omar.haddad@example.com")
    view = await desk.until(handle, Status.AWAITING_APPROVAL, Status.AWAITING_CUSTOMER)
    assert await desk.notes(handle, "consent asked") == []
    assert view.actions[0].state in ("refused", "awaiting_approval")


async def test_a_desk_that_a_person_watches_asks_the_person(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(question("What is it?"), refund("#W1001")))
    handle = await desk.open("My mug came in pieces.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.operate(handle, "lower_mode", mode="assisted")
    await desk.say(handle, "All of it.")
    await desk.asked(handle)
    assert await desk.notes(handle, "consent asked") == []
    await desk.skip(DAY + timedelta(hours=1))
    await desk.until(handle, Status.ESCALATED)
