"""A ticket's stay with people: hand-over, reminders, and what comes back from them."""

from datetime import datetime
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.handover import pack_of
    from closeloop.models.proposal import ActionRecord
    from closeloop.models.routing import Route
    from closeloop.models.state import Escalation, Phase
    from closeloop.models.ticket import Mode, Status
    from workflows import (
        agent_calls,
        approval,
        conversation,
        ends,
        levels,
        notices,
        people_calls,
        promises,
    )
    from workflows import state as transitions
    from workflows.calling import CallFailed
    from workflows.hinted import HintedSteps
    from workflows.patches import NO_LOOPS, SHADOW_SAYS_NOTHING

TAKEN_OVER: Final = "taken_over"
MAX_RETURNED: Final = 20


class PeopleSteps(HintedSteps):
    """Escalate, and wait for a person."""

    async def _escalate(self) -> None:
        await self._abandon("escalated")
        now = self.clock.now()
        self._state = conversation.handled(
            transitions.due(
                transitions.moved(self._state, Phase.ESCALATE, Status.ESCALATED),
                self._state.terms.escalation_reminder_seconds,
                "a person",
                now,
            ),
            [m.message_id for m in conversation.unread(self._state)],
        )
        self._publish()
        if not await self._case_created(now):
            await self._record("escalated, without a case")
        self._patches.came_to_people()
        if not self._only_watches():
            promised = notices.answer_promised(self._state, self.clock.now())
            await self._send(notices.handed_over(self._state), Status.ESCALATED, promised)
        self._go(Phase.WITH_PERSON)

    async def _case_created(self, now: datetime) -> bool:
        """Create the case, and take up where it went; without one, it is tried at each reminder."""
        state = self._recording()
        pack = pack_of(self._state, self._escalation())
        try:
            outcome = await people_calls.create_escalation(state, pack, now)
        except CallFailed as failure:
            self._note("case not created", failure.problem.message)
            return False
        self._state = transitions.flushed(self._state, state.pending_events)
        if outcome.receipt is not None:
            update = {"receipt_id": outcome.receipt.receipt_id}
            self._set(escalation=self._escalation().model_copy(update=update))
        if outcome.route is not None:
            self._routed(outcome.route)
        return True

    def _routed(self, route: Route) -> None:
        update = {"route": route, "queue": route.queue}
        self._set(escalation=self._escalation().model_copy(update=update))
        now = self.clock.now()
        self._state = transitions.event(
            self._state,
            now,
            "routed",
            queue=route.queue,
            to_person=route.person is not None,
            skill=route.skill,
            language=route.language,
        )
        whose = f" to {route.person}" if route.person else ""
        self._note("routed", f"the {route.queue} queue{whose}: {'; '.join(route.why)}")

    def _only_watches(self) -> bool:
        """Whether nothing may reach the customer from here: a person does all of the work."""
        return Mode.SHADOW in (self._state.mode, approval.mode_cap(self._state))

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
            self._returned()
            escalation = self._escalation()
            self._set(handed_back=False, escalation=None, taken_by=None, observations=(), round=0)
            self._go(Phase.UNDERSTAND, Status.WORKING)
            await self._case_done(escalation)
        elif not promises.pressing(state, self.clock.now()):
            await self._forward_news()

    def _returned(self) -> None:
        """Keep why people had the ticket: the same reason again, and it stays with them.

        Taking over is a person's own choice, and may be made as often as they like.
        """
        reason = self._escalation().reason
        if reason != TAKEN_OVER and self._patches.patched(NO_LOOPS):
            reasons = (*self._state.returned, reason)
            self._set(returned=tuple(dict.fromkeys(reasons))[-MAX_RETURNED:])

    async def _remind_people(self) -> None:
        escalation = self._escalation()
        update = {"reminders": escalation.reminders + 1}
        self._set(escalation=escalation.model_copy(update=update))
        seconds = self._state.terms.escalation_reminder_seconds
        self._state = transitions.due(self._state, seconds, "a person", self.clock.now())
        self._note("reminded", f"the {escalation.queue} queue")
        self._publish()
        if escalation.receipt_id is None and self._patches.second:
            await self._case_created(self.clock.now())
        await self._record("remind the queue")

    async def _forward_news(self) -> None:
        """Put on record, for the person in charge, what the customer wrote and what became undone.

        The person answers, not the agent.
        """
        for record in await self._still_gone():
            self._undone(record)
        messages = conversation.unread(self._state)
        if messages:
            self._state = conversation.handled(self._state, [m.message_id for m in messages])
            self._note("forwarded", f"{len(messages)} message(s) to the person in charge")
            if self._patches.second:
                await self._heed_topics()
        await self._record("news for the person in charge")

    async def _heed_topics(self) -> None:
        """Tell people at once what new words touch and nobody has seen yet, such as distress."""
        triage = self._state.classification
        if triage is None:
            return
        try:
            read = await agent_calls.classify_ticket(self._state)
        except CallFailed as failure:
            self._note("topics not read", failure.problem.message)
            return
        new = tuple(topic for topic in read.topics if topic not in triage.topics)
        if not new:
            return
        self._set(classification=triage.model_copy(update={"topics": (*triage.topics, *new)}))
        self._state = levels.raised(self._state, read.priority, self.clock.now())
        self._note("new topics", ", ".join(new))
        await self._tell_people(notices.touched(self._state, new))

    async def _still_gone(self) -> tuple[ActionRecord, ...]:
        try:
            return await self._gone(await self._hinted())
        except CallFailed as failure:
            self._note("not read back", failure.problem.message)
            return ()

    async def _resolved_by_person(self) -> None:
        recorded = self._state.recorded
        assert recorded is not None
        escalation = self._escalation()
        self._set(recorded=None, escalation=None, taken_by=None, proposal=None)
        self._note("resolved by a person", recorded.summary)
        if self._only_watches() and self._patches.patched(SHADOW_SAYS_NOTHING):
            self._state = ends.resolved(self._state, self.clock.now())
            await self._case_done(escalation)
            self._rest_with_customer(final=True)
            return
        text = recorded.reply or notices.DONE_BY_PERSON
        if not await self._send(text, Status.RESOLVED, by_person=recorded.reply is not None):
            self._state = ends.resolved(self._state, self.clock.now())
        await self._case_done(escalation)
        self._rest_with_customer(final=True)

    async def _case_done(self, escalation: Escalation) -> None:
        """Mark the case as done in the helpdesk, and read that back: it counts as load until then.

        Cases of before there were routes stay as they are.
        """
        if escalation.route is None:
            return
        state = self._recording()
        try:
            await people_calls.close_case(state, escalation.number)
            self._state = transitions.flushed(self._state, state.pending_events)
        except CallFailed as failure:
            self._note("case not closed", failure.problem.message)
