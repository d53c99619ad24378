"""What a model that does its worst could cost today: from the limits that hold; pure.

Such a model chooses intent, action and words as it likes, over as many customers as there are. What
it cannot choose is what the ledger holds in the transaction that begins an effect: so only limits
on the tenant's day bound the sum. Caps by intent do not, for the model names the intent.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from closeloop.actions.base import Access
from closeloop.actions.catalogue import CATALOGUE
from closeloop.models.policy import MoneyLimit
from closeloop.models.reports import LimitLeft, WorstCase
from closeloop.models.stop import Stop
from closeloop.models.ticket import Mode


def worst_case(
    limits: Sequence[MoneyLimit],
    allowed: Iterable[str],
    *,
    tenant: str,
    spent_minor: int,
    mode_cap: Mode,
    stop: Stop | None,
    now: datetime,
) -> WorstCase:
    """Return the bounds of today, a UTC day of which ``spent_minor`` is gone or reserved."""
    rows = tuple(_left(limit, spent_minor) for limit in limits)
    alone = _tightest(rows)
    approved = _tightest([row for row in rows if not row.passed_by_approval])
    stands = mode_cap is not Mode.AUTONOMOUS or stop is not None
    return WorstCase(
        tenant=tenant,
        at=now,
        mode_cap=mode_cap,
        stop=stop,
        spent_minor=spent_minor,
        alone_minor=0 if stands else alone[0],
        alone_rule=_why(mode_cap, stop) if stands else alone[1],
        approved_minor=approved[0],
        approved_rule=approved[1],
        limits=rows,
        without_money=_without_money(allowed),
    )


def _left(limit: MoneyLimit, spent_minor: int) -> LimitLeft:
    on_day = limit.measure == "tenant_day" and limit.kinds is None
    return LimitLeft(
        rule_id=limit.rule_id,
        measure=limit.measure,
        at_most=limit.at_most,
        left=max(0, limit.at_most - spent_minor) if on_day else None,
        passed_by_approval=limit.approvable,
        kinds=limit.kinds or (),
    )


def _tightest(rows: Iterable[LimitLeft]) -> tuple[int | None, str | None]:
    left = [(row.left, row.rule_id) for row in rows if row.left is not None]
    return min(left) if left else (None, None)


def _why(mode_cap: Mode, stop: Stop | None) -> str:
    return "mode.stopped" if stop is not None else f"mode.{mode_cap.value}"


def _without_money(allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the writes for a customer that no limit on money bounds: rules and consent do."""
    kinds = [CATALOGUE[kind] for kind in sorted(allowed)]
    return tuple(
        cls.kind
        for cls in kinds
        if cls.access is Access.WRITE and not cls.internal and not cls.moves_money
    )
