"""Reads what a sentence gives its reader: money, or goods that they do not pay for; pure.

A word for it counts as given unless the sentence asks, denies, leaves it to the customer's answer
or only speaks about it. No list of phrases is complete: so it is the words for money that count,
whatever the tense, and what such a sentence rests on is decided in ``grounding.py``.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from closeloop.models.knowledge import Passage
from closeloop.policy import claims
from closeloop.policy.vocabulary import words_of

_ACCOUNT: Final = r"(?:card|account|bank|paypal|wallet|balance|statement)"
_MONEY: Final = (
    r"refund\w*|reimburs\w*|repa(?:y|id)\w*|payback|compensat\w*|money|cash\w*|credit(?! card)\w*"
    r"|pa(?:y|ys|id|ying) (?:you|back|out)|chargeback|revers\w+ (?:the|your) (?:charge|payment)"
    r"|(?:back|return\w*|sent|appear\w*|arriv\w*|land\w*|show\w*)\b[^.;:?]{0,30}"
    rf" (?:in|into|on|to) your (?:\w+ )?{_ACCOUNT}"
    r"|(?:goes|going|go|went|gone|comes?) back(?! to (?:you|us)\b)"
    r"|(?:price|amount|sum|cost|payment|half|everything|dollars?|euros?|pounds?|bucks?)\b"
    r"[^.;:?]{0,60}\b(?:back|return\w*|settled)"
    r"|(?:get|gets|have|receive|give|giving) (?!back\b)[^.;:?]{1,60}\bback"
)
_GOODWILL: Final = r"vouchers?|coupons?|rebates?|discount\w*|goodwill|gesture"
_GOODS: Final = r"replac(?:e|es|ed|ing|ements?)|(?:new|another|second) (?:one|item|copy)"
_COMING_BY: Final = r"(?:'ll|will|shall|going to)(?: (?!not\b)\w+){0,2}"
_UNPAID: Final = (
    r"(?:not|\w+n't|never|no longer) (?:\w+ ){0,3}(?:pay|charge)|at our (?:expense|cost)"
    r"|(?:we|i)(?:'ll| will)? (?:cover|bear|absorb)"
    r"|(?<!feel )free(?! to (?:ask|answer|call|choose|contact|reply|write))"
    r"|without (?:paying|payment|charge|cost)|at no (?:\w+ )?(?:cost|charge)"
    r"|no (?:cost|charge)|ow(?:e|es|ed|ing)|waiv\w*|on the house|(?:is|are) yours"
    r"|keep (?:it|them|both|the|this|that|your)|(?<!count )(?<!rely )on us"
    r"|ma(?:ke|king|de) (?:it up to you|you whole)"
)


class Remedy(NamedTuple):
    """The words that give something, and the kinds of action that would make them true."""

    words: str
    kinds: frozenset[str]


_GIFTS: Final = (
    (re.compile(rf"\b(?:{_MONEY})\b", re.I), claims.MONEY_KINDS),
    (re.compile(rf"\b(?:{_GOODWILL})\b", re.I), frozenset({"issue_store_credit"})),
    (re.compile(rf"\b(?:{_GOODS})\b", re.I), frozenset({"exchange_items", "modify_order_items"})),
    (re.compile(rf"\b(?:{_UNPAID})\b", re.I), frozenset[str]()),
    (
        re.compile(rf"{_COMING_BY} cancel\w*", re.I),
        frozenset({"cancel_order", "cancel_callback"}),
    ),
    (re.compile(rf"{_COMING_BY} exchang\w*", re.I), frozenset({"exchange_items"})),
)

_BETWEEN: Final = r"(?: (?!(?:we|i|will|and|so|but|get)\b)[\w'-]+)"
_ASKED: Final = re.compile(
    r"^(?:(?:hello|hi|dear)\b[^,]*, )?(?:(?:or|and|so),? )?"
    r"(?:would|do|shall|should|which|what|can|could|may|did|is|are|how|where|when)\b.*\?\W*$",
    re.I,
)
_THEIR_ANSWER: Final = re.compile(
    r"\b(?:if|once|when|as soon as) (?:you(?:'d| would)? (?:still )?"
    r"(?:like|want|wish|rather|prefer|answer|confirm|agree|say|tell|reply|choose|let us)"
    r"|that is (?:right|fine|what you want))",
    re.I,
)
_DENIED: Final = (
    r"\b(?:no|not|never|cannot|unable|neither|nor|\w+n't)\b"
    rf"(?! (?:only|just|hesitate|fail|doubt|problem|worr)){_BETWEEN}{{0,4}} $"
)
_SPOKEN_OF: Final = (
    r"|\b(?:about|regarding|concerning|at|into|on) (?:a|the|any|your|this|that) $"
    r"|\bwhether(?: (?!will\b)\w+){0,4} $"
    r"|\byou(?:'d| would|r message)? (?:\w+ )?(?:like|want|ask|request|wish|wrote|prefer)\w*"
    rf"{_BETWEEN}{{0,5}} $"
)
_BEFORE: Final = re.compile(_DENIED + _SPOKEN_OF, re.I)
_NEAR: Final = 100
"""How many characters before a word are looked at for what takes it back."""
_AFTER: Final = re.compile(
    r"^ (?:ends?|ended|expires?|needs?|requires?|requests?|polic(?:y|ies)|questions?|rules?"
    r"|enquir\w+|inquir\w+|window|period)\b",
    re.I,
)


def given(sentence: str) -> Iterator[Remedy]:
    """Yield everything that a sentence gives to the customer."""
    if _ASKED.search(sentence) or _THEIR_ANSWER.search(sentence):
        return
    for pattern, kinds in _GIFTS:
        for match in pattern.finditer(sentence):
            before = sentence[max(0, match.start() - _NEAR) : match.start()]
            spoken_of = _BEFORE.search(before)
            if not spoken_of and not _AFTER.search(sentence[match.end() :]):
                yield Remedy(match[0], kinds)


_HERE: Final = re.compile(
    r"\b(?:now|today|tonight|tomorrow|hereby|already|shortly|soon|consider|stands?)\b"
    r"|\b(?:we|i)(?:'ll|'re|'m|'ve| are| am| will| shall| have)\b|\bhere(?:'s| is| are)\b"
    r"|\byou(?:'ll| will)?(?: \w+)? (?:get|receive|have|owe|keep)\b|\b(?:is|are) yours\b"
    rf"|\byour (?:\w+ )?{_ACCOUNT}\b"
    r"|\b(?:refund|reimburs|credit|compensat|repay|replac|giv|send)(?:e|ing)?"
    r" (?:you|it|this|that|them|both|everything)\b",
    re.I,
)
_PAST: Final = re.compile(
    r"\b(?:went|gone|was|were|has|have|had|refunded|reimbursed|credited|paid|arrived)\b", re.I
)
_COMING: Final = re.compile(
    r"\b(?:will|shall|going|now|today|tomorrow|hereby|soon|shortly|goes|gets?|receives?)\b|'ll\b"
    r"|(?:\b(?:are|am)|'re|'m)(?: \w+ly)? \w+ing\b",
    re.I,
)


def is_for_this_customer(sentence: str) -> bool:
    """Whether it speaks of this case, and not of what holds for everybody."""
    return _HERE.search(sentence) is not None or claims.promise(sentence) is not None


def looks_back(sentence: str) -> bool:
    """Whether it speaks of what happened, and of nothing to come."""
    return _PAST.search(sentence) is not None and _COMING.search(sentence) is None


# --- what policy says ----------------------------------------------------------------------------

_NOT: Final = re.compile(r"\b(?:no|not|never|cannot|neither|nor|\w+n't|excluded|final)\b", re.I)
_PERMITS: Final = re.compile(
    r"\b(?:can|may|could|eligible|entitled|qualif\w+|possible|accept\w*|allow\w*|covered|free"
    r"|until|within|get|goes"
    r"|we (?:\w+ )?(?:refund|replace|exchange|cancel|credit|repay|reimburse|pay|send))\b",
    re.I,
)
_NEUTRAL: Final = words_of(
    "order item purchase product eligible entitled qualify ask able request possible policy"
)


def denies(sentence: str) -> bool:
    """Whether a sentence says that something is not so."""
    return _NOT.search(sentence) is not None


def permitted(sentence: str, rules: Sequence[Passage], beside: frozenset[str]) -> bool:
    """Whether one sentence of policy permits what ``sentence`` says, all of it.

    Its words but those ``beside`` the point have to stand in that one sentence: a word that it
    shares with policy is not what policy says.
    """
    wanted = words_of(sentence) - _NEUTRAL - beside
    said = (part for rule in rules for part in claims.sentences(rule.text))
    return bool(wanted) and any(
        wanted <= words_of(part) and _PERMITS.search(part) is not None and not denies(part)
        for part in said
    )
