"""Every activity call of a ticket: its input from the state, its options, its summary."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.crm import CrmActivities
    from activities.effects import VerificationActivities
    from activities.failures import REFUSED
    from activities.knowledge import KnowledgeActivities
    from activities.outcomes import OutcomeActivities
    from activities.outreach import OutreachActivities
    from activities.policy import PolicyActivities
    from activities.resolution import ResolutionActivities
    from activities.triage import TriageActivities
    from closeloop.models.approval import (
        ApprovalOutcome,
        ApprovalRequest,
        Decision,
        Operation,
        RecordedResolution,
    )
    from closeloop.models.base import clip
    from closeloop.models.policy import Judgement, JudgeRequest
    from closeloop.models.proposal import Action, ActionError, Proposal, ProposeRequest
    from closeloop.models.state import TicketState
    from closeloop.models.steps import (
        ActionOutcome,
        ApprovalPublished,
        CheckApprover,
        ClassifyTicket,
        CloseTicket,
        CreateEscalation,
        ExecuteAction,
        LoadCustomer,
        LoadedCustomer,
        ReadConfirmation,
        RecordedEffects,
        RecordOutcome,
        RequestApproval,
        RetrievedKnowledge,
        RetrieveKnowledge,
        SendReply,
        SettleApproval,
        Snapshot,
        Verification,
        VerifyAction,
        VerifyResolution,
    )
    from closeloop.models.ticket import Mode
    from closeloop.models.triage import Classification, ClassifyRequest, Confirmation
    from closeloop.models.view import snapshot_view
    from workflows import approval, options
    from workflows import state as transitions


def problem_of(error: ActivityError) -> ActionError:
    """Return the cause of a failed activity: a business code, or the kind of failure."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        code = cause.type or "failed"
        if code == REFUSED and cause.details:
            code = str(cause.details[0])
        return ActionError(code=clip(code, 80), message=clip(cause.message, 300))
    name = type(cause).__name__ if cause else "ActivityError"
    return ActionError(code=name, message=clip(str(cause or error), 300))


def was_refused(error: ActivityError) -> bool:
    """Whether the backend said no for a business reason, so that nothing happened."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == REFUSED


def snapshot(state: TicketState) -> Snapshot:
    """Return what travels to the operations database with the next activity that records."""
    return Snapshot(
        sequence=state.snapshot_count, view=snapshot_view(state), events=state.pending_events
    )


def _priority(state: TicketState) -> options.Priority:
    level = state.classification.priority if state.classification else None
    return options.priority(state.ticket.tenant, level)


async def classify_ticket(state: TicketState) -> Classification:
    """Read what the customer wants, from their words in the window."""
    texts = transitions.customer_texts(state)
    return await workflow.execute_activity_method(
        TriageActivities.classify_ticket,
        ClassifyTicket(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            request=ClassifyRequest(
                subject=state.ticket.subject,
                messages=tuple(texts.values()),
                order_ids=state.ticket.order_ids,
            ),
        ),
        summary="understand the customer's words",
        priority=_priority(state),
        **options.AGENT,
    )


async def load_customer(state: TicketState) -> LoadedCustomer:
    """Load the customer on file and the desk's terms."""
    ticket = state.ticket
    return await workflow.execute_activity_method(
        TriageActivities.load_customer,
        LoadCustomer(
            tenant=ticket.tenant,
            ticket_id=ticket.ticket_id,
            customer=ticket.customer,
            assurance=ticket.assurance,
        ),
        summary="who writes, and the desk's terms",
        priority=_priority(state),
        **options.AGENT,
    )


async def retrieve_knowledge(
    state: TicketState, classification: Classification
) -> RetrievedKnowledge:
    """Find passages for the customer's words."""
    texts = list(transitions.customer_texts(state).values())
    return await workflow.execute_activity_method(
        KnowledgeActivities.retrieve_knowledge,
        RetrieveKnowledge(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            classification=classification,
            query=clip(f"{state.ticket.subject} {' '.join(texts[-2:])}", 2_000),
        ),
        summary=f"what is known about {classification.intent}",
        priority=_priority(state),
        **options.AGENT,
    )


async def propose_resolution(state: TicketState, classification: Classification) -> Proposal:
    """Ask the resolution agent what to do next."""
    customer = state.customer
    named = classification.entities
    return await workflow.execute_activity_method(
        ResolutionActivities.propose_resolution,
        ProposeRequest(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            proposal_number=state.proposal_count + 1,
            customer_id=customer.customer_id if customer else None,
            display_name=customer.display_name if customer else None,
            assurance=state.ticket.assurance,
            subject=state.ticket.subject,
            classification_intent=classification.intent,
            confidence=classification.confidence,
            topics=classification.topics,
            order_ids=tuple(dict.fromkeys((*named.order_ids, *state.ticket.order_ids))),
            item_mentions=named.item_mentions,
            amounts=named.amounts,
            passage_ids=tuple(passage.passage_id for passage in state.passages),
            conversation=transitions.window(state),
            observations=state.observations,
            done=tuple(r for r in state.actions if r.receipt is not None),
        ),
        summary=f"proposal {state.proposal_count + 1}",
        priority=_priority(state),
        **options.AGENT,
    )


async def evaluate_policy(
    state: TicketState, actions: Sequence[Action], classification: Classification, cap: Mode
) -> Judgement:
    """Gather the facts and judge."""
    customer = state.customer
    return await workflow.execute_local_activity_method(
        PolicyActivities.evaluate_policy,
        JudgeRequest(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            customer_id=customer.customer_id if customer else None,
            assurance=state.ticket.assurance,
            intent=classification.intent,
            confidence=classification.confidence,
            topics=classification.topics,
            injection_suspected=classification.injection_suspected,
            mode_cap=cap,
            contact_changed_at=customer.contact_changed_at if customer else None,
            ticket_order_ids=state.ticket.order_ids,
            customer_messages=transitions.asking_texts(state),
            actions=tuple(actions),
        ),
        summary="what policy allows",
        **options.LOCAL,
    )


async def request_approval(state: TicketState, request: ApprovalRequest) -> ApprovalPublished:
    """Publish the request and reserve its money."""
    steps = tuple(
        approval.step_for(state, action, request_id=request.request_id)
        for action in request.actions
    )
    return await workflow.execute_activity_method(
        OutcomeActivities.request_approval,
        RequestApproval(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            request_id=request.request_id,
            customer_id=state.customer.customer_id if state.customer else None,
            action_kinds=tuple(action.kind for action in request.actions),
            effects=steps,
            total=request.total,
            deadline=request.deadline,
            snapshot=snapshot(state),
        ),
        summary=f"ask for approval of {request.request_id}",
        priority=_priority(state),
        **options.WRITE,
    )


async def settle_approval(
    state: TicketState, outcome: ApprovalOutcome, effect_ids: Sequence[str]
) -> None:
    """Take the request off the list and free what it reserved."""
    await workflow.execute_activity_method(
        OutcomeActivities.settle_approval,
        SettleApproval(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            request_id=outcome.request_id,
            outcome=outcome.outcome,
            effect_ids=tuple(effect_ids),
            snapshot=snapshot(state),
        ),
        summary=f"{outcome.request_id} {outcome.outcome}",
        priority=_priority(state),
        **options.DURABLE,
    )


async def record_outcome(state: TicketState, why: str) -> None:
    """Write events and a snapshot with nothing else to ride on."""
    await workflow.execute_activity_method(
        OutcomeActivities.record_outcome,
        RecordOutcome(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            snapshot=snapshot(state),
        ),
        summary=why,
        priority=_priority(state),
        **options.DURABLE,
    )


async def perform(state: TicketState, step: ExecuteAction) -> ActionOutcome:
    """Perform a WRITE by its kind's own activity, found by name."""
    return await workflow.execute_activity(
        step.action.kind,
        step,
        result_type=ActionOutcome,
        summary=f"{step.action.kind} {step.effect_id}",
        priority=_priority(state),
        **options.WRITE,
    )


def _check(step: ExecuteAction) -> VerifyAction:
    return VerifyAction(
        tenant=step.tenant,
        ticket_id=step.ticket_id,
        action=step.action,
        effect_id=step.effect_id,
        amount=step.amount,
    )


async def verify_action(step: ExecuteAction) -> Verification:
    """Read an effect back from its system of record."""
    return await workflow.execute_local_activity_method(
        VerificationActivities.verify_action,
        _check(step),
        summary=f"read back {step.effect_id}",
        **options.LOCAL,
    )


async def reconcile_action(state: TicketState, step: ExecuteAction) -> Verification:
    """Find out what became of a write that never answered."""
    return await workflow.execute_activity_method(
        VerificationActivities.reconcile_action,
        _check(step),
        summary=f"find out about {step.effect_id}",
        priority=_priority(state),
        **options.WRITE,
    )


async def send_reply(state: TicketState, reply_id: str, text: str, after: TicketState) -> None:
    """Send one reply; ``after`` is where the ticket stands once it is out."""
    ticket = state.ticket
    await workflow.execute_activity_method(
        OutreachActivities.send_reply,
        SendReply(
            tenant=ticket.tenant,
            ticket_id=ticket.ticket_id,
            reply_id=reply_id,
            customer_id=state.customer.customer_id if state.customer else None,
            fallback_email=ticket.customer.email,
            subject=f"Re: {ticket.subject}",
            text=text,
            snapshot=snapshot(after),
        ),
        summary=f"reply {reply_id}",
        priority=_priority(state),
        **options.DURABLE,
    )


async def create_escalation(state: TicketState, pack: str) -> ActionOutcome:
    """Put the ticket into the human queue it was routed to."""
    escalation = state.escalation
    assert escalation is not None
    return await workflow.execute_activity_method(
        CrmActivities.create_escalation,
        CreateEscalation(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            number=escalation.number,
            queue=escalation.queue,
            reason=escalation.reason,
            pack=pack,
            snapshot=snapshot(state),
        ),
        summary=f"hand over: {escalation.reason}",
        priority=_priority(state),
        **options.DURABLE,
    )


async def close_ticket(state: TicketState, note: str) -> None:
    """Write the closing note and the last events."""
    await workflow.execute_activity_method(
        CrmActivities.close_ticket,
        CloseTicket(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            number=state.reopened_count + 1,
            customer_id=state.customer.customer_id if state.customer else None,
            note=note,
            snapshot=snapshot(state),
        ),
        summary="close: CRM note and outcome events",
        priority=_priority(state),
        **options.DURABLE,
    )


async def read_confirmation(state: TicketState, text: str) -> Confirmation:
    """Read the customer's word after a resolution."""
    return await workflow.execute_local_activity_method(
        TriageActivities.read_confirmation,
        ReadConfirmation(tenant=state.ticket.tenant, ticket_id=state.ticket.ticket_id, text=text),
        summary="does the customer say it is solved",
        **options.LOCAL,
    )


async def check_approver(
    state: TicketState, person: str, decision: Decision | None, operation: Operation | None
) -> None:
    """Ask the live roster about a person; raises what the caller of an update may see."""
    total = approval.decided_total(state, decision) if decision else None
    try:
        await workflow.execute_local_activity_method(
            PolicyActivities.check_approver,
            CheckApprover(
                tenant=state.ticket.tenant,
                ticket_id=state.ticket.ticket_id,
                approver=person,
                requesters=approval.requesters(state) if decision else (),
                total=total,
            ),
            summary=f"may {person} {operation.operation if operation else 'decide'}",
            **options.HANDLER,
        )
    except ActivityError as error:
        raise refusal_of(error) from error


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
            customer_id=state.customer.customer_id if state.customer else None,
            effect_id="",
            approved_by=operation.approver,
        )
        for position, e in enumerate(resolution.effects, start=1)
    )
    try:
        return await workflow.execute_activity_method(
            VerificationActivities.verify_resolution,
            VerifyResolution(
                tenant=state.ticket.tenant, ticket_id=state.ticket.ticket_id, effects=steps
            ),
            summary="read back what a person did",
            priority=_priority(state),
            **options.PERSON,
        )
    except ActivityError as error:
        raise refusal_of(error) from error


def person_action_id(operation: Operation, position: int) -> str:
    """Return the action id of the n-th thing that a person recorded."""
    return f"h-{clip(operation.operation_id, 24)}-{position}"


def refusal_of(error: ActivityError) -> ApplicationError:
    """Return what may leave a handler: the cause, not "Activity task failed"."""
    problem = problem_of(error)
    return ApplicationError(problem.message, type=problem.code, non_retryable=True)
