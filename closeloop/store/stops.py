"""The switch that stops a tenant's autonomous writes: read wherever one begins."""

from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from closeloop.errors import BackendRefused
from closeloop.models.steps import ExecuteAction
from closeloop.models.stop import Stop
from closeloop.store.audit import append_audit
from closeloop.store.effects import tenant_lock
from closeloop.store.engine import insert_into, reading, writing
from closeloop.store.schema import stops

STOPPED = "stopped"
"""The code under which an autonomous write is refused."""


class SqlStops:
    """The switch as operators set it; once ``stop`` has returned, no autonomous write begins."""

    def __init__(self, engine: Engine) -> None:
        """Keep the operations database."""
        self._engine = engine

    def stop(self, tenant: str, by: str, reason: str, now: datetime) -> Stop:
        """Stop the tenant's autonomous writes; a stop that stands stays as it is."""
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            standing = stop_of(connection, tenant)
            if standing is not None:
                return standing
            row = {"tenant": tenant, "by": by, "reason": reason, "at": now}
            connection.execute(insert_into(connection, stops).values(row))
            _say(connection, tenant, by, "autonomy_stopped", reason, now)
        return Stop(by=by, reason=reason, at=now)

    def resume(self, tenant: str, by: str, now: datetime) -> None:
        """Let autonomous writes begin again; where none were stopped nothing changes."""
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            standing = stop_of(connection, tenant)
            if standing is not None:
                connection.execute(delete(stops).where(stops.c.tenant == tenant))
                _say(connection, tenant, by, "autonomy_resumed", standing.reason, now)

    def stopped(self, tenant: str) -> Stop | None:
        """Return the stop that stands."""
        with reading(self._engine) as connection:
            return stop_of(connection, tenant)


def stop_of(connection: Connection, tenant: str) -> Stop | None:
    """Return the stop that stands, as this transaction sees it."""
    row = connection.execute(select(stops).where(stops.c.tenant == tenant)).first()
    return None if row is None else Stop(by=row.by, reason=row.reason, at=row.at)


def require_running(connection: Connection, tenant: str, effect: ExecuteAction) -> None:
    """Refuse an effect that nobody has approved while the tenant's are stopped.

    Raises:
        BackendRefused: ``stopped``; says by whom and why.
    """
    stop = stop_of(connection, tenant) if effect.approved_by is None else None
    if stop is not None:
        raise BackendRefused(
            f"{effect.effect_id!r} needs a person: {stop.by} has stopped what nobody approves"
            f" ({stop.reason})",
            code=STOPPED,
        )


def _say(
    connection: Connection, tenant: str, by: str, what: str, reason: str, now: datetime
) -> None:
    append_audit(
        connection,
        at=now,
        tenant=tenant,
        ticket_id="",
        actor=by,
        what=what,
        detail={"reason": reason},
    )
