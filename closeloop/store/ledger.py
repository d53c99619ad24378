"""The ledger of effects and money limits, on the operations database.

The life of an effect. While it is reserved, executing, unknown or done it is live: its components
are its own, and its money counts::

    reserved ──▶ executing ──▶ done
        │          │   │        ▲
        │          │   └─▶ unknown
        ▼          ▼        │
    released     failed ◀───┘        a released or failed one may be reserved or begun anew

What is done stays so until an effect that ``takes_back`` this one is done: that releases it.

Each call that writes is one transaction, and no other of the same tenant's ledger runs beside it:
what it has read still holds when it writes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, select

from closeloop.errors import BackendRefused
from closeloop.models.base import clip
from closeloop.models.policy import EffectFacts
from closeloop.models.proposal import Receipt
from closeloop.models.steps import ExecuteAction
from closeloop.models.stop import Stop
from closeloop.store.effects import (
    BEGUN,
    claimed_by_others,
    find,
    free_expired,
    free_taken_back,
    move,
    put,
    reclaim,
    state_at,
    tenant_lock,
    times_taken_back,
    utc_day,
)
from closeloop.store.engine import Clock, reading, utc_now, writing
from closeloop.store.limits import Limits, recent, require_within, spent
from closeloop.store.schema import EffectState, effects
from closeloop.store.stops import require_running, stop_of

_ERROR_CODE_CHARS: Final = 100


class SqlLedger:
    """The ``Ledger`` port on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, limits: Limits, *, clock: Clock = utc_now) -> None:
        """Keep the database, where limits come from, and the time for calls that carry none."""
        self._engine = engine
        self._limits = limits
        self._clock = clock

    def lookup(self, tenant: str, effect_id: str, components: dict[str, int]) -> EffectFacts:
        """Return what is known of the effect, and any other live effect it overlaps.

        A reservation past its time reads as ``released``. ``components`` come back as given.
        """
        now = self._clock()
        with reading(self._engine) as connection:
            row = find(connection, tenant, effect_id)
            taken = claimed_by_others(connection, tenant, effect_id, components, now)
        return EffectFacts(
            effect_id=effect_id,
            components=components,
            state=None if row is None else state_at(row, now),
            ticket_id=None if row is None else row.ticket_id,
            overlap=next(iter(taken.values()), None),
        )

    def spent_today(
        self, tenant: str, customer_id: str | None, now: datetime, *, besides: Sequence[str] = ()
    ) -> tuple[int, int]:
        """Return (customer's, tenant's) money in minor units of the UTC day of ``now``.

        What was begun on that day counts unless it failed, and so does every live reservation,
        whenever it was made. Customers nobody knows (None) are one customer. Minor units of
        different currencies are added up as they are: the limits name no currency.
        """
        with reading(self._engine) as connection:
            return spent(connection, tenant, customer_id, now, besides)

    def recent(
        self, tenant: str, scopes: Sequence[str], now: datetime, *, besides: Sequence[str] = ()
    ) -> dict[str, int]:
        """Return the money in minor units of the last ``WINDOW_DAYS`` for each scope.

        It counts as in ``spent_today``: by UTC days, today included.
        """
        with reading(self._engine) as connection:
            return recent(connection, tenant, scopes, now, besides)

    def stopped(self, tenant: str) -> Stop | None:
        """Return who has stopped the tenant's autonomous writes, and why."""
        with reading(self._engine) as connection:
            return stop_of(connection, tenant)

    def reserve(self, tenant: str, effect: ExecuteAction, expires_at: datetime) -> None:
        """Reserve an effect and its money while approval is asked.

        It replaces the ticket's own reservation of the same effect. An effect that the ticket has
        begun already, or that is done, stays as it is: ``begin`` will say so. Limits that a person
        may let be passed hold nothing back here: a person is asked.

        Raises:
            BackendRefused: as ``begin``.
        """
        now = self._clock()
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            before = _before(connection, tenant, effect, now)
            if before.state in BEGUN:
                return
            self._require_free(connection, tenant, effect, now, approved=True)
            put(
                connection,
                tenant,
                effect,
                now,
                EffectState.RESERVED,
                claims=effect.components,
                values={"reserved_until": expires_at},
            )

    def begin(self, tenant: str, effect: ExecuteAction, now: datetime) -> EffectFacts:
        """Record the intent, before the call; one transaction with overlap and limits.

        Returns the effect as it stood *before* this call: state None for a first attempt;
        ``reserved`` by this ticket, ``failed`` or ``released`` where it is tried now, with the
        amount of this call; ``executing`` or ``unknown`` where an earlier attempt of this ticket
        may have done it, and ``done`` whichever ticket did it: these three are left as they are.
        Only what somebody has approved may pass the limits that a person may let be passed.

        Raises:
            BackendRefused: ``effect_busy`` while another ticket is about this very effect, or an
                earlier attempt of another amount may have done it; ``effect_overlap`` where
                another ticket has it reserved, or another live effect claims one of its
                components; ``limit_reached`` where a limit on money would be passed;
                ``stopped`` where nobody approved it and the tenant's autonomous writes are
                stopped; ``bad_amount`` for a negative amount.
        """
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            before = _before(connection, tenant, effect, now)
            if before.state in BEGUN:
                _require_same_amount(connection, tenant, effect, before)
                return before
            approved = effect.approved_by is not None
            require_running(connection, tenant, effect)
            self._require_free(connection, tenant, effect, now, approved=approved)
            put(
                connection,
                tenant,
                effect,
                now,
                EffectState.EXECUTING,
                claims=effect.components,
                values={"day": utc_day(now)},
            )
        return before

    def receipt(self, tenant: str, effect_id: str) -> Receipt | None:
        """Return the receipt on record for a done effect."""
        with reading(self._engine) as connection:
            row = find(connection, tenant, effect_id)
        return None if row is None or row.receipt is None else Receipt.model_validate(row.receipt)

    def finish(self, tenant: str, effect_id: str, receipt: Receipt) -> None:
        """Record that the effect happened; a second time changes nothing.

        The done effect that it takes back is released with it.

        A receipt is believed even where the effect was given up as failed or released: the money
        has moved. It takes back those of its components that nothing else claims by now.

        Raises:
            BackendRefused: ``no_such_effect`` where it was never reserved nor begun.
        """
        now = self._clock()
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            free_expired(connection, tenant, now)
            row = find(connection, tenant, effect_id)
            if row is None:
                raise BackendRefused(
                    f"the ledger has no effect {effect_id!r}: begin it first", code="no_such_effect"
                )
            if row.state == EffectState.DONE:
                return
            _finish(connection, row, receipt, now)

    def record_done(self, tenant: str, effect: ExecuteAction, receipt: Receipt) -> None:
        """Enter an effect that a person made outside of Closeloop; limits do not apply to it.

        Its money, the receipt's where that names an amount, counts on the day of the receipt. It
        claims the components that nothing else does. An effect that is done stays as it is.
        """
        _require_amount(effect)
        now = self._clock()
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            free_expired(connection, tenant, now)
            row = find(connection, tenant, effect.effect_id)
            if row is not None and row.state == EffectState.DONE:
                return
            ids = effect.components
            taken = claimed_by_others(connection, tenant, effect.effect_id, ids, now)
            put(
                connection,
                tenant,
                effect.model_copy(update={"amount": receipt.amount or effect.amount}),
                now,
                EffectState.DONE,
                claims=ids.keys() - taken.keys(),
                values={
                    "day": utc_day(receipt.at),
                    "receipt": receipt.model_dump(mode="json"),
                },
            )

    def mark_unknown(self, tenant: str, effect_id: str) -> None:
        """Record that the effect may have happened; overlapping effects stay refused.

        An effect that is not executing stays as it is: this is a late word on an old attempt.
        """
        self._settle(tenant, effect_id, {EffectState.EXECUTING}, EffectState.UNKNOWN)

    def fail(self, tenant: str, effect_id: str, code: str) -> None:
        """Record that the effect did not happen; its components and money are free again.

        An effect that is neither executing nor unknown stays as it is.
        """
        undecided = {EffectState.EXECUTING, EffectState.UNKNOWN}
        self._settle(tenant, effect_id, undecided, EffectState.FAILED, code)

    def release(self, tenant: str, effect_ids: Sequence[str], request_id: str) -> None:
        """Free what was reserved for an approval request and never executed.

        Effects that are begun, reserved for another request, or not there stay as they are.
        """
        now = self._clock()
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            for effect_id in effect_ids:
                row = find(connection, tenant, effect_id)
                if row is None or row.state != EffectState.RESERVED:
                    continue
                if row.request_id == request_id:
                    move(connection, row, now, EffectState.RELEASED, detail={"why": "settled"})

    def release_ticket(self, tenant: str, ticket_id: str) -> int:
        """Free all that a ticket has reserved and never begun; return how many effects.

        What it has begun stays: it may have happened.
        """
        now = self._clock()
        reserved = select(effects).where(
            effects.c.tenant == tenant,
            effects.c.ticket_id == ticket_id,
            effects.c.state == EffectState.RESERVED,
        )
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            rows = connection.execute(reserved).all()
            for row in rows:
                move(connection, row, now, EffectState.RELEASED, detail={"why": "ticket ended"})
        return len(rows)

    def _settle(
        self,
        tenant: str,
        effect_id: str,
        expected: set[EffectState],
        state: EffectState,
        code: str | None = None,
    ) -> None:
        now = self._clock()
        code = None if code is None else clip(code, _ERROR_CODE_CHARS)
        with writing(self._engine, lock=tenant_lock(tenant)) as connection:
            row = find(connection, tenant, effect_id)
            if row is not None and row.state in expected:
                values = {"error_code": code}
                move(connection, row, now, state, values=values, detail={"code": code})

    def _require_free(
        self,
        connection: Connection,
        tenant: str,
        effect: ExecuteAction,
        now: datetime,
        *,
        approved: bool,
    ) -> None:
        _require_amount(effect)
        taken = claimed_by_others(connection, tenant, effect.effect_id, effect.components, now)
        for component, other in taken.items():
            raise BackendRefused(
                f"{effect.effect_id!r} overlaps {other!r}, which already claims {component!r}",
                code="effect_overlap",
            )
        limits = self._limits(tenant)
        require_within(connection, tenant, effect, now, limits, approved=approved)


def _before(
    connection: Connection, tenant: str, effect: ExecuteAction, now: datetime
) -> EffectFacts:
    free_expired(connection, tenant, now)
    row = find(connection, tenant, effect.effect_id)
    facts = EffectFacts(
        effect_id=effect.effect_id,
        components=effect.components,
        taken_back=times_taken_back(connection, tenant, effect.effect_id),
    )
    if row is None:
        return facts
    if row.ticket_id != effect.ticket_id:
        _require_not_anothers(row)
    return facts.model_copy(update={"state": row.state, "ticket_id": row.ticket_id})


def _require_not_anothers(row: Row[Any]) -> None:
    if row.state == EffectState.RESERVED:
        raise BackendRefused(
            f"{row.effect_id!r} waits for approval on ticket {row.ticket_id!r}",
            code="effect_overlap",
        )
    if row.state in (EffectState.EXECUTING, EffectState.UNKNOWN):
        raise BackendRefused(
            f"{row.effect_id!r} is under way on ticket {row.ticket_id!r}, its end not known yet",
            code="effect_busy",
        )


def _require_amount(effect: ExecuteAction) -> None:
    if effect.amount is not None and effect.amount.amount_minor < 0:
        raise BackendRefused(
            f"{effect.effect_id!r}: the amount {effect.amount} is negative", code="bad_amount"
        )


def _require_same_amount(
    connection: Connection, tenant: str, effect: ExecuteAction, before: EffectFacts
) -> None:
    """Refuse to go on with an attempt as if it had been for another amount than it was."""
    row = find(connection, tenant, effect.effect_id)
    minor = effect.amount.amount_minor if effect.amount else None
    if before.state != EffectState.DONE and row is not None and row.amount_minor != minor:
        raise BackendRefused(
            f"{effect.effect_id!r} was begun for {row.amount_minor} minor units, and may have"
            f" happened; {minor} cannot be asked before that is known",
            code="effect_busy",
        )


def _finish(connection: Connection, row: Row[Any], receipt: Receipt, now: datetime) -> None:
    if row.state not in BEGUN:
        reclaim(connection, row, now)
    move(
        connection,
        row,
        now,
        EffectState.DONE,
        values={
            "receipt": receipt.model_dump(mode="json"),
            "error_code": None,
            "reserved_until": None,
            "day": row.day or utc_day(receipt.at),
        },
        detail={"receipt_id": receipt.receipt_id},
    )
    free_taken_back(connection, row, now)
