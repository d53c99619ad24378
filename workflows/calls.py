"""A ticket's activity calls: their input from the state, their options, their summary."""

from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.crm import CrmActivities
    from activities.effects import VerificationActivities
    from activities.outcomes import OutcomeActivities
    from activities.outreach import OutreachActivities
    from activities.policy import PolicyActivities
    from activities.triage import TriageActivities
    from closeloop.models.approval import (
        ApprovalOutcome,
        ApprovalRequest,
        BackendEvent,
    )
    from closeloop.models.grounding import ReplyToCheck
    from closeloop.models.labels import DecisionLabel
    from closeloop.models.policy import Judgement, JudgeRequest
    from closeloop.models.proposal import (
        Action,
        ActionRecord,
    )
    from closeloop.models.sla import OpenHours
    from closeloop.models.state import SUPPORT_QUEUE, TicketState
    from closeloop.models.steps import (
        ActionOutcome,
        ApprovalPublished,
        CloseTicket,
        ExecuteAction,
        LoadCustomer,
        LoadedCustomer,
        RaiseAlert,
        ReadConfirmation,
        ReadHours,
        RecalledEffects,
        RecallEffects,
        Recorded,
        RecordOutcome,
        RequestApproval,
        SendReply,
        SettleApproval,
        Snapshot,
        Verification,
        VerifyAction,
    )
    from closeloop.models.triage import Confirmation
    from closeloop.models.view import snapshot_view
    from workflows import (
        approval,
        conversation,
        identity,
        levels,
        options,
        past_ticket,
    )
    from workflows.calling import local, remote


def snapshot(state: TicketState) -> Snapshot:
    """Return what travels to the operations database with the next activity that records."""
    return Snapshot(
        sequence=state.snapshot_count,
        view=snapshot_view(state),
        events=state.pending_events,
        judgements=state.pending_judgements,
    )


async def load_customer(state: TicketState) -> LoadedCustomer:
    """Load the customer on file and the desk's terms."""
    ticket = state.ticket
    return await remote(
        state,
        TriageActivities.load_customer,
        LoadCustomer(
            tenant=ticket.tenant,
            ticket_id=ticket.ticket_id,
            customer=ticket.customer,
            assurance=ticket.assurance,
            clock_start=levels.clock_start(state),
        ),
        LoadedCustomer,
        summary="who writes, and the desk's terms",
        how=options.STAND_IN,
    )


def judge_request(
    state: TicketState, actions: Sequence[Action], reply: ReplyToCheck | None
) -> JudgeRequest:
    """Return what a judgement is made on; a reply is held against what it rests on."""
    customer, classification = state.customer, state.classification
    return JudgeRequest(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        customer_id=customer.customer_id if customer else None,
        assurance=identity.assurance(state),
        intent=classification.intent if classification else "",
        confidence=classification.confidence if classification else 0,
        topics=classification.topics if classification else (),
        sentiment=classification.sentiment if classification else "neutral",
        answered=state.sla.first_response_at is not None,
        injection_suspected=bool(classification and classification.injection_suspected),
        mode_cap=approval.mode_cap(state),
        cap_source=approval.cap_source(state),
        contact_changed_at=customer.contact_changed_at if customer else None,
        ticket_order_ids=state.ticket.order_ids,
        customer_messages=conversation.asking_texts(state),
        actions=tuple(actions),
        consents=state.consents,
        reply=reply,
    )


async def evaluate_policy(
    state: TicketState, actions: Sequence[Action], reply: ReplyToCheck | None
) -> Judgement:
    """Gather the facts and judge."""
    return await local(
        PolicyActivities.evaluate_policy,
        judge_request(state, actions, reply),
        summary="what policy allows",
        how=options.LOCAL,
    )


async def request_approval(state: TicketState, request: ApprovalRequest) -> ApprovalPublished:
    """Publish the request and reserve its money."""
    steps = tuple(
        approval.step_for(state, action, request_id=request.request_id)
        for action in request.actions
    )
    return await remote(
        state,
        OutcomeActivities.request_approval,
        RequestApproval(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            request_id=request.request_id,
            customer_id=approval.customer_id(state),
            action_kinds=tuple(action.kind for action in request.actions),
            effects=steps,
            total=request.total,
            deadline=request.deadline,
            snapshot=snapshot(state),
            clock_start=levels.clock_start(state),
            requested_at=request.requested_at,
        ),
        ApprovalPublished,
        summary=f"ask for approval of {request.request_id}",
        how=options.WRITE,
    )


async def settle_approval(
    state: TicketState,
    outcome: ApprovalOutcome,
    effect_ids: Sequence[str],
    dropped: Sequence[str],
    label: DecisionLabel | None,
) -> None:
    """Take the request off the list and free what it reserved; ``dropped`` even if approved."""
    await remote(
        state,
        OutcomeActivities.settle_approval,
        SettleApproval(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            request_id=outcome.request_id,
            outcome=outcome.outcome,
            effect_ids=tuple(effect_ids),
            dropped=tuple(dropped),
            snapshot=snapshot(state),
            label=label,
        ),
        Recorded,
        summary=f"{outcome.request_id} {outcome.outcome}",
        how=options.DURABLE,
    )


async def record_outcome(state: TicketState, why: str) -> None:
    """Write events and a snapshot with nothing else to ride on."""
    await remote(
        state,
        OutcomeActivities.record_outcome,
        RecordOutcome(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            snapshot=snapshot(state),
        ),
        Recorded,
        summary=why,
        how=options.DURABLE,
    )


async def perform(state: TicketState, step: ExecuteAction) -> ActionOutcome:
    """Perform a WRITE by its kind's own activity, found by name."""
    return await remote(
        state,
        step.action.kind,
        step,
        ActionOutcome,
        summary=f"{step.action.kind} {step.effect_id}",
        how=options.WRITE,
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
    return await local(
        VerificationActivities.verify_action,
        _check(step),
        summary=f"read back {step.effect_id}",
        how=options.LOCAL,
    )


async def reconcile_action(state: TicketState, step: ExecuteAction) -> Verification:
    """Find out what became of a write that never answered."""
    return await remote(
        state,
        VerificationActivities.reconcile_action,
        _check(step),
        Verification,
        summary=f"find out about {step.effect_id}",
        how=options.WRITE,
    )


async def recall_effects(state: TicketState, hint: BackendEvent) -> tuple[ActionRecord, ...]:
    """Look up what an earlier ticket did that a hint is about."""
    found = await remote(
        state,
        OutcomeActivities.recall_effects,
        RecallEffects(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            made_by=hint.ticket_id or state.ticket.ticket_id,
            effect_id=hint.effect_id,
        ),
        RecalledEffects,
        summary=f"what {hint.ticket_id} did",
        how=options.WRITE,
    )
    return found.records


async def send_reply(state: TicketState, reply_id: str, text: str, after: TicketState) -> None:
    """Send one reply; ``after`` is where the ticket stands once it is out."""
    ticket = state.ticket
    await remote(
        state,
        OutreachActivities.send_reply,
        SendReply(
            tenant=ticket.tenant,
            ticket_id=ticket.ticket_id,
            reply_id=reply_id,
            customer_id=approval.customer_id(state),
            fallback_email=ticket.customer.email,
            subject=f"Re: {ticket.subject}",
            text=text,
            snapshot=snapshot(after),
        ),
        ActionOutcome,
        summary=f"reply {reply_id}",
        how=options.DURABLE,
    )


async def raise_alert(state: TicketState, text: str) -> None:
    """Tell the people of the ticket's queue at once."""
    escalation = state.escalation
    await remote(
        state,
        CrmActivities.raise_alert,
        RaiseAlert(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            number=state.watch.alert_count,
            queue=escalation.queue if escalation else SUPPORT_QUEUE,
            text=text,
            snapshot=snapshot(state),
        ),
        Recorded,
        summary=f"alert {state.watch.alert_count}: service levels",
        how=options.WRITE,
    )


async def read_hours(state: TicketState, calendar: str, since: datetime) -> OpenHours:
    """Read a calendar from ``since`` on."""
    found = await local(
        TriageActivities.read_hours,
        ReadHours(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            calendar=calendar,
            clock_start=levels.clock_start(state),
            since=since,
        ),
        summary=f"the hours of {calendar}",
        how=options.LOCAL,
    )
    return found.hours


async def close_ticket(state: TicketState, note: str) -> None:
    """Write the closing note and the last events."""
    await remote(
        state,
        CrmActivities.close_ticket,
        CloseTicket(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            number=state.reopened_count + 1,
            customer_id=approval.customer_id(state),
            note=note,
            snapshot=snapshot(state),
            past_ticket=past_ticket.serves(state),
        ),
        Recorded,
        summary="close: CRM note and outcome events",
        how=options.DURABLE,
    )


async def read_confirmation(state: TicketState, text: str) -> Confirmation:
    """Read the customer's word after a resolution."""
    return await local(
        TriageActivities.read_confirmation,
        ReadConfirmation(tenant=state.ticket.tenant, ticket_id=state.ticket.ticket_id, text=text),
        summary="does the customer say it is solved",
        how=options.LOCAL,
    )
