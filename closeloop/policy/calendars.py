"""When a desk is open: weekly hours on the wall clock of a zone, without holidays, made UTC spans.

The time-zone database and the ``holidays`` library are read here and nowhere else; workflows get
spans in UTC. Wall-clock hours mean what a clock on the wall shows: where it is put forward, what it
skips is not open; where it is put back, what it shows twice is open twice.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from closeloop.models.base import Input

Span = tuple[datetime, datetime]

DAY_MINUTES: Final = 24 * 60
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


def _parse_hours(value: object) -> tuple[int, int]:
    match = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{value!r} are not hours: write "09:00-17:30", at most until "24:00"')
    opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if not opens < closes <= DAY_MINUTES:
        raise ValueError(f"{value!r} must end after it begins, on the same day, by 24:00")
    return opens, closes


def parse_days(value: object) -> tuple[date, date]:
    """Return the first and last day of ``"2026-12-24"`` or ``"2026-12-24..2026-12-31"``.

    Raises:
        ValueError: not such a string.
    """
    first, dots, last = value.partition("..") if isinstance(value, str) else ("", "", "")
    try:
        days = date.fromisoformat(first), date.fromisoformat(last if dots else first)
    except ValueError:
        days = None
    if days is None or days[1] < days[0]:
        raise ValueError(f'{value!r} is not "2026-12-24" or "2026-12-24..2026-12-31"')
    return days


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a folder of the database is an OSError
        raise ValueError(
            f"{name!r} is not a known time zone: write a name of the IANA database, such as"
            ' "Europe/Berlin"'
        ) from None
    return name


def _known_country(code: str) -> str:
    public_holidays(code, 2000)
    return code


def _apart(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    for (_, closes), (opens, _) in pairwise(sorted(ranges)):
        if opens < closes:
            raise ValueError("two of these hours overlap: write them as one")
    return ranges


def _days_apart(ranges: tuple[tuple[date, date], ...]) -> tuple[tuple[date, date], ...]:
    for (_, last), (first, _) in pairwise(sorted(ranges)):
        if first <= last:
            raise ValueError(f"{first} is named twice: name every closed day once")
    return ranges


HoursOfDay = Annotated[tuple[int, int], BeforeValidator(_parse_hours)]
"""``"09:00-20:00"``, kept as minutes of the day."""
DayHours = Annotated[tuple[HoursOfDay, ...], AfterValidator(_apart)]
"""One day's ``"09:00-12:30"``, kept as minutes of the day."""
ClosedDays = Annotated[
    tuple[Annotated[tuple[date, date], BeforeValidator(parse_days)], ...],
    AfterValidator(_days_apart),
]
"""``"2026-12-24"`` or ``"2026-12-24..2026-12-31"``, kept as first and last day."""


class Week(Input):
    """Open hours by weekday; a day that is not named is closed."""

    mon: DayHours = ()
    tue: DayHours = ()
    wed: DayHours = ()
    thu: DayHours = ()
    fri: DayHours = ()
    sat: DayHours = ()
    sun: DayHours = ()

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if not any(self.on(day) for day in range(7)):
            raise ValueError("is never open: name the hours of at least one day")
        return self

    def on(self, weekday: int) -> DayHours:
        """Return the hours of a weekday, 0 for Monday."""
        hours: DayHours = getattr(self, _WEEK[weekday])
        return hours


class Calendar(Input):
    """A desk's open hours; ``holidays`` is a country, or one with its part: ``US``, ``US-CA``."""

    zone: Annotated[str, AfterValidator(_known_zone)]
    hours: Week
    holidays: Annotated[str, AfterValidator(_known_country)] | None = None
    closed: ClosedDays = Field(default=())

    def is_holiday(self, day: date) -> bool:
        """Whether the desk is closed the whole day, whatever its weekday."""
        if any(first <= day <= last for first, last in self.closed):
            return True
        return self.holidays is not None and day in public_holidays(self.holidays, day.year)

    def spans(self, begin: datetime, end: datetime) -> tuple[Span, ...]:
        """Return when the desk is open from ``begin`` to ``end``: in UTC, in order, and apart."""
        found: list[Span] = []
        for start, stop, offset in _steady(ZoneInfo(self.zone), begin, end):
            day = (start + offset).date()
            while day <= (stop + offset).date():
                midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - offset
                for opens, closes in () if self.is_holiday(day) else self.hours.on(day.weekday()):
                    first = max(start, midnight + timedelta(minutes=opens))
                    last = min(stop, midnight + timedelta(minutes=closes))
                    if first < last:
                        found.append((first, last))
                day += _DAY
        return tuple(_joined(sorted(found)))


def on_the_clock(at: datetime, zone: str) -> datetime:
    """Return a time as the wall clock of a zone shows it."""
    return at.astimezone(ZoneInfo(zone))


def in_words(at: datetime, zone: str) -> str:
    """Return a time as somebody in a zone reads it."""
    here = on_the_clock(at, zone)
    return f"{here:%A, %B} {here.day}, {here.year} at {here:%H:%M} ({zone})"


@lru_cache(maxsize=200)
def public_holidays(code: str, year: int) -> frozenset[date]:
    """Return the public holidays of ``US`` or ``US-CA`` in a year.

    Raises:
        ValueError: there is no such country, or no such part of it.
    """
    # Here, for it takes a quarter of a second to load, and most commands need no calendar.
    from holidays import country_holidays

    country, _, part = code.partition("-")
    try:
        return frozenset(country_holidays(country, subdiv=part or None, years=year))
    except NotImplementedError:
        raise ValueError(
            f'{code!r} is not a country whose holidays are known: write its ISO 3166 code, "US", or'
            ' that of a part of it, "US-CA"'
        ) from None


def _steady(
    zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Split a span where the zone's offset from UTC changes; at most one change a day is seen."""
    start, at = begin, begin
    while at < end:
        later = min(at + _DAY, end)
        if _offset(zone, later) != _offset(zone, at):
            change = _change(zone, at, later)
            yield start, change, _offset(zone, at)
            start = change
        at = later
    if start < end:
        yield start, end, _offset(zone, start)


def _change(zone: ZoneInfo, before: datetime, by: datetime) -> datetime:
    """Return the first second, of those from ``before`` to ``by``, with the new offset."""
    old = _offset(zone, before)
    before = before.replace(microsecond=0)
    low, high = 0, -((before - by) // _SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, before + middle * _SECOND) == old:
            low = middle
        else:
            high = middle
    return before + high * _SECOND


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _joined(spans: list[Span]) -> Iterator[Span]:
    """Join spans that touch, as at midnight."""
    current: Span | None = None
    for opens, closes in spans:
        if current is not None and opens <= current[1]:
            current = current[0], max(current[1], closes)
            continue
        if current is not None:
            yield current
        current = opens, closes
    if current is not None:
        yield current
