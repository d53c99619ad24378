"""Changes to an order that was not sent yet."""

import hashlib
from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from closeloop.actions.base import ActionKind, Effect
from closeloop.models.base import Money
from closeloop.models.records import Address, CustomerRecord, OrderRecord
from closeloop.models.ticket import Assurance, OrderId


def address_digest(address: Address) -> str:
    """Return a short hash of an address: effect ids carry no personal data."""
    return hashlib.sha256(address.model_dump_json().encode()).hexdigest()[:16]


class CancelOrder(ActionKind):
    """Cancel a pending order; the shop gives back what was paid."""

    kind: ClassVar[str] = "cancel_order"
    assurance: ClassVar[Assurance] = Assurance.CHANNEL_VERIFIED
    moves_money: ClassVar[bool] = True
    remedy_words: ClassVar[tuple[str, ...]] = ("cancel", "call off", "stop the order")

    order_id: OrderId
    reason: Literal["no longer needed", "ordered by mistake"] = "no longer needed"

    @property
    def target_order(self) -> str | None:
        """The order to cancel."""
        return self.order_id

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the cancellation; it claims every component, for the money goes back with it.

        How much that is, the order's payments say.
        """
        if order is None:
            return Effect(effect_id=f"cancel:{self.order_id}")
        return Effect(
            effect_id=f"cancel:{order.order_id}",
            components={
                f"{order.order_id}/{part.component_id}": part.price.amount_minor
                for part in order.components()
            },
        )

    def in_words(self, order: OrderRecord | None, amount: Money | None) -> str:
        """Name the order and what would go back."""
        if order is None or amount is None:
            return ""
        return f"cancel order {order.order_id} as a whole and give back {amount}"

    def describe(self) -> str:
        """Say what would be cancelled."""
        return f"Cancel order {self.order_id} ({self.reason}) and give back what was paid"


class ModifyOrderAddress(ActionKind):
    """Send a pending order to another address."""

    kind: ClassVar[str] = "modify_order_address"
    assurance: ClassVar[Assurance] = Assurance.CONFIRMED
    reversible: ClassVar[bool] = True
    remedy_words: ClassVar[tuple[str, ...]] = ("address", "deliver", "ship", "send it to", "moved")

    order_id: OrderId
    address: Address

    @property
    def target_order(self) -> str | None:
        """The order to redirect."""
        return self.order_id

    @property
    def own_numbers(self) -> str:
        """The house number and the ZIP code."""
        return f"{self.address.address1} {self.address.zip[:5]}"

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the change by order and new address, so that a second, other change is its own."""
        target = order.order_id if order else self.order_id
        return Effect(effect_id=f"address:{target}:{address_digest(self.address)}")

    def in_words(self, order: OrderRecord | None, amount: Money | None) -> str:
        """Name the order and the whole address."""
        return f"send order {self.order_id} to {self.address.in_a_line()}" if order else ""

    def describe(self) -> str:
        """Say where the order would go."""
        place = self.address
        return f"Send order {self.order_id} to {place.address1}, {place.zip} {place.city}"

    def inverse(
        self, order: OrderRecord | None, customer: CustomerRecord | None
    ) -> "ModifyOrderAddress | None":
        """Send the order to where it would have gone."""
        if order is None or order.address is None:
            return None
        return ModifyOrderAddress(order_id=self.order_id, address=order.address)


class ModifyOrderPayment(ActionKind):
    """Pay for a pending order by another method; what was paid goes back to the first one."""

    kind: ClassVar[str] = "modify_order_payment"
    moves_money: ClassVar[bool] = True
    remedy_words: ClassVar[tuple[str, ...]] = ("pay", "card", "method", "charge")

    order_id: OrderId
    payment_method_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]

    @property
    def target_order(self) -> str | None:
        """The order to be paid otherwise."""
        return self.order_id

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the change by order and new method; it claims the one change there can be.

        How much is paid anew, and goes back, the order's payment says.
        """
        if order is None:
            return Effect(effect_id=f"payment:{self.order_id}:{self.payment_method_id}")
        return Effect(
            effect_id=f"payment:{order.order_id}:{self.payment_method_id}",
            components={f"{order.order_id}/change-of-payment": 0},
        )

    def describe(self) -> str:
        """Say by what the order would be paid."""
        return f"Pay for order {self.order_id} by {self.payment_method_id} instead"
