"""How a pending order is paid, and credit to spend for what went wrong."""

import re
from collections.abc import Sequence
from typing import Final

from closeloop.actions.customers import IssueStoreCredit
from closeloop.actions.orders import ModifyOrderPayment
from closeloop.models.proposal import Proposal
from closeloop.models.records import OrderRecord, PaymentMethodRecord
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting
from closeloop.offline.playbooks.case import ARTICLES, Case
from closeloop.offline.playbooks.money import total_of
from closeloop.offline.playbooks.orders import is_pending
from closeloop.offline.playbooks.reading import amounts_minor, only_asks, plain

_PAYING: Final = ("pay", "card", "method", "charge")
_CHANGE_RULE: Final = "pay pending order other payment method file once before shipped"
_SOURCES: Final = {
    "paypal": re.compile(r"\bpay ?pal\b"),
    "gift_card": re.compile(r"\bgift ?cards?\b"),
    "credit_card": re.compile(
        r"(?<!gift )\bcards?\b|\b(?:visa|mastercard|amex|american express)\b"
    ),
}


def change_payment_method(case: Case) -> Proposal:
    """Have a pending order paid by another of the customer's own methods."""
    if only_asks(case.latest, _PAYING):
        return drafting.article(case, _CHANGE_RULE, kinds=ARTICLES)
    choice = case.choose(is_pending)
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    if not is_pending(order):
        return drafting.too_late_to_change(case, order, "payment")
    paid_by = case.paid_by(order)
    customer = case.customer
    own = customer.payment_methods if customer else ()
    others = [method for method in own if method.method_id not in paid_by]
    if not others or len(paid_by) != 1:
        return drafting.escalate(
            case,
            "payment_method",
            f"The customer wants order {order.order_id} paid otherwise. It is paid by"
            f" {len(paid_by)} method(s), and {len(others)} other(s) are on file.",
            "A new method is entered by the customer alone: never take a card number in a message.",
        )
    named = _named(case, others)
    if len(named) != 1:
        return _which_method(case, order, others)
    params = ModifyOrderPayment(order_id=order.order_id, payment_method_id=named[0].method_id)
    what = f"payment of order {wording.neutral(order.order_id)} by {_label(named[0])}"
    return drafting.answer(
        case,
        (wording.AS_ASKED.format(what=what),),
        goal=f"have order {order.order_id} paid by {_label(named[0])}",
        why=f"the customer names another method of theirs, and the order is {order.status}",
        quotes=(case.quote(_CHANGE_RULE, needs=4),),
        actions=(drafting.act(case, params, order, "the customer wants to pay otherwise"),),
        courtesy=wording.THANKS,
    )


def _named(case: Case, others: Sequence[PaymentMethodRecord]) -> list[PaymentMethodRecord]:
    words = plain(case.current)
    return [m for m in others if m.source in _SOURCES and _SOURCES[m.source].search(words)]


def _label(method: PaymentMethodRecord) -> str:
    return (
        "PayPal" if method.source == "paypal" else wording.neutral(method.source.replace("_", " "))
    )


def _which_method(
    case: Case, order: OrderRecord, others: Sequence[PaymentMethodRecord]
) -> Proposal:
    ask, answer = wording.WHICH_METHOD
    methods = ", ".join(dict.fromkeys(map(_label, others)))
    if len(set(map(_label, others))) < len(others):
        return drafting.escalate(
            case,
            "payment_method",
            f"The customer wants order {order.order_id} paid otherwise, by one of several methods"
            f" of the same kind ({methods}).",
            "Ask which one is meant, by its last digits.",
        )
    return drafting.question(
        case,
        (ask.format(order=wording.neutral(order.order_id), methods=methods), answer),
        goal="learn how the customer wants to pay",
        why=f"{len(others)} other methods are on file",
    )


# --- credit --------------------------------------------------------------------------------------


def store_credit(case: Case) -> Proposal:
    """Propose the credit that the customer names for an order; without an amount a person decides.

    Nothing says that credit is due: policy lets a person look at every one.
    """
    choice = case.choose(lambda order: order.status == "delivered")
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    amounts = set(amounts_minor(case.current))
    left = case.account(order).left
    minor = min(amounts) if len(amounts) == 1 else 0
    if case.amount_cap is not None:
        minor = min(minor, case.amount_cap)
    if not 0 < minor <= left or is_pending(order):
        return drafting.escalate(
            case,
            "credit_wanted",
            f"The customer wants credit for order {order.order_id} ({order.status}), of which"
            f" {total_of(order, left)} is left, and names no amount that could be given.",
            "Decide whether credit is due, and how much.",
        )
    params = IssueStoreCredit(order_id=order.order_id, amount_minor=minor)
    what = f"credit for order {wording.neutral(order.order_id)}"
    return drafting.answer(
        case,
        (wording.AS_ASKED.format(what=what),),
        goal=f"give {total_of(order, minor)} of credit for order {order.order_id}",
        why="the customer names order and amount; a person decides whether it is due",
        actions=(drafting.act(case, params, order, "the customer asks for credit"),),
        courtesy=wording.THANKS,
    )
