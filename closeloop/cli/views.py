"""The pages of the command line: what happened, what is needed, by when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from closeloop.cli.doctor import Findings
from closeloop.cli.pages import Grid, Page
from closeloop.client import Opened
from closeloop.models.approval import UpdateReceipt
from closeloop.models.base import clip
from closeloop.models.handover import rendered
from closeloop.models.hints import BackendHint, Hinted, IgnoredEvent
from closeloop.models.sla import Sla
from closeloop.models.state import TimelineEntry
from closeloop.models.ticket import Status
from closeloop.models.view import ActionView, PendingApprovalView, TicketSummary, TicketView
from closeloop.names import DEFAULT_TENANT, parse_workflow_id

_SHOWN_MESSAGES = 6
_SHOWN_CHARS = 1_000


def when(time: datetime | None, now: datetime) -> str:
    """Return a time in UTC with how far away it is, as people say it."""
    if time is None:
        return "-"
    away = span(abs(time - now))
    return f"{time:%Y-%m-%d %H:%M} UTC ({f'in {away}' if time > now else f'{away} ago'})"


def span(length: timedelta) -> str:
    """Return a length of time in its two largest units."""
    seconds = int(length.total_seconds())
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    for position, (name, size) in enumerate(units):
        if seconds >= size:
            rest = [f"{seconds // size} {name}"]
            if position + 1 < len(units):
                small, unit = units[position + 1]
                if (left := seconds % size // unit) > 0:
                    rest.append(f"{left} {small}")
            return " ".join(rest)
    return "0 s"


def opened_page(opened: Opened) -> Page:
    """Say where the ticket lives."""
    tenant, _ = parse_workflow_id(opened.workflow_id)
    return Page(
        title=f"Ticket {opened.ticket_id}: {opened.status.value}",
        facts=[("workflow", opened.workflow_id), ("run", opened.run_id)],
        hint=f"python starter.py show {opened.ticket_id}{_of(tenant)}",
    )


def receipt_page(receipt: UpdateReceipt) -> Page:
    """Say what became of a message, decision or operation."""
    word = "accepted" if receipt.accepted else "not accepted"
    facts = [("ticket", f"{receipt.ticket_id} ({receipt.status.value})"), ("receipt", receipt.id)]
    if receipt.reason:
        facts.append(("reason", receipt.reason))
    return Page(title=word, facts=facts)


def hinted_page(hint: BackendHint, hinted: Hinted) -> Page:
    """Say what became of a backend's hint."""
    what = f"{hint.event.kind} ({hint.reference})"
    return Page(
        title=f"{what}: {hinted.outcome.replace('_', ' ')}",
        facts=[("ticket", hinted.ticket_id), ("event", hinted.event_id)],
        hint=f"python starter.py timeline {hinted.ticket_id}",
    )


def ignored_page(sender: str, event: IgnoredEvent) -> Page:
    """Say that an event concerns no ticket."""
    facts = [("event", event.event_id), ("type", event.type), ("why", event.why)]
    return Page(title=f"{sender}: ignored", facts=facts)


def list_page(rows: Sequence[TicketSummary], status: Status | None) -> Page:
    """List tickets, newest first."""
    what = f"{len(rows)} {status.value if status else ''} tickets".replace("  ", " ")
    grid = Grid(
        ("opened", "ticket", "status", "mode", "intent", "priority", "with", "subject"),
        [
            (
                f"{row.opened_at.astimezone(UTC):%Y-%m-%d %H:%M}",
                row.ticket_id,
                row.status.value,
                row.mode.value,
                row.intent or "-",
                row.priority or "-",
                row.person or row.queue or "-",
                clip(row.subject, 60),
            )
            for row in rows
        ],
    )
    return Page(title=what, grids=[grid] if rows else [])


def approvals_page(rows: Sequence[TicketSummary], now: datetime) -> Page:
    """List what waits for a person, the most urgent first."""
    if not rows:
        return Page(title="Nothing waits for approval")
    of = _of(rows[0].tenant)
    grid = Grid(
        ("decide by", "ticket", "request", "actions", "total", "asked", "subject"),
        [
            (
                when(row.deadline, now),
                row.ticket_id,
                row.request_id or "-",
                ", ".join(row.action_kinds) or "reply",
                str(row.total) if row.total else "-",
                _asked(row, now),
                clip(row.subject, 60),
            )
            for row in rows
        ],
    )
    return Page(
        title=f"{len(rows)} waiting for approval",
        grids=[grid],
        hint=(
            f"python starter.py show TICKET{of}; then "
            f"decide TICKET{of} --request R --as YOU "
            "(--approve | --reject --reason CODE | --ask QUESTION)"
        ),
    )


def _asked(row: TicketSummary, now: datetime) -> str:
    """Say who is asked, or who looks at it."""
    if row.claim is not None and now < row.claim.until:
        return f"{row.claim.approver}, until {row.claim.until:%H:%M} UTC"
    return row.rung or "-"


def timeline_page(ticket_id: str, entries: Sequence[TimelineEntry]) -> Page:
    """List what happened, oldest first."""
    rows = [(f"{e.at:%Y-%m-%d %H:%M:%S}", e.what, clip(e.detail, 200)) for e in entries]
    return Page(title=f"Ticket {ticket_id}", grids=[Grid(("at (UTC)", "what", "detail"), rows)])


def ticket_page(view: TicketView, now: datetime) -> Page:
    """Show a ticket: status and what it waits for first, then what was done and said."""
    grids: list[Grid] = []
    if view.actions:
        grids.append(
            Grid(
                ("action", "kind", "state", "result"),
                [(a.action_id, a.kind, a.state, _result(a)) for a in view.actions],
            )
        )
    # An action is judged again before it runs, mostly with the same words.
    refusals = dict.fromkeys(
        (verdict.action_id, verdict.ruling.value, reason.rule_id, reason.text)
        for verdict in view.verdicts
        for reason in verdict.reasons
    )
    if refusals:
        grids.append(Grid(("action", "policy", "rule", "why"), list(refusals)))
    if view.approvals:
        grids.append(
            Grid(
                ("request", "outcome", "by", "why"),
                [
                    (
                        a.request_id,
                        f"{a.outcome}, edited" if a.edited else a.outcome,
                        a.approver or "-",
                        f"{a.reason or ''} {a.words}",
                    )
                    for a in view.approvals
                ],
            )
        )
    return Page(
        title=f"Ticket {view.ticket_id}: {view.status.value}",
        facts=_facts(view, now),
        grids=grids,
        texts=_texts(view),
        hint=_hint(view),
    )


def doctor_page(findings: Findings) -> Page:
    """Show what was looked at, and what to do."""
    rows = [(one.name, "ok" if one.ok else "problem", one.detail) for one in findings.checks]
    return Page(
        title="All is well" if findings.ok else "Something needs attention",
        grids=[Grid(("look", "", "found"), rows)],
        texts=[(f"to do: {one.name}", one.todo) for one in findings.checks if one.todo],
    )


def _facts(view: TicketView, now: datetime) -> list[tuple[str, str]]:
    facts = [("subject", view.subject)]
    if view.waiting_for:
        facts.append(("waits for", f"{view.waiting_for} until {when(view.waiting_until, now)}"))
    facts.append(("opened", when(view.opened_at, now)))
    why = "; ".join(view.mode_reasons)
    facts.append(("assurance", view.assurance.value))
    facts.append(("mode", f"{view.mode.value}: {why}" if why else view.mode.value))
    triage = view.classification
    if triage is not None:
        facts.append(
            ("about", f"{triage.intent} ({triage.confidence:.0%}), {triage.priority} priority")
        )
    facts.append(("customer", view.customer_id or "not known to the shop"))
    if view.closure:
        facts.append(("closure", view.closure))
    facts += _due(view.sla, now)
    if view.escalation is not None:
        people = view.escalation
        person = people.taken_by or (people.route.person if people.route else None)
        whose = f", {'taken by' if people.taken_by else 'given to'} {person}" if person else ""
        facts.append(("with people", f"{people.reason} (queue {people.queue}){whose}"))
        if people.route is not None:
            facts.append(("routed because", "; ".join(people.route.why)))
            if people.route.answer_by is not None:
                facts.append(("customer hears by", when(people.route.answer_by, now)))
    for promise in view.commitments:
        due = f"by {when(promise.due_at, now)} ({promise.state})"
        facts.append(("promised", f"{promise.text} {due}"))
    if view.linked:
        facts.append(("follows", ", ".join(view.linked)))
    return facts


def _due(sla: Sla, now: datetime) -> list[tuple[str, str]]:
    due = [
        ("to be answered by", sla.first_response_due_at or sla.next_response_due_at),
        ("to be resolved by", sla.due_at),
    ]
    facts = [(name, when(at, now)) for name, at in due if at is not None]
    missed = ", ".join(goal.value.replace("_", " ") for goal in sla.missed)
    if sla.breached:
        facts.append(("late", missed or "resolution"))
    return facts


def _texts(view: TicketView) -> list[tuple[str, str]]:
    texts = [
        (f"{m.sender}, {m.at:%Y-%m-%d %H:%M} UTC", clip(m.text, _SHOWN_CHARS))
        for m in view.messages[-_SHOWN_MESSAGES:]
    ]
    if view.hand_over is not None:
        pack = view.hand_over.model_copy(update={"last_words": ()})
        texts.append(("for the person", rendered(pack)))
    elif view.escalation is not None:  # a view from before there were packs
        draft = view.escalation.draft
        texts.append(("for the person", f"{draft.summary}\n{draft.recommendation}".strip()))
    if view.pending_approval is not None:
        texts.append(_request(view, view.pending_approval))
    return texts


def _request(view: TicketView, request: PendingApprovalView) -> tuple[str, str]:
    asked = set(request.action_ids)
    lines = [
        proposal.goal
        for proposal in view.proposals[-1:]
        if asked <= {action.action_id for action in proposal.actions}
    ]
    lines += [f"- {summary}" for summary in request.summaries]
    lines += [f"because {reason}" for reason in request.reasons]
    lines.append(f"asked: {', '.join(request.asked) or 'nobody'} ({request.rung})")
    if request.claim is not None:
        lines.append(f"{request.claim.approver} looks at it until {request.claim.until:%H:%M} UTC")
    if request.first is not None:
        changed = ", with the changes below" if request.first.edit else ""
        lines.append(f"{request.first.approver} has approved it{changed}; it needs a second person")
    if request.reply:
        lines += ["the customer would read:", request.reply]
    if request.first is not None and request.first.edit is not None:
        lines += ["changes:", request.first.edit.model_dump_json(exclude_defaults=True)]
    total = f", {request.total} in all" if request.total else ""
    return f"to be decided: {request.request_id}{total}", "\n".join(lines)


def _hint(view: TicketView) -> str:
    request = view.pending_approval
    ticket = f"{view.ticket_id}{_of(view.tenant)}"
    if request is not None:
        return (
            f"python starter.py decide {ticket} --request {request.request_id} --as YOU "
            "(--approve | --reject --reason CODE | --ask QUESTION)"
        )
    if view.status is Status.ESCALATED:
        return (
            f"python starter.py operate {ticket} --as YOU (--record-resolution FILE | --hand-back)"
        )
    return ""


def _of(tenant: str) -> str:
    """Return the option that a command needs for another tenant than the default one."""
    return "" if tenant == DEFAULT_TENANT else f" --tenant {tenant}"


def _result(action: ActionView) -> str:
    if action.receipt is not None:
        return f"{action.receipt.summary} [{action.receipt.receipt_id}]"
    if action.error is not None:
        return f"{action.error.code}: {action.error.message}"
    return "-"
