"""``SupportDesk``: what backend services and the command line do with tickets."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol, Self, TypeVar

import structlog
from temporalio.client import Client

from closeloop import calls, executions, intake
from closeloop.errors import (
    BackendError,
    CloseloopError,
    ConfigurationError,
    Refused,
    Unavailable,
)
from closeloop.executions import Opened
from closeloop.models.approval import (
    BackendEvent,
    CustomerMessage,
    Decision,
    Edit,
    Operation,
    OperationName,
    RecordedResolution,
    RejectCode,
    UpdateReceipt,
)
from closeloop.models.hints import Hinted
from closeloop.models.state import TicketStart, TimelineEntry
from closeloop.models.ticket import Assurance, Mode, Status, TicketRequest
from closeloop.models.view import PendingApprovalView, TicketSummary, TicketView
from closeloop.names import (
    DEFAULT_TENANT,
    MEMO_CONTENT_HASH,
    MEMO_OPENING_MESSAGE,
    QUERY_PENDING_APPROVAL,
    QUERY_TICKET,
    QUERY_TIMELINE,
    UPDATE_ADD_MESSAGE,
    UPDATE_DECIDE,
    UPDATE_OPERATE,
    checked_part,
    linked_ticket_id,
    workflow_id,
)
from closeloop.settings import Settings, load_settings

PATIENCE_SECONDS: Final = 30.0
"""How long an answer is waited for: a worker that was killed is back in less."""

Read = TypeVar("Read")
log = structlog.get_logger(__name__)


class TicketRecords(Protocol):
    """What is read of the operations database; every call may raise ``BackendUnavailable``."""

    def list_tickets(self, tenant: str, status: Status | None = None) -> Sequence[TicketSummary]:
        """Return the tenant's tickets, newest first."""
        ...

    def get_ticket_view(self, tenant: str, ticket_id: str) -> TicketView | None:
        """Return the ticket as it was last recorded."""
        ...

    def list_approvals(self, tenant: str) -> Sequence[TicketSummary]:
        """Return the requests that wait for a person, oldest deadline first."""
        ...


class SupportDesk:
    """The tickets of one tenant.

    Every method raises ``BadInput`` (``NotFound`` for a ticket that is not there), ``Refused``,
    ``Unavailable`` or ``ConfigurationError``, and nothing else on purpose. Ticket ids are as
    ``open_ticket`` returned them; a ``~2`` at the end names a linked ticket.
    """

    def __init__(
        self,
        client: Client,
        *,
        tenant: str = DEFAULT_TENANT,
        identity: str | None = None,
        open_records: Callable[[], TicketRecords] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Use a connected client, whose data converter must be pydantic's.

        Args:
            client: see ``connect`` for one that is configured from the environment.
            tenant: whose tickets; from the caller's credential, never from a ticket's text.
            identity: who calls; counts as the opener of tickets that name none.
            open_records: opens the operations database, when it is first needed. Without it there
                are no approvals to list, and nothing to fall back on.
            patience_seconds: for how long an answer is waited for.
        """
        self.client: Final = client
        self.tenant: Final = checked_part(tenant, "tenant")
        self._identity = identity
        self._open_records = open_records
        self._records: TicketRecords | None = None
        self._patience = patience_seconds

    @classmethod
    async def connect(
        cls,
        settings: Settings | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        identity: str | None = None,
    ) -> Self:
        """Connect to Temporal and the operations database as the settings say.

        Temporal is the dev server of the state folder where one lives, else what Temporal's own
        envconfig says. Without ``settings`` they are read from the environment.
        """
        chosen = settings or load_settings()
        checked_part(tenant, "tenant")

        def open_records() -> TicketRecords:
            # Here, for it brings in everything that a worker is made of.
            from closeloop import bootstrap

            return bootstrap.open_records(chosen)

        client = await calls.connect(chosen, identity=identity)
        return cls(client, tenant=tenant, identity=identity, open_records=open_records)

    async def open_ticket(
        self, request: TicketRequest | Mapping[str, object], *, opened_by: str | None = None
    ) -> Opened:
        """Open a ticket; the same id with the same content is the same ticket, closed or not.

        Compared are customer, subject, body and order ids. ``opened_by`` is who asked for it: they
        may not approve what it proposes.

        Raises:
            BadInput: names the field.
            Refused: the id is taken by other content (``different_content``), or the request
                names another tenant (``wrong_tenant``).
        """
        ticket = intake.make_ticket(request, tenant=self.tenant, now=datetime.now(UTC))
        start = TicketStart(ticket=ticket, opened_by=opened_by or self._identity)
        description = await executions.start(self.client, start)
        if await executions.memo(description, MEMO_CONTENT_HASH) != ticket.content_hash():
            raise Refused(
                f"ticket {ticket.ticket_id} exists with another customer, subject, body or order "
                "list: use another id, or send this as a message to it",
                code="different_content",
            )
        return executions.opened(description)

    async def add_message(
        self,
        ticket_id: str,
        text: str,
        message_id: str | None = None,
        *,
        assurance: Assurance = Assurance.NONE,
    ) -> UpdateReceipt:
        """Add the customer's message; a repeated ``message_id`` changes nothing, same receipt.

        A message to a closed ticket opens a linked one, ``<id>~2``, with the message as its body
        and with the ``assurance`` given here; the receipt names the ticket that has the message.
        Without an id every call is a message of its own.
        """
        given = {"message_id": message_id or f"m-{intake.random_id()}", "text": text}
        message = intake.parse_input(CustomerMessage, given)
        digest = intake.message_digest(message.message_id)
        before: TicketStart | None = None
        current = ticket_id
        for _ in range(executions.MAX_LINKS):
            handle = self._handle(current)
            description = await calls.describe(handle)
            if description is None:
                if before is None:
                    raise calls.missing(handle)
                ticket = intake.follow_up(
                    before.ticket, message.text, current, assurance, now=datetime.now(UTC)
                )
                opening = TicketStart(
                    ticket=ticket, opened_by=self._identity, linked=(before.ticket.ticket_id,)
                )
                description = await executions.start(self.client, opening, opening_message=digest)
            if await executions.memo(description, MEMO_OPENING_MESSAGE) == digest:
                return UpdateReceipt(
                    ticket_id=current, id=message.message_id, accepted=True, status=Status.NEW
                )
            try:
                return await calls.update(
                    handle,
                    UPDATE_ADD_MESSAGE,
                    message,
                    # The same for each delivery: the server then knows it even after the close.
                    update_id=digest,
                    patience=self._patience,
                )
            except Refused as refusal:
                if refusal.code != "closed":
                    raise
            before = await executions.opening_of(self.client, handle.id)
            if before.state is not None and message.message_id in before.state.receipts:
                return before.state.receipts[message.message_id]
            current = linked_ticket_id(current)
        raise Refused(f"ticket {ticket_id} has too many linked tickets", code="too_many_links")

    async def decide(
        self,
        ticket_id: str,
        request_id: str,
        approver: str,
        approve: bool,
        *,
        reason: RejectCode | None = None,
        words: str = "",
        edit: Edit | Mapping[str, object] | None = None,
        ask: str | None = None,
        decision_id: str | None = None,
    ) -> UpdateReceipt:
        """Decide on an approval request; the identical decision again gets the same receipt.

        A rejection needs a ``reason``; an ``edit`` goes with an approval and only ever lessens.
        ``ask`` puts a question to the customer instead, with neither a yes nor a reason.

        Raises:
            Refused: with the code of the rule, for example ``stale_request``, ``above_limit`` or
                ``closed``.
        """
        handle = self._handle(ticket_id)
        changes = None if edit is None else intake.parse_input(Edit, edit)
        default_id = intake.decision_id(
            request_id, approver, approve=approve, reason=reason, words=words, edit=changes, ask=ask
        )
        given: dict[str, object] = {
            "decision_id": decision_id or default_id,
            "request_id": request_id,
            "binding_hash": "",
            "approver": approver,
            "approve": approve,
            "reason": reason,
            "words": words,
            "edit": changes,
            "ask": ask,
        }
        decision = intake.parse_input(Decision, given)
        await calls.check_open(handle)
        pending = await calls.query(
            handle, QUERY_PENDING_APPROVAL, PendingApprovalView, patience=self._patience
        )
        # Where another request waits, or none, the workflow says so, or repeats its receipt.
        if pending is not None and pending.request_id == request_id:
            decision = decision.model_copy(update={"binding_hash": pending.binding_hash})
        return await self._ask(handle, UPDATE_DECIDE, decision, decision.decision_id)

    async def operate(
        self,
        ticket_id: str,
        operation: OperationName,
        approver: str,
        *,
        resolution: RecordedResolution | Mapping[str, object] | None = None,
        mode: Mode | None = None,
        operation_id: str | None = None,
    ) -> UpdateReceipt:
        """Claim its request; take it over, hand it back, record its resolution, or lower its mode.

        The same resolution or mode again gets the same receipt.

        Raises:
            Refused: with the code of the rule, for example ``not_escalated`` or ``closed``.
        """
        handle = self._handle(ticket_id)
        done = None if resolution is None else intake.parse_input(RecordedResolution, resolution)
        given: dict[str, object] = {
            "operation_id": operation_id or "",
            "operation": operation,
            "approver": approver,
            "resolution": done,
            "mode": mode,
        }
        if operation_id is None:
            await calls.check_open(handle)
            given["operation_id"] = intake.operation_id(
                operation, approver, resolution=done, mode=mode, after=await self._last_word(handle)
            )
        what = intake.parse_input(Operation, given)
        return await self._ask(handle, UPDATE_OPERATE, what, what.operation_id)

    async def backend_event(self, ticket_id: str, event: BackendEvent) -> Hinted:
        """Tell the ticket that a backend says something changed: it reads, it believes nothing.

        A repeated event id changes nothing. For a closed ticket a linked one, ``<id>~2``, reads
        back what it is about; it bothers nobody while all of that still stands. No such ticket is
        an outcome, no error.
        """
        return await executions.hint(
            self.client, self.tenant, ticket_id, event, opened_by=self._identity
        )

    async def get_ticket(self, ticket_id: str) -> TicketView:
        """Return the whole ticket; as it was last recorded where no worker answers within 5 s."""
        handle = self._handle(ticket_id)
        try:
            view = await calls.query(
                handle, QUERY_TICKET, TicketView, patience=calls.ANSWER_SECONDS
            )
            if view is not None:
                return view
            problem: CloseloopError = calls.missing(handle)
        except ConfigurationError:
            raise
        except CloseloopError as error:
            problem = error
        recorded = None
        with suppress(CloseloopError):  # what it says is not why the ticket cannot be shown
            recorded = await self._read(lambda r: r.get_ticket_view(self.tenant, ticket_id))
        if recorded is None:
            raise problem
        log.warning("ticket shown as last recorded", ticket_id=ticket_id, why=str(problem))
        return recorded

    async def get_timeline(self, ticket_id: str) -> list[TimelineEntry]:
        """Return what happened, oldest first; needs a worker."""
        entries = await calls.query(
            self._handle(ticket_id),
            QUERY_TIMELINE,
            list[TimelineEntry],
            patience=calls.ANSWER_SECONDS,
        )
        return entries or []

    async def list_tickets(self, status: Status | None = None) -> list[TicketSummary]:
        """Return the newest 1000 tickets, newest first, optionally of one status only.

        Temporal's visibility says which there are and how they stand, a moment late; the
        operations database adds the rest, and the tickets that the namespace no longer keeps;
        where it does not answer, they are missing.
        """
        visible = await executions.listed(self.client, self.tenant, status)
        if self._open_records is None:
            return visible
        try:
            rows = await self._read(lambda records: records.list_tickets(self.tenant))
        except Unavailable as error:
            log.warning("tickets listed without what is on record", why=str(error))
            return visible
        return executions.completed(visible, rows, status)

    async def list_approvals(self) -> list[TicketSummary]:
        """Return the requests that wait for a person, oldest deadline first."""
        return list(await self._read(lambda records: records.list_approvals(self.tenant)))

    async def wait(self, ticket_id: str, *, timeout_seconds: float | None = None) -> TicketView:
        """Wait until the ticket does nothing more by itself, and return it.

        That is at resolved, escalated, awaiting_approval, awaiting_customer or closed, and at
        working while a promised call is waited for.

        Raises:
            Unavailable: no worker has picked the ticket up, or the time is over.
        """
        await executions.until_at_rest(
            self._handle(ticket_id), patience=self._patience, at_most=timeout_seconds
        )
        return await self.get_ticket(ticket_id)

    def _handle(self, ticket_id: str) -> calls.Handle:
        return self.client.get_workflow_handle(workflow_id(self.tenant, ticket_id))

    async def _ask(
        self, handle: calls.Handle, name: str, arg: Decision | Operation, item_id: str
    ) -> UpdateReceipt:
        # Another update id for each call: Temporal repeats a refusal of the same one for ever,
        # and the roster or the ticket may have changed. The item's own id makes it happen once.
        update_id = f"{item_id}-{intake.random_id()}"
        return await calls.update(handle, name, arg, update_id=update_id, patience=self._patience)

    async def _last_word(self, handle: calls.Handle) -> str | None:
        """Return the id of the customer's last message."""
        view = await calls.query(handle, QUERY_TICKET, TicketView, patience=self._patience)
        messages = view.messages if view else ()
        return next((m.message_id for m in reversed(messages) if m.sender == "customer"), None)

    async def _read(self, read: Callable[[TicketRecords], Read]) -> Read:
        open_records = self._open_records
        if open_records is None:
            raise Unavailable("this SupportDesk was given no operations database")

        def work() -> Read:
            if self._records is None:
                self._records = open_records()
            return read(self._records)

        try:
            return await asyncio.to_thread(work)
        except BackendError as error:
            raise Unavailable(f"the operations database does not answer: {error}") from error
