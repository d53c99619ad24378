"""A workflow runner that never lets a task continue what a query began.

A worker that holds nothing of a ticket answers a query from the whole history. Where that ends with
events that no workflow task has taken in yet, the SDK (temporalio 1.35) runs the workflow over them
all the same, and keeps it. The ticket's next task would go on from there: an update that comes with
it would be written down after what those events caused, though a replay, which takes the events and
the update together, runs the update first. The ticket would never replay again.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

OLD_NANOSECONDS: Final = 2_000_000_000
"""So long after it was handed out, a task counts as one of before. One that really comes later than
this, and is followed by a query, is done twice; nothing else comes of it."""


class RanAhead(Exception):
    """A query ran this workflow past its last task; the next task has to begin anew."""


class OrderedRunner(WorkflowRunner):
    """Runs workflows in another runner; a run that a query took ahead of its tasks is given up.

    The task that finds it so fails once, at the cost of one event; the server hands it out again,
    and it is done from the history, in the order in which it will be replayed.
    """

    def __init__(self, runner: WorkflowRunner, *, now: Callable[[], int] = time.time_ns) -> None:
        """Say what runs the workflows, and how late it is in nanoseconds since 1970."""
        self._runner = runner
        self._now = now

    def prepare_workflow(self, defn: Any) -> None:
        """See ``WorkflowRunner``."""
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """See ``WorkflowRunner``."""
        return _OrderedInstance(self._runner.create_instance(det), self._now)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """See ``WorkflowRunner``."""
        self._runner.set_worker_level_failure_exception_types(types)


class _OrderedInstance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, now: Callable[[], int]) -> None:
        self._instance = instance
        self._now = now
        self._clock = 0
        self._length = 0
        self._without_task = False
        self._ahead = False

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        kinds = {job.WhichOneof("variant") for job in act.jobs}
        if "query_workflow" in kinds:
            self._ahead = self._ahead or self._without_task
        elif "remove_from_cache" not in kinds:
            if self._ahead:
                raise RanAhead("a query ran ahead of this task: it is done again from the history")
            self._without_task = self._has_no_task(act)
            self._clock, self._length = act.timestamp.ToNanoseconds(), act.history_length
        return self._instance.activate(act)

    def _has_no_task(self, act: WorkflowActivation) -> bool:
        """Whether it brings new events and no task: the workflow's clock is that of an old one."""
        if act.is_replaying or act.history_length <= self._length:
            return False
        clock = act.timestamp.ToNanoseconds()
        # Tasks that brought nothing, a heartbeat for one, move the clock on with what comes next.
        return clock == self._clock or self._now() - clock > OLD_NANOSECONDS

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
