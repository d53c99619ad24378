"""Workers of another version: what they lack or answer otherwise brings a ticket to a person.

On the time-skipping server, for these tickets wait until a call's schedule-to-close.
"""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.failures import FailureInterceptor
from closeloop.bootstrap import Services, build_activities, workflow_runner
from closeloop.models.steps import ExecuteAction
from closeloop.models.ticket import MAX_BODY_CHARS, Status
from closeloop.names import AGENTS_QUEUE, BACKENDS_QUEUE, SIGNAL_CUSTOMER_MESSAGE, TICKETS_QUEUE
from tests.support.desk import build_services
from tests.support.scripted import ScriptedResolver, question, refund
from tests.support.servers import time_skipping
from tests.workflows.play import NORA, Play
from workflows.ticket import TicketWorkflow

ASKED = "Refund order #W1001, all of it."
HALF_A_MINUTE = timedelta(seconds=30)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    async with time_skipping() as server:
        yield server


async def test_a_write_that_no_worker_knows_comes_to_a_person(
    env: WorkflowEnvironment, tmp_path: Path
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(refund("#W1001")))
    async with _workers(env.client, services, without="refund_payment"):
        desk = Play(env, services)
        handle = await desk.open(ASKED, email=NORA)
        view = await desk.until(handle, Status.ESCALATED, step=HALF_A_MINUTE)
        assert view.escalation is not None
        assert [action.state for action in view.actions] == ["unknown"]
        await desk.noted(handle, "replied")
        [case] = desk.cases()
        assert "refund_payment" in case["pack"]
        assert desk.refunds("#W1001") == ()
        await desk.end()


async def test_a_step_that_no_worker_knows_comes_to_a_person(
    env: WorkflowEnvironment, tmp_path: Path
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(refund("#W1001")))
    async with _workers(env.client, services, without="retrieve_knowledge"):
        desk = Play(env, services)
        handle = await desk.open(ASKED, email=NORA)
        view = await desk.until(handle, Status.ESCALATED, step=HALF_A_MINUTE)
        assert view.escalation is not None
        assert view.escalation.reason == "step_failed"
        await desk.noted(handle, "replied")
        assert len(desk.cases()) == 1
        await desk.end()


async def test_a_result_that_cannot_be_read_comes_to_a_person(
    env: WorkflowEnvironment, tmp_path: Path
) -> None:
    @activity.defn(name="propose_resolution")
    def propose_otherwise(request: dict[str, Any]) -> list[str]:
        return ["a shape", "that this version", "does not know"]

    services = build_services(tmp_path, resolver=ScriptedResolver())
    async with _workers(
        env.client, services, without="propose_resolution", instead=propose_otherwise
    ):
        desk = Play(env, services)
        handle = await desk.open(ASKED, email=NORA)
        view = await desk.until(handle, Status.ESCALATED)
        assert view.escalation is not None
        assert view.escalation.reason == "step_failed"
        await desk.end()


async def test_a_write_whose_result_cannot_be_read_is_found_by_reading(
    env: WorkflowEnvironment, tmp_path: Path
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(refund("#W1001")))
    as_it_is = next(
        method
        for method in build_activities(services).backends
        if method.__name__ == "refund_payment"
    )

    @activity.defn(name="refund_payment")
    def refund_and_mumble(step: ExecuteAction) -> str:
        as_it_is(step)
        return "done, as later versions say it"

    async with _workers(env.client, services, without="refund_payment", instead=refund_and_mumble):
        desk = Play(env, services)
        handle = await desk.open(ASKED, email=NORA)
        view = await desk.resolved(handle)
        assert [action.state for action in view.actions] == ["verified"]
        assert len(desk.refunds("#W1001")) == 1
        [reply] = desk.sent(handle)
        assert "$24.90" in reply.text
        await desk.end()


async def test_a_signal_that_cannot_be_read_leaves_a_trace(
    env: WorkflowEnvironment, tmp_path: Path
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(question()))
    async with _workers(env.client, services, without="reconcile_action"):
        desk = Play(env, services)
        handle = await desk.open("I want my money back.", email=NORA)
        await desk.until(handle, Status.AWAITING_CUSTOMER)
        too_long = {"message_id": "m-1", "text": "x" * (MAX_BODY_CHARS + 1)}
        await handle.signal(SIGNAL_CUSTOMER_MESSAGE, too_long)
        try:
            assert len(await desk.notes(handle, "ignored")) == 1
        finally:
            await desk.end()


@asynccontextmanager
async def _workers(
    client: Client,
    services: Services,
    *,
    without: str,
    instead: Callable[..., Any] | None = None,
) -> AsyncIterator[None]:
    """Run workers as ``bootstrap`` does, but for one activity."""
    activities = build_activities(services)
    others = [method for method in activities.backends if method.__name__ != without]
    assert len(others) == len(activities.backends) - 1
    if instead is not None:
        others.append(instead)
    try:
        with ThreadPoolExecutor(8) as threads:
            backends, agents = (
                Worker(
                    client,
                    task_queue=queue,
                    activities=others,
                    activity_executor=threads,
                    interceptors=[FailureInterceptor()],
                )
                for queue in (BACKENDS_QUEUE, AGENTS_QUEUE)
            )
            tickets = Worker(
                client,
                task_queue=TICKETS_QUEUE,
                workflows=[TicketWorkflow],
                activities=activities.tickets,
                activity_executor=threads,
                no_remote_activities=True,
                workflow_runner=workflow_runner(),
                interceptors=[FailureInterceptor()],
            )
            async with backends, agents, tickets:
                yield
    finally:
        services.engine.dispose()
        services.backends.close()
