"""A ticket's promises: looked at before they are due, and owned up to once they are missed."""

from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.callbacks import CallbackRecord
    from closeloop.models.state import Commitment, Phase
    from closeloop.models.ticket import Status
    from workflows import (
        approval,
        conversation,
        ends,
        levels,
        notices,
        promise_calls,
        promises,
        replies,
    )
    from workflows import state as transitions
    from workflows.calling import CallFailed
    from workflows.core import WAITING
    from workflows.people import PeopleSteps

NOT_REACHED: Final = "callback_not_reached"
"""Why people get a ticket whose customer did not answer the telephone."""


class PromisingSteps(PeopleSteps):
    """Keep an eye on promises, and wait for calls."""

    async def _look_at_promises(self) -> None:
        """See to the promises that are at risk or due, where the ticket rests."""
        if self._state.phase not in WAITING:
            return
        for promise in promises.pressing(self._state, self.clock.now()):
            await self._look_at(promise)

    async def _look_at(self, promise: Commitment) -> None:
        if promise.kind == "callback" and self._state.callback is not None:
            await self._look_at_call(promise)
        elif promise.kind == "settlement" and await self._all_settled():
            self._state = promises.settled(self._state, promise, "kept", self.clock.now())
        else:
            await self._not_kept(promise)

    async def _all_settled(self) -> bool:
        try:
            gone = await self._gone(promises.unsettled(self._state))
        except CallFailed as failure:
            self._note("not read back", failure.problem.message)
            return False
        return not gone and not promises.unsettled(self._state)

    async def _not_kept(self, promise: Commitment, *, over: bool = False) -> None:
        """Warn people, or own up to it; ``over`` says that it cannot be kept any more."""
        now = self.clock.now()
        if over or promise.due_at <= now:
            await self._missed(promise)
            return
        self._state = promises.warned(self._state, promise, now)
        self._state = levels.raised(self._state, "high", now)
        await self._tell_people(promises.alert(self._state, promise))

    async def _missed(self, promise: Commitment) -> None:
        """Tell the customer before they have to ask, and put the ticket to people."""
        now = self.clock.now()
        self._state = promises.settled(self._state, promise, "missed", now)
        self._state = levels.raised(self._state, "urgent", now)
        called = promise.kind == "callback"
        missed = promise.model_copy(update={"state": "missed"})
        alert = promises.alert(self._state, missed)
        if called:
            self._state = promises.not_called(self._state)
        if self._state.phase is not Phase.WITH_PERSON:
            reason = notices.CALL_MISSED if called else notices.PROMISE_MISSED
            self._hand_over(reason, alert, "Do what was promised, or agree on something else.")
            return
        await self._tell_people(alert)
        text = notices.CALL_NOT_MADE if called else notices.NOT_HEARD
        if not self._only_watches() and not self._just_said(text):
            await self._send(text, Status.ESCALATED)

    def _just_said(self, text: str) -> bool:
        """Whether the customer was told just this last, and has said nothing since."""
        last = self._state.messages[-1].text if self._state.messages else ""
        return self._patches.second and last == replies.in_voice(self._state, text)

    # --- calls ---

    def _rest_until_called(self) -> None:
        """Wait for the call that is booked."""
        due = promises.last_due(self._state)
        assert due is not None
        self._set(deadline=due, deadline_reason="the call")
        self._go(Phase.CALL)
        self._publish()

    async def _await_call(self) -> None:
        deadline = self._state.deadline
        assert deadline is not None
        if not await self._wait(deadline, self._state.deadline_reason):
            return  # the promise is due: the run loop looks at it, or continues as new
        if self._state.hints:
            self._set(hints=())
            for promise in promises.watched(self._state):
                if promise.kind == "callback":
                    await self._look_at_call(promise, early=True)
        elif conversation.unread(self._state):
            self._go(Phase.UNDERSTAND, Status.WORKING)

    async def _look_at_call(self, promise: Commitment, *, early: bool = False) -> None:
        """Read what came of the call; nobody has called as long as nothing was entered."""
        call = await self._read_call()
        now = self.clock.now()
        match call.status if call else "booked":
            case "reached":
                self._state = promises.settled(self._state, promise, "kept", now)
                await self._reached()
            case "not_reached":
                self._state = promises.settled(self._state, promise, "kept", now)
                await self._not_reached()
            case "cancelled":
                await self._not_kept(promise, over=True)
            case "booked":
                if not early:
                    await self._not_kept(promise)

    async def _read_call(self) -> CallbackRecord | None:
        booked = self._state.callback
        assert booked is not None
        try:
            return await promise_calls.read_call(self._state, booked)
        except CallFailed as failure:
            self._note("calendar not read", failure.problem.message)
            return None

    async def _reached(self) -> None:
        self._call_event("callback_reached")
        self._set(callback=None)
        if self._state.phase is not Phase.CALL:
            return
        if not await self._send(notices.CALLED, Status.RESOLVED):
            self._state = ends.resolved(self._state, self.clock.now())
        self._rest_with_customer(final=True)

    async def _not_reached(self) -> None:
        """Try again, so often as the desk does; then a person decides how to go on."""
        self._call_event("callback_not_reached")
        call, terms = self._state.callback, self._state.terms.callbacks
        assert call is not None
        assert terms is not None
        if self._state.phase is Phase.WITH_PERSON:
            self._set(callback=None)
            await self._record("a call that reached nobody")
        elif call.number >= terms.tries or not await self._call_again():
            self._set(callback=None)
            self._hand_over(
                NOT_REACHED,
                f"The customer asked for a call; {call.number} of {terms.tries} reached nobody.",
                "Write to the customer, or agree on another time.",
            )

    async def _call_again(self) -> bool:
        """Book the next try, and tell the customer of it."""
        call, customer_id = self._state.callback, approval.customer_id(self._state)
        if call is None or customer_id is None:
            return False
        after = promises.next_try_after(self._state, self.clock.now())
        try:
            made = await promise_calls.book_next_call(self._state, call, customer_id, after)
        except CallFailed as failure:
            self._note("no other call", clip(failure.problem.message, 200))
            return False
        if made is None:
            return False
        self._state = promises.booked_again(self._state, made, after, self.clock.now())
        text = notices.CALL_AGAIN.format(when=made.said)
        if not await self._send(text, self._state.status, (promises.CALL,)):
            return False
        if self._state.phase is Phase.CALL:
            self._rest_until_called()
        return True

    def _call_event(self, kind: str) -> None:
        call = self._state.callback
        assert call is not None
        self._state = transitions.event(self._state, self.clock.now(), kind, number=call.number)
        self._note(kind.replace("_", " "), f"try {call.number}")
