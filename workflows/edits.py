"""An approver's edits, pure: what they may change, and what is left of a proposal."""

from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE
    from closeloop.models.approval import Edit
    from closeloop.models.proposal import (
        Action,
        ActionError,
        ActionRecord,
        ActionState,
        Proposal,
        Receipt,
    )
    from closeloop.models.rendering import render_reply
    from closeloop.models.state import TicketState
    from workflows import approval
    from workflows import state as transitions
    from workflows.approval import Problem


def edit_problem(state: TicketState, edit: Edit) -> Problem | None:
    """Return why an edit is not one that an approver may make."""
    proposal = state.proposal
    if proposal is None:
        return Problem("bad_edit", "there is no proposal to edit")
    known = {action.action_id: action for action in approval.live_actions(state, proposal)}
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
        facts = approval.facts_of(state.judgement, change.action_id)
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
    facts = approval.facts_of(state.judgement, action.action_id)
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
        # Replay sees no difference: this changes what is sent, never which commands are made.
        own = reply.by_person or edit.reply.strip() != reply.text.strip()
        reply = reply.model_copy(update={"text": edit.reply, "by_person": own})
    actions = tuple(by_id.get(action.action_id, action) for action in proposal.actions)
    records = tuple(
        r.model_copy(update={"action": by_id.get(r.action.action_id, r.action)})
        for r in state.actions
    )
    proposal = proposal.model_copy(update={"actions": actions, "reply": reply})
    state = state.model_copy(update={"proposal": proposal, "actions": records})
    return transitions.note(state, now, "edited", "by the approver")
