"""Calls to customers, on the time-skipping server: booked, made, missed, moved, called off."""

from closeloop.models.proposal import Action, Proposal, ProposeRequest
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView
from tests.support.desk import Handle
from tests.support.scripted import (
    ScriptedResolver,
    Step,
    acting,
    answer,
    calling,
    free_times,
)
from tests.workflows.play import MINUTE, NORA, OpenDesk, Play, action, texts
from workflows import notices

ASKS = "Please call me about my order."


async def _booked(desk: Play) -> tuple[Handle, TicketView]:
    """Return a ticket that waits for its call."""
    handle = await desk.open(ASKS, email=NORA)
    return handle, await desk.noted(handle, "replied")


def _states(view: TicketView) -> list[tuple[str, str]]:
    return [(promise.kind, promise.state) for promise in view.commitments]


async def test_a_ticket_waits_for_its_call_and_reads_that_it_was_made(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(calling(2)))
    handle, view = await _booked(desk)
    [call] = desk.booked()
    assert (view.status, view.waiting_for) == (Status.WORKING, "the call")
    assert _states(view) == [("callback", "open")]
    assert call.said in texts(view)[0]
    assert f"{call.starts_at:%Y-%m-%dT%H:%M:%SZ}" == free_times()[2]
    assert view.sla.first_response_at is not None
    desk.called("reached")
    view = await desk.until(handle, Status.RESOLVED, step=10 * MINUTE)
    assert _states(view) == [("callback", "kept")]
    assert texts(view)[-1] == notices.CALLED
    assert (await handle.result()).closure == "verified_quiet"
    kinds = desk.kinds(handle)
    assert kinds.index("callback_booked") < kinds.index("commitment_made")
    assert kinds.index("commitment_made") < kinds.index("callback_reached")
    assert "commitment_missed" not in kinds


async def test_a_hint_has_the_calendar_read_at_once(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(calling(5)))
    handle, view = await _booked(desk)
    await desk.hint(handle, "e-1")  # nobody has called yet
    assert (await desk.view(handle)).status is Status.WORKING
    desk.called("reached")
    await desk.hint(handle, "e-2")
    view = await desk.until(handle, Status.RESOLVED, polls=15)
    assert _states(view) == [("callback", "kept")]
    assert await desk.now() < desk.booked()[0].starts_at


async def test_who_is_not_reached_is_called_again_and_then_a_person_decides(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(calling()))
    handle, _ = await _booked(desk)
    desk.called("not_reached")
    view = await desk.noted(handle, "callback not reached", step=10 * MINUTE)
    await desk.noted(handle, "replied", times=2)
    first, second = desk.booked()
    assert second.starts_at >= first.ends_at
    view = await desk.view(handle)
    assert view.status is Status.WORKING
    assert second.said in texts(view)[-1]
    assert _states(view) == [("callback", "kept"), ("callback", "open")]
    desk.called("not_reached")
    view = await desk.until(handle, Status.ESCALATED, step=10 * MINUTE)
    assert view.escalation is not None
    assert view.escalation.reason == "callback_not_reached"
    assert [state for _, state in _states(view)] == ["kept", "kept"]
    assert len(desk.booked()) == 2


async def test_a_call_that_nobody_made_is_owned_up_to(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(calling()))
    handle, _ = await _booked(desk)
    view = await desk.noted(handle, "promise at risk", step=5 * MINUTE)
    assert await desk.now() >= desk.booked()[0].ends_at
    assert view.status is Status.WORKING
    view = await desk.until(handle, Status.ESCALATED, step=10 * MINUTE)
    await desk.noted(handle, "replied", times=2)
    view = await desk.view(handle)
    assert texts(view)[1:] == [notices.CALL_NOT_MADE]
    assert _states(view) == [("callback", "missed")]
    assert view.classification is not None
    assert view.classification.priority == "urgent"
    assert view.escalation is not None
    assert view.escalation.reason == "call_missed"
    assert action(view).state == "failed"
    kinds = desk.kinds(handle)
    assert kinds.index("commitment_at_risk") < kinds.index("commitment_missed")
    assert any("callback" in alert and "not kept yet" in alert for alert in desk.alerts(handle))


def _moving(slot: int) -> Step:
    def propose(request: ProposeRequest) -> Proposal:
        return _about_the_call(request, "reschedule_callback", {"starts_at": free_times()[slot]})

    return propose


def _off(request: ProposeRequest) -> Proposal:
    return _about_the_call(request, "cancel_callback", {})


def _about_the_call(request: ProposeRequest, kind: str, more: dict[str, str]) -> Proposal:
    receipt = request.done[-1].receipt
    assert receipt is not None
    params = {"customer_id": request.customer_id, "booking_id": receipt.receipt_id, **more}
    step = Action.model_validate({"action_id": "a1", "kind": kind, "params": params})
    return acting(step, text="As you wish: {{1.summary}}.")(request)


async def test_the_customer_moves_the_call(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(calling(), _moving(4)))
    handle, _ = await _booked(desk)
    await desk.say(handle, "Please move the call to a later time.", "m-1")
    await desk.noted(handle, "replied", times=2)
    [call] = desk.booked()
    assert f"{call.starts_at:%Y-%m-%dT%H:%M:%SZ}" == free_times()[4]
    view = await desk.view(handle)
    assert _states(view) == [("callback", "released"), ("callback", "open")]
    assert view.waiting_until is not None
    assert view.waiting_until > call.ends_at
    desk.called("reached")
    await desk.until(handle, Status.RESOLVED, step=10 * MINUTE)


async def test_the_customer_calls_the_call_off(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(calling(), _off))
    handle, _ = await _booked(desk)
    await desk.say(handle, "Please cancel the call.", "m-1")
    view = await desk.until(handle, Status.RESOLVED)
    assert [call.status for call in desk.booked()] == ["cancelled"]
    assert _states(view) == [("callback", "released")]
    assert (await handle.result()).closure == "verified_quiet"


async def test_nobody_is_called_at_night(open_desk: OpenDesk) -> None:
    def at_night(request: ProposeRequest) -> Proposal:
        day = free_times()[-1][:10]
        params = {"customer_id": request.customer_id, "starts_at": f"{day}T07:00:00Z"}
        step = Action.model_validate(
            {"action_id": "a1", "kind": "schedule_callback", "params": params}
        )
        return acting(step)(request)

    resolver = ScriptedResolver(at_night, calling())
    desk = await open_desk(resolver=resolver)
    _, view = await _booked(desk)
    [refused, booked] = view.actions
    assert (refused.state, booked.state) == ("refused", "verified")
    [told] = resolver.requests[1].observations
    assert told.code == "callback.slot"
    assert free_times()[0] in told.message


async def test_a_timeout_books_one_call(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(calling()), faults="calendar.book=timeout_after:x1"
    )
    _, view = await _booked(desk)
    assert action(view).state == "verified"
    assert len(desk.booked()) == 1


async def test_a_call_without_consent_is_asked_for(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(calling(), answer()))
    handle = await desk.open("My order is wrong.", email=NORA)
    await desk.until(handle, Status.AWAITING_APPROVAL, Status.AWAITING_CUSTOMER)
    assert desk.booked() == []
