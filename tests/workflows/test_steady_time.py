"""The clock of a ticket tells live what it tells in a replay, however slow a worker is."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from tests.support.servers import time_skipping
from workflows import options
from workflows.calling import local
from workflows.clock import Clock

SLOW_SECONDS = 2.0
"""Longer than a workflow task below, so that the local activity outlasts it."""
TASK = timedelta(seconds=1)


class Asked(BaseModel):
    """What the activity is given, and gives back."""


class SlowReads:
    """A read on a worker that is out of breath."""

    @activity.defn
    def read(self, asked: Asked) -> Asked:
        """Take longer than a workflow task."""
        time.sleep(SLOW_SECONDS)
        return asked


@workflow.defn
class TargetWorkflow:
    """Waits once more where a target was missed during a local activity."""

    def __init__(self) -> None:
        self.clock = Clock()

    @workflow.run
    async def run(self) -> bool:
        target = self.clock.now() + TASK / 2
        await local(SlowReads.read, Asked(), summary="slow", how=options.LOCAL)
        missed = self.clock.now() > target
        if missed:
            await workflow.sleep(1)
        return missed


async def test_a_target_missed_during_a_local_activity_is_the_same_in_a_replay() -> None:
    async with time_skipping() as env:
        queue = f"steady-{uuid4().hex}"
        runner = UnsandboxedWorkflowRunner()
        with ThreadPoolExecutor(1) as threads:
            async with Worker(
                env.client,
                task_queue=queue,
                workflows=[TargetWorkflow],
                activities=[SlowReads().read],
                activity_executor=threads,
                workflow_runner=runner,
            ):
                handle = await env.client.start_workflow(
                    TargetWorkflow.run,
                    id=queue,
                    task_queue=queue,
                    task_timeout=TASK,
                    execution_timeout=timedelta(minutes=1),
                )
                missed = await handle.result()
        replayer = Replayer(
            workflows=[TargetWorkflow],
            workflow_runner=runner,
            data_converter=pydantic_data_converter,
        )
        await replayer.replay_workflow(await handle.fetch_history())
        assert missed is False
