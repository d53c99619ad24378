"""The authored service levels, ``sla.toml``: targets by priority, and the calendars they run on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Self

from pydantic import Field, ValidationError, model_validator

from closeloop.errors import ConfigurationError
from closeloop.models.base import Input
from closeloop.models.sla import OpenHours, ServiceLevels, Target
from closeloop.models.ticket import Id
from closeloop.models.triage import Priority
from closeloop.policy.calendars import Calendar
from closeloop.policy.tomlfile import Seconds, TomlTable, by_tenant, fault

FILE: Final = "sla.toml"

HORIZON: Final = timedelta(days=42)
"""How far ahead a ticket records the open hours: some 2 kB of it; one that lives on asks again."""


class TargetTimes(Input):
    """The open time that a ticket of one priority may take; without a calendar all time is open."""

    calendar: Id | None = None
    first_response: Seconds
    next_response: Seconds
    resolution: Seconds

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("first_response", "next_response"):
            if getattr(self, name) > self.resolution:
                raise ValueError(f"{name}: must not be longer than resolution")
        return self


class TargetTable(Input):
    """One target for each priority."""

    urgent: TargetTimes
    high: TargetTimes
    normal: TargetTimes
    low: TargetTimes

    def by_priority(self) -> dict[Priority, TargetTimes]:
        """Return the targets by the name of their priority."""
        return {"urgent": self.urgent, "high": self.high, "normal": self.normal, "low": self.low}


class Levels(Input):
    """The service levels of one tenant."""

    at_risk: Annotated[float, Field(strict=True, gt=0, lt=1)]
    calendar: dict[Id, Calendar] = Field(default_factory=dict)
    target: TargetTable

    @model_validator(mode="after")
    def _calendars_there(self) -> Self:
        for name, target in self.target.by_priority().items():
            if target.calendar is not None and target.calendar not in self.calendar:
                raise ValueError(
                    f"target.{name}.calendar: there is no [calendar.{target.calendar}]"
                )
        return self

    def recorded(self, start: datetime, time_scale: float) -> ServiceLevels:
        """Return what a ticket records when it opens; its clock began at ``start``."""
        targets = self.target.by_priority()
        named = {target.calendar for target in targets.values()} - {None}
        return ServiceLevels(
            at_risk=self.at_risk,
            targets={name: _scaled(target, time_scale) for name, target in targets.items()},
            hours={
                name: open_hours(calendar, start, start, time_scale)
                for name, calendar in self.calendar.items()
                if name in named
            },
        )


@dataclass(frozen=True, kw_only=True)
class ServiceLevelBook:
    """The service levels for everybody, and those of tenants that differ."""

    default: Levels
    tenants: Mapping[str, Levels]

    def of(self, tenant: str) -> Levels:
        """Return the tenant's service levels."""
        return self.tenants.get(tenant, self.default)


def parse_sla(document: TomlTable, source: str) -> ServiceLevelBook:
    """Return the levels of a parsed file; ``source`` names it in a ``ConfigurationError``."""
    base, overridden = by_tenant(document, source)
    return ServiceLevelBook(
        default=_levels(base, source),
        tenants={
            name: _levels(table, f"{source}: [tenant.{name}]") for name, table in overridden.items()
        },
    )


def open_hours(
    calendar: Calendar, start: datetime, since: datetime, time_scale: float
) -> OpenHours:
    """Return the hours from ``since`` on, of a ticket whose clock began at ``start``.

    A time scale presses the calendar together around ``start``, as it does every wait: what is an
    hour away from it then is ``time_scale`` hours away.
    """
    begin = start + (since - start) / time_scale
    end = begin + HORIZON

    def scaled(at: datetime) -> datetime:
        return start + (at - start) * time_scale

    spans = tuple((scaled(opens), scaled(closes)) for opens, closes in calendar.spans(begin, end))
    return OpenHours(spans=spans, until=scaled(end))


def _levels(table: TomlTable, where: str) -> Levels:
    try:
        return Levels.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {fault(error)}") from error


def _scaled(target: TargetTimes, time_scale: float) -> Target:
    return Target(
        first_response=target.first_response * time_scale,
        next_response=target.next_response * time_scale,
        resolution=target.resolution * time_scale,
        calendar=target.calendar,
    )
