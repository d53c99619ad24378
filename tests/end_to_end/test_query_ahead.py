"""A query reaches a new worker before the ticket's own task: the task is not done out of order."""

import asyncio
import sys
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from closeloop.bootstrap import workflow_runner
from closeloop.client import SupportDesk
from closeloop.devserver import DevServer
from closeloop.names import QUERY_TIMELINE, workflow_id
from tests.support.desk import ROOT, build_services
from tests.support.scripted import ScriptedResolver, refund
from tests.support.tickets_process import STICKY_SECONDS, activities_workers, tickets_worker
from tests.workflows.held import HeldResolver
from workflows.ticket import TicketWorkflow


async def test_an_update_after_a_query_is_recorded_in_the_order_of_a_replay(tmp_path: Path) -> None:
    resolver = HeldResolver(ScriptedResolver(refund("#W1001")))
    services = build_services(tmp_path, resolver=resolver)
    async with DevServer(tmp_path / "server", headless=True) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        desk = SupportDesk(client)
        ticket = client.get_workflow_handle(workflow_id("default", "t-1"))
        async with activities_workers(client, services):
            first = await _tickets_process(tmp_path, server.address)
            try:
                await desk.open_ticket(_request(), opened_by="shop-backend")
                await resolver.held.reached()
            finally:
                first.kill()
                await first.wait()
            # The query waits for the dead worker, is handed to the next one, and finds there what
            # the agent has said meanwhile; the ticket's own task is kept for the dead a while more.
            asked = asyncio.create_task(ticket.query(QUERY_TIMELINE))
            await asyncio.sleep(STICKY_SECONDS * 0.75)
            resolver.held.let_go()
            async with tickets_worker(client, services):
                await asked
                await desk.add_message("t-1", "And please hurry.", "m-1")
                await desk.wait("t-1", timeout_seconds=60)
        history = await ticket.fetch_history()
    failed = [
        e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    assert failed, "the query did not come first: this has shown nothing"
    await Replayer(
        workflows=[TicketWorkflow],
        workflow_runner=workflow_runner(),
        data_converter=pydantic_data_converter,
    ).replay_workflow(history)


def _request() -> dict[str, object]:
    return {
        "ticket_id": "t-1",
        "assurance": "confirmed",
        "customer": {"email": "nora.whitfield@example.com"},
        "subject": "Money back",
        "body": "Please refund order #W1001, all of it.",
    }


async def _tickets_process(state_dir: Path, address: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.tickets_process", str(state_dir), address),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process
