"""Service levels: what a desk promises, when it is open, and the clocks of one ticket."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from closeloop.models.base import UtcTime, Wire
from closeloop.models.triage import Priority


class Goal(StrEnum):
    """What a service level sets a time for."""

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"


Lateness = Literal["at_risk", "breached"]
"""What a clock comes to when nobody stops it."""


class OpenHours(Wire):
    """When a desk is open: UTC spans in order and apart; nothing is known from ``until`` on."""

    spans: tuple[tuple[UtcTime, UtcTime], ...]
    until: UtcTime


class Target(Wire):
    """The open time, in seconds, that each goal may take; without a calendar every hour counts."""

    first_response: float
    next_response: float
    resolution: float
    calendar: str | None = None


class ServiceLevels(Wire):
    """A tenant's targets by priority, with the hours of the calendars that they name.

    A target is at risk once the share ``at_risk`` of its time has passed.
    """

    at_risk: float
    targets: dict[Priority, Target]
    hours: dict[str, OpenHours] = Field(default_factory=dict)


class Stopwatch(Wire):
    """One goal's clock: open seconds in all and spent; it stands still while ``since`` is None.

    ``at_risk_at`` and ``due_at`` are None where the hours are not known so far ahead.
    """

    began: UtcTime
    seconds: float
    spent: float = 0
    since: UtcTime | None = None
    at_risk_at: UtcTime | None = None
    due_at: UtcTime | None = None
    said: tuple[Lateness, ...] = ()


class Alarm(Wire):
    """A goal that became late, and of which people were not told yet."""

    goal: Goal
    lateness: Lateness
    due_at: UtcTime | None


class SlaWatch(Wire):
    """The clocks of one ticket; its first priority set the target, whatever it is raised to."""

    target: Target | None = None
    clocks: dict[Goal, Stopwatch] = Field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    alert_count: int = 0
    raised_to: Priority | None = None


class Sla(Wire):
    """What is due when, and what came late; ``due_at`` is the resolution's."""

    due_at: UtcTime | None = None
    breached: bool = False
    first_response_at: UtcTime | None = None
    resolved_at: UtcTime | None = None
    first_response_due_at: UtcTime | None = None
    next_response_due_at: UtcTime | None = None
    at_risk: tuple[Goal, ...] = ()
    missed: tuple[Goal, ...] = ()
