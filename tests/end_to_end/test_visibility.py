"""What operators see in Temporal: current search attributes, summaries, details, no secrets."""

import asyncio
import time
from datetime import datetime, timedelta
from pathlib import Path

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecution
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import PayloadConverter

from closeloop.client import SupportDesk
from closeloop.devserver import DevServer
from closeloop.models.ticket import Assurance
from closeloop.names import SEARCH_ATTRIBUTES, TICKET_WORKFLOW, parse_workflow_id, workflow_id
from closeloop.search_attributes import search_attribute_types
from tests.support.desk import build_services, edited_policies, running_desk
from tests.support.plain import PlainResolver
from tests.support.scripted import ScriptedClassifier

NOT_SEEN_BY_ALL = ("example.com", "nora", "Whitfield", "samuel", "stone mug with the crack")
"""Of the customers and their words: attributes, memos and summaries are not encrypted."""
SHORT_WINDOW = (
    ('quiet_window = "7d"', 'quiet_window = "1s"'),
    ('reopen_window = "7d"', 'reopen_window = "1s"'),
)
MOST_UPSERTS = 6
"""Of a ticket that asks, works again and is approved, resolved and closed: one at each stop."""
SUMMARISED = (EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, EventType.EVENT_TYPE_TIMER_STARTED)


async def test_operators_see_where_every_ticket_stands(tmp_path: Path) -> None:
    services = build_services(
        tmp_path,
        resolver=PlainResolver(),
        classifier=ScriptedClassifier(by_word={"human": "speak_to_person"}),
        policies=edited_policies(tmp_path, "desk.toml", *SHORT_WINDOW),
    )
    async with DevServer(tmp_path / "server", headless=True) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        assert await search_attribute_types(client) == SEARCH_ATTRIBUTES
        async with running_desk(client, services):
            ours, theirs = SupportDesk(client), SupportDesk(client, tenant="acme")
            await _open(ours, "approval", "samuel.reyes", "Refund order #W1005, all of it.")
            await _open(ours, "question", "nora.whitfield", "My stone mug with the crack, again.")
            await _open(theirs, "person", "ines.okafor", "Let me speak to a human.")
            await asyncio.gather(
                ours.wait("approval"), ours.wait("question"), theirs.wait("person")
            )
            await _listed(client, "TicketStatus = 'awaiting_approval'", {"approval"})
            await _listed(client, "AwaitingApproval = true", {"approval"})
            await _listed(client, "AwaitingApproval = false", {"question", "person"})
            await _listed(client, "Tenant = 'acme'", {"person"})
            await _listed(client, "EscalationReason = 'customer_asked'", {"person"})
            await _listed(client, "TicketStatus = 'awaiting_customer'", {"question"})
            await _listed(client, "AutonomyMode = 'assisted'", {"approval"})
            await _listed(client, "SlaDueAt < '2000-01-01T00:00:00Z'", set())
            counted = await client.count_workflows("Tenant = 'default'")
            assert counted.count == 2

            pending = (await ours.get_ticket("approval")).pending_approval
            assert pending is not None
            await ours.decide("approval", pending.request_id, "bob", True)
            await ours.add_message("question", "Refund order #W1001, all of it.")
            ended = await _listed(client, "TicketStatus = 'closed'", {"approval", "question"})
            for execution in ended:
                await _final_values(execution)
                await _nothing_personal(execution)
                await _summaries(client, execution)
            await _texts(client)


def _ours(execution: WorkflowExecution) -> dict[str, object]:
    """Return our attributes; the server adds some of its own."""
    pairs = execution.typed_search_attributes
    return {pair.key.name: pair.value for pair in pairs if pair.key.name in SEARCH_ATTRIBUTES}


async def _listed(client: Client, condition: str, tickets: set[str]) -> list[WorkflowExecution]:
    """Return what visibility lists, once it lists just these: it is a moment late."""
    query = f"WorkflowType = '{TICKET_WORKFLOW}' AND {condition}"
    deadline = time.monotonic() + 20
    while True:
        found = [execution async for execution in client.list_workflows(query)]
        listed = {parse_workflow_id(execution.id)[1] for execution in found}
        if listed == tickets:
            return found
        assert time.monotonic() < deadline, f"{condition}: {listed}, not {tickets}"
        await asyncio.sleep(0.1)


async def _final_values(execution: WorkflowExecution) -> None:
    """Check every attribute's last value, and that its type is the one promised."""
    values = _ours(execution)
    due = values.pop("SlaDueAt")
    assert isinstance(due, datetime)
    # A day's worth of open hours: a weekend, and holidays beside it, may lie between.
    assert timedelta(hours=23) < due - execution.start_time <= timedelta(days=6)
    _, ticket_id = parse_workflow_id(execution.id)
    assert values == {
        "TicketStatus": "closed",
        "TicketIntent": "refund_request",
        "TicketPriority": "normal",
        "AutonomyMode": "assisted" if ticket_id == "approval" else "autonomous",
        "Tenant": "default",
        "AwaitingApproval": False,
        "SlaBreached": False,
    }


async def _nothing_personal(execution: WorkflowExecution) -> None:
    info = execution.raw_info
    open_to_all = f"{info.execution} {info.memo} {info.search_attributes} {info.task_queue}"
    for words in NOT_SEEN_BY_ALL:
        assert words not in open_to_all


async def _summaries(client: Client, execution: WorkflowExecution) -> None:
    """Check that every activity and wait says what it is for, and says nothing personal."""
    history = await client.get_workflow_handle(execution.id).fetch_history()
    upserts = 0
    for event in history.events:
        kind = EventType.Name(event.event_type)
        upserts += kind == "EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"
        local = event.marker_recorded_event_attributes.marker_name == "core_local_activity"
        if event.event_type not in SUMMARISED and not local:
            continue
        summary = _text(event.user_metadata.summary)
        assert summary, f"{execution.id}: event {event.event_id}, {kind}"
        assert not any(words in summary for words in NOT_SEEN_BY_ALL), summary
    assert 0 < upserts <= MOST_UPSERTS, "at stops only"


async def _texts(client: Client) -> None:
    """Check what the Web UI shows of a ticket that is with a person."""
    handle = client.get_workflow_handle(workflow_id("acme", "person"))
    description = await handle.describe()
    assert await description.static_summary() == "Ticket person (api)"
    details = await description.static_details()
    assert details is not None
    assert "`acme`" in details
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert "escalated" in metadata.current_details
    assert "customer\\_asked" in metadata.current_details


def _text(payload: Payload) -> str:
    return PayloadConverter.default.from_payload(payload, str) if payload.data else ""


async def _open(desk: SupportDesk, ticket_id: str, who: str, body: str) -> None:
    await desk.open_ticket(
        {
            "ticket_id": ticket_id,
            "assurance": Assurance.CONFIRMED,
            "customer": {"email": f"{who}@example.com"},
            "subject": "Help",
            "body": body,
        },
        opened_by="shop-backend",
    )
