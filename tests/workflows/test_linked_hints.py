"""A backend's hint about a closed ticket: a linked one looks, and speaks up only of a loss."""

from closeloop.client import SupportDesk
from closeloop.models.approval import BackendEvent
from closeloop.models.hints import Hinted
from closeloop.models.state import TicketOutcome
from closeloop.models.ticket import Status
from closeloop.names import workflow_id
from tests.support.desk import Handle
from tests.support.scripted import ScriptedResolver, answer, refund
from tests.workflows.play import DAY, NORA, OpenDesk, Play, texts

MUG = "refund:#W1001:all"


async def closed_refund(desk: Play) -> str:
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await handle.result()
    return handle.id.rpartition(":")[2]


async def tell(
    desk: Play, ticket_id: str, event_id: str = "e1", effect_id: str | None = MUG
) -> Hinted:
    event = BackendEvent(event_id=event_id, kind="refund.failed", effect_id=effect_id)
    return await SupportDesk(desk.client).backend_event(ticket_id, event)


def linked(desk: Play, ticket_id: str) -> Handle:
    handle = desk.client.get_workflow_handle(
        workflow_id("default", ticket_id), result_type=TicketOutcome
    )
    desk.opened.append(handle)
    return handle


async def test_a_hint_that_proves_nothing_bothers_nobody(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    first = await closed_refund(desk)
    before = desk.services.records.events("default")
    hinted = await tell(desk, first)
    assert (hinted.outcome, hinted.ticket_id) == ("opened", f"{first}~2")
    handle = linked(desk, f"{first}~2")
    outcome = await handle.result()
    assert (outcome.actions_verified, outcome.refunded) == (0, ())
    assert desk.sent(handle) == ()
    assert desk.cases() == []
    assert desk.services.records.events("default") == before, "nothing of it is counted"
    assert len(desk.closing_notes()) == 1, "the first ticket's"
    view = await desk.view(handle)
    assert (view.status, view.linked, view.actions) == (Status.CLOSED, (first,), ())
    again = await tell(desk, first)
    assert again == hinted, "sent again, it opens nothing"
    assert (await tell(desk, first, "e2")).ticket_id == f"{first}~3"
    await linked(desk, f"{first}~3").result()


async def test_money_that_is_gone_goes_to_a_person_once_and_the_customer_hears_it(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    first = await closed_refund(desk)
    desk.undo_refunds("#W1001")
    await tell(desk, first)
    handle = linked(desk, f"{first}~2")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "effect_undone"
    await desk.eventually(lambda: len(desk.sent(handle)) == 1)
    [word] = desk.sent(handle)
    assert "This does not hold any more: $24.90 refunded for order #W1001" in word.text
    [gone] = (await desk.view(handle)).actions
    assert (gone.state, gone.effect_id) == ("failed", MUG)
    [case] = desk.cases()
    assert "$24.90 refunded" in case["pack"]

    second = await tell(desk, first, "e2")  # refund.updated comes beside refund.failed
    assert (second.outcome, second.ticket_id) == ("delivered", f"{first}~2")
    await desk.noted(handle, "backend hint")
    assert len((await desk.view(handle)).actions) == 1
    await desk.operate(handle, "record_resolution", resolution={"summary": "sent a cheque"})
    await desk.until(handle, Status.RESOLVED)
    await desk.skip(8 * DAY)
    await handle.result()
    assert len(desk.cases()) == 1
    assert len(desk.sent(handle)) == 2

    third = await tell(desk, first, "e3")  # the loss is known: a person has dealt with it
    assert third.ticket_id == f"{first}~3"
    quiet = linked(desk, third.ticket_id)
    await quiet.result()
    assert len(desk.cases()) == 1
    assert desk.sent(quiet) == ()


async def test_a_person_hands_back_what_a_hint_opened(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"), answer("The money came back to us."))
    desk = await open_desk(resolver=resolver)
    first = await closed_refund(desk)
    desk.undo_refunds("#W1001")
    await tell(desk, first)
    handle = linked(desk, f"{first}~2")
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
    await desk.say(handle, "Please send it to my new card.")
    await desk.operate(handle, "hand_back")
    view = await desk.until(handle, Status.RESOLVED)
    assert texts(view)[-1] == "The money came back to us."


async def test_the_ticket_that_a_message_opened_hears_of_the_one_before_it(
    open_desk: OpenDesk,
) -> None:
    resolver = ScriptedResolver(
        refund("#W1001"), answer("Gladly."), answer("We are sorry about that.")
    )
    desk = await open_desk(resolver=resolver)
    first = await closed_refund(desk)
    await SupportDesk(desk.client).add_message(first, "One more question.")
    handle = linked(desk, f"{first}~2")
    await desk.resolved(handle)
    assert (await tell(desk, first)).outcome == "delivered"
    await desk.noted(handle, "backend hint")
    assert texts(await desk.view(handle)) == ["Gladly."]
    desk.undo_refunds("#W1001")
    await tell(desk, first, "e2")
    await desk.noted(handle, "reopened")
    view = await desk.resolved(handle)
    assert texts(view) == ["Gladly.", "We are sorry about that."]
    assert [(a.action_id, a.state) for a in view.actions] == [(f"{first}:p1-a1", "failed")]


async def test_an_effect_that_nobody_recorded_goes_to_a_person(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    first = await closed_refund(desk)
    await tell(desk, first, effect_id="refund:#W1001:shipping")
    view = await desk.until(linked(desk, f"{first}~2"), Status.ESCALATED)
    assert view.escalation is not None
    assert "no such effect on record" in view.escalation.draft.summary
