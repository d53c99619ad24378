"""Reads out of a customer's words when they would like to be called."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from closeloop.models.callbacks import Slot
from closeloop.policy.calendars import on_the_clock

_WEEK: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY: Final = re.compile(
    rf"\b(?P<word>today|tonight|day after tomorrow|tomorrow|{'|'.join(_WEEK)})\b"
    rf"|\b(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})(?!\w)"
    rf"|\b(?P<month_first>{_MONTH}) (?P<day_after>[0-3]?\d)(?:st|nd|rd|th)?\b",
    re.IGNORECASE,
)
_UNCLEAR: Final = re.compile(
    r"\b(?:in (?:a|an|one|two|three|four|\w+ or \w+|\d+) (?:hour|day|week|month)s?"
    r"|next (?:week|month)"
    r"|(?:this|the|next|on) weekend|week after|fortnight|christmas|easter|new year"
    r"|the \d+(?:st|nd|rd|th)|\d+[./]\d+|not (?:on|at|before|after|between|today|tomorrow)"
    r"|except|unless)\b",
    re.IGNORECASE,
)
"""A time is meant that is not understood here."""
_PARTS: Final = {
    "morning": (0, 12),
    "afternoon": (12, 17),
    "evening": (17, 24),
    "tonight": (17, 24),
}
_PART: Final = re.compile(rf"\b({'|'.join(_PARTS)})\b", re.IGNORECASE)
_TONIGHT: Final = re.compile(r"\btonight\b", re.IGNORECASE)
_CLOCK: Final = re.compile(
    r"\b(?P<how>after|from|before|until|by)?\s*(?:at|around|about)?\s*"
    r"(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?\s*(?P<half>[ap]\.?m\b|o'clock\b)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class WishedTime:
    """A day (0 for today) and hours of it, on the customer's clock; None means any.

    ``unclear``: a time is named that is not understood, or more than one day.
    """

    day: int | None = None
    hours: tuple[float, float] | None = None
    unclear: bool = False

    @property
    def named(self) -> bool:
        """Whether the customer named anything."""
        return self.day is not None or self.hours is not None

    def best(self, slots: Iterable[Slot], now: datetime, zone: str) -> Slot | None:
        """Return the first time that is as wished, else the first on that day or later."""
        free = list(slots)
        today = on_the_clock(now, zone).date()

        def later(slot: Slot) -> bool:
            ahead = (on_the_clock(slot.starts_at, zone).date() - today).days
            return self.day is None or ahead >= self.day

        def fits(slot: Slot) -> bool:
            here = on_the_clock(slot.starts_at, zone)
            hour = here.hour + here.minute / 60
            return self.hours is None or self.hours[0] <= hour < self.hours[1]

        on = [slot for slot in free if later(slot)]
        return next(filter(fits, on), None) or next(iter(on), None)


def wished_time(words: str, now: datetime, zone: str) -> WishedTime:
    """Return the time that the words name; a weekday is the next one, never today."""
    here = on_the_clock(now, zone)
    days = {_ahead(match, here) for match in _DAY.finditer(words)}
    unclear = len(days) > 1 or None in days
    rest = _DAY.sub(" ", words)
    return WishedTime(
        day=None if unclear else next(iter(days), None),
        hours=_hours(rest + " tonight" if _TONIGHT.search(words) else rest),
        unclear=unclear or _UNCLEAR.search(rest) is not None,
    )


def _ahead(match: re.Match[str], here: datetime) -> int | None:
    """Return how many days ahead a day is; None for a date that there is not."""
    if match["word"] is None:
        month = (match["month"] or match["month_first"])[:3].lower()
        return _days_to(_MONTHS.index(month) + 1, int(match["day"] or match["day_after"]), here)
    match match["word"].lower():
        case "today" | "tonight":
            return 0
        case "tomorrow":
            return 1
        case "day after tomorrow":
            return 2
        case day:
            return (_WEEK.index(day) - here.weekday() - 1) % 7 + 1


def _days_to(month: int, day: int, here: datetime) -> int | None:
    for year in (here.year, here.year + 1):
        try:
            ahead = (date(year, month, day) - here.date()).days
        except ValueError:
            return None
        if ahead >= 0:
            return ahead
    return None


def _hours(words: str) -> tuple[float, float] | None:
    part = _PART.search(words)
    for match in _CLOCK.finditer(words):
        half = (match["half"] or "").lower()
        if not half and match["minute"] is None and match["how"] is None:
            continue  # a bare number is no time
        hour = int(match["hour"]) + int(match["minute"] or 0) / 60
        evening = part is not None and part[1].lower() != "morning"
        if hour < 12 and (half.startswith("p") or (not half.startswith("a") and evening)):
            hour += 12
        how = (match["how"] or "").lower()
        if how in ("before", "until", "by"):
            return 0, hour
        return hour, 24
    return _PARTS[part[1].lower()] if part else None
