"""Payments: money taken for orders, and given back to how they were paid."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import uuid4

from closeloop.embedded import claims
from closeloop.embedded.amounts import MAX_MINOR
from closeloop.embedded.database import Database, once
from closeloop.embedded.faults import FaultPlan, FaultyPort, reads, writes
from closeloop.embedded.shopfile import PaymentMethod
from closeloop.embedded.stored import (
    FROM_SHOP_FILE,
    StoredOrder,
    find_order,
    find_user,
    require_order,
    save_user,
)
from closeloop.errors import BackendRefused
from closeloop.models.base import Money
from closeloop.models.records import CreditRecord, DisputeRecord, PaymentRecord, RefundRecord


@dataclass(frozen=True, kw_only=True)
class HistoryRow:
    """One row of an order's history of money; ``minor`` is positive in both kinds."""

    kind: str
    minor: int
    method_id: str


class EmbeddedPayments(FaultyPort):
    """The payments system: implements ``closeloop.ports.Payments``."""

    port: ClassVar[str] = "payments"

    def __init__(self, database: Database, faults: FaultPlan, *, settlement_seconds: float) -> None:
        """Use the database; a refund is ``pending`` for ``settlement_seconds`` after the call."""
        super().__init__(database, faults)
        self._settlement = timedelta(seconds=settlement_seconds)

    @reads
    def list_payments(self, tenant: str, order_id: str) -> tuple[PaymentRecord, ...]:
        """Return what was taken for the order."""
        with self.database.read() as connection:
            order = find_order(connection, tenant, order_id)
            if order is None:
                return ()
            history = history_of(connection, order)
        return tuple(
            PaymentRecord(
                payment_id=f"pay_{order.order_id.strip('#')}_{n}",
                order_id=order.order_id,
                method_id=row.method_id,
                amount=Money(amount_minor=row.minor, currency=order.currency),
            )
            for n, row in enumerate(history)
            if row.kind == "payment"
        )

    @reads
    def list_refunds(self, tenant: str, order_id: str) -> tuple[RefundRecord, ...]:
        """Return everything given back on the order, the shop's own cancellations included."""
        with self.database.read() as connection:
            order = find_order(connection, tenant, order_id)
            if order is None:
                return ()
            rows = connection.execute(
                f"{_REFUND} WHERE tenant = ? AND order_id = ? ORDER BY rowid",
                (tenant, order.order_id),
            ).fetchall()
        return tuple(_refund(row) for row in rows)

    @reads
    def find_refund(
        self, tenant: str, key: str, *, order_id: str | None = None
    ) -> RefundRecord | None:
        """Return the refund made under ``key``; a cancellation's bears the cancellation's key.

        Here a key is found without its order.
        """
        with self.database.read() as connection:
            row = connection.execute(
                f"{_REFUND} WHERE tenant = ? AND key = ?", (tenant, key)
            ).fetchone()
        return None if row is None else _refund(row)

    @writes
    def refund(
        self, tenant: str, key: str, order_id: str, amount: Money, *, ticket_id: str | None = None
    ) -> RefundRecord:
        """Give ``amount`` back to how the order was paid; never more than is left of it.

        Nobody is told when it settles: a ticket looks for itself.

        Raises:
            BackendRefused: ``order_not_found``, ``invalid_amount``, ``currency_mismatch``,
                ``no_payment``, ``over_refund``, ``charge_disputed`` or ``idempotency_mismatch``.
        """
        with self.database.write() as connection:
            order = require_order(connection, tenant, order_id)
            call = self.call_of(
                tenant, key, "refund", (order.order_id, amount.amount_minor, amount.currency)
            )
            return once(
                connection,
                call,
                RefundRecord,
                lambda: self._refund_undisputed(connection, order, key, amount),
            )

    @reads
    def list_credits(self, tenant: str, order_id: str) -> tuple[CreditRecord, ...]:
        """Return the credit given on the order in place of money."""
        with self.database.read() as connection:
            order = find_order(connection, tenant, order_id)
            return () if order is None else claims.credits_of(connection, order)

    @reads
    def list_disputes(self, tenant: str, order_id: str) -> tuple[DisputeRecord, ...]:
        """Return every dispute about the order's payments, settled ones included."""
        with self.database.read() as connection:
            order = find_order(connection, tenant, order_id)
            return () if order is None else claims.disputes_of(connection, order)

    def give_credit(self, tenant: str, order_id: str, amount: Money) -> CreditRecord:
        """Enter credit given on an order, as somebody in the back office does."""
        with self.database.write() as connection:
            order = require_order(connection, tenant, order_id)
            return claims.give_credit(connection, order, amount)

    def open_dispute(self, tenant: str, order_id: str, amount: Money) -> DisputeRecord:
        """Call back a payment of an order, as the customer's bank does."""
        with self.database.write() as connection:
            order = require_order(connection, tenant, order_id)
            return claims.open_dispute(connection, order, amount)

    def end_dispute(self, tenant: str, dispute_id: str, *, won: bool) -> None:
        """Settle a dispute, as the bank does: the shop has won it, or lost the money."""
        with self.database.write() as connection:
            claims.end_dispute(connection, tenant, dispute_id, won=won)

    def rest_of(self, connection: sqlite3.Connection, order: StoredOrder) -> int:
        """Return the minor units that refunds and disputes have left of an order's payments."""
        left = sum(minor for _, minor in left_of(history_of(connection, order)))
        return max(0, left - claims.called_back(connection, order))

    def require_left(self, connection: sqlite3.Connection, order: StoredOrder, minor: int) -> None:
        """Refuse to give more than is left of an order's payments, credit given counted as well.

        Raises:
            BackendRefused: ``over_refund``.
        """
        given = sum(c.amount.amount_minor for c in claims.credits_of(connection, order))
        left = max(0, self.rest_of(connection, order) - given)
        if minor > left:
            asked, rest = (Money(amount_minor=n, currency=order.currency) for n in (minor, left))
            raise BackendRefused(
                f"{asked} is more than the {rest} left of what was paid for {order.order_id}",
                code="over_refund",
            )

    def refund_rest(
        self, connection: sqlite3.Connection, order: StoredOrder, key: str
    ) -> RefundRecord | None:
        """Give back all that is left of an order's payments, in the caller's transaction.

        Returns None if nothing is left.

        Raises:
            BackendRefused: ``over_refund`` where credit was given as well; ``key`` was used for a
                refund (``idempotency_mismatch``).
        """
        left = self.rest_of(connection, order)
        if left == 0:
            return None
        amount = Money(amount_minor=left, currency=order.currency)
        call = self.call_of(order.tenant, key, "refund_rest", (order.order_id,))
        return once(
            connection, call, RefundRecord, lambda: self._refund(connection, order, key, amount)
        )

    def _refund_undisputed(
        self, connection: sqlite3.Connection, order: StoredOrder, key: str, amount: Money
    ) -> RefundRecord:
        rest = sum(minor for _, minor in left_of(history_of(connection, order)))
        claims.require_untouched(connection, order, amount, rest)
        return self._refund(connection, order, key, amount)

    def _refund(
        self, connection: sqlite3.Connection, order: StoredOrder, key: str, amount: Money
    ) -> RefundRecord:
        left = left_of(history_of(connection, order))
        _check(order, amount, left)
        shares = split(left, amount.amount_minor)
        rows = [HistoryRow(kind="refund", minor=minor, method_id=name) for name, minor in shares]
        return self._write(connection, order, key, rows, amount)

    def book(
        self,
        connection: sqlite3.Connection,
        order: StoredOrder,
        key: str,
        rows: Sequence[HistoryRow],
    ) -> None:
        """Add rows to an order's history, in the caller's transaction; gift cards move at once.

        What is given back counts as a refund under ``key``, and is at most what is left of what was
        paid before. The caller has checked the methods.

        Raises:
            BackendRefused: ``over_refund``; ``key`` was used for a refund
                (``idempotency_mismatch``).
        """
        back = sum(row.minor for row in rows if row.kind == "refund")
        if back == 0:
            _append(connection, order, rows)
            return
        used = connection.execute(
            "SELECT 1 FROM refunds WHERE tenant = ? AND key = ?", (order.tenant, key)
        ).fetchone()
        if used is not None:
            raise BackendRefused(
                f"the idempotency key {key!r} was used before, with other arguments",
                code="idempotency_mismatch",
            )
        amount = Money(amount_minor=back, currency=order.currency)
        self._write(connection, order, key, rows, amount)

    def _write(
        self,
        connection: sqlite3.Connection,
        order: StoredOrder,
        key: str,
        rows: Sequence[HistoryRow],
        amount: Money,
    ) -> RefundRecord:
        """Add rows that give ``amount`` back, and the refund's own record."""
        self.require_left(connection, order, amount.amount_minor)
        _append(connection, order, rows)
        created = datetime.now(UTC)
        row = (
            f"re_{uuid4().hex[:16]}",
            key,
            order.order_id,
            amount.amount_minor,
            order.currency,
            created.isoformat(),
            (created + self._settlement).isoformat(),
        )
        connection.execute(
            "INSERT INTO refunds (tenant, refund_id, key, order_id, amount_minor, currency,"
            " created_at, settles_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (order.tenant, *row),
        )
        return _refund(row)


def _check(order: StoredOrder, amount: Money, left: Sequence[tuple[str, int]]) -> None:
    if amount.amount_minor <= 0:
        raise BackendRefused(f"{amount} is not an amount to give back", code="invalid_amount")
    if amount.currency != order.currency:
        raise BackendRefused(
            f"order {order.order_id} was paid in {order.currency}, not in {amount.currency}",
            code="currency_mismatch",
        )
    if not left:
        raise BackendRefused(f"nothing was paid for order {order.order_id}", code="no_payment")
    rest = Money(amount_minor=sum(minor for _, minor in left), currency=order.currency)
    if amount.amount_minor > rest.amount_minor:
        raise BackendRefused(
            f"{amount} is more than the {rest} left of what was paid for {order.order_id}",
            code="over_refund",
        )


def left_of(history: Sequence[HistoryRow]) -> list[tuple[str, int]]:
    """Return (method id, minor units left) of every payment, in the history's order.

    A refund counts against payments made by its own method first, then against the earliest.
    """
    payments = [(row.method_id, row.minor) for row in history if row.kind == "payment"]
    given = [(row.method_id, row.minor) for row in history if row.kind == "refund"]
    for any_method in (False, True):
        unplaced: list[tuple[str, int]] = []
        for method_id, minor in given:
            for n, (paid_by, left) in enumerate(payments):
                if any_method or paid_by == method_id:
                    taken = min(left, minor)
                    payments[n] = (paid_by, left - taken)
                    minor -= taken
            unplaced.append((method_id, minor))
        given = unplaced
    return payments


def split(left: Sequence[tuple[str, int]], minor: int) -> list[tuple[str, int]]:
    """Return what goes back by which payment, in their order; ``minor`` is at most their sum."""
    shares: list[tuple[str, int]] = []
    for method_id, available in left:
        share = min(available, minor)
        if share > 0:
            shares.append((method_id, share))
            minor -= share
    return shares


def history_of(connection: sqlite3.Connection, order: StoredOrder) -> tuple[HistoryRow, ...]:
    """Return the rows of an order's history of money, oldest first."""
    rows = connection.execute(
        "SELECT kind, amount_minor, method_id FROM transactions"
        " WHERE tenant = ? AND order_id = ? ORDER BY position",
        (order.tenant, order.order_id),
    ).fetchall()
    return tuple(
        HistoryRow(kind=kind, minor=minor, method_id=method) for kind, minor, method in rows
    )


def _append(connection: sqlite3.Connection, order: StoredOrder, rows: Sequence[HistoryRow]) -> None:
    position = len(history_of(connection, order))
    connection.executemany(
        "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?)",
        (
            (order.tenant, order.order_id, position + n, row.kind, row.minor, row.method_id)
            for n, row in enumerate(rows)
        ),
    )
    _move_balances(connection, order, rows)


def _move_balances(
    connection: sqlite3.Connection, order: StoredOrder, rows: Sequence[HistoryRow]
) -> None:
    """Move the balance of gift cards that are charged, or that money goes back to, at once."""
    user = find_user(connection, order.tenant, order.customer_id)
    if user is None:
        return
    methods = dict(user.payment_methods)
    for row in rows:
        method = methods.get(row.method_id)
        if method is not None and method.balance is not None:
            change = row.minor if row.kind == "refund" else -row.minor
            methods[row.method_id] = topped_up(method, method.balance, change)
    if methods != user.payment_methods:
        save_user(connection, order.tenant, user.model_copy(update={"payment_methods": methods}))


def topped_up(card: PaymentMethod, balance: int, minor: int) -> PaymentMethod:
    """Return a gift card with ``minor`` more on it than ``balance``.

    Raises:
        BackendRefused: no shop file could hold so much (``balance_too_large``).
    """
    if balance + minor > MAX_MINOR:
        raise BackendRefused(
            f"gift card {card.id} holds {balance} minor units: {minor} more do not fit",
            code="balance_too_large",
        )
    return card.model_copy(update={"balance": balance + minor})


_REFUND = (
    "SELECT refund_id, key, order_id, amount_minor, currency, created_at, settles_at FROM refunds"
)


def _refund(row: tuple[str, str, str, int, str, str, str]) -> RefundRecord:
    refund_id, key, order_id, minor, currency, created_at, settles_at = row
    settled = datetime.fromisoformat(settles_at) <= datetime.now(UTC)
    return RefundRecord(
        refund_id=refund_id,
        key=key,
        order_id=order_id,
        amount=Money(amount_minor=minor, currency=currency),
        status="succeeded" if settled else "pending",
        created_at=datetime.fromisoformat(created_at),
        date_known=not key.startswith(FROM_SHOP_FILE),
    )
