"""Records of the shop, its payments, its CRM and its outbox, as the ports return them."""

from typing import Literal

from pydantic import Field

from closeloop.models.base import Money, UtcTime, Wire


class Address(Wire):
    """A postal address."""

    address1: str
    address2: str = ""
    city: str
    state: str = ""
    zip: str
    country: str

    def in_a_line(self) -> str:
        """Return the address as one line of text."""
        parts = (self.address1, self.address2, self.city, f"{self.state} {self.zip}", self.country)
        return ", ".join(" ".join(part.split()) for part in parts if part.strip())


class PaymentMethodRecord(Wire):
    """A customer's way to pay; ``balance`` is what is left on a gift card, None for the others."""

    method_id: str
    source: str
    balance: Money | None = None


class CustomerRecord(Wire):
    """A customer of the shop; ``email`` is the contact on file."""

    customer_id: str
    first_name: str
    last_name: str
    email: str
    address: Address | None = None
    order_ids: tuple[str, ...] = ()
    contact_changed_at: UtcTime | None = None
    payment_methods: tuple[PaymentMethodRecord, ...] = ()

    def payment_method(self, method_id: str) -> PaymentMethodRecord | None:
        """Return the customer's payment method with this id."""
        return next((m for m in self.payment_methods if m.method_id == method_id), None)


class VariantRecord(Wire):
    """A product as it can be bought."""

    item_id: str
    options: dict[str, str] = Field(default_factory=dict)
    available: bool
    price: Money


class ProductRecord(Wire):
    """A product with its variants."""

    product_id: str
    name: str
    variants: tuple[VariantRecord, ...] = ()

    def variant(self, item_id: str) -> VariantRecord | None:
        """Return the product's variant with this item id."""
        return next((v for v in self.variants if v.item_id == item_id), None)


class OrderLine(Wire):
    """One unit on an order; an item id may stand on an order twice, as two lines."""

    item_id: str
    product_id: str
    name: str
    price: Money
    options: dict[str, str] = Field(default_factory=dict)


class Component(Wire):
    """A refundable part of an order: unit n of an item, shipping, or a fee."""

    component_id: str
    label: str
    price: Money


class OrderRecord(Wire):
    """An order; ``None`` means that the shop's data does not say."""

    order_id: str
    customer_id: str
    status: str
    lines: tuple[OrderLine, ...]
    shipping: Money | None = None
    fees: dict[str, Money] = Field(default_factory=dict)
    currency: str = "USD"
    placed_at: UtcTime | None = None
    delivered_at: UtcTime | None = None
    address: Address | None = None
    tracking_ids: tuple[str, ...] = ()
    return_items: tuple[str, ...] = ()
    return_method_id: str | None = None
    exchange_items: tuple[str, ...] = ()
    exchange_new_items: tuple[str, ...] = ()
    exchange_method_id: str | None = None

    def components(self) -> tuple[Component, ...]:
        """Return every refundable part, ``item:<item id>:<n>`` first, in the order's own order."""
        seen: dict[str, int] = {}
        parts: list[Component] = []
        for line in self.lines:
            seen[line.item_id] = seen.get(line.item_id, 0) + 1
            name = f"item:{line.item_id}:{seen[line.item_id]}"
            parts.append(Component(component_id=name, label=line.name, price=line.price))
        if self.shipping is not None and self.shipping.amount_minor > 0:
            parts.append(Component(component_id="shipping", label="shipping", price=self.shipping))
        for fee, amount in self.fees.items():
            if amount.amount_minor > 0:
                parts.append(Component(component_id=f"fee:{fee}", label=fee, price=amount))
        return tuple(parts)

    def total(self) -> Money:
        """Return the sum of all components."""
        minor = sum(part.price.amount_minor for part in self.components())
        return Money(amount_minor=minor, currency=self.currency)


class PaymentRecord(Wire):
    """Money that was taken for an order."""

    payment_id: str
    order_id: str
    method_id: str
    amount: Money


class CreditRecord(Wire):
    """Credit given on an order in place of money, as the payments system shows it."""

    credit_id: str
    order_id: str
    amount: Money
    created_at: UtcTime


class DisputeRecord(Wire):
    """A payment that the customer's bank has called back; ``won`` and ``lost`` are the shop's.

    What is disputed is out of the shop's hands while it is open, and gone once it is lost.
    """

    dispute_id: str
    order_id: str
    amount: Money
    status: Literal["open", "won", "lost"]
    created_at: UtcTime


class RefundRecord(Wire):
    """Money given back, as the payments system shows it."""

    refund_id: str
    key: str
    order_id: str
    amount: Money
    status: Literal["pending", "succeeded", "failed"]
    created_at: UtcTime
    date_known: bool = True
    """False where the records do not say when: ``created_at`` is then when they were loaded."""


class StoreCreditRecord(Wire):
    """Credit given to a customer, on one of their gift cards."""

    credit_id: str
    key: str
    customer_id: str
    order_id: str
    method_id: str
    amount: Money
    created_at: UtcTime


class NoteRecord(Wire):
    """A note on a customer's record in the CRM."""

    note_id: str
    key: str
    text: str
    created_at: UtcTime


class EscalationRecord(Wire):
    """A case in the human queue; ``person`` is whom it was given to, None for nobody yet."""

    escalation_id: str
    key: str
    queue: str
    person: str | None = None
    status: Literal["open", "done"]
    created_at: UtcTime


class AlertRecord(Wire):
    """What the people of a queue were told at once."""

    alert_id: str
    key: str
    queue: str
    text: str
    created_at: UtcTime


class SentMessage(Wire):
    """A message that left for the customer."""

    sent_id: str
    key: str
    ticket_id: str
    to: str
    text: str
    sent_at: UtcTime
