"""A backend's hint makes the ticket look again; it proves nothing by itself."""

import asyncio
from datetime import timedelta

from closeloop.models.ticket import Status
from tests.support.scripted import ScriptedResolver, answer, refund
from tests.workflows.cases import GIVE_UP, RESOLUTION, refund_by_hand, two_mugs
from tests.workflows.held import Held
from tests.workflows.play import NORA, YUKI, OpenDesk, action, texts

MUG = "refund:#W1001:all"


async def test_a_hint_is_no_receipt(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    before = action(await desk.resolved(handle))
    for _ in range(2):
        await desk.hint(handle, "e1", MUG)
    await desk.noted(handle, "read back")
    view = await desk.view(handle)
    assert view.status is Status.RESOLVED
    assert action(view) == before
    assert len(await desk.notes(handle, "read back")) == 1


async def test_a_refund_that_fails_later_reopens_the_ticket(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"), answer("The refund came back to us."))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await desk.say(handle, "Yes, thank you!")
    await desk.noted(handle, "confirmed")
    desk.undo_refunds("#W1001")
    await desk.hint(handle, "e1", MUG)
    await desk.noted(handle, "resolved", times=2)
    view = await desk.resolved(handle)
    undone = action(view, 0)
    assert undone.state == "failed"
    assert undone.error is not None
    assert undone.error.code == "undone"
    [seen] = resolver.requests[1].observations
    assert (seen.kind, seen.code) == ("not_verified", "undone")
    assert texts(view)[-1] == "The refund came back to us."
    assert (await handle.result()).closure == "unconfirmed"  # the old yes was about the refund
    assert desk.kinds(handle).count("reopened") == 1


async def test_a_hint_without_an_effect_is_about_all_of_them(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001"), answer("Sorry.")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    desk.undo_refunds("#W1001")
    await desk.hint(handle, "e1")
    await desk.noted(handle, "reopened")


async def test_a_hint_in_the_midst_of_writes_does_not_stop_them(open_desk: OpenDesk) -> None:
    held = Held("payments.refund")
    desk = await open_desk(resolver=two_mugs(), held=held)
    handle = await desk.open("Refund both mugs on #W1020.", email=YUKI)
    await held.reached()
    await desk.hint(handle, "e1", "refund:#W1020:item:710103:1")
    held.let_go()
    view = await desk.resolved(handle)
    assert [a.state for a in view.actions] == ["verified", "verified"]
    await desk.noted(handle, "read back")


async def test_a_hint_while_approval_is_awaited_is_kept(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"), answer("Here."), answer("It came back."))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await desk.operate(handle, "lower_mode", mode="assisted")
    await desk.say(handle, "What else can you do?")
    await desk.asked(handle)
    desk.undo_refunds("#W1001")
    await desk.hint(handle, "e1", MUG)
    assert (await desk.view(handle)).status is Status.AWAITING_APPROVAL
    await desk.decide(handle, "alice", approve=True)
    await desk.noted(handle, "reopened")
    assert action(await desk.view(handle), 0).state == "failed"


async def test_a_hint_during_the_closing_step_is_heeded(open_desk: OpenDesk) -> None:
    held = Held("crm.add_note")
    resolver = ScriptedResolver(refund("#W1001"), answer("The refund came back to us."))
    desk = await open_desk(resolver=resolver, held=held)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    result = asyncio.create_task(handle.result())
    await held.reached()
    assert (await desk.view(handle)).status is Status.CLOSED
    desk.undo_refunds("#W1001")
    await desk.hint(handle, "e1", MUG)
    held.let_go()
    await result
    view = await desk.view(handle)
    assert (action(view, 0).state, texts(view)[-1]) == ("failed", "The refund came back to us.")
    assert desk.kinds(handle).count("reopened") == 1


async def test_a_person_in_charge_learns_that_an_effect_is_gone(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await desk.operate(handle, "take_over")
    await desk.until(handle, Status.ESCALATED)
    desk.undo_refunds("#W1001")
    await desk.hint(handle, "e1", MUG)
    await desk.eventually(lambda: desk.recorded(handle).actions[0].state == "failed")
    assert (await desk.view(handle)).status is Status.ESCALATED


async def test_what_a_person_did_is_read_back_as_a_persons(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    refund_by_hand(desk)
    await desk.operate(handle, "record_resolution", resolution=RESOLUTION)
    await desk.until(handle, Status.RESOLVED)
    await desk.hint(handle, "e1", MUG)
    await desk.noted(handle, "read back")
    assert (await desk.view(handle)).status is Status.RESOLVED


async def test_a_refund_on_its_way_is_read_again_before_the_close(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    desk.settle_in("#W1001", days=9)
    await desk.hint(handle, "e1", MUG)
    await desk.noted(handle, "read back")
    receipt = action(await desk.view(handle)).receipt
    assert receipt is not None
    assert not receipt.settled
    desk.settle_in("#W1001", days=-1)
    assert (await handle.result()).closure == "verified_quiet"


async def test_money_under_way_keeps_the_ticket_until_it_arrives(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    desk.settle_in("#W1001", days=9)
    await desk.hint(handle, "e1", MUG)
    await desk.noted(handle, "read back")
    await desk.skip(timedelta(days=9))
    view = await desk.noted(handle, "not settled yet", times=2)
    assert (view.status, view.waiting_for) == (Status.RESOLVED, "the settlement of a refund")
    desk.settle_in("#W1001", days=-1)
    assert (await handle.result()).closure == "verified_quiet"


async def test_money_that_never_arrives_goes_to_a_person(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    desk.settle_in("#W1001", days=99)
    await desk.hint(handle, "e1", MUG)
    await desk.noted(handle, "read back")
    await desk.skip(timedelta(days=31))
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "not_settled"


async def test_a_refund_lost_without_a_hint_is_missed_before_the_close(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001"), answer("Thank you for telling us."))
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    desk.settle_in("#W1001", days=9)
    await desk.hint(handle, "e1", MUG)
    await desk.noted(handle, "read back")
    desk.undo_refunds("#W1001")
    assert (await handle.result()).closure == "unconfirmed"
    assert desk.kinds(handle).count("reopened") == 1
    assert [message.text for message in desk.sent(handle)][-1] == "Thank you for telling us."
