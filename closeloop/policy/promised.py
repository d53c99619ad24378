"""By when a sentence promises something: words for days and for times of the day; pure."""

import re
from datetime import datetime, timedelta
from typing import Final

_WEEK: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY: Final = re.compile(rf"\b(?:today|tonight|tomorrow|{'|'.join(_WEEK)})\b", re.IGNORECASE)
_CLOCK: Final = re.compile(
    r"\b(?:[01]?\d|2[0-3])(?::[0-5]\d|\.[0-5]\d(?= ?[ap]\.?m\b)| ?[ap]\.?m\b| o'clock\b)"
    r"|\b(?:this (?:morning|afternoon|evening)|(?:by|at|before|until) (?:noon|midday|midnight))\b"
    r"|\b(?:right away|immediately|at once|straight away|shortly|in a moment|within the hour)\b",
    re.IGNORECASE,
)
_HALF_A_DAY: Final = timedelta(hours=12)
"""What a customer's zone may be away from UTC, by which days are counted here."""


def promised_by(sentence: str, now: datetime) -> datetime | None:
    """Return the latest moment that a sentence's words for a time can mean; None without any.

    Spelled-out dates and lengths of time are read elsewhere (``claims.dates``, ``claims.periods``).
    A time of the day without a day means the next one.
    """
    days = [_end_of(match[0].lower(), now) for match in _DAY.finditer(sentence)]
    if days:
        return min(days)
    return now + timedelta(days=1) if _CLOCK.search(sentence) else None


def _end_of(day: str, now: datetime) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match day:
        case "today" | "tonight":
            ahead = 1
        case "tomorrow":
            ahead = 2
        case _:
            ahead = (_WEEK.index(day) - now.weekday() - 1) % 7 + 2
    return midnight + timedelta(days=ahead) + _HALF_A_DAY
