"""Did the customer ask for it: plain readings of the customer's own words.

They look for words and understand nothing. Where they find none a person is asked, which costs a
minute; so every doubt is read as "did not ask".
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from closeloop.models.records import OrderRecord
from closeloop.policy.extent import (
    EVERYTHING,
    folded,
    means_less,
    mentions,
    since_everything,
    spared,
)

_QUOTE_HEAD: Final = re.compile(r"\s*(on\b.{0,200}\bwrote:|-{2,}\s*original message\b.*)", re.I)


def own_words(message: str) -> str:
    """Return a message in lower case, without what it quotes of others."""
    kept: list[str] = []
    for line in message.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").splitlines():
        if _QUOTE_HEAD.fullmatch(line):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return "\n".join(kept).lower()


# --- a plain answer ------------------------------------------------------------------------------

_ANSWER_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_YES: Final = frozenset(
    {"absolutely", "affirmative", "agree", "agreed", "confirm", "confirmed", "correct"}
    | {"definitely", "exactly", "ok", "okay", "right", "sure", "yeah", "yep", "yes", "yup"}
)
_YES_PHRASES: Final = (
    *_YES,
    "go ahead",
    "go on",
    "please do",
    "do it",
    "do that",
    "do this",
    "do so",
    "i do",
    "i am sure",
    "i'm sure",
    "i want (?:it|that|this)",
    "i would like (?:it|that|this)",
    "i'd like (?:it|that|this)",
    "(?:that|this|it) is (?:right|correct|fine)",
    "that's (?:right|correct|fine)",
    "fine with me",
)
_BESIDE_PHRASES: Final = (
    "please",
    "thanks",
    "thank you",
    "many",
    "very much",
    "so much",
    "and",
    "hi",
    "hello",
    "again",
    "(?:kind|best) regards",
    "regards",
    "best",
    "for (?:me|us)",
    "(?:to )?(?:both|all(?: of (?:it|them))?)",
    "i",
    "we",
)
_PLAIN_YES: Final = re.compile(rf"(?:(?:{'|'.join((*_YES_PHRASES, *_BESIDE_PHRASES))})(?: |$))+")
"""Every word of it is of these phrases, none of which asks anything: "would you do that" does."""
_YES_WITHIN: Final = re.compile(rf"\b(?:{'|'.join(_YES_PHRASES)})\b")
_ONLY_HEARD: Final = re.compile(r"(?:(?:ok|okay|right|sure|thanks|thank you|many|very much) ?)+")
"""With thanks in it: what one says who has read, whether or not they agree."""
_NO: Final = frozenset({"no", "nope", "nah", "not", "don't", "never", "stop"})
_BESIDE: Final = frozenset(
    {"a", "again", "ahead", "all", "and", "at", "best", "both", "do", "fine", "for", "go"}
    | {"hello", "hi", "i", "i'm", "is", "it", "kind", "many", "me", "my", "on", "please", "regards"}
    | {"so", "thank", "thanks", "that", "that's", "the", "this", "to", "us", "very", "want", "we"}
    | {"with", "would", "you", "your"}
)
"""Words that say nothing for or against beside a no; any other word makes it more than a no."""


def read_answer(message: str) -> Literal["yes", "no", "other"]:
    """Return whether a message is a plain yes or a plain no, and says nothing besides.

    "Yes, but only the mug" is neither: what is wanted then is read anew.
    """
    text = own_words(message)
    if "?" in text:
        return "other"
    words = _ANSWER_WORD.findall(text)
    if _says_yes(" ".join(words)):
        return "yes"
    said = frozenset(words)
    if said & _NO and not said & _YES and said <= _NO | _BESIDE:
        return "no"
    return "other"


def _says_yes(words: str) -> bool:
    if _ONLY_HEARD.fullmatch(words) and "thank" in words:
        return False
    return bool(_PLAIN_YES.fullmatch(words) and _YES_WITHIN.search(words))


# --- the target ----------------------------------------------------------------------------------

_HASH_ID: Final = re.compile(r"#[a-z0-9_-]{1,40}")
_SHIPPING: Final = re.compile(
    r"\b(?:(?:shipping|delivery) (?:fee|cost|charge)s?|postage"
    r"|refund\w* (?:\w+ ){0,2}(?:shipping|delivery))\b"
)


def names_target(
    messages: Sequence[str],
    order: OrderRecord,
    components: Sequence[str],
    ticket_order_ids: Sequence[str],
    *,
    others: Sequence[OrderRecord] = (),
) -> bool:
    """Return whether the customer named the order, and no less of it than ``components``.

    An order is named by its id, with or without ``#``, in the messages or with the ticket; or,
    where no order id is given at all, by an item of it that none of the customer's ``others`` has.
    ``components`` are names from ``OrderRecord.components()``; none means the order as such. A
    customer who names some of an order's items has asked for nothing beyond them, and for nothing
    that they praise or keep.
    """
    if not names_order(messages, order, ticket_order_ids, others=others):
        return False
    said = [own_words(message) for message in messages]
    if not components:
        return not means_less(said, order)
    text = "\n".join(said)
    stays = spared(since_everything(said), order.lines)
    asked = {_part(component) for component in components}
    if asked & {f"item:{item_id}" for item_id in stays}:
        return False
    words = frozenset(folded(text))
    lines = [line for line in order.lines if mentions(words, line)]
    if EVERYTHING.search(text) or len(lines) == len(order.lines):
        # Where something stays, not everything is meant: neither the shipping nor a fee.
        return not stays or all(part.startswith("item:") for part in asked)
    named = {f"item:{line.item_id}" for line in lines}
    if _SHIPPING.search(text):
        named.add("shipping")
    named |= {f"fee:{fee}" for fee in order.fees if set(folded(fee)) <= words}
    return not named or asked <= named


def names_order(
    messages: Sequence[str],
    order: OrderRecord,
    ticket_order_ids: Sequence[str],
    *,
    others: Sequence[OrderRecord] = (),
) -> bool:
    """Return whether the customer named the order, or something that is on no other of theirs."""
    text = "\n".join(own_words(message) for message in messages)
    if _names_order(text, order, ticket_order_ids):
        return True
    words = frozenset(folded(text))
    if ticket_order_ids or _names_some_order(text, order):
        return False
    elsewhere = [line for o in others if o.order_id != order.order_id for line in o.lines]
    return any(mentions(words, line) for line in order.lines) and not any(
        mentions(words, line) for line in elsewhere
    )


def _names_order(text: str, order: OrderRecord, ticket_order_ids: Iterable[str]) -> bool:
    wanted = _bare(order.order_id)
    if wanted in map(_bare, ticket_order_ids):
        return True
    return re.search(rf"(?<![\w-]){re.escape(wanted)}(?![\w-])", text) is not None


def _names_some_order(text: str, like: OrderRecord) -> bool:
    """Whether the text holds an order id: ``#`` and anything, or the form of ``like``'s."""
    form = re.sub(r"\d+", lambda run: rf"\d{{{len(run[0])}}}", re.escape(_bare(like.order_id)))
    return bool(_HASH_ID.search(text) or re.search(rf"(?<![\w-]){form}(?![\w-])", text))


def _bare(order_id: str) -> str:
    return order_id.lower().removeprefix("#")


def _part(component: str) -> str:
    """Return a component without the number of the unit: any unit of a named item will do."""
    return component.rpartition(":")[0] if component.startswith("item:") else component
