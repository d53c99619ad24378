"""What the metrics of the desk are made of; docs/metrics.md has the formulas and source rows."""

import datetime
from typing import Final, get_args

from pydantic import Field, computed_field

from closeloop.models.base import UtcTime, Wire
from closeloop.models.proposal import CommitmentKind
from closeloop.models.sla import Goal
from closeloop.models.ticket import Closure

CLOSURES: Final[tuple[Closure, ...]] = get_args(Closure)
KINDS_OF_PROMISES: Final[tuple[CommitmentKind, ...]] = get_args(CommitmentKind)


class Share(Wire):
    """How many of how many; where there were none to count, there is no rate."""

    count: int = 0
    of: int = 0

    @computed_field
    @property
    def rate(self) -> float | None:
        """``count`` of ``of``, between 0 and 1."""
        return self.count / self.of if self.of else None


class Spread(Wire):
    """Durations in seconds: their number, median, and 90th percentile (nearest rank)."""

    count: int
    median_seconds: float
    p90_seconds: float


class Day(Wire):
    """A day in UTC on which tickets were opened or closed, and how many of them."""

    day: datetime.date
    opened: int = 0
    closed: int = 0


class AutoResolution(Wire):
    """Shares of all closed tickets, one for each closure; they are not to be added up silently."""

    confirmed: float | None = None
    verified_quiet: float | None = None
    unconfirmed: float | None = None


class Leaving(Wire):
    """How many tickets of an intent left autonomous mode for a reason.

    ``intent`` is None where it was not known yet, or not recorded.
    """

    intent: str | None
    reason: str
    tickets: int


class Promises(Wire):
    """What became of promises of one kind; those still open are in ``made`` alone.

    ``kept`` is of the kept and the missed. ``at_risk`` were not kept yet when people had to know;
    ``released`` were moved or called off by the customer.
    """

    made: int = 0
    kept: Share = Share()
    at_risk: int = 0
    released: int = 0


class ResolvedCost(Wire):
    """What all closed tickets cost, for each one of them that was resolved.

    ``tickets`` are the resolved ones: closed as ``confirmed`` or ``verified_quiet``. The models'
    fees are in millionths of a US dollar. A sum that lacks a part is None.
    """

    tickets: int = 0
    usd_micros: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    human_minutes: float | None = None


class Metrics(Wire):
    """How the desk did in a window of time, from ``since`` on; what was not measured is None.

    Only counts can be 0. A rate stands with the two counts that it was made of; those without
    (``auto_resolution``, ``sla_compliance``, ``escalation_rate``) repeat one that has them.
    """

    tenant: str
    since: UtcTime | None = None
    tickets_opened: int = 0
    tickets_closed: int = 0
    days: tuple[Day, ...] = ()
    auto_resolved: dict[Closure, Share] = Field(
        default_factory=lambda: dict.fromkeys(CLOSURES, Share())
    )
    first_response: Spread | None = None
    resolution: Spread | None = None
    sla: dict[Goal, Share] = Field(default_factory=lambda: dict.fromkeys(Goal, Share()))
    escalated: Share = Share()
    escalation_reasons: dict[str, int] = Field(default_factory=dict)
    left_autonomous: tuple[Leaving, ...] = ()
    reopened: int = 0
    reopened_tickets: Share = Share()
    csat_mean: float | None = None
    csat_responses: int = 0
    csat_answered: Share = Share()
    edited: Share = Share()
    rejected: Share = Share()
    promises: dict[CommitmentKind, Promises] = Field(
        default_factory=lambda: dict.fromkeys(KINDS_OF_PROMISES, Promises())
    )
    calls_booked: int = 0
    calls_reached: Share = Share()
    tickets_costed: int = 0
    cost_per_ticket_usd_micros: float | None = None
    cost_per_resolved: ResolvedCost = ResolvedCost()

    @computed_field
    @property
    def auto_resolution(self) -> AutoResolution:
        """The rates of ``auto_resolved``."""
        rates = {closure: share.rate for closure, share in self.auto_resolved.items()}
        return AutoResolution.model_validate(rates)

    @computed_field
    @property
    def sla_compliance(self) -> float | None:
        """The rate of ``sla`` for the resolution."""
        return self.sla[Goal.RESOLUTION].rate

    @computed_field
    @property
    def escalation_rate(self) -> float | None:
        """The rate of ``escalated``."""
        return self.escalated.rate
