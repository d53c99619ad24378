"""The desk's terms, ``desk.toml``: waits, rounds, targets, mode caps and hard daily limits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self, cast

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from closeloop.errors import ConfigurationError
from closeloop.models.base import Input
from closeloop.models.state import Terms
from closeloop.models.ticket import Id, Mode
from closeloop.policy.tomlfile import MinorUnits, Seconds, TomlTable, fault, read_toml

FILE: Final = "desk.toml"

CUSTOMER_DAY: Final = "daily_limit.customer"
TENANT_DAY: Final = "daily_limit.tenant"
"""What the ledger calls the desk's own limits."""

_TENANT_NAME: Final = TypeAdapter[str](Id)


class Waits(Input):
    """How long the desk waits for people, in seconds."""

    reminder: Seconds
    approval_expiry: Seconds
    quiet_window: Seconds
    reopen_window: Seconds
    answer_window: Seconds
    escalation_reminder: Seconds
    settlement_check: Seconds
    settlement_limit: Seconds

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.reminder >= self.approval_expiry:
            raise ValueError("reminder: must come before approval_expiry")
        if self.quiet_window > self.reopen_window:
            raise ValueError("quiet_window: must not be longer than reopen_window")
        return self


class ResolutionTarget(Input):
    """How soon a ticket should be resolved, by its priority, in seconds."""

    urgent: Seconds
    high: Seconds
    normal: Seconds
    low: Seconds


class DailyLimit(Input):
    """What may leave in one UTC day whoever approves it, in minor units."""

    customer: MinorUnits
    tenant: MinorUnits

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.customer > self.tenant:
            raise ValueError("customer: must not be above tenant")
        return self


class DeskTerms(Input):
    """The terms of one tenant."""

    max_rounds: Annotated[int, Field(strict=True, ge=1, le=20)]
    mode_cap: Mode
    waits: Waits
    resolution_target: ResolutionTarget
    daily_limit: DailyLimit

    def scaled(self, time_scale: float) -> Terms:
        """Return the terms a ticket records when it opens, every time multiplied."""
        waits, targets = self.waits, self.resolution_target
        return Terms(
            reminder_seconds=waits.reminder * time_scale,
            approval_expiry_seconds=waits.approval_expiry * time_scale,
            quiet_window_seconds=waits.quiet_window * time_scale,
            reopen_window_seconds=waits.reopen_window * time_scale,
            answer_window_seconds=waits.answer_window * time_scale,
            escalation_reminder_seconds=waits.escalation_reminder * time_scale,
            settlement_check_seconds=waits.settlement_check * time_scale,
            settlement_limit_seconds=waits.settlement_limit * time_scale,
            resolution_target_seconds={
                "urgent": targets.urgent * time_scale,
                "high": targets.high * time_scale,
                "normal": targets.normal * time_scale,
                "low": targets.low * time_scale,
            },
            max_rounds=self.max_rounds,
            time_scale=time_scale,
            mode_cap=self.mode_cap,
        )


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The terms for everybody, and those of tenants that differ."""

    default: DeskTerms
    tenants: dict[str, DeskTerms]

    def of(self, tenant: str) -> DeskTerms:
        """Return the tenant's terms."""
        return self.tenants.get(tenant, self.default)


def load_desk(path: Path) -> Desk:
    """Return the terms of the file.

    Raises:
        ConfigurationError: names the file, the tenant and the key.
    """
    return parse_desk(read_toml(path), str(path))


def parse_desk(document: TomlTable, source: str) -> Desk:
    """Return the terms of a parsed file; ``source`` names it in errors (``ConfigurationError``)."""
    base = {key: value for key, value in document.items() if key != "tenant"}
    overrides = document.get("tenant", {})
    if not isinstance(overrides, dict):
        raise ConfigurationError(f"{source}: tenant: write one table a tenant, [tenant.NAME]")
    default = _terms(base, source)
    tenants: dict[str, DeskTerms] = {}
    for name, override in cast(TomlTable, overrides).items():
        where = f"{source}: [tenant.{name}]"
        try:
            _TENANT_NAME.validate_python(name)
        except ValidationError as error:
            raise ConfigurationError(f"{where}: is not the name of a tenant") from error
        if not isinstance(override, dict):
            raise ConfigurationError(f"{where}: must be a table")
        tenants[name] = _terms(_merged(base, cast(TomlTable, override)), where)
    return Desk(default=default, tenants=tenants)


def _terms(table: TomlTable, where: str) -> DeskTerms:
    try:
        return DeskTerms.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {fault(error)}") from error


def _merged(base: TomlTable, override: TomlTable) -> TomlTable:
    merged: TomlTable = dict(base)
    for key, value in override.items():
        before: Any = base.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = {**cast(TomlTable, before), **cast(TomlTable, value)}
        else:
            merged[key] = value
    return merged
