"""Calls that customers were promised: a desk's terms, slots, bookings, and what came of them."""

from typing import Literal

from closeloop.models.base import UtcTime, Wire

CallbackStatus = Literal["booked", "reached", "not_reached", "cancelled"]
"""``booked`` until somebody has called, or called it off."""


class CallbackTerms(Wire):
    """What a ticket records of the desk's terms; ``grace_seconds`` is not scaled.

    So long after its end a call may still be entered before it counts as never made.
    """

    tries: int
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
    """The call that a ticket waits for: the n-th try."""

    booking_id: str
    starts_at: UtcTime
    ends_at: UtcTime
    number: int = 1
