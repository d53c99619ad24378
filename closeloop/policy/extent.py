"""How much of an order a customer's words are about: which items, and which of them stay.

Like ``consent`` this looks for words and understands nothing. What it finds only ever makes the
effect smaller, or has somebody ask.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from closeloop.models.records import OrderLine, OrderRecord

EVERYTHING: Final = re.compile(
    r"\b(?:everything|all of (?:it|them|these|those)|all (?:the |\w+ )?items"
    r"|(?:whole|entire|complete|full) (?:order|purchase|amount|refund|price))\b"
)
_WORD: Final = re.compile(r"[a-z0-9]+")
_EMPTY_WORDS: Final = frozenset({"and", "for", "one", "set", "the", "two", "with"})


def folded(text: str) -> Iterable[str]:
    """Yield the words of a text in lower case and, roughly, in the singular."""
    for word in _WORD.findall(text.lower()):
        if word.endswith(("ches", "shes", "sses", "xes")):
            yield word[:-2]
        elif word.endswith("s") and not word.endswith("ss"):
            yield word[:-1]
        else:
            yield word


def mentions(words: frozenset[str], line: OrderLine) -> bool:
    """Whether the words hold the name's last word (what it is), or two others of it."""
    name = _name(line)
    return bool(name) and (name[-1] in words or len(words.intersection(name)) >= 2)


def _name(line: OrderLine) -> list[str]:
    return [
        word
        for word in folded(re.split(r"[,(]", line.name, maxsplit=1)[0])
        if len(word) > 2 and word not in _EMPTY_WORDS
    ]


def says_numbers(messages: Sequence[str], numbers: str) -> bool:
    """Return whether every word with a digit in ``numbers`` stands in the messages."""
    words = frozenset(folded("\n".join(messages)))
    return all(word in words for word in folded(numbers) if any(map(str.isdigit, word)))


# --- what stays ----------------------------------------------------------------------------------

_CLAUSE: Final = re.compile(
    r"[.!?;,:()\n]|\s[-\u2013\u2014]+\s"
    r"|\b(?:while|whereas|although|though|because|and(?= (?:the|my|our|keep|leave|i|we)\b)"
    r"|but(?! not\b)(?= (?:the|my|our|keep|leave|please|i|we|only|just)\b))"
)
_KEPT: Final = re.compile(
    r"\b(?:keep|keeping|kept|leave|except|excluding|apart from|other than|all but|everything but"
    r"|but not|happy with|fond of|without|not (?:for |of )?(?:the|my|our)"
    r"|(?<!would )(?<!'d )(?:love|loves|loved|like|likes|liked|adore|enjoy))\b"
)
_PRAISED: Final = re.compile(
    r"\b(?:fine|lovely|ok|okay|perfect\w*|great|good|nice|beautiful\w*|wonderful|excellent|intact"
    r"|undamaged|gorgeous|superb|unharmed|flawless|stays?|all ?right"
    r"|no (?:problems?|complaints?|issues?)|(?:works|worked|arrived) (?:well|safely))\b"
)
_NEGATED: Final = re.compile(r"\b(?:not|never|no longer|hardly)\b|n't\b")


def spared(text: str, lines: Sequence[OrderLine]) -> frozenset[str]:
    """Return the ids of the items that the words praise, except, or want to keep."""
    found: set[str] = set()
    for clause in _CLAUSE.split(text.lower()):
        named = [line for line in lines if mentions(frozenset(folded(clause)), line)]
        if not named:
            continue
        first = min(_place(clause, line) for line in named)
        kept = list(_KEPT.finditer(clause))
        # Of "cancel the candle but not the cable" the first stays nowhere, the second here.
        if kept and not _NEGATED.search(clause[: kept[0].start()]):
            behind = frozenset(folded(clause[kept[0].end() :]))
            found |= {line.item_id for line in named if mentions(behind, line)}
        praise = _PRAISED.search(clause, first)
        if praise and not _NEGATED.search(clause[: praise.start()]):
            found |= {line.item_id for line in named}
    return frozenset(found)


def _place(clause: str, line: OrderLine) -> int:
    places = (clause.find(word) for word in _name(line))
    return min((place for place in places if place >= 0), default=0)


# --- what is cancelled ---------------------------------------------------------------------------

_CANCEL: Final = re.compile(r"\b(?:cancel\w*|call(?:ing)? off|stop(?= the order\b))")
_OBJECT_END: Final = re.compile(
    r"[.!?;,:()\n]|\s[-\u2013\u2014]+\s"
    r"|\b(?:as|because|since|if|when|before|i|we|you|and(?= (?:i|we|please|keep|send|refund)\b)"
    r"|but|so|until|to|unless|please|pls|plz|thanks|thank|instead|then|due|asap|while|which)\b"
)
_HEADS: Final = frozenset(
    {"it", "order", "orders", "purchase", "purchases", "everything", "this", "that", "them", "all"}
)
_FILLERS: Final = frozenset(
    {"the", "my", "our", "a", "an", "me", "us", "for", "whole", "entire", "complete", "full"}
    | {"pending", "now", "immediately", "today", "right", "away", "quickly", "again", "just", "of"}
    | {"both", "number", "no", "nr", "id", "these", "those", "still", "ed", "and", "with", "from"}
    | {"in", "on", "items", "item", "two", "2", "one", "also", "too", "last", "latest", "recent"}
)
_BETWEEN: Final = frozenset({"of", "for", "from", "in", "on", "with", "about", "to"})
_TOKEN: Final = re.compile(r"#?[a-z0-9][a-z0-9'_-]*")


def cancelled_items(text: str, order: OrderRecord) -> frozenset[str] | None:
    """Return the ids of the items that the words would cancel, or None for something else.

    None is a thing about the order that is not the order: its gift wrap, the pick-up of a return.
    Words that name no item, or have no word for cancelling, mean all items.
    """
    every = frozenset(line.item_id for line in order.lines)
    fillers = set(folded(" ".join(_FILLERS)))
    wanted: frozenset[str] = frozenset()
    said = text.lower()
    for verb in _CANCEL.finditer(said):
        end = _OBJECT_END.search(said, verb.end())
        phrase = said[verb.end() : end.start() if end else len(said)]
        objects = _object(_TOKEN.findall(phrase), order)
        if not objects:
            continue
        words = frozenset(folded(" ".join(objects)))
        lines = [line for line in order.lines if mentions(words, line)]
        known = {word for line in lines for word in _line_words(line)}
        if not lines or not words <= known | fillers:
            return None
        wanted |= {line.item_id for line in lines}
    return wanted or every


def _object(tokens: Sequence[str], order: OrderRecord) -> list[str]:
    """Return the words for what is cancelled where that is not the order itself, else none."""
    number = order.order_id.lower().removeprefix("#")
    said: list[str] = []
    for token in tokens:
        is_head = token in _HEADS or token.removeprefix("#") == number or token.startswith("#")
        if is_head:
            # "the blue order" is the order, "the wrap of the order" and "candle order" are not.
            joined = [place for place, word in enumerate(said) if word in _BETWEEN]
            said = said[: joined[-1]] if joined else []
            break
        said.append(token)
    return [word for word in said if word not in _FILLERS]


def _line_words(line: OrderLine) -> set[str]:
    return {*folded(line.name), *folded(" ".join(line.options.values()))}


# --- both ----------------------------------------------------------------------------------------


def since_everything(messages: Sequence[str]) -> str:
    """Return the messages from the last one on that speaks of everything, else all of them."""
    last = max((n for n, text in enumerate(messages) if EVERYTHING.search(text.lower())), default=0)
    return "\n".join(messages[last:])


def means_less(messages: Sequence[str], order: OrderRecord) -> bool:
    """Return whether the words are about less than the order: some of its items, or no item."""
    text = since_everything(messages)
    if spared(text, order.lines):
        return True
    every = frozenset(line.item_id for line in order.lines)
    if cancelled_items(text, order) != every:
        return True
    words = frozenset(folded(text))
    named = frozenset(line.item_id for line in order.lines if mentions(words, line))
    return bool(named) and named != every and EVERYTHING.search(text.lower()) is None
