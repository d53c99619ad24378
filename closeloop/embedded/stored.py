"""Single records of the shop in the database, by tenant."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from closeloop.embedded.shopfile import ShopOrder, ShopUser
from closeloop.errors import BackendRefused

FROM_SHOP_FILE: Final = "shop-file:"
"""How the keys of refunds begin that stood in the shop file; it does not date them."""


@dataclass(frozen=True, kw_only=True)
class StoredOrder:
    """An order's row; its history of money is in ``transactions``."""

    tenant: str
    order_id: str
    customer_id: str
    currency: str
    order: ShopOrder


_ORDER = "SELECT tenant, order_id, customer_id, currency, document FROM orders"


def _stored(row: tuple[str, str, str, str, str]) -> StoredOrder:
    tenant, order_id, customer_id, currency, document = row
    return StoredOrder(
        tenant=tenant,
        order_id=order_id,
        customer_id=customer_id,
        currency=currency,
        order=ShopOrder.from_document(document),
    )


def find_order(connection: sqlite3.Connection, tenant: str, order_id: str) -> StoredOrder | None:
    """Return an order; customers write its id with or without the ``#``."""
    bare = order_id.removeprefix("#")
    row = connection.execute(
        f"{_ORDER} WHERE tenant = ? AND order_id IN (?, ?)", (tenant, bare, f"#{bare}")
    ).fetchone()
    return None if row is None else _stored(row)


def require_order(connection: sqlite3.Connection, tenant: str, order_id: str) -> StoredOrder:
    """Return an order.

    Raises:
        BackendRefused: there is no such order (``order_not_found``).
    """
    order = find_order(connection, tenant, order_id)
    if order is None:
        raise BackendRefused(f"there is no order {order_id[:80]}", code="order_not_found")
    return order


def orders_of(
    connection: sqlite3.Connection, tenant: str, customer_id: str
) -> tuple[StoredOrder, ...]:
    """Return the customer's orders, in the order of the shop file."""
    rows = connection.execute(
        f"{_ORDER} WHERE tenant = ? AND customer_id = ? ORDER BY position", (tenant, customer_id)
    ).fetchall()
    return tuple(_stored(row) for row in rows)


def save_order(connection: sqlite3.Connection, stored: StoredOrder, order: ShopOrder) -> None:
    """Write an order's new content over its old one."""
    connection.execute(
        "UPDATE orders SET document = ? WHERE tenant = ? AND order_id = ?",
        (order.to_document(), stored.tenant, stored.order_id),
    )


def find_user(connection: sqlite3.Connection, tenant: str, customer_id: str) -> ShopUser | None:
    """Return a customer by id."""
    row = connection.execute(
        "SELECT document FROM customers WHERE tenant = ? AND customer_id = ?",
        (tenant, customer_id),
    ).fetchone()
    return None if row is None else ShopUser.from_document(row[0])


def find_user_by_email(connection: sqlite3.Connection, tenant: str, email: str) -> ShopUser | None:
    """Return a customer by e-mail, whatever its case."""
    row = connection.execute(
        "SELECT document FROM customers WHERE tenant = ? AND email = ?",
        (tenant, email.strip().casefold()),
    ).fetchone()
    return None if row is None else ShopUser.from_document(row[0])


def save_user(connection: sqlite3.Connection, tenant: str, user: ShopUser) -> None:
    """Write a customer's new content over the old one."""
    connection.execute(
        "UPDATE customers SET document = ? WHERE tenant = ? AND customer_id = ?",
        (user.to_document(), tenant, user.user_id),
    )
