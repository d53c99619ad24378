"""Record the replay corpus: ``make record``, or ``python -m tests.replay.record [NAME ...]``.

Every scenario of ``scenarios.py`` is played on a real Temporal server, and each run of its ticket
is written to ``histories/NAME.json`` (``NAME.1.json``, ``NAME.2.json``, ... for a ticket that
continued as new); ``knowledge-sync.json`` is a sync's. A history that is there already is not
recorded again unless it is named.

The rule. Until the first release the corpus may be recorded anew whenever the workflow changes:
delete ``histories/*.json`` first. After it, a released history is what open tickets look like: it
stays as it is, and a change that it does not survive goes behind ``workflow.patched("name")``. New
branches add new histories; an old one goes only together with the patch that it covers.
"""

import argparse
import asyncio
import dataclasses
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.testing import WorkflowEnvironment

from closeloop.bootstrap import running_workers
from closeloop.devserver import DevServer
from closeloop.models.sync import SyncKnowledge, SyncReport
from closeloop.names import (
    KNOWLEDGE_SYNC_WORKFLOW,
    TICKETS_QUEUE,
    knowledge_sync_id,
    linked_ticket_id,
)
from tests.replay.material import Scenario
from tests.replay.scenarios import SCENARIOS
from tests.support.desk import build_services, canned_policies, edited_policies
from tests.support.scripted import OutThenBack, ScriptedClassifier, ScriptedResolver
from tests.support.servers import time_skipping
from tests.workflows.play import Play

HISTORIES: Final = Path(__file__).parent / "histories"
IDENTITY: Final = "recorder"
"""In place of process id and host name, which histories would keep for ever."""

DEV_TIME_SCALE: Final = 2e-5
"""On the dev server time does not skip: seven days are 12 seconds."""
EARLY: Final = {"limit.historyCount.suggestContinueAsNew": 120}
"""More than a plain refund has, less than a long conversation."""

SYNC: Final = "knowledge-sync"
"""The one history that is no ticket's: a sync of the example shop's articles."""


def recorded(name: str) -> list[Path]:
    """Return the files of a scenario's runs."""
    return sorted([*HISTORIES.glob(f"{name}.json"), *HISTORIES.glob(f"{name}.[0-9]*.json")])


async def record(scenarios: Sequence[Scenario]) -> None:
    """Play the scenarios one after the other, each on a fresh server; write their histories."""
    HISTORIES.mkdir(exist_ok=True)
    for scenario in scenarios:
        server = _dev_server() if scenario.on_dev_server else time_skipping(IDENTITY)
        with tempfile.TemporaryDirectory() as folder:
            async with server as env:
                _write(scenario.name, await _play(scenario, env, Path(folder)))


async def record_sync() -> None:
    """Run a knowledge sync on a fresh server; write its history."""
    with tempfile.TemporaryDirectory() as folder:
        async with time_skipping(IDENTITY) as env:
            services = build_services(Path(folder), resolver=ScriptedResolver())
            async with running_workers(env.client, services):
                handle = await env.client.start_workflow(
                    KNOWLEDGE_SYNC_WORKFLOW,
                    SyncKnowledge(tenant="default"),
                    id=knowledge_sync_id("default"),
                    task_queue=TICKETS_QUEUE,
                    result_type=SyncReport,
                )
                await handle.result()
                _write(SYNC, await _runs(env.client, handle.id))
            services.engine.dispose()
            services.backends.close()


@asynccontextmanager
async def _dev_server() -> AsyncIterator[WorkflowEnvironment]:
    with tempfile.TemporaryDirectory() as folder:
        async with DevServer(Path(folder), headless=True, dynamic_config=EARLY) as server:
            client = await Client.connect(
                server.address, data_converter=pydantic_data_converter, identity=IDENTITY
            )
            yield WorkflowEnvironment.from_client(client)


async def _play(scenario: Scenario, env: WorkflowEnvironment, folder: Path) -> list[dict[str, Any]]:
    """Play one scenario to its end, and return the histories of its runs, oldest first."""
    policies = canned_policies(folder)
    for file, old, new in scenario.edits:
        edited_policies(folder, file, (old, new))
    if scenario.routing:
        (policies / "routing.toml").write_text(scenario.routing)
    services = build_services(
        folder,
        resolver=ScriptedResolver(*scenario.steps),
        classifier=ScriptedClassifier(
            by_word=dict(scenario.by_word),
            topics_by_word=dict(scenario.topics_by_word),
            sentiment=scenario.sentiment,
        ),
        faults=scenario.faults,
        policies=policies,
        time_scale=DEV_TIME_SCALE if scenario.on_dev_server else 1.0,
    )
    if scenario.models_out:
        services = dataclasses.replace(services, team=OutThenBack(services).team())
    try:
        async with running_workers(env.client, services):
            desk = Play(env, services)
            handle = await desk.open(
                scenario.body,
                email=scenario.email,
                ticket_id=f"replay-{scenario.name}",
                assurance=scenario.assurance,
            )
            await scenario.play(desk, handle)
            name = linked_ticket_id(handle.id) if scenario.follow_up else handle.id
            return await _runs(env.client, name)
    finally:
        services.engine.dispose()
        services.backends.close()


async def _runs(client: Client, name: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    run_id = (await client.get_workflow_handle(name).describe()).run_id
    while run_id:
        history = await client.get_workflow_handle(name, run_id=run_id).fetch_history()
        runs.insert(0, _scrubbed(history))
        started = history.events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id
    return runs


def _scrubbed(history: WorkflowHistory) -> dict[str, Any]:
    """Return the history without stack traces, which name this machine's files."""

    def without_traces(value: Any) -> Any:
        match value:
            case dict():
                return {k: without_traces(v) for k, v in value.items() if k != "stackTrace"}
            case list():
                return [without_traces(item) for item in value]
            case _:
                return value

    return without_traces(json.loads(history.to_json()))


def _write(name: str, runs: Sequence[dict[str, Any]]) -> None:
    for old in recorded(name):
        old.unlink()
    for number, run in enumerate(runs, start=1):
        path = HISTORIES / (f"{name}.{number}.json" if len(runs) > 1 else f"{name}.json")
        path.write_text(json.dumps(run, separators=(",", ":")) + "\n")
        size = path.stat().st_size / 1024
        sys.stdout.write(f"{path.name}: {len(run['events'])} events, {size:.0f} kB\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Record histories for the replay tests.")
    names = [*(scenario.name for scenario in SCENARIOS), SYNC]
    parser.add_argument("name", nargs="*", help=f"record these, anew: {', '.join(names)}")
    wanted = parser.parse_args().name or [name for name in names if not recorded(name)]
    if unknown := set(wanted) - set(names):
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}")
    if not wanted:
        sys.stdout.write("every scenario is recorded; name those that are to be recorded anew\n")
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    asyncio.run(record([scenario for scenario in SCENARIOS if scenario.name in wanted]))
    if SYNC in wanted:
        asyncio.run(record_sync())


if __name__ == "__main__":
    main()
