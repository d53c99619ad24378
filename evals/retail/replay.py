"""Replay: every task's gold writes as a ticket, through the real workflow, compared by state.

Each task has a tenant of its own in one embedded shop, so that its state is fresh. A worker in a
child process does the work; the driver here is the customer, who asks for the next step, and the
approver, who approves everything.
"""

import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop.client import SupportDesk
from closeloop.devserver import DevServer
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.models.base import Wire
from closeloop.models.proposal import ActionState
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView
from closeloop.names import SEARCH_ATTRIBUTES
from closeloop.ports import Outbox, Payments, Shop
from evals.retail.data import Task, state_hash
from evals.retail.desk import BACKENDS_FILE, open_services
from evals.retail.plan import PatientCustomer, write_plans
from evals.retail.play import AT_ONCE, Played
from evals.retail.translate import customer_of
from evals.retail.worker import PLANS_FILE, WorkerProcess, writes_of

TASK_SECONDS: Final = 600.0
KILL_AFTER: Final = (3.0, 6.0)
"""How long a worker lives where workers are killed, in seconds after it began to poll."""

UNAVAILABLE_SHARE: Final = 0.3
TIMEOUT_SHARE: Final = 0.1
READ_SHARE: Final = 0.05
"""Of each read: a judgement makes about seven of them, and so three in ten judgements fail."""


class TaskResult(Wire):
    """What became of one task; ``writes`` counts the writes that the shop has on record."""

    task_id: str
    passed: bool
    state_exact: bool
    do_nothing_exact: bool
    status: str
    verified: int
    refused: int
    writes: int = 0
    attempts: int = 0
    gold_writes: int
    problem: str = ""


def fault_plan() -> str:
    """Return the faults: 30 % of the writes answer 503, 10 % time out after the work was done."""
    late = round(TIMEOUT_SHARE / (1 - UNAVAILABLE_SHARE), 4)  # drawn where the 503 did not hit
    ports: dict[str, type] = {"shop": Shop, "payments": Payments, "outbox": Outbox}
    entries = [
        entry
        for port, protocol in ports.items()
        for name in writes_of(protocol)
        for entry in (
            f"{port}.{name}=503:{UNAVAILABLE_SHARE}",
            f"{port}.{name}=timeout_after:{late}",
        )
    ]
    reads = ("shop.get_customer", "shop.get_order", "shop.get_product", "shop.list_orders")
    entries += [f"{name}=503:{READ_SHARE}" for name in (*reads, "payments.list_payments")]
    return ",".join(entries)


class Replay:
    """One run over all tasks, in a state folder of its own."""

    def __init__(self, place: Path, tasks: Sequence[Task], work: Path, *, faults: bool) -> None:
        """Say what to replay, where, and whether backends fail and everything arrives twice."""
        self._place = place
        self._tasks = {f"task-{n}": task for n, task in enumerate(tasks, start=1)}
        self._work = work
        self._faults = faults
        self.kills = 0

    async def run(
        self, *, kill_workers: bool, done: Callable[[TaskResult], None]
    ) -> list[TaskResult]:
        """Replay every task; ``done`` hears of each one as it ends.

        Raises:
            Unavailable: the dev server or a worker did not start.
        """
        shop = json.loads((self._place / "db.json").read_text(encoding="utf-8"))
        self._prepare()
        initial = state_hash(shop)
        server = DevServer(self._work, headless=True, search_attributes=SEARCH_ATTRIBUTES)
        async with server, self._workers(server.address, kill=kill_workers):
            client = await Client.connect(server.address, data_converter=pydantic_data_converter)
            turn = asyncio.Semaphore(AT_ONCE)

            async def one(tenant: str, task: Task) -> TaskResult:
                async with turn:
                    desk = SupportDesk(client, tenant=tenant, identity="retail-eval")
                    who = customer_of(task.writes, shop) or next(iter(shop["users"]))
                    played = Played(
                        desk,
                        PatientCustomer(who),
                        seconds=TASK_SECONDS,
                        deliveries=2 if self._faults else 1,
                    )
                    await played.play()
                    result = self._result(tenant, task, played, initial)
                    done(result)
                    return result

            return list(await asyncio.gather(*(one(*item) for item in self._tasks.items())))

    def _prepare(self) -> None:
        services = open_services(
            self._work,
            shop_file=self._place / "db.json",
            tenants=tuple(self._tasks),
            faults=fault_plan() if self._faults else None,
        )
        services.backends.close()
        services.engine.dispose()
        plans = {tenant: task.writes for tenant, task in self._tasks.items()}
        write_plans(self._work / PLANS_FILE, plans)

    @asynccontextmanager
    async def _workers(self, address: str, *, kill: bool) -> AsyncIterator[None]:
        """Keep a worker running; where ``kill``, never for longer than a few seconds."""
        worker = WorkerProcess(self._work, address, twice=self._faults)
        await worker.start()
        killer = asyncio.create_task(self._kill(worker)) if kill else None
        try:
            yield
        finally:
            if killer is not None:
                killer.cancel()
                with suppress(asyncio.CancelledError):
                    await killer
            worker.kill()

    async def _kill(self, worker: WorkerProcess) -> None:
        chance = random.Random("retail")
        while True:
            await asyncio.sleep(chance.uniform(*KILL_AFTER))
            worker.kill()
            self.kills += 1
            await worker.start()

    def _result(self, tenant: str, task: Task, played: Played, initial: str) -> TaskResult:
        with EmbeddedBackends(self._work / BACKENDS_FILE) as backends:
            exact = state_hash(backends.export(tenant)["shop"]) in task.hashes
        view = played.view
        states = [action.state for action in view.actions] if view else []
        verified = states.count(ActionState.VERIFIED)
        writes = writes_on_record(self._work / BACKENDS_FILE, tenant)
        # More writes than effects were one done twice. Fewer are none lost, for the state is exact:
        # an attempt after a kill reads first, and finds what a gold write asks for again.
        refused = states.count(ActionState.REFUSED)
        once = writes <= verified and verified + refused == len(task.writes)
        ended = view is not None and view.status is Status.RESOLVED
        return TaskResult(
            task_id=task.task_id,
            passed=exact and once and ended,
            state_exact=exact,
            do_nothing_exact=initial in task.hashes,
            status=view.status.value if view else "not open",
            verified=verified,
            refused=refused,
            writes=writes,
            attempts=sum(action.attempts for action in view.actions) if view else 0,
            gold_writes=len(task.writes),
            problem=played.problem or _why(view),
        )


def _why(view: TicketView | None) -> str:
    if view is None or view.status is Status.RESOLVED:
        return ""
    return f"the ticket is {view.status.value}: {'; '.join(view.mode_reasons)}"[:300]


def writes_on_record(path: Path, tenant: str) -> int:
    """Return how many writes the shop has on record, each under its own idempotency key."""
    with sqlite3.connect(path) as connection:
        row: tuple[Any, ...] = connection.execute(
            "SELECT count(*) FROM calls WHERE tenant = ? AND service = 'shop'", (tenant,)
        ).fetchone()
    connection.close()
    return int(row[0])
