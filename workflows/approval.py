"""The approval state machine, pure: building requests, checking decisions, applying edits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE, parse
    from closeloop.errors import closed
    from closeloop.models.approval import (
        ApprovalOutcome,
        ApprovalRequest,
        Approver,
        CustomerMessage,
        Decision,
        Edit,
        Operation,
    )
    from closeloop.models.base import Money
    from closeloop.models.policy import ActionFacts, Judgement, Ruling
    from closeloop.models.proposal import (
        Action,
        ActionError,
        ActionRecord,
        ActionState,
        Proposal,
        Receipt,
    )
    from closeloop.models.rendering import render_reply
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
    names = (state.opened_by, who.id, who.email, customer_id(state))
    return tuple(dict.fromkeys(name for name in names if name))


def customer_id(state: TicketState) -> str | None:
    """Return the customer's id in the shop; a stranger has none."""
    return state.customer.customer_id if state.customer else None


def mode_cap(state: TicketState) -> Mode:
    """Return the most that Closeloop may do here: as the desk's terms or an operator say."""
    return max(state.mode_cap, state.terms.mode_cap, key=lambda mode: mode.rank)


def outranked(state: TicketState) -> bool:
    """Whether the mode was lowered below the one that what is under way was judged in."""
    under_way = state.phase in (Phase.APPROVE, Phase.ACT, Phase.ANSWER)
    judgement = state.judgement
    return under_way and judgement is not None and mode_cap(state).rank > judgement.mode.rank


def total_of(facts: Sequence[ActionFacts], edit: Edit | None = None) -> Money | None:
    """Return what the actions move together, after an edit; None where nothing moves.

    Amounts of several currencies cannot be added: ``XXX`` (ISO 4217: no currency) is above every
    approver's limit.
    """
    changes = {change.action_id: change for change in edit.actions} if edit else {}
    minor: list[int] = []
    currencies: set[str] = set()
    for fact in facts:
        change = changes.get(fact.action_id)
        if fact.amount is None or not fact.moves_money or (change and change.drop):
            continue
        most = fact.amount.amount_minor
        minor.append(min(change.amount_minor or most, most) if change else most)
        currencies.add(fact.amount.currency)
    if not minor:
        return None
    currency = currencies.pop() if len(currencies) == 1 else "XXX"
    return Money(amount_minor=sum(minor), currency=currency)


def step_for(state: TicketState, action: Action, *, request_id: str | None = None) -> ExecuteAction:
    """Return the input of the activity that performs ``action``, from the recorded facts."""
    facts = _facts_of(state.judgement, action.action_id)
    effect = facts.effect if facts else None
    return ExecuteAction(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        action=action,
        customer_id=customer_id(state),
        effect_id=effect.effect_id if effect else f"{action.kind}:{action.action_id}",
        components=effect.components if effect else {},
        scopes=tuple(facts.recent_minor) if facts else (),
        amount=facts.amount if facts else None,
        approved_by=state.approved_by,
        request_id=request_id,
    )


def effect_ids(state: TicketState, actions: Sequence[Action]) -> tuple[str, ...]:
    """Return the effects of actions, from the facts they were judged on."""
    return tuple(step_for(state, action).effect_id for action in actions)


def step_of(state: TicketState, record: ActionRecord) -> ExecuteAction:
    """Return the step that an action of an earlier proposal was performed by, to read it back."""
    return ExecuteAction(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        action=record.action,
        customer_id=customer_id(state),
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
        return _closed(state)
    request = state.approval
    if request is None or state.decision is not None or request.request_id != decision.request_id:
        waiting = request.request_id if request and state.decision is None else "none"
        return Problem(
            "stale_request",
            f"request {decision.request_id[:80]!r} is not waiting (now waiting: {waiting})",
        )
    if request.binding_hash != decision.binding_hash:
        return Problem("stale_request", "the request has changed since it was read; read it again")
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
    return _edit_problem(state, decision.edit) if decision.edit else None


def decided_total(state: TicketState, decision: Decision) -> Money | None:
    """Return the money this decision would let go: after its edits, none for a rejection."""
    if not decision.approve or state.judgement is None:
        return None
    return total_of(state.judgement.facts.actions, decision.edit)


def _edit_problem(state: TicketState, edit: Edit) -> Problem | None:
    proposal = state.proposal
    if proposal is None:
        return Problem("bad_edit", "there is no proposal to edit")
    known = {action.action_id: action for action in live_actions(state, proposal)}
    seen: set[str] = set()
    for change in edit.actions:
        action = known.get(change.action_id)
        if action is None:
            return Problem("bad_edit", f"actions: {change.action_id[:80]!r} is not in this request")
        if change.action_id in seen:
            return Problem("bad_edit", f"actions: {change.action_id[:80]!r} stands there twice")
        seen.add(change.action_id)
        if change.amount_minor is None or change.drop:
            continue
        facts = _facts_of(state.judgement, change.action_id)
        if "amount_minor" not in CATALOGUE[action.kind].model_fields:
            return Problem("bad_edit", f"amount_minor: {action.kind} has no amount to lower")
        if not facts or not facts.amount or change.amount_minor > facts.amount.amount_minor:
            return Problem("bad_edit", "amount_minor: an edit may only lower an amount")
    return _reply_problem(state, proposal, edit)


def _reply_problem(state: TicketState, proposal: Proposal, edit: Edit) -> Problem | None:
    """Fill the reply as if all that stays had worked: what is wrong then never gets right."""
    if proposal.reply is None:
        return None
    gone = {change.action_id for change in edit.actions if change.drop}
    records = [
        _as_if_done(state, action)
        if action.action_id not in gone
        else ActionRecord(action=action, state=ActionState.SKIPPED)
        for action in proposal.actions
    ]
    draft = proposal.reply.model_copy(update={"text": edit.reply or proposal.reply.text})
    try:
        render_reply(draft, records)
    except ValueError as error:
        return Problem("bad_edit", f"reply: {error}")
    return None


def _as_if_done(state: TicketState, action: Action) -> ActionRecord:
    record = transitions.record_of(state, action.action_id)
    if record.receipt is not None or state.approval is None:
        return record
    facts = _facts_of(state.judgement, action.action_id)
    receipt = Receipt(
        receipt_id="-",
        summary="-",
        amount=facts.amount if facts else None,
        at=state.approval.requested_at,
    )
    return record.model_copy(update={"state": ActionState.VERIFIED, "receipt": receipt})


def dropped(actions: Sequence[Action], edit: Edit | None) -> tuple[Action, ...]:
    """Return the actions that an edit takes out."""
    gone = {change.action_id for change in edit.actions if change.drop} if edit else set[str]()
    return tuple(action for action in actions if action.action_id in gone)


def edited_actions(actions: Sequence[Action], edit: Edit) -> tuple[Action, ...]:
    """Return what an edit leaves of actions: some dropped, some with a lower amount."""
    amounts = {change.action_id: change.amount_minor for change in edit.actions}
    gone = dropped(actions, edit)
    return tuple(
        _with_amount(action, amounts.get(action.action_id))
        for action in actions
        if action not in gone
    )


def _with_amount(action: Action, minor: int | None) -> Action:
    if minor is None:
        return action
    return action.model_copy(update={"params": {**action.params, "amount_minor": minor}})


def edited(state: TicketState, edit: Edit, now: datetime) -> TicketState:
    """Apply an approver's edits to the proposal; dropped actions are skipped."""
    proposal = state.proposal
    if proposal is None:
        return state
    error = ActionError(code="dropped", message="taken out by the approver")
    for action in dropped(proposal.actions, edit):
        state = transitions.action_became(state, action.action_id, ActionState.SKIPPED, error=error)
    by_id = {action.action_id: action for action in edited_actions(proposal.actions, edit)}
    reply = proposal.reply
    if reply is not None and edit.reply is not None:
        reply = reply.model_copy(update={"text": edit.reply})
    actions = tuple(by_id.get(action.action_id, action) for action in proposal.actions)
    records = tuple(
        r.model_copy(update={"action": by_id.get(r.action.action_id, r.action)})
        for r in state.actions
    )
    proposal = proposal.model_copy(update={"actions": actions, "reply": reply})
    state = state.model_copy(update={"proposal": proposal, "actions": records})
    return transitions.note(state, now, "edited", "by the approver")


def unchanged(before: Judgement, after: Judgement) -> bool:
    """Whether what was approved is what would run now: same arguments, policy and facts."""
    return permits(after) and before.binding_hash == after.binding_hash


def permits(judgement: Judgement) -> bool:
    """Whether an approver's word is enough for this to run."""
    return judgement.ruling is not Ruling.REFUSE and judgement.escalate is None


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


def message_problem(state: TicketState, message: CustomerMessage) -> Problem | None:
    """Return why this message cannot be taken: its id stands for other words already."""
    known = next((m for m in state.messages if m.message_id == message.message_id), None)
    if known is None or known.text == message.text:
        return None
    shortened = known.text.endswith("…") and message.text.startswith(known.text[:-1])
    if shortened:
        return None
    return Problem(
        "different_content", "there is a message of this id with other words: use another id"
    )


def operation_problem(state: TicketState, operation: Operation) -> Problem | None:
    """Return why this operation cannot be done now; no I/O, fit for a validator."""
    if state.status is Status.CLOSED:
        return _closed(state)
    with_people = state.status is Status.ESCALATED
    leaving = state.recorded is not None or state.handed_back
    match operation.operation:
        case "take_over" if with_people:
            return Problem("already_taken", "the ticket is with people already")
        case "hand_back" | "record_resolution" if not with_people or leaving:
            return Problem("not_escalated", "the ticket is not with people: take it over first")
        case "lower_mode" if operation.mode is None or operation.mode.rank <= mode_cap(state).rank:
            return Problem("not_lower", f"the mode is {mode_cap(state).value}; it only goes lower")
        case _:
            return None


def _closed(state: TicketState) -> Problem:
    refusal = closed(state.ticket.ticket_id)
    return Problem(refusal.code, str(refusal))
