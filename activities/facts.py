"""Facts about what changes an order: read from the shop, for policy to judge."""

from closeloop.actions.base import ActionKind
from closeloop.actions.items import ItemsAction, ReplacingAction, ReturnItems
from closeloop.actions.orders import ModifyOrderPayment
from closeloop.models.base import Money
from closeloop.models.policy import ItemFacts, MethodFacts
from closeloop.models.records import OrderLine, OrderRecord, PaymentRecord, RefundRecord
from closeloop.ports import Shop


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
        payments: tuple[PaymentRecord, ...],
        refunds: tuple[RefundRecord, ...],
    ) -> dict[str, object]:
        """Return what is to be known of an action on the customer's own order.

        The keys are fields of ``ActionFacts``; an action that changes neither items nor the payment
        method has none. ``payments`` and ``refunds`` are the order's.
        """
        match params:
            case ReplacingAction():
                return self._replacing(tenant, params, order) | self._method(
                    tenant, params.payment_method_id, order, payments
                )
            case ReturnItems():
                price = sum(params.claims(order).values())
                return {
                    "items": tuple(ItemFacts(item_id=name) for name in params.item_ids),
                    "charge": Money(amount_minor=-price, currency=order.currency),
                    **self._method(tenant, params.payment_method_id, order, payments),
                }
            case ModifyOrderPayment():
                paid = sum(payment.amount.amount_minor for payment in payments)
                return {
                    "charge": Money(amount_minor=paid, currency=order.currency),
                    "single_payment": len(payments) == 1 and not refunds,
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
            facts["charge"] = Money(amount_minor=more, currency=order.currency)
            facts["amount"] = Money(amount_minor=abs(more), currency=order.currency)
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


def _lines(params: ItemsAction, order: OrderRecord) -> tuple[OrderLine, ...]:
    """Return the lines that an action's items are: they were found on the order before."""
    left = list(order.lines)
    found: list[OrderLine] = []
    for item_id in params.item_ids:
        line = next(line for line in left if line.item_id == item_id)
        left.remove(line)
        found.append(line)
    return tuple(found)
