"""What update handlers ask activities; their failures are what a caller may see."""

import hashlib
from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.effects import VerificationActivities
    from activities.policy import PolicyActivities
    from closeloop.models.approval import Decision, Edit, Operation, RecordedResolution
    from closeloop.models.base import clip
    from closeloop.models.grounding import ReplyToCheck
    from closeloop.models.proposal import Action, ActionRecord, Proposal
    from closeloop.models.state import TicketState
    from closeloop.models.steps import (
        CheckApprover,
        ExecuteAction,
        RecordedEffects,
        VerifyResolution,
    )
    from workflows import approval, calls, deciders, edits, options, replies
    from workflows.calling import CallFailed, local, remote


async def check_approver(
    state: TicketState, person: str, decision: Decision | None, operation: Operation | None
) -> None:
    """Ask the live roster about a person; raises what the caller of an update may see."""
    total = deciders.decided_total(state, decision) if decision else None
    deciding = decision is not None or (operation is not None and operation.operation == "claim")
    try:
        await local(
            PolicyActivities.check_approver,
            CheckApprover(
                tenant=state.ticket.tenant,
                ticket_id=state.ticket.ticket_id,
                approver=person,
                requesters=approval.requesters(state) if deciding else (),
                customer_id=approval.customer_id(state) if deciding else None,
                total=total,
                at=workflow.now(),
            ),
            summary=f"may {person} {operation.operation if operation else 'decide'}",
            how=options.HANDLER,
        )
    except CallFailed as failure:
        raise refusal_of(failure) from failure


async def check_decided_reply(state: TicketState, decision: Decision) -> None:
    """Refuse a decision that would tell the customer of effects that nothing proves.

    A draft is read anew where an approver changes something, or where it was not grounded.
    """
    proposal, judgement = state.proposal, state.judgement
    if decision.ask is not None and state.terms.checks_replies:
        await _refuse_unproved(state, decision.ask, (), replies.done(state), "no_receipt")
        return
    if not (decision.approve and proposal and proposal.reply and state.terms.checks_replies):
        return
    found = judgement.facts.grounding if judgement else None
    changes = deciders.edit_of(state, decision)
    if changes is None and not (found and found.problems):
        return
    edit = changes or Edit()
    text = edit.reply or proposal.reply.text
    actions = edits.edited_actions(approval.live_actions(state, proposal), edit)
    code = "bad_edit" if changes else "no_receipt"
    rewritten = edit.reply is not None and edit.reply.strip() != proposal.reply.text.strip()
    await _refuse_unproved(
        state, text, actions, replies.done(state), code, proposal if rewritten else None
    )


async def check_recorded_reply(
    state: TicketState, resolution: RecordedResolution, recorded: Sequence[ActionRecord]
) -> None:
    """Refuse a person's reply that tells of effects which were not read back."""
    if resolution.reply and state.terms.checks_replies:
        done = (*replies.done(state), *recorded)
        await _refuse_unproved(state, resolution.reply, (), done, "no_receipt")


async def _refuse_unproved(
    state: TicketState,
    text: str,
    actions: Sequence[Action],
    done: Sequence[ActionRecord],
    code: str,
    edited: Proposal | None = None,
) -> None:
    """Hold a person's words against the records; ``edited`` is whose draft they stand for."""
    reply = ReplyToCheck(
        text=text,
        commitments=edited.commitments if edited else (),
        passage_ids=tuple(passage.passage_id for passage in state.passages),
        done=tuple(done),
        by_person=True,
        edited=edited is not None,
        own=replies.own_words(state),
    )
    try:
        judgement = await local(
            PolicyActivities.evaluate_policy,
            calls.judge_request(state, actions, reply),
            summary="what a person's reply claims",
            how=options.HANDLER,
        )
    except CallFailed as failure:
        raise refusal_of(failure) from failure
    found = judgement.facts.grounding
    if found is not None and found.problems:
        words = "; ".join(map(str, found.problems))
        raise ApplicationError(clip(f"reply: {words}", 1_000), type=code, non_retryable=True)


async def verify_resolution(
    state: TicketState,
    operation: Operation,
    resolution: RecordedResolution,
    advised: Sequence[ExecuteAction],
) -> RecordedEffects:
    """Read back what a person says they did, and whether they did what was advised.

    Raises what the caller of an update may see.
    """
    steps = tuple(
        ExecuteAction(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            action=Action(
                action_id=person_action_id(operation, position), kind=e.kind, params=e.params
            ),
            customer_id=approval.customer_id(state),
            effect_id="",
            approved_by=operation.approver,
        )
        for position, e in enumerate(resolution.effects, start=1)
    )
    try:
        return await remote(
            state,
            VerificationActivities.verify_resolution,
            VerifyResolution(
                tenant=state.ticket.tenant,
                ticket_id=state.ticket.ticket_id,
                effects=steps,
                advised=tuple(advised),
            ),
            RecordedEffects,
            summary="read back what a person did",
            how=options.PERSON,
        )
    except CallFailed as failure:
        raise refusal_of(failure) from failure


def person_action_id(operation: Operation, position: int) -> str:
    """Return the action id of the n-th thing that a person recorded."""
    digest = hashlib.sha256(operation.operation_id.encode()).hexdigest()
    return f"h-{digest[:12]}-{position}"


def refusal_of(failure: CallFailed) -> ApplicationError:
    """Return what may leave a handler: the cause, not "Activity task failed"."""
    problem = failure.problem
    return ApplicationError(problem.message, type=problem.code, non_retryable=True)
