"""The rows of the ledger: the statements that ``ledger`` puts together in one transaction.

What changes rows here expects to be alone with the tenant's ledger (``engine.writing`` with
``tenant_lock``).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from pydantic import JsonValue
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from closeloop.models.steps import ExecuteAction
from closeloop.store.audit import DESK, append_audit
from closeloop.store.schema import EffectState, effect_components, effect_scopes, effects

BEGUN: Final = (EffectState.EXECUTING, EffectState.UNKNOWN, EffectState.DONE)
"""States of an effect that has happened, or may have."""


def tenant_lock(tenant: str) -> str:
    """Return the name of the lock under which a tenant's ledger is written."""
    return f"ledger:{tenant}"


def utc_day(at: datetime) -> date:
    """Return the UTC day of an aware time."""
    return at.astimezone(UTC).date()


def find(connection: Connection, tenant: str, effect_id: str) -> Row[Any] | None:
    """Return the row of an effect."""
    return connection.execute(select(effects).where(*_named(tenant, effect_id))).first()


def state_at(row: Row[Any], now: datetime) -> EffectState:
    """Return the effect's state; a reservation past its time is as good as released."""
    state = EffectState(row.state)
    if state is EffectState.RESERVED and row.reserved_until <= now:
        return EffectState.RELEASED
    return state


def claimed_by_others(
    connection: Connection, tenant: str, effect_id: str, components: Iterable[str], now: datetime
) -> dict[str, str]:
    """Return which of the components other live effects claim: component id to effect id."""
    wanted = list(components)
    if not wanted:
        return {}
    rows = connection.execute(
        select(effect_components.c.component_id, effect_components.c.effect_id)
        .join(effects)
        .where(
            effect_components.c.tenant == tenant,
            effect_components.c.effect_id != effect_id,
            effect_components.c.component_id.in_(wanted),
            effect_components.c.live.is_(true()),
            or_(effects.c.state != EffectState.RESERVED, effects.c.reserved_until > now),
        )
        .order_by(effect_components.c.component_id)
    )
    return {row.component_id: row.effect_id for row in rows}


def put(
    connection: Connection,
    tenant: str,
    effect: ExecuteAction,
    now: datetime,
    state: EffectState,
    *,
    claims: Collection[str],
    values: Mapping[str, object],
) -> None:
    """Insert or replace an effect, claiming those of its components that are in ``claims``."""
    columns = _columns(effect) | {"state": state, "updated_at": now} | dict(values)
    named = _named(tenant, effect.effect_id)
    key = {"tenant": tenant, "effect_id": effect.effect_id}
    if connection.execute(update(effects).where(*named), columns).rowcount == 0:
        connection.execute(insert(effects), key | columns | {"created_at": now})
    else:
        for table in (effect_components, effect_scopes):
            mine = (table.c.tenant == tenant, table.c.effect_id == effect.effect_id)
            connection.execute(delete(table).where(*mine))
    parts = [key | {"component_id": c, "live": c in claims} for c in effect.components]
    if parts:
        connection.execute(insert(effect_components), parts)
    scopes = [key | {"scope": scope} for scope in dict.fromkeys(effect.scopes)]
    if scopes:
        connection.execute(insert(effect_scopes), scopes)
    append_audit(
        connection,
        at=now,
        tenant=tenant,
        ticket_id=effect.ticket_id,
        actor=effect.approved_by or DESK,
        what=f"effect_{state}",
        detail={
            "effect_id": effect.effect_id,
            "kind": effect.action.kind,
            "amount_minor": effect.amount.amount_minor if effect.amount else None,
            "request_id": effect.request_id,
        },
    )


def move(
    connection: Connection,
    row: Row[Any],
    now: datetime,
    state: EffectState,
    *,
    values: Mapping[str, object] | None = None,
    detail: Mapping[str, JsonValue] | None = None,
) -> None:
    """Bring an effect into another state; failed and released ones give up their components."""
    columns = {"state": state, "updated_at": now} | dict(values or {})
    connection.execute(update(effects).where(*_named(row.tenant, row.effect_id)), columns)
    if state in (EffectState.FAILED, EffectState.RELEASED):
        connection.execute(
            update(effect_components)
            .where(
                effect_components.c.tenant == row.tenant,
                effect_components.c.effect_id == row.effect_id,
            )
            .values(live=False)
        )
    append_audit(
        connection,
        at=now,
        tenant=row.tenant,
        ticket_id=row.ticket_id,
        actor=DESK,
        what=f"effect_{state}",
        detail={"effect_id": row.effect_id} | dict(detail or {}),
    )


def reclaim(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Claim an effect's components again, as far as no other live effect has them now."""
    own = and_(
        effect_components.c.tenant == row.tenant, effect_components.c.effect_id == row.effect_id
    )
    components = set(connection.scalars(select(effect_components.c.component_id).where(own)))
    taken = claimed_by_others(connection, row.tenant, row.effect_id, components, now)
    free = components - taken.keys()
    connection.execute(
        update(effect_components)
        .where(own, effect_components.c.component_id.in_(free))
        .values(live=True)
    )


def free_taken_back(connection: Connection, undo: Row[Any], now: datetime) -> None:
    """Release the done effect that ``undo`` has taken back; there is none for most effects."""
    row = None if undo.takes_back is None else find(connection, undo.tenant, undo.takes_back)
    if row is not None and row.state == EffectState.DONE:
        detail = {"why": "taken back", "by": undo.effect_id}
        move(connection, row, now, EffectState.RELEASED, values={"receipt": None}, detail=detail)


def times_taken_back(connection: Connection, tenant: str, effect_id: str) -> int:
    """Return how often an effect was made and taken back."""
    undone = select(func.count()).where(
        effects.c.tenant == tenant,
        effects.c.takes_back == effect_id,
        effects.c.state == EffectState.DONE,
    )
    return connection.scalar(undone) or 0


def free_expired(connection: Connection, tenant: str, now: datetime) -> int:
    """Release the tenant's reservations past their time; return how many there were."""
    expired = connection.execute(
        select(effects).where(
            effects.c.tenant == tenant,
            effects.c.state == EffectState.RESERVED,
            effects.c.reserved_until <= now,
        )
    ).all()
    for row in expired:
        move(connection, row, now, EffectState.RELEASED, detail={"why": "expired"})
    return len(expired)


def _named(tenant: str, effect_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return effects.c.tenant == tenant, effects.c.effect_id == effect_id


def _columns(effect: ExecuteAction) -> dict[str, Any]:
    order_id = effect.action.params.get("order_id")
    return {
        "ticket_id": effect.ticket_id,
        "action_id": effect.action.action_id,
        "kind": effect.action.kind,
        "order_id": order_id if isinstance(order_id, str) else None,
        "customer_id": effect.customer_id,
        "amount_minor": effect.amount.amount_minor if effect.amount else None,
        "currency": effect.amount.currency if effect.amount else None,
        "request_id": effect.request_id,
        "approved_by": effect.approved_by,
        "takes_back": effect.takes_back,
        "reserved_until": None,
        "day": None,
        "receipt": None,
        "error_code": None,
    }
