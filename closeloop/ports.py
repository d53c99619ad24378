"""What activities need from the world, as Protocols; every call carries the tenant.

Reads return ``None`` for what is not there. Writes take an idempotency key: the same key with the
same arguments returns the first result, with other arguments it is refused. Every port raises only
the ``BackendError`` family of ``closeloop.errors``: ``BackendRefused`` (a business refusal),
``BackendUnavailable`` (nothing was done) and ``EffectUnknown`` (a write may have happened).
All calls block; activities run in threads.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from closeloop.models.approval import ApprovalTerms, Approver
from closeloop.models.base import Money
from closeloop.models.callbacks import CallbackRecord, Slot
from closeloop.models.handover import HandOverPack
from closeloop.models.identity import CodeTerms
from closeloop.models.knowledge import Document, Passage, SourceKind, StoredDocument
from closeloop.models.labels import DecisionLabel
from closeloop.models.policy import EffectFacts, Facts, Judgement, MoneyLimit
from closeloop.models.proposal import Action, Proposal, ProposeRequest, Receipt
from closeloop.models.records import (
    Address,
    AlertRecord,
    CreditRecord,
    CustomerRecord,
    DisputeRecord,
    EscalationRecord,
    NoteRecord,
    OrderRecord,
    PaymentRecord,
    ProductRecord,
    RefundRecord,
    SentMessage,
    StoreCreditRecord,
)
from closeloop.models.routing import OpenCases, Route, RouteRequest
from closeloop.models.sla import OpenHours, ServiceLevels
from closeloop.models.state import Terms
from closeloop.models.steps import (
    CodeChecked,
    ExecuteAction,
    RequestApproval,
    RetrievedKnowledge,
    RetrieveKnowledge,
    Snapshot,
)
from closeloop.models.stop import Stop
from closeloop.models.triage import Classification, ClassifyRequest, Confirmation
from closeloop.models.view import TicketView
from closeloop.models.voice import Voice


class Classifier(Protocol):
    """Reads what a customer wants."""

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        """Return intent, urgency, sentiment, priority, entities and confidence."""
        ...

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        """Return what the customer's word after a resolution means."""
        ...


class Knowledge(Protocol):
    """Finds passages; a tenant sees its own only."""

    def search(
        self,
        tenant: str,
        query: str,
        *,
        limit: int,
        kinds: Sequence[SourceKind] | None = None,
        language: str | None = None,
        on: date | None = None,
    ) -> tuple[Passage, ...]:
        """Return the best passages for free text, best first; any text is a valid query.

        ``kinds`` keeps to these kinds, ``language`` (``en``, ``pt-BR``; its first part counts) to
        one language, ``on`` to what is in force on that day. None keeps everything.
        """
        ...

    def get(self, tenant: str, passage_ids: Sequence[str]) -> tuple[Passage, ...]:
        """Return the passages with these ids that exist, in the order asked for."""
        ...


class InjectionDetector(Protocol):
    """Reads whether a text gives orders to the machine that reads it."""

    def suspects(self, text: str) -> bool:
        """Return whether any part of the text does; a signal, never a guard."""
        ...


class Languages(Protocol):
    """Tells which language a customer writes."""

    def detect(self, texts: Sequence[str]) -> str | None:
        """Return the ISO 639 code of the newest of texts, oldest first; None where unsure."""
        ...


class KnowledgeStore(Knowledge, Protocol):
    """Knowledge that can be written; what is written is found by the next search."""

    def put(self, tenant: str, documents: Sequence[Document]) -> int:
        """Make each document exactly what is given, its passages included.

        A passage that has not changed keeps its vector; one that the document no longer has is
        removed. Repeating a call that failed half way completes it. Returns how many passages were
        added, replaced or removed.

        Raises:
            ValueError: a document id is given twice, or a passage id stands in two places.
        """
        ...

    def documents(self, tenant: str) -> tuple[StoredDocument, ...]:
        """Return every document that the tenant has here, by id."""
        ...

    def delete_document(self, tenant: str, document_id: str) -> bool:
        """Remove a document with its passages; False where there was none."""
        ...


class KnowledgeSources(Protocol):
    """Where knowledge is written: folders of articles and product feeds."""

    def documents(self, tenant: str, source: str) -> Iterator[Document]:
        """Yield every document that the source has now, each with ``source`` as its own.

        Raises:
            BackendRefused: it is not there, or faulty (``bad_source``); names file and key. One
                that is there and empty has no documents.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors: near in meaning, near in direction."""

    @property
    def name(self) -> str:
        """Which model; a store refuses to mix the vectors of two."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector of length one for each text, whatever it says and however long it is.

        Batches and limits of a service are the embedder's own business.
        """
        ...


class Retriever(Protocol):
    """Finds what is known about a ticket."""

    def retrieve(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        """Return the passages that help, with their text, and what is missing."""
        ...


class Resolver(Protocol):
    """Proposes what to do next."""

    def propose(self, request: ProposeRequest) -> Proposal:
        """Return a typed proposal; it is judged before anything of it happens."""
        ...


class Shop(Protocol):
    """Customers, orders and products."""

    def get_customer(self, tenant: str, customer_id: str) -> CustomerRecord | None:
        """Return the customer with this id."""
        ...

    def find_customer(self, tenant: str, email: str) -> CustomerRecord | None:
        """Return the customer with this e-mail on file (case-insensitive)."""
        ...

    def find_customer_by_name(
        self, tenant: str, first_name: str, last_name: str, zip_code: str
    ) -> CustomerRecord | None:
        """Return the one customer of this name and postcode (case-insensitive); None if several."""
        ...

    def get_product(self, tenant: str, product_id: str) -> ProductRecord | None:
        """Return the product with this id; an item's id is another thing."""
        ...

    def find_item(self, tenant: str, item_id: str) -> ProductRecord | None:
        """Return the product that has this item as a variant."""
        ...

    def get_order(self, tenant: str, order_id: str) -> OrderRecord | None:
        """Return the order with this id (``#W1001``)."""
        ...

    def list_orders(self, tenant: str, customer_id: str) -> tuple[OrderRecord, ...]:
        """Return the customer's orders, newest first."""
        ...

    def cancel_order(
        self, tenant: str, key: str, order_id: str, reason: str, *, amount: Money | None = None
    ) -> OrderRecord:
        """Cancel a pending order and give back what is left of what was paid.

        Here and in the three changes below ``amount`` is what may move: any other is refused
        (``amount_changed``). None, whatever it comes to, is for who has no judgement to keep to.
        """
        ...

    def modify_order_address(
        self, tenant: str, key: str, order_id: str, address: Address
    ) -> OrderRecord:
        """Change where a pending order is sent."""
        ...

    def modify_order_items(
        self,
        tenant: str,
        key: str,
        order_id: str,
        item_ids: Sequence[str],
        new_item_ids: Sequence[str],
        method_id: str,
        *,
        amount: Money | None = None,
    ) -> OrderRecord:
        """Put new items in the place of old ones on a pending order; settle the difference."""
        ...

    def modify_order_payment(
        self, tenant: str, key: str, order_id: str, method_id: str, *, amount: Money | None = None
    ) -> OrderRecord:
        """Take a pending order's one payment by another method, and give the first one back."""
        ...

    def return_items(
        self, tenant: str, key: str, order_id: str, item_ids: Sequence[str], method_id: str
    ) -> OrderRecord:
        """Take in the return of items of a delivered order; the money goes to ``method_id``."""
        ...

    def exchange_items(
        self,
        tenant: str,
        key: str,
        order_id: str,
        item_ids: Sequence[str],
        new_item_ids: Sequence[str],
        method_id: str,
        *,
        amount: Money | None = None,
    ) -> OrderRecord:
        """Take in the exchange of items of a delivered order for others of the same products."""
        ...

    def update_customer_address(
        self, tenant: str, key: str, customer_id: str, address: Address
    ) -> CustomerRecord:
        """Change the customer's address on file."""
        ...

    def issue_store_credit(
        self, tenant: str, key: str, order_id: str, amount: Money
    ) -> StoreCreditRecord:
        """Credit a gift card of the order's customer; a new one where there is none."""
        ...

    def find_store_credit(self, tenant: str, key: str) -> StoreCreditRecord | None:
        """Return the credit issued under ``key``."""
        ...


class Payments(Protocol):
    """Money taken and given back: the system of record for refunds."""

    def list_payments(self, tenant: str, order_id: str) -> tuple[PaymentRecord, ...]:
        """Return what was taken for the order."""
        ...

    def list_refunds(self, tenant: str, order_id: str) -> tuple[RefundRecord, ...]:
        """Return everything given back on the order, whoever did it."""
        ...

    def refund(
        self, tenant: str, key: str, order_id: str, amount: Money, *, ticket_id: str | None = None
    ) -> RefundRecord:
        """Give ``amount`` back to how the order was paid; never more than is left of it.

        ``ticket_id`` is who is told when it settles, where the system tells anybody.
        """
        ...

    def find_refund(
        self, tenant: str, key: str, *, order_id: str | None = None
    ) -> RefundRecord | None:
        """Return the refund made under ``key``; its order, where it is known, shortens the way."""
        ...

    def list_credits(self, tenant: str, order_id: str) -> tuple[CreditRecord, ...]:
        """Return the credit given on the order in place of money, whoever did it."""
        ...

    def list_disputes(self, tenant: str, order_id: str) -> tuple[DisputeRecord, ...]:
        """Return every dispute about the order's payments, settled ones included."""
        ...


class Crm(Protocol):
    """The helpdesk's own records: notes on customers and cases in the human queue."""

    def add_note(self, tenant: str, key: str, customer_id: str | None, text: str) -> NoteRecord:
        """Write a note; without a customer it stands on the ticket alone."""
        ...

    def find_note(self, tenant: str, key: str) -> NoteRecord | None:
        """Return the note written under ``key``."""
        ...

    def create_escalation(
        self,
        tenant: str,
        key: str,
        queue: str,
        reason: str,
        pack: str,
        person: str | None = None,
        details: HandOverPack | None = None,
    ) -> EscalationRecord:
        """Put a case with its hand-over pack into a human queue, or give it to a person of it.

        ``pack`` is for people to read, ``details`` the same for programs.
        """
        ...

    def find_escalation(self, tenant: str, key: str) -> EscalationRecord | None:
        """Return the case created under ``key``."""
        ...

    def close_escalation(self, tenant: str, key: str) -> EscalationRecord:
        """Mark the case created under ``key`` as done."""
        ...

    def open_cases(self, tenant: str) -> tuple[OpenCases, ...]:
        """Return how many open cases each queue has with each of its people."""
        ...

    def raise_alert(self, tenant: str, key: str, queue: str, text: str) -> AlertRecord:
        """Tell the people of a queue something at once, without making it a case."""
        ...

    def find_alert(self, tenant: str, key: str) -> AlertRecord | None:
        """Return the alert raised under ``key``."""
        ...


class Calendar(Protocol):
    """The desk's calendar: calls to customers, and what came of them."""

    def book(
        self, tenant: str, key: str, ticket_id: str, customer_id: str, slot: Slot, zone: str
    ) -> CallbackRecord:
        """Book a call; ``zone`` is the one that the customer's clock shows."""
        ...

    def move(self, tenant: str, key: str, booking_id: str, slot: Slot) -> CallbackRecord:
        """Move a call that was not made yet to another time.

        Raises:
            BackendRefused: ``no_booking``, or ``not_booked`` where it was made or called off.
        """
        ...

    def cancel(self, tenant: str, key: str, booking_id: str) -> CallbackRecord:
        """Call a call off; raises as ``move``."""
        ...

    def get(self, tenant: str, booking_id: str) -> CallbackRecord | None:
        """Return a call as it stands."""
        ...

    def find(self, tenant: str, key: str) -> CallbackRecord | None:
        """Return the call booked under ``key``, as it stands."""
        ...

    def calls(self, tenant: str, since: datetime) -> tuple[CallbackRecord, ...]:
        """Return the calls that end after a time, in the order of their beginnings."""
        ...


class Outbox(Protocol):
    """Messages to customers."""

    def send(
        self, tenant: str, key: str, ticket_id: str, to: str, subject: str, text: str
    ) -> SentMessage:
        """Send one message."""
        ...

    def find(self, tenant: str, key: str) -> SentMessage | None:
        """Return the message sent under ``key``."""
        ...


class Codes(Protocol):
    """One-time codes, kept as hashes alone.

    Limits count for a ``subject``, whichever tickets its codes came with; ``at`` is the time as the
    ticket has it. Repeating a call after a crash counts nothing twice.
    """

    def issue(
        self,
        tenant: str,
        ticket_id: str,
        number: int,
        subject: str,
        at: datetime,
        terms: CodeTerms,
    ) -> str | None:
        """Make the ticket's n-th code and return it, this once; it ends those before it.

        None: the subject is locked out, or had too many.
        """
        ...

    def check(
        self,
        tenant: str,
        ticket_id: str,
        attempt_id: str,
        subject: str,
        code: str,
        at: datetime,
        terms: CodeTerms,
    ) -> CodeChecked:
        """Compare a code with the ticket's newest; a right one is used up by it."""
        ...


class Ledger(Protocol):
    """Names effects before they happen, and holds the money limits."""

    def lookup(self, tenant: str, effect_id: str, components: dict[str, int]) -> EffectFacts:
        """Return what is known of the effect, and any other live effect it overlaps."""
        ...

    def spent_today(
        self, tenant: str, customer_id: str | None, now: datetime, *, besides: Sequence[str] = ()
    ) -> tuple[int, int]:
        """Return (customer's, tenant's) money in minor units of this UTC day.

        Live reservations are included, the effects in ``besides`` left out.
        """
        ...

    def recent(
        self, tenant: str, scopes: Sequence[str], now: datetime, *, besides: Sequence[str] = ()
    ) -> dict[str, int]:
        """Return the money in minor units of the last ``WINDOW_DAYS`` for each scope.

        Live reservations are included, the effects in ``besides`` left out.
        """
        ...

    def stopped(self, tenant: str) -> Stop | None:
        """Return who has stopped the tenant's autonomous writes, and why."""
        ...

    def reserve(self, tenant: str, effect: ExecuteAction, expires_at: datetime) -> None:
        """Reserve an effect and its money while approval is asked.

        Raises:
            BackendRefused: another live effect overlaps (``effect_overlap``), another ticket is
                about this very effect (``effect_busy``), a limit is reached
                (``limit_reached``), or the amount is negative (``bad_amount``).
        """
        ...

    def begin(self, tenant: str, effect: ExecuteAction, now: datetime) -> EffectFacts:
        """Record the intent, before the call; one transaction with the limits.

        Returns the effect as it stood *before* this call: state None for a first attempt,
        ``executing`` or ``unknown`` when an earlier attempt may have done it, ``done`` with the
        receipt on record when it is done already.

        Raises:
            BackendRefused: as ``reserve``; and ``stopped``, for what nobody has approved while the
                tenant's autonomous writes are stopped.
        """
        ...

    def receipt(self, tenant: str, effect_id: str) -> Receipt | None:
        """Return the receipt on record for a done effect."""
        ...

    def finish(self, tenant: str, effect_id: str, receipt: Receipt) -> None:
        """Record that the effect happened, and free the one that it takes back."""
        ...

    def record_done(self, tenant: str, effect: ExecuteAction, receipt: Receipt) -> None:
        """Enter an effect that a person made outside of Closeloop; limits do not apply to it."""
        ...

    def mark_unknown(self, tenant: str, effect_id: str) -> None:
        """Record that the effect may have happened; overlapping effects stay refused."""
        ...

    def fail(self, tenant: str, effect_id: str, code: str) -> None:
        """Record that the effect did not happen; its components and money are free again."""
        ...

    def release(self, tenant: str, effect_ids: Sequence[str], request_id: str) -> None:
        """Free what was reserved for an approval request and never executed."""
        ...

    def release_ticket(self, tenant: str, ticket_id: str) -> int:
        """Free all that a ticket has reserved and never begun; return how many effects.

        For a ticket that can no longer say so itself: its workflow was cancelled or terminated.
        """
        ...


class Records(Protocol):
    """The operations database's projections: tickets, approvals, outcome events, audit."""

    def record(self, snapshot: Snapshot) -> None:
        """Upsert the ticket's projection, insert events not seen before, close its audit line."""
        ...

    def get_ticket_view(self, tenant: str, ticket_id: str) -> TicketView | None:
        """Return the ticket as it was last recorded."""
        ...

    def publish_approval(self, request: RequestApproval) -> None:
        """Upsert the row that ``approvals`` lists."""
        ...

    def settle_approval(self, tenant: str, ticket_id: str, request_id: str, outcome: str) -> None:
        """Take the row off the list, keeping how it ended."""
        ...

    def keep_decision(self, tenant: str, ticket_id: str, label: DecisionLabel) -> None:
        """Keep what a person made of a proposal; the first word on a request stays."""
        ...


class CallHours(Protocol):
    """When a tenant calls its customers back."""

    @property
    def zone(self) -> str:
        """The desk's own zone, for customers whose own is not known."""
        ...

    def slots(self, now: datetime, zone: str, booked: Sequence[CallbackRecord]) -> Iterator[Slot]:
        """Yield the free times from ``now`` on, the earliest first; ``zone`` is the customer's."""
        ...

    def problem(
        self, starts_at: datetime, now: datetime, zone: str, booked: Sequence[CallbackRecord]
    ) -> str:
        """Return why nobody can call at a time, and when somebody can; "" where it is free."""
        ...

    def slot_at(self, starts_at: datetime) -> Slot:
        """Return the time that begins then."""
        ...


class PolicyBook(Protocol):
    """The tenant's rules, terms and roster, versioned by content hash."""

    @property
    def version(self) -> str:
        """Hash of everything that judgements rest on."""
        ...

    def judge(self, facts: Facts, actions: Sequence[Action]) -> Judgement:
        """Return the verdicts on recorded facts about exactly these actions; pure."""
        ...

    def terms(self, tenant: str) -> Terms:
        """Return the desk's terms, waits already scaled."""
        ...

    def service_levels(self, tenant: str, start: datetime) -> ServiceLevels:
        """Return targets and open hours for a ticket whose clock began at ``start``, scaled."""
        ...

    def open_hours(
        self, tenant: str, calendar: str, start: datetime, since: datetime
    ) -> OpenHours | None:
        """Return the hours from ``since`` on, scaled around ``start``; None if there are none."""
        ...

    def call_hours(self, tenant: str) -> CallHours | None:
        """Return when customers are called back; None where nobody is."""
        ...

    def limits(self, tenant: str) -> tuple[MoneyLimit, ...]:
        """Return the limits on money that the ledger holds."""
        ...

    def voice(self, tenant: str) -> Voice | None:
        """Return how the tenant speaks to customers; None where that is left to who writes."""
        ...

    def secret_limits(self, tenant: str) -> frozenset[int]:
        """Return the limits, in minor units, that no customer is told."""
        ...

    def contact_bar(self) -> timedelta:
        """Return for how long after a change of contact money waits; none where no rule asks."""
        ...

    def approvers(self, tenant: str) -> tuple[Approver, ...]:
        """Return who may decide for this tenant."""
        ...

    def approver(self, approver_id: str, tenant: str, on: date) -> Approver | None:
        """Return the person with this id, of whatever tenant, with their limit in one on a day."""
        ...

    def route(self, tenant: str, request: RouteRequest, cases: Sequence[OpenCases]) -> Route | None:
        """Return who gets a ticket, with so many cases open; None where nothing is routed."""
        ...

    def route_to(
        self, tenant: str, request: RouteRequest, queue_id: str, person: str | None
    ) -> Route | None:
        """Return the route to a queue and person chosen before; None without the queue."""
        ...

    def approval_terms(self, tenant: str, start: datetime, asked_at: datetime) -> ApprovalTerms:
        """Return how a request of ``asked_at`` is decided; the clock began at ``start``."""
        ...
