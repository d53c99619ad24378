"""A worker is killed while tickets stand at every moment that matters; another one ends them all.

One worker process is stopped by gates, each ticket's thread at its own moment, and then gets
SIGKILL. What it may have left behind is exactly what a crash or a power cut leaves.
"""

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop.bootstrap import open_records
from closeloop.client import SupportDesk
from closeloop.devserver import DevServer
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.executions import status_of
from closeloop.models.approval import Decision
from closeloop.models.base import Money
from closeloop.models.ticket import Assurance, Status
from closeloop.models.view import PendingApprovalView
from closeloop.names import SIGNAL_SUBMIT_DECISION, workflow_id
from closeloop.settings import Settings
from tests.support.gates import Hold
from tests.support.worker_process import WorkerProcess

Record = Callable[[str, object], None]


class Moment(NamedTuple):
    """When the worker dies, and the order whose ticket stands there."""

    ticket_id: str
    order_id: str
    email: str
    minor: int
    hold: Hold | None
    refunded_then: bool
    """Whether the money has moved at that moment."""


def moment(
    name: str, point: str | None, order: str, email: str, minor: int, *, refunded: bool = False
) -> Moment:
    on_reply = point is not None and point.startswith("outbox")
    word = f"reply:{name}" if on_reply else f"#{order}"
    hold = None if point is None else Hold(point, word)
    return Moment(name, f"#{order}", f"{email}@example.com", minor, hold, refunded)


APPROVAL = moment("awaiting-approval", None, "W1005", "samuel.reyes", 14550)
CALLED = moment("in-the-call", "payments.refund:before", "W1004", "ines.okafor", 2100)
MOMENTS = [
    moment("before-the-intent", "ledger.begin:before", "W1001", "nora.whitfield", 2490),
    moment("before-the-call", "payments.refund:before", "W1002", "theo.marchetti", 1850),
    CALLED,
    moment("after-the-call", "payments.refund:after", "W1014", "leo.brandt", 2490, refunded=True),
    moment(
        "before-completion", "ledger.finish:after", "W1011", "hugo.ferreira", 2790, refunded=True
    ),
    moment(
        "reading-back", "payments.find_refund:before", "W1015", "leo.brandt", 2490, refunded=True
    ),
    moment("before-the-reply", "outbox.send:before", "W1020", "yuki.tanabe", 4980, refunded=True),
    moment("after-the-reply", "outbox.send:after", "W1030", "wei.lindgren", 4340, refunded=True),
    APPROVAL,
]


async def test_a_worker_killed_at_any_moment_costs_no_effect_and_no_ticket(
    tmp_path: Path, record_property: Record
) -> None:
    async with DevServer(tmp_path / "server", headless=True) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        desk = SupportDesk(client)
        holds = [m.hold for m in MOMENTS if m.hold is not None]
        with WorkerProcess(tmp_path, server.address, holds=holds) as first:
            await first.ready()
            await asyncio.gather(*(_open(desk, m) for m in MOMENTS))
            for hold in holds:
                await _reached(hold, first)
            pending = await _pending(desk)
            first.kill()
        killed = time.monotonic()
        with EmbeddedBackends(tmp_path / "backends.db") as backends:
            for m in MOMENTS:
                refunds = backends.payments.list_refunds("default", m.order_id)
                assert len(refunds) == int(m.refunded_then), m.ticket_id
            _gateway_completes(backends, CALLED, tmp_path)
            await _approve_by_signal(client, pending)

            with WorkerProcess(tmp_path, server.address) as second:
                started = await second.ready()
                took = dict(
                    await asyncio.gather(*(_resolved(desk, m, second, killed) for m in MOMENTS))
                )
            for m in MOMENTS:
                [refund] = backends.payments.list_refunds("default", m.order_id)
                assert refund.amount.amount_minor == m.minor, m.ticket_id
                [reply] = backends.outbox.messages("default", m.ticket_id)
                assert str(refund.amount) in reply.text
                assert reply.to == m.email
    _counted_once(tmp_path)
    _say(record_property, started, took)


def _counted_once(state_dir: Path) -> None:
    records = open_records(Settings(state_dir=state_dir))
    counted = Counter((event.ticket_id, event.kind) for event in records.events("default"))
    for m in MOMENTS:
        for kind in ("action_verified", "first_response", "resolved"):
            assert counted[m.ticket_id, kind] == 1, (m.ticket_id, kind)


async def _open(desk: SupportDesk, m: Moment) -> None:
    await desk.open_ticket(
        {
            "ticket_id": m.ticket_id,
            "assurance": Assurance.CONFIRMED,
            "customer": {"email": m.email},
            "subject": "Money back",
            "body": f"Please refund order {m.order_id}, all of it.",
            "order_ids": [m.order_id],
        },
        opened_by="shop-backend",
    )


async def _reached(hold: Hold, worker: WorkerProcess) -> None:
    deadline = time.monotonic() + 60
    while not hold.reached(worker.state_dir):
        worker.check()
        assert time.monotonic() < deadline, f"no ticket came to {hold}"
        await asyncio.sleep(0.05)


async def _until(desk: SupportDesk, m: Moment, status: Status) -> None:
    """Ask the server, which answers whether a worker lives or not."""
    handle = desk.client.get_workflow_handle(workflow_id("default", m.ticket_id))
    deadline = time.monotonic() + 60
    while (now := status_of(await handle.describe())) is not status:
        assert now is not Status.ESCALATED, await desk.get_ticket(m.ticket_id)
        assert time.monotonic() < deadline, f"{m.ticket_id} is still {now.value}"
        await asyncio.sleep(0.05)


async def _resolved(
    desk: SupportDesk, m: Moment, worker: WorkerProcess, killed: float
) -> tuple[str, float]:
    worker.check()
    await _until(desk, m, Status.RESOLVED)
    took = time.monotonic() - killed
    view = await desk.get_ticket(m.ticket_id)
    assert [action.state for action in view.actions] == ["verified"], m.ticket_id
    return m.ticket_id, took


def _gateway_completes(backends: EmbeddedBackends, m: Moment, folder: Path) -> None:
    """Do what a gateway does with a request whose sender has died: carry it out."""
    assert m.hold is not None
    call = json.loads(m.hold.marker(folder).read_text())
    backends.payments.refund(
        "default", call["key"], call["order_id"], Money(amount_minor=call["minor"])
    )


async def _pending(desk: SupportDesk) -> PendingApprovalView:
    await _until(desk, APPROVAL, Status.AWAITING_APPROVAL)
    pending = (await desk.get_ticket(APPROVAL.ticket_id)).pending_approval
    assert pending is not None
    return pending


async def _approve_by_signal(client: Client, pending: PendingApprovalView) -> None:
    """Decide while no worker lives: a signal is durable as soon as the server has it."""
    await client.get_workflow_handle(workflow_id("default", APPROVAL.ticket_id)).signal(
        SIGNAL_SUBMIT_DECISION,
        Decision(
            decision_id="d-1",
            request_id=pending.request_id,
            binding_hash=pending.binding_hash,
            approver="bob",
            approve=True,
        ),
    )


def _say(record: Record, started: float, took: dict[str, float]) -> None:
    """Leave the recovery times for who wants them; nothing is asserted on them."""
    lines = [f"{name} {seconds:.1f} s" for name, seconds in sorted(took.items())]
    median = statistics.median(took.values())
    lines.append(f"median {median:.1f} s; the second worker itself started in {started:.1f} s")
    record("recovery after SIGKILL", "; ".join(lines))
    print("\nrecovery after SIGKILL:", *lines, sep="\n  ")  # noqa: T201
