"""The activity calls of a ticket's stay with people."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.crm import CrmActivities
    from closeloop.models.handover import HandOverPack
    from closeloop.models.routing import RouteRequest
    from closeloop.models.state import TicketState
    from closeloop.models.steps import CloseCase, CreateEscalation, EscalationCreated, Recorded
    from workflows import approval, calls, levels, options
    from workflows.calling import remote


async def create_escalation(
    state: TicketState, details: HandOverPack, now: datetime
) -> EscalationCreated:
    """Route the ticket to a human queue, or to a person of it."""
    escalation, triage = state.escalation, state.classification
    assert escalation is not None
    return await remote(
        state,
        CrmActivities.create_escalation,
        CreateEscalation(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            number=escalation.number,
            queue=escalation.queue,
            reason=escalation.reason,
            details=details,
            routing=RouteRequest(
                reason=escalation.reason,
                intent=triage.intent if triage else None,
                topics=triage.topics if triage else (),
                language=triage.language if triage else None,
                taken_by=escalation.taken_by,
                requesters=approval.requesters(state),
                at=now,
                clock_start=levels.clock_start(state),
            ),
            snapshot=calls.snapshot(state),
        ),
        EscalationCreated,
        summary=f"hand over: {escalation.reason}",
        how=options.DURABLE,
    )


async def close_case(state: TicketState, number: int) -> None:
    """Mark the case of the ticket's n-th stay with people as done."""
    await remote(
        state,
        CrmActivities.close_case,
        CloseCase(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            number=number,
            snapshot=calls.snapshot(state),
        ),
        Recorded,
        summary=f"case {number} is done",
        how=options.WRITE,
    )
