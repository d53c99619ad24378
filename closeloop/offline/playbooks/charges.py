"""Double charges: what was taken beyond the price goes back, and the rest is explained."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from closeloop.actions.orders import CancelOrder
from closeloop.actions.refunds import RefundPayment
from closeloop.models.proposal import Proposal
from closeloop.models.records import OrderLine, OrderRecord
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting
from closeloop.offline.playbooks.case import Case
from closeloop.offline.playbooks.money import total_of
from closeloop.offline.playbooks.orders import cancel_this, is_pending
from closeloop.offline.playbooks.refunds import arrival

_TWIN_DISTANCE: Final = timedelta(days=1)


def double_charge(case: Case) -> Proposal:
    """Give back what was taken beyond the price; explain where nothing was."""
    alive = [order for order in case.orders if order.status != "cancelled"]
    choice = case.choose(lambda order: order in alive)
    among = choice.orders if choice.orders else ()
    over = [order for order in among if _overpaid(case, order) > 0]
    if len(over) == 1:
        return _give_back_extra(case, over[0])
    twins = _twins(among) or (_twins(alive) if not choice.foreign else ())
    if twins:
        return _explain_twins(case, twins)
    if not choice.sure:
        return drafting.which_order(case, choice)
    return _explain_payment(case, choice.orders[0])


def _overpaid(case: Case, order: OrderRecord) -> int:
    account = case.account(order)
    return min(account.left - order.total().amount_minor, order.total().amount_minor)


def _give_back_extra(case: Case, order: OrderRecord) -> Proposal:
    extra = min(bound for bound in (_overpaid(case, order), case.amount_cap) if bound is not None)
    params = RefundPayment(
        order_id=order.order_id,
        amount_minor=extra if extra < order.total().amount_minor else None,
    )
    return drafting.answer(
        case,
        (wording.EXTRA_REFUNDED.format(order=wording.neutral(order.order_id)),),
        goal=f"give back what was taken twice for order {order.order_id}",
        why=f"{total_of(order, case.account(order).paid)} was taken for a price of {order.total()}",
        quotes=(arrival(case),),
        actions=(drafting.act(case, params, order, "more was taken than the order cost"),),
        courtesy=wording.THANKS,
    )


def _twins(orders: Sequence[OrderRecord]) -> tuple[OrderRecord, ...]:
    """Return two orders of the same items within a day, older first; none where there are none."""
    for position, one in enumerate(orders):
        for other in orders[position + 1 :]:
            if one.placed_at is None or other.placed_at is None:
                continue
            same = _items(one.lines) == _items(other.lines)
            if same and abs(one.placed_at - other.placed_at) <= _TWIN_DISTANCE:
                return (one, other) if one.placed_at <= other.placed_at else (other, one)
    return ()


def _items(lines: Sequence[OrderLine]) -> list[str]:
    return sorted(line.item_id for line in lines)


def _explain_twins(case: Case, twins: Sequence[OrderRecord]) -> Proposal:
    pending = [order for order in twins if is_pending(order)]
    if len(pending) == 1 and case.asks_for(CancelOrder):
        return cancel_this(case, pending[0])
    listed = "\n".join(
        f"{wording.order_line(order)}; it {wording.order_state(order)}" for order in twins
    )
    offer = (
        wording.TWIN_PENDING.format(order=wording.neutral(pending[-1].order_id)) if pending else ""
    )
    return drafting.question(
        case,
        (wording.TWIN_ORDERS, listed, offer or wording.ONE_PAYMENT_ANSWER),
        goal="find out whether the second order is wanted",
        why="two orders of the same items were placed within a day, each paid once",
        quotes=(case.quote("two orders same items second pending cancel left return"),),
    )


def _explain_payment(case: Case, order: OrderRecord) -> Proposal:
    account = case.account(order)
    count = len(case.payments.list_payments(case.request.tenant, order.order_id))
    shown = wording.ONE_PAYMENT.format(
        order=wording.neutral(order.order_id),
        payments="one payment" if count == 1 else f"{count} payments",
        paid=total_of(order, account.paid),
    )
    if account.paid != order.total().amount_minor or not count:
        return drafting.escalate(
            case,
            "payment_unclear",
            f"{total_of(order, account.paid)} was taken for order {order.order_id},"
            f" which cost {order.total()}, and the customer speaks of a double charge.",
        )
    return drafting.question(
        case,
        (shown, wording.ONE_PAYMENT_ANSWER),
        goal="learn what the statement shows",
        why=f"order {order.order_id} was paid once",
        quotes=(case.quote("two charges hold pending bank reservation disappears"),),
    )
