"""A clock that goes minute by minute, and looks at the wall in each of them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
Week = Mapping[int, Sequence[tuple[int, int]]]


class NaiveDesk:
    """Open hours by weekday, in minutes of the day, on the wall clock of a zone."""

    def __init__(self, zone: str, week: Week, closed: frozenset[date]) -> None:
        self.zone = ZoneInfo(zone)
        self.week = week
        self.closed = closed

    def is_open(self, at: datetime) -> bool:
        """Whether the minute that begins now is one in which the desk works."""
        wall = at.astimezone(self.zone)
        minute = wall.hour * 60 + wall.minute
        hours = self.week.get(wall.weekday(), ())
        return wall.date() not in self.closed and any(a <= minute < b for a, b in hours)

    def minutes(self, start: datetime, end: datetime) -> int:
        """Count the open minutes of a span."""
        count, at = 0, start
        while at < end:
            count += self.is_open(at)
            at += MINUTE
        return count

    def after(self, start: datetime, minutes: int, until: datetime) -> datetime | None:
        """Return the end of the n-th open minute; None if it does not come in time."""
        at = start
        while at < until and minutes:
            minutes -= self.is_open(at)
            at += MINUTE
        return None if minutes else at
