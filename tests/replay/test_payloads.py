"""Payloads of yesterday decode with the models of today, and those of tomorrow do, too."""

import json
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop.bootstrap import build_activities
from closeloop.models.approval import (
    ApprovalRequest,
    BackendEvent,
    CustomerMessage,
    Decision,
    Operation,
    RecordedResolution,
    UpdateReceipt,
)
from closeloop.models.base import Wire
from closeloop.models.state import TicketOutcome, TicketStart, TicketState
from closeloop.models.sync import SyncKnowledge
from closeloop.names import KNOWLEDGE_SYNC_WORKFLOW, TICKET_WORKFLOW
from tests.replay.record import HISTORIES
from tests.support.desk import build_services
from tests.support.scripted import ScriptedResolver, answer

CORPUS = sorted(HISTORIES.glob("*.json"))
STARTED_WITH = {TICKET_WORKFLOW: TicketStart, KNOWLEDGE_SYNC_WORKFLOW: SyncKnowledge}
TOMORROW = "field_of_tomorrow"

Types = dict[str, tuple[type[BaseModel], type[BaseModel]]]


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Types:
    """What each activity takes and gives, by its name."""
    services = build_services(tmp_path_factory.mktemp("desk"), resolver=ScriptedResolver(answer()))
    activities = build_activities(services)
    services.engine.dispose()
    services.backends.close()
    return dict(_signature(method) for method in (*activities.tickets, *activities.backends))


def _signature(
    method: Callable[..., Any],
) -> tuple[str, tuple[type[BaseModel], type[BaseModel]]]:
    hints = typing.get_type_hints(method)
    given = hints.pop("return")
    [taken] = hints.values()
    return method.__name__, (taken, given)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_recorded_payloads_decode(path: Path, types: Types) -> None:
    """An activity may be scheduled by one version of Closeloop, and run by the next."""
    seen = 0
    for payload, kind in _recorded(path, types):
        value = _decoded(payload, kind)
        tomorrow = _encoded(_grown(value))
        assert TOMORROW in tomorrow.data.decode()
        assert _decoded(tomorrow, kind) == value
        seen += 1
    assert seen > 0


def test_all_that_travels_ignores_what_it_does_not_know(types: Types) -> None:
    messages = (CustomerMessage, Decision, Operation, BackendEvent, UpdateReceipt)
    ends = (
        TicketStart,
        TicketOutcome,
        *messages,
        *(kind for pair in types.values() for kind in pair),
    )
    travelling = set(_reached(ends))
    assert {TicketState, RecordedResolution, ApprovalRequest} <= travelling
    assert {m.__name__ for m in travelling if not issubclass(m, Wire)} == set()
    assert {m.__name__ for m in travelling if m.model_config.get("extra") != "ignore"} == set()


def _recorded(path: Path, types: Types) -> Iterator[tuple[Payload, type[BaseModel]]]:
    """Return what activities were given and gave, and what the run itself was given."""
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    scheduled: dict[int, str] = {}
    for event in history.events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                started = event.workflow_execution_started_event_attributes
                yield started.input.payloads[0], STARTED_WITH[started.workflow_type.name]
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                given = event.activity_task_scheduled_event_attributes
                scheduled[event.event_id] = given.activity_type.name
                yield given.input.payloads[0], types[given.activity_type.name][0]
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                done = event.activity_task_completed_event_attributes
                name = scheduled[done.scheduled_event_id]
                yield done.result.payloads[0], types[name][1]
            case EventType.EVENT_TYPE_MARKER_RECORDED:
                details = event.marker_recorded_event_attributes.details
                if details["result"].payloads:
                    name = json.loads(details["data"].payloads[0].data)["activity_type"]
                    yield details["result"].payloads[0], types[name][1]
            case _:
                pass


def _decoded(payload: Payload, kind: type[BaseModel]) -> BaseModel:
    [value] = pydantic_data_converter.payload_converter.from_payloads([payload], [kind])
    return value


def _encoded(value: object) -> Payload:
    encoded: Payloads = pydantic_data_converter.payload_converter.to_payloads_wrapper([value])
    return encoded.payloads[0]


def _grown(value: object) -> object:
    """Return the value as a later version might write it: each wire model has a field more."""
    match value:
        case BaseModel():
            fields = {name: _grown(getattr(value, name)) for name in type(value).model_fields}
            more = {TOMORROW: {"of": ["any", "shape"]}} if isinstance(value, Wire) else {}
            return fields | more
        case dict():
            return {key: _grown(item) for key, item in value.items()}
        case tuple() | list():
            return [_grown(item) for item in value]
        case _:
            return to_jsonable_python(value)


def _reached(kinds: Iterable[object]) -> Iterator[type[BaseModel]]:
    """Return the models among ``kinds``, and those that they are made of."""
    seen: set[object] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        waiting += typing.get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
            waiting += typing.get_type_hints(kind, include_extras=True).values()
