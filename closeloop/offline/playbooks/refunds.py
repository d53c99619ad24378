"""Money back: refunds, whole and in part, where they are, damaged or wrong items."""

import re
from collections.abc import Sequence
from typing import Final

from closeloop.actions.orders import CancelOrder
from closeloop.actions.refunds import RefundPayment
from closeloop.models.proposal import Proposal
from closeloop.models.records import OrderRecord
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting, parts
from closeloop.offline.playbooks.case import ARTICLES, Case
from closeloop.offline.playbooks.money import Account, total_of
from closeloop.offline.playbooks.orders import cancel_this, is_pending
from closeloop.offline.playbooks.quoting import Quote
from closeloop.offline.playbooks.reading import amounts_minor, only_asks, plain, wished_minor

_ARRIVAL: Final = "money arrives appears card statement paypal bank"
_MONEY_WORDS: Final = ("refund", "money", "reimburs")
_EXPECTED: Final = re.compile(
    r"\b(?:where|when)\b[^.?!\n]*\b(?:my|our|the) (?:refund|money)\b"
    r"|\b(?:waiting|waited) for (?:my|our|the|a) (?:refund|money)\b"
    r"|\b(?:refund|money)\b[^.?!\n]*\b(?:not|never|n't|yet to)\b[^.?!\n]*"
    r"\b(?:arrive|return|receive|appear|come|show|paid|been)"
    r"|\b(?:not|never|n't)\b[^.?!\n]*\b(?:receive|got|get|see|seen)\w*\b[^.?!\n]*\b(?:refund|money)\b"
)
_UNCLEAR_AMOUNT: Final = re.compile(
    r"\b(?:price difference|difference in price|pay me the difference|refund the difference"
    r"|discount|coupon|partial(?:ly)?|goodwill|compensation|compensate|half (?:of )?(?:the|my))\b"
)
_UNCLEAR_SHARE: Final = re.compile(
    r"%|\b(?:percent|half|third|quarter|difference|discount|coupon|voucher|code|cheaper)\b"
)
_THEIRS: Final = re.compile(r"\b(?:my|our) (?:\w+ )?(?:refund|money|repayment)\b")
_REPLACEMENT: Final = re.compile(
    r"\breplac\w*|\bnew one\b"
    r"|\b(?:send|ship|give) (?:me|us) (?:a new|another|the right|the correct)"
    r"|\bexchange\b|\bswap\b"
)


def refund(case: Case) -> Proposal:
    """Give back what the customer wants back; tell where money is that went back already."""
    if expects_refund(case) or only_asks(case.latest, _MONEY_WORDS):
        return _about_refunds(case)
    choice = case.choose(lambda order: _refundable(case, order))
    if not choice.sure:
        return drafting.which_order(case, choice)
    return _refund_of(case, choice.orders[0], choice.items)


def refund_status(case: Case) -> Proposal:
    """Tell where money is that went back; a question about refunds as such is for the articles."""
    about_theirs = expects_refund(case) or _THEIRS.search(plain(case.latest))
    if not about_theirs and only_asks(case.latest, _MONEY_WORDS):
        return _about_refunds(case)
    return _whereabouts(case)


def partial_refund(case: Case) -> Proposal:
    """Give back the part of an item's price that the customer names, less than all of it."""
    choice = case.choose(lambda order: _refundable(case, order))
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    account = case.account(order)
    if is_pending(order) or account.left == 0:
        return _refund_of(case, order, choice.items)
    if not choice.items and len({line.item_id for line in order.lines}) > 1:
        return drafting.which_item(case, order, order.lines)
    chosen = parts.wished(case, order, choice.items, account)
    if isinstance(chosen, parts.Unclear):
        return drafting.which_item(case, order, chosen.lines)
    chosen = parts.Parts(tuple(name for name in chosen.names if name.startswith("item:")))
    if not chosen.names:
        return already_refunded(case, order, account)
    named = {minor for minor in (wished_minor(case.latest),) if minor is not None} or {
        *amounts_minor(case.current)
    }
    if len(named) == 1 and 0 < min(named) < _price(order, chosen):
        return _propose(case, order, chosen, account, wording.THANKS, wished=min(named))
    if not named and not _UNCLEAR_SHARE.search(plain(case.current)):
        what = parts.label(order, chosen.names)
        return drafting.question(
            case,
            (wording.HOW_MUCH_BACK.format(what=what),),
            goal="learn how much the customer would like back",
            why="the customer wants part of a price back, and names no amount",
        )
    return drafting.escalate(
        case,
        "amount_unclear",
        f"The customer wants part of the price of {parts.label(order, chosen.names)} back"
        f" ({total_of(order, _price(order, chosen))} in full), and names no one amount below it.",
        "Decide how much, if anything, is due.",
    )


def damaged(case: Case) -> Proposal:
    """Give the money back for what arrived broken, once the customer says that they want it."""
    if _wants_replacement(case):
        return drafting.escalate(
            case,
            "replacement_wanted",
            "The customer wants a replacement for something damaged or wrong.",
            "Check the stock and send a new one, or offer the money back.",
        )
    choice = case.choose(lambda order: _refundable(case, order))
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    chosen = parts.wished(case, order, choice.items, case.account(order))
    if isinstance(chosen, parts.Unclear):
        return drafting.which_item(case, order, chosen.lines)
    if not case.asks_for(RefundPayment) and chosen.names:
        what, ask = wording.WHICH_REMEDY
        item = parts.label(order, chosen.names)
        return drafting.question(
            case,
            (what.format(item=item), ask),
            goal="learn what would put it right",
            why="the customer has not said what should be done about it",
            quotes=(case.quote("choice refund replacement damaged money back item new one"),),
        )
    return _refund_of(case, order, choice.items, courtesy=wording.SORRY_DAMAGED)


def arrival(case: Case) -> Quote | None:
    """Return when money that was refunded arrives, as the tenant's policy says it."""
    return case.quote(_ARRIVAL, must="days", needs=6)


def expects_refund(case: Case) -> bool:
    """Return whether the customer asks after a refund that they think was made."""
    return _EXPECTED.search(plain(case.latest)) is not None


# --- one order -----------------------------------------------------------------------------------


def _refund_of(
    case: Case, order: OrderRecord, items: Sequence[str], courtesy: str = wording.THANKS
) -> Proposal:
    if is_pending(order):
        if case.asks_for(CancelOrder):
            return cancel_this(case, order)
        return drafting.not_sent_yet(case, order)
    account = case.account(order)
    if account.left == 0:
        return _nothing_left(case, order, account)
    chosen = parts.wished(case, order, items, account)
    if isinstance(chosen, parts.Unclear):
        return drafting.which_item(case, order, chosen.lines)
    if not chosen.names and _in_part_only(order, account):
        return drafting.escalate(
            case,
            "partly_refunded",
            f"Part of the price of order {order.order_id} went back; the customer wants more.",
            "Decide whether the rest is due.",
        )
    if not chosen.names:
        return already_refunded(case, order, account, more_units=chosen.more_units)
    chosen = parts.of_that_price(order, chosen, wished_minor(case.latest))
    if isinstance(chosen, parts.Unclear):
        return drafting.which_item(case, order, chosen.lines)
    if wished_minor(case.latest) is None and _UNCLEAR_AMOUNT.search(plain(case.current)):
        return drafting.escalate(
            case,
            "amount_unclear",
            f"The customer wants part of the price of order {order.order_id} back.",
            "Decide how much, if anything, is due.",
        )
    return _propose(case, order, chosen, account, courtesy, wished=wished_minor(case.latest))


def _in_part_only(order: OrderRecord, account: Account) -> bool:
    """Whether less went back than the parts cost that count as refunded."""
    prices = {part.component_id: part.price.amount_minor for part in order.components()}
    return sum(prices[name] for name in account.parts) > account.given_back


def _price(order: OrderRecord, chosen: parts.Parts) -> int:
    prices = {part.component_id: part.price.amount_minor for part in order.components()}
    return sum(prices[name] for name in chosen.names)


def _propose(
    case: Case,
    order: OrderRecord,
    chosen: parts.Parts,
    account: Account,
    courtesy: str,
    *,
    wished: int | None,
) -> Proposal:
    full = _price(order, chosen)
    bounds = (full, account.left, wished, case.amount_cap)
    amount = min(bound for bound in bounds if bound is not None)
    if amount <= 0:
        return drafting.escalate(
            case, "no_safe_plan", f"There is no price on record to refund for {order.order_id}."
        )
    what = parts.label(order, chosen.names)
    if amount < full:
        what = wording.PART_OF_PRICE.format(full=total_of(order, full), what=what)
    params = RefundPayment(
        order_id=order.order_id,
        components=() if len(chosen.names) == len(order.components()) else chosen.names,
        amount_minor=amount if amount < full else None,
    )
    return drafting.answer(
        case,
        (wording.REFUNDED.format(what=what),),
        goal=f"refund {what}",
        why=f"the customer asks for {total_of(order, amount)} of {total_of(order, account.left)}"
        " that is left of what was paid",
        quotes=(arrival(case),),
        actions=(drafting.act(case, params, order, f"the customer wants {what} refunded"),),
        courtesy=courtesy,
    )


def already_refunded(
    case: Case,
    order: OrderRecord,
    account: Account,
    *,
    more_units: bool = False,
    wants_more: bool = True,
) -> Proposal:
    """Tell what was refunded for an order, from the records, without doing anything."""
    lines = [
        (
            wording.ALREADY_REFUNDED_PENDING
            if refund.status == "pending"
            else wording.ALREADY_REFUNDED_LINE
        ).format(
            amount=refund.amount,
            day=wording.refunded_on(refund),
            receipt=wording.neutral(refund.refund_id),
        )
        for refund in account.refunds
    ]
    return drafting.answer(
        case,
        (
            wording.ALREADY_REFUNDED.format(order=wording.neutral(order.order_id)),
            "\n".join(lines),
            wording.NO_SECOND_REFUND if wants_more else "",
            wording.MORE_UNITS if more_units else "",
        ),
        goal="tell what was refunded already",
        why=f"order {order.order_id}: what is asked for was refunded before",
        quotes=(arrival(case),),
        courtesy=wording.THANKS,
    )


def _nothing_left(case: Case, order: OrderRecord, account: Account) -> Proposal:
    if account.refunds:
        return already_refunded(case, order, account)
    return drafting.escalate(
        case,
        "no_payment_found",
        f"The customer wants money back for order {order.order_id}, but no payment is on record.",
        "Look the payment up before anything is promised.",
    )


def _refundable(case: Case, order: OrderRecord) -> bool:
    return order.status == "delivered" and case.account(order).left > 0


def _wants_replacement(case: Case) -> bool:
    return _REPLACEMENT.search(plain(case.current)) is not None and not case.asks_for(RefundPayment)


# --- questions about refunds ---------------------------------------------------------------------


def _about_refunds(case: Case) -> Proposal:
    """Tell where money is that went back; a question about refunds as such is for the articles."""
    if expects_refund(case):
        return _whereabouts(case)
    topic = _ARRIVAL if arrival(case) else "refund days delivery money back"
    return drafting.article(case, topic, kinds=ARTICLES)


def _whereabouts(case: Case) -> Proposal:
    choice = case.choose(lambda order: bool(case.account(order).refunds))
    if choice.foreign:
        return drafting.not_on_account(case)
    refunded = [order for order in choice.orders if case.account(order).refunds]
    if len(refunded) == 1:
        account = case.account(refunded[0])
        return already_refunded(case, refunded[0], account, wants_more=False)
    if len(refunded) > 1:
        return drafting.which_order(case, choice)
    return drafting.escalate(
        case,
        "refund_expected",
        "The customer waits for a refund, and none is on record.",
        "Look for a return that has arrived, or a refund that was promised.",
    )
