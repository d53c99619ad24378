"""``starter.py calls``: the calls that customers were promised, and what came of them."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from closeloop.cli import pages
from closeloop.cli.commands import Approver, AsJson, Tenant, run_on_desk
from closeloop.errors import BackendRefused, NotFound, Refused
from closeloop.models.approval import BackendEvent
from closeloop.models.callbacks import CallbackRecord
from closeloop.names import DEFAULT_TENANT, checked_part
from closeloop.settings import load_settings

app = typer.Typer(help="Calls to customers.", rich_markup_mode=None)


class Outcome(StrEnum):
    """What can come of a call."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"


@app.command("list")
def list_calls(tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """Show the calls that nobody has made yet, and those that end after now."""
    checked_part(tenant, "tenant")
    from closeloop import bootstrap  # here, for it brings in everything that a worker is made of

    now = datetime.now(UTC)
    with bootstrap.open_calendar(load_settings()) as backends:
        found = [
            call
            for call in backends.calendar.every(tenant)
            if call.status == "booked" or call.ends_at > now
        ]
    found.sort(key=lambda call: call.starts_at)
    pages.emit(found, None if as_json else calls_page(found))


@app.command()
def enter(
    booking: Annotated[str, typer.Argument(help="The call, as `calls list` names it.")],
    outcome: Annotated[Outcome, typer.Option("--outcome", help="Whether the customer was there.")],
    approver: Approver,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Enter what came of a call that you made; its ticket reads that at once.

    Who was reached before the time agreed on was reached; nobody was missed before it.
    """
    settings = load_settings()
    from closeloop import bootstrap  # as in `list_calls`

    now = datetime.now(UTC)
    bootstrap.require_person(settings, approver, tenant, now.date())
    with bootstrap.open_calendar(settings) as backends:
        try:
            call = backends.calendar.get(tenant, booking)
            if call is not None and outcome is Outcome.NOT_REACHED:
                _require_begun(call, now)
            call = backends.calendar.enter(tenant, booking, outcome.value, approver)
        except BackendRefused as refusal:
            if refusal.code == "no_booking":
                raise NotFound(str(refusal), field="booking") from refusal
            raise Refused(str(refusal), code=refusal.code) from refusal
    event = BackendEvent(event_id=f"{booking}-{outcome.value}", kind="callback.entered")
    run_on_desk(tenant, lambda desk: desk.backend_event(call.ticket_id, event))
    pages.emit(call, None if as_json else calls_page([call]))


def _require_begun(call: CallbackRecord, now: datetime) -> None:
    if now < call.starts_at:
        raise Refused(
            f"the call {call.booking_id} is for {call.said}: enter it after that",
            code="too_early",
        )


def calls_page(calls: list[CallbackRecord]) -> pages.Page:
    """Show calls, with when they are for the customer."""
    rows = [
        (
            call.booking_id,
            call.said,
            f"{call.starts_at:%Y-%m-%d %H:%M}",
            call.ticket_id,
            call.customer_id,
            call.status,
        )
        for call in calls
    ]
    columns = ("call", "for the customer", "UTC", "ticket", "customer", "status")
    return pages.Page(f"Calls: {len(calls)}", grids=[pages.Grid(columns, rows)] if rows else ())
