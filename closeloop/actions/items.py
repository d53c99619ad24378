"""Items of an order: other variants before it is sent, and returns and exchanges afterwards."""

from collections import Counter
from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from closeloop.actions.base import ActionKind, Effect, short_id
from closeloop.models.base import Money
from closeloop.models.records import OrderRecord
from closeloop.models.ticket import OrderId

ItemId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
MethodId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]

MAX_ITEMS = 50


class ItemsAction(ActionKind):
    """Base of the kinds that take some items of an order.

    ``item_ids`` name units: an item that stands on the order twice may be named twice.
    """

    moves_money: ClassVar[bool] = True
    names_parts: ClassVar[bool] = True

    order_id: OrderId
    item_ids: tuple[ItemId, ...] = Field(min_length=1, max_length=MAX_ITEMS)
    payment_method_id: MethodId

    @property
    def target_order(self) -> str | None:
        """The order that the items stand on."""
        return self.order_id

    def claims(self, order: OrderRecord) -> dict[str, int]:
        """Return the order's components that the items are, with their prices in minor units.

        Raises:
            ValueError: an item is not on the order, or not so often.
        """
        prices = {part.component_id: part.price.amount_minor for part in order.components()}
        seen: Counter[str] = Counter()
        claimed: dict[str, int] = {}
        for item_id in self.item_ids:
            seen[item_id] += 1
            name = f"item:{item_id}:{seen[item_id]}"
            if name not in prices:
                often = "" if seen[item_id] == 1 else f" {seen[item_id]} times"
                raise ValueError(f"item_ids: order {order.order_id} has no {item_id!r}{often}")
            claimed[f"{order.order_id}/{name}"] = prices[name]
        return claimed


class ReturnItems(ItemsAction):
    """Take back items of a delivered order; their price goes to ``payment_method_id``."""

    kind: ClassVar[str] = "return_items"
    remedy_words: ClassVar[tuple[str, ...]] = ("return", "send it back", "send them back")

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the return by its order, units and method; it claims the units."""
        parts = (*sorted(self.item_ids), self.payment_method_id)
        if order is None:
            return Effect(effect_id=short_id(f"return:{self.order_id}", parts))
        claimed = self.claims(order)
        return Effect(
            effect_id=short_id(f"return:{order.order_id}", parts),
            components=claimed,
            amount=Money(amount_minor=sum(claimed.values()), currency=order.currency),
        )

    def describe(self) -> str:
        """Say what would come back."""
        items = ", ".join(self.item_ids)
        return f"Take back from order {self.order_id}: {items}; to {self.payment_method_id}"


class ReplacingAction(ItemsAction):
    """Base of the kinds that put variants of the same product in the place of items.

    The n-th of ``new_item_ids`` takes the place of the n-th of ``item_ids``. What that costs or
    gives back is a fact of the shop's prices, so the effect has no amount: policy looks it up.
    """

    new_item_ids: tuple[ItemId, ...] = Field(min_length=1, max_length=MAX_ITEMS)

    @model_validator(mode="after")
    def _in_pairs(self) -> Self:
        if len(self.item_ids) != len(self.new_item_ids):
            raise ValueError("new_item_ids: there must be as many as item_ids")
        return self

    def _name(self, prefix: str) -> str:
        pairs = zip(self.item_ids, self.new_item_ids, strict=True)
        parts = (*sorted(f"{old}>{new}" for old, new in pairs), self.payment_method_id)
        return short_id(prefix, parts)

    def _pairs(self) -> str:
        pairs = zip(self.item_ids, self.new_item_ids, strict=True)
        return ", ".join(f"{old} by {new}" for old, new in pairs)


class ExchangeItems(ReplacingAction):
    """Exchange items of a delivered order for other variants of the same products."""

    kind: ClassVar[str] = "exchange_items"
    remedy_words: ClassVar[tuple[str, ...]] = ("exchange", "swap", "replace", "instead")

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the exchange by its order, pairs and method; it claims the old units."""
        if order is None:
            return Effect(effect_id=self._name(f"exchange:{self.order_id}"))
        return Effect(
            effect_id=self._name(f"exchange:{order.order_id}"), components=self.claims(order)
        )

    def describe(self) -> str:
        """Say what would be exchanged."""
        return (
            f"Exchange on order {self.order_id}: {self._pairs()};"
            f" the difference by {self.payment_method_id}"
        )


class ModifyOrderItems(ReplacingAction):
    """Put other variants on a pending order; it can be done once."""

    kind: ClassVar[str] = "modify_order_items"
    names_parts: ClassVar[bool] = False
    remedy_words: ClassVar[tuple[str, ...]] = ("change", "modify", "switch", "swap", "instead")

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the change by its order, pairs and method.

        It claims not the units, which may be refunded one day, but the one change there can be.
        """
        if order is None:
            return Effect(effect_id=self._name(f"items:{self.order_id}"))
        self.claims(order)
        return Effect(
            effect_id=self._name(f"items:{order.order_id}"),
            components={f"{order.order_id}/change-of-items": 0},
        )

    def describe(self) -> str:
        """Say what would change."""
        return (
            f"Change items of order {self.order_id}: {self._pairs()};"
            f" the difference by {self.payment_method_id}"
        )
