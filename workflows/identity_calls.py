"""The activity calls by which a ticket finds out who writes, and what they agree to."""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.identity import IdentityActivities
    from closeloop.models.identity import CodeTerms, GivenCodes
    from closeloop.models.state import TicketState
    from closeloop.models.steps import (
        CheckCode,
        CodeChecked,
        CodeSent,
        ConsentRead,
        ReadConsent,
        SendCode,
    )
    from workflows import approval, options
    from workflows.calling import local, remote


async def send_code(state: TicketState, number: int, terms: CodeTerms) -> CodeSent:
    """Send the ticket's n-th code to the contact on file."""
    ticket = state.ticket
    return await remote(
        state,
        IdentityActivities.send_code,
        SendCode(
            tenant=ticket.tenant,
            ticket_id=ticket.ticket_id,
            number=number,
            customer_id=approval.customer_id(state),
            customer=ticket.customer,
            at=workflow.now(),
            terms=terms,
        ),
        CodeSent,
        summary=f"send code {number} to the contact on file",
        how=options.WRITE,
    )


async def check_code(
    state: TicketState, given: Sequence[GivenCodes], terms: CodeTerms
) -> CodeChecked:
    """Compare what a customer gave with the code that was sent."""
    ticket = state.ticket
    return await remote(
        state,
        IdentityActivities.check_code,
        CheckCode(
            tenant=ticket.tenant,
            ticket_id=ticket.ticket_id,
            customer_id=approval.customer_id(state),
            customer=ticket.customer,
            given=tuple(given),
            at=workflow.now(),
            terms=terms,
        ),
        CodeChecked,
        summary="is it the code that was sent",
        how=options.WRITE,
    )


async def read_consent(state: TicketState, text: str) -> ConsentRead:
    """Read the customer's answer to a question about an effect."""
    return await local(
        IdentityActivities.read_consent,
        ReadConsent(tenant=state.ticket.tenant, ticket_id=state.ticket.ticket_id, text=text),
        summary="does the customer agree",
        how=options.LOCAL,
    )
