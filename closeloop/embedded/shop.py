"""The shop: customers, orders, and changes to orders that were not sent yet."""

from collections.abc import Callable
from typing import ClassVar, Final

from closeloop.embedded.database import Call, Database, once
from closeloop.embedded.faults import FaultPlan, reads, writes
from closeloop.embedded.payments import EmbeddedPayments
from closeloop.embedded.shopfile import ShopAddress, ShopOrder, ShopUser
from closeloop.embedded.stored import (
    StoredOrder,
    find_order,
    find_user,
    find_user_by_email,
    orders_of,
    require_order,
    save_order,
)
from closeloop.errors import BackendRefused
from closeloop.models.base import Money
from closeloop.models.records import Address, CustomerRecord, OrderLine, OrderRecord

SERVICE: Final = "shop"

_PENDING: Final = "pending"
_CANCELLED: Final = "cancelled"


class EmbeddedShop:
    """The shop system: one of ``closeloop.ports.Shop``."""

    port: ClassVar[str] = "shop"

    def __init__(self, database: Database, faults: FaultPlan, payments: EmbeddedPayments) -> None:
        """Use the database; a cancellation gives money back through ``payments``."""
        self.faults = faults
        self._database = database
        self._payments = payments

    @reads
    def get_customer(self, tenant: str, customer_id: str) -> CustomerRecord | None:
        """Return the customer with this id."""
        with self._database.read() as connection:
            user = find_user(connection, tenant, customer_id)
        return None if user is None else customer_record(user)

    @reads
    def find_customer(self, tenant: str, email: str) -> CustomerRecord | None:
        """Return the customer with this e-mail on file (case-insensitive)."""
        with self._database.read() as connection:
            user = find_user_by_email(connection, tenant, email)
        return None if user is None else customer_record(user)

    @reads
    def get_order(self, tenant: str, order_id: str) -> OrderRecord | None:
        """Return the order with this id, written with or without its ``#``."""
        with self._database.read() as connection:
            stored = find_order(connection, tenant, order_id)
        return None if stored is None else order_record(stored.order)

    @reads
    def list_orders(self, tenant: str, customer_id: str) -> tuple[OrderRecord, ...]:
        """Return the customer's orders, newest first; undated ones last, as the file lists them."""
        with self._database.read() as connection:
            orders = [stored.order for stored in orders_of(connection, tenant, customer_id)]
        dated = [(order.placed_at, order) for order in orders if order.placed_at is not None]
        undated = [order for order in orders if order.placed_at is None]
        newest_first = sorted(dated, key=lambda pair: pair[0], reverse=True)
        return tuple(order_record(o) for o in [*(o for _, o in newest_first), *undated])

    @writes
    def cancel_order(self, tenant: str, key: str, order_id: str, reason: str) -> OrderRecord:
        """Cancel a pending order and give back all that is left of what was paid.

        The refund bears the same key.

        Raises:
            BackendRefused: ``order_not_found``, ``order_not_pending`` or ``idempotency_mismatch``.
        """

        def cancel(stored: StoredOrder) -> ShopOrder:
            return stored.order.model_copy(
                update={"status": _CANCELLED, "cancel_reason": reason}
            )

        return self._change(
            tenant, key, order_id, "cancel_order", (reason,), cancel, gives_back=True
        )

    @writes
    def modify_order_address(
        self, tenant: str, key: str, order_id: str, address: Address
    ) -> OrderRecord:
        """Change where a pending order is sent.

        Raises:
            BackendRefused: ``order_not_found``, ``order_not_pending``, ``incomplete_address`` or
                ``idempotency_mismatch``.
        """
        for field in ("address1", "city", "zip", "country"):
            if not str(getattr(address, field)).strip():
                raise BackendRefused(f"the address has no {field}", code="incomplete_address")
        new = ShopAddress.model_validate(address.model_dump())

        def redirect(stored: StoredOrder) -> ShopOrder:
            return stored.order.model_copy(update={"address": new})
