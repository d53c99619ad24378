"""What the server and the workers see: budgets, one timer, attributes, cancels, broken workers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowFailureError
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.failures import FailureInterceptor
from closeloop.bootstrap import build_activities, workflow_runner
from closeloop.models.steps import ExecuteAction, RetrieveKnowledge
from closeloop.models.proposal import ProposeRequest
from closeloop.models.ticket import Status
from closeloop.names import BACKENDS_QUEUE, SEARCH_ATTRIBUTES, TICKETS_QUEUE
from tests.support.desk import Handle, build_services
from tests.support.scripted import ScriptedResolver, answer, question, refund
from tests.workflows.play import (
    DAY,
    HOUR,
    MINUTE,
    NORA,
    SAMUEL,
    Held,
    History,
    OpenDesk,
    Play,
    action,
)
from workflows.ticket import TicketWorkflow

SPEAKER = "refund:#W1005:all"


# --- budgets -------------------------------------------------------------------------------------


async def test_the_budget_of_a_plain_autonomous_refund(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await desk.say(handle, "Yes, thank you!")
    await handle.result()
    history = await desk.history(handle)
    assert history.total <= 63
    assert history.remote <= 7
    assert history.local <= 3


async def approved(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.decide(handle, "alice", approve=True)
    await desk.resolved(handle)
    return handle


async def rejected(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.decide(handle, "alice", approve=False, reason="tone")
    await desk.asked(handle, request=2)
    await desk.decide(handle, "alice", approve=True)
    await desk.resolved(handle)
    return handle


async def expired(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.skip(25 * HOUR)
    await desk.until(handle, Status.ESCALATED)
    await desk.operate(handle, "record_resolution", resolution={"summary": "phoned"})
    await desk.until(handle, Status.RESOLVED)
    return handle


async def quiet(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    return handle


async def answered(desk: Play) -> Handle:
    handle = await desk.open("Please refund my order.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "Order #W1001, refund it please.")
    await desk.resolved(handle)
    return handle


async def reopened(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await desk.say(handle, "Still broken!")
    await desk.noted(handle, "resolved", times=2)
    return handle


@pytest.mark.parametrize(
    ("branch", "steps", "events", "remote", "local"),
    [
        (quiet, [refund("#W1001")], 58, 7, 2),
        (approved, [refund("#W1005")], 80, 9, 4),
        (rejected, [refund("#W1005")], 112, 12, 7),
        (expired, [refund("#W1005")], 88, 11, 2),
        (answered, [question(), refund("#W1001")], 92, 11, 3),
        (reopened, [answer(), refund("#W1001")], 88, 10, 4),
    ],
)
async def test_the_budget_of_other_branches(
    open_desk: OpenDesk,
    branch: Callable[[Play], Any],
    steps: Sequence[Any],
    events: int,
    remote: int,
    local: int,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(*steps))
    handle = await branch(desk)
    await handle.result()
    history = await desk.history(handle)
    found = (history.total, history.remote, history.local)
    print(branch.__name__, found)  # noqa: T201
    assert history.total <= events, found
    assert history.remote <= remote, found
    assert history.local <= local, found
