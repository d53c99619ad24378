"""How the tickets of the replay corpus are played: customers, approvers and people, to the end."""

import asyncio
import re
from datetime import timedelta
from typing import Final

import pytest
from temporalio.client import WorkflowFailureError

from closeloop.client import SupportDesk
from closeloop.models.approval import BackendEvent, CustomerMessage, Decision
from closeloop.models.base import Money
from closeloop.models.state import TicketOutcome
from closeloop.models.ticket import Status
from closeloop.names import (
    SIGNAL_BACKEND_EVENT,
    SIGNAL_CUSTOMER_MESSAGE,
    SIGNAL_SUBMIT_DECISION,
    parse_workflow_id,
    workflow_id,
)
from tests.support.desk import Handle
from tests.workflows.play import DAY, HOUR, Play

PARTS: Final = 8


async def quiet(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    assert (await handle.result()).closure == "verified_quiet"


async def confirmed(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    await desk.say(handle, "Yes, thank you! 5/5", "m-1")
    assert (await handle.result()).closure == "confirmed"


async def approved(desk: Play, handle: Handle) -> None:
    await asked(desk, handle)
    await desk.decide(handle, "bob", approve=True)
    await quiet(desk, handle)


async def models_out_and_back(desk: Play, handle: Handle) -> None:
    await asked(desk, handle)
    assert "offline ones stand in" in (await desk.view(handle)).mode_reasons[0]
    await desk.say(handle, "Refund all of order #W1001, I said.", "m-1")
    await desk.noted(handle, "models back")
    await quiet(desk, handle)
    assert (await desk.view(handle)).cost.usd_micros == 4 * 1800


async def revised(desk: Play, handle: Handle) -> None:
    await asked(desk, handle)
    words = "half of it is enough"
    await desk.decide(handle, "bob", approve=False, reason="wrong_amount", words=words)
    await desk.noted(handle, "approval asked", times=2)
    await asked(desk, handle)
    edit = {"actions": [{"action_id": "p2-a1", "amount_minor": 7000}]}
    await desk.decide(handle, "bob", approve=True, edit=edit)
    await quiet(desk, handle)
    [made] = desk.refunds("#W1005")
    assert made.amount.amount_minor == 7000


async def by_two_people(desk: Play, handle: Handle) -> None:
    await asked(desk, handle)
    await desk.operate(handle, "claim", "alice")
    await desk.noted(handle, "replied")
    await desk.decide(handle, "alice", approve=False, ask="Which part of it is broken?")
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "All of it: refund order #W1005.", "m-1")
    await desk.noted(handle, "approval asked", times=2)
    await asked(desk, handle)
    await desk.skip(2 * HOUR)
    await desk.noted(handle, "asked higher")
    await desk.operate(handle, "claim", "bob")
    await desk.noted(handle, "claimed", times=2)
    edit = {"actions": [{"action_id": "p2-a1", "amount_minor": 14000}]}
    await desk.decide(handle, "bob", approve=True, edit=edit)
    await desk.noted(handle, "approved once")
    await desk.decide(handle, "carol", approve=True)
    await quiet(desk, handle)
    [made] = desk.refunds("#W1005")
    assert made.amount.amount_minor == 14000


async def shadowed(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.ESCALATED)
    await queued(desk, handle)
    desk.services.backends.payments.refund(
        "default", "manual-1", "#W1005", Money(amount_minor=14550)
    )
    await desk.operate(handle, "record_resolution", resolution={"summary": "refunded by hand"})
    await quiet(desk, handle)
    assert desk.sent(handle) == ()


async def queued(desk: Play, handle: Handle) -> None:
    await desk.eventually(lambda: desk.stands(handle) is Status.ESCALATED)


async def expired(desk: Play, handle: Handle) -> None:
    await asked(desk, handle)
    await desk.skip(5 * HOUR)
    await desk.noted(handle, "reminded")
    await desk.skip(DAY)
    await with_person(desk, handle)
    await desk.skip(25 * HOUR)  # the queue is reminded
    await desk.say(handle, "Is anybody there?", "m-1")
    made = desk.services.backends.payments.refund(
        "default", "manual-1", "#W1005", Money(amount_minor=14550)
    )
    assert made.status == "succeeded"
    resolution = {
        "summary": "refunded by hand",
        "effects": [{"kind": "refund_payment", "params": {"order_id": "#W1005"}}],
        "reply": "We have sent you the money.",
    }
    await desk.operate(handle, "record_resolution", resolution=resolution)
    await quiet(desk, handle)


async def unknown(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.ESCALATED, polls=3000, step=timedelta(seconds=30))
    await with_person(desk, handle)
    view = await desk.view(handle)
    assert view.actions[0].state == "unknown"
    await desk.operate(handle, "record_resolution", resolution={"summary": "it had arrived"})
    await desk.until(handle, Status.RESOLVED)
    await handle.result()
    assert len(desk.refunds("#W1001")) == 1


async def confirmed_later(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    await desk.skip(2 * DAY)
    await desk.say(handle, "Yes, thank you!", "m-2")
    assert (await handle.result()).closure == "confirmed"


async def answered(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "Refund order #W1001, all of it.", "m-1")
    await quiet(desk, handle)


async def reopened(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    await desk.say(handle, "It is still broken.", "m-1")
    await desk.noted(handle, "replied", times=2)
    await confirmed_later(desk, handle)


async def by_signals(desk: Play, handle: Handle) -> None:
    request = await asked(desk, handle)
    stale = request.model_copy(update={"request_id": "another", "decision_id": "d-0"})
    await handle.signal(SIGNAL_SUBMIT_DECISION, stale)
    await desk.noted(handle, "ignored")
    await handle.signal(SIGNAL_SUBMIT_DECISION, request)
    view = await desk.until(handle, Status.RESOLVED)
    event = BackendEvent(event_id="e-1", kind="refund.updated", effect_id=view.actions[0].effect_id)
    await handle.signal(SIGNAL_BACKEND_EVENT, event)
    await desk.noted(handle, "read back")
    yes = CustomerMessage(message_id="m-1", text="Yes, solved.")
    await handle.signal(SIGNAL_CUSTOMER_MESSAGE, yes)
    assert (await handle.result()).closure == "confirmed"


async def interrupted(desk: Play, handle: Handle) -> None:
    """A message during an approval makes the request stale; a take-over ends the second one."""
    await asked(desk, handle)
    await desk.say(handle, "Refund order #W1005, and tell me when.", "m-1")
    await desk.noted(handle, "approval asked", times=2)
    await asked(desk, handle)
    await desk.operate(handle, "take_over")
    await with_person(desk, handle)
    await desk.operate(handle, "record_resolution", resolution={"summary": "spoke on the phone"})
    await desk.until(handle, Status.RESOLVED)
    await handle.result()


async def lowered(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.operate(handle, "lower_mode", mode="assisted")
    await desk.say(handle, "Refund order #W1001, all of it.", "m-1")
    await approved(desk, handle)


async def cancelled(desk: Play, handle: Handle) -> None:
    await asked(desk, handle)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()


async def long(desk: Play, handle: Handle) -> None:
    """A story in many parts, over more than one run."""
    for part in range(1, PARTS):
        await desk.until(handle, Status.AWAITING_CUSTOMER)
        await desk.noted(handle, "replied", times=part)
        await desk.say(handle, f"This is part {part} of my story.", f"m-{part}")
    await desk.noted(handle, "replied", times=PARTS)
    await handle.result()


async def taken_back(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "Then leave it as it is.", "m-1")
    view = await desk.until(handle, Status.RESOLVED)
    assert [action.state for action in view.actions] == ["compensated", "failed"]
    await handle.result()


async def undone(desk: Play, handle: Handle) -> None:
    """After the close the money comes back; a person deals with it on the linked ticket."""
    await desk.until(handle, Status.RESOLVED)
    await handle.result()
    desk.undo_refunds("#W1001")
    event = BackendEvent(event_id="e-1", kind="refund.failed", effect_id="refund:#W1001:all")
    ticket_id = parse_workflow_id(handle.id)[1]
    hinted = await SupportDesk(desk.client).backend_event(ticket_id, event)
    linked: Handle = desk.client.get_workflow_handle(
        workflow_id("default", hinted.ticket_id), result_type=TicketOutcome
    )
    await with_person(desk, linked)
    await desk.operate(linked, "record_resolution", resolution={"summary": "sent a cheque"})
    await desk.until(linked, Status.RESOLVED)
    await desk.skip(8 * DAY)
    await linked.result()


async def asked(desk: Play, handle: Handle) -> Decision:
    """Wait until a request is out, and return an approval of it."""
    await desk.until(handle, Status.AWAITING_APPROVAL)
    for _ in range(300):
        pending = await desk.pending(handle)
        if pending is not None and pending.approvers:
            break
        await asyncio.sleep(0.02)
    decision = await desk.decision(handle, "bob", approve=True)
    return decision.model_copy(update={"decision_id": "d-1"})


async def late(desk: Play, handle: Handle) -> None:
    """Nobody answers for longer than any target."""
    await with_person(desk, handle)
    await desk.skip(3 * DAY)
    await desk.eventually(lambda: len(desk.events(handle, "sla_breached")) == 2)
    await phoned(desk, handle)


async def phoned(desk: Play, handle: Handle) -> None:
    resolution = {"summary": "phoned", "reply": "We have called you, and it is solved."}
    await desk.operate(handle, "record_resolution", resolution=resolution)
    await desk.until(handle, Status.RESOLVED)
    await handle.result()


async def paused(desk: Play, handle: Handle) -> None:
    """The customer takes days to answer, and then waits for hours."""
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.skip(3 * DAY)
    assert desk.events(handle, "sla_at_risk") == []
    await desk.say(handle, "Refund order #W1001, all of it.", "m-1")
    await with_person(desk, handle)
    await desk.skip(7 * HOUR)
    await desk.eventually(lambda: len(desk.events(handle, "sla_at_risk")) == 1)
    await desk.operate(handle, "hand_back")
    await confirmed_later(desk, handle)


def newest_code(desk: Play, handle: Handle) -> str:
    """Return the newest code that was sent to the contact on file."""
    found = [re.search(r"\d{4} \d{4}", mail.text) for mail in desk.sent(handle)]
    return [one[0] for one in found if one is not None][-1]


async def by_code(desk: Play, handle: Handle) -> None:
    """A wrong code, one that came too late, and the right one."""
    await desk.noted(handle, "replied")
    late = newest_code(desk, handle)
    await desk.say(handle, f"{(int(late.replace(' ', '')) + 1) % 10**8:08d}", "m-1")
    await desk.noted(handle, "replied", times=2)
    await desk.skip(DAY)
    await desk.say(handle, late, "m-2")
    await desk.noted(handle, "replied", times=3)
    await desk.say(
        handle, f"My code is {newest_code(desk, handle)}. I am glad to hear from you!", "m-3"
    )
    await quiet(desk, handle)


async def locked_out(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "replied")
    code = int(newest_code(desk, handle).replace(" ", ""))
    wrong = ", ".join(f"{(code + n) % 10**8:08d}" for n in range(1, 6))
    await desk.say(handle, wrong, "m-1")
    await with_person(desk, handle)
    await phoned(desk, handle)


async def agreed(desk: Play, handle: Handle) -> None:
    """A no to all of it, then a yes to part of it."""
    await desk.noted(handle, "consent asked")
    await desk.say(handle, "No, thanks.", "m-1")
    await desk.noted(handle, "replied", times=2)
    await desk.say(handle, "Something smaller, then.", "m-2")
    await desk.noted(handle, "consent asked", times=2)
    await desk.say(handle, "Yes, please do.", "m-3")
    await asked(desk, handle)
    await desk.decide(handle, "bob", approve=True)
    await quiet(desk, handle)


async def with_person(desk: Play, handle: Handle) -> None:
    """Wait until the ticket is with people, and they have been told."""
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
