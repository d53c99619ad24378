"""What a query ran ahead of is told from what a task brought, by what the SDK hands over."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

from closeloop.ordered import OLD_NANOSECONDS, OrderedRunner, RanAhead

SECOND = 1_000_000_000
NOW = 1_000 * SECOND


class _Instance(WorkflowInstance):
    """Runs nothing, and counts what it was handed."""

    def __init__(self) -> None:
        self.seen = 0

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self.seen += 1
        return WorkflowActivationCompletion()

    def get_serialization_context(self, command_info: Any) -> None: ...
    def get_external_store_context(self, command_info: Any) -> Any: ...
    def get_info(self) -> Any: ...
    def get_thread_id(self) -> None: ...


class _Runner(WorkflowRunner):
    def prepare_workflow(self, defn: Any) -> None: ...

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Instance()


def run(*steps: tuple[str, float, int]) -> None:
    """Hand over activations: what it is (task, replay, query), its clock, the history's length."""
    instance = OrderedRunner(_Runner(), now=lambda: NOW).create_instance(cast(Any, None))
    for what, clock, length in steps:
        act = WorkflowActivation(history_length=length, is_replaying=what == "replay")
        act.timestamp.FromNanoseconds(NOW + int(clock * SECOND))
        job = act.jobs.add()
        (job.query_workflow if what == "query" else job.resolve_activity).SetInParent()
        instance.activate(act)


REPLAYED = [("replay", -30.0, 123), ("replay", -25.0, 135)]


@pytest.mark.parametrize(
    "ahead",
    [
        pytest.param(("task", -25.0, 144), id="the clock stands still"),
        pytest.param(("task", -24.5, 144), id="a heartbeat moved the clock"),
    ],
)
def test_a_task_that_a_query_ran_ahead_of_is_given_up(ahead: tuple[str, float, int]) -> None:
    query = ("query", ahead[1], 144)
    with pytest.raises(RanAhead):
        run(*REPLAYED, ahead, query, ("task", 0.0, 147))


@pytest.mark.parametrize(
    "steps",
    [
        [("task", -0.1, 147), ("query", -0.1, 147), ("task", 0.0, 152)],
        [("task", -0.1, 147), ("task", 0.0, 152), ("query", 0.0, 152), ("task", 0.0, 157)],
        [("query", -25.0, 135), ("task", 0.0, 147), ("task", 0.0, 152)],
        [("task", -25.0, 144), ("task", 0.0, 147), ("query", 0.0, 147), ("task", 0.0, 152)],
    ],
    ids=["after a task", "after two", "after the replay of all tasks", "no query"],
)
def test_a_query_after_a_task_costs_nothing(steps: Sequence[tuple[str, float, int]]) -> None:
    run(*REPLAYED, *steps)


def test_what_comes_very_late_is_taken_for_old() -> None:
    late = ("task", -(OLD_NANOSECONDS / SECOND) - 1, 147)
    with pytest.raises(RanAhead):
        run(*REPLAYED, late, ("query", late[1], 147), ("task", 0.0, 152))
