"""The limits on money, asked in the transaction that reserves or begins an effect.

Expects to be alone with the tenant's ledger: what it adds up still holds when the effect is put.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from closeloop.errors import BackendRefused
from closeloop.models.policy import WINDOW_DAYS, Measure, MoneyLimit
from closeloop.models.steps import ExecuteAction
from closeloop.store.effects import BEGUN, utc_day
from closeloop.store.schema import EffectState, effect_scopes, effects

Limits = Callable[[str], Sequence[MoneyLimit]]
"""A tenant's limits."""


def spent(
    connection: Connection,
    tenant: str,
    customer_id: str | None,
    now: datetime,
    besides: Sequence[str],
) -> tuple[int, int]:
    """Return (customer's, tenant's) minor units of the UTC day, live reservations included."""
    theirs = case(
        (effects.c.customer_id.is_not_distinct_from(customer_id), effects.c.amount_minor), else_=0
    )
    row = connection.execute(
        select(func.sum(theirs), func.sum(effects.c.amount_minor)).where(
            effects.c.tenant == tenant,
            _counts(effects.c.day == utc_day(now), now),
            effects.c.effect_id.not_in(besides),
        )
    ).one()
    return int(row[0] or 0), int(row[1] or 0)


def recent(
    connection: Connection,
    tenant: str,
    scopes: Sequence[str],
    now: datetime,
    besides: Sequence[str],
) -> dict[str, int]:
    """Return each scope's minor units of the window, live reservations included."""
    if not scopes:
        return {}
    begins = utc_day(now) - timedelta(days=WINDOW_DAYS - 1)
    rows = connection.execute(
        select(effect_scopes.c.scope, func.sum(effects.c.amount_minor).label("minor"))
        .join(effects)
        .where(
            effect_scopes.c.tenant == tenant,
            effect_scopes.c.scope.in_(scopes),
            _counts(effects.c.day >= begins, now),
            effects.c.effect_id.not_in(besides),
        )
        .group_by(effect_scopes.c.scope)
    )
    return dict.fromkeys(scopes, 0) | {row.scope: int(row.minor or 0) for row in rows}


def require_within(
    connection: Connection,
    tenant: str,
    effect: ExecuteAction,
    now: datetime,
    limits: Sequence[MoneyLimit],
    *,
    approved: bool,
) -> None:
    """Refuse an effect that would pass a limit; ``approved`` ones pass those that may be.

    Raises:
        BackendRefused: ``limit_reached``; names the rule, and what is spent or reserved.
    """
    if effect.amount is None or effect.amount.amount_minor == 0:
        return
    held = [limit for limit in limits if _holds(limit, effect, approved=approved)]
    if not held:
        return
    sums = list(_sums(connection, tenant, effect, now))
    for limit in held:
        for so_far in (minor for measure, minor in sums if measure == limit.measure):
            if so_far + effect.amount.amount_minor > limit.at_most:
                raise BackendRefused(
                    f"{effect.amount} would pass the limit {limit.rule_id!r}:"
                    f" {so_far} of {limit.at_most} minor units are spent or reserved",
                    code="limit_reached",
                )


def _holds(limit: MoneyLimit, effect: ExecuteAction, *, approved: bool) -> bool:
    concerned = limit.kinds is None or effect.action.kind in limit.kinds
    return concerned and not (approved and limit.approvable)


def _sums(
    connection: Connection, tenant: str, effect: ExecuteAction, now: datetime
) -> Iterator[tuple[Measure, int]]:
    """Yield what has counted so far towards each thing that the effect counts towards."""
    own = [effect.effect_id]
    customers_day, tenants_day = spent(connection, tenant, effect.customer_id, now, own)
    yield "amount", 0
    yield "customer_day", customers_day
    yield "tenant_day", tenants_day
    for scope, minor in recent(connection, tenant, effect.scopes, now, own).items():
        match scope.partition(":")[0]:
            # One amount alone is no part of anything: other limits are on it.
            case "order" | "customer" | "instrument" | "address" as measure if minor > 0:
                yield measure, minor
            case _:
                pass


def _counts(begun: ColumnElement[bool], now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(effects.c.state.in_(BEGUN), begun),
        and_(effects.c.state == EffectState.RESERVED, effects.c.reserved_until > now),
    )
