"""The desk's terms, ``desk.toml``: waits, rounds, mode caps and hard daily limits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, ValidationError, model_validator

from closeloop.errors import ConfigurationError
from closeloop.models.approval import Rung
from closeloop.models.base import Input
from closeloop.models.identity import CodeTerms
from closeloop.models.state import Terms
from closeloop.models.ticket import Id, Mode
from closeloop.policy.callbacks import Callbacks
from closeloop.policy.tomlfile import MinorUnits, Seconds, TomlTable, by_tenant, fault, read_toml

FILE: Final = "desk.toml"

CUSTOMER_DAY: Final = "daily_limit.customer"
TENANT_DAY: Final = "daily_limit.tenant"
"""What the ledger calls the desk's own limits."""

MICROS_OF_A_CENT: Final = 10_000


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


class DailyLimit(Input):
    """What may leave in one UTC day whoever approves it, in minor units."""

    customer: MinorUnits
    tenant: MinorUnits

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.customer > self.tenant:
            raise ValueError("customer: must not be above tenant")
        return self


class Identity(Input):
    """How a customer whom the channel does not vouch for shows who they are: by a code."""

    code_expiry: Seconds
    attempts: Annotated[int, Field(strict=True, ge=1, le=10)]
    codes: Annotated[int, Field(strict=True, ge=1, le=20)]
    lock_out: Seconds

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.lock_out < self.code_expiry:
            raise ValueError("lock_out: must not be shorter than code_expiry")
        return self

    def scaled(self, time_scale: float) -> CodeTerms:
        """Return what a ticket records, every time multiplied."""
        return CodeTerms(
            expiry_seconds=self.code_expiry * time_scale,
            lock_out_seconds=self.lock_out * time_scale,
            attempts=self.attempts,
            codes=self.codes,
        )


class Approvals(Input):
    """How people decide; the ladder's times are open time of ``calendar``, which is the SLA's."""

    four_eyes_above: MinorUnits | None = None
    claim: Seconds = 15 * 60
    calendar: Id | None = None
    lead_after: Seconds | None = None
    manager_after: Seconds | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        lead, manager = self.lead_after, self.manager_after
        if lead is not None and manager is not None and lead >= manager:
            raise ValueError("lead_after: must come before manager_after")
        return self

    def rungs(self) -> tuple[tuple[Rung, float], ...]:
        """Return the rungs that a request goes up to, each with its seconds of open time."""
        steps: tuple[tuple[Rung, float | None], ...] = (
            ("lead", self.lead_after),
            ("manager", self.manager_after),
        )
        return tuple((rung, seconds) for rung, seconds in steps if seconds is not None)


class DeskTerms(Input):
    """The terms of one tenant.

    Without ``identity`` nobody is sent a code, without ``callbacks`` nobody is called. Promises are
    at risk once the share ``promise_at_risk`` of their time has passed.
    """

    max_rounds: Annotated[int, Field(strict=True, ge=1, le=20)]
    mode_cap: Mode
    modes: dict[Id, Mode] = Field(default_factory=dict)
    waits: Waits
    daily_limit: DailyLimit
    approval: Approvals = Approvals()
    model_budget: MinorUnits | None = None
    ask_consent: Annotated[bool, Field(strict=True)] = False
    identity: Identity | None = None
    promise_at_risk: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.75
    callbacks: Callbacks | None = None

    def scaled(self, time_scale: float) -> Terms:
        """Return the terms a ticket records when it opens, every time multiplied."""
        waits = self.waits
        return Terms(
            reminder_seconds=waits.reminder * time_scale,
            approval_expiry_seconds=waits.approval_expiry * time_scale,
            quiet_window_seconds=waits.quiet_window * time_scale,
            reopen_window_seconds=waits.reopen_window * time_scale,
            answer_window_seconds=waits.answer_window * time_scale,
            escalation_reminder_seconds=waits.escalation_reminder * time_scale,
            settlement_check_seconds=waits.settlement_check * time_scale,
            settlement_limit_seconds=waits.settlement_limit * time_scale,
            max_rounds=self.max_rounds,
            model_budget_micros=None
            if self.model_budget is None
            else self.model_budget * MICROS_OF_A_CENT,
            time_scale=time_scale,
            mode_cap=self.mode_cap,
            modes=self.modes,
            checks_replies=True,
            codes=None if self.identity is None else self.identity.scaled(time_scale),
            asks_consent=self.ask_consent,
            promise_at_risk=self.promise_at_risk,
            callbacks=None if self.callbacks is None else self.callbacks.recorded(),
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
    base, overridden = by_tenant(document, source)
    return Desk(
        default=_terms(base, source),
        tenants={
            name: _terms(table, f"{source}: [tenant.{name}]") for name, table in overridden.items()
        },
    )


def _terms(table: TomlTable, where: str) -> DeskTerms:
    try:
        return DeskTerms.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {fault(error)}") from error
