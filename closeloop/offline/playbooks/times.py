"""Reads out of a customer's words when they would like to be called."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from closeloop.models.callbacks import Slot
from closeloop.policy.calendars import on_the_clock

_WEEK: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY: Final = re.compile(rf"\b(today|tonight|tomorrow|{'|'.join(_WEEK)})\b", re.IGNORECASE)
_PARTS: Final = {
    "morning": (0, 12),
    "afternoon": (12, 17),
    "evening": (17, 24),
    "tonight": (17, 24),
}
_PART: Final = re.compile(rf"\b({'|'.join(_PARTS)})\b", re.IGNORECASE)
_CLOCK: Final = re.compile(
    r"\b(?P<how>after|from|before|until|by)?\s*(?:at|around|about)?\s*"
    r"(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?\s*(?P<half>[ap]\.?m\b|o'clock\b)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class WishedTime:
    """A day (0 for today) and hours of it, on the customer's clock; None means any."""

    day: int | None = None
    hours: tuple[float, float] | None = None

    @property
    def named(self) -> bool:
        """Whether the customer named anything."""
        return self.day is not None or self.hours is not None

    def best(self, slots: Iterable[Slot], now: datetime, zone: str) -> Slot | None:
        """Return the first time that is as wished, else the first on that day or later, or any."""
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
        return next(filter(fits, on), None) or next(iter(on), None) or next(iter(free), None)


def wished_time(words: str, now: datetime, zone: str) -> WishedTime:
    """Return the time that the words name; a weekday is the next one, never today."""
    day = _DAY.search(words)
    return WishedTime(
        day=_ahead(day[1].lower(), on_the_clock(now, zone)) if day else None,
        hours=_hours(words),
    )


def _ahead(day: str, here: datetime) -> int:
    match day:
        case "today" | "tonight":
            return 0
        case "tomorrow":
            return 1
        case _:
            return (_WEEK.index(day) - here.weekday() - 1) % 7 + 1


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
