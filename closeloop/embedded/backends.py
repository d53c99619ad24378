"""The embedded backends together, over one file, and an export of what they hold."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from closeloop.embedded.calendar import EmbeddedCalendar
from closeloop.embedded.crm import EmbeddedCrm
from closeloop.embedded.database import Database
from closeloop.embedded.faults import FaultPlan
from closeloop.embedded.outbox import EmbeddedOutbox
from closeloop.embedded.payments import EmbeddedPayments
from closeloop.embedded.seeding import export_shop, seed
from closeloop.embedded.shop import EmbeddedShop
from closeloop.names import DEFAULT_TENANT, checked_part

EXAMPLE_SHOP: Final = Path(__file__).parent / "data" / "shop.json"


class EmbeddedBackends:
    """Shop, payments, CRM, outbox and calendar in one SQLite file: the default without servers.

    Several of these, in any number of threads and processes, may use the same file. Close it, or
    use it as a context manager.
    """

    def __init__(
        self,
        path: Path,
        *,
        shop_file: Path | None = None,
        faults: str | None = None,
        tenants: Sequence[str] = (DEFAULT_TENANT,),
        settlement_seconds: float = 0.0,
    ) -> None:
        """Open the database file at ``path``, and seed the tenants that have no shop yet.

        Args:
            path: The database file; it and its folder are made when they are missing.
            shop_file: The seed, in the shape that ``shopfile`` describes; the example shop if None.
            faults: The loaded part of the plan of faults (see ``faults``); None leaves it as it is.
            tenants: Whom to seed, beside the default tenant.
            settlement_seconds: How long a refund is ``pending``; 0 settles it at once.

        Raises:
            ConfigurationError: the shop file, the faults or the database are not usable, or the
                database was seeded from another shop file than the one named.
            BadInput: a tenant is not a valid id.
        """
        everyone = tuple(dict.fromkeys((DEFAULT_TENANT, *tenants)))
        for tenant in everyone:
            checked_part(tenant, "tenant")
        self._database = Database(path)
        try:
            seed(
                self._database,
                shop_file or EXAMPLE_SHOP,
                everyone,
                chosen=shop_file is not None,
            )
            self.faults = FaultPlan(self._database)
            if faults is not None:
                self.faults.load(faults)
        except BaseException:
            self._database.close()
            raise
        self.payments = EmbeddedPayments(
            self._database, self.faults, settlement_seconds=settlement_seconds
        )
        self.shop = EmbeddedShop(self._database, self.faults, self.payments)
        self.crm = EmbeddedCrm(self._database, self.faults)
        self.outbox = EmbeddedOutbox(self._database, self.faults)
        self.calendar = EmbeddedCalendar(self._database, self.faults)

    def export(self, tenant: str = DEFAULT_TENANT) -> dict[str, Any]:
        """Return all that one tenant's backends hold, ready for ``json.dumps``.

        ``shop`` has the shape of a shop file; amounts are decimals there, and minor units with
        their currency in ``refunds``. The lists are in the order in which things happened.
        """
        with self._database.read() as connection:
            return {
                "tenant": tenant,
                "shop": export_shop(connection, tenant),
                **{
                    name: _rows(connection, f"SELECT {columns} FROM {name}", tenant)
                    for name, columns in _EXPORTED.items()
                },
            }

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the database."""
        self.close()


_EXPORTED: Final = {
    "refunds": "refund_id, key, order_id, amount_minor, currency, created_at, settles_at",
    "credits": "credit_id, order_id, amount_minor, currency, created_at",
    "disputes": "dispute_id, order_id, amount_minor, currency, status, created_at",
    "notes": "note_id, key, customer_id, text, created_at",
    "escalations": "escalation_id, key, queue, person, reason, pack, details, status, created_at",
    "alerts": "alert_id, key, queue, text, created_at",
    "messages": 'sent_id, key, ticket_id, recipient AS "to", subject, text, sent_at',
    "callbacks": "booking_id, key, ticket_id, customer_id, starts_at, ends_at, zone, status,"
    " entered_by",
}


def _rows(connection: sqlite3.Connection, select: str, tenant: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"{select} WHERE tenant = ? ORDER BY rowid", (tenant,))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
