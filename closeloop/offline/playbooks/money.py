"""What was paid for an order, what was given back, and for which parts of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from closeloop.actions.catalogue import parse
from closeloop.actions.refunds import RefundPayment
from closeloop.models.base import Money
from closeloop.models.proposal import ActionRecord, ActionState
from closeloop.models.records import OrderRecord, PaymentRecord, RefundRecord
from closeloop.names import idempotency_key


@dataclass(frozen=True, slots=True)
class Account:
    """An order's money in minor units.

    ``refunds`` are those that did not fail; ``parts`` the components known to be refunded. A
    refund made elsewhere names no component: it counts as the part that costs the same, if any.
    """

    paid: int
    given_back: int
    parts: frozenset[str]
    refunds: tuple[RefundRecord, ...]

    @property
    def left(self) -> int:
        """What can still be given back."""
        return max(self.paid - self.given_back, 0)


def account_of(
    tenant: str,
    order: OrderRecord,
    payments: Sequence[PaymentRecord],
    refunds: Sequence[RefundRecord],
    done: Sequence[ActionRecord],
) -> Account:
    """Return how the order's money stands, from its records and this ticket's verified refunds."""
    live = tuple(refund for refund in refunds if refund.status != "failed")
    prices = {part.component_id: part.price.amount_minor for part in order.components()}
    parts = {name for record in done for name in _refunded_by(record, order)}
    unexplained: list[int] = []
    for refund in live:
        named = _named_by_key(tenant, order, refund.key)
        parts.update(named)
        if not named:
            unexplained.append(refund.amount.amount_minor)
    for amount in unexplained:
        if amount == sum(prices.values()):
            parts.update(prices)
        else:
            match = (name for name, price in prices.items() if price == amount)
            parts.update([name for name in match if name not in parts][:1])
    return Account(
        paid=sum(payment.amount.amount_minor for payment in payments),
        given_back=sum(refund.amount.amount_minor for refund in live),
        parts=frozenset(parts),
        refunds=live,
    )


def total_of(order: OrderRecord, minor: int) -> Money:
    """Return ``minor`` units of the order's currency."""
    return Money(amount_minor=minor, currency=order.currency)


def _refunded_by(record: ActionRecord, order: OrderRecord) -> tuple[str, ...]:
    if record.state is not ActionState.VERIFIED or record.action.kind != RefundPayment.kind:
        return ()
    try:
        params = parse(record.action)
    except ValueError:
        return ()
    if not isinstance(params, RefundPayment) or params.order_id != order.order_id:
        return ()
    return params.components or tuple(part.component_id for part in order.components())


def _named_by_key(tenant: str, order: OrderRecord, key: str) -> tuple[str, ...]:
    """Return the components that the key of one of our refunds spells out."""
    prefix = idempotency_key(tenant, f"refund:{order.order_id}:")
    if not key.startswith(prefix):
        return ()
    parts = tuple(part.component_id for part in order.components())
    named = key.removeprefix(prefix).split("+")
    return parts if named == ["all"] else tuple(name for name in named if name in parts)
