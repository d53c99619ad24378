"""Money back for an order."""

from collections import Counter
from typing import ClassVar, Self

from pydantic import Field, model_validator

from closeloop.actions.base import ActionKind, Effect, short_id
from closeloop.models.base import MAX_SAFE_MINOR, Money
from closeloop.models.records import OrderRecord
from closeloop.models.ticket import Assurance, OrderId


class RefundPayment(ActionKind):
    """Give back the price of some or all components of an order.

    ``components`` are names from ``OrderRecord.components()`` (``item:<item id>:<n>``,
    ``shipping``, ``fee:<name>``); none means every one of them. ``amount_minor`` gives back less
    than their sum; the components then still count as refunded.
    """

    kind: ClassVar[str] = "refund_payment"
    assurance: ClassVar[Assurance] = Assurance.CHANNEL_VERIFIED
    moves_money: ClassVar[bool] = True
    names_parts: ClassVar[bool] = True
    remedy_words: ClassVar[tuple[str, ...]] = (
        "refund",
        "money back",
        "reimburs",
        "give me back",
        "pay me back",
        "paid back",
        "my money",
        "charged twice",
        "double charge",
        "charged me twice",
        "credit me",
    )

    order_id: OrderId
    components: tuple[str, ...] = Field(default=(), max_length=50)
    amount_minor: int | None = Field(default=None, strict=True, gt=0, le=MAX_SAFE_MINOR)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.components)) != len(self.components):
            raise ValueError("components: each may be named once")
        return self

    @property
    def target_order(self) -> str | None:
        """The order that the money was paid for."""
        return self.order_id

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the refund by its order and components; the ticket plays no part in it."""
        if order is None:
            return Effect(effect_id=short_id(f"refund:{self.order_id}", self.components))
        parts = {part.component_id: part.price.amount_minor for part in order.components()}
        unknown = [name for name in self.components if name not in parts]
        if unknown:
            raise ValueError(f"components: order {self.order_id} has no {unknown[0]!r}")
        chosen = tuple(sorted(self.components)) or tuple(parts)
        total = sum(parts[name] for name in chosen)
        amount = total if self.amount_minor is None else self.amount_minor
        if amount > total:
            raise ValueError(f"amount_minor: {amount} is more than the components' {total}")
        if amount <= 0:
            raise ValueError("components: there is nothing to refund")
        whole = set(chosen) == set(parts)
        return Effect(
            effect_id=short_id(f"refund:{order.order_id}", ("all",) if whole else chosen),
            components={f"{order.order_id}/{name}": parts[name] for name in chosen},
            amount=Money(amount_minor=amount, currency=order.currency),
        )

    def in_words(self, order: OrderRecord | None, amount: Money | None) -> str:
        """Name amount, items and order."""
        if order is None:
            return ""
        effect = self.effect("", order)
        chosen = {name.partition("/")[2] for name in effect.components}
        labels = Counter(part.label for part in order.components() if part.component_id in chosen)
        what = ", ".join(f"{n} x {label}" if n > 1 else label for label, n in labels.items())
        return f"refund {amount} for {what} of order {order.order_id}"

    def describe(self) -> str:
        """Say what would be paid back, and for what."""
        what = ", ".join(self.components) if self.components else "everything on it"
        less = "" if self.amount_minor is None else f", {self.amount_minor} minor units of it"
        return f"Refund order {self.order_id}: {what}{less}"
