"""Reads a postal address of the USA out of a customer's words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from closeloop.models.records import Address
from closeloop.offline.playbooks.reading import plain

_STATES: Final = {
    "alabama": "AL", "alaska": "AK", "arizona": "AZ", "arkansas": "AR", "california": "CA",
    "colorado": "CO", "connecticut": "CT", "delaware": "DE", "district of columbia": "DC",
    "florida": "FL", "georgia": "GA", "hawaii": "HI", "idaho": "ID", "illinois": "IL",
    "indiana": "IN", "iowa": "IA", "kansas": "KS", "kentucky": "KY", "louisiana": "LA",
    "maine": "ME", "maryland": "MD", "massachusetts": "MA", "michigan": "MI", "minnesota": "MN",
    "mississippi": "MS", "missouri": "MO", "montana": "MT", "nebraska": "NE", "nevada": "NV",
    "new hampshire": "NH", "new jersey": "NJ", "new mexico": "NM", "new york": "NY",
    "north carolina": "NC", "north dakota": "ND", "ohio": "OH", "oklahoma": "OK", "oregon": "OR",
    "pennsylvania": "PA", "rhode island": "RI", "south carolina": "SC", "south dakota": "SD",
    "tennessee": "TN", "texas": "TX", "utah": "UT", "vermont": "VT", "virginia": "VA",
    "washington": "WA", "west virginia": "WV", "wisconsin": "WI", "wyoming": "WY",
}  # fmt: skip
_CODES: Final = frozenset(_STATES.values())

# "Springfield, IL 62704", "Springfield, Illinois, 62704-1234"; the longest state name first, so
# that "West Virginia" is not read as "Virginia".
_NAMES: Final = "|".join(sorted(_STATES, key=len, reverse=True)).replace(" ", r"\s+")
_END: Final = re.compile(
    rf"(?P<city>[A-Za-z][A-Za-z.'\- ]{{1,40}}?)[ \t]*(?:,|[ \t]|\n)\s*"
    rf"(?P<state>{_NAMES}|[A-Za-z]{{2}})\b[.,]?\s+(?P<zip>\d{{5}}(?:-\d{{4}})?)\b",
    re.IGNORECASE,
)
_STREET: Final = re.compile(
    r"(?<![\w#])(?:\d{1,6}[A-Za-z]?(?:[-/]\d{1,4})?\s+[A-Za-z0-9]|P\.?\s?O\.?\s+Box\s+\d)",
    re.IGNORECASE,
)
_UNIT: Final = re.compile(
    r"(?:apt|apartment|unit|suite|ste|floor|fl|room|rm|building|bldg|lot|level|c/o)\b[\s.#]*\S"
    r"|#\s*\w"
    r"|\d{1,3}(?:st|nd|rd|th)\s+floor",
    re.IGNORECASE,
)
# Words of a sentence, not of a street or a town.
_SENTENCE_TEXT: Final = """
please to send ship deliver change my address is the order it instead from and i want for we of
at this that but not or no it's was were now live moved
"""
_SENTENCE_WORDS: Final = frozenset(_SENTENCE_TEXT.split())
_MAX_STREET_WORDS: Final = 8
_MAX_CITY_WORDS: Final = 4


_NUMBERED_STREET: Final = re.compile(
    r"\b\d{1,6}[a-z]?\s+(?:[a-z'.-]+\s+){1,3}(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|court|ct"
    r"|boulevard|blvd|way|terrace|place|pl|square|park)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class NewAddress:
    """The address that a customer plainly gives as the new one, or None.

    ``unsure`` says that the words name one, or more, and do not make it plain.
    """

    address: Address | None = None
    unsure: bool = False


def new_address(messages: Sequence[str], *, country: str = "USA") -> NewAddress:
    """Read the new address out of a customer's messages, oldest first.

    The last message with an address counts, with those after it. Two addresses are one too many,
    but for "from A to B" and "not A but B"; and so are words about another address beside the one.
    """
    for place in range(len(messages) - 1, -1, -1):
        found = _found(messages[place], country)
        if found:
            break
    else:
        return NewAddress()
    text = _masked(messages[place], found)
    addresses = [each.address for each in found]
    moved = _FROM_TO.search(text)
    if moved and len(addresses) == 2:
        del addresses[0]
        text = _FROM_TO.sub("to ", text, count=1)
    rest = "\n".join([text, *messages[place + 1 :]])
    if len(addresses) != 1 or addresses[0] is None or _in_doubt(rest):
        return NewAddress(unsure=True)
    return NewAddress(addresses[0])


def read_address(text: str, *, country: str = "USA") -> Address | None:
    """Return the last complete address in ``text``, or None.

    Understood are ``street[, unit], City, ST 12345`` on one line or several; the state may be
    written in full, the ZIP code may have four more digits. Anything less certain is no address.
    """
    read = (each.address for each in reversed(_found(text, country)))
    return next((address for address in read if address is not None), None)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an address stands in a text; without an ``address`` where it is not complete."""

    start: int
    end: int
    address: Address | None


def _found(text: str, country: str) -> list[_Place]:
    found: list[_Place] = []
    for end in _END.finditer(text):
        state = _state(end["state"])
        if state is None:
            continue
        since = max(0, end.start() - 200, found[-1].end if found else 0)
        before = text[since : end.end("city")]
        for street in _STREET.finditer(before):
            lines = _lines(before[street.start() :])
            if lines is not None:
                address1, address2, city = lines
                address = Address(
                    address1=address1,
                    address2=address2,
                    city=city,
                    state=state,
                    zip=end["zip"],
                    country=country,
                )
                found.append(_Place(since + street.start(), end.end(), address))
                break
        else:
            if end["state"].isupper() or len(end["state"]) > 2:
                found.append(_Place(end.start(), end.end(), None))
    return found


def _masked(text: str, found: Sequence[_Place]) -> str:
    """Return the text with a mark for each address, in lower case and with straight quotes."""
    for place in reversed(found):
        text = f"{text[: place.start]}{_MARK}{text[place.end :]}"
    return plain(text)


# --- what is said about it -----------------------------------------------------------------------

_MARK: Final = "\N{HOUSE BUILDING}"
_FROM_TO: Final = re.compile(
    rf"\b(?:from|not(?: to)?|instead of)\s+{_MARK}\W{{0,3}}(?:but(?: to)?|to)\s+(?={_MARK})"
)
_OF_COURSE: Final = re.compile(
    r"\b(?:has|have|is|was|'s)(?:n't| not)(?: yet)?(?: been)?"
    r" (?:left|shipped|sent|packed|dispatched|gone)(?: yet| out)?\b"
    r"|\bif (?:(?:it|that)(?:'s| is) )?not too late\b|\bcan(?:'t|not) wait\b"
    r"|\bno (?:problem|rush|hurry)\b"
)
_ANOTHER: Final = re.compile(
    r"\b(?:old|older|previous(?:ly)?|former(?:ly)?|prior|current(?:ly)?|existing|original(?:ly)?"
    r"|invoic\w*|bill|billing|receipts?|used to|moved (?:out|from|away)|moving (?:out|from|away)"
    r"|no longer|any ?more|undo|revert\w*|back to(?! (?:me|us|you))|change[sd]? back|put back"
    r"|(?:as|how|like|way|where) it was|(?:one|that|it) (?:is )?on (?:my|the|our|file)"
    r"|(?:the )?same as|both|either|(?<!as )follows|i(?:'ll| will) (?:send|give|tell|let|write))\b"
)
"""Words for another address, or for one that is still to come."""
_NOT_THIS: Final = re.compile(
    r"\b(?:no|not|nope|nah|never|don't|dont|do not|cannot|wait|hold on|scratch|forget|never ?mind"
    r"|ignore|kidding|jok\w+|mistake\w*|wrong|incorrect|actually|rather|better|instead of|except"
    r"|only|half|rest|or|cancel\w*|whether|stop|withdraw\w*)\b|n't\b"
)
"""Words that, beside an address or after it, may say that it is not where the parcel goes."""
_AS_IT_IS: Final = re.compile(
    r"\b(?:is|was|were|are|been|being|got)\s+(?:\w+\s+){0,2}(?:going|sent|shipped|delivered|addressed"
    r"|headed|heading|set|listed|registered|coming)\b|\bgoes to\b|\b(?:you|it|which) ha(?:ve|s)\b"
    r"|\b(?:it|page|mail|account|order|which) (?:shows?|says?)\b"
)
_WRONG_ONE: Final = re.compile(rf"\b(?:wrong|incorrect|mistaken)\W+(?:\w+\W+){{0,3}}{_MARK}")
_LED_AWAY: Final = re.compile(
    rf"\b(?:from|of|near|than|between|leav\w+|left|not|or|behind)\W+{_MARK}"
)
_ASKED: Final = re.compile(
    r"^\W*(?:(?:and|so|but|hi|hello)\W+)*(?:do|does|did|is|are|was|were|how|what|which|when|why"
    r"|where|will|would (?:it|that|you deliver|you ship)|should)\b"
)
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


def _in_doubt(text: str) -> bool:
    """Return whether the words around the one marked address leave open what it is."""
    words = _OF_COURSE.sub(" ", plain(text))
    if words.count(_MARK) != 1 or _NUMBERED_STREET.search(words) or _ANOTHER.search(words):
        return True
    if _LED_AWAY.search(words) or _WRONG_ONE.search(words):
        return True
    sentences = _SENTENCE.split(words)
    at = next(n for n, sentence in enumerate(sentences) if _MARK in sentence)
    own = sentences[at]
    if _AS_IT_IS.search(own) or ("?" in own and _ASKED.search(own)):
        return True
    return any(_NOT_THIS.search(sentence) for sentence in sentences[at:])


def _state(written: str) -> str | None:
    name = " ".join(written.casefold().split())
    if name.upper() in _CODES:
        return name.upper()
    return _STATES.get(name)


def _lines(text: str) -> tuple[str, str, str] | None:
    """Return (street, unit or "", city) if that is all there is in ``text``."""
    parts = [" ".join(part.split()) for part in re.split(r"[,\n]+", text)]
    parts = [part for part in parts if part]
    match parts:
        case [street, city]:
            unit = ""
        case [street, unit, city] if _UNIT.match(unit) and len(unit) <= 40:
            pass
        case _:
            return None
    street_words = street.casefold().rstrip(".").split()
    city_words = city.casefold().split()
    if not 2 <= len(street_words) <= _MAX_STREET_WORDS or _SENTENCE_WORDS & {*street_words}:
        return None
    if not 1 <= len(city_words) <= _MAX_CITY_WORDS or _SENTENCE_WORDS & {*city_words}:
        return None
    return street.rstrip("."), unit, city
