"""Single records of the shop in the database, by tenant."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from closeloop.embedded.shopfile import DEFAULT_CURRENCY, ShopOrder, ShopProduct, ShopUser
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


def require_user(connection: sqlite3.Connection, tenant: str, customer_id: str) -> ShopUser:
    """Return a customer by id.

    Raises:
        BackendRefused: there is no such customer (``customer_not_found``).
    """
    user = find_user(connection, tenant, customer_id)
    if user is None:
        raise BackendRefused(f"there is no customer {customer_id[:80]}", code="customer_not_found")
    return user


def find_users_by_name(
    connection: sqlite3.Connection, tenant: str, first_name: str, last_name: str
) -> tuple[ShopUser, ...]:
    """Return the customers of this name, whatever its case."""
    rows = connection.execute("SELECT document FROM customers WHERE tenant = ?", (tenant,))
    users = (ShopUser.from_document(row[0]) for row in rows)
    wanted = (first_name.strip().casefold(), last_name.strip().casefold())
    return tuple(
        user
        for user in users
        if (user.name.first_name.casefold(), user.name.last_name.casefold()) == wanted
    )


def user_names(connection: sqlite3.Connection, tenant: str) -> frozenset[tuple[str, str]]:
    """Return the first and last names of all customers, in one case."""
    rows = connection.execute("SELECT document FROM customers WHERE tenant = ?", (tenant,))
    names = (ShopUser.from_document(row[0]).name for row in rows)
    return frozenset((name.first_name.casefold(), name.last_name.casefold()) for name in names)


def save_user(connection: sqlite3.Connection, tenant: str, user: ShopUser) -> None:
    """Write a customer's new content over the old one."""
    connection.execute(
        "UPDATE customers SET document = ? WHERE tenant = ? AND customer_id = ?",
        (user.to_document(), tenant, user.user_id),
    )


def find_product(
    connection: sqlite3.Connection, tenant: str, product_id: str
) -> ShopProduct | None:
    """Return a product by id."""
    row = connection.execute(
        "SELECT document FROM products WHERE tenant = ? AND product_id = ?", (tenant, product_id)
    ).fetchone()
    return None if row is None else ShopProduct.from_document(row[0])


def find_product_of_item(
    connection: sqlite3.Connection, tenant: str, item_id: str
) -> ShopProduct | None:
    """Return the product that has this item as a variant."""
    row = connection.execute(
        "SELECT document FROM products WHERE tenant = ? AND EXISTS"
        " (SELECT 1 FROM json_each(document, '$.variants') WHERE key = ?)",
        (tenant, item_id),
    ).fetchone()
    return None if row is None else ShopProduct.from_document(row[0])


def shop_currency(connection: sqlite3.Connection, tenant: str) -> str:
    """Return the one currency of the tenant's shop."""
    row = connection.execute(
        "SELECT currency FROM orders WHERE tenant = ? LIMIT 1", (tenant,)
    ).fetchone()
    return DEFAULT_CURRENCY if row is None else row[0]
