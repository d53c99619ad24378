"""Recorded tickets replay on the code as it is: a change that breaks an open ticket fails here.

A failing history is not recorded again (see ``record.py``): the change goes behind
``workflow.patched``, unless nothing was released yet.
"""

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from closeloop.bootstrap import workflow_runner
from closeloop.models.state import Phase, TicketOutcome, TicketStart
from closeloop.names import TICKET_WORKFLOW, knowledge_sync_id
from tests.replay.record import HISTORIES, IDENTITY, SYNC, recorded
from tests.replay.scenarios import SCENARIOS
from workflows.knowledge_sync import KnowledgeSyncWorkflow
from workflows.ticket import TicketWorkflow

CORPUS = sorted(HISTORIES.glob("*.json"))
TICKETS = [path for path in CORPUS if path not in recorded(SYNC)]
MAX_BYTES = 200_000
"""The corpus is kept for ever, and cloned by everybody."""

every_history = pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)


def replayer(kind: type = TicketWorkflow, runner: WorkflowRunner | None = None) -> Replayer:
    return Replayer(
        workflows=[kind, KnowledgeSyncWorkflow],
        workflow_runner=runner or workflow_runner(),
        data_converter=pydantic_data_converter,
    )


def history(path: Path) -> WorkflowHistory:
    name = path.stem.partition(".")[0]
    ticket = f"ticket:default:replay-{name}"
    workflow_id = knowledge_sync_id("default") if name == SYNC else ticket
    return WorkflowHistory.from_json(workflow_id, path.read_text())


@every_history
async def test_a_recorded_workflow_replays(path: Path) -> None:
    await replayer().replay_workflow(history(path))


def test_every_scenario_is_recorded_and_no_other() -> None:
    assert {scenario.name for scenario in SCENARIOS if not recorded(scenario.name)} == set()
    assert {path.stem.partition(".")[0] for path in TICKETS} == {s.name for s in SCENARIOS}
    assert len(recorded(SYNC)) == 1
    assert len(recorded("continued-as-new")) >= 2


visited: set[Phase] = set()


@workflow.defn(name=TICKET_WORKFLOW)
class Watched(TicketWorkflow):
    """The workflow as it is, which also says through which phases it goes."""

    @workflow.init
    def __init__(self, start: TicketStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: TicketStart) -> TicketOutcome:
        return await super().run(start)

    async def _step(self) -> None:
        visited.add(self._state.phase)
        await super()._step()
        visited.add(self._state.phase)


async def test_the_corpus_goes_through_every_phase() -> None:
    visited.clear()
    for path in TICKETS:
        await replayer(Watched, UnsandboxedWorkflowRunner()).replay_workflow(history(path))
    assert visited == set(Phase)


@workflow.defn(name=TICKET_WORKFLOW)
class Changed(TicketWorkflow):
    """The workflow with one more activity in it, as a careless change would bring."""

    @workflow.init
    def __init__(self, start: TicketStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: TicketStart) -> TicketOutcome:
        return await super().run(start)

    async def _answer(self) -> None:
        await workflow.execute_activity(
            "check_spelling", start_to_close_timeout=timedelta(seconds=5)
        )
        await super()._answer()


async def test_a_change_that_breaks_open_tickets_is_caught() -> None:
    [path] = recorded("plain-refund")
    with pytest.raises(workflow.NondeterminismError):
        await replayer(Changed, UnsandboxedWorkflowRunner()).replay_workflow(history(path))


@every_history
def test_a_history_is_small_and_names_nobody(path: Path) -> None:
    assert path.stat().st_size < MAX_BYTES
    written = path.read_text()
    plain = re.sub(r'"data":"[^"]*"', "", written)
    text = "\n".join([plain, *_payloads(json.loads(written))])
    hosts = set(re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", text))
    assert {host for host in hosts if not host.endswith("example.com")} == set()
    assert not re.search(r"(?<![\w.])/(?:home|root|Users|tmp|work|usr)/", text), "a path"
    identities = set(re.findall(r'"identity":"([^"]*)"', text))
    assert identities <= {IDENTITY, "", "history-service"}


def _payloads(value: Any) -> Iterator[str]:
    """Return the texts of all payloads in a history's JSON."""
    match value:
        case {"data": str(data), "metadata": _}:
            yield base64.b64decode(data).decode()
        case dict():
            for item in value.values():
                yield from _payloads(item)
        case list():
            for item in value:
                yield from _payloads(item)
        case _:
            pass
