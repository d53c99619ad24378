"""The commands of ``starter.py``: options in, one call on the desk, one page out."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

import typer

from closeloop.cli import pages, views
from closeloop.cli.doctor import examine
from closeloop.cli.inputs import parse_since, read_content, read_model
from closeloop.cli.metrics import metrics_page
from closeloop.cli.taxonomy import taxonomy
from closeloop.client import SupportDesk
from closeloop.errors import BadInput, Refused
from closeloop.intake import parse_input
from closeloop.models.approval import (
    CustomerMessage,
    Edit,
    OperationName,
    RecordedResolution,
    RejectCode,
)
from closeloop.models.hints import IgnoredEvent
from closeloop.models.ticket import Assurance, Mode, Status, TicketRequest
from closeloop.names import DEFAULT_TENANT, checked_part, workflow_id
from closeloop.settings import load_settings

Answer = TypeVar("Answer")

TicketId = Annotated[str, typer.Argument(metavar="TICKET", help="The ticket's id.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose tickets.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Since = Annotated[
    str | None, typer.Option("--since", help="7d, 24h, 2027-01-31, or an RFC 3339 time.")
]
Approver = Annotated[str, typer.Option("--as", metavar="APPROVER", help="Who you are.")]

app = typer.Typer(
    help="Open, follow and decide customer-support tickets.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

shop = typer.Typer(help="The embedded shop.", rich_markup_mode=None)
app.add_typer(shop, name="shop")
app.add_typer(taxonomy, name="taxonomy")


@app.command("open")
def open_(
    file: Annotated[Path | None, typer.Option("--file", help="A ticket file (JSON).")] = None,
    subject: Annotated[str | None, typer.Option("--subject")] = None,
    body: Annotated[str | None, typer.Option("--body")] = None,
    email: Annotated[str | None, typer.Option("--email", help="Of the customer.")] = None,
    order: Annotated[
        list[str] | None, typer.Option("--order", metavar="ID", help="An order id; again for more.")
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Whose ticket.")] = None,
    ticket_id: Annotated[str | None, typer.Option("--id", help="Random if not given.")] = None,
    assurance: Annotated[
        Assurance | None, typer.Option("--assurance", help="How sure it is who writes.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until the ticket needs somebody.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open a ticket; the same id with the same content is the same ticket."""
    given = {"subject": subject, "body": body, "email": email, "order": order or None}
    named = [f"--{name}" for name, value in given.items() if value is not None]
    changes = {"ticket_id": ticket_id, "assurance": assurance}
    chosen = {name: value for name, value in changes.items() if value is not None}
    if file is not None:
        if named:
            raise BadInput(
                f"--file holds the whole ticket: leave out {', '.join(named)}", field="file"
            )
        request = read_model(file, TicketRequest, option="file")
        if chosen:
            request = parse_input(TicketRequest, request.model_dump(exclude_unset=True) | chosen)
    else:
        missing = [f"--{name}" for name in ("subject", "body", "email") if given[name] is None]
        if missing:
            raise BadInput(f"give --file, or {', '.join(missing)} as well", field=missing[0][2:])
        asked = {
            "customer": {"email": email},
            "subject": subject,
            "body": body,
            "order_ids": order or (),
        }
        request = parse_input(TicketRequest, asked | chosen)
    _open(request, tenant, wait=wait, as_json=as_json)


def _open(request: TicketRequest, tenant: str | None, *, wait: bool, as_json: bool) -> None:
    own = request.tenant if "tenant" in request.model_fields_set else None
    if tenant is not None and own is not None and own != tenant:
        raise Refused(f"the ticket file names tenant {own!r}, not {tenant!r}", code="wrong_tenant")

    async def work(desk: SupportDesk) -> None:
        opened = await desk.open_ticket(request)
        if not wait:
            pages.emit(opened, None if as_json else views.opened_page(opened))
            return
        sys.stderr.write(f"waiting for ticket {opened.ticket_id}\n")
        view = await desk.wait(opened.ticket_id)
        stopped = opened.model_copy(update={"status": view.status})
        pages.emit(stopped, None if as_json else views.ticket_page(view, _now()))

    run_on_desk(tenant or own or DEFAULT_TENANT, work)


@app.command()
def message(
    ticket: TicketId,
    text: Annotated[str, typer.Option("--text", help="What the customer wrote.")],
    message_id: Annotated[
        str | None, typer.Option("--message-id", help="Makes a repetition harmless.")
    ] = None,
    assurance: Annotated[
        Assurance, typer.Option("--assurance", help="How sure it is who writes; for a linked one.")
    ] = Assurance.NONE,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Add a message of the customer; a closed ticket opens a linked one."""
    workflow_id(tenant, ticket)
    parse_input(CustomerMessage, {"text": text, "message_id": message_id or "random"})
    receipt = run_on_desk(
        tenant, lambda desk: desk.add_message(ticket, text, message_id, assurance=assurance)
    )
    pages.emit(receipt, None if as_json else views.receipt_page(receipt))


@app.command()
def approvals(tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """List what waits for a person's decision, oldest deadline first."""
    rows = run_on_desk(tenant, lambda desk: desk.list_approvals())
    pages.emit(rows, None if as_json else views.approvals_page(rows, _now()))


@app.command()
def decide(
    ticket: TicketId,
    request: Annotated[str, typer.Option("--request", help="The request's id.")],
    approver: Approver,
    approve: Annotated[bool | None, typer.Option("--approve/--reject", show_default=False)] = None,
    reason: Annotated[
        RejectCode | None, typer.Option("--reason", help="Why it is rejected.")
    ] = None,
    words: Annotated[str, typer.Option("--words", help="For the agent, and for the record.")] = "",
    edit: Annotated[Path | None, typer.Option("--edit", help="A file with changes (JSON).")] = None,
    ask: Annotated[
        str | None, typer.Option("--ask", help="A question to the customer, instead of a word.")
    ] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Approve or reject a request, or ask the customer; repeating the same decision is harmless."""
    workflow_id(tenant, ticket)
    checked_part(approver, "as")
    if ask is not None and (approve is not None or reason is not None):
        raise BadInput("--ask goes without --approve, --reject and --reason", field="ask")
    if approve is None and ask is None:
        raise BadInput("say --approve, --reject or --ask", field="approve")
    if not approve and ask is None and reason is None:
        codes = ", ".join(get_args(RejectCode))
        raise BadInput(f"--reject needs --reason, one of {codes}", field="reason")
    if not approve and edit is not None:
        raise BadInput("--edit goes with --approve: a rejection changes nothing", field="edit")
    changes = None if edit is None else read_model(edit, Edit, option="edit")
    receipt = run_on_desk(
        tenant,
        lambda desk: desk.decide(
            ticket,
            request,
            approver,
            bool(approve),
            reason=reason,
            words=words,
            edit=changes,
            ask=ask,
        ),
    )
    pages.emit(receipt, None if as_json else views.receipt_page(receipt))


@app.command()
def operate(
    ticket: TicketId,
    approver: Approver,
    claim: Annotated[bool, typer.Option("--claim", help="You look at its request now.")] = False,
    take_over: Annotated[bool, typer.Option("--take-over", help="A person takes it.")] = False,
    hand_back: Annotated[bool, typer.Option("--hand-back", help="The agent goes on.")] = False,
    record_resolution: Annotated[
        Path | None, typer.Option("--record-resolution", help="What a person did (JSON).")
    ] = None,
    lower_mode: Annotated[
        Mode | None, typer.Option("--lower-mode", help="Never raised again.")
    ] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Claim a request; take a ticket over, hand it back, record its resolution, lower its mode."""
    workflow_id(tenant, ticket)
    checked_part(approver, "as")
    given = (claim, take_over, hand_back, record_resolution is not None, lower_mode is not None)
    if given.count(True) != 1:
        raise BadInput(
            "give exactly one of --claim, --take-over, --hand-back, --record-resolution,"
            " --lower-mode"
        )
    resolution = None
    operation: OperationName
    if record_resolution is not None:
        operation = "record_resolution"
        resolution = read_model(record_resolution, RecordedResolution, option="record_resolution")
    elif lower_mode is not None:
        operation = "lower_mode"
    else:
        operation = "claim" if claim else "take_over" if take_over else "hand_back"
    receipt = run_on_desk(
        tenant,
        lambda desk: desk.operate(
            ticket, operation, approver, resolution=resolution, mode=lower_mode
        ),
    )
    pages.emit(receipt, None if as_json else views.receipt_page(receipt))


@app.command()
def show(ticket: TicketId, tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """Show a ticket."""
    workflow_id(tenant, ticket)
    view = run_on_desk(tenant, lambda desk: desk.get_ticket(ticket))
    pages.emit(view, None if as_json else views.ticket_page(view, _now()))


@app.command("list")
def list_(
    status: Annotated[Status | None, typer.Option("--status", help="Only these.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """List tickets, newest first."""
    rows = run_on_desk(tenant, lambda desk: desk.list_tickets(status))
    pages.emit(rows, None if as_json else views.list_page(rows, status))


@app.command()
def timeline(ticket: TicketId, tenant: Tenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """List what happened to a ticket, oldest first."""
    workflow_id(tenant, ticket)
    entries = run_on_desk(tenant, lambda desk: desk.get_timeline(ticket))
    pages.emit(entries, None if as_json else views.timeline_page(ticket, entries))


@app.command()
def metrics(
    since: Since = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Show how the desk does; read from the operations database alone."""
    checked_part(tenant, "tenant")
    begin = None if since is None else parse_since(since, now=_now())
    settings = load_settings()
    # Here, for it brings in everything that a worker is made of.
    from closeloop import bootstrap

    found = bootstrap.open_records(settings).metrics(tenant, begin)
    pages.emit(found, None if as_json else metrics_page(found))


@app.command()
def webhook(
    sender: Annotated[Literal["stripe"], typer.Argument(help="Who sent it.")],
    payload: Annotated[Path, typer.Option("--payload", help="The body, exactly as it came.")],
    signature: Annotated[str, typer.Option("--signature", help="The header Stripe-Signature.")],
    as_json: AsJson = False,
) -> None:
    """Take one delivery of a backend's webhook, and give its hint to the ticket."""
    content = read_content(payload, option="payload")
    settings = load_settings()
    from closeloop import bootstrap  # as in metrics

    taken = bootstrap.read_stripe_webhook(settings, content, signature, _now())
    if isinstance(taken, IgnoredEvent):
        pages.emit(taken, None if as_json else views.ignored_page(sender, taken))
        return
    hinted = run_on_desk(
        taken.tenant, lambda desk: desk.backend_event(taken.ticket_id, taken.event)
    )
    pages.emit(hinted, None if as_json else views.hinted_page(taken, hinted))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check the server, its search attributes, workers, database, policies and shop data."""
    findings = asyncio.run(examine(load_settings()))
    pages.emit(findings, None if as_json else views.doctor_page(findings))
    code = next((finding.exit_code for finding in findings.checks if not finding.ok), 0)
    raise typer.Exit(code)


@shop.command("export")
def export_shop(
    out: Annotated[
        Path | None, typer.Option("--out", help="A file, instead of stdout; it must not be there.")
    ] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Write the embedded shop as it is now, in the shape of CLOSELOOP_SHOP_FILE."""
    checked_part(tenant, "tenant")
    settings = load_settings()
    from closeloop import bootstrap  # as in `metrics`

    document = bootstrap.export_shop(settings, tenant)
    if out is None:
        pages.emit(document, None)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}", field="out") from error
    counts = {name: len(records) for name, records in document.items()}
    page = pages.Page(
        f"Shop of {tenant} written to {out}",
        facts=[(name, str(count)) for name, count in counts.items()],
    )
    pages.emit({"tenant": tenant, "file": str(out), **counts}, None if as_json else page)


def run_on_desk(tenant: str, work: Callable[[SupportDesk], Awaitable[Answer]]) -> Answer:
    """Return what ``work`` makes of the tenant's desk, connected as the settings say."""
    checked_part(tenant, "tenant")
    settings = load_settings()

    async def connected() -> Answer:
        return await work(await SupportDesk.connect(settings, tenant=tenant))

    return asyncio.run(connected())


def _now() -> datetime:
    return datetime.now(UTC)
