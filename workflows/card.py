"""The Markdown card that operators see in the Temporal Web UI."""

import re

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.policy import Verdict
    from closeloop.models.state import Escalation, TicketState

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")
_LINKS = (
    (re.compile(r"(?i)\b(https?|ftp|mailto|javascript|data|xmpp|tel):"), r"\1 :"),
    (re.compile(r":(?=//)"), " :"),
    (re.compile(r"(?i)\bwww\."), "www ."),
    (re.compile(r"@(?=\w)"), "@ "),
)
"""What viewers make a link of by themselves, and how it looks when they cannot."""


def inert(text: str, limit: int = 200) -> str:
    """Return customer text with no markup left in it: no links, images, HTML or headings."""
    flat = " ".join(clip(text, limit).split())
    for link, words in _LINKS:
        flat = link.sub(words, flat)
    return _MARKDOWN.sub(r"\\\1", flat)


def card(state: TicketState) -> str:
    """Return status, classification, wait, proposal, actions and last words as Markdown."""
    ticket = state.ticket
    lines = [
        f"### {state.status.value} · {state.mode.value}",
        f"Ticket {ticket.ticket_id} of tenant {ticket.tenant}, by {ticket.channel}",
    ]
    if state.deadline is not None:
        lines.append(
            f"Waits for **{state.deadline_reason}** until {state.deadline:%Y-%m-%d %H:%M:%S} UTC"
        )
    if state.closure is not None:
        lines.append(f"Closure: **{state.closure}**")
    lines += [f"- {inert(reason)}" for reason in state.mode_reasons[:5]]
    if state.classification is not None:
        c = state.classification
        lines.append(
            f"**Classification** {inert(c.intent)} ({c.confidence:.2f}), {c.priority},"
            f" {c.sentiment}, urgency {c.urgency}{_touching(c.topics)}"
        )
    if state.escalation is not None:
        lines.append(
            f"**With people** {inert(state.escalation.reason)}"
            f" since {state.escalation.since:%Y-%m-%d %H:%M} UTC, queue {state.escalation.queue}"
            f"{_whose(state.escalation)}"
        )
    if state.approval is not None:
        lines.append(
            f"**Approval** {state.approval.request_id}, total {state.approval.total or '-'}"
        )
        lines += [f"- {inert(text)}" for text in state.approval.summaries]
    lines += _promises(state)
    lines += _actions(state)
    lines.append("**Last messages**")
    lines += [f"- {m.sender}: {inert(m.text)}" for m in state.messages[-4:]]
    return "\n\n".join(lines)


def _touching(topics: tuple[str, ...]) -> str:
    return f", touches **{inert(', '.join(topics))}**" if topics else ""


def _promises(state: TicketState) -> list[str]:
    if not state.commitments:
        return []
    lines = [
        f"- {promise.kind} **{promise.state}**, due {promise.due_at:%Y-%m-%d %H:%M} UTC:"
        f" {inert(promise.text)}"
        for promise in state.commitments[-5:]
    ]
    return ["**Promises**", *lines]


def _whose(escalation: Escalation) -> str:
    person = escalation.taken_by or (escalation.route.person if escalation.route else None)
    return f", with {person}" if person else ""


def _actions(state: TicketState) -> list[str]:
    if not state.actions:
        return []
    verdicts = {v.action_id: v for v in state.verdicts}
    lines = ["**Actions**"]
    for record in state.actions[-6:]:
        name = record.action.action_id
        words = record.receipt.summary if record.receipt else ""
        words = words or (record.error.message if record.error else "")
        lines.append(
            f"- {name} {inert(record.action.kind)}: **{record.state.value}**"
            f"{_ruling(verdicts.get(name))} {inert(words)}"
        )
    return lines


def _ruling(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    rules = ", ".join(reason.rule_id for reason in verdict.reasons)
    return f" ({verdict.ruling.value}{': ' + inert(rules) if rules else ''})"
