"""Tickets as Temporal keeps them: starting, reading back what one was opened with, listing."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
)
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from closeloop import calls, intake
from closeloop.errors import NotFound, Refused, Unavailable
from closeloop.models.approval import BackendEvent
from closeloop.models.base import Wire
from closeloop.models.hints import Hinted
from closeloop.models.state import TicketStart
from closeloop.models.ticket import Mode, Status
from closeloop.models.view import TicketSummary, TicketView
from closeloop.names import (
    MEMO_CONTENT_HASH,
    MEMO_OPENING_MESSAGE,
    QUERY_TICKET,
    SIGNAL_BACKEND_EVENT,
    TICKET_WORKFLOW,
    TICKETS_QUEUE,
    linked_ticket_id,
    parse_workflow_id,
    workflow_id,
)

MAX_LISTED: Final = 1000
MAX_LINKS: Final = 100
"""How many tickets may follow one another."""

_STATUS: Final = SearchAttributeKey.for_keyword("TicketStatus")
_TENANT: Final = SearchAttributeKey.for_keyword("Tenant")
_MODE: Final = SearchAttributeKey.for_keyword("AutonomyMode")
_INTENT: Final = SearchAttributeKey.for_keyword("TicketIntent")
_PRIORITY: Final = SearchAttributeKey.for_keyword("TicketPriority")
_AWAITING_APPROVAL: Final = SearchAttributeKey.for_bool("AwaitingApproval")
_SLA_BREACHED: Final = SearchAttributeKey.for_bool("SlaBreached")


STOPS: Final = frozenset(
    {
        Status.AWAITING_APPROVAL,
        Status.AWAITING_CUSTOMER,
        Status.ESCALATED,
        Status.RESOLVED,
        Status.CLOSED,
    }
)
"""Where a ticket does nothing more by itself for now."""

_UNTOUCHED_EVENTS: Final = 2
"""Events of a history that no worker has touched: started, first task scheduled."""
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 2.0


TASK_TIMEOUT: Final = timedelta(seconds=5)
"""After a worker's death its workflow tasks wait this long; a task takes milliseconds."""


class Opened(Wire):
    """Where an opened ticket lives; ``status`` tells a new one from one that was there already."""

    ticket_id: str
    workflow_id: str
    run_id: str
    status: Status


async def start(
    client: Client, opening: TicketStart, *, opening_message: str | None = None
) -> WorkflowExecutionDescription:
    """Start the ticket's workflow, or find the one that has its id, open or closed.

    ``opening_message`` is the hash of the message that opens a linked ticket. Nothing given here
    but the input is encrypted: no personal data in it.
    """
    ticket = opening.ticket
    memo = {MEMO_CONTENT_HASH: ticket.content_hash()}
    if opening_message is not None:
        memo[MEMO_OPENING_MESSAGE] = opening_message
    try:
        # A closed one is found below.
        with suppress(WorkflowAlreadyStartedError):
            await client.start_workflow(
                TICKET_WORKFLOW,
                opening,
                id=workflow_id(ticket.tenant, ticket.ticket_id),
                task_queue=TICKETS_QUEUE,
                task_timeout=TASK_TIMEOUT,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                memo=memo,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(_STATUS, Status.NEW.value),
                        SearchAttributePair(_TENANT, ticket.tenant),
                        SearchAttributePair(_AWAITING_APPROVAL, False),
                        SearchAttributePair(_SLA_BREACHED, False),
                    ]
                ),
                static_summary=f"Ticket {ticket.ticket_id} ({ticket.channel})",
                static_details=_details(opening),
                priority=Priority(fairness_key=ticket.tenant),
                rpc_timeout=calls.RPC_TIMEOUT,
            )
    except RPCError as error:
        raise calls.in_our_words(error) from error
    handle = client.get_workflow_handle(workflow_id(ticket.tenant, ticket.ticket_id))
    description = await calls.describe(handle)
    if description is None:
        raise calls.missing(handle)
    return description


def opened(description: WorkflowExecutionDescription) -> Opened:
    """Return where the ticket lives."""
    _, ticket_id = parse_workflow_id(description.id)
    return Opened(
        ticket_id=ticket_id,
        workflow_id=description.id,
        run_id=description.run_id,
        status=status_of(description),
    )


async def memo(execution: WorkflowExecution, key: str) -> str | None:
    """Return a word of the memo that ``start`` wrote."""
    value: str | None = await execution.memo_value(key, None, type_hint=str)
    return value


def status_of(execution: WorkflowExecution) -> Status:
    """Return the ticket's status; whatever has ended is closed, however it ended."""
    if execution.status is not WorkflowExecutionStatus.RUNNING:
        return Status.CLOSED
    return Status(execution.typed_search_attributes.get(_STATUS) or Status.NEW)


async def opening_of(client: Client, closed_workflow_id: str) -> TicketStart:
    """Return the input of a workflow's newest run: its ticket, and the state it was continued with.

    Raises:
        NotFound: the namespace no longer has its history.
    """
    events = client.get_workflow_handle(closed_workflow_id).fetch_history_events(
        page_size=1, rpc_timeout=calls.RPC_TIMEOUT
    )
    try:
        first = await anext(events, None)
    except RPCError as error:
        raise calls.in_our_words(error) from error
    if first is None:
        raise NotFound(f"{closed_workflow_id} has no history any more", field="ticket_id")
    converter = client.data_converter.with_context(
        WorkflowSerializationContext(namespace=client.namespace, workflow_id=closed_workflow_id)
    )
    payloads = first.workflow_execution_started_event_attributes.input.payloads
    opening: TicketStart = (await converter.decode(payloads, [TicketStart]))[0]
    return opening


async def hint(
    client: Client, tenant: str, ticket_id: str, event: BackendEvent, *, opened_by: str | None
) -> Hinted:
    """Signal a backend's hint to the ticket; a known event id changes nothing there.

    Where the ticket is closed, the linked one that follows it is told; where that is closed too, or
    not there yet, another one is opened, which reads back what the hint is about.

    Raises:
        Unavailable, ConfigurationError: the server did not take it: let the backend send it again.
        Refused: there are too many linked tickets (``too_many_links``).
    """
    told, current, closed = event, ticket_id, None
    digest = intake.event_digest(event.event_id)
    for _ in range(MAX_LINKS):
        handle = client.get_workflow_handle(workflow_id(tenant, current))
        hinted = Hinted(ticket_id=current, event_id=event.event_id, outcome="delivered")
        description = await calls.describe(handle)
        if description is None and closed is None:
            return hinted.model_copy(update={"outcome": "no_ticket"})
        if description is None and closed is not None:
            ticket = intake.looking_again(closed, told, current, now=datetime.now(UTC))
            opening = TicketStart(
                ticket=ticket, opened_by=opened_by, linked=(closed.ticket_id,), hint=told
            )
            description = await start(client, opening, opening_message=digest)
        assert description is not None
        if await memo(description, MEMO_OPENING_MESSAGE) == digest:
            return hinted.model_copy(update={"outcome": "opened"})
        if description.status is WorkflowExecutionStatus.RUNNING and await _signalled(handle, told):
            return hinted
        closed = (await opening_of(client, handle.id)).ticket
        told = event.model_copy(update={"ticket_id": ticket_id})
        current = linked_ticket_id(current)
    raise Refused(f"ticket {ticket_id} has too many linked tickets", code="too_many_links")


async def _signalled(handle: calls.Handle, event: BackendEvent) -> bool:
    try:
        await handle.signal(SIGNAL_BACKEND_EVENT, event, rpc_timeout=calls.RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # it closed meanwhile
            return False
        raise calls.in_our_words(error) from error
    return True


async def until_at_rest(handle: calls.Handle, *, patience: float, at_most: float | None) -> None:
    """Wait until the ticket does nothing more by itself, for ``at_most`` seconds.

    Raises:
        NotFound: there is no such ticket.
        Unavailable: no worker has picked it up within ``patience`` seconds, or the time is over.
    """
    began = time.monotonic()
    pause = _FIRST_PAUSE
    while True:
        description = await calls.describe(handle)
        if description is None:
            raise calls.missing(handle)
        if status_of(description) in STOPS or await _waits_for_a_call(
            handle, description, patience
        ):
            return
        waited = time.monotonic() - began
        if waited > patience and description.history_length <= _UNTOUCHED_EVENTS:
            raise Unavailable(
                f"no worker has picked the ticket up for {waited:.0f} s; it is kept: start "
                "`python worker.py` on the same Temporal server"
            )
        if at_most is not None and waited > at_most:
            raise Unavailable(f"the ticket was still at work after {waited:.0f} s")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


async def _waits_for_a_call(
    handle: calls.Handle, description: WorkflowExecutionDescription, patience: float
) -> bool:
    """Whether a ticket that is at work, with no activity under way, waits for a promised call."""
    under_way = description.raw_description.pending_activities
    if status_of(description) is not Status.WORKING or under_way:
        return False
    view = await calls.query(handle, QUERY_TICKET, TicketView, patience=patience)
    return view is not None and view.status is Status.WORKING and bool(view.waiting_for)


async def listed(client: Client, tenant: str, status: Status | None) -> list[TicketSummary]:
    """Return the newest tickets that visibility has, without what only the database knows.

    ``tenant`` must be a checked id: it becomes part of a query.
    """
    match status:
        case None:
            state = "ExecutionStatus != 'ContinuedAsNew'"
        case Status.CLOSED:
            state = "ExecutionStatus NOT IN ('Running', 'ContinuedAsNew')"
        case _:
            state = f"ExecutionStatus = 'Running' AND TicketStatus = '{status.value}'"
    query = f"WorkflowType = '{TICKET_WORKFLOW}' AND Tenant = '{tenant}' AND {state}"
    found: dict[str, TicketSummary] = {}
    try:
        async for execution in client.list_workflows(
            query, limit=MAX_LISTED, rpc_timeout=calls.RPC_TIMEOUT
        ):
            row = _summary(execution)
            found.setdefault(row.ticket_id, row)
    except RPCError as error:
        raise calls.in_our_words(error) from error
    return list(found.values())


def completed(
    visible: Sequence[TicketSummary], rows: Sequence[TicketSummary], status: Status | None
) -> list[TicketSummary]:
    """Return what is visible with what the database ``rows`` know of it, newest first.

    Where the two contradict each other on a status, the row is late. Closed tickets that visibility
    lacks are those that the namespace no longer keeps.
    """
    known = {row.ticket_id: row for row in rows}
    found: list[TicketSummary] = []
    for ticket in visible:
        row = known.pop(ticket.ticket_id, None)
        found.append(row.model_copy(update={"status": ticket.status}) if row else ticket)
    if status in (None, Status.CLOSED):
        found.extend(row for row in known.values() if row.status is Status.CLOSED)
    found.sort(key=lambda ticket: ticket.opened_at, reverse=True)
    return found[:MAX_LISTED]


def _summary(execution: WorkflowExecution) -> TicketSummary:
    tenant, ticket_id = parse_workflow_id(execution.id)
    attributes = execution.typed_search_attributes
    return TicketSummary(
        ticket_id=ticket_id,
        tenant=tenant,
        status=status_of(execution),
        mode=Mode(attributes.get(_MODE) or Mode.AUTONOMOUS),
        intent=attributes.get(_INTENT),
        priority=attributes.get(_PRIORITY),
        subject="",
        opened_at=execution.start_time.astimezone(UTC),
    )


def _details(opening: TicketStart) -> str:
    ticket = opening.ticket
    lines = [
        f"- tenant: `{ticket.tenant}`",
        f"- assurance at opening: `{ticket.assurance.value}`",
        f"- received: {ticket.received_at.isoformat(timespec='seconds')}",
    ]
    if opening.linked:
        lines.append(f"- follows: `{', '.join(opening.linked)}`")
    return "\n".join(lines)
