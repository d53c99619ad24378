"""The systems that tickets are about: shop, payments, helpdesk, calendar, outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from closeloop.models.base import Money
from closeloop.models.callbacks import CallbackRecord, Slot
from closeloop.models.handover import HandOverPack
from closeloop.models.records import (
    Address,
    AlertRecord,
    CreditRecord,
    CustomerRecord,
    DisputeRecord,
    EscalationRecord,
    NoteRecord,
    OrderRecord,
    PaymentRecord,
    ProductRecord,
    RefundRecord,
    SentMessage,
    StoreCreditRecord,
)
from closeloop.models.routing import OpenCases


class Shop(Protocol):
    """Customers, orders and products."""

    def get_customer(self, tenant: str, customer_id: str) -> CustomerRecord | None:
        """Return the customer with this id."""
        ...

    def find_customer(self, tenant: str, email: str) -> CustomerRecord | None:
        """Return the customer with this e-mail on file (case-insensitive)."""
        ...

    def find_customer_by_name(
        self, tenant: str, first_name: str, last_name: str, zip_code: str
    ) -> CustomerRecord | None:
        """Return the one customer of this name and postcode (case-insensitive); None if several."""
        ...

    def customers_named(
        self, tenant: str, names: Sequence[tuple[str, str]]
    ) -> tuple[tuple[str, str], ...]:
        """Return which of these first and last names are customers' (case-insensitive)."""
        ...

    def get_product(self, tenant: str, product_id: str) -> ProductRecord | None:
        """Return the product with this id; an item's id is another thing."""
        ...

    def find_item(self, tenant: str, item_id: str) -> ProductRecord | None:
        """Return the product that has this item as a variant."""
        ...

    def get_order(self, tenant: str, order_id: str) -> OrderRecord | None:
        """Return the order with this id (``#W1001``)."""
        ...

    def list_orders(self, tenant: str, customer_id: str) -> tuple[OrderRecord, ...]:
        """Return the customer's orders, newest first."""
        ...

    def cancel_order(
        self, tenant: str, key: str, order_id: str, reason: str, *, amount: Money | None = None
    ) -> OrderRecord:
        """Cancel a pending order and give back what is left of what was paid.

        Here and in the three changes below ``amount`` is what may move: any other is refused
        (``amount_changed``). None, whatever it comes to, is for who has no judgement to keep to.
        """
        ...

    def modify_order_address(
        self, tenant: str, key: str, order_id: str, address: Address
    ) -> OrderRecord:
        """Change where a pending order is sent."""
        ...

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
        """Put new items in the place of old ones on a pending order; settle the difference."""
        ...

    def modify_order_payment(
        self, tenant: str, key: str, order_id: str, method_id: str, *, amount: Money | None = None
    ) -> OrderRecord:
        """Take a pending order's one payment by another method, and give the first one back."""
        ...

    def return_items(
        self, tenant: str, key: str, order_id: str, item_ids: Sequence[str], method_id: str
    ) -> OrderRecord:
        """Take in the return of items of a delivered order; the money goes to ``method_id``."""
        ...

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
        """Take in the exchange of items of a delivered order for others of the same products."""
        ...

    def update_customer_address(
        self, tenant: str, key: str, customer_id: str, address: Address
    ) -> CustomerRecord:
        """Change the customer's address on file."""
        ...

    def issue_store_credit(
        self, tenant: str, key: str, order_id: str, amount: Money
    ) -> StoreCreditRecord:
        """Credit a gift card of the order's customer; a new one where there is none."""
        ...

    def find_store_credit(self, tenant: str, key: str) -> StoreCreditRecord | None:
        """Return the credit issued under ``key``."""
        ...


class Payments(Protocol):
    """Money taken and given back: the system of record for refunds."""

    def list_payments(self, tenant: str, order_id: str) -> tuple[PaymentRecord, ...]:
        """Return what was taken for the order."""
        ...

    def list_refunds(self, tenant: str, order_id: str) -> tuple[RefundRecord, ...]:
        """Return everything given back on the order, whoever did it."""
        ...

    def refund(
        self, tenant: str, key: str, order_id: str, amount: Money, *, ticket_id: str | None = None
    ) -> RefundRecord:
        """Give ``amount`` back to how the order was paid; never more than is left of it.

        ``ticket_id`` is who is told when it settles, where the system tells anybody.
        """
        ...

    def find_refund(
        self, tenant: str, key: str, *, order_id: str | None = None
    ) -> RefundRecord | None:
        """Return the refund made under ``key``; its order, where it is known, shortens the way."""
        ...

    def list_credits(self, tenant: str, order_id: str) -> tuple[CreditRecord, ...]:
        """Return the credit given on the order in place of money, whoever did it."""
        ...

    def list_disputes(self, tenant: str, order_id: str) -> tuple[DisputeRecord, ...]:
        """Return every dispute about the order's payments, settled ones included."""
        ...


class Crm(Protocol):
    """The helpdesk's own records: notes on customers and cases in the human queue."""

    def add_note(self, tenant: str, key: str, customer_id: str | None, text: str) -> NoteRecord:
        """Write a note; without a customer it stands on the ticket alone."""
        ...

    def find_note(self, tenant: str, key: str) -> NoteRecord | None:
        """Return the note written under ``key``."""
        ...

    def create_escalation(
        self,
        tenant: str,
        key: str,
        queue: str,
        reason: str,
        pack: str,
        person: str | None = None,
        details: HandOverPack | None = None,
    ) -> EscalationRecord:
        """Put a case with its hand-over pack into a human queue, or give it to a person of it.

        ``pack`` is for people to read, ``details`` the same for programs.
        """
        ...

    def find_escalation(self, tenant: str, key: str) -> EscalationRecord | None:
        """Return the case created under ``key``."""
        ...

    def close_escalation(self, tenant: str, key: str) -> EscalationRecord:
        """Mark the case created under ``key`` as done."""
        ...

    def open_cases(self, tenant: str) -> tuple[OpenCases, ...]:
        """Return how many open cases each queue has with each of its people."""
        ...

    def raise_alert(self, tenant: str, key: str, queue: str, text: str) -> AlertRecord:
        """Tell the people of a queue something at once, without making it a case."""
        ...

    def find_alert(self, tenant: str, key: str) -> AlertRecord | None:
        """Return the alert raised under ``key``."""
        ...


class Calendar(Protocol):
    """The desk's calendar: calls to customers, and what came of them."""

    def book(
        self, tenant: str, key: str, ticket_id: str, customer_id: str, slot: Slot, zone: str
    ) -> CallbackRecord:
        """Book a call; ``zone`` is the one that the customer's clock shows."""
        ...

    def move(self, tenant: str, key: str, booking_id: str, slot: Slot) -> CallbackRecord:
        """Move a call that was not made yet to another time.

        Raises:
            BackendRefused: ``no_booking``, or ``not_booked`` where it was made or called off.
        """
        ...

    def cancel(self, tenant: str, key: str, booking_id: str) -> CallbackRecord:
        """Call a call off; raises as ``move``."""
        ...

    def get(self, tenant: str, booking_id: str) -> CallbackRecord | None:
        """Return a call as it stands."""
        ...

    def find(self, tenant: str, key: str) -> CallbackRecord | None:
        """Return the call booked under ``key``, as it stands."""
        ...

    def calls(self, tenant: str, since: datetime) -> tuple[CallbackRecord, ...]:
        """Return the calls that end after a time, in the order of their beginnings."""
        ...


class Outbox(Protocol):
    """Messages to customers."""

    def send(
        self, tenant: str, key: str, ticket_id: str, to: str, subject: str, text: str
    ) -> SentMessage:
        """Send one message."""
        ...

    def find(self, tenant: str, key: str) -> SentMessage | None:
        """Return the message sent under ``key``."""
        ...
