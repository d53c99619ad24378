"""A whole desk for tests: real databases and embedded backends, workers on a given client."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from closeloop.bootstrap import Services, index_knowledge_base, open_backends, running_workers
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.approval import CustomerMessage, Decision, UpdateReceipt
from closeloop.models.records import RefundRecord, SentMessage
from closeloop.models.state import TicketOutcome, TicketStart
from closeloop.models.ticket import Assurance, Customer, Status, Ticket
from closeloop.models.view import PendingApprovalView, TicketView
from closeloop.names import TICKET_WORKFLOW, TICKETS_QUEUE, workflow_id
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.call_times import CallTimes
from closeloop.ports import Classifier, Resolver
from closeloop.settings import Settings
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from tests.support.embedding import WordVectors
from tests.support.scripted import NoDetector, ScriptedClassifier

ROOT = Path(__file__).resolve().parent.parent.parent
LADDER = 'calendar = "office"\nlead_after = "1h"\nmanager_after = "3h"\n'
Handle = WorkflowHandle[object, TicketOutcome]
EXECUTION_TIMEOUT = timedelta(days=400)


def build_services(
    folder: Path,
    *,
    resolver: Resolver,
    classifier: Classifier | None = None,
    faults: str = "",
    time_scale: float = 1.0,
    policies: Path | None = None,
    shop_file: Path | None = None,
) -> Services:
    """Return services on fresh databases, with the agents that a test scripts."""
    settings = Settings(
        state_dir=folder,
        faults=faults,
        policies_dir=policies or canned_policies(folder),
        shop_file=shop_file,
    )
    book = FilePolicyBook(settings.policies_dir, time_scale=time_scale)
    backends = open_backends(settings, faults=faults)
    engine = open_database(settings.database_url)
    knowledge = SqliteKnowledge(folder / "knowledge.db", WordVectors())
    index_knowledge_base(knowledge, ["default"])
    return Services(
        book=book,
        backends=backends,
        engine=engine,
        ledger=SqlLedger(engine, book.limits),
        records=SqlRecords(engine),
        knowledge=knowledge,
        classifier=classifier or ScriptedClassifier(),
        detector=NoDetector(),
        resolver=resolver,
    )


def call_times(services: Services) -> CallTimes:
    """Return when the services' customers can be called."""
    backends = services.backends
    return CallTimes(backends.shop, backends.calendar, services.book.call_hours)


def canned_policies(folder: Path) -> Path:
    """Return the policies without the rule on evidence: canned answers rest on nothing.

    Without the ladder, too: what a test sees does not depend on the hour it runs at.
    """
    if not (folder / "policies").exists():
        text = (ROOT / "policies" / "rules.toml").read_text()
        rule = next(part for part in text.split("[[rule]]") if 'id = "reply.evidence"' in part)
        edited_policies(folder, "rules.toml", (f"[[rule]]{rule.split('# ---')[0]}", ""))
        edited_policies(folder, "desk.toml", (LADDER, ""))
    return folder / "policies"


def edited_policies(folder: Path, file: str, *changes: tuple[str, str]) -> Path:
    """Return the folder's copy of the policies with each text of a file replaced by another.

    Without a voice and routing, unless one is edited: what a test scripts is what the customer
    reads, at any hour.
    """
    copy = folder / "policies"
    if not copy.exists():
        shutil.copytree(
            ROOT / "policies", copy, ignore=shutil.ignore_patterns("voice.toml", "routing.toml")
        )
    edited = copy / file
    text = (edited if edited.exists() else ROOT / "policies" / file).read_text()
    for old, new in changes:
        assert old in text, f"{old!r} is not in {file}"
        text = text.replace(old, new)
    edited.write_text(text)
    return copy


class Desk:
    """A running desk, as a test uses it."""

    def __init__(self, client: Client, services: Services) -> None:
        self.client = client
        self.services = services

    async def open(
        self,
        body: str,
        *,
        email: str | None = None,
        customer_id: str | None = None,
        subject: str = "Help",
        assurance: Assurance = Assurance.CONFIRMED,
        order_ids: Sequence[str] = (),
        tenant: str = "default",
        ticket_id: str | None = None,
        opened_by: str | None = "shop-backend",
    ) -> Handle:
        """Start a ticket and return its handle."""
        ticket = Ticket(
            ticket_id=ticket_id or f"t-{uuid.uuid4().hex[:10]}",
            tenant=tenant,
            assurance=assurance,
            customer=Customer(id=customer_id, email=email),
            subject=subject,
            body=body,
            order_ids=tuple(order_ids),
            received_at=await self.now(),
        )
        return await self.client.start_workflow(
            TICKET_WORKFLOW,
            TicketStart(ticket=ticket, opened_by=opened_by),
            id=workflow_id(tenant, ticket.ticket_id),
            task_queue=TICKETS_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            execution_timeout=EXECUTION_TIMEOUT,
            result_type=TicketOutcome,
        )

    async def now(self) -> datetime:
        """Return the time as the server has it."""
        return datetime.now(UTC)

    async def view(self, handle: Handle) -> TicketView:
        """Return the ticket as it stands."""
        return await handle.query("get_ticket", result_type=TicketView)

    async def pending(self, handle: Handle) -> PendingApprovalView | None:
        """Return the open approval request."""
        return await handle.query(
            "get_pending_approval",
            result_type=PendingApprovalView | None,  # pyright: ignore
        )

    async def until(self, handle: Handle, *statuses: Status, polls: int = 600) -> TicketView:
        """Return the ticket once it has one of these statuses."""
        view = await self.view(handle)
        for _ in range(polls):
            if view.status in statuses:
                return view
            await asyncio.sleep(0.05)
            view = await self.view(handle)
        raise AssertionError(f"still {view.status}, waited for {statuses}: {view.mode_reasons}")

    async def say(self, handle: Handle, text: str, message_id: str | None = None) -> UpdateReceipt:
        """Send a message of the customer by update."""
        message = CustomerMessage(message_id=message_id or uuid.uuid4().hex, text=text)
        return await handle.execute_update("add_message", message, result_type=UpdateReceipt)

    async def decide(
        self, handle: Handle, approver: str, *, approve: bool, **changes: object
    ) -> UpdateReceipt:
        """Decide the open request as ``approver``."""
        pending = await self.pending(handle)
        assert pending is not None
        decision = Decision.model_validate(
            {
                "decision_id": uuid.uuid4().hex,
                "request_id": pending.request_id,
                "binding_hash": pending.binding_hash,
                "approver": approver,
                "approve": approve,
                **changes,
            }
        )
        return await handle.execute_update("decide", decision, result_type=UpdateReceipt)

    def refunds(self, order_id: str, tenant: str = "default") -> tuple[RefundRecord, ...]:
        """Return what the payments backend gave back on an order."""
        return self.services.backends.payments.list_refunds(tenant, order_id)

    def sent(self, handle: Handle) -> tuple[SentMessage, ...]:
        """Return what left for the customer of a ticket, oldest first."""
        _, tenant, ticket_id = handle.id.split(":")
        return self.services.backends.outbox.messages(tenant, ticket_id)


@asynccontextmanager
async def running_desk(client: Client, services: Services) -> AsyncIterator[Desk]:
    """Run workers for the length of the block."""
    async with running_workers(client, services):
        yield Desk(client, services)
