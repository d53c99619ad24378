"""Did the customer ask for it: plain readings of the customer's own words.

They look for words and understand nothing. Where they find none a person is asked, which costs a
minute; so every doubt is read as "did not ask".
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Literal

from closeloop.actions.base import ActionParams
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
_GO_AHEAD: Final = re.compile(
    r"\b(?:go (?:ahead|on)|do (?:it|that|so|this)|please do|fine with me)\b"
)
_NO: Final = frozenset({"no", "nope", "nah", "not", "don't", "never", "stop"})
_BESIDE: Final = frozenset(
    {"a", "again", "ahead", "all", "and", "at", "best", "both", "do", "fine", "for", "go"}
    | {"hello", "hi", "i", "i'm", "is", "it", "kind", "many", "me", "my", "on", "please", "regards"}
    | {"so", "thank", "thanks", "that", "that's", "the", "this", "to", "us", "very", "want", "we"}
    | {"with", "would", "you", "your"}
)
"""Words that say nothing for or against; any other word makes the answer more than a yes or no."""


def read_answer(message: str) -> Literal["yes", "no", "other"]:
    """Return whether a message is a plain yes or a plain no, and says nothing besides.

    "Yes, but only the mug" is neither: what is wanted then is read anew.
    """
    text = own_words(message)
    words = frozenset(_ANSWER_WORD.findall(text))
    if not words <= _YES | _NO | _BESIDE or "?" in text:
        return "other"
    yes = bool(words & _YES) or _GO_AHEAD.search(text) is not None
    no = bool(words & _NO)
    if yes == no:
        return "other"
    return "yes" if yes else "no"


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


# --- the remedy ----------------------------------------------------------------------------------

_CLAUSE_END: Final = re.compile(
    r"[.!?;,:()\n]|\s[-\u2013\u2014]+\s|\b(?:but|so|please|pls|plz|then|because)\b"
    r"|\binstead\b(?! of)|\band(?= (?:i|we|would|want|need)\b)"
)
_TOKEN: Final = re.compile(r"[a-z']+")
_NEGATIONS: Final = frozenset(
    {"not", "no", "never", "without", "cannot", "don't", "dont", "doesn't", "won't", "wouldn't"}
    | {"shouldn't", "needn't", "mustn't"}
)
_PAST_NEGATIONS: Final = frozenset({"haven't", "hasn't", "hadn't", "didn't", "wasn't", "weren't"})
_PRESENT_NEGATIONS: Final = frozenset({"isn't", "aren't"})
_PAST_AUXILIARIES: Final = frozenset({"have", "has", "had", "did", "was", "were"})
_PRESENT_AUXILIARIES: Final = frozenset({"is", "are", "still"})
_COMPARISONS: Final = frozenset({("instead", "of"), ("rather", "than")})
_WISHES: Final = frozenset(
    {"want", "wanted", "need", "needed", "wish", "like", "ask", "asked", "asking", "request"}
    | {"requested", "requesting", "looking", "interested", "require", "required", "after"}
)
_GETTING: Final = frozenset(
    {"get", "got", "gotten", "receive", "received", "see", "seen", "have", "had", "been", "come"}
    | {"arrived", "know", "understand"}
)
_NEGATION_REACH: Final = 6
_DECLINED_AFTER: Final = re.compile(
    r"\W+(?:\w+\W+){0,2}?(?:not|isn't|no longer)\s+(?:be\s+)?"
    r"(?:needed|necessary|required|wanted|what)\b"
)
_SENTENCE_END: Final = re.compile(r"[.!?\n]")
_DOUBT: Final = re.compile(
    r"\b(?:never|whether|stop|if|unless|in case|someone|somebody|tried to|not (?:to|the)"
    r"|make sure|ensure|(?:my|the|this|that) (?:request|wish))\b|[\"\u201c\u201d\u201e\u00ab\u00bb]"
)
"""Words beside a mention that make it a condition, a report or a refusal: a person reads it."""
_TAKEN_BACK: Final = re.compile(
    r"\bnever ?mind\b|\bchanged my mind\b|\b(?:i|we)(?:'ll| will| want to|'d like to)? keep\b"
    r"|\bhappy with\b|\b(?:didn't|did not|never) ask|\bphishing\b|\bscam\b|\bwithdraw"
)
"""Words that take back what was asked before, or in the same message."""
_TALKED_ABOUT: Final = re.compile(r"\s+(?:polic(?:y|ies)|rules?|window|terms|conditions)\b")


def names_remedy(messages: Sequence[str], kind_class: type[ActionParams]) -> bool:
    """Return whether the customer asked for what this kind of action does.

    ``messages`` are the customer's, oldest first; the last one that speaks of the remedy counts,
    unless a later one takes it back. Every mention in it has to ask: "I don't want a refund" and
    "your refund policy" ask for none, "you did not refund me" does, and what is quoted, reported
    or tied to a condition is read by a person.
    """
    stems = "|".join(r"\s+".join(map(re.escape, w.split())) for w in kind_class.remedy_words)
    if not stems:
        return False
    mention = re.compile(rf"\b(?:{stems})\w*")
    for message in reversed(messages):
        words = own_words(message)
        if _TAKEN_BACK.search(words):
            return False
        asked = [
            _asks(clause[: found.start()], found[0], clause[found.end() :])
            for clause in _CLAUSE_END.split(words)
            for found in mention.finditer(clause)
        ]
        if asked:
            return all(asked) and not _doubted(words, mention)
    return False


def _doubted(words: str, mention: re.Pattern[str]) -> bool:
    sentences = (s for s in _SENTENCE_END.split(words) if mention.search(s))
    return any(_DOUBT.search(mention.sub(" ", sentence)) for sentence in sentences)


def _asks(before: str, mention: str, after: str) -> bool:
    """Whether a mention of the remedy, with the rest of its clause, asks for it."""
    if _TALKED_ABOUT.match(after) or _DECLINED_AFTER.match(after):
        return False
    tokens = _TOKEN.findall(before)[-_NEGATION_REACH - 1 :]
    if _COMPARISONS.intersection(pairwise(tokens)):
        return False
    place = max((n for n, word in enumerate(tokens) if _negates(word)), default=None)
    if place is None or "why" in tokens[:place]:
        return True
    between = set(tokens[place + 1 :])
    if between & _WISHES:
        return False
    return bool(between & _GETTING) or _not_yet(tokens[:place], tokens[place], mention)


def _not_yet(before: Sequence[str], negation: str, mention: str) -> bool:
    """Whether a negation complains that something has not happened: "did not", "is not -ed"."""
    last = before[-1] if before else ""
    if negation in _PAST_NEGATIONS or last in _PAST_AUXILIARIES:
        return True
    present = negation in _PRESENT_NEGATIONS or last in _PRESENT_AUXILIARIES
    return present and mention.endswith("ed")


def _negates(word: str) -> bool:
    return word in _NEGATIONS or word in _PAST_NEGATIONS or word in _PRESENT_NEGATIONS
