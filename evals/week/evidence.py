"""What a week left behind, collected as plain JSON: tables, backends, histories, journal.

Nothing here interprets anything; ``evals.week.reader`` does, and reads this alone.
"""

import json
import sqlite3
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import create_engine, inspect, text
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from closeloop.bootstrap import workflow_runner
from workflows.ticket import TicketWorkflow

TABLES: Final = (
    "effects",
    "effect_components",
    "tickets",
    "approvals",
    "decisions",
    "outcome_events",
    "code_challenges",
    "code_attempts",
)
BACKENDS: Final = (
    "transactions",
    "refunds",
    "credits",
    "disputes",
    "notes",
    "escalations",
    "alerts",
    "messages",
    "callbacks",
    "calls",
    "orders",
    "customers",
)


def read_tables(database_url: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the operations database, as the database has them."""
    engine = create_engine(database_url)
    try:
        there = set(inspect(engine).get_table_names())
        with engine.connect() as connection:
            return {
                name: [
                    _plain(row)
                    for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()
                ]
                for name in TABLES
                if name in there
            }
    finally:
        engine.dispose()


def _plain(row: Any) -> dict[str, Any]:
    return {key: _json(key, value) for key, value in dict(row).items()}


def _json(key: str, value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) and key in ("data", "view", "label", "receipt", "action_kinds"):
        return json.loads(value)  # SQLite keeps JSON as text
    return value


def read_backends(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the embedded backends' file."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10) as connection:
        connection.row_factory = sqlite3.Row
        rows = {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY rowid")]
            for name in BACKENDS
        }
    connection.close()
    return rows


async def read_histories(
    client: Client, ids: Sequence[str]
) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Return every ticket's runs as JSON, oldest first, and why a history does not replay."""
    replayer = Replayer(
        workflows=[TicketWorkflow],
        workflow_runner=workflow_runner(),
        data_converter=pydantic_data_converter,
        debug_mode=True,  # a busy machine is no deadlock
    )
    histories: dict[str, list[Any]] = {}
    problems: dict[str, str] = {}
    found = {workflow_id: await _runs(client, workflow_id) for workflow_id in ids}
    for workflow_id, runs in found.items():
        histories[workflow_id] = [json.loads(run.to_json())["events"] for run in runs]
        for run in runs:
            result = await replayer.replay_workflow(run, raise_on_replay_failure=False)
            if result.replay_failure is not None:
                problems[workflow_id] = str(result.replay_failure)[:300]
    return histories, problems


async def _runs(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """Return the histories of a ticket's runs, oldest first, each followed to the one before."""
    found: list[WorkflowHistory] = []
    run_id: str | None = None
    while True:
        history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        found.append(history)
        started = history.events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id
        if not run_id:
            return found[::-1]


async def list_workflows(client: Client) -> list[str]:
    """Return the ids of all tickets that Temporal knows."""
    return sorted({w.id async for w in client.list_workflows("WorkflowType = 'TicketWorkflow'")})
