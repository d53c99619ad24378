"""What the tenant has laid down."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from closeloop.models.approval import ApprovalTerms, Approver
from closeloop.models.callbacks import CallbackRecord, Slot
from closeloop.models.policy import Facts, Judgement, MoneyLimit
from closeloop.models.proposal import Action
from closeloop.models.routing import OpenCases, Route, RouteRequest
from closeloop.models.sla import OpenHours, ServiceLevels
from closeloop.models.state import Terms
from closeloop.models.voice import Voice


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
