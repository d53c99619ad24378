"""Calls to customers: booked, moved to another time, and called off."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import StringConstraints, field_validator

from closeloop.actions.base import ActionKind, Effect
from closeloop.actions.customers import CustomerId
from closeloop.models.records import OrderRecord
from closeloop.models.ticket import Assurance

StartsAt = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
"""A time in UTC, such as ``2026-12-01T15:00:00Z``: the beginning of a free slot."""
BookingId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class CallbackAction(ActionKind):
    """Base of the kinds that are about a call to the ticket's own customer."""

    assurance: ClassVar[Assurance] = Assurance.CHANNEL_VERIFIED

    customer_id: CustomerId

    @property
    def target_customer(self) -> str | None:
        """The customer who is called."""
        return self.customer_id


class TimedCallback(CallbackAction):
    """Base of those that name a time."""

    starts_at: StartsAt

    @field_validator("starts_at")
    @classmethod
    def _a_time(cls, value: str) -> str:
        datetime.fromisoformat(value)  # its own ValueError says what is wrong
        return value

    @property
    def time(self) -> datetime:
        """When the call begins."""
        return datetime.fromisoformat(self.starts_at).astimezone(UTC)


class ScheduleCallback(TimedCallback):
    """Book a call; the calendar then shows it."""

    kind: ClassVar[str] = "schedule_callback"
    remedy_words: ClassVar[tuple[str, ...]] = ("call", "ring", "phone", "telephone")

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the call by customer and time: nobody is called twice at once."""
        return Effect(effect_id=f"callback:{self.customer_id}:{self.starts_at}")

    def describe(self) -> str:
        """Say when the call would be."""
        return f"Book a call to the customer at {self.starts_at}"


class RescheduleCallback(TimedCallback):
    """Move a booked call to another time."""

    kind: ClassVar[str] = "reschedule_callback"
    remedy_words: ClassVar[tuple[str, ...]] = (
        *ScheduleCallback.remedy_words,
        "move",
        "reschedul",
        "postpone",
        "another time",
    )

    booking_id: BookingId

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the move by booking and time."""
        return Effect(effect_id=f"callback-move:{self.booking_id}:{self.starts_at}")

    def describe(self) -> str:
        """Say to when the call would move."""
        return f"Move the booked call to the customer to {self.starts_at}"


class CancelCallback(CallbackAction):
    """Call a booked call off."""

    kind: ClassVar[str] = "cancel_callback"
    remedy_words: ClassVar[tuple[str, ...]] = ("cancel", "call off", "called off")

    booking_id: BookingId

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the cancellation by booking."""
        return Effect(effect_id=f"callback-cancel:{self.booking_id}")

    def describe(self) -> str:
        """Say that nobody would call."""
        return "Call off the booked call to the customer"
