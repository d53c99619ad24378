"""Which parts of an order the customer wants refunded: items, units of them, shipping, fees."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from closeloop.models.records import OrderLine, OrderRecord
from closeloop.offline import wording
from closeloop.offline.playbooks.case import Case
from closeloop.offline.playbooks.matching import noun
from closeloop.offline.playbooks.money import Account
from closeloop.offline.playbooks.reading import (
    means_another_unit,
    means_whole_order,
    plain,
    stems,
    units_meant,
)
from closeloop.policy.extent import since_everything, spared

_SHIPPING: Final = r"(?:shipping|delivery|postage)"
_CHARGE: Final = r"(?:fee|cost|charge|price|money)s?"
_ASKING: Final = (
    r"\b(?:refund|reimburse|credit|give|pay|get|return|want)\w*"
    r"(?: (?:me|us|back|for|the|my|of|a|just|only))*"
)
_JOINING: Final = r"\b(?:and|plus|with|including|incl\.?)(?: (?:the|my|also|for))*"
_IN_FULL: Final = re.compile(r"\bfull (?:refund|amount|price)\b|\bin full\b|\beverything\b")
_WHOLE_REFUND: Final = re.compile(
    r"\b(?:refund|return|reimburse|credit)\w*(?: (?:for|me|us|the|my|our|on|of|this|that))*"
    r" (?:whole |entire )?(?:orders?\b|#)"
)
_ALL_BUT: Final = re.compile(
    r"\b(?:except|excluding|apart from|other than|all but|everything but|but not)\b"
)
_NO_ITEM_TEXT: Final = "order purchase everything package parcel item product thing stuff money"
_NO_ITEM: Final = frozenset(_NO_ITEM_TEXT.split())


@dataclass(frozen=True, slots=True)
class Parts:
    """Components that are wanted and not refunded yet.

    None are left where all of them were refunded; ``more_units`` says that there are other units
    of the same item.
    """

    names: tuple[str, ...]
    more_units: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """Items of which it could be any."""

    lines: tuple[OrderLine, ...]


def wished(
    case: Case, order: OrderRecord, items: Sequence[str], account: Account
) -> Parts | Unclear:
    """Return the components that the customer wants back.

    An item that was named is one unit of it, unless both or all are meant; an order that was named
    alone is all of it. An item that is named as an exception, or praised, is not what is wanted.
    """
    words = plain(case.current)
    stays = spared(plain(since_everything(case.current.splitlines())), order.lines)
    if stays and len(order.lines) > 1:
        items = [item_id for item_id in items if item_id not in stays]
        if not items or means_whole_order(words) or _WHOLE_REFUND.search(words):
            return Unclear(order.lines)
    if _ALL_BUT.search(words) and len(order.lines) > 1:
        return Unclear(order.lines)
    everything = tuple(part.component_id for part in order.components())
    every_item = {line.item_id for line in order.lines} == set(items)
    if means_whole_order(words) or (every_item and _IN_FULL.search(words)):
        names: tuple[str, ...] = everything
    elif items:
        lines = tuple(line for line in order.lines if line.item_id in items)
        unclear = _unclear(words, lines)
        if unclear:
            return Unclear(unclear)
        names = _units(words, order, items, account) + _extras(words, everything, _JOINING)
    elif extras := _extras(words, everything, _ASKING):
        names = extras
    elif _names_something_else(case, order):
        return Unclear(order.lines)
    else:
        names = everything
    left = tuple(name for name in names if name not in account.parts)
    stems_of = {name.rpartition(":")[0] for name in names if name.startswith("item:")}
    more = any(
        name.rpartition(":")[0] in stems_of and name not in account.parts for name in everything
    )
    return Parts(left, more_units=not left and more)


def of_that_price(order: OrderRecord, chosen: Parts, minor: int | None) -> Parts | Unclear:
    """Return the one of several parts that costs what is asked for, where one does.

    "Refund the $24.90" means the mug, and not some of everything.
    """
    if minor is None or len(chosen.names) < 2:
        return chosen
    same = [
        part.component_id
        for part in order.components()
        if part.component_id in chosen.names and part.price.amount_minor == minor
    ]
    if not same:
        return chosen
    if len({name.rpartition(":")[0] for name in same}) > 1:
        return Unclear(tuple(line for line in order.lines if line.price.amount_minor == minor))
    return Parts((same[0],))


def label(order: OrderRecord, names: Sequence[str]) -> str:
    """Return components as customers know them: ``2 x Stoneware Mug, shipping of order #W1``."""
    number = wording.neutral(order.order_id)
    if len(names) == len(order.components()) > 1:
        return f"everything in order {number}"
    chosen = set(names)
    lines: list[OrderLine] = []
    seen: dict[str, int] = {}
    for line in order.lines:
        seen[line.item_id] = seen.get(line.item_id, 0) + 1
        if f"item:{line.item_id}:{seen[line.item_id]}" in chosen:
            lines.append(line)
    others = [
        wording.neutral(part.label.replace("_", " "))
        for part in order.components()
        if part.component_id in chosen and not part.component_id.startswith("item:")
    ]
    named = [wording.items_label(lines)] if lines else []
    return f"{wording.in_a_row([*named, *others])} of order {number}"


def _unclear(words: str, lines: Sequence[OrderLine]) -> tuple[OrderLine, ...]:
    """Return different variants of one product where only one of them can be meant."""
    for product in {line.product_id for line in lines}:
        variants = tuple(line for line in lines if line.product_id == product)
        ids = {line.item_id for line in variants}
        if (
            len(ids) > 1
            and units_meant(_without_name(words, variants[0]), noun(variants[0]), 99) < 2
        ):
            return variants
    return ()


def _units(
    words: str, order: OrderRecord, items: Sequence[str], account: Account
) -> tuple[str, ...]:
    names: list[str] = []
    for item_id in items:
        units = [line for line in order.lines if line.item_id == item_id]
        every = [f"item:{item_id}:{n}" for n in range(1, len(units) + 1)]
        said = _without_name(words, units[0])
        wanted = every[: units_meant(said, noun(units[0]), len(every))]
        if len(wanted) == 1 and wanted[0] in account.parts and means_another_unit(said):
            wanted = [name for name in every if name not in account.parts][:1]
        names += wanted
    return tuple(names)


def _without_name(words: str, line: OrderLine) -> str:
    """Return the words without the item's name: "Lark One" names no number."""
    return words.replace(plain(line.name), noun(line))


def _extras(words: str, everything: Sequence[str], before: str) -> tuple[str, ...]:
    """Return shipping and the fees that are named right after the words of ``before``."""
    named: list[str] = []
    for name in everything:
        kind, _, fee = name.partition(":")
        if kind == "item":
            continue
        spoken = r"[\s_-]".join(map(re.escape, plain(fee).split("_"))) if fee else _SHIPPING
        charge = rf"|\b{spoken} {_CHARGE}\b" if before == _ASKING else ""
        if re.search(rf"{before} {spoken}\b{charge}", words):
            named.append(name)
    return tuple(named)


def _names_something_else(case: Case, order: OrderRecord) -> bool:
    """Return whether an item was named that is none of the order's, so that all is too much."""
    if len({line.item_id for line in order.lines}) < 2:
        return False
    own = stems(" ".join(line.name for line in order.lines))
    mentions = (stems(mention) - _NO_ITEM for mention in case.request.item_mentions)
    return any(mention and not mention & own for mention in mentions)
