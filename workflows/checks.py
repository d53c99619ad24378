"""What update handlers ask activities; their failures are what a caller may see."""

import hashlib

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.effects import VerificationActivities
    from activities.policy import PolicyActivities
    from closeloop.models.approval import Decision, Operation, RecordedResolution
    from closeloop.models.proposal import Action
    from closeloop.models.state import TicketState
    from closeloop.models.steps import (
        CheckApprover,
        ExecuteAction,
        RecordedEffects,
        VerifyResolution,
    )
    from workflows import approval, options
    from workflows.calling import CallFailed, local, remote


async def check_approver(
    state: TicketState, person: str, decision: Decision | None, operation: Operation | None
) -> None:
    """Ask the live roster about a person; raises what the caller of an update may see."""
    total = approval.decided_total(state, decision) if decision else None
    try:
        await local(
            PolicyActivities.check_approver,
            CheckApprover(
                tenant=state.ticket.tenant,
                ticket_id=state.ticket.ticket_id,
                approver=person,
                requesters=approval.requesters(state) if decision else (),
                customer_id=approval.customer_id(state) if decision else None,
                total=total,
            ),
            summary=f"may {person} {operation.operation if operation else 'decide'}",
            how=options.HANDLER,
        )
    except CallFailed as failure:
        raise refusal_of(failure) from failure


async def verify_resolution(
    state: TicketState, operation: Operation, resolution: RecordedResolution
) -> RecordedEffects:
    """Read back what a person says they did; raises what the caller of an update may see."""
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
                tenant=state.ticket.tenant, ticket_id=state.ticket.ticket_id, effects=steps
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
