"""A long ticket continues as new: messages, receipts, requests and deadlines come along."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop.bootstrap import Services
from closeloop.client import SupportDesk
from closeloop.devserver import DevServer
from closeloop.errors import Refused
from closeloop.models.approval import BackendEvent, CustomerMessage, Decision, UpdateReceipt
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView
from closeloop.names import (
    SIGNAL_BACKEND_EVENT,
    SIGNAL_CUSTOMER_MESSAGE,
    UPDATE_ADD_MESSAGE,
    UPDATE_DECIDE,
    parse_workflow_id,
)
from tests.support.desk import Desk, Handle, build_services, running_desk
from tests.support.plain import EchoResolver, PlainResolver
from tests.support.scripted import ScriptedClassifier

EARLY = {"limit.historyCount.suggestContinueAsNew": 120}
"""The server suggests it at 4096 events; a test has less time."""
MESSAGES, WAVE = 100, 10
REQUEST = {
    "ticket_id": "long",
    "assurance": "confirmed",
    "customer": {"email": "samuel.reyes@example.com"},
    "subject": "Money back",
    "body": "Refund order #W1005, all of it.",
}
CLOCK_SLACK = timedelta(seconds=2)


async def test_no_message_is_lost_or_answered_twice(tmp_path: Path) -> None:
    classifier = ScriptedClassifier()
    services = build_services(tmp_path, resolver=EchoResolver(), classifier=classifier)
    async with _desk(tmp_path, services) as desk:
        handle = await desk.open("I have a long story.", email="nora.whitfield@example.com")
        receipts: dict[str, UpdateReceipt] = {}
        for start in range(0, MESSAGES, WAVE):
            for number in range(start, start + WAVE):
                await _deliver(desk, handle, number, receipts)
            await _all_read(desk, handle)
        assert len(receipts) == MESSAGES / 2

        read = [
            int(number)
            for request in classifier.requests
            for text in request.messages
            for number in re.findall(r"part m-(\d+) of", text)
        ]
        assert list(dict.fromkeys(read)) == list(range(MESSAGES)), "each, in the order it came"

        answered = [re.findall(r"have read (\S+)\.", sent.text)[0] for sent in desk.sent(handle)]
        assert len(set(answered)) == len(answered), "nothing is answered twice"
        assert answered == sorted(answered, key=_number), "an answer never looks back"
        assert answered[-1] == _name(MESSAGES - 1), "and the last one is answered"

        assert len(await _runs(desk.client, handle)) >= 3
        await _repeated_in_vain(desk, handle, receipts)


async def test_a_request_its_deadline_and_its_receipt_come_along(tmp_path: Path) -> None:
    services = build_services(tmp_path, resolver=PlainResolver())
    async with _desk(tmp_path, services) as desk:
        door = SupportDesk(desk.client)
        opened = await door.open_ticket(REQUEST, opened_by="shop-backend")
        handle = desk.client.get_workflow_handle(opened.workflow_id)
        before = await _asked(desk, handle)
        assert before.pending_approval is not None
        requested = before.pending_approval.deadline - timedelta(hours=24)

        await _continued(desk, handle)
        after = await desk.view(handle)
        assert after == before
        again = await door.open_ticket(REQUEST)
        assert again.ticket_id == opened.ticket_id
        assert again.status is Status.AWAITING_APPROVAL
        with pytest.raises(Refused, match="another"):
            await door.open_ticket({**REQUEST, "subject": "Something else"})
        reminder = requested + timedelta(hours=4)
        assert abs(await _next_timer(desk, handle) - reminder) < CLOCK_SLACK

        decision = Decision(
            decision_id="d-1",
            request_id=before.pending_approval.request_id,
            binding_hash=before.pending_approval.binding_hash,
            approver="bob",
            approve=True,
        )
        receipt = await _decide(handle, decision)
        assert receipt.accepted
        resolved = await _at_rest(desk, handle)

        await _continued(desk, handle)
        assert await _decide(handle, decision) == receipt
        assert await desk.view(handle) == resolved
        assert resolved.waiting_until is not None
        assert abs(await _next_timer(desk, handle) - resolved.waiting_until) < CLOCK_SLACK
        assert len(desk.refunds("#W1005")) == 1
        assert len(desk.sent(handle)) == 1


@asynccontextmanager
async def _desk(folder: Path, services: Services) -> AsyncIterator[Desk]:
    async with DevServer(folder / "server", headless=True, dynamic_config=EARLY) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        async with running_desk(client, services) as desk:
            yield desk


def _name(number: int) -> str:
    return f"m-{number:03}"


def _number(name: str) -> int:
    """Return where a message stands; the ticket's own body comes before all of them."""
    return int(name.removeprefix("m-")) if name.startswith("m-") else -1


async def _deliver(
    desk: Desk, handle: Handle, number: int, receipts: dict[str, UpdateReceipt]
) -> None:
    """Send a message, by update and by signal in turn; every fifth comes by both ways."""
    name = _name(number)
    text = _text(name)
    if number % 2 == 0:
        _, ticket_id = parse_workflow_id(handle.id)
        receipts[name] = await SupportDesk(desk.client).add_message(ticket_id, text, name)
        assert receipts[name].accepted
    if number % 2 == 1 or number % 5 == 0:
        message = CustomerMessage(message_id=name, text=text)
        await handle.signal(SIGNAL_CUSTOMER_MESSAGE, message)


def _text(name: str) -> str:
    return f"This is part {name} of my story."


async def _all_read(desk: Desk, handle: Handle) -> TicketView:
    """Return the ticket once it has asked its customer, every message read."""
    return await _once(
        desk,
        handle,
        Status.AWAITING_CUSTOMER,
        lambda view: all(m.handled for m in view.messages if m.sender == "customer"),
    )


async def _asked(desk: Desk, handle: Handle) -> TicketView:
    """Return the ticket once its request is published, and the roster known."""
    return await _once(
        desk,
        handle,
        Status.AWAITING_APPROVAL,
        lambda view: view.pending_approval is not None and bool(view.pending_approval.approvers),
    )


async def _at_rest(desk: Desk, handle: Handle) -> TicketView:
    """Return the resolved ticket once it waits: its deadline comes after its status."""
    return await _once(desk, handle, Status.RESOLVED, lambda view: view.waiting_until is not None)


async def _once(
    desk: Desk, handle: Handle, status: Status, ready: Callable[[TicketView], bool]
) -> TicketView:
    for _ in range(600):
        view = await desk.until(handle, status)
        if ready(view):
            return view
        await asyncio.sleep(0.02)
    raise AssertionError(f"{status}, and never as it should be: {view}")


async def _repeated_in_vain(desk: Desk, handle: Handle, receipts: dict[str, UpdateReceipt]) -> None:
    """Send every update again, as what Temporal has not seen in this run."""
    before = await _all_read(desk, handle)
    for name, receipt in receipts.items():
        again = await handle.execute_update(
            UPDATE_ADD_MESSAGE,
            CustomerMessage(message_id=name, text=_text(name)),
            id=uuid.uuid4().hex,
            result_type=UpdateReceipt,
        )
        assert again == receipt
    after = await _all_read(desk, handle)
    assert after.messages == before.messages


async def _decide(handle: Handle, decision: Decision) -> UpdateReceipt:
    return await handle.execute_update(
        UPDATE_DECIDE, decision, id=uuid.uuid4().hex, result_type=UpdateReceipt
    )


async def _continued(desk: Desk, handle: Handle) -> None:
    """Send hints about nothing until the ticket goes on in another run."""
    runs = len(await _runs(desk.client, handle))
    for _ in range(20):
        for _ in range(10):
            event = BackendEvent(event_id=uuid.uuid4().hex, kind="ping")
            await handle.signal(SIGNAL_BACKEND_EVENT, event)
        await desk.view(handle)
        if len(await _runs(desk.client, handle)) > runs:
            return
    raise AssertionError("200 signals, and the ticket has not continued as new")


async def _runs(client: Client, handle: Handle) -> list[WorkflowHistory]:
    """Return the histories of all runs of the ticket, the newest first."""
    runs: list[WorkflowHistory] = []
    run_id = (await handle.describe()).run_id
    while run_id:
        run = client.get_workflow_handle(handle.id, run_id=run_id)
        runs.append(await run.fetch_history())
        started = runs[-1].events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id
    return runs


async def _next_timer(desk: Desk, handle: Handle) -> datetime:
    """Return when the timer of the newest run that was started last goes off."""
    newest = (await _runs(desk.client, handle))[0]
    event = [e for e in newest.events if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED][-1]
    seconds = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
    return event.event_time.ToDatetime(tzinfo=UTC) + seconds
