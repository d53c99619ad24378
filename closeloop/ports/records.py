"""What Closeloop itself keeps: codes, effects and their limits, what happened."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from closeloop.models.identity import CodeTerms
from closeloop.models.labels import DecisionLabel
from closeloop.models.policy import EffectFacts
from closeloop.models.proposal import Receipt
from closeloop.models.steps import (
    CodeChecked,
    ExecuteAction,
    RequestApproval,
    Snapshot,
)
from closeloop.models.stop import Stop
from closeloop.models.view import TicketView


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
