"""Finds out which order, and which items of it, a customer means.

The messages are read oldest first, and each narrows or replaces what the ones before have said: a
number beats words, newer words beat older ones. Only the customer's own orders are ever looked at,
so that an answer cannot depend on anybody else's.

Where something is wanted, a question beside it ("and which scent did the candle have?") says
nothing of what is wanted, and a wish for all of an order stays until other words ask for less.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from closeloop.models.records import OrderLine, OrderRecord
from closeloop.offline.playbooks.reading import (
    looks_like_order_number,
    means_newest_order,
    numbers_named,
    plain,
    says_yes,
    sentences,
    stem,
    stems,
)

# They stand in names of products without saying which product it is.
_NO_NAME_TEXT: Final = "one set kit pair piece pack the and of with for by a an in de no new"
_NO_NAME_WORDS: Final = frozenset(_NO_NAME_TEXT.split())
_MIN_OPTION_WORD: Final = 3

_TELL: Final = (
    r"(?:(?:can|could|would|will) you (?:(?:also|please|kindly|maybe) )*"
    r"(?:tell|say|remind|explain|let)\b|(?:tell|remind) (?:me|us)\b|let (?:me|us) know\b"
    r"|(?:i|we)(?:'d| would) (?:also |just )?(?:like|love) to know\b"
    r"|(?:i|we)(?:'m| am|'re| are| was| were)? (?:also |just )?(?:wonder\w*|curious)\b)"
)
_W: Final = r"(?:what|what's|which|whose|who|how|where)\b(?! about\b)"
_PART: Final = re.compile(
    rf"(?:,?\s+(?:and|also|but|plus)|\s[-\u2013\u2014]+)\s+(?=(?:(?:also|then|please|kindly)\s+)*(?:{_TELL}|{_W}))"
    r"|;\s+",
    re.IGNORECASE,
)
_ASIDE: Final = re.compile(
    r"(?:(?:and|also|but|so|oh|btw|by the way|please|kindly|ps|hi|hello|hey|then|anyway)[\s,:!-]+)*"
    rf"(?:{_TELL}"
    rf"|{_W}(?! (?:i|we|you|it|they|arrived|came)\b).*"
    r"(?:\?|\b(?:did|do|does|is|are|was|were|has|have|had|can)\b)"
    rf"|(?:{_W}|when\b|(?:is|are|was|were|does|do|did|has|have)\b"
    r"|(?:can|could|may|should|will|would) (?:the|it|my|our|this|that|they|these|those)\b"
    r"|(?:can|could|may) (?:i|we) (?:ask|clean|microwave|put|use|wash)\b).*\?)"
)
"""How a question begins that is about something, and asks for nothing to be done."""
_NO_ASIDE: Final = re.compile(
    r"\b(?:refund|money|reimburs|cancel|call\w* off|return|exchang|swap|replac|chang|modif|switch"
    r"|instead|credit|voucher|compensat|send|want|stop|back\b(?! in stock)"
    r"|only\b|just\b|keep|still\b|without\b|except|rest\b|other\b|not\b|never\b|photo|picture"
    r"|brok|crack|chip|damag|defect|fault|wrong|missing|leak|stain|scratch|torn\b|dead\b|smell"
    r"|stink|stank|work|poor|bad\b|awful|terribl|ruin|shatter|dent|bent\b|split|useless|fail"
    r"|faded|loose|complain|problem|issue|happen|taken\b|remov|drop|twice|double|cover|warrant"
    r"|appl(?:y|ies)|off\b|gone\b|go\W*$|ordered)|n't\b"
)
"""A question with one of these may be the wish itself, or the reason for it."""
_NUMBER: Final = (
    r"(?:(?:my|the|this|that)\s+)?(?:order\b\s*(?:number\s*|no\.?\s*)?)?"
    r"(?:#\s?[\w-]+|\b[a-z]{1,2}\d{3,}\b)"
)
_THE_ORDER: Final = rf"(?:{_NUMBER}|(?:my|the|this|that)\s+(?:order|purchase)\b)"
_ALL_OF_IT: Final = re.compile(
    r"\ball of it\b|\b(?:whole|entire|complete) (?:order|purchase)\b"
    rf"|\b(?:all of|all items (?:of|in|from|on)|everything (?:in|on|of|from)|the whole of"
    r"|full refund (?:of|for|on)|(?:full|whole|entire|total) (?:amount|price|cost|sum) (?:of|for))"
    rf"\s+{_THE_ORDER}"
    r"|\b(?:refund\w*|reimburs\w*|cancel\w*|return\w*|money back)(?: (?:me|us|for|of|on))*"
    rf"\s+{_THE_ORDER},?\s+(?:in full|fully|completely|entirely)\b"
)
"""Words that ask for an order as such, whatever item is named beside them."""
_LESS: Final = re.compile(
    r"\b(?:only|just|except|excluding|apart from|other than|all but|but not|besides|without|keep"
    r"|instead|rather|actually|sorry|correction|mean|meant|no|wait|wrong|mistake)\b"
    r"|(?:\bnot|n't)\b[^.!?,;\n]{0,40}\b(?:all|everything|whole|entire|full|complete)\b"
)
_ASKS_ANEW: Final = re.compile(
    r"\b(?:refund|money|reimburs|cancel|return|exchang|swap|replac|chang|want|need|prefer)"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the customer seems to mean.

    ``sure`` says that ``orders`` holds the one order meant; otherwise it holds those to choose
    from, and ``foreign`` says that a number was named which is not on the account. ``items`` are
    the ids of the items named, none when no item was.
    """

    orders: tuple[OrderRecord, ...]
    sure: bool = False
    items: tuple[str, ...] = ()
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class _Scope:
    """What the messages read so far have narrowed the orders to.

    ``items`` maps an order id to the item ids meant; ``named`` is whether clear words or a number
    stand behind it, ``foreign`` whether the number is not on the account. ``whole`` is whether the
    customer asked for all of the order, ``aside`` whether only a question named something.
    """

    orders: tuple[OrderRecord, ...]
    items: dict[str, tuple[str, ...]]
    named: bool = False
    foreign: bool = False
    whole: bool = False
    aside: bool = False


def choose(
    orders: Sequence[OrderRecord],
    *,
    given: Sequence[str],
    messages: Sequence[tuple[str, bool]],
    fits: Callable[[OrderRecord], bool],
    wanted: bool = False,
) -> Choice:
    """Return what the customer means.

    Args:
        orders: the customer's own orders, newest first.
        given: order numbers that came with the ticket, outside its text.
        messages: (text, whether the customer wrote it), oldest first.
        fits: whether an order is plausible for what is wanted, where words leave a choice.
        wanted: whether something shall be done, so that questions beside it choose nothing.
    """
    own = tuple(orders)
    scope = _Scope(own, {})
    if given:
        scope = _by_number(own, " ".join(given)) or _Scope((), {}, foreign=True)
    asked_about: tuple[OrderRecord, ...] = ()
    is_reply = answers_us = False
    for text, by_customer in messages:
        if not by_customer:
            asked_about = _numbered(own, text)
            is_reply = answers_us = True
            continue
        if len(asked_about) == 1 and says_yes(text):
            order_id = asked_about[0].order_id
            scope = _Scope(asked_about, {order_id: scope.items.get(order_id, ())}, named=True)
        elif wanted:
            scope = _read_wish(scope, own, text, is_reply=is_reply, answers_us=answers_us)
        else:
            scope = _read(scope, own, text, is_reply=is_reply)
        answers_us = False
    return _decide(scope, own, fits)


def without_asides(text: str) -> str:
    """Return ``text`` without the questions in it that ask for nothing to be done."""
    parts = [part for sentence in sentences(text) for part in _PART.split(sentence)]
    kept = [part for part in parts if not _is_aside(plain(part))]
    return text if len(kept) == len(parts) else "\n".join(kept)


def _is_aside(part: str) -> bool:
    return _ASIDE.match(part) is not None and not _NO_ASIDE.search(part)


def _read_wish(
    scope: _Scope, own: tuple[OrderRecord, ...], text: str, *, is_reply: bool, answers_us: bool
) -> _Scope:
    """Read a message of somebody who wants something done: what they ask beside it is no part."""
    told = without_asides(text)
    words = plain(told)
    less = _LESS.search(words) is not None
    number = _by_number(own, told)
    if scope.whole and number is None and not (answers_us or less or _ASKS_ANEW.search(words)):
        return scope
    read = _read(scope, own, told, is_reply=is_reply)
    if len(read.orders) == 1 and read.named and not less and _ALL_OF_IT.search(words):
        return replace(read, items={}, whole=True)
    if told == text or (number is None and _foreign(own, text)):
        return _read(scope, own, text, is_reply=is_reply)
    if not (read.named or read.foreign):
        hinted = _read(read, own, text, is_reply=is_reply)
        return replace(hinted, named=False, aside=True) if hinted is not read else read
    return read


def _foreign(own: tuple[OrderRecord, ...], text: str) -> bool:
    named = _by_number(own, text)
    return named is not None and named.foreign


def _read(scope: _Scope, own: tuple[OrderRecord, ...], text: str, *, is_reply: bool) -> _Scope:
    items, clear = _named_items(own, text)
    numbered = _by_number(own, text)
    if numbered is not None:
        return numbered if numbered.foreign else _with_items(numbered, scope, own, items, clear)
    if clear:
        inside = {o.order_id: items[o.order_id] for o in scope.orders if o.order_id in items}
        return _scope_of(own, inside or items)
    if is_reply and (picked := _by_option(scope, text)):
        return _scope_of(own, picked)
    if means_newest_order(text):
        return _Scope(own[:1], {}, named=bool(own))
    if items and not scope.named:
        return replace(_scope_of(own, items), named=False)
    return scope


def _with_items(
    numbered: _Scope,
    before: _Scope,
    own: tuple[OrderRecord, ...],
    items: dict[str, tuple[str, ...]],
    clear: bool,
) -> _Scope:
    """Return the numbered orders with the items named beside the numbers, or before them.

    Items that stand on other orders only contradict the number: all of those orders are in
    question then.
    """
    ids = [order.order_id for order in numbered.orders]
    inside = {order_id: items[order_id] for order_id in ids if order_id in items}
    if not clear:
        earlier = {order_id: before.items.get(order_id, ()) for order_id in ids}
        return replace(numbered, items=inside or earlier)
    if inside:
        return _scope_of(own, inside)
    return _Scope(tuple(o for o in own if o.order_id in (*ids, *items)), {}, named=True)


def _scope_of(own: tuple[OrderRecord, ...], items: dict[str, tuple[str, ...]]) -> _Scope:
    return _Scope(tuple(order for order in own if order.order_id in items), items, named=True)


def _numbered(own: tuple[OrderRecord, ...], text: str) -> tuple[OrderRecord, ...]:
    named = numbers_named(text, [order.order_id for order in own])
    return tuple(
        order for order in own if order.order_id in named or numbers_named(text, order.tracking_ids)
    )


def _by_number(own: tuple[OrderRecord, ...], text: str) -> _Scope | None:
    """Return what numbers in ``text`` point to; None where there are none."""
    named = _numbered(own, text)
    if named:
        return _Scope(named, {}, named=True)
    return _Scope((), {}, foreign=True) if looks_like_order_number(text) else None


def name_words(line: OrderLine) -> tuple[str, ...]:
    """Return the stems of an item's name that say what it is, in their order."""
    words = plain(line.name).replace("-", " ").split(",")[0].split()
    return tuple(stem(word) for word in words if word not in _NO_NAME_WORDS and not word.isdigit())


def noun(line: OrderLine) -> str:
    """Return the word of an item's name that says what it is, as the shop writes it."""
    words = plain(line.name).replace("-", " ").split(",")[0].split()
    return next((word for word in reversed(words) if word not in _NO_NAME_WORDS), "")


def _named_items(
    orders: Sequence[OrderRecord], text: str
) -> tuple[dict[str, tuple[str, ...]], bool]:
    """Return the items that ``text`` names, by order, and whether it does so clearly.

    Clear is the noun of a name ("mug") or two of its words. Of things with the same noun those win
    of which more words are named ("digital camera"), of variants of one product those whose options
    are named too, and of orders those that hold most of the products named.
    """
    said = stems(text.replace("-", " "))

    def words_named(line: OrderLine) -> int:
        return len(said.intersection(name_words(line)))

    def is_clear(line: OrderLine) -> bool:
        return bool(said.intersection(name_words(line)[-1:])) or words_named(line) > 1

    named = [(order, line) for order in orders for line in order.lines if words_named(line)]
    clear = [found for found in named if is_clear(found[1])]
    found = _best(clear or named, lambda line: name_words(line)[-1], words_named)
    found = _best(found, lambda line: line.product_id, lambda line: _option_hits(line, text))
    kept: dict[str, dict[str, str]] = {}
    for order, line in found:
        kept.setdefault(order.order_id, {})[line.item_id] = line.product_id
    most = max((len(set(items.values())) for items in kept.values()), default=0)
    return {
        order_id: tuple(items)
        for order_id, items in kept.items()
        if len(set(items.values())) == most
    }, bool(clear)


def _best(
    found: Sequence[tuple[OrderRecord, OrderLine]],
    group: Callable[[OrderLine], str],
    score: Callable[[OrderLine], int],
) -> list[tuple[OrderRecord, OrderLine]]:
    """Return those with the best score of their group."""
    best: dict[str, int] = {}
    for _, line in found:
        best[group(line)] = max(best.get(group(line), 0), score(line))
    return [(order, line) for order, line in found if score(line) == best[group(line)]]


def option_named(value: str, text: str, *, besides: str = "") -> bool:
    """Return whether ``text`` names an option ("oat", "500 ml"), by words not in ``besides``."""
    words = [stem(word) for word in plain(value).split()]
    if any(word.isdigit() or len(word) < _MIN_OPTION_WORD for word in words):
        flat = "".join(plain(text).split())
        return any(char.isdigit() for char in value) and "".join(plain(value).split()) in flat
    own = stems(text) - stems(besides)
    return any(word in own for word in words if word not in _NO_NAME_WORDS)


def _option_hits(line: OrderLine, text: str) -> int:
    """Return how many of a line's options ``text`` names ("oat", "500 ml")."""
    return sum(option_named(value, text) for value in line.options.values())


def _by_option(scope: _Scope, text: str) -> dict[str, tuple[str, ...]]:
    """Return what an answer like "the oat one" picks out of the scope, by order."""
    scored = [
        (_option_hits(line, text), order.order_id, line.item_id)
        for order in scope.orders
        for line in order.lines
        if not scope.items.get(order.order_id) or line.item_id in scope.items[order.order_id]
    ]
    best = max((score for score, _, _ in scored), default=0)
    picked: dict[str, dict[str, None]] = {}
    for score, order_id, item_id in scored:
        if score == best > 0:
            picked.setdefault(order_id, {})[item_id] = None
    return {order_id: tuple(items) for order_id, items in picked.items()}


def _decide(
    scope: _Scope, own: tuple[OrderRecord, ...], fits: Callable[[OrderRecord], bool]
) -> Choice:
    if scope.foreign or not own:
        return Choice((), foreign=scope.foreign)
    if scope.named:
        among = scope.orders
        orders = tuple(filter(fits, among)) if len(among) > 1 else among
    else:
        among = own
        orders = tuple(filter(fits, own)) or (own if len(own) == 1 else ())
    # Words too faint to choose by ("the wireless ones") may confirm a choice or shorten a list.
    hinted = tuple(order for order in orders if order in scope.orders)
    if len(orders) != 1 or not hinted or (scope.aside and not scope.named):
        return Choice(hinted or orders or among)
    return Choice(orders, sure=True, items=scope.items.get(orders[0].order_id, ()))
