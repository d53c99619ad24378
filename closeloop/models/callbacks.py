"""Calls that customers were promised: a desk's terms, slots, bookings, and what came of them."""

from typing import Literal

from closeloop.models.base import UtcTime, Wire

CallbackStatus = Literal["booked", "reached", "not_reached", "cancelled"]
"""``booked`` until somebody has called, or called it off."""


class CallbackTerms(Wire):
    """What a ticket records of the desk's terms; no time scale was applied to it.

    A call takes ``slot_seconds``; what came of it is entered within ``grace_seconds``, or it counts
    as never made.
    """

    tries: int
    slot_seconds: float
    grace_seconds: float


class Slot(Wire):
    """A time at which somebody of the desk can call."""

    starts_at: UtcTime
    ends_at: UtcTime


class CallbackRecord(Wire):
    """A call in the calendar; ``said`` is when it is, on the clock of the customer's ``zone``."""

    booking_id: str
    key: str
    ticket_id: str
    customer_id: str
    starts_at: UtcTime
    ends_at: UtcTime
    zone: str
    said: str
    status: CallbackStatus
    entered_by: str | None = None


class BookedCall(Wire):
    """The call that a ticket waits for: the n-th try.

    ``over_at`` is when it ends on the ticket's own clock, which a time scale may press together.
    """

    booking_id: str
    starts_at: UtcTime
    ends_at: UtcTime
    over_at: UtcTime
    number: int = 1
