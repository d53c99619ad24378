"""The shop: customers, orders and products, and everything that changes an order."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from closeloop.embedded import changes, claims
from closeloop.embedded.database import Database, once, result_of
from closeloop.embedded.faults import FaultPlan, FaultyPort, reads, writes
from closeloop.embedded.payments import EmbeddedPayments, history_of
from closeloop.embedded.recorded import customer_record, order_record, product_record
from closeloop.embedded.shopfile import ShopProduct, ShopUser
from closeloop.embedded.stored import (
    StoredOrder,
    find_order,
    find_product,
    find_product_of_item,
    find_user,
    find_user_by_email,
    find_users_by_name,
    orders_of,
    require_order,
    require_user,
    save_order,
    save_user,
    shop_currency,
    user_names,
)
from closeloop.models.base import Money
from closeloop.models.records import (
    Address,
    CustomerRecord,
    OrderRecord,
    ProductRecord,
    StoreCreditRecord,
)

Change = Callable[[sqlite3.Connection, StoredOrder], Mapping[str, object]]
"""Checks a change, books its money, and returns the order's new fields."""


class EmbeddedShop(FaultyPort):
    """The shop system: implements ``closeloop.ports.Shop``."""

    port: ClassVar[str] = "shop"
    keeps_money: ClassVar[bool] = True
    """Whether its own books say what was paid for an order."""

    def __init__(self, database: Database, faults: FaultPlan, payments: EmbeddedPayments) -> None:
        """Use the database; a cancellation gives money back through ``payments``."""
        super().__init__(database, faults)
        self._payments = payments

    @reads
    def get_customer(self, tenant: str, customer_id: str) -> CustomerRecord | None:
        """Return the customer with this id."""
        with self.database.read() as connection:
            user = find_user(connection, tenant, customer_id)
            return _customer(connection, tenant, user)

    @reads
    def find_customer(self, tenant: str, email: str) -> CustomerRecord | None:
        """Return the customer with this e-mail on file (case-insensitive)."""
        with self.database.read() as connection:
            user = find_user_by_email(connection, tenant, email)
            return _customer(connection, tenant, user)

    @reads
    def find_customer_by_name(
        self, tenant: str, first_name: str, last_name: str, zip_code: str
    ) -> CustomerRecord | None:
        """Return the one customer of this name and postcode (case-insensitive); None if several."""
        wanted = zip_code.strip().casefold()
        with self.database.read() as connection:
            named = find_users_by_name(connection, tenant, first_name, last_name)
            found = [u for u in named if u.address and u.address.zip.casefold() == wanted]
            return _customer(connection, tenant, found[0] if len(found) == 1 else None)

    @reads
    def customers_named(
        self, tenant: str, names: Sequence[tuple[str, str]]
    ) -> tuple[tuple[str, str], ...]:
        """Return which of these first and last names are customers' (case-insensitive)."""
        with self.database.read() as connection:
            taken = user_names(connection, tenant)
        return tuple(n for n in names if (n[0].casefold(), n[1].casefold()) in taken)

    @reads
    def get_product(self, tenant: str, product_id: str) -> ProductRecord | None:
        """Return the product with this id; an item's id is another thing."""
        with self.database.read() as connection:
            return _product(connection, tenant, find_product(connection, tenant, product_id))

    @reads
    def find_item(self, tenant: str, item_id: str) -> ProductRecord | None:
        """Return the product that has this item as a variant."""
        with self.database.read() as connection:
            return _product(connection, tenant, find_product_of_item(connection, tenant, item_id))

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
    def cancel_order(
        self, tenant: str, key: str, order_id: str, reason: str, *, amount: Money | None = None
    ) -> OrderRecord:
        """Cancel a pending order and give back all that is left of what was paid.

        Both happen, or neither; the refund bears the same key.

        Raises:
            BackendRefused: ``order_not_found``, ``order_not_pending``, ``amount_changed`` or
                ``idempotency_mismatch``.
        """

        def change(connection: sqlite3.Connection, stored: StoredOrder) -> Mapping[str, object]:
            changes.require_status(stored.order, changes.PENDING)
            rest = self._payments.rest_of(connection, stored)
            changes.require_amount(stored.order, rest, amount)
            self._payments.refund_rest(connection, stored, key)
            return {"status": changes.CANCELLED, "cancel_reason": reason}

        arguments = (reason, *_named(amount))
        return self._order_once(tenant, key, "cancel_order", order_id, arguments, change)

    @writes
    def modify_order_address(
        self, tenant: str, key: str, order_id: str, address: Address
    ) -> OrderRecord:
        """Change where a pending order is sent.

        Raises:
            BackendRefused: ``order_not_found``, ``order_not_pending``, ``incomplete_address`` or
                ``idempotency_mismatch``.
        """
        new = changes.complete(address)

        def change(connection: sqlite3.Connection, stored: StoredOrder) -> Mapping[str, object]:
            changes.require_status(stored.order, changes.PENDING)
            return {"address": new}

        arguments = (address.model_dump_json(),)
        return self._order_once(tenant, key, "modify_order_address", order_id, arguments, change)

    @writes
    def modify_order_items(
        self,
        tenant: str,
        key: str,
        order_id: str,
        item_ids: Sequence[str],
        new_item_ids: Sequence[str],
        method_id: str,
        *,
        amount: Money | None = None,
    ) -> OrderRecord:
        """Put new items in the place of old ones on a pending order, and settle the difference.

        It can be done once: the order's status then says so. No more is given back than is left of
        what was paid.

        Raises:
            BackendRefused: as ``changes.swaps``, ``changes.require_balance`` and
                ``EmbeddedPayments.book``; or ``order_not_found``, ``order_not_pending``,
                ``same_item``, ``payment_method_not_found``, ``amount_changed``.
        """

        def change(connection: sqlite3.Connection, stored: StoredOrder) -> Mapping[str, object]:
            order = stored.order
            changes.require_status(order, changes.PENDING)
            swaps = changes.swaps(order, item_ids, new_item_ids, _products(connection, tenant))
            changes.require_other_items(order, swaps)
            method = changes.require_method(_owner(connection, stored), method_id)
            minor = changes.difference(order, swaps)
            changes.require_amount(order, abs(minor), amount)
            changes.require_balance(method, minor)
            self._payments.book(connection, stored, key, [changes.settling(minor, method_id)])
            return {"items": changes.swapped(order, swaps), "status": changes.ITEMS_MODIFIED}

        arguments = (*item_ids, "by", *new_item_ids, "with", method_id, *_named(amount))
        return self._order_once(tenant, key, "modify_order_items", order_id, arguments, change)

    @writes
    def modify_order_payment(
        self, tenant: str, key: str, order_id: str, method_id: str, *, amount: Money | None = None
    ) -> OrderRecord:
        """Take a pending order's one payment by another method, and give the first one back.

        Raises:
            BackendRefused: as ``changes.repaid`` and ``EmbeddedPayments.book``; or
                ``order_not_found``, ``order_not_pending``, ``payment_method_not_found``,
                ``amount_changed``.
        """

        def change(connection: sqlite3.Connection, stored: StoredOrder) -> Mapping[str, object]:
            changes.require_status(stored.order, changes.PENDING)
            method = changes.require_method(_owner(connection, stored), method_id)
            rows = changes.repaid(stored.order_id, history_of(connection, stored), method)
            changes.require_amount(stored.order, rows[0].minor, amount)
            self._payments.book(connection, stored, key, rows)
            return {}

        arguments = (method_id, *_named(amount))
        return self._order_once(tenant, key, "modify_order_payment", order_id, arguments, change)

    @writes
    def return_items(
        self, tenant: str, key: str, order_id: str, item_ids: Sequence[str], method_id: str
    ) -> OrderRecord:
        """Take in the return of items of a delivered order; no money moves before they are back.

        Raises:
            BackendRefused: as ``changes.positions``; or ``order_not_found``,
                ``order_not_delivered``, ``payment_method_not_found``,
                ``payment_method_not_allowed``, ``idempotency_mismatch``.
        """

        def change(connection: sqlite3.Connection, stored: StoredOrder) -> Mapping[str, object]:
            changes.require_status(stored.order, changes.DELIVERED)
            changes.positions(stored.order, item_ids)
            method = changes.require_method(_owner(connection, stored), method_id)
            changes.require_return_method(method, history_of(connection, stored))
            return {
                "status": changes.RETURN_REQUESTED,
                "return_items": tuple(sorted(item_ids)),
                "return_payment_method_id": method_id,
            }

        arguments = (*item_ids, "to", method_id)
        return self._order_once(tenant, key, "return_items", order_id, arguments, change)

    @writes
    def exchange_items(
        self,
        tenant: str,
        key: str,
        order_id: str,
        item_ids: Sequence[str],
        new_item_ids: Sequence[str],
        method_id: str,
        *,
        amount: Money | None = None,
    ) -> OrderRecord:
        """Take in the exchange of items of a delivered order; the difference is settled later.

        Raises:
            BackendRefused: as ``changes.swaps`` and ``changes.require_balance``; or
                ``order_not_found``, ``order_not_delivered``, ``payment_method_not_found``,
                ``amount_changed``, ``idempotency_mismatch``.
        """

        def change(connection: sqlite3.Connection, stored: StoredOrder) -> Mapping[str, object]:
            order = stored.order
            changes.require_status(order, changes.DELIVERED)
            swaps = changes.swaps(order, item_ids, new_item_ids, _products(connection, tenant))
            minor = changes.difference(order, swaps)
            changes.require_amount(order, abs(minor), amount)
            method = changes.require_method(_owner(connection, stored), method_id)
            changes.require_balance(method, minor)
            return {
                "status": changes.EXCHANGE_REQUESTED,
                "exchange_items": tuple(sorted(item_ids)),
                "exchange_new_items": tuple(sorted(new_item_ids)),
                "exchange_payment_method_id": method_id,
                "exchange_price_difference": minor,
            }

        arguments = (*item_ids, "for", *new_item_ids, "with", method_id, *_named(amount))
        return self._order_once(tenant, key, "exchange_items", order_id, arguments, change)

    @writes
    def update_customer_address(
        self, tenant: str, key: str, customer_id: str, address: Address
    ) -> CustomerRecord:
        """Change the customer's address on file.

        Raises:
            BackendRefused: ``customer_not_found``, ``incomplete_address`` or
                ``idempotency_mismatch``.
        """
        new = changes.complete(address)
        with self.database.write() as connection:
            user = require_user(connection, tenant, customer_id)

            def move() -> CustomerRecord:
                moved = user.model_copy(update={"address": new})
                save_user(connection, tenant, moved)
                return customer_record(moved, currency=shop_currency(connection, tenant))

            arguments = (customer_id, address.model_dump_json())
            call = self.call_of(tenant, key, "update_customer_address", arguments)
            return once(connection, call, CustomerRecord, move)

    @writes
    def issue_store_credit(
        self, tenant: str, key: str, order_id: str, amount: Money
    ) -> StoreCreditRecord:
        """Credit a gift card of the order's customer; a new one where there is none.

        It counts as credit on the order, and is at most what is left of what was paid.

        Raises:
            BackendRefused: ``order_not_found``, ``invalid_amount``, ``currency_mismatch``,
                ``over_refund``, ``balance_too_large`` or ``idempotency_mismatch``.
        """
        with self.database.write() as connection:
            stored = require_order(connection, tenant, order_id)

            def credit() -> StoreCreditRecord:
                changes.require_credit(stored.order, amount)
                if self.keeps_money:
                    self._payments.require_left(connection, stored, amount.amount_minor)
                user = _owner(connection, stored)
                card = changes.credited(user, amount.amount_minor)
                methods = {**user.payment_methods, card.id: card}
                save_user(connection, tenant, user.model_copy(update={"payment_methods": methods}))
                given = claims.give_credit(connection, stored, amount)
                return StoreCreditRecord(
                    credit_id=given.credit_id,
                    key=key,
                    customer_id=user.user_id,
                    order_id=stored.order_id,
                    method_id=card.id,
                    amount=amount,
                    created_at=given.created_at,
                )

            arguments = (stored.order_id, amount.amount_minor, amount.currency)
            call = self.call_of(tenant, key, "issue_store_credit", arguments)
            return once(connection, call, StoreCreditRecord, credit)

    @reads
    def find_store_credit(self, tenant: str, key: str) -> StoreCreditRecord | None:
        """Return the credit issued under ``key``."""
        with self.database.read() as connection:
            return result_of(connection, tenant, self.port, key, StoreCreditRecord)

    def _order_once(
        self,
        tenant: str,
        key: str,
        operation: str,
        order_id: str,
        arguments: tuple[str, ...],
        change: Change,
    ) -> OrderRecord:
        """Change an order in one transaction, on the first call under ``key``."""
        with self.database.write() as connection:
            stored = require_order(connection, tenant, order_id)

            def work() -> OrderRecord:
                order = stored.order.model_copy(update=dict(change(connection, stored)))
                save_order(connection, stored, order)
                return order_record(order)

            call = self.call_of(tenant, key, operation, (stored.order_id, *arguments))
            return once(connection, call, OrderRecord, work)


def _customer(
    connection: sqlite3.Connection, tenant: str, user: ShopUser | None
) -> CustomerRecord | None:
    if user is None:
        return None
    return customer_record(user, currency=shop_currency(connection, tenant))


def _product(
    connection: sqlite3.Connection, tenant: str, product: ShopProduct | None
) -> ProductRecord | None:
    if product is None:
        return None
    return product_record(product, currency=shop_currency(connection, tenant))


def _products(connection: sqlite3.Connection, tenant: str) -> changes.FindProduct:
    return lambda product_id: find_product(connection, tenant, product_id)


def _owner(connection: sqlite3.Connection, stored: StoredOrder) -> ShopUser:
    return require_user(connection, stored.tenant, stored.customer_id)


def _named(amount: Money | None) -> tuple[str, ...]:
    """Return an amount as arguments of a call: none where the caller names none."""
    return () if amount is None else ("amount", str(amount.amount_minor), amount.currency)
