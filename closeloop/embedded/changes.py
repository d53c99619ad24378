"""The shop's rules for items, payment methods and addresses: what a change makes of an order.

Pure but for the refusals: the shop port reads, asks here, and writes.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from closeloop.embedded.payments import HistoryRow, topped_up
from closeloop.embedded.shopfile import (
    Item,
    PaymentMethod,
    ShopAddress,
    ShopOrder,
    ShopProduct,
    ShopUser,
    Variant,
)
from closeloop.errors import BackendRefused
from closeloop.models.base import Money
from closeloop.models.records import Address

PENDING: Final = "pending"
DELIVERED: Final = "delivered"
CANCELLED: Final = "cancelled"
ITEMS_MODIFIED: Final = "pending (item modified)"
RETURN_REQUESTED: Final = "return requested"
EXCHANGE_REQUESTED: Final = "exchange requested"
ADDRESS_NEEDS: Final = ("address1", "city", "zip", "country")

FindProduct = Callable[[str], ShopProduct | None]


class Swap(NamedTuple):
    """A variant that takes the place of the item at ``position`` of the order."""

    position: int
    variant: Variant


def require_status(order: ShopOrder, status: str) -> None:
    """Refuse unless the order stands at ``status`` (``order_not_pending``, ...)."""
    if order.status != status:
        raise BackendRefused(
            f"order {order.order_id} is {order.status}: only a {status} one can be changed so",
            code=f"order_not_{status}",
        )


def require_amount(order: ShopOrder, minor: int, amount: Money | None) -> None:
    """Refuse to move another amount than the caller names, where one does (``amount_changed``)."""
    moves = Money(amount_minor=minor, currency=order.currency_code())
    if amount is not None and amount != moves:
        raise BackendRefused(
            f"{moves} would move on order {order.order_id}, not {amount}: look at it again",
            code="amount_changed",
        )


def require_method(user: ShopUser, method_id: str) -> PaymentMethod:
    """Return the customer's payment method, or refuse (``payment_method_not_found``)."""
    method = user.payment_methods.get(method_id)
    if method is None:
        raise BackendRefused(
            f"the customer has no payment method {method_id[:80]!r}",
            code="payment_method_not_found",
        )
    return method


def require_balance(method: PaymentMethod, minor: int) -> None:
    """Refuse to charge a gift card with more than is on it (``balance_too_low``)."""
    if method.balance is not None and method.balance < minor:
        raise BackendRefused(
            f"gift card {method.id} has {method.balance} minor units, {minor} are needed",
            code="balance_too_low",
        )


def require_return_method(method: PaymentMethod, history: Sequence[HistoryRow]) -> None:
    """Refuse to return money to anything but the original method or a gift card."""
    paid_by = next((row.method_id for row in history if row.kind == "payment"), None)
    if method.balance is None and method.id != paid_by:
        raise BackendRefused(
            f"{method.id} is neither how the order was paid nor a gift card",
            code="payment_method_not_allowed",
        )


def positions(order: ShopOrder, item_ids: Sequence[str]) -> tuple[int, ...]:
    """Return which items of the order are meant, each of them once.

    Raises:
        BackendRefused: ``no_items``, or ``item_not_on_order`` for one that is not there, or not
            so often.
    """
    if not item_ids:
        raise BackendRefused("no item is named", code="no_items")
    taken: list[int] = []
    for item_id in item_ids:
        free = (
            n for n, item in enumerate(order.items) if item.item_id == item_id and n not in taken
        )
        position = next(free, None)
        if position is None:
            raise BackendRefused(
                f"order {order.order_id} has no item {item_id[:80]!r}, or not so often",
                code="item_not_on_order",
            )
        taken.append(position)
    return tuple(taken)


def swaps(
    order: ShopOrder, item_ids: Sequence[str], new_item_ids: Sequence[str], find: FindProduct
) -> tuple[Swap, ...]:
    """Return the variants that take the items' places.

    Raises:
        BackendRefused: ``items_not_paired``, ``item_not_on_order``, ``item_of_other_product`` (one
            that does not exist included) or ``item_unavailable``.
    """
    if len(item_ids) != len(new_item_ids):
        raise BackendRefused(
            f"{len(item_ids)} items, but {len(new_item_ids)} new ones", code="items_not_paired"
        )
    found: list[Swap] = []
    for position, new_id in zip(positions(order, item_ids), new_item_ids, strict=True):
        old = order.items[position]
        product = find(old.product_id)
        variant = product.variants.get(new_id) if product else None
        if variant is None:
            raise BackendRefused(
                f"{new_id[:80]!r} is no variant of the product of item {old.item_id}",
                code="item_of_other_product",
            )
        if not variant.available:
            raise BackendRefused(f"item {new_id} is not available", code="item_unavailable")
        found.append(Swap(position, variant))
    return tuple(found)


def difference(order: ShopOrder, changes: Sequence[Swap]) -> int:
    """Return what the new items cost more than the old ones, in minor units; may be negative."""
    return sum(swap.variant.price - order.items[swap.position].price for swap in changes)


def require_other_items(order: ShopOrder, changes: Sequence[Swap]) -> None:
    """Refuse to put an item in its own place (``same_item``)."""
    for swap in changes:
        if order.items[swap.position].item_id == swap.variant.item_id:
            raise BackendRefused(
                f"{swap.variant.item_id} is on the order already", code="same_item"
            )


def swapped(order: ShopOrder, changes: Sequence[Swap]) -> tuple[Item, ...]:
    """Return the order's items after the change: each new one with its own price and options."""
    items = list(order.items)
    for position, variant in changes:
        items[position] = items[position].model_copy(
            update={
                "item_id": variant.item_id,
                "price": variant.price,
                "options": variant.options,
            }
        )
    return tuple(items)


def settling(minor: int, method_id: str) -> HistoryRow:
    """Return the one row that settles a difference: what is not paid is given back."""
    return HistoryRow(
        kind="payment" if minor > 0 else "refund", minor=abs(minor), method_id=method_id
    )


def repaid(
    order_id: str, history: Sequence[HistoryRow], method: PaymentMethod
) -> tuple[HistoryRow, ...]:
    """Return the rows that take an order's one payment by another method and give it back.

    Raises:
        BackendRefused: ``no_single_payment``, ``same_payment_method`` or ``balance_too_low``.
    """
    if len(history) != 1 or history[0].kind != "payment":
        raise BackendRefused(
            f"order {order_id} has not exactly one payment", code="no_single_payment"
        )
    first = history[0]
    if first.method_id == method.id:
        raise BackendRefused(
            f"order {order_id} is paid by {method.id} already", code="same_payment_method"
        )
    require_balance(method, first.minor)
    return (
        HistoryRow(kind="payment", minor=first.minor, method_id=method.id),
        HistoryRow(kind="refund", minor=first.minor, method_id=first.method_id),
    )


def complete(address: Address) -> ShopAddress:
    """Return the address, or refuse one that a parcel cannot be sent to."""
    for field in ADDRESS_NEEDS:
        if not getattr(address, field).strip():
            raise BackendRefused(f"the address has no {field}", code="incomplete_address")
    return ShopAddress.model_validate(address.model_dump())


def require_credit(order: ShopOrder, amount: Money) -> None:
    """Refuse credit of nothing (``invalid_amount``) or in another money (``currency_mismatch``)."""
    if amount.amount_minor <= 0:
        raise BackendRefused(f"{amount} is not an amount to credit", code="invalid_amount")
    if amount.currency != order.currency_code():
        raise BackendRefused(
            f"order {order.order_id} is in {order.currency_code()}, not in {amount.currency}",
            code="currency_mismatch",
        )


def credited(user: ShopUser, minor: int) -> PaymentMethod:
    """Return the customer's first gift card with ``minor`` more on it; a new card if none.

    Raises:
        BackendRefused: as ``topped_up``.
    """
    for method in user.payment_methods.values():
        if method.balance is not None:
            return topped_up(method, method.balance, minor)
    number = len(user.payment_methods) + 1
    while f"gift_card_credit_{number}" in user.payment_methods:
        number += 1
    new = {"id": f"gift_card_credit_{number}", "source": "gift_card", "balance": 0}
    return topped_up(PaymentMethod.model_validate(new), 0, minor)
