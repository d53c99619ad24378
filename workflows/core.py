"""What every step of a ticket shares: its state, its clock, and how it moves, waits and records."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.approval import ApprovalOutcome, Decision, RequestOutcome
    from closeloop.models.base import clip
    from closeloop.models.labels import DecisionLabel
    from closeloop.models.policy import Judgement
    from closeloop.models.proposal import (
        ActionError,
        ActionState,
        CommitmentDraft,
        EscalationDraft,
        Observation,
        Proposal,
    )
    from closeloop.models.state import Escalation, Phase, TicketState
    from closeloop.models.ticket import Mode, Status
    from closeloop.models.triage import Classification
    from workflows import (
        approval,
        attributes,
        calls,
        comparing,
        conversation,
        deciders,
        ends,
        levels,
        promises,
        replies,
    )
    from workflows import state as transitions
    from workflows.calling import CallFailed
    from workflows.card import card
    from workflows.clock import Clock
    from workflows.patches import PeoplePatches


WAITING: Final = frozenset({Phase.APPROVE, Phase.CALL, Phase.CONFIRM, Phase.WITH_PERSON})
"""Phases in which a ticket may rest for days, and continue as new."""

KNOWLEDGE_GAP: Final = "knowledge_gap"
"""Why people get a ticket that no passage answers: what is missing is an outcome of its own."""

HEEDS_HINTS: Final = frozenset({Phase.CALL, Phase.CONFIRM, Phase.WITH_PERSON})
"""Phases that follow a backend's hint at once; in the others it is kept until then."""


class TicketCore:
    """The state of one ticket and the moves that more than one step makes."""

    _state: TicketState
    clock: Clock
    _patches: PeoplePatches

    async def _wait(self, deadline: datetime, reason: str) -> bool:
        """Wait for something new, a promise among it, or the deadline.

        False also when it is time to continue as new.
        """
        workflow.set_current_details(card(self._state))

        def ready() -> bool:
            return self._something_new() or self._should_continue()

        while True:
            wakes = (levels.next_wake(self._state), promises.next_wake(self._state))
            wake = min(filter(None, wakes), default=None)
            if wake is None or wake.at >= deadline:
                return await self.clock.wait(ready, deadline, reason) and self._something_new()
            if await self.clock.wait(ready, wake.at, wake.reason):
                return self._something_new()
            if promises.pressing(self._state, self.clock.now()):
                return True
            await self._look_at_levels()

    async def _look_at_levels(self) -> None:
        """Tell people of targets at risk and missed, and read on where the known hours end."""
        now = self.clock.now()
        self._state = levels.seen(self._state, now)
        end = levels.hours_end(self._state, now)
        if end is not None:
            await self._read_hours(*end)
        if self._state.watch.alarms:
            await self._alert()

    async def _read_hours(self, calendar: str, since: datetime) -> None:
        try:
            hours = await calls.read_hours(self._state, calendar, since)
        except CallFailed as failure:
            self._note("no service level", f"{calendar}: {failure.problem.message}")
            self._state = levels.given_up(self._state)
            return
        self._state = levels.renewed(self._state, calendar, hours)

    async def _alert(self) -> None:
        told = self._state.watch.alarms
        await self._tell_people(levels.alert(self._state))
        self._state = levels.alerted(self._state, told)

    async def _tell_people(self, text: str) -> None:
        """Tell the people of the ticket's queue at once, and record where it stands."""
        watch = self._state.watch
        self._set(watch=watch.model_copy(update={"alert_count": watch.alert_count + 1}))
        self._publish()
        state = self._recording()
        try:
            await calls.raise_alert(state, text)
            self._state = transitions.flushed(self._state, state.pending_events)
        except CallFailed as failure:
            self._note("nobody told", failure.problem.message)
            await self._record("an alert that nobody got")

    def _resting(self) -> bool:
        """Whether a wait ended only to continue as new."""
        return self._should_continue()

    def _should_continue(self) -> bool:
        return (
            self._state.phase in WAITING
            and workflow.info().is_continue_as_new_suggested()
            and not self._something_new()
            and workflow.all_handlers_finished()
        )

    def _something_new(self) -> bool:
        state = self._state
        person = state.recorded is not None or state.handed_back
        hints = state.hints and state.phase in HEEDS_HINTS
        news = state.decision or hints or person or state.claim_news
        return bool(news or self._interrupted())

    def _interrupted(self) -> bool:
        """Whether what is under way must stop: new words, a person in charge, a lower mode."""
        state = self._state
        taken = state.taken_by is not None and state.phase is not Phase.WITH_PERSON
        return bool(conversation.unread(state)) or taken or approval.outranked(state)

    async def _abandon(self, why: str) -> None:
        """Drop what did not run yet, and free what was reserved for it."""
        if self._state.approval is not None:
            await self._end_request("withdrawn")
        error = ActionError(code=why, message="dropped before it ran")
        approved = self._state.approved_by
        proposal = self._state.proposal
        live = approval.live_actions(self._state, proposal) if proposal else ()
        self._state = transitions.open_actions_become(self._state, ActionState.SKIPPED, error)
        if approved is not None and live and self._state.approvals:
            last = self._state.approvals[-1].model_copy(update={"outcome": "withdrawn"})
            await self._settle(last, approval.effect_ids(self._state, live))

    async def _end_request(
        self,
        outcome: RequestOutcome,
        decision: Decision | None = None,
        *,
        dropped: Sequence[str] = (),
    ) -> None:
        """End the open request on the ticket and on the list, and free what it reserved.

        ``dropped`` are effects that an approver took out of what is approved.
        """
        request = self._state.approval
        if request is None:
            return
        now = self.clock.now()
        ended = ApprovalOutcome(
            request_id=request.request_id,
            outcome=outcome,
            approver=decision.approver if decision else None,
            first_approver=request.first.approver if request.first else None,
            reason=decision.reason if decision else None,
            words=decision.words if decision else "",
            edited=bool(decision and deciders.edit_of(self._state, decision)),
            at=now,
        )
        seconds = deciders.human_seconds(request, decision, now) if decision else None
        label = deciders.label(self._state, ended, decision) if decision else None
        effects = approval.effect_ids(self._state, request.actions)
        if outcome != "approved":
            to = ActionState.REFUSED if outcome == "rejected" else ActionState.SKIPPED
            error = ActionError(code=outcome, message=ended.words or outcome)
            self._state = transitions.open_actions_become(self._state, to, error)
        if decision is not None and outcome != "withdrawn":
            edit = deciders.edit_of(self._state, decision)
            self._state = comparing.decided(self._state, request, outcome, edit, seconds, now)
        self._state = approval.ended(self._state, ended, seconds, now)
        self._set(status=Status.WORKING, deadline=None, deadline_reason="")
        await self._settle(ended, effects, dropped, label)

    async def _settle(
        self,
        ended: ApprovalOutcome,
        effects: Sequence[str],
        dropped: Sequence[str] = (),
        label: DecisionLabel | None = None,
    ) -> None:
        """Tell the ledger and the list of approvals; a cancelled ticket does so before it ends."""
        state = self._recording()
        call = asyncio.create_task(calls.settle_approval(state, ended, effects, dropped, label))
        try:
            await asyncio.shield(call)
        except asyncio.CancelledError:
            await asyncio.gather(call, return_exceptions=True)
            raise
        except CallFailed as failure:  # a reservation ends by itself, at the request's deadline
            self._note("not settled", failure.problem.message)
            return
        self._state = transitions.flushed(self._state, state.pending_events)

    def _hand_over(self, reason: str, summary: str, recommendation: str) -> None:
        """Route the ticket to people; the run loop does it next."""
        now = self.clock.now()
        state = self._state
        count = state.escalation_count + 1
        mode = Mode.ADVISORY
        state = transitions.lowered(state, mode, (f"{reason}: {summary}",), now)
        state = state.model_copy(
            update={
                "escalation_count": count,
                "escalation": Escalation(
                    number=count,
                    reason=reason,
                    draft=EscalationDraft(
                        reason=reason, summary=summary, recommendation=recommendation
                    ),
                    since=now,
                    taken_by=state.taken_by,
                    stays=reason in state.returned,
                ),
            }
        )
        state = transitions.event(state, now, "escalated", reason=reason, mode=state.mode.value)
        if reason == KNOWLEDGE_GAP:
            intent = state.classification.intent if state.classification else None
            state = transitions.event(
                state, now, "knowledge_gap", intent=intent, missing=clip(summary, 200)
            )
        self._state = transitions.note(state, now, "escalated", f"{reason}: {summary}")
        self._go(Phase.ESCALATE)

    async def _send(
        self,
        text: str,
        status: Status,
        promised: Sequence[CommitmentDraft] = (),
        *,
        by_person: bool = False,
        answers: bool = False,
    ) -> bool:
        """Send a reply once; the snapshot that goes with it shows the ticket after it.

        What a person wrote goes as it is, anything else in the desk's voice. ``answers`` says that
        it is an answer although the ticket is not the customer's to go on with.
        """
        if not by_person:
            text = replies.in_voice(self._state, text)
        reply_id = f"r{self._state.reply_count + 1}"
        now = self.clock.now()

        def sent(state: TicketState) -> TicketState:
            state = levels.answered(state, status, now, answers=answers)
            if answers or status in levels.ANSWERING:
                state = promises.answered(state, now)
            state = ends.replied(state, reply_id, text, now, status=status)
            state = promises.made(state, reply_id, promised, now)
            return levels.seen(state, now)

        before = self._recording()
        after = sent(before)
        try:
            await calls.send_reply(before, reply_id, text, after)
        except CallFailed as failure:
            self._note("not sent", failure.problem.message)
            # Whether it left may not be known: what is said next is another reply, not this one.
            self._set(reply_count=self._state.reply_count + 1)
            return False
        self._state = transitions.flushed(sent(self._state), after.pending_events)
        return True

    def _recording(self) -> TicketState:
        """Number the next snapshot, and return the state to take it from."""
        self._set(snapshot_count=self._state.snapshot_count + 1)
        return self._state

    async def _record(self, why: str) -> None:
        state = self._recording()
        try:
            await calls.record_outcome(state, why)
        except CallFailed as failure:
            self._note("not recorded", failure.problem.message)
            return
        self._state = transitions.flushed(self._state, state.pending_events)

    def _became(self, action_id: str, to: ActionState, **changes: Any) -> None:
        self._state = transitions.action_became(self._state, action_id, to, **changes)

    def _set(self, **changes: object) -> None:
        self._state = self._state.model_copy(update=changes)

    def _note(self, what: str, detail: str = "") -> None:
        self._state = transitions.note(self._state, self.clock.now(), what, detail)

    def _go(self, phase: Phase, status: Status | None = None) -> None:
        moved = transitions.moved(self._state, phase, status)
        self._state = levels.seen(moved, self.clock.now())

    def _classification(self) -> Classification:
        classification = self._state.classification
        assert classification is not None
        return classification

    def _proposal(self) -> Proposal:
        proposal = self._state.proposal
        assert proposal is not None
        return proposal

    def _judgement(self) -> Judgement:
        judgement = self._state.judgement
        assert judgement is not None
        return judgement

    def _escalation(self) -> Escalation:
        escalation = self._state.escalation
        assert escalation is not None
        return escalation

    def _rest_with_customer(self, final: bool) -> None:
        terms = self._state.terms
        seconds = terms.reopen_window_seconds if final else terms.answer_window_seconds
        reason = "the customer's word" if final else "the customer's answer"
        self._state = transitions.due(self._state, seconds, reason, self.clock.now())
        self._go(Phase.CONFIRM)
        self._publish()

    def _failed_observation(
        self,
        kind: Literal["refused", "failed", "not_verified"],
        action_kind: str | None,
        problem: ActionError,
    ) -> None:
        self._state = transitions.observed(
            self._state,
            Observation(
                kind=kind, action_kind=action_kind, code=problem.code, message=problem.message
            ),
        )
        self._note(kind, f"{action_kind or 'request'}: {problem.message}")

    def _publish(self) -> None:
        """Upsert the search attributes that changed; one event, at stops only."""
        self._state = levels.seen(self._state, self.clock.now())
        pairs = attributes.changed(self._state, workflow.info().typed_search_attributes)
        if pairs:
            workflow.upsert_search_attributes(  # pyright: ignore[reportUnknownMemberType]
                [pair.key.value_set(pair.value) for pair in pairs]
            )
