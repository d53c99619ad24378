"""What a person of the desk writes to a customer: whose it may be, and what it promises; pure.

A person answers for their own words, and three things are still held against the records: whom and
whose they name, which way money is said to have gone, and, in an edited draft, a promise with a
time or a call in it. People cannot type a commitment, and one that nobody typed nobody keeps.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from closeloop.models.base import clip
from closeloop.models.grounding import Ungrounded
from closeloop.policy import claims
from closeloop.policy.promised import promised_by
from closeloop.policy.sources import Sources

MAX_PAIRS: Final = 60
"""How many pairs of words of one reply are looked up as names."""
_MAX_WORDS: Final = 120

# --- whom and whose ------------------------------------------------------------------------------

_WORD: Final = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_AN_ORDER: Final = re.compile(
    r"\border (?:(?:number|no\.?|nr\.?|id)[: ]+)?(?P<id>#?[a-z]{0,3}-?\d{3,})(?!\w)", re.I
)
_TICKET: Final = re.compile(
    r"\b(?:tickets?|(?:request|reference) (?:number|no\.?|id))(?: (?:number|no\.?|id))?:? ?"
    r"(?P<id>#?[a-z_.~-]*\d[\w.~-]*\w|#?[a-z]\d)(?!\w)",
    re.I,
)
_GREETED: Final = re.compile(r"^(?i:hello|hi|hey|dear)[ ,]+(?P<who>[^,.!:;\n]{2,60})")
_CUSTOMER: Final = re.compile(r"\b(?:customer|client),? (?P<who>[^\W\d_a-z][\w'-]+)")
_NOBODY: Final = frozenset(
    {"all", "again", "and", "both", "customer", "customers", "everybody", "everyone", "folks"}
    | {"friend", "friends", "good", "madam", "miss", "mr", "mrs", "ms", "dr", "sir", "team"}
    | {"there", "valued"}
)
_SHORTENED: Final = 3
"""Characters by which a short form is taken for a name: Sam for Samuel."""


def name_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Return the neighbouring words with capitals that may be somebody's first and last name."""
    pairs: list[tuple[str, str]] = []
    before: re.Match[str] | None = None
    for match in _WORD.finditer(claims.plain(text)):
        capital = match[0][:1].isupper()
        if before and capital and _text_between(match, before).isspace():
            pairs.append((_bare_name(before[0]), _bare_name(match[0])))
        before = match if capital else None
    return tuple(dict.fromkeys(pairs))[:MAX_PAIRS]


def _text_between(match: re.Match[str], before: re.Match[str]) -> str:
    """Return what stands between two matches in one text."""
    return match.string[before.end() : match.start()]


def _bare_name(word: str) -> str:
    return re.sub(r"'s$", "", word)


def others_data(sentence: str, sources: Sources) -> Iterator[Ungrounded]:
    """Yield orders, tickets, addresses and people in a sentence that are not this customer's."""
    own = _Own(sources)
    for words in _order_numbers(sentence, sources):
        if not own.has_number(words):
            yield _problem("order", words, "it is no order of this customer")
    for match in _TICKET.finditer(sentence):
        if not own.has_number(match["id"]):
            yield _problem("reference", match[0], "it is another ticket, or none")
    for found in claims.contacts(sentence):
        address = found.words.lower().rstrip(".,")
        if "@" in address and address not in own.text and address not in sources.desk.lower():
            yield _problem("contact", found.words, "no record of this customer has this address")
    yield from _people(sentence, sources, own)


def _people(sentence: str, sources: Sources, own: "_Own") -> Iterator[Ungrounded]:
    for first, last in name_pairs(sentence):
        name = f"{first} {last}".lower()
        if name in sources.strangers and name not in sources.customer.lower():
            yield _problem("person", f"{first} {last}", "it is the name of another customer")
    for match in _CUSTOMER.finditer(sentence):
        if not own.has_name(match["who"]):
            yield _problem("person", match[0], "it is not the name of this customer")
    greeted = _GREETED.match(sentence)
    if greeted is None or '"first_name"' not in sources.records:
        return
    names = [w for w in _WORD.findall(greeted["who"]) if w[:1].isupper()]
    names = [name for name in names if name.lower() not in _NOBODY]
    if names and not any(map(own.has_name, names)):
        yield _problem("person", greeted[0], "it is not the name of this customer")


def _order_numbers(sentence: str, sources: Sources) -> list[str]:
    """Return what is written as an order number, a parcel's number not among them."""
    marks = {re.sub(r"[\d#-]", "", order.order_id).lower() for order in sources.orders} - {""}
    found = [
        one.words
        for one in claims.orders(sentence)
        if one.words.startswith("#") or re.sub(r"[\d#-]", "", one.words).lower() in marks
    ]
    return list(dict.fromkeys([*found, *(m["id"] for m in _AN_ORDER.finditer(sentence))]))


class _Own:
    """What is the customer's: on record, in an article, or in their own words."""

    def __init__(self, sources: Sources) -> None:
        articles = (passage.text for passage in sources.articles)
        self.text = " ".join(
            [sources.own, sources.customer, sources.records, sources.receipts, *articles]
        ).lower()
        names = " ".join([sources.own, sources.customer, sources.records]).lower()
        self._words = frozenset(_WORD.findall(names))

    def has_number(self, words: str) -> bool:
        wanted = re.escape(words.lower().removeprefix("#"))
        return re.search(rf"(?<!\w){wanted}(?!\w)", self.text) is not None

    def has_name(self, name: str) -> bool:
        name = _bare_name(name).lower()
        short = len(name) >= _SHORTENED
        return name in self._words or (short and any(word.startswith(name) for word in self._words))


# --- which way money went ------------------------------------------------------------------------

_MONEY: Final = re.compile(
    r"\b(?:refund|reimburs|repa(?:y|id)|credit|money|amount|paid back|pay back)\w*|\{\{|[$€£]", re.I
)
_WAY: Final = re.compile(
    r"\b(?:by|via|through|per|as|with|in|to|into|onto|on)(?: (?:a|an|your|the|direct|instant))*"
    r" (?P<way>bank transfers?|wire(?: transfers?)?|bank accounts?|cash|che(?:que|ck)s?"
    r"|money orders?|paypal|venmo|zelle|revolut|western union|klarna|apple pay|google pay"
    r"|(?:credit|debit) cards?|gift cards?|vouchers?|store credit)\b",
    re.I,
)
_ON_RECORD: Final = {"gift card": ("gift_card", "issue_store_credit"),
                     "store credit": ("issue_store_credit", "gift_card"),
                     "credit card": ("credit_card", '"card"'),
                     "debit card": ("debit_card", "credit_card", '"card"')}  # fmt: skip


def unproved_ways(sentence: str, sources: Sources) -> Iterator[Ungrounded]:
    """Yield ways of payment that neither a record nor an article has."""
    if not _MONEY.search(sentence) or _OFFER.search(sentence):
        return
    articles = (passage.text for passage in sources.articles)
    known = " ".join([sources.records, sources.receipts, *articles]).lower()
    for match in _WAY.finditer(sentence):
        way = re.sub(r"s$", "", match["way"].lower())
        if not any(word in known for word in (way, *_ON_RECORD.get(way, ()))):
            yield _problem("effect", match[0], "no receipt or record shows this way of payment")


# --- promises of an edited draft -----------------------------------------------------------------

_OURS: Final = re.compile(
    r"\b(?!you\b|it\b|this\b|that\b|which\b)[^\W\d_][\w-]*"
    r"(?:'ll| will| shall| (?:is|are|am) going to|'(?:m|re|s) going to)(?! not\b| never\b)\b",
    re.I,
)
_ARRIVES: Final = re.compile(
    r"\b(?:it|this|that|which|you)(?:'ll| will)(?: \w+)? (?:arrive|be (?:with|there|back|on|in|sent"
    r"|shipped|delivered|refunded|paid|called|contacted|credited)|reach|come|get|have|hear|receive"
    r"|go out|ship|leave)\b",
    re.I,
)
_AHEAD: Final = re.compile(r"\b(?:tomorrow|tonight|next (?:week|month|day))\b", re.I)
_LATER: Final = re.compile(
    r"\b(?:(?:next|this|end of the|over the) (?:week(?:end)?|month|day)|soon)\b"
    r"|\bat (?:half past |(?:a )?quarter (?:to|past) )?"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})\b",
    re.I,
)
_CALL: Final = re.compile(
    r"\b(?:call|ring|phone|telephone)(?:s|ing)? (?:you|back)\b"
    r"|\b(?:you|expect|get|receive|have) (?:an?|our|my|his|her) (?:[^\W\d_]+ )?call\b"
    r"|\bgive you an? (?:\w+ )?ring\b",
    re.I,
)
_OFFER: Final = re.compile(
    r"\?|\b(?:tried|can|could|cannot|can't|may|might|would|wanted|unable|not|never|if|unless|please"
    r"|whenever|wish|hope|enjoy|have an? (?:\w+ )?(?:day|time|evening|weekend))\b|n't\b"
    r"|\b(?:missed|after|since|thank\w*)\b.*\bcall",
    re.I,
)
"""What makes words for a call or a day an offer, a wish, or something that is over."""


def timed_promise(sentence: str, now: datetime, stated: Callable[[str], bool]) -> str | None:
    """Return the kind of a promise that has a time (``time``) or a call (``call``) in it.

    ``stated`` says whether the lengths of time in a sentence are those of an article.
    """
    if claims.their_turn(sentence):
        return None
    ours = claims.promise(sentence) or _OURS.search(sentence) or _ARRIVES.search(sentence)
    if _CALL.search(sentence) and (ours or not _OFFER.search(sentence)):
        return "call"
    if not ours and (not _AHEAD.search(sentence) or _OFFER.search(sentence)):
        return None
    if not ours or promised_by(sentence, now) is not None or _LATER.search(sentence):
        return "time"
    figures = any(claims.dates(sentence)) or any(claims.periods(sentence))
    return "time" if figures and not stated(sentence) else None


def _problem(kind: str, words: str, why: str) -> Ungrounded:
    return Ungrounded.model_validate({"kind": kind, "words": clip(words, _MAX_WORDS), "why": why})
