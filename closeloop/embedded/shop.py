"""The shop: customers, orders, and changes to orders that were not sent yet."""

import sqlite3
from collections.abc import Mapping
from typing import ClassVar, Final

from closeloop.embedded.database import Call, Database, once
from closeloop.embedded.faults import FaultPlan, FaultyPort, reads, writes
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

_PENDING: Final = "pending"
_CANCELLED: Final = "cancelled"
_ADDRESS_NEEDS: Final = ("address1", "city", "zip", "country")


class EmbeddedShop(FaultyPort):
    """The shop system: implements ``closeloop.ports.Shop``."""

    port: ClassVar[str] = "shop"

    def __init__(self, database: Database, faults: FaultPlan, payments: EmbeddedPayments) -> None:
        """Use the database; a cancellation gives money back through ``payments``."""
        super().__init__(database, faults)
        self._payments = payments

    @reads
    def get_customer(self, tenant: str, customer_id: str) -> CustomerRecord | None:
        """Return the customer with this id."""
        with self.database.read() as connection:
            user = find_user(connection, tenant, customer_id)
        return None if user is None else customer_record(user)

    @reads
    def find_customer(self, tenant: str, email: str) -> CustomerRecord | None:
        """Return the customer with this e-mail on file (case-insensitive)."""
        with self.database.read() as connection:
            user = find_user_by_email(connection, tenant, email)
        return None if user is None else customer_record(user)

    @reads
    def get_order(self, tenant: str, order_id: str) -> OrderRecord | None:
        """Return the order with this id, written with or without its ``#``."""
        with self.database.read() as connection:
            stored = find_order(connection, tenant, order_id)
        return None if stored is None else order_record(stored.order)

    @reads
    def list_orders(self, tenant: str, customer_id: str) -> tuple[OrderRecord, ...]:
        """Return the customer's orders, newest first; undated ones last, as the file lists them."""
        with self.database.read() as connection:
            orders = [stored.order for stored in orders_of(connection, tenant, customer_id)]
        dated = [(order.placed_at, order) for order in orders if order.placed_at is not None]
        undated = [order for order in orders if order.placed_at is None]
        newest_first = sorted(dated, key=lambda pair: pair[0], reverse=True)
        return tuple(order_record(o) for o in [*(o for _, o in newest_first), *undated])

    @writes
    def cancel_order(self, tenant: str, key: str, order_id: str, reason: str) -> OrderRecord:
        """Cancel a pending order and give back all that is left of what was paid.

        Both happen, or neither; the refund bears the same key.

        Raises:
            BackendRefused: ``order_not_found``, ``order_not_pending`` or ``idempotency_mismatch``.
        """
        with self.database.write() as connection:
            stored = require_order(connection, tenant, order_id)

            def cancel() -> OrderRecord:
                update = {"status": _CANCELLED, "cancel_reason": reason}
                record = _change(connection, stored, update)
                self._payments.refund_rest(connection, stored, key)
                return record

            call = Call(
                tenant=tenant,
                service=self.port,
                key=key,
                operation="cancel_order",
                arguments=(stored.order_id, reason),
            )
            return once(connection, call, OrderRecord, cancel)

    @writes
    def modify_order_address(
        self, tenant: str, key: str, order_id: str, address: Address
    ) -> OrderRecord:
        """Change where a pending order is sent.

        Raises:
            BackendRefused: ``order_not_found``, ``order_not_pending``, ``incomplete_address`` or
                ``idempotency_mismatch``.
        """
        for field in _ADDRESS_NEEDS:
            if not getattr(address, field).strip():
                raise BackendRefused(f"the address has no {field}", code="incomplete_address")
        with self.database.write() as connection:
            stored = require_order(connection, tenant, order_id)

            def redirect() -> OrderRecord:
                new = ShopAddress.model_validate(address.model_dump())
                return _change(connection, stored, {"address": new})

            call = Call(
                tenant=tenant,
                service=self.port,
                key=key,
                operation="modify_order_address",
                arguments=(stored.order_id, address.model_dump_json()),
            )
            return once(connection, call, OrderRecord, redirect)


def _change(
    connection: sqlite3.Connection, stored: StoredOrder, update: Mapping[str, object]
) -> OrderRecord:
    if stored.order.status != _PENDING:
        raise BackendRefused(
            f"order {stored.order_id} is {stored.order.status}: only a pending one can be changed",
            code="order_not_pending",
        )
    order = stored.order.model_copy(update=dict(update))
    save_order(connection, stored, order)
    return order_record(order)


def customer_record(user: ShopUser) -> CustomerRecord:
    """Return a customer as the port shows it."""
    return CustomerRecord(
        customer_id=user.user_id,
        first_name=user.name.first_name,
        last_name=user.name.last_name,
        email=user.email,
        address=_address(user.address),
        order_ids=user.orders,
        contact_changed_at=user.contact_changed_at,
    )


def order_record(order: ShopOrder) -> OrderRecord:
    """Return an order as the port shows it."""
    currency = order.currency_code()

    def money(minor: int) -> Money:
        return Money(amount_minor=minor, currency=currency)

    return OrderRecord(
        order_id=order.order_id,
        customer_id=order.user_id,
        status=order.status,
        lines=tuple(
            OrderLine(
                item_id=item.item_id,
                product_id=item.product_id,
                name=item.name,
                price=money(item.price),
                options=item.options,
            )
            for item in order.items
        ),
        shipping=None if order.shipping is None else money(order.shipping),
        fees={name: money(minor) for name, minor in (order.fees or {}).items()},
        currency=currency,
        placed_at=order.placed_at,
        delivered_at=order.delivered_at,
        address=_address(order.address),
        tracking_ids=tuple(t for sent in order.fulfillments for t in sent.tracking_id),
    )


def _address(address: ShopAddress | None) -> Address | None:
    """Return the plain model: its subclass would not compare equal to what callers build."""
    return None if address is None else Address.model_validate(address.model_dump())
