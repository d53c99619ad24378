"""The Temporal server dies and comes back from its database file: every ticket goes on."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop.client import SupportDesk
from closeloop.devserver import DevServer
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.errors import Unavailable
from closeloop.models.ticket import Assurance, Status
from closeloop.models.view import TicketView
from tests.support.desk import build_services, edited_policies, running_desk
from tests.support.plain import PlainResolver
from tests.support.scripted import ScriptedClassifier

WINDOW_SECONDS = 6
DOWN_SECONDS = 6
SHORT_WAITS = (
    ('reminder = "4h"', 'reminder = "4s"'),
    ('approval_expiry = "24h"', 'approval_expiry = "90s"'),
    ('quiet_window = "7d"', f'quiet_window = "{WINDOW_SECONDS}s"'),
    ('reopen_window = "7d"', f'reopen_window = "{WINDOW_SECONDS}s"'),
)
"""A reminder and the end of a window fall due while the server is away."""

AT_REST = {
    "approval": Status.AWAITING_APPROVAL,
    "question": Status.AWAITING_CUSTOMER,
    "person": Status.ESCALATED,
    "answered": Status.RESOLVED,
}
REFUNDED = {"approval": "#W1005", "question": "#W1001", "answered": "#W1014", "at-work": "#W1020"}


async def test_a_server_that_dies_and_comes_back_loses_no_ticket(tmp_path: Path) -> None:
    services = build_services(
        tmp_path,
        resolver=PlainResolver(),
        classifier=ScriptedClassifier(by_word={"human": "speak_to_person"}),
        policies=edited_policies(tmp_path, "desk.toml", *SHORT_WAITS),
    )
    database = tmp_path / "temporal.db"
    first = DevServer(tmp_path, database=database, headless=True)
    await first.start()
    try:
        client = await Client.connect(first.address, data_converter=pydantic_data_converter)
        async with running_desk(client, services):
            desk = SupportDesk(client)
            before = await _one_at_every_stop(desk)
            await _open(desk, "at-work", "yuki.tanabe", "Refund order #W1020, all of it.")
            port = int(first.address.rpartition(":")[2])
            await first.kill()
            await asyncio.sleep(DOWN_SECONDS)
            async with DevServer(tmp_path, database=database, headless=True, port=port) as second:
                assert second.info.cluster_id == first.info.cluster_id
                await _all_go_on(desk, before)
    finally:
        await first.kill()
    _refunded_once(services.backends)


async def _one_at_every_stop(desk: SupportDesk) -> dict[str, TicketView]:
    await _open(desk, "approval", "samuel.reyes", "Refund order #W1005, all of it.")
    await _open(desk, "question", "nora.whitfield", "I want my money back.")
    await _open(desk, "person", "ines.okafor", "Let me speak to a human.")
    await asyncio.gather(*(desk.wait(name) for name in ("approval", "question", "person")))
    await _open(desk, "answered", "leo.brandt", "Refund order #W1014, all of it.")
    await desk.wait("answered")
    views = {name: await desk.get_ticket(name) for name in AT_REST}
    assert {name: view.status for name, view in views.items()} == AT_REST
    return views


async def _open(desk: SupportDesk, ticket_id: str, who: str, body: str) -> None:
    await desk.open_ticket(
        {
            "ticket_id": ticket_id,
            "assurance": Assurance.CONFIRMED,
            "customer": {"email": f"{who}@example.com"},
            "subject": "Help",
            "body": body,
        },
        opened_by="shop-backend",
    )


async def _all_go_on(desk: SupportDesk, before: dict[str, TicketView]) -> None:
    """Do what each ticket waits for; worker and caller find the server again by themselves."""
    pending = (await _answered(desk, "approval")).pending_approval
    assert pending == before["approval"].pending_approval
    assert pending is not None
    assert (await desk.decide("approval", pending.request_id, "bob", True)).accepted
    assert (await desk.add_message("question", "Refund order #W1001, all of it.")).accepted
    resolution = {"summary": "called back"}
    operated = await desk.operate("person", "record_resolution", "alice", resolution=resolution)
    assert operated.accepted

    names = [*AT_REST, "at-work"]
    await _closed(desk, names)
    closures = {name: (await desk.get_ticket(name)).closure for name in names}
    assert closures == {**dict.fromkeys(names, "verified_quiet"), "person": "unconfirmed"}
    reminders = [e for e in await desk.get_timeline("approval") if e.what == "reminded"]
    assert len(reminders) == 1
    listed = {t.ticket_id: t.status for t in await desk.list_tickets()}
    assert listed == dict.fromkeys(names, Status.CLOSED)


async def _answered(desk: SupportDesk, name: str) -> TicketView:
    """Ask until the worker answers: it tries to reach the server less and less often."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return await desk.get_ticket(name)
        except Unavailable:
            assert time.monotonic() < deadline, "the worker has not found the server again"


async def _closed(desk: SupportDesk, names: Sequence[str]) -> None:
    deadline = time.monotonic() + 60
    for name in names:
        while (status := (await _answered(desk, name)).status) is not Status.CLOSED:
            assert time.monotonic() < deadline, f"{name} is still {status.value}"
            await asyncio.sleep(0.2)


def _refunded_once(backends: EmbeddedBackends) -> None:
    for name, order_id in REFUNDED.items():
        assert len(backends.payments.list_refunds("default", order_id)) == 1, name
        replies = backends.outbox.messages("default", name)
        assert len(replies) == (2 if name == "question" else 1), name
