"""A worker of the tickets alone, in a process of its own: it dies, and no activity with it.

``python -m tests.support.tickets_process STATE_DIR ADDRESS``; it says ``ready`` on stdout.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from activities.failures import FailureInterceptor
from closeloop.bootstrap import Services, build_activities, workflow_runner
from closeloop.names import AGENTS_QUEUE, BACKENDS_QUEUE, TICKETS_QUEUE
from tests.support.desk import build_services
from tests.support.scripted import ScriptedResolver, answer
from workflows.ticket import TicketWorkflow

STICKY_SECONDS = 3.0
"""How long the server keeps tasks and queries for a worker that is dead."""


@asynccontextmanager
async def tickets_worker(client: Client, services: Services) -> AsyncIterator[None]:
    with ThreadPoolExecutor(4) as threads:
        async with Worker(
            client,
            task_queue=TICKETS_QUEUE,
            workflows=[TicketWorkflow],
            activities=build_activities(services).tickets,
            activity_executor=threads,
            no_remote_activities=True,
            workflow_runner=workflow_runner(),
            interceptors=[FailureInterceptor()],
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=STICKY_SECONDS),
        ):
            yield


@asynccontextmanager
async def activities_workers(client: Client, services: Services) -> AsyncIterator[None]:
    listed = build_activities(services)
    queues = {AGENTS_QUEUE: listed.agents, BACKENDS_QUEUE: listed.backends}
    with ThreadPoolExecutor(8) as threads:
        async with AsyncExitStack() as running:
            for queue, activities in queues.items():
                worker = Worker(
                    client,
                    task_queue=queue,
                    activities=activities,
                    activity_executor=threads,
                    max_concurrent_activities=4,
                    interceptors=[FailureInterceptor()],
                )
                await running.enter_async_context(worker)
            yield


async def _work(state_dir: Path, address: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    services = build_services(state_dir, resolver=ScriptedResolver(answer()))
    async with tickets_worker(client, services):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1]), sys.argv[2]))
