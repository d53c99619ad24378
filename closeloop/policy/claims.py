"""Reads the claims out of a reply: amounts, dates, periods, identifiers, effects, promises.

Plain readings, which look for forms of words and understand nothing. Where a form is ambiguous it
counts as a claim: then it needs evidence, or a person's look.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from closeloop.models.base import Money

PLACEHOLDER: Final = re.compile(r"\{\{[^{}]*\}\}")
_SENTENCE: Final = re.compile(r"(?<=[.!?])[\"')]*\s+|\n+")


_STRAIGHT: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_ASKS: Final = re.compile(r"\?|\bplease (?:answer|check|confirm|let|reply|send|tell|write)\b", re.I)


def asks(text: str) -> bool:
    """Whether a text asks its reader for something; calling it a question does not make it one."""
    return _ASKS.search(text) is not None


def plain(text: str) -> str:
    """Return a text with one form for each sign: apostrophes, wide digits, nothing unseen."""
    straight = text.translate(_STRAIGHT)
    return "".join(
        c if c == "…" else unicodedata.normalize("NFKC", c)
        for c in straight
        if unicodedata.category(c) != "Cf"
    )


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences and lines of a text."""
    return tuple(part.strip() for part in _SENTENCE.split(text) if part.strip())


# --- amounts -------------------------------------------------------------------------------------

_SYMBOLS: Final = {"$": "USD", "€": "EUR", "£": "GBP"}
_NAMES: Final = {"dollar": "USD", "buck": "USD", "euro": "EUR", "pound": "GBP"}
_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d+(?:\.\d{1,2})?"
_AMOUNT: Final = re.compile(
    rf"(?P<symbol>[$€£])\s?(?P<a>{_NUMBER})|\b(?P<code>[A-Z]{{3}})\s?(?P<b>{_NUMBER})"
    rf"|(?P<c>{_NUMBER})\s?(?P<after>[€£]|\$(?!\d))"
    rf"|(?P<d>{_NUMBER})\s?(?P<unit>[A-Z]{{3}}\b|(?i:dollar|buck|euro|pound)s?\b)"
)
_CURRENCIES: Final = frozenset(
    {"USD", "EUR", "GBP", "CAD", "AUD", "CHF", "NZD", "SEK", "NOK", "DKK", "PLN", "JPY"}
)


class Found(NamedTuple):
    """A claim's words and where they stand."""

    words: str
    start: int
    end: int


def amounts(text: str) -> Iterator[tuple[Found, Money]]:
    """Yield every amount of money."""
    for match in _AMOUNT.finditer(text):
        number = next(match[name] for name in "abcd" if match[name])
        unit = match["symbol"] or match["code"] or match["after"] or match["unit"]
        currency = _SYMBOLS.get(unit) or _NAMES.get(unit.lower().rstrip("s")) or unit
        if currency not in _CURRENCIES:
            continue
        units, _, cents = number.replace(",", "").partition(".")
        minor = int(units[:12]) * 100 + int(cents.ljust(2, "0") or 0)
        yield _found(match), Money(amount_minor=minor, currency=currency)


# --- dates and periods ---------------------------------------------------------------------------

_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH: Final = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_DATE: Final = re.compile(
    rf"\b(?P<y>\d{{4}})-(?P<m>\d{{2}})-(?P<d>\d{{2}})\b"
    rf"|\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m1>{_MONTH})\b\.?(?:,? (?P<y1>\d{{4}}))?"
    rf"|\b(?P<m2>{_MONTH})\b\.? (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y2>\d{{4}}))?"
    rf"|\b(?P<m3>\d{{1,2}})/(?P<d3>\d{{1,2}})/(?P<y3>\d{{2,4}})\b",
    re.IGNORECASE,
)


class Day(NamedTuple):
    """A day as it is written; without a year it stands for that day of any year."""

    month: int
    day: int
    year: int | None = None

    def means(self, other: date) -> bool:
        """Whether it can be this day."""
        same = (self.month, self.day) == (other.month, other.day)
        return same and self.year in (None, other.year)


def dates(text: str) -> Iterator[tuple[Found, Day]]:
    """Yield every date; numbers with slashes are read as month, day, year."""
    for match in _DATE.finditer(text):
        month = match["m"] or match["m1"] or match["m2"] or match["m3"]
        day = match["d"] or match["d1"] or match["d2"] or match["d3"]
        year = match["y"] or match["y1"] or match["y2"] or match["y3"]
        number = int(month) if month.isdigit() else _month(month)
        whole = int(year) if year else None
        if whole is not None and whole < 100:
            whole += 2000
        yield _found(match), Day(number, int(day), whole)


def _month(name: str) -> int:
    return next(n for n, m in enumerate(_MONTHS, start=1) if m.startswith(name.lower()[:3]))


_FEW: Final = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_COUNTS: Final = {name: number for number, name in enumerate(_FEW.split(), start=1)} | {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
}
_COUNT: Final = rf"(?:\d+(?:\.\d+)?|{'|'.join(_COUNTS)})"
_PERIOD: Final = re.compile(
    rf"\b(?:(?P<first>{_COUNT})\s?(?:-|\u2013|to|or|and)\s?)?(?P<last>{_COUNT})"
    r"(?:[\s-](?:business|working|calendar|full|whole|more))?"
    r"(?:[\s-]?(?P<unit>hour|day|week|month|year)s?\b|\s?(?P<share>%|percent\b))(?P<ago>\s+ago\b)?",
    re.IGNORECASE,
)


class Period(NamedTuple):
    """A length of time or a percentage: how many of what."""

    many: float
    unit: str
    ago: bool = False


def periods(text: str) -> Iterator[tuple[Found, tuple[Period, ...]]]:
    """Yield every period and percentage; of a range both ends."""
    for match in _PERIOD.finditer(text):
        unit = "%" if match["share"] else match["unit"].lower()
        counts = [_count(match[name]) for name in ("first", "last") if match[name]]
        yield _found(match), tuple(Period(n, unit, bool(match["ago"])) for n in counts)


def _count(text: str) -> float:
    return float(_COUNTS.get(text.lower(), 0) or text)


# --- identifiers, contacts, secrets --------------------------------------------------------------

_ORDER: Final = re.compile(r"(?<![\w#])(?:#[A-Za-z]{0,4}-?\d{2,}|[A-Z]{1,3}\d{3,})(?![\w])")
_CONTACT: Final = re.compile(
    r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:https?://|www\.)[^\s<>\")\]]+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|co|info|biz|example|shop|app|dev|me|ru|cn)\b(?:/\S*)?"
    r"|(?<![\w-])\+?\(?\d{2,4}\)?[\s.-]\d{3,4}[\s.-]\d{3,4}\b",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(r"(?<![\w])[A-Za-z]*[-_]?\d[\w-]*\d\b")
_EXAMPLE: Final = re.compile(r"\bfor example\b.*", re.IGNORECASE)
_SECRET: Final = re.compile(
    r"\b(?:(?:card|account) number|cvv|cvc|security code|pin(?: code)?|passwords?|passcode"
    r"|(?:one.time|verification|login) code|social security|iban|bank (?:details|account)"
    r"|api key|system prompt)\b",
    re.IGNORECASE,
)
_WARNS: Final = re.compile(r"\b(?:never|not|don't|no need)\b", re.IGNORECASE)


def orders(text: str) -> Iterator[Found]:
    """Yield everything that looks like an order number."""
    yield from map(_found, _ORDER.finditer(text))


def contacts(text: str) -> Iterator[Found]:
    """Yield e-mail addresses, links, domains and telephone numbers."""
    yield from map(_found, _CONTACT.finditer(text))


def references(text: str) -> Iterator[Found]:
    """Yield every other number of two digits or more; what stands "for example" claims nothing."""
    text = _EXAMPLE.sub(" ", text)
    yield from map(_found, _REFERENCE.finditer(text))


def secrets(sentence: str) -> Iterator[Found]:
    """Yield what no reply asks for; a warning not to send it asks for nothing."""
    if not _WARNS.search(sentence):
        yield from map(_found, _SECRET.finditer(sentence))


def _found(match: re.Match[str]) -> Found:
    return Found(match[0], match.start(), match.end())


# --- promises and eligibility --------------------------------------------------------------------

_US: Final = (
    r"(?:we|i|someone|somebody"
    r"|(?:our|the) (?:\w+ )?(?:team|staff|manager|warehouse|courier|support)"
    r"|(?:a|one of our|our) colleagues?)"
)
_WILL: Final = r"(?:'ll| will| shall|(?:'re|'m| are| am| is) going to)(?! not\b)"
_PROMISE: Final = re.compile(
    rf"\b{_US}{_WILL}\b"
    rf"|\byou{_WILL} (?:\w+ )?(?:hear|get|receive|have|be (?:refunded|contacted|credited|called))\b"
    rf"|\b(?:refund|money|amount|credit|replacement|voucher)(?: of \S+)?{_WILL}\b"
    r"|\b(?:we|i) (?:\w+ )?(?:promise|guarantee)\b|\byou have (?:our|my) word\b",
    re.IGNORECASE,
)
_THEIR_TURN: Final = re.compile(
    r"\b(?:if|once|when|as soon as|after|unless|in case)\b(?! possible).{0,40}\byou(?:r)?\b",
    re.IGNORECASE,
)
"""What waits for the customer's own step is an offer: nothing is due yet."""
_ELIGIBLE: Final = re.compile(
    r"\b(?:eligible|entitled|qualif(?:y|ies))\b|\bcovered by (?:\w+ )?(?:warranty|guarantee)\b"
    r"|\b(?:can|may|could)(?:not|'t| not| no longer)? (?:still |also |only )?(?:be )?"
    r"(?P<remedy>refund|return|exchange|cancel|replace|redirect)(?:ed|led|d)?\b",
    re.IGNORECASE,
)


def promise(sentence: str) -> str | None:
    """Return the words of a promise of ours."""
    match = _PROMISE.search(sentence)
    return match[0] if match and not _THEIR_TURN.search(sentence) else None


def eligibility(sentence: str) -> Found | None:
    """Return the words that say what the customer may have."""
    match = _ELIGIBLE.search(sentence)
    return _found(match) if match else None


# --- effects -------------------------------------------------------------------------------------

_DONE: Final = (
    r"(?:\b(?:we|i)(?:'ve|'d| have)?(?: (?:just|now|also|already|since|both|\w+ly))* (?:{done})"
    r"|(?:\b(?:has|have|had)|'ve|'s|'d)(?: (?:just|now|also|already|since|\w+ly))* been"
    r"(?: (?:just|now|also|already|\w+ly))* (?:{done})"
    r"|(?:\b(?:is|are|was|were|got|gets|stands?)|'s|'re)"
    r"(?: (?:now|also|already|all|being|\w+ly))* (?:{done})"
    r"|\b(?:consider|regard|treat|deem|count)\b.{0,60}\b(?:{done})\b"
    r"|^(?:{done})\b"
    r"|\b(?:we|i)(?:'re|'m| are| am)(?: (?:just|now|also|already|both|\w+ly))* (?:{doing})\b"
    r"|\b(?:we|i) (?:hereby|now|herewith) (?:{doing})\b)"
)
"""What was done, and what is being done while the sentence is written."""
_HANDED: Final = (
    r"issued|processed|initiated|granted|approved|arranged|made|sent|given|applied|added"
)
MONEY_KINDS: Final = frozenset(
    {"refund_payment", "cancel_order", "return_items", "issue_store_credit", "modify_order_items",
     "exchange_items", "modify_order_payment"}
)  # fmt: skip
"""The actions after which money goes back to a customer."""


class EffectForm(NamedTuple):
    """How a kind of effect is claimed, and the action kinds that would make it true.

    ``about`` has to stand in the sentence as well. No ``kinds``: nothing that an agent can do.
    ``on_record`` is the prefix of an order's status, or ``refund``, that shows it happened before.
    """

    name: str
    pattern: re.Pattern[str]
    kinds: frozenset[str] = frozenset()
    about: re.Pattern[str] | None = None
    on_record: tuple[str, ...] = ()
    money: bool = False


def _form(
    name: str,
    done: str,
    *kinds: str,
    doing: str = r"(?!)",
    about: str = "",
    on_record: tuple[str, ...] = (),
) -> EffectForm:
    return EffectForm(
        name=name,
        pattern=re.compile(_DONE.replace("{done}", done).replace("{doing}", doing), re.IGNORECASE),
        kinds=frozenset(kinds),
        about=re.compile(about, re.IGNORECASE) if about else None,
        on_record=on_record,
        money=bool(MONEY_KINDS.intersection(kinds)) and name in ("refund", "credit"),
    )


EFFECTS: Final = (
    _form(
        "refund", r"refunded|reimbursed|repaid|paid back", *MONEY_KINDS, on_record=("refund",),
        doing=r"(?:refund|repay)(?:ing)?|reimburs(?:e|ing)|pay(?:ing)? back",
    ),
    _form(
        "refund", _HANDED + r"|complete[d]?|on (?:its|the) way|accepted|confirmed|authori[sz]ed"
        r"|successful|settled|under ?way|in progress|triggered|taken care of", *MONEY_KINDS,
        about=r"\b(?:refund|money back|reimbursement)\b", on_record=("refund",),
    ),
    _form(
        "cancellation", r"cancell?ed|called off", "cancel_order", "cancel_callback",
        on_record=("cancelled",), doing=r"cancel(?:l?ing)?|call(?:ing)? off",
    ),
    _form(
        "call", r"booked|scheduled|arranged|planned|moved|rescheduled", "schedule_callback",
        "reschedule_callback", about=r"\b(?:call|callback|phone|telephone)\b",
    ),
    _form(
        "credit", r"credited|compensated", *MONEY_KINDS, on_record=("refund",),
        doing=r"credit(?:ing)?|compensat(?:e|ing)",
    ),
    _form(
        "credit", _HANDED, "issue_store_credit",
        about=r"\b(?:credit|voucher|gift card|coupon|discount|compensation)\b",
    ),
    _form(
        "change of address", r"changed|updated|corrected|redirected|rerouted|set",
        "modify_order_address", "update_customer_address", about=r"\baddress\b|redirect|rerout",
        doing=r"chang(?:e|ing)|updat(?:e|ing)|correct(?:ing)?|redirect(?:ing)?|rerout(?:e|ing)",
    ),
    _form(
        "change of payment", r"changed|updated|switched|charged", "modify_order_payment",
        about=r"\b(?:payment method|card|paypal)\b",
    ),
    _form(
        "change of items", r"exchanged|swapped|replaced|switched", "exchange_items",
        "modify_order_items", on_record=("exchange", "pending (item"),
        doing=r"(?:exchang|replac)(?:e|ing)|swap(?:ping)?|switch(?:ing)?",
    ),
    _form(
        "return", _HANDED + r"|requested|registered|opened|started", "return_items",
        about=r"\breturn\b", on_record=("return",),
    ),
    _form("note", r"noted|recorded|logged|passed on|forwarded|escalated", "add_crm_note"),
    _form(
        "replacement", r"sent|shipped|dispatched|mailed|reshipped|" + _HANDED,
        about=r"\b(?:replacement|new one|another one)\b",
    ),
    _form(
        "shipment", r"sent|shipped|dispatched|mailed|reshipped",
        on_record=("processed", "delivered"),
        about=r"\b(?:order|parcel|package|replacement|item|one|it|new)\b",
    ),
    _form(
        "nothing that can be done here", r"waived|upgraded|extended|unlocked|deleted|closed|reset"
        r"|blocked|activated|deactivated|unsubscribed|removed|released|transferred|overridden",
    ),
)  # fmt: skip
"""What a reply may say was done."""


def effects(sentence: str) -> Iterator[tuple[str, EffectForm]]:
    """Yield what a sentence says was done; each name once."""
    seen: set[str] = set()
    for form in EFFECTS:
        match = form.pattern.search(sentence)
        if match and form.name not in seen and (not form.about or form.about.search(sentence)):
            seen.add(form.name)
            yield match[0], form


# --- states of orders ----------------------------------------------------------------------------

_STATES: Final = (
    (re.compile(r"\b(?:not|n't|never) (?:yet )?(?:been )?(?:sent|shipped|dispatched|processed)\b"),
     ("pending",)),
    (re.compile(r"\b(?:was|were|is|been) delivered\b"), ("delivered", "return", "exchange")),
    (re.compile(r"\b(?:on (?:its|the) way|in transit|left our warehouse|out for delivery)\b"),
     ("processed", "delivered")),
    (re.compile(r"\b(?:is|are|still) pending\b"), ("pending",)),
)  # fmt: skip


def states(sentence: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a sentence says of an order's status, with the statuses it can be true of."""
    lower = sentence.lower()
    for pattern, statuses in _STATES:
        match = pattern.search(lower)
        if match:
            yield match[0], statuses
            return
