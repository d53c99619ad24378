"""The approval state machine, pure: building requests, checking decisions, applying edits."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE, parse
    from closeloop.models.approval import (
        ApprovalOutcome,
        ApprovalRequest,
        Approver,
        Decision,
        Edit,
        Operation,
    )
    from closeloop.models.base import Money
    from closeloop.models.policy import ActionFacts, Judgement, Ruling
    from closeloop.models.proposal import Action, ActionRecord, ActionState, Proposal
    from closeloop.models.state import Phase, TicketState
    from closeloop.models.steps import ExecuteAction
    from closeloop.models.ticket import Mode, Status
    from closeloop.policy.roster import may_decide
    from workflows import state as transitions


class Problem(NamedTuple):
    """Why something sent to a ticket is refused."""

    code: str
    message: str


def requesters(state: TicketState) -> tuple[str, ...]:
    """Return who asked: nobody approves their own request (whoever opened it, its customer)."""
    who = state.ticket.customer
    names = (state.opened_by, who.id, who.email, state.customer and state.customer.customer_id)
    return tuple(dict.fromkeys(name for name in names if name))


def total_of(facts: Sequence[ActionFacts], dropped: frozenset[str] = frozenset()) -> Money | None:
    """Return what the actions move together; None where nothing moves.

    Amounts of several currencies cannot be added: ``XXX`` (ISO 4217: no currency) is above every
    approver's limit.
    """
    amounts = [f.amount for f in facts if f.amount and f.moves_money and f.action_id not in dropped]
    if not amounts:
        return None
    minor = sum(amount.amount_minor for amount in amounts)
    currencies = {amount.currency for amount in amounts}
    return Money(amount_minor=minor, currency=currencies.pop() if len(currencies) == 1 else "XXX")


def step_for(state: TicketState, action: Action, *, request_id: str | None = None) -> ExecuteAction:
    """Return the input of the activity that performs ``action``, from the recorded facts."""
    facts = _facts_of(state.judgement, action.action_id)
    effect = facts.effect if facts else None
    return ExecuteAction(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        action=action,
        customer_id=state.customer.customer_id if state.customer else None,
        effect_id=effect.effect_id if effect else f"{action.kind}:{action.action_id}",
        components=effect.components if effect else {},
        amount=facts.amount if facts else None,
        approved_by=state.approved_by,
        request_id=request_id,
    )


def step_of(state: TicketState, record: ActionRecord) -> ExecuteAction:
    """Return the step that an action of an earlier proposal was performed by, to read it back."""
    return ExecuteAction(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        action=record.action,
        customer_id=state.customer.customer_id if state.customer else None,
        effect_id=record.effect_id or "",
        amount=record.receipt.amount if record.receipt else None,
    )


def _facts_of(judgement: Judgement | None, action_id: str) -> ActionFacts | None:
    actions = judgement.facts.actions if judgement else ()
    return next((f for f in actions if f.action_id == action_id), None)


def build_request(
    state: TicketState, proposal: Proposal, judgement: Judgement, now: datetime
) -> ApprovalRequest:
    """Return the request for a person's decision on exactly this proposal."""
    terms = state.terms
    return ApprovalRequest(
        request_id=f"{state.ticket.ticket_id}-r{state.request_count + 1}",
        proposal_id=proposal.proposal_id,
        ticket_id=state.ticket.ticket_id,
        actions=live_actions(state, proposal),
        summaries=tuple(_summary(action, judgement) for action in live_actions(state, proposal)),
        reply=proposal.reply.text if proposal.reply else None,
        reasons=judgement.mode_reasons,
        total=total_of(judgement.facts.actions),
        binding_hash=judgement.binding_hash,
        requested_at=now,
        reminder_at=now + timedelta(seconds=terms.reminder_seconds),
        deadline=now + timedelta(seconds=terms.approval_expiry_seconds),
    )


def _summary(action: Action, judgement: Judgement) -> str:
    facts = _facts_of(judgement, action.action_id)
    amount = f" = {facts.amount}" if facts and facts.amount else ""
    return f"{parse(action).describe()}{amount}"


def live_actions(state: TicketState, proposal: Proposal) -> tuple[Action, ...]:
    """Return the proposal's actions that were not dropped and did not run yet."""
    waiting = {ActionState.PROPOSED, ActionState.AWAITING_APPROVAL, ActionState.APPROVED}
    return tuple(
        action
        for action in proposal.actions
        if transitions.record_of(state, action.action_id).state in waiting
    )


def anyone_may_decide(state: TicketState, roster: Sequence[Approver]) -> bool:
    """Whether somebody on the roster could approve the open request."""
    total = state.approval.total if state.approval else None
    return any(
        may_decide(
            person,
            approver_id=person.approver_id,
            tenant=state.ticket.tenant,
            requesters=requesters(state),
            total=total,
        )
        is None
        for person in roster
    )


def decision_problem(state: TicketState, decision: Decision) -> Problem | None:
    """Return why this decision cannot be taken now; no I/O, fit for a validator."""
    if state.status is Status.CLOSED:
        return Problem("closed", "the ticket is closed; nothing can be decided on it")
    request = state.approval
    if request is None or state.decision is not None or request.request_id != decision.request_id:
        waiting = request.request_id if request and state.decision is None else "none"
        return Problem(
            "stale_request",
            f"request {decision.request_id[:80]!r} is not waiting (now waiting: {waiting})",
        )
    if request.binding_hash != decision.binding_hash:
        return Problem("stale_request", "the request has changed since it was read; read it again")
    edit = decision.edit
    dropped = frozenset(e.action_id for e in edit.actions if e.drop) if edit else frozenset[str]()
    person = next((p for p in request.roster if p.approver_id == decision.approver), None)
    if person is not None:
        refusal = may_decide(
            person,
            approver_id=decision.approver,
            tenant=state.ticket.tenant,
            requesters=requesters(state),
            total=decided_total(state, decision),
        )
        if refusal is not None:
            return Problem(refusal.code, refusal.message)
    return _edit_problem(state, edit, dropped) if edit else None


def decided_total(state: TicketState, decision: Decision) -> Money | None:
    """Return the money this decision would let go: after its edits, none for a rejection."""
    facts = state.judgement.facts.actions if state.judgement else ()
    total = total_of(facts)
    if not decision.approve or total is None:
        return None
    edits = {e.action_id: e for e in decision.edit.actions} if decision.edit else {}
    minor = 0
    for fact in facts:
        edit = edits.get(fact.action_id)
        if fact.amount is None or not fact.moves_money or (edit and edit.drop):
            continue
        lowered = edit.amount_minor if edit and edit.amount_minor else fact.amount.amount_minor
        minor += min(lowered, fact.amount.amount_minor)
    return total.model_copy(update={"amount_minor": minor})


def _edit_problem(state: TicketState, edit: Edit, dropped: frozenset[str]) -> Problem | None:
    proposal = state.proposal
    if proposal is None:
        return Problem("bad_edit", "there is no proposal to edit")
    known = {action.action_id: action for action in live_actions(state, proposal)}
    for change in edit.actions:
        action = known.get(change.action_id)
        if action is None:
            return Problem("bad_edit", f"actions: {change.action_id[:80]!r} is not in this request")
        if change.amount_minor is None or change.drop:
            continue
        facts = _facts_of(state.judgement, change.action_id)
        if "amount_minor" not in CATALOGUE[action.kind].model_fields:
            return Problem("bad_edit", f"amount_minor: {action.kind} has no amount to lower")
        if not facts or not facts.amount or change.amount_minor > facts.amount.amount_minor:
            return Problem("bad_edit", "amount_minor: an edit may only lower an amount")
    text = edit.reply or (proposal.reply.text if proposal.reply else "")
    for position, action in enumerate(proposal.actions, start=1):
        if action.action_id in dropped and re.search(rf"\{{\{{\s*{position}\.", text):
            return Problem(
                "bad_edit",
                f"reply: it still speaks of the dropped action {action.action_id};"
                " edit the reply as well",
            )
    return None


def edited(state: TicketState, edit: Edit, now: datetime) -> TicketState:
    """Apply an approver's edits to the proposal; dropped actions are skipped."""
    proposal = state.proposal
    if proposal is None:
        return state
    actions = list(proposal.actions)
    for change in edit.actions:
        if change.drop:
            state = transitions.action_became(state, change.action_id, ActionState.SKIPPED)
            continue
        for position, action in enumerate(actions):
            if action.action_id == change.action_id and change.amount_minor is not None:
                params = {**action.params, "amount_minor": change.amount_minor}
                actions[position] = action.model_copy(update={"params": params})
    reply = proposal.reply
    if reply is not None and edit.reply is not None:
        reply = reply.model_copy(update={"text": edit.reply})
    proposal = proposal.model_copy(update={"actions": tuple(actions), "reply": reply})
    by_id = {action.action_id: action for action in actions}
    records = tuple(
        r.model_copy(update={"action": by_id.get(r.action.action_id, r.action)})
        for r in state.actions
    )
    state = state.model_copy(update={"proposal": proposal, "actions": records})
    return transitions.note(state, now, "edited", "by the approver")


def still_covered(before: Judgement, after: Judgement, *, was_edited: bool) -> bool:
    """Whether what was approved is what would run now.

    Without edits the binding hash must be the same. With edits the arguments differ on purpose:
    then no rule may speak up that had not spoken before.
    """
    if after.ruling is Ruling.REFUSE or after.escalate is not None:
        return False
    if not was_edited:
        return before.binding_hash == after.binding_hash
    return _rules(after) <= _rules(before)


def _rules(judgement: Judgement) -> set[str]:
    return {reason.rule_id for verdict in judgement.verdicts for reason in verdict.reasons}


def ended(
    state: TicketState,
    outcome: ApprovalOutcome,
    now: datetime,
) -> TicketState:
    """Close the open request with its outcome."""
    state = state.model_copy(
        update={
            "approval": None,
            "decision": None,
            "approvals": (*state.approvals, outcome)[-transitions.MAX_APPROVALS :],
        }
    )
    state = transitions.event(
        state,
        now,
        "decided",
        outcome=outcome.outcome,
        request_id=outcome.request_id,
        edited=outcome.edited,
    )
    words = " ".join(part for part in (outcome.approver, outcome.reason, outcome.words) if part)
    return transitions.note(state, now, f"approval {outcome.outcome}", words)


def operation_problem(state: TicketState, operation: Operation) -> Problem | None:
    """Return why this operation cannot be done now; no I/O, fit for a validator."""
    if state.status is Status.CLOSED:
        return Problem("closed", "the ticket is closed; nothing can be done on it")
    with_person = state.status is Status.ESCALATED
    match operation.operation:
        case "take_over" if with_person:
            return Problem("already_taken", "the ticket is with people already")
        case "hand_back" | "record_resolution" if not with_person:
            return Problem("not_escalated", "the ticket is not with people: take it over first")
        case "lower_mode" if operation.mode is None or operation.mode.rank <= _cap(state).rank:
            return Problem("not_lower", f"the mode is {_cap(state).value}; it can only be lowered")
        case _:
            return None


def _cap(state: TicketState) -> Mode:
    return max(state.mode_cap, state.terms.mode_cap, key=lambda mode: mode.rank)
