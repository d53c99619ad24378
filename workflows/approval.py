"""Approval requests, pure: what they are about, what they would move, and how they end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import parse
    from closeloop.models.approval import (
        ApprovalOutcome,
        ApprovalRequest,
        CustomerMessage,
        Edit,
    )
    from closeloop.models.base import MAX_SAFE_MINOR, NO_CURRENCY, Money
    from closeloop.models.policy import ActionFacts, Judgement, Ruling
    from closeloop.models.proposal import (
        Action,
        ActionRecord,
        ActionState,
        Proposal,
    )
    from closeloop.models.state import Phase, TicketState
    from closeloop.models.steps import ExecuteAction
    from closeloop.models.ticket import Mode
    from closeloop.policy.codes import hidden
    from workflows import standin
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
    """Return the most that Closeloop may do here: by terms, intent, operator, and who is asked."""
    return _caps(state)[0][0]


def cap_source(state: TicketState) -> str:
    """Return what set the mode's cap; nothing where there is none."""
    cap, source = _caps(state)[0]
    return source if cap is not Mode.AUTONOMOUS else ""


def _caps(state: TicketState) -> list[tuple[Mode, str]]:
    """Return what caps the mode here, the least autonomous first."""
    intent = state.classification.intent if state.classification else ""
    terms = state.terms
    caps = [
        (state.mode_cap, "an operator lowered it"),
        (terms.mode_cap, "the desk's mode_cap"),
        (terms.modes.get(intent, Mode.AUTONOMOUS), f"the desk's modes.{intent}"),
        (standin.cap(state), "the language models do not answer"),
    ]
    return sorted(caps, key=lambda cap: -cap[0].rank)


def outranked(state: TicketState) -> bool:
    """Whether the mode was lowered below the one that what is under way was judged in."""
    under_way = state.phase in (Phase.APPROVE, Phase.ACT, Phase.ANSWER)
    judgement = state.judgement
    return under_way and judgement is not None and mode_cap(state).rank > judgement.mode.rank


def total_of(facts: Sequence[ActionFacts], edit: Edit | None = None) -> Money | None:
    """Return what the actions move together, after an edit; None where nothing moves.

    Amounts of several currencies cannot be added, nor written down beyond the largest of all:
    ``NO_CURRENCY`` is above every approver's limit.
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
    total = min(sum(minor), MAX_SAFE_MINOR)
    currency = currencies.pop() if len(currencies) == 1 and total == sum(minor) else NO_CURRENCY
    return Money(amount_minor=total, currency=currency)


def step_for(state: TicketState, action: Action, *, request_id: str | None = None) -> ExecuteAction:
    """Return the input of the activity that performs ``action``, from the recorded facts."""
    facts = facts_of(state.judgement, action.action_id)
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


def undo_of(state: TicketState, action: Action) -> Action | None:
    """Return what takes an action back, as it was registered when the action was judged."""
    facts = facts_of(state.judgement, action.action_id)
    return facts.undo if facts else None


def undo_step(state: TicketState, undo: Action, effect_id: str | None) -> ExecuteAction:
    """Return the step that takes an effect back: one of its own, which moves no money."""
    return ExecuteAction(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        action=undo,
        customer_id=customer_id(state),
        effect_id=f"undo:{state.ticket.ticket_id}:{undo.action_id}",
        approved_by=state.approved_by,
        takes_back=effect_id,
    )


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


def facts_of(judgement: Judgement | None, action_id: str) -> ActionFacts | None:
    """Return what was known of an action when it was judged."""
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
        amounts={
            fact.action_id: fact.amount.amount_minor
            for fact in judgement.facts.actions
            if fact.moves_money and fact.amount is not None
        },
        binding_hash=judgement.binding_hash,
        requested_at=now,
        reminder_at=now + timedelta(seconds=terms.reminder_seconds),
        deadline=now + timedelta(seconds=terms.approval_expiry_seconds),
    )


def _summary(action: Action, judgement: Judgement) -> str:
    facts = facts_of(judgement, action.action_id)
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


def unchanged(before: Judgement, after: Judgement) -> bool:
    """Whether what was approved is what would run now: same arguments, policy and facts."""
    return permits(after) and before.binding_hash == after.binding_hash


def permits(judgement: Judgement) -> bool:
    """Whether an approver's word is enough for this to run."""
    return judgement.ruling is not Ruling.REFUSE and judgement.escalate is None


def ended(
    state: TicketState,
    outcome: ApprovalOutcome,
    human_seconds: float | None,
    now: datetime,
) -> TicketState:
    """Close the open request with its outcome, and how long people looked at it."""
    state = state.model_copy(
        update={
            "approval": None,
            "decision": None,
            "claim_news": False,
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
        reason=outcome.reason,
        human_seconds=human_seconds,
        people=sum(name is not None for name in (outcome.first_approver, outcome.approver)),
    )
    names = (outcome.first_approver, outcome.approver)
    words = " ".join(part for part in (*names, outcome.reason, outcome.words) if part)
    return transitions.note(state, now, f"approval {outcome.outcome}", words)


def message_problem(state: TicketState, message: CustomerMessage) -> Problem | None:
    """Return why this message cannot be taken: its id stands for other words already."""
    known = next((m for m in state.messages if m.message_id == message.message_id), None)
    if known is None or known.text in (message.text, hidden(message.text)):
        return None
    said = (message.text, hidden(message.text))
    shortened = known.text.endswith("…") and any(t.startswith(known.text[:-1]) for t in said)
    if shortened:
        return None
    return Problem(
        "different_content", "there is a message of this id with other words: use another id"
    )
