"""A desk on the time-skipping server: time passes when a test says so, or waits for a status."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from closeloop.bootstrap import Services
from closeloop.models.approval import BackendEvent, Decision, Operation, UpdateReceipt
from closeloop.models.callbacks import CallbackRecord
from closeloop.models.state import TicketEvent, TimelineEntry
from closeloop.models.ticket import Assurance, Status
from closeloop.models.view import ActionView, PendingApprovalView, TicketSummary, TicketView
from closeloop.ports import Classifier, Resolver
from tests.support.desk import Desk, Handle
from tests.workflows.held import Held

NORA = "nora.whitfield@example.com"
SAMUEL = "samuel.reyes@example.com"
YUKI = "yuki.tanabe@example.com"
OMAR = "omar.haddad@example.com"

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class OpenDesk(Protocol):
    """Opens a desk for one test."""

    async def __call__(
        self,
        *,
        resolver: Resolver,
        classifier: Classifier | None = None,
        faults: str = "",
        policies: Path | None = None,
        held: Held | None = None,
    ) -> "Play": ...


class Refusal(Exception):
    """An update was refused; ``code`` is what its caller sees."""

    def __init__(self, code: str | None, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Play(Desk):
    """A desk whose tickets are waited for in skipped time."""

    def __init__(self, env: WorkflowEnvironment, services: Services) -> None:
        super().__init__(env.client, services)
        self.env = env
        self.opened: list[Handle] = []

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
        handle = await super().open(
            body,
            email=email,
            customer_id=customer_id,
            subject=subject,
            assurance=assurance,
            order_ids=order_ids,
            tenant=tenant,
            ticket_id=ticket_id,
            opened_by=opened_by,
        )
        self.opened.append(handle)
        return handle

    async def now(self) -> datetime:
        return await self.env.get_current_time()

    async def end(self) -> None:
        """Terminate what still runs: the server, and its clock, are shared by all tests.

        A task that is cut off by this would keep the server's time from being skipped for good.
        """
        for handle in self.opened:
            for _ in range(200):
                if await self._quiet(handle):
                    break
                await asyncio.sleep(0.02)
            try:
                await handle.terminate("the test is over")
            except RPCError:
                continue  # it is closed already

    async def _quiet(self, handle: Handle) -> bool:
        counts = (await self.history(handle)).counts
        ends = ("COMPLETED", "FAILED", "TIMED_OUT", "CANCELED")
        return not any(
            counts[f"{what}_SCHEDULED"] - sum(counts[f"{what}_{end}"] for end in ends)
            for what in ("WORKFLOW_TASK", "ACTIVITY_TASK")
        )

    async def skip(self, time: timedelta) -> None:
        """Let time pass."""
        await self.env.sleep(time)

    async def until(
        self,
        handle: Handle,
        *statuses: Status,
        polls: int = 300,
        step: timedelta = timedelta(seconds=2),
    ) -> TicketView:
        """Return the ticket once it has one of these statuses; retries wait in skipped time."""
        for poll in range(polls):
            view = await self.view(handle)
            if view.status in statuses:
                return view
            await (asyncio.sleep(0.02) if poll < 15 else self.env.sleep(step))
        raise AssertionError(
            f"still {view.status}, waited for {statuses}: {await self.timeline(handle)}"
        )

    async def asked(self, handle: Handle, *, request: int = 1) -> PendingApprovalView:
        """Return the ticket's n-th approval request once people can see it."""
        for poll in range(300):
            pending = await self.pending(handle)
            if pending and pending.approvers and pending.request_id.endswith(f"-r{request}"):
                return pending
            await (asyncio.sleep(0.02) if poll < 15 else self.env.sleep(timedelta(seconds=2)))
        raise AssertionError(f"nothing was asked: {await self.timeline(handle)}")

    async def resolved(self, handle: Handle) -> TicketView:
        """Return the ticket once it is resolved; fail at once where it is with people instead."""
        view = await self.until(handle, Status.RESOLVED, Status.ESCALATED)
        assert view.status is Status.RESOLVED, await self.timeline(handle)
        return view

    async def noted(
        self, handle: Handle, what: str, *, times: int = 1, step: timedelta = timedelta(seconds=2)
    ) -> TicketView:
        """Return the ticket once its timeline says ``what`` so many times."""
        for poll in range(300):
            lines = await self.timeline(handle)
            if sum(line.what == what for line in lines) >= times:
                return await self.view(handle)
            await (asyncio.sleep(0.02) if poll < 15 else self.env.sleep(step))
        raise AssertionError(f"{what!r} was not noted: {lines}")

    async def eventually(self, holds: Callable[[], bool]) -> None:
        """Return once something holds."""
        for _ in range(300):
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it never came to hold")

    async def timeline(self, handle: Handle) -> list[TimelineEntry]:
        """Return what happened, oldest first."""
        return await handle.query("get_timeline", result_type=list[TimelineEntry])

    async def notes(self, handle: Handle, what: str) -> list[str]:
        """Return the details of the timeline's lines of this kind."""
        return [line.detail for line in await self.timeline(handle) if line.what == what]

    async def operate(
        self, handle: Handle, operation: str, approver: str = "bob", **changes: object
    ) -> UpdateReceipt:
        """Operate on the ticket.

        Raises:
            Refusal: it was refused.
        """
        what = Operation.model_validate(
            {
                "operation_id": uuid.uuid4().hex,
                "operation": operation,
                "approver": approver,
                **changes,
            }
        )
        return await self.update(handle, "operate", what)

    async def decide(
        self, handle: Handle, approver: str, *, approve: bool, **changes: object
    ) -> UpdateReceipt:
        """Decide the open request.

        Raises:
            Refusal: it was refused.
        """
        return await self.update(
            handle, "decide", await self.decision(handle, approver, approve=approve, **changes)
        )

    async def decision(
        self, handle: Handle, approver: str, *, approve: bool, **changes: object
    ) -> Decision:
        """Return a decision on the open request."""
        pending = await self.pending(handle)
        assert pending is not None
        return Decision.model_validate(
            {
                "decision_id": uuid.uuid4().hex,
                "request_id": pending.request_id,
                "binding_hash": pending.binding_hash,
                "approver": approver,
                "approve": approve,
                **changes,
            }
        )

    async def update(self, handle: Handle, name: str, item: Decision | Operation) -> UpdateReceipt:
        """Send an update.

        Raises:
            Refusal: it was refused.
        """
        try:
            return await handle.execute_update(name, item, result_type=UpdateReceipt)
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            code = cause.type if isinstance(cause, ApplicationError) else None
            raise Refusal(code, str(cause)) from error

    async def hint(self, handle: Handle, event_id: str, effect_id: str | None = None) -> None:
        """Let a backend say that something changed."""
        event = BackendEvent(event_id=event_id, kind="refund.updated", effect_id=effect_id)
        await handle.signal("backend_event", event)

    def booked(self, tenant: str = "default") -> list[CallbackRecord]:
        """Return the calls in the calendar, in the order of booking."""
        return list(self.services.backends.calendar.every(tenant))

    def called(self, outcome: Literal["reached", "not_reached"], tenant: str = "default") -> None:
        """Let somebody call, and enter what came of the call booked last."""
        call = self.booked(tenant)[-1]
        self.services.backends.calendar.enter(tenant, call.booking_id, outcome, "alice")

    def undo_refunds(self, order_id: str, tenant: str = "default") -> None:
        """Let the payments system lose what it gave back, as when a bank returns a transfer."""
        with self.services.backends.payments.database.write() as connection:
            connection.execute(
                "DELETE FROM refunds WHERE tenant = ? AND order_id = ?", (tenant, order_id)
            )

    def settle_in(self, order_id: str, *, days: int, tenant: str = "default") -> None:
        """Let the refunds of an order be on their way until so many days from now."""
        at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        with self.services.backends.payments.database.write() as connection:
            connection.execute(
                "UPDATE refunds SET settles_at = ? WHERE tenant = ? AND order_id = ?",
                (at, tenant, order_id),
            )

    def events(self, handle: Handle, kind: str | None = None) -> list[TicketEvent]:
        """Return the outcome events on record for the ticket."""
        _, tenant, ticket_id = handle.id.split(":")
        rows = self.services.records.events(tenant)
        return [e for e in rows if e.ticket_id == ticket_id and kind in (None, e.kind)]

    def kinds(self, handle: Handle) -> list[str]:
        """Return the kinds of the outcome events on record, in their order."""
        return [event.kind for event in self.events(handle)]

    def waiting(self) -> tuple[TicketSummary, ...]:
        """Return the list of approvals, of all tenants."""
        return self.services.records.list_approvals()

    def recorded(self, handle: Handle) -> TicketView:
        """Return the ticket as the operations database has it."""
        _, tenant, ticket_id = handle.id.split(":")
        view = self.services.records.get_ticket_view(tenant, ticket_id)
        assert view is not None, f"nothing is on record of {ticket_id}"
        return view

    def stands(self, handle: Handle) -> Status | None:
        """Return the ticket's status on record."""
        _, tenant, ticket_id = handle.id.split(":")
        view = self.services.records.get_ticket_view(tenant, ticket_id)
        return view.status if view else None

    def alerts(self, handle: Handle) -> list[str]:
        """Return what the people of queues were told of the ticket, oldest first."""
        _, tenant, ticket_id = handle.id.split(":")
        rows = self.services.backends.export(tenant)["alerts"]
        return [row["text"] for row in rows if f":{ticket_id}:" in row["key"]]

    def cases(self, tenant: str = "default") -> list[dict[str, str]]:
        """Return the cases of the human queue."""
        return self.services.backends.export(tenant)["escalations"]

    def closing_notes(self, tenant: str = "default") -> list[str]:
        """Return the notes in the CRM."""
        return [note["text"] for note in self.services.backends.export(tenant)["notes"]]

    def effect_state(self, effect_id: str, tenant: str = "default") -> str | None:
        """Return how an effect stands in the ledger."""
        return self.services.ledger.lookup(tenant, effect_id, {}).state

    async def history(self, handle: Handle) -> "History":
        """Return what the ticket's history counts."""
        return History([event async for event in handle.fetch_history_events()])


class History:
    """The events of one run, counted."""

    def __init__(self, events: Sequence[object]) -> None:
        self.counts: Counter[str] = Counter(
            EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")  # pyright: ignore
            for event in events
        )
        self.total = len(events)

    @property
    def remote(self) -> int:
        """Remote activities."""
        return self.counts["ACTIVITY_TASK_SCHEDULED"]

    @property
    def local(self) -> int:
        """Local activities: each leaves one marker, and so does a patch."""
        return self.counts["MARKER_RECORDED"]


def action(view: TicketView, position: int = -1) -> ActionView:
    """Return one of the ticket's actions, the last one if not said otherwise."""
    return view.actions[position]


def texts(view: TicketView, sender: str = "closeloop") -> list[str]:
    """Return what one side said."""
    return [message.text for message in view.messages if message.sender == sender]
