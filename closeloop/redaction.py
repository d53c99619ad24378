"""Takes personal data out of text: before it is kept as an example, or written to a log. Pure.

==========  ==============================================================================
email       an address
iban        ISO 13616: country, check digits, up to 30 letters and digits, in fours or not
card        13 to 19 digits, in groups or not: a mistyped card number is one, too
id          a US social security number
ip          an address that ``ipaddress`` accepts, of version 4 or 6
phone       7 to 15 digits (ITU-T E.164) that are no date and no amount
order       ``#`` with a number; after ``order`` a number alone
address     a street with its number, a box, a state with its ZIP code
name        after a title, ``my name is`` or a greeting's end; the others must be ``known``
==========  ==============================================================================

Numbers are found by their form, whoever they belong to. What no form tells (a name within a
sentence, a street without a word for one) is found where the caller knows it from a record.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["email", "iban", "card", "id", "ip", "phone", "order", "address", "name"]

_NAME: Final = r"[^\W\d_a-z][^\W\d_]*(?:['\u2019-][^\W\d_]+)*"
_NAMES: Final = rf"{_NAME}(?:[ \t]+(?:{_NAME}|[A-Z]\.)){{0,3}}"
_STREET: Final = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq"
    r"|terrace|ter|parkway|pkwy|circle|cir|highway|hwy|way|trail|alley|crescent|close|row)\b\.?"
)
_UNIT: Final = r"(?:,?\s+(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm)\b\.?\s*#?\w+)?"
_TOWN: Final = r"(?:(?:,?\s+[^\W\d_][\w.'\u2019-]*){1,4},?\s+[A-Z]{2},?\s+\d{5}(?:-\d{4})?)?"

_ORDER: Final = r"[A-Z]{0,3}-?\d{3,12}\b"

_FORMS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("email", re.compile(r"(?<![\w.+'-])[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")),
    (
        "iban",
        re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b"),
    ),
    ("card", re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w-])")),
    ("id", re.compile(r"(?<![\w-])\d{3}([- ])\d{2}\1\d{4}(?![\w-])")),
    (
        "ip",
        re.compile(
            r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*::?[0-9A-Fa-f:]+)(?![\w:])"
        ),
    ),
    (
        "phone",
        re.compile(
            r"(?<![\w$€£.-])(?<!\d,)(?:\+|\()?\d(?:[ \t().\-/]{0,3}\d){6,14}"
            r"(?:\s*(?:x|ext\.?|extension)\s*\d{1,6})?(?![\w%])",
            re.IGNORECASE,
        ),
    ),
    ("order", re.compile(r"#[A-Za-z]{0,3}-?\d{3,12}\b")),
    (
        "order",
        re.compile(
            r"\borders?\b(?:\s+(?:number|no\.?|nr\.?|id)\b\.?:?\s*|:\s*|\s+(?![0-9]{1,4}\b))"
            rf"(?P<order>{_ORDER}(?:(?:,|,?\s+(?:and|or))\s+{_ORDER})*)",
            re.IGNORECASE,
        ),
    ),
    (
        "address",
        re.compile(
            rf"(?<!\w)\d{{1,6}}[A-Za-z]?,?\s+(?:[\w.'\u2019-]+\s+){{1,4}}?{_STREET}{_UNIT}{_TOWN}"
            r"|\bp\.?\s?o\.?\s+box\s+\d+"
            r"|(?<!\w)[^\W\d_]+(?:straße|strasse|str\.|gasse|weg|platz|laan|straat)\s+\d+\w?",
            re.IGNORECASE,
        ),
    ),
    ("address", re.compile(r"\b[A-Z]{2},?\s+\d{5}(?:-\d{4})?\b")),
    (
        "name",
        re.compile(
            r"(?:\b(?:Mr|Mrs|Ms|Miss|Dr|Prof)\b\.?\s+|(?i:\bmy name is\s+|\bname:\s*))"
            rf"(?P<name>{_NAMES})"
        ),
    ),
    (
        "name",
        re.compile(
            r"(?i:\b(?:regards|sincerely|cheers|thanks|thank you|yours),?)\s*\n+\s*"
            rf"(?P<name>{_NAMES})"
        ),
    ),
)
_DATE: Final = re.compile(
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4}|\d{1,2}([-/.])\d{1,2}\3\d{2}"
)


@dataclass(frozen=True)
class Found:
    """Personal data at ``text[start:end]``."""

    start: int
    end: int
    kind: Kind


def find(text: str, *, known: Sequence[str] = ()) -> tuple[Found, ...]:
    """Return what is personal in ``text``, in order; nothing overlaps.

    ``known`` is what records say of the person (names, address lines): each is found as whole words
    whatever its case, and without a word of its own in any form above. One that begins with ``#``
    is an order, also without that mark.
    """
    found: list[Found] = []
    for candidate in sorted(_candidates(text, known), key=lambda f: (f.start, -f.end)):
        if found and candidate.start < found[-1].end:
            last = found[-1]
            found[-1] = Found(last.start, max(last.end, candidate.end), last.kind)
        else:
            found.append(candidate)
    return tuple(found)


def redact(text: str, *, known: Sequence[str] = ()) -> str:
    """Return ``text`` with a word such as ``[email]`` in place of all that ``find`` finds."""
    kept: list[str] = []
    end = 0
    for found in find(text, known=known):
        kept += [text[end : found.start], f"[{found.kind}]"]
        end = found.end
    return "".join([*kept, text[end:]])


def _candidates(text: str, known: Sequence[str]) -> Iterator[Found]:
    for kind, form in _FORMS:
        for match in form.finditer(text):
            group = next(iter(form.groupindex), 0)
            if _is_meant(kind, match[group]):
                yield Found(*match.span(group), kind)
    for value in known:
        bare, mark, kind = value, "", "name"
        if value.startswith("#"):
            bare, mark, kind = value[1:], "#?", "order"
        words = [re.escape(word) for word in bare.split()]
        if words and len(bare) > 1:
            spaced = r"\s+".join(words)
            whole = re.compile(rf"(?<!\w){mark}{spaced}(?!\w)", re.IGNORECASE)
            yield from (Found(*match.span(), kind) for match in whole.finditer(text))


def _is_meant(kind: Kind, text: str) -> bool:
    match kind:
        case "phone":
            return not _DATE.fullmatch(text.strip())
        case "ip":
            try:
                ipaddress.ip_address(text)
            except ValueError:
                return False
            return any(mark in text for mark in ".0123456789")
        case _:
            return True
