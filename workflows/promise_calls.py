"""The activity calls about promised calls."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.callbacks import CallbackActivities
    from closeloop.models.callbacks import BookedCall, CallbackRecord
    from closeloop.models.state import TicketState
    from closeloop.models.steps import BookNextCall, CallRead, ReadCall
    from workflows import options
    from workflows.calling import local, remote


async def read_call(state: TicketState, call: BookedCall) -> CallbackRecord | None:
    """Read what the calendar says of a call."""
    found = await local(
        CallbackActivities.read_call,
        ReadCall(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            booking_id=call.booking_id,
        ),
        summary=f"read back {call.booking_id}",
        how=options.LOCAL,
    )
    return found.call


async def book_next_call(
    state: TicketState, call: BookedCall, customer_id: str, after: datetime
) -> CallbackRecord | None:
    """Book another try."""
    made = await remote(
        state,
        CallbackActivities.book_next_call,
        BookNextCall(
            tenant=state.ticket.tenant,
            ticket_id=state.ticket.ticket_id,
            customer_id=customer_id,
            booking_id=call.booking_id,
            number=call.number + 1,
            after=after,
        ),
        CallRead,
        summary=f"call again: try {call.number + 1}",
        how=options.WRITE,
    )
    return made.call
