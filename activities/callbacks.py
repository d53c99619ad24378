"""Calls to customers: booking, moving and calling off, the next try, and what came of a call."""

from temporalio import activity

from activities.effects import EffectActivities, Effects
from closeloop.actions.base import ActionKind
from closeloop.actions.callbacks import CancelCallback, RescheduleCallback, ScheduleCallback
from closeloop.errors import BackendRefused
from closeloop.models.callbacks import CallbackRecord, Slot
from closeloop.models.proposal import Receipt
from closeloop.models.steps import (
    ActionOutcome,
    BookNextCall,
    CallRead,
    ExecuteAction,
    ReadCall,
)
from closeloop.names import idempotency_key
from closeloop.policy.zones import zone_of
from closeloop.ports import Calendar, CallHours, PolicyBook, Shop


class CallbackActivities(EffectActivities):
    """Activities on the desk's calendar."""

    kinds = (ScheduleCallback, RescheduleCallback, CancelCallback)

    def __init__(self, calendar: Calendar, shop: Shop, book: PolicyBook, effects: Effects) -> None:
        """Keep the calendar, the shop for addresses, the hours, and the exactly-once executor."""
        self._calendar = calendar
        self._shop = shop
        self._book = book
        super().__init__(effects)

    @activity.defn
    def schedule_callback(self, step: ExecuteAction) -> ActionOutcome:
        """Book a call once; see ``Effects.perform`` for what it raises."""
        return self._perform(step)

    @activity.defn
    def reschedule_callback(self, step: ExecuteAction) -> ActionOutcome:
        """Move a call once; see ``Effects.perform`` for what it raises."""
        return self._perform(step)

    @activity.defn
    def cancel_callback(self, step: ExecuteAction) -> ActionOutcome:
        """Call a call off once; see ``Effects.perform`` for what it raises."""
        return self._perform(step)

    @activity.defn
    def book_next_call(self, step: BookNextCall) -> CallRead:
        """Book the n-th try of a call, once, at the first free time after ``after``.

        Raises:
            BackendRefused: ``no_slot``, no time is free; ``no_callbacks``, nobody calls any more.
        """
        key = idempotency_key(step.tenant, f"call:{step.ticket_id}:{step.booking_id}:{step.number}")
        found = self._calendar.find(step.tenant, key)
        if found is None:
            hours, zone = self._hours(step.tenant), self._zone(step.tenant, step.customer_id)
            booked = self._calendar.calls(step.tenant, step.after)
            slot = next(hours.slots(step.after, zone, booked), None)
            if slot is None:
                raise BackendRefused("no time is free for another call", code="no_slot")
            found = self._calendar.book(
                step.tenant, key, step.ticket_id, step.customer_id, slot, zone
            )
        return CallRead(call=found)

    @activity.defn
    def read_call(self, step: ReadCall) -> CallRead:
        """Return a call as the calendar shows it; quick, and changes nothing."""
        return CallRead(call=self._calendar.get(step.tenant, step.booking_id))

    def _write(self, step: ExecuteAction, key: str, params: ActionKind) -> Receipt:
        tenant = step.tenant
        match params:
            case ScheduleCallback(customer_id=customer_id):
                slot, zone = self._slot(tenant, params), self._zone(tenant, customer_id)
                call = self._calendar.book(tenant, key, step.ticket_id, customer_id, slot, zone)
            case RescheduleCallback(booking_id=booking_id):
                self._require_own(tenant, params)
                call = self._calendar.move(tenant, key, booking_id, self._slot(tenant, params))
            case CancelCallback(booking_id=booking_id):
                self._require_own(tenant, params)
                call = self._calendar.cancel(tenant, key, booking_id)
            case _:
                raise BackendRefused(f"{step.action.kind}: cannot be done so", code="invalid")
        return receipt_of(call)

    def _read(self, tenant: str, key: str, params: ActionKind) -> Receipt | None:
        match params:
            case ScheduleCallback():
                call = self._calendar.find(tenant, key)
                return None if call is None else receipt_of(call)
            case RescheduleCallback(booking_id=booking_id):
                call = self._calendar.get(tenant, booking_id)
                moved = call is not None and call.starts_at == params.time
                return receipt_of(call) if call and moved else None
            case CancelCallback(booking_id=booking_id):
                call = self._calendar.get(tenant, booking_id)
                return receipt_of(call) if call and call.status == "cancelled" else None
            case _:
                return None

    def _require_own(self, tenant: str, params: RescheduleCallback | CancelCallback) -> None:
        call = self._calendar.get(tenant, params.booking_id)
        if call is None or call.customer_id != params.customer_id:
            raise BackendRefused("the customer has no such call", code="no_booking")

    def _slot(self, tenant: str, params: ScheduleCallback | RescheduleCallback) -> Slot:
        return self._hours(tenant).slot_at(params.time)

    def _hours(self, tenant: str) -> CallHours:
        hours = self._book.call_hours(tenant)
        if hours is None:
            raise BackendRefused("desk.toml has no [callbacks] any more", code="no_callbacks")
        return hours

    def _zone(self, tenant: str, customer_id: str) -> str:
        customer = self._shop.get_customer(tenant, customer_id)
        zone = zone_of(customer.address) if customer else None
        return zone or self._hours(tenant).zone


def receipt_of(call: CallbackRecord) -> Receipt:
    """Return the receipt that the calendar proves; not settled until the call was made or not."""
    words = {
        "booked": f"a call is booked for {call.said}",
        "reached": f"the call of {call.said} was made",
        "not_reached": f"the call of {call.said} was made, and nobody was reached",
        "cancelled": f"the call of {call.said} is called off",
    }
    return Receipt(
        receipt_id=call.booking_id,
        summary=words[call.status],
        settled=call.status != "booked",
        at=call.starts_at,
    )
