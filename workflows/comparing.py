"""What people made of proposals, action by action, for the report on promotion; pure.

A row says what would have happened by itself beside what a person let happen or did.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE, parse
    from closeloop.models.approval import ApprovalRequest, Edit, RequestOutcome
    from closeloop.models.base import Money
    from closeloop.models.proposal import ActionRecord, ActionState
    from closeloop.models.state import TicketState
    from closeloop.models.steps import ExecuteAction
    from closeloop.models.ticket import Mode
    from workflows import approval
    from workflows import state as transitions

REPLY: Final = "reply"
"""The action of a proposal that only answers."""


class _Row(NamedTuple):
    action: str
    proposed: int
    done: int
    agreed: bool


def decided(
    state: TicketState,
    request: ApprovalRequest,
    outcome: RequestOutcome,
    edit: Edit | None,
    seconds: float | None,
    now: datetime,
) -> TicketState:
    """Record what a person made of a request, one event for each of its actions."""
    rows = list(_of_decision(request, outcome, edit))
    share = None if seconds is None else round(seconds / len(rows), 3)
    return _recorded(state, rows, outcome, edit is not None, share, now)


def _of_decision(
    request: ApprovalRequest, outcome: RequestOutcome, edit: Edit | None
) -> Iterator[_Row]:
    yes = outcome == "approved"
    changes = {change.action_id: change for change in edit.actions} if edit else {}
    if not request.actions:
        yield _Row(REPLY, 0, 0, yes and edit is None)
    for action in request.actions:
        proposed = request.amounts.get(action.action_id, 0)
        change = changes.get(action.action_id)
        dropped = change is not None and change.drop
        left = proposed if change is None or change.amount_minor is None else change.amount_minor
        if outcome == "asked":  # nobody knows yet what it should have been
            yield _Row(action.kind, proposed, proposed, False)
        else:
            done = left if yes and not dropped else 0
            yield _Row(action.kind, proposed, done, yes and not dropped and left == proposed)


def advised(state: TicketState) -> tuple[ExecuteAction, ...]:
    """Return what a person was advised to do, where Closeloop itself may not."""
    proposal = state.proposal
    if proposal is None or approval.mode_cap(state).rank < Mode.ADVISORY.rank:
        return ()
    return tuple(
        approval.step_for(state, action)
        for action in proposal.actions
        if not CATALOGUE[action.kind].internal
        and transitions.record_of(state, action.action_id).state is ActionState.SKIPPED
    )


def done_by_person(state: TicketState, made: Sequence[ActionRecord], now: datetime) -> TicketState:
    """Record how what a person did, as it was read back, compares with what was advised."""
    steps = advised(state)
    if not steps:
        return state
    left = list(made)
    rows: list[_Row] = []
    for step in steps:
        match = next((record for record in left if _is_about(record, step)), None)
        proposed = _minor(step.amount)
        if match is None:
            rows.append(_Row(step.action.kind, proposed, 0, False))
            continue
        left.remove(match)
        done = _minor(match.receipt.amount if match.receipt else None)
        rows.append(_Row(step.action.kind, proposed, done, done == proposed))
    for record in left:
        done = _minor(record.receipt.amount if record.receipt else None)
        rows.append(_Row(record.action.kind, 0, done, False))
    return _recorded(state, rows, "done_by_person", False, None, now)


def _is_about(record: ActionRecord, step: ExecuteAction) -> bool:
    """Whether it is the effect advised, or one of its kind on the same order or customer."""
    if record.effect_id == step.effect_id:
        return True
    theirs, ours = parse(record.action), parse(step.action)
    targets = [(one.kind, one.target_order, one.target_customer) for one in (theirs, ours)]
    return targets[0] == targets[1]


def _recorded(
    state: TicketState,
    rows: Sequence[_Row],
    outcome: str,
    edited: bool,
    seconds: float | None,
    now: datetime,
) -> TicketState:
    for row in rows:
        state = transitions.event(
            state,
            now,
            "compared",
            intent=state.classification.intent if state.classification else None,
            action=row.action,
            mode=state.mode.value,
            outcome=outcome,
            agreed=row.agreed,
            edited=edited,
            proposed_minor=row.proposed,
            done_minor=row.done,
            human_seconds=seconds,
        )
    return state


def _minor(amount: Money | None) -> int:
    return 0 if amount is None else amount.amount_minor
