"""Facts about what changes an order: read from the shop, for policy to judge."""

from typing import NamedTuple

from closeloop.actions.base import ActionKind
from closeloop.actions.items import ExchangeItems, ItemsAction, ReplacingAction, ReturnItems
from closeloop.actions.orders import CancelOrder, ModifyOrderPayment
from closeloop.models.base import Money
from closeloop.models.policy import ItemFacts, MethodFacts
from closeloop.models.records import (
    CreditRecord,
    DisputeRecord,
    OrderLine,
    OrderRecord,
    PaymentRecord,
    RefundRecord,
)
from closeloop.ports import Payments, Shop


class OrderMoney(NamedTuple):
    """All that moved on an order, as its payments system shows it."""

    payments: tuple[PaymentRecord, ...]
    refunds: tuple[RefundRecord, ...]
    credits: tuple[CreditRecord, ...]
    disputes: tuple[DisputeRecord, ...]

    @property
    def gone(self) -> tuple[RefundRecord, ...]:
        """The refunds that did not fail."""
        return tuple(refund for refund in self.refunds if refund.status != "failed")

    @property
    def called_back(self) -> tuple[DisputeRecord, ...]:
        """The disputes that the shop did not win."""
        return tuple(dispute for dispute in self.disputes if dispute.status != "won")


def read_money(payments: Payments, tenant: str, order_id: str) -> OrderMoney:
    """Read all that moved on an order."""
    return OrderMoney(
        payments.list_payments(tenant, order_id),
        payments.list_refunds(tenant, order_id),
        payments.list_credits(tenant, order_id),
        payments.list_disputes(tenant, order_id),
    )


class ChangeFacts:
    """Reads variants, prices and payment methods."""

    def __init__(self, shop: Shop) -> None:
        """Keep the shop port."""
        self._shop = shop

    def of(
        self,
        tenant: str,
        params: ActionKind,
        order: OrderRecord,
        money: OrderMoney,
        key: str,
    ) -> dict[str, object]:
        """Return what is to be known of an action on the customer's own order.

        The keys are fields of ``ActionFacts``; an action that changes neither items nor how the
        order is paid, or whether, has none. ``key`` is the idempotency key of the action's effect.
        """
        payments = money.payments
        match params:
            case CancelOrder():
                back = _goes_back(order, money, key)
                return {"amount": back, "takes": back}
            case ReplacingAction():
                return self._replacing(tenant, params, order) | self._method(
                    tenant, params.payment_method_id, order, payments
                )
            case ReturnItems():
                price = sum(params.claims(order).values())
                return {
                    "items": tuple(ItemFacts(item_id=name) for name in params.item_ids),
                    "charge": _money(-price, order),
                    **self._method(tenant, params.payment_method_id, order, payments),
                }
            case ModifyOrderPayment():
                paid = payments[0].amount if payments else _money(0, order)
                return {
                    "amount": paid,
                    "takes": paid,
                    "charge": paid,
                    "single_payment": len(payments) == 1 and not money.refunds,
                    **self._method(tenant, params.payment_method_id, order, payments),
                }
            case _:
                return {}

    def _replacing(
        self, tenant: str, params: ReplacingAction, order: OrderRecord
    ) -> dict[str, object]:
        """Return the items, and what they cost more, which is also what would move."""
        found: list[ItemFacts] = []
        prices: list[int] = []
        pairs = zip(_lines(params, order), params.new_item_ids, strict=True)
        for line, new_id in pairs:
            product = self._shop.get_product(tenant, line.product_id)
            variant = product.variant(new_id) if product else None
            found.append(
                ItemFacts(
                    item_id=line.item_id,
                    new_item_id=new_id,
                    of_product=variant is not None,
                    available=variant.available if variant else None,
                )
            )
            if variant is not None and variant.price.currency == order.currency:
                prices.append(variant.price.amount_minor - line.price.amount_minor)
        facts: dict[str, object] = {"items": tuple(found)}
        if len(prices) == len(found):
            more = sum(prices)
            worth = sum(params.claims(order).values())
            taken = worth if isinstance(params, ExchangeItems) else max(0, -more)
            facts["charge"] = _money(more, order)
            facts["amount"] = _money(abs(more), order)
            facts["takes"] = _money(taken, order)
        return facts

    def _method(
        self,
        tenant: str,
        method_id: str,
        order: OrderRecord,
        payments: tuple[PaymentRecord, ...],
    ) -> dict[str, object]:
        customer = self._shop.get_customer(tenant, order.customer_id)
        method = customer.payment_method(method_id) if customer else None
        paid_by = [payment.method_id for payment in payments]
        return {
            "method": MethodFacts(
                method_id=method_id,
                on_file=method is not None,
                gift_card=method is not None and method.balance is not None,
                balance=method.balance if method else None,
                paid=method_id in paid_by,
                original=paid_by[:1] == [method_id],
            )
        }


def _goes_back(order: OrderRecord, money: OrderMoney, key: str) -> Money | None:
    """Return what a cancellation gives back: what was paid, less refunds and disputes.

    What it gave back itself, under ``key``, it would give back: the amount stays the same once it
    is done. None where amounts are in another currency than the order's.
    """
    others = tuple(refund for refund in money.gone if refund.key != key)
    listed = [record.amount for record in (*money.payments, *others, *money.called_back)]
    if any(amount.currency != order.currency for amount in listed):
        return None
    paid = sum(payment.amount.amount_minor for payment in money.payments)
    gone = sum(record.amount.amount_minor for record in (*others, *money.called_back))
    return _money(max(0, paid - gone), order)


def _money(minor: int, order: OrderRecord) -> Money:
    return Money(amount_minor=minor, currency=order.currency)


def _lines(params: ItemsAction, order: OrderRecord) -> tuple[OrderLine, ...]:
    """Return the lines that an action's items are: they were found on the order before."""
    left = list(order.lines)
    found: list[OrderLine] = []
    for item_id in params.item_ids:
        line = next(line for line in left if line.item_id == item_id)
        left.remove(line)
        found.append(line)
    return tuple(found)
