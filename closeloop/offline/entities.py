"""What a customer names: orders, things, amounts."""

import re
from collections.abc import Iterable, Sequence

from closeloop.models.base import Money
from closeloop.models.triage import Entities

MAX_ORDERS = 20
MAX_ITEMS = 10
MAX_AMOUNTS = 10

ORDER_ID = re.compile(r"(?<![\w#])(?:#\s?[Ww]\d{1,12}|[Ww]\d{3,12})(?!\w)")
"""An order's id in running text; without its ``#`` it needs three digits to be one."""

_CODES = "USD|EUR|GBP|CAD|AUD|CHF|NZD|SEK|NOK|DKK|PLN"
_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP"}
_WORDS = {"dollar": "USD", "buck": "USD", "euro": "EUR"}
_NUMBER = r"\d{1,3}(?:[ ,.']\d{3})+(?:[.,]\d{1,2})?|\d{1,9}(?:[.,]\d{1,2})?"
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?:(?:US ?)?(?P<symbol>[$€£])|(?P<code>{_CODES})) ?(?P<first>{_NUMBER})(?![\d%])"
    rf"|(?<![\w.,#$€£/])(?P<second>{_NUMBER}) ?(?:(?P<symbol2>[$€£])(?!\d)"
    rf"|(?P<code2>{_CODES})(?!\w)|(?P<word>dollar|buck|euro)s?(?!\w))",
    re.IGNORECASE,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COUNTS = frozenset({"one", "two", "both", "some", "new"})
_LEADS = _COUNTS | {
    "my",
    "our",
    "the",
    "this",
    "that",
    "these",
    "those",
    "a",
    "an",
    "another",
    "of",
}
_NOT_A_THING = _words(
    """
    order orders refund refunds money parcel parcels package packages delivery shipment shipping
    item items product products thing things stuff purchase payment payments charge charges invoice
    receipt bill copy address account card bank email mail message reply answer question problem
    issue company shop store website service support team person human agent manager staff courier
    driver day days week weeks month months year years morning evening time moment minute hour
    way lot bit return exchange replacement label box price amount total full same other rest one
    ones size colour color number name status tracking link date statement policy help reason fact
    friend wife husband son daughter mother father neighbour neighbor kid customer voucher coupon
    discount fee cancellation complaint joke mistake phone call street house flat city zip code
    """
)
_STOP = _words(
    """
    i you he she it we they me him her us them my your his our their the a an this that these those
    is are was were be been being am has have had do does did will would can could should may might
    must and or but so because if when while as than then with without for from to in on at by of
    off out up down about into over after before since until that which who whom whose what where
    how why not no never still again already just only very too also please thanks thank here there
    now today yesterday tomorrow arrived arrive came come comes got get broke stopped works work
    looks look does doesn't isn't won't wasn't hasn't haven't didn't can't don't it's i'm i've i'd
    ordered bought received sent send wants want wanted need needs keep keeps instead back twice
    """
)
_WORD = re.compile(r"[^\W\d_][\w'-]*|[.,;:!?()\n]")
_LONGEST_THING = 4


def find_order_ids(texts: Iterable[str], known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the orders named, as ``#W1001``, in the order of the texts; then the ones known."""
    found = [match.group() for text in texts for match in ORDER_ID.finditer(text)]
    ids = ["#" + order.strip().lstrip("#").strip().upper() for order in (*found, *known)]
    return tuple(dict.fromkeys(order for order in ids if order != "#"))[:MAX_ORDERS]


def find_amounts(text: str) -> tuple[Money, ...]:
    """Return the sums of money named, each once; ``$`` is read as US dollars."""
    amounts: list[Money] = []
    for match in _AMOUNT.finditer(text):
        symbol = match["symbol"] or match["symbol2"]
        code = match["code"] or match["code2"]
        currency = _SYMBOLS[symbol] if symbol else (code or _WORDS[match["word"].lower()]).upper()
        minor = _minor_units(match["first"] or match["second"])
        amounts.append(Money(amount_minor=minor, currency=currency))
    return tuple(dict.fromkeys(amounts))[:MAX_AMOUNTS]


def _minor_units(number: str) -> int:
    """Return cents; a last separator with one or two digits behind it is the decimal one."""
    cents = re.search(r"[.,](\d{1,2})$", number)
    whole = re.sub(r"\D", "", number[: cents.start()] if cents else number)
    return int(whole) * 100 + (int(cents[1].ljust(2, "0")) if cents else 0)


def find_items(text: str) -> tuple[str, ...]:
    """Return what looks like a thing ("my blue mug" gives ``blue mug``), in lower case.

    A guess from the shape of the sentence: whoever uses it compares it with the order's items.
    """
    words = [word.lower() for word in _WORD.findall(ORDER_ID.sub(" , ", text))]
    things: list[str] = []
    thing: list[str] = []
    led = False
    for word in [*words, "."]:
        leads = word in _LEADS and not (thing and word in _COUNTS)
        ends = leads or word in _STOP or not word[0].isalpha() or len(thing) == _LONGEST_THING
        if led and not ends:
            thing.append(word)
            continue
        if thing and thing[0] not in _NOT_A_THING and thing[-1] not in _NOT_A_THING:
            things.append(" ".join(thing))
        thing, led = [], leads
    return tuple(dict.fromkeys(things))[:MAX_ITEMS]


def find_entities(texts: Sequence[str], known_orders: Iterable[str]) -> Entities:
    """Return what ``texts`` name; texts that count most come first."""
    joined = "\n".join(texts)
    return Entities(
        order_ids=find_order_ids(texts, known_orders),
        item_mentions=find_items(joined),
        amounts=find_amounts(joined),
    )
