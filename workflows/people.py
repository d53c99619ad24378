"""A ticket's stay with people: hand-over, reminders, and what comes back from them."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from closeloop.models.state import Phase
    from closeloop.models.ticket import Status
    from workflows import calls, notices
    from workflows import state as transitions
    from workflows.core import TicketCore


class PeopleSteps(TicketCore):
    """Escalate, and wait for a person."""

    async def _escalate(self) -> None:
        await self._abandon("escalated")
        now = workflow.now()
        self._state = transitions.handled(
            transitions.due(
                transitions.moved(self._state, Phase.ESCALATE, Status.ESCALATED),
                self._state.terms.escalation_reminder_seconds,
                "a person",
                now,
            ),
            [m.message_id for m in transitions.unread(self._state)],
        )
        escalation = self._escalation()
        draft = escalation.draft
        pack = notices.hand_over_pack(
            self._state, escalation.reason, draft.summary, draft.recommendation
        )
        state = self._recording()
        try:
            outcome = await calls.create_escalation(state, pack)
            self._state = transitions.flushed(self._state, state.pending_events)
            if outcome.receipt is not None:
                update = {"receipt_id": outcome.receipt.receipt_id}
                self._set(escalation=self._escalation().model_copy(update=update))
        except ActivityError as error:  # the ticket stays escalated, and reminders go on
            self._note("case not created", calls.problem_of(error).message)
        await self._send(notices.HANDED_OVER, Status.ESCALATED)
        self._go(Phase.WITH_PERSON)
        self._publish()

    async def _with_person(self) -> None:
        deadline = self._state.deadline
        assert deadline is not None
        if not await self._wait(deadline, "a person"):
            if not self._resting():
                await self._remind_people()
            return
        state = self._state
        if state.recorded is not None:
            await self._resolved_by_person()
        elif state.handed_back:
            self._set(handed_back=False, escalation=None, taken_by=None, observations=(), round=0)
            self._go(Phase.UNDERSTAND, Status.WORKING)
        else:
            await self._forward_messages()

    async def _remind_people(self) -> None:
        escalation = self._escalation()
        update = {"reminders": escalation.reminders + 1}
        self._set(escalation=escalation.model_copy(update=update))
        seconds = self._state.terms.escalation_reminder_seconds
        self._state = transitions.due(self._state, seconds, "a person", workflow.now())
        self._note("reminded", f"the {escalation.queue} queue")
        await self._record("remind the queue")

    async def _forward_messages(self) -> None:
        """Put what the customer wrote on record for the person; they answer, not the agent."""
        self._set(hints=())
        messages = transitions.unread(self._state)
        if not messages:
            return
        self._state = transitions.handled(self._state, [m.message_id for m in messages])
        self._note("forwarded", f"{len(messages)} message(s) to the person in charge")
        await self._record("the customer wrote to the person in charge")

    async def _resolved_by_person(self) -> None:
        recorded = self._state.recorded
        assert recorded is not None
        self._set(recorded=None, escalation=None, taken_by=None, proposal=None)
        self._note("resolved by a person", recorded.summary)
        text = recorded.reply or notices.DONE_BY_PERSON
        if not await self._send(text, Status.RESOLVED):
            self._state = transitions.resolved(self._state, workflow.now())
        self._rest_with_customer(final=True)
