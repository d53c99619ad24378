"""When a customer can be called: in the desk's open hours, outside of their quiet hours, and free.

The terms stand in ``desk.toml``, the hours in ``sla.toml``. Times are real ones: no time scale
touches what a customer is told.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from closeloop.models.base import Input
from closeloop.models.callbacks import CallbackRecord, CallbackTerms, Slot
from closeloop.models.ticket import Id
from closeloop.policy.calendars import Calendar, HoursOfDay, in_words, on_the_clock
from closeloop.policy.tomlfile import Seconds

MIN_SLOT: Final = 5 * 60
MAX_SLOT: Final = 4 * 3600
NAMED: Final = 3
"""How many free times are named where another one was asked for."""


class Callbacks(Input):
    """How a desk calls its customers back.

    ``between`` are the hours on the customer's own clock; the others are their quiet hours.
    """

    calendar: Id
    slot: Seconds = 30 * 60
    at_once: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    notice: Seconds = 3600
    ahead: Seconds = 14 * 86400
    between: HoursOfDay = (9 * 60, 20 * 60)
    tries: Annotated[int, Field(strict=True, ge=1, le=5)] = 2
    grace: Seconds = 15 * 60

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not MIN_SLOT <= self.slot <= MAX_SLOT:
            raise ValueError("slot: must be from 5m to 4h")
        if self.slot > (self.between[1] - self.between[0]) * 60:
            raise ValueError("between: must leave room for one slot")
        if self.notice >= self.ahead:
            raise ValueError("notice: must be shorter than ahead")
        if self.ahead > 28 * 86400:
            raise ValueError("ahead: must be at most 28d")
        return self

    def recorded(self) -> CallbackTerms:
        """Return what a ticket records."""
        return CallbackTerms(tries=self.tries, slot_seconds=self.slot, grace_seconds=self.grace)


class CallHours:
    """The times at which one tenant can call."""

    def __init__(self, terms: Callbacks, calendar: Calendar) -> None:
        """Keep the terms and the open hours."""
        self._terms = terms
        self._calendar = calendar

    @property
    def zone(self) -> str:
        """The desk's own zone, which is taken where a customer's is not known."""
        return self._calendar.zone

    def horizon(self, now: datetime) -> datetime:
        """Return until when calls are booked."""
        return now + timedelta(seconds=self._terms.ahead)

    def slots(self, now: datetime, zone: str, booked: Sequence[CallbackRecord]) -> Iterator[Slot]:
        """Yield the free times from ``now`` on, the earliest first.

        ``booked`` are the calls in the calendar; ``zone`` is the customer's.
        """
        length = timedelta(seconds=self._terms.slot)
        first = now + timedelta(seconds=self._terms.notice)
        taken = Counter(
            start
            for call in booked
            if call.status == "booked"
            for start in _starts(call.starts_at, call.ends_at, length)
        )
        for opens, closes in self._calendar.spans(first, self.horizon(now)):
            start = _next(opens, length)
            while start + length <= closes:
                if taken[start] < self._terms.at_once and self._awake(start, length, zone):
                    yield Slot(starts_at=start, ends_at=start + length)
                start += length

    def problem(
        self,
        starts_at: datetime,
        now: datetime,
        zone: str,
        booked: Sequence[CallbackRecord],
    ) -> str:
        """Return why nobody can call at a time, and when somebody can; "" where it is free."""
        free = list(self.slots(now, zone, booked))
        if any(slot.starts_at == starts_at for slot in free):
            return ""
        named = ", ".join(f"{slot.starts_at:%Y-%m-%dT%H:%M:%SZ}" for slot in free[:NAMED])
        return f"{in_words(starts_at, zone)} is not free; the next are {named or 'none'}"

    def slot_at(self, starts_at: datetime) -> Slot:
        """Return the time that begins then."""
        return Slot(starts_at=starts_at, ends_at=starts_at + timedelta(seconds=self._terms.slot))

    def _awake(self, start: datetime, length: timedelta, zone: str) -> bool:
        opens, closes = self._terms.between
        here = on_the_clock(start, zone)
        minute = here.hour * 60 + here.minute
        return opens <= minute and minute + length.total_seconds() / 60 <= closes


_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _next(at: datetime, length: timedelta) -> datetime:
    """Return the first moment from ``at`` on at which a slot may begin: they share one grid."""
    return _EPOCH - ((_EPOCH - at) // length) * length


def _starts(begin: datetime, end: datetime, length: timedelta) -> Iterator[datetime]:
    """Yield the beginnings of the slots that a call takes."""
    start = _EPOCH + ((begin - _EPOCH) // length) * length
    while start < end:
        yield start
        start += length
