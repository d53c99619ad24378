"""Calls that customers ask for: booked at the time they wish, moved, or called off."""

import re
from typing import Final

from closeloop.actions.callbacks import (
    CallbackAction,
    CancelCallback,
    RescheduleCallback,
    ScheduleCallback,
)
from closeloop.models.callbacks import CallbackRecord
from closeloop.models.proposal import Action, CommitmentDraft, Proposal
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting
from closeloop.offline.playbooks.case import Case
from closeloop.offline.playbooks.times import WishedTime, wished_time
from closeloop.policy.call_times import CallTimes

_CALLED_OFF: Final = re.compile(
    r"\b(?:cancel|call off|no longer need|don't need|do not need|not necessary)\b", re.IGNORECASE
)


class CallPlans:
    """Plans calls from the times at which customers can be called."""

    def __init__(self, times: CallTimes) -> None:
        """Keep who knows the times."""
        self._times = times

    def plan(self, case: Case) -> Proposal:
        """Return a call at the time that the customer wishes, or what becomes of a booked one."""
        customer_id = case.request.customer_id
        known = self._times.of(case.request.tenant, customer_id, case.now) if customer_id else None
        if known is None or customer_id is None:
            return drafting.escalate(
                case, "callback", "The customer asks for a call, which is not booked here."
            )
        if known.booked is not None and _CALLED_OFF.search(case.latest):
            return _called_off(case, known.booked)
        wish = wished_time(case.latest, case.now, known.zone)
        if wish.unclear:
            return drafting.question(
                case,
                (wording.CALL_WHEN,),
                goal="learn when the customer would like to be called",
                why="the time that is named is not understood",
            )
        slot = wish.best(known.free, case.now, known.zone)
        if slot is None:
            return drafting.escalate(case, "no_slot", "No time is free for the call asked for.")
        starts_at = f"{slot.starts_at:%Y-%m-%dT%H:%M:%SZ}"
        due = (slot.ends_at - case.now).total_seconds() / 3600
        if known.booked is None:
            params = ScheduleCallback(customer_id=customer_id, starts_at=starts_at)
            return _booking(case, params, due)
        return _moving(case, known.booked, wish, starts_at, due)


def _booking(case: Case, params: CallbackAction, due_in_hours: float) -> Proposal:
    return drafting.answer(
        case,
        (wording.CALL_BOOKED, wording.CALL_OTHER_TIME),
        goal="book the call that was asked for",
        why="the customer asks to be called",
        actions=(_act(case, params),),
        courtesy=wording.THANKS,
    ).model_copy(update={"commitments": (_promise(due_in_hours),)})


def _moving(
    case: Case, booked: CallbackRecord, wish: WishedTime, starts_at: str, due_in_hours: float
) -> Proposal:
    if not wish.named:
        return drafting.escalate(
            case,
            "which_time",
            f"A call is booked ({booked.said}); it is not clear what should change.",
        )
    params = RescheduleCallback(
        customer_id=booked.customer_id, booking_id=booked.booking_id, starts_at=starts_at
    )
    return _booking(case, params, due_in_hours)


def _called_off(case: Case, booked: CallbackRecord) -> Proposal:
    params = CancelCallback(customer_id=booked.customer_id, booking_id=booked.booking_id)
    return drafting.answer(
        case,
        (wording.CALL_OFF,),
        goal="call the booked call off",
        why="the customer does not want the call any more",
        actions=(_act(case, params),),
        courtesy=wording.THANKS,
    )


def _promise(due_in_hours: float) -> CommitmentDraft:
    return CommitmentDraft(
        kind="callback", text="call the customer at the time booked", due_in_hours=due_in_hours
    )


def _act(case: Case, params: CallbackAction) -> Action:
    return Action(
        action_id="a1",
        kind=params.kind,
        params=params.model_dump(mode="json"),
        reason="the customer's own words",
        requested_by=tuple(message.message_id for message in case.messages[-1:]),
    )
