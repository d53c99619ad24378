"""What the reports on autonomy say: promotion, rules tried on again, the worst case."""

from typing import Literal

from pydantic import Field

from closeloop.models.base import Money, UtcTime, Wire
from closeloop.models.metrics import Share
from closeloop.models.policy import Measure
from closeloop.models.stop import Stop
from closeloop.models.ticket import Mode


class Promotion(Wire):
    """One action of one intent, had it been done alone: how people decided instead.

    ``over_minor`` is what would have gone out and did not, ``under_minor`` the reverse, in minor
    units. ``minutes_saved`` are those of the ``timed`` decisions, whose length is known.
    """

    intent: str
    action: str
    agreed: Share
    edited: Share
    asked: Share
    over_minor: int = 0
    under_minor: int = 0
    timed: Share
    minutes_saved: float = 0.0


class PromotionReport(Wire):
    """What people decided where Closeloop may not, by intent and action."""

    tenant: str
    since: UtcTime | None
    rows: tuple[Promotion, ...]


Ending = Literal["autonomous", "approval", "refused", "person"]
"""What a judgement comes to: done alone, asked, refused, or handed to a person."""


class Change(Wire):
    """A number under the rules of then, and under the edited ones."""

    before: int = 0
    after: int = 0


class RuleChange(Change):
    """How many judgements a rule had a word in."""

    rule_id: str


class Rejudged(Wire):
    """A judgement that ends otherwise under the edited rules; ``rules`` are those that differ."""

    ticket_id: str
    at: UtcTime
    before: Ending
    after: Ending
    money: tuple[Money, ...] = ()
    rules: tuple[str, ...] = ()


class PolicyReplay(Wire):
    """Recorded facts judged again under edited rules.

    ``endings`` count judgements; ``money`` is what they would move, in minor units by currency.
    ``changed`` is bounded to the newest; ``changed_count`` is all of them.
    """

    tenant: str
    since: UtcTime | None
    rules: str
    judgements: int
    endings: dict[Ending, Change]
    money: dict[Ending, dict[str, Change]]
    by_rule: tuple[RuleChange, ...]
    changed_count: int
    changed: tuple[Rejudged, ...] = ()


class LimitLeft(Wire):
    """A limit on money; ``left`` is None where it is on something else than the tenant's day.

    ``passed_by_approval``: a person may let it be passed.
    """

    rule_id: str
    measure: Measure
    at_most: int
    left: int | None
    passed_by_approval: bool
    kinds: tuple[str, ...] = ()


class WorstCase(Wire):
    """What a model that does its worst could cost today, in minor units.

    ``alone_minor``: without deceiving anybody; ``approved_minor``: with people who approve all of
    it. None means that no limit holds; each names the limit that does.
    """

    tenant: str
    at: UtcTime
    mode_cap: Mode
    stop: Stop | None
    spent_minor: int
    alone_minor: int | None
    alone_rule: str | None
    approved_minor: int | None
    approved_rule: str | None
    limits: tuple[LimitLeft, ...] = Field(default=())
    without_money: tuple[str, ...] = ()
