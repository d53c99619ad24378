"""``starter.py autonomy``, ``report`` and ``policy``: what Closeloop may do alone, and might."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from closeloop import report as reports
from closeloop.cli import pages
from closeloop.cli.commands import Approver, AsJson, Since, Tenant
from closeloop.cli.inputs import parse_since
from closeloop.cli.reports import (
    decisions_page,
    promotion_page,
    replay_page,
    stop_page,
    worst_case_page,
)
from closeloop.errors import BadInput, ConfigurationError
from closeloop.models.base import clip
from closeloop.models.stop import StopState
from closeloop.names import DEFAULT_TENANT, checked_part
from closeloop.policy.rules import load_rules
from closeloop.policy.timemachine import replayed
from closeloop.settings import load_settings

_MAX_REASON = 200

autonomy = typer.Typer(help="Stop what nobody approves, or let it go on.", rich_markup_mode=None)
report = typer.Typer(help="What could be done alone, and at what risk.", rich_markup_mode=None)
policy = typer.Typer(help="Rules, tried on what has been.", rich_markup_mode=None)


@autonomy.command()
def stop(
    approver: Approver,
    reason: Annotated[str, typer.Option("--reason", help="For the record, and for your people.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Stop the tenant's autonomous writes at once; anybody on its roster may."""
    if not reason.strip():
        raise BadInput("--reason must not be empty", field="reason")
    settings = load_settings()
    from closeloop import bootstrap  # here, for it brings in everything that a worker is made of

    bootstrap.require_person(settings, approver, tenant, _now().date())
    words = clip(reason.strip(), _MAX_REASON)
    made = bootstrap.open_stops(settings).stop(tenant, approver, words, _now())
    _emit(StopState(tenant=tenant, stop=made), as_json)


@autonomy.command()
def resume(approver: Approver, tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """Let autonomous writes begin again; a lead or a manager may."""
    settings = load_settings()
    from closeloop import bootstrap  # as in `stop`

    bootstrap.require_person(settings, approver, tenant, _now().date(), resuming=True)
    bootstrap.open_stops(settings).resume(tenant, approver, _now())
    _emit(StopState(tenant=tenant), as_json)


@autonomy.command()
def show(tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """Say whether the tenant's autonomous writes are stopped, by whom and why."""
    checked_part(tenant, "tenant")
    settings = load_settings()
    from closeloop import bootstrap  # as in `stop`

    _emit(StopState(tenant=tenant, stop=bootstrap.open_stops(settings).stopped(tenant)), as_json)


@report.command()
def promotion(
    since: Since = None, tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False
) -> None:
    """Say, by intent and action, how people decided what might have been done alone."""
    begin = _begin(since, tenant)
    settings = load_settings()
    from closeloop import bootstrap  # as in `stop`

    found = reports.promotion(bootstrap.open_records(settings), tenant, begin)
    pages.emit(found, None if as_json else promotion_page(found))


@report.command("worst-case")
def worst_case(tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """Say what a fully hostile model could cost at most today, from the limits that remain."""
    checked_part(tenant, "tenant")
    settings = load_settings()
    from closeloop import bootstrap  # as in `stop`

    found = bootstrap.read_worst_case(settings, tenant, _now())
    pages.emit(found, None if as_json else worst_case_page(found))


@report.command()
def decisions(
    since: Since = None, tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False
) -> None:
    """List what people decided, beside what was proposed: material to learn from."""
    begin = _begin(since, tenant)
    settings = load_settings()
    from closeloop import bootstrap  # as in `stop`

    found = bootstrap.open_records(settings).decisions(tenant, begin)
    pages.emit(found, None if as_json else decisions_page(found))


@policy.command()
def replay(
    rules: Annotated[Path, typer.Option("--rules", help="An edited rules.toml.")],
    since: Since = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Judge recorded facts again under edited rules, and say what would have ended otherwise."""
    begin = _begin(since, tenant)
    try:
        edited = load_rules(rules)
    except ConfigurationError as error:
        raise BadInput(str(error), field="rules") from error
    settings = load_settings()
    from closeloop import bootstrap  # as in `stop`

    recorded = bootstrap.open_records(settings).judgements(tenant, begin)
    found = replayed(recorded, edited, tenant=tenant, since=begin, source=str(rules))
    pages.emit(found, None if as_json else replay_page(found))


def _begin(since: str | None, tenant: str) -> datetime | None:
    checked_part(tenant, "tenant")
    return None if since is None else parse_since(since, now=_now())


def _emit(state: StopState, as_json: bool) -> None:
    pages.emit(state, None if as_json else stop_page(state))


def _now() -> datetime:
    return datetime.now(UTC)
