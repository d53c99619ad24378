from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from closeloop.bootstrap import running_workers
from closeloop.ports import Classifier, Resolver
from tests.support.desk import build_services
from tests.support.servers import time_skipping
from tests.workflows.held import Held
from tests.workflows.play import OpenDesk, Play


@asynccontextmanager
async def desks(env: WorkflowEnvironment, folder: Path) -> AsyncIterator[OpenDesk]:
    """Open desks on fresh databases; what their tickets left undone ends with the block."""
    async with AsyncExitStack() as stack:

        async def open_one(
            *,
            resolver: Resolver,
            classifier: Classifier | None = None,
            faults: str = "",
            policies: Path | None = None,
            held: Held | None = None,
        ) -> Play:
            services = build_services(
                folder, resolver=resolver, classifier=classifier, faults=faults, policies=policies
            )
            if held is not None:
                services = held.into(services)
                stack.callback(held.let_go)
            stack.callback(services.engine.dispose)
            stack.callback(services.backends.close)
            await stack.enter_async_context(running_workers(env.client, services))
            play = Play(env, services)
            stack.push_async_callback(play.end)
            return play

        yield open_one


@pytest_asyncio.fixture(loop_scope="session")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server of the test's own.

    Such a server skips no more time once a ticket ends while an activity runs: a shared one would
    make the next test wait for real.
    """
    async with time_skipping() as env:
        yield env


@pytest_asyncio.fixture(loop_scope="session")
async def open_desk(skipping: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[OpenDesk]:
    """Opens the desk of a test."""
    async with desks(skipping, tmp_path) as open_one:
        yield open_one
