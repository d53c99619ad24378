"""What lessens an order's payments beside refunds: credit given, and payments called back."""

import sqlite3
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from closeloop.embedded.stored import StoredOrder
from closeloop.errors import BackendRefused
from closeloop.models.base import Money
from closeloop.models.records import CreditRecord, DisputeRecord

_MINE: Final = "WHERE tenant = ? AND order_id = ? ORDER BY rowid"


def credits_of(connection: sqlite3.Connection, order: StoredOrder) -> tuple[CreditRecord, ...]:
    """Return the credit given on an order, oldest first."""
    rows = connection.execute(
        f"SELECT credit_id, amount_minor, currency, created_at FROM credits {_MINE}",
        (order.tenant, order.order_id),
    )
    return tuple(
        CreditRecord(
            credit_id=credit_id,
            order_id=order.order_id,
            amount=Money(amount_minor=minor, currency=currency),
            created_at=datetime.fromisoformat(created_at),
        )
        for credit_id, minor, currency, created_at in rows
    )


def disputes_of(connection: sqlite3.Connection, order: StoredOrder) -> tuple[DisputeRecord, ...]:
    """Return the disputes about an order's payments, oldest first."""
    rows = connection.execute(
        f"SELECT dispute_id, amount_minor, currency, status, created_at FROM disputes {_MINE}",
        (order.tenant, order.order_id),
    )
    return tuple(
        DisputeRecord(
            dispute_id=dispute_id,
            order_id=order.order_id,
            amount=Money(amount_minor=minor, currency=currency),
            status=status,
            created_at=datetime.fromisoformat(created_at),
        )
        for dispute_id, minor, currency, status, created_at in rows
    )


def give_credit(connection: sqlite3.Connection, order: StoredOrder, amount: Money) -> CreditRecord:
    """Enter credit given on an order.

    Raises:
        BackendRefused: ``invalid_amount`` or ``currency_mismatch``.
    """
    _require_usable(order, amount)
    made = CreditRecord(
        credit_id=f"cr_{uuid4().hex[:16]}",
        order_id=order.order_id,
        amount=amount,
        created_at=datetime.now(UTC),
    )
    connection.execute(
        "INSERT INTO credits VALUES (?, ?, ?, ?, ?, ?)",
        (order.tenant, made.credit_id, *_columns(order, amount), made.created_at.isoformat()),
    )
    return made


def open_dispute(
    connection: sqlite3.Connection, order: StoredOrder, amount: Money
) -> DisputeRecord:
    """Call back ``amount`` of an order's payments.

    Raises:
        BackendRefused: ``invalid_amount`` or ``currency_mismatch``.
    """
    _require_usable(order, amount)
    made = DisputeRecord(
        dispute_id=f"dp_{uuid4().hex[:16]}",
        order_id=order.order_id,
        amount=amount,
        status="open",
        created_at=datetime.now(UTC),
    )
    connection.execute(
        "INSERT INTO disputes VALUES (?, ?, ?, ?, ?, 'open', ?)",
        (order.tenant, made.dispute_id, *_columns(order, amount), made.created_at.isoformat()),
    )
    return made


def end_dispute(connection: sqlite3.Connection, tenant: str, dispute_id: str, *, won: bool) -> None:
    """Settle an open dispute.

    Raises:
        BackendRefused: no such dispute is open (``dispute_not_open``).
    """
    ended = connection.execute(
        "UPDATE disputes SET status = ? WHERE tenant = ? AND dispute_id = ? AND status = 'open'",
        ("won" if won else "lost", tenant, dispute_id),
    )
    if ended.rowcount == 0:
        raise BackendRefused(f"no dispute {dispute_id[:80]!r} is open", code="dispute_not_open")


def called_back(connection: sqlite3.Connection, order: StoredOrder) -> int:
    """Return the minor units that the customer's bank holds or has taken for good."""
    taken = [d for d in disputes_of(connection, order) if d.status != "won"]
    return sum(dispute.amount.amount_minor for dispute in taken)


def require_untouched(
    connection: sqlite3.Connection, order: StoredOrder, amount: Money, rest: int
) -> None:
    """Refuse a refund of ``amount`` of ``rest`` that disputes stand in the way of.

    Raises:
        BackendRefused: ``charge_disputed`` while one is open, ``over_refund`` where what lost ones
            have left is less.
    """
    disputes = disputes_of(connection, order)
    if any(dispute.status == "open" for dispute in disputes):
        raise BackendRefused(
            f"a payment of {order.order_id} is disputed: nothing is refunded before that has ended",
            code="charge_disputed",
        )
    taken = called_back(connection, order)
    if taken and amount.amount_minor > rest - taken:
        left = Money(amount_minor=max(0, rest - taken), currency=order.currency)
        raise BackendRefused(
            f"{amount} is more than the {left} that disputes have left of {order.order_id}",
            code="over_refund",
        )


def _require_usable(order: StoredOrder, amount: Money) -> None:
    if amount.amount_minor <= 0:
        raise BackendRefused(f"{amount} is not an amount", code="invalid_amount")
    if amount.currency != order.currency:
        raise BackendRefused(
            f"order {order.order_id} was paid in {order.currency}, not in {amount.currency}",
            code="currency_mismatch",
        )


def _columns(order: StoredOrder, amount: Money) -> tuple[str, int, str]:
    return order.order_id, amount.amount_minor, amount.currency
