"""Reads a postal address of the USA out of a customer's words."""

import re
from typing import Final

from closeloop.models.records import Address

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


def read_address(text: str, *, country: str = "USA") -> Address | None:
    """Return the last complete address in ``text``, or None.

    Understood are ``street[, unit], City, ST 12345`` on one line or several; the state may be
    written in full, the ZIP code may have four more digits. Anything less certain is no address.
    """
    for end in reversed(list(_END.finditer(text))):
        state = _state(end["state"])
        if state is None:
            continue
        before = text[max(0, end.start() - 200) : end.end("city")]
        for street in _STREET.finditer(before):
            lines = _lines(before[street.start() :])
            if lines is not None:
                address1, address2, city = lines
                return Address(
                    address1=address1,
                    address2=address2,
                    city=city,
                    state=state,
                    zip=end["zip"],
                    country=country,
                )
    return None


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
