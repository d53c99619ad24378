"""Items that come back or become another variant: returns, exchanges, changes before dispatch."""

import re
from collections.abc import Sequence
from typing import Final

from closeloop.actions.base import ActionParams
from closeloop.actions.items import ExchangeItems, ModifyOrderItems, ReplacingAction, ReturnItems
from closeloop.models.proposal import Proposal
from closeloop.models.records import OrderLine, OrderRecord, VariantRecord
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting, parts
from closeloop.offline.playbooks.case import ARTICLES, Case
from closeloop.offline.playbooks.matching import Choice, option_named
from closeloop.offline.playbooks.orders import is_pending
from closeloop.offline.playbooks.quoting import Quote
from closeloop.offline.playbooks.reading import means_whole_order, only_asks, plain, sentences
from closeloop.offline.playbooks.refunds import already_refunded
from closeloop.offline.playbooks.wishes import for_a_person

_HOW_RETURN: Final = "send parcel back return label order number items pack"
_HOW_EXCHANGE: Final = "exchange works tell order number item variant label"
_RETURN_RULE: Final = "return items within days delivery clean complete"
_EXCHANGE_RULE: Final = "exchange exchanged variant same product within days delivery"
_CHANGE_RULE: Final = "change items pending order variant same product once before shipped"
_DIFFERENCE: Final = "price difference new variant costs more less pay refund"
_CHANGING: Final = ("change", "modify", "edit", "alter", "amend", "switch", "swap")
_QUESTION: Final = re.compile(
    r"^(?:do|does|did|is|are|was|has|have|how|what|which|where|when|who|why|until|must|need)\b"
    r"|\b(?:label|slip|form|postage|policy|receipt|drop[- ]?off)\b"
)
"""A sentence about returns as such, and not a wish for one."""
_LANDMARK: Final = re.compile(
    r"\b(?:same|different|other|separate) orders?\b"
    r"|\b(?:received|came|come|bought|got|ordered|arrived|together|along) with\b"
)
"""An item may be named only to say where another one is."""
_ALSO: Final = re.compile(r"\b(?:also|as well|too|another|additionally)\b")
_NOT_PLAIN: Final = re.compile(
    r"\b(?:small|bigg|larg|long|short|cheap|high|low|light|dark|thick|thin|wid|warm)(?:g?er)\b"
    r"|\bsize (?:up|down)\b|\bnext size\b|\b(?:prefer\w*|if|or|either|whichever|any)\b"
)
"""A variant that is described by comparison, or one of several."""


def return_item(case: Case) -> Proposal:
    """Take in a return of what was named; else say how returns work.

    An order that was not sent yet is cancelled instead.
    """
    gate = drafting.gated(case)
    if gate is not None:
        return gate
    choice = case.choose(_delivered)
    if choice.sure and is_pending(choice.orders[0]):
        return drafting.not_sent_yet(case, choice.orders[0])
    asked = _asked(case, choice, ReturnItems)
    if asked is not None:
        return asked
    if _wants(case, ReturnItems) and choice.sure and _delivered(choice.orders[0]):
        return _take_back(case, choice.orders[0], choice.items)
    return _how(case, _HOW_RETURN, _RETURN_RULE)


def exchange_item(case: Case) -> Proposal:
    """Exchange what was named for the variant that was named; else say how exchanges work."""
    gate = drafting.gated(case)
    if gate is not None:
        return gate
    choice = case.choose(_delivered)
    asked = _asked(case, choice, ExchangeItems)
    if asked is not None:
        return asked
    if _wants(case, ExchangeItems) and choice.sure:
        order = choice.orders[0]
        if _delivered(order) or is_pending(order):
            return _replace(case, order, choice.items)
    return _how(case, _HOW_EXCHANGE, _EXCHANGE_RULE)


def change_order_items(case: Case) -> Proposal:
    """Put another variant on an order that was not sent yet; what has arrived is exchanged."""
    if only_asks(case.latest, _CHANGING):
        return drafting.article(case, _CHANGE_RULE, kinds=ARTICLES)
    choice = case.choose(is_pending)
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    if is_pending(order) or _delivered(order):
        return _replace(case, order, choice.items)
    return drafting.too_late_to_change(case, order, "items")


# --- what is asked for ---------------------------------------------------------------------------


def _delivered(order: OrderRecord) -> bool:
    return order.status == "delivered"


def _wants(case: Case, kind: type[ActionParams]) -> bool:
    """Return whether the customer wants it done, and does not only ask about it."""
    about = [part for part in map(plain, sentences(case.latest)) if _speaks_of(part, kind)]
    only_questions = bool(about) and all(_QUESTION.search(part) for part in about)
    return not only_questions and case.asks_for(kind)


def _speaks_of(sentence: str, kind: type[ActionParams]) -> bool:
    return any(word in sentence for word in kind.remedy_words)


def _asked(case: Case, choice: Choice, kind: type[ActionParams]) -> Proposal | None:
    """Return the question that comes before an action that the customer wants, if there is one."""
    if not choice.orders or not _wants(case, kind):
        return None
    if case.assurance.rank < kind.assurance.rank:
        return drafting.not_sure_enough(case)
    wishes = [s for s in map(plain, sentences(case.latest)) if _speaks_of(s, kind)]
    if len(wishes) > 1 and any(map(_ALSO.search, wishes)):
        return for_a_person(case)
    named = choice.sure and (bool(choice.items) or case.names(choice.orders[0]))
    return None if named else drafting.which_order(case, choice)


def _units(case: Case, order: OrderRecord, items: Sequence[str]) -> tuple[str, ...] | parts.Unclear:
    """Return the item ids of the units that are meant, one for each; none where all went back."""
    several = len({line.item_id for line in order.lines}) > 1
    words = plain(case.current)
    if several and ((not items and not means_whole_order(words)) or _LANDMARK.search(words)):
        return parts.Unclear(order.lines)
    chosen = parts.wished(case, order, items, case.account(order))
    if isinstance(chosen, parts.Unclear):
        return chosen
    found = (name.removeprefix("item:") for name in chosen.names if name.startswith("item:"))
    return tuple(name.rpartition(":")[0] for name in found)


def _how(case: Case, procedure: str, conditions: str) -> Proposal:
    how = case.quote(procedure, needs=3, most=4)
    rule = case.quote(conditions, needs=3, most=1)
    if how is None:
        return drafting.knowledge_gap(case, "how something is sent back")
    same = rule is not None and rule.passage_id == how.passage_id
    return drafting.answer(
        case,
        (),
        goal="say how to send it back",
        why=f"{how.passage_id} says how it works",
        quotes=(how,) if same else (rule, how),
        courtesy=wording.THANKS,
    )


# --- what is done --------------------------------------------------------------------------------


def _take_back(case: Case, order: OrderRecord, items: Sequence[str]) -> Proposal:
    units = _units(case, order, items)
    if isinstance(units, parts.Unclear):
        return drafting.which_item(case, order, units.lines)
    if not units:
        return already_refunded(case, order, case.account(order))
    method = _method(case, order)
    if method is None:
        return _split_payment(case, order, "taken back")
    what = _label(order, units)
    params = ReturnItems(order_id=order.order_id, item_ids=units, payment_method_id=method)
    return drafting.answer(
        case,
        (wording.AS_ASKED.format(what=f"return of {what}"),),
        goal=f"take back {what}",
        why=f"the customer wants to return it, and the order is {order.status}",
        quotes=(case.quote(_HOW_RETURN, needs=3, most=4),),
        actions=(drafting.act(case, params, order, f"the customer wants to return {what}"),),
        courtesy=wording.THANKS,
    )


def _replace(case: Case, order: OrderRecord, items: Sequence[str]) -> Proposal:
    units = _units(case, order, items)
    if isinstance(units, parts.Unclear):
        return drafting.which_item(case, order, units.lines)
    if not units:
        return already_refunded(case, order, case.account(order))
    if len(set(units)) > 1:
        return drafting.escalate(
            case,
            "several_items",
            f"The customer wants other variants of several items of order {order.order_id}.",
        )
    line = next(line for line in order.lines if line.item_id == units[0])
    variant = _variant(case, line)
    if variant is None or not variant.available:
        return _which_variant(case, order, line, variant)
    method = _method(case, order)
    if method is None:
        return _split_payment(case, order, "exchanged")
    return _put(case, order, units, line, variant, method)


def _put(
    case: Case,
    order: OrderRecord,
    units: tuple[str, ...],
    line: OrderLine,
    variant: VariantRecord,
    method: str,
) -> Proposal:
    kind: type[ReplacingAction] = ModifyOrderItems if is_pending(order) else ExchangeItems
    params = kind(
        order_id=order.order_id,
        item_ids=units,
        new_item_ids=(variant.item_id,) * len(units),
        payment_method_id=method,
    )
    new = wording.item_label(line.model_copy(update={"options": variant.options}))
    change = f"{_label(order, units)}, for {new}"
    quotes: list[Quote | None] = [case.quote(_DIFFERENCE, needs=3)]
    if kind is ExchangeItems:
        quotes.append(case.quote(_HOW_EXCHANGE, needs=3))
    same = len({quote.passage_id for quote in quotes if quote}) < len(quotes)
    return drafting.answer(
        case,
        (wording.AS_ASKED.format(what=f"exchange of {change}"),),
        goal=f"exchange {change}",
        why=f"the customer wants another variant, and the order is {order.status}",
        quotes=quotes[:1] if same else quotes,
        actions=(drafting.act(case, params, order, f"the customer wants {new} instead"),),
        courtesy=wording.THANKS,
    )


def _variant(case: Case, line: OrderLine) -> VariantRecord | None:
    """Return the one variant that the customer names; the latest words count more."""
    found = _variant_in(case, line, plain(case.latest))
    return found or _variant_in(case, line, plain(case.current))


def _variant_in(case: Case, line: OrderLine, words: str) -> VariantRecord | None:
    """Return the one variant that fits best; None where none does, several do, or it is not plain.

    All that would be different has to be named, so that nothing changes unasked.
    """
    if _NOT_PLAIN.search(words):
        return None
    product = case.shop.get_product(case.request.tenant, line.product_id)
    fits: dict[str, int] = {}
    for variant in product.variants if product else ():
        own = line.options
        others = [(value, own.get(name, "")) for name, value in variant.options.items()]
        changed = [(value, had) for value, had in others if value != had]
        if changed and all(_names_option(words, value, had) for value, had in changed):
            fits[variant.item_id] = len(changed)
    best = [item_id for item_id, fit in fits.items() if fit == max(fits.values())]
    return product.variant(best[0]) if product and len(best) == 1 else None


def _names_option(words: str, value: str, had: str) -> bool:
    """Return whether words name an option: as it is written ("m", "brand a"), or by what is new."""
    written = re.search(rf"(?<![\w-])(?<!\w'){re.escape(plain(value))}(?![\w-])", words)
    return written is not None or option_named(value, words, besides=had)


def _which_variant(
    case: Case, order: OrderRecord, line: OrderLine, sold_out: VariantRecord | None
) -> Proposal:
    label = wording.item_label(line)
    no_stock = wording.VARIANT_NOT_IN_STOCK if sold_out else ""
    return drafting.question(
        case,
        (
            no_stock,
            wording.WHICH_VARIANT.format(item=label, order=wording.neutral(order.order_id)),
        ),
        goal="learn which variant is wanted",
        why="the variant is not in stock" if sold_out else "no one variant was named",
        quotes=(case.quote(_EXCHANGE_RULE, needs=3),),
    )


def _method(case: Case, order: OrderRecord) -> str | None:
    """Return the one method that the order was paid by; None where there are several."""
    methods = case.paid_by(order)
    return methods[0] if len(methods) == 1 else None


def _split_payment(case: Case, order: OrderRecord, done: str) -> Proposal:
    return drafting.escalate(
        case,
        "split_payment",
        f"Something of order {order.order_id} is to be {done}, which was not paid by one method.",
        "Ask the customer which of the methods the money belongs to.",
    )


def _label(order: OrderRecord, units: Sequence[str]) -> str:
    """Return units as customers know them, with their order."""
    left = list(units)
    lines: list[OrderLine] = []
    for line in order.lines:
        if line.item_id in left:
            left.remove(line.item_id)
            lines.append(line)
    return f"{wording.items_label(lines)} of order {wording.neutral(order.order_id)}"
