"""A shop file into the database, once for each tenant, and the tenant's shop back out."""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from closeloop.embedded.amounts import from_minor
from closeloop.embedded.database import Database
from closeloop.embedded.shopfile import (
    ShopFile,
    ShopOrder,
    ShopProduct,
    ShopUser,
    parse,
    read_bytes,
)
from closeloop.embedded.stored import FROM_SHOP_FILE
from closeloop.errors import ConfigurationError


def seed(database: Database, path: Path, tenants: Sequence[str], *, chosen: bool) -> None:
    """Load the shop file for the tenants that have no shop yet.

    ``chosen`` says that somebody asked for this very file: a tenant that was seeded from another
    one is then an error, since its data would silently stay.

    Raises:
        ConfigurationError: the file is wrong, or a tenant was seeded from another one.
    """
    seeded = _seeded(database)
    fresh = [tenant for tenant in tenants if tenant not in seeded]
    if not fresh and not chosen:
        return
    raw = read_bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    if fresh:
        now = datetime.now(UTC)
        shop = parse(raw, path, now=now)
        with database.write() as connection:
            for tenant in fresh:
                _load(connection, tenant, shop, digest, now)
        seeded = _seeded(database)
    other = [tenant for tenant in tenants if seeded[tenant] != digest]
    if chosen and other:
        raise ConfigurationError(
            f"{database.path} already holds the shop of another file for tenant {other[0]!r}; to "
            f"use {path}, start with a fresh state folder (CLOSELOOP_STATE_DIR)"
        )


def _seeded(database: Database) -> dict[str, str]:
    with database.read() as connection:
        return dict(connection.execute("SELECT tenant, shop_digest FROM tenants").fetchall())


def _load(
    connection: sqlite3.Connection, tenant: str, shop: ShopFile, digest: str, now: datetime
) -> None:
    first = connection.execute(
        "INSERT INTO tenants VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (tenant, digest, now.isoformat()),
    )
    if first.rowcount == 0:  # another process was quicker
        return
    connection.executemany(
        "INSERT INTO products VALUES (?, ?, ?, ?)",
        ((tenant, key, n, p.to_document()) for n, (key, p) in enumerate(shop.products.items())),
    )
    connection.executemany(
        "INSERT INTO customers VALUES (?, ?, ?, ?, ?)",
        (
            (tenant, key, n, user.email.casefold(), user.to_document())
            for n, (key, user) in enumerate(shop.users.items())
        ),
    )
    connection.executemany(
        "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)",
        (
            (tenant, key, n, o.user_id, o.currency_code(), o.to_document())
            for n, (key, o) in enumerate(shop.orders.items())
        ),
    )
    for order in shop.orders.values():
        _load_money(connection, tenant, order, now)


def _load_money(
    connection: sqlite3.Connection, tenant: str, order: ShopOrder, now: datetime
) -> None:
    """Payments count as captured and refunds as settled; a file does not say when."""
    at = now.isoformat()
    for n, row in enumerate(order.payment_history):
        connection.execute(
            "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?)",
            (tenant, order.order_id, n, row.transaction_type, row.amount, row.payment_method_id),
        )
        if row.transaction_type == "refund":
            key = f"{FROM_SHOP_FILE}{order.order_id}:{n}"
            refund_id = f"re_{order.order_id.strip('#')}_{n}"
            connection.execute(
                "INSERT INTO refunds (tenant, key, refund_id, order_id, amount_minor, currency,"
                " created_at, settles_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (tenant, key, refund_id, order.order_id, row.amount, order.currency_code(), at, at),
            )


def export_shop(connection: sqlite3.Connection, tenant: str) -> dict[str, Any]:
    """Return the tenant's shop as it is now, in the shape of a shop file."""
    return {
        "products": {
            key: ShopProduct.from_document(text).to_file()
            for key, text in _documents(connection, "products", "product_id", tenant)
        },
        "users": {
            key: ShopUser.from_document(text).to_file()
            for key, text in _documents(connection, "customers", "customer_id", tenant)
        },
        "orders": {
            key: {
                **ShopOrder.from_document(text).to_file(),
                "payment_history": _history(connection, tenant, key),
            }
            for key, text in _documents(connection, "orders", "order_id", tenant)
        },
    }


def _documents(
    connection: sqlite3.Connection, table: str, id_column: str, tenant: str
) -> Iterator[tuple[str, str]]:
    yield from connection.execute(
        f"SELECT {id_column}, document FROM {table} WHERE tenant = ? ORDER BY position", (tenant,)
    )


def _history(connection: sqlite3.Connection, tenant: str, order_id: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT kind, amount_minor, method_id FROM transactions"
        " WHERE tenant = ? AND order_id = ? ORDER BY position",
        (tenant, order_id),
    )
    return [
        {"transaction_type": kind, "amount": from_minor(minor), "payment_method_id": method}
        for kind, minor, method in rows
    ]
