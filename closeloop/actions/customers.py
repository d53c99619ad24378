"""What is on file about a customer, and credit to spend."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from closeloop.actions.base import ActionKind, Effect
from closeloop.actions.orders import address_digest
from closeloop.models.base import MAX_SAFE_MINOR, Money
from closeloop.models.records import Address, CustomerRecord, OrderRecord
from closeloop.models.ticket import Assurance, OrderId

CustomerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class UpdateCustomerAddress(ActionKind):
    """Change the customer's own address on file; orders keep theirs."""

    kind: ClassVar[str] = "update_customer_address"
    assurance: ClassVar[Assurance] = Assurance.CONFIRMED
    remedy_words: ClassVar[tuple[str, ...]] = ("address", "moved", "profile")

    customer_id: CustomerId
    address: Address

    @property
    def target_customer(self) -> str | None:
        """The customer whose address changes."""
        return self.customer_id

    @property
    def own_numbers(self) -> str:
        """The house number and the ZIP code."""
        return f"{self.address.address1} {self.address.zip[:5]}"

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the change by ticket and new address: another ticket may bring an old one back."""
        digest = address_digest(self.address)
        return Effect(effect_id=f"customer-address:{self.customer_id}:{ticket_id}:{digest}")

    def in_words(self, order: OrderRecord | None, amount: Money | None) -> str:
        """Name the whole address."""
        return f"change the address on your account to {self.address.in_a_line()}"

    def describe(self) -> str:
        """Say what the address would be."""
        place = self.address
        return f"Change the customer's address to {place.address1}, {place.zip} {place.city}"

    def inverse(
        self, order: OrderRecord | None, customer: CustomerRecord | None
    ) -> "UpdateCustomerAddress | None":
        """Bring back the address that is on file."""
        if customer is None or customer.address is None:
            return None
        return UpdateCustomerAddress(customer_id=self.customer_id, address=customer.address)


class IssueStoreCredit(ActionKind):
    """Credit a gift card of the customer's, for what went wrong with an order; once an order."""

    kind: ClassVar[str] = "issue_store_credit"
    assurance: ClassVar[Assurance] = Assurance.CONFIRMED
    moves_money: ClassVar[bool] = True
    remedy_words: ClassVar[tuple[str, ...]] = ("credit", "voucher", "gift card", "compensat")

    order_id: OrderId
    amount_minor: int = Field(strict=True, gt=0, le=MAX_SAFE_MINOR)

    @property
    def target_order(self) -> str | None:
        """The order that the credit makes up for."""
        return self.order_id

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the one credit that an order can have, whatever its amount, which may be lowered."""
        target = order.order_id if order else self.order_id
        currency = order.currency if order else "USD"
        return Effect(
            effect_id=f"credit:{target}",
            components={f"{target}/store-credit": self.amount_minor},
            amount=Money(amount_minor=self.amount_minor, currency=currency),
        )

    def describe(self) -> str:
        """Say what would be credited."""
        return f"Credit a gift card for order {self.order_id}: {self.amount_minor} minor units"
