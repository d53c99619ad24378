"""``TicketWorkflow``: the life of one ticket, from the first message to a confirmed outcome."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE, WORKFLOW_ONLY, parse
    from closeloop.models.base import clip
    from closeloop.models.proposal import (
        ActionError,
        ActionRecord,
        ActionState,
        Observation,
        Proposal,
    )
    from closeloop.models.rendering import render_reply
    from closeloop.models.state import Phase, TicketOutcome, TicketStart, TicketState
    from closeloop.models.ticket import Assurance, Status
    from closeloop.models.triage import PERSON_INTENT, Classification
    from closeloop.names import TICKET_WORKFLOW
    from workflows import (
        agent_calls,
        approval,
        calls,
        conversation,
        ends,
        levels,
        notices,
        promises,
        replies,
    )
    from workflows import state as transitions
    from workflows.acting import ActingSteps
    from workflows.agents import AgentSteps
    from workflows.calling import CallFailed
    from workflows.card import card
    from workflows.clock import Clock
    from workflows.deciding import DecidingSteps
    from workflows.handlers import TicketHandlers
    from workflows.patches import PeoplePatches
    from workflows.people import TAKEN_OVER
    from workflows.promising import PromisingSteps


STALE_ON_MESSAGE: Final = frozenset({Phase.PROPOSE, Phase.JUDGE, Phase.ACT, Phase.ANSWER})
"""Phases whose proposal a new message makes stale: it is read before anything else happens."""
HEEDED_WHILE_CLOSING: Final = "hints-heeded-while-closing"
"""A patch: before it, a hint that came during the closing activity was dropped."""
JUDGED_BEFORE_CODES: Final = "topics-judged-before-codes"
"""A patch: before it, who was not known was asked for a code whatever their words touched."""
_CODE: Final = re.compile(r"[a-z][a-z0-9_.]{0,59}")
MAX_REOPENED: Final = 2
"""How often "still broken" starts another round before a person looks."""


@workflow.defn(name=TICKET_WORKFLOW)
class TicketWorkflow(TicketHandlers, AgentSteps, DecidingSteps, ActingSteps, PromisingSteps):
    """One ticket: understand, propose, judge, approve, act, verify, answer, confirm, close."""

    @workflow.init
    def __init__(self, start: TicketStart) -> None:
        """Take up the state of the run before, or open a new ticket."""
        self._state: TicketState = start.state or transitions.opened(start, workflow.now())
        self.clock = Clock()
        self._patches = PeoplePatches()

    @workflow.run
    async def run(self, start: TicketStart) -> TicketOutcome:
        """Go through the phases until the ticket is closed."""
        if self._state.status is Status.ESCALATED:  # in the run before
            self._patches.came_to_people()
        try:
            while await self._unfinished():
                await self._look_at_levels()
                await self._look_at_promises()
                await self._hear_codes()
                await self._redirect()
                await self._step()
                workflow.set_current_details(card(self._state))
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.create_task(self._abandon("cancelled")))
            raise
        return ends.outcome_of(self._state)

    async def _step(self) -> None:
        match self._state.phase:
            case Phase.LOOK_AGAIN:
                await self._guarded(self._look_again)
            case Phase.UNDERSTAND:
                await self._guarded(self._understand)
            case Phase.PROPOSE:
                await self._guarded(self._propose)
            case Phase.JUDGE:
                await self._guarded(self._judge)
            case Phase.APPROVE:
                await self._approve()
            case Phase.ACT:
                await self._act()
            case Phase.TAKE_BACK:
                await self._take_back()
            case Phase.VERIFY:
                await self._guarded(self._verify)
            case Phase.ANSWER:
                await self._answer()
            case Phase.CALL:
                await self._await_call()
            case Phase.CONFIRM:
                await self._guarded(self._confirm)
            case Phase.ESCALATE:
                await self._escalate()
            case Phase.WITH_PERSON:
                await self._with_person()
            case Phase.CLOSE:
                await self._close()
            case Phase.DONE:
                pass

    async def _unfinished(self) -> bool:
        """Whether there is more to do; a message that came at the very end reopens the ticket."""
        if self._should_continue():
            workflow.continue_as_new(TicketStart(ticket=self._state.ticket, state=self._state))
        if self._state.phase is not Phase.DONE:
            return True
        await workflow.wait_condition(workflow.all_handlers_finished)
        if conversation.unread(self._state):
            self._state = ends.reopened(self._state, self.clock.now())
            return True
        return False

    async def _redirect(self) -> None:
        """Let a take-over or a new message change what comes next."""
        state = self._state
        busy = state.phase not in (Phase.ESCALATE, Phase.WITH_PERSON, Phase.CLOSE, Phase.DONE)
        if state.taken_by is not None and busy:
            self._hand_over(TAKEN_OVER, f"{state.taken_by} takes over", "")
        elif state.phase in STALE_ON_MESSAGE and conversation.unread(state):
            self._note("stale", "the customer wrote again; the proposal is dropped")
            await self._abandon("new_message")
            self._go(Phase.UNDERSTAND)
        elif approval.outranked(state):
            self._go(Phase.JUDGE)

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step; one that an activity's end makes impossible goes to a person."""
        try:
            await step()
        except CallFailed as failure:
            self._hand_over("step_failed", str(failure), "")

    # 2. Understand

    async def _understand(self) -> None:
        self._go(Phase.UNDERSTAND, Status.WORKING)
        fresh = [m.message_id for m in conversation.unread(self._state)]
        if self._state.customer is None:
            classification, loaded = await asyncio.gather(
                self._ask(agent_calls.classify_ticket, new_turn=True),
                calls.load_customer(self._state),
            )
            self._set(customer=loaded.customer, terms=loaded.terms)
        else:
            classification = await self._ask(agent_calls.classify_ticket, new_turn=True)
        self._state = conversation.handled(self._state, fresh)
        self._set(consents=(), consent_open=False)  # new words: what was agreed to is open again
        self._classified(classification)
        if classification.intent == PERSON_INTENT:
            self._hand_over("customer_asked", "The customer asks for a person.", "")
            return
        if not replies.served(self._state, classification.language):
            said = clip(classification.language, 20)
            self._hand_over(
                "language_not_served", f"The customer writes in a language ({said}) not served.", ""
            )
            return
        self._found(await self._ask(lambda s: agent_calls.retrieve_knowledge(s, classification)))
        self._go(Phase.PROPOSE)

    def _classified(self, classification: Classification) -> None:
        now = self.clock.now()
        first = self._state.classification is None
        triage = levels.kept_priority(self._state, classification)
        state = self._state.model_copy(update={"classification": triage})
        if first:
            state = transitions.event(
                levels.begun(state),
                now,
                "classified",
                intent=classification.intent,
                priority=classification.priority,
                confidence=round(classification.confidence, 4),
            )
        self._state = transitions.note(
            state, now, "understood", f"{classification.intent} ({classification.confidence:.2f})"
        )
        self._publish()

    # 3. Propose (4 to 7: deciding.py, acting.py)

    async def _propose(self) -> None:
        classification = self._classification()
        if self._state.round >= self._state.terms.max_rounds:
            self._hand_over("no_safe_plan", "No proposal was safe within the rounds allowed.", "")
            return
        proposal = await self._ask(lambda s: agent_calls.propose_resolution(s, classification))
        self._state = transitions.proposed(self._state, proposal, self.clock.now())
        unknown = _unknown_kind(proposal)
        problem = _invalid(proposal)
        if unknown is not None:
            self._hand_over("unknown_action", f"The agent wants {clip(unknown, 64)!r}.", "")
        elif problem is not None:
            error = ActionError(code=problem.code, message=clip(problem.message, 300))
            self._state = transitions.open_actions_become(self._state, ActionState.REFUSED, error)
            self._state = transitions.observed(self._state, problem)
        elif proposal.asks_identity and self._needs_code(Assurance.CONFIRMED):
            delicate = classification.topics and workflow.patched(JUDGED_BEFORE_CODES)
            self._go(Phase.JUDGE if delicate else Phase.VERIFY)
        elif proposal.escalation is not None:
            draft = proposal.escalation
            self._hand_over(_code(draft.reason), draft.summary, draft.recommendation)
        else:
            self._go(Phase.JUDGE)

    # 8. Answer

    async def _answer(self) -> None:
        proposal = self._proposal()
        records: Sequence[ActionRecord] = [
            transitions.record_of(self._state, a.action_id) for a in proposal.actions
        ]
        assert proposal.reply is not None
        try:
            text = render_reply(proposal.reply, records)
        except ValueError as error:
            self._state = transitions.observed(
                self._state, Observation(kind="invalid", code="no_receipt", message=str(error))
            )
            self._go(Phase.PROPOSE)
            return
        final = not proposal.asks_customer
        called = final and self._state.callback is not None
        status = Status.RESOLVED if final else Status.AWAITING_CUSTOMER
        promised = promises.with_call(self._state, proposal.commitments)
        if not await self._send(
            text,
            Status.WORKING if called else status,
            promised,
            by_person=proposal.reply.by_person,
            answers=called,
        ):
            self._hand_over("reply_failed", "The reply could not be sent.", "")
        elif called:
            self._rest_until_called()
        else:
            self._rest_with_customer(final)

    # 9. Confirm

    async def _confirm(self) -> None:
        deadline = self._state.deadline
        assert deadline is not None
        if not await self._wait(deadline, self._state.deadline_reason):
            if not self._resting() and await self._still_stands(promises.unsettled(self._state)):
                await self._no_word()
            return
        if self._state.hints and not await self._still_stands(await self._hinted()):
            return
        messages = conversation.unread(self._state)
        if not messages:
            return
        if self._state.status is not Status.RESOLVED:
            if self._state.consent_open:
                await self._hear_consent()
            else:
                self._go(Phase.UNDERSTAND, Status.WORKING)
            return
        text = "\n".join(m.text for m in messages)
        word = await calls.read_confirmation(self._state, text)
        now = self.clock.now()
        if word.score is not None and self._state.csat is None:
            self._set(csat=word.score)
            self._state = transitions.event(self._state, now, "csat", score=word.score)
        match word.answer:
            case "yes":
                self._state = ends.confirmed(self._state, [m.message_id for m in messages], now)
                self._state = levels.needs_no_answer(self._state, now)
            case "still_broken":
                self._reopen("The customer says again that it is not solved.")
            case "other":
                self._note("another wish", "after the resolution")
                self._go(Phase.UNDERSTAND, Status.WORKING)

    async def _no_word(self) -> None:
        """Go on without the customer's word: silence is no yes to what they were asked about."""
        if self._state.consent_open:
            await self._abandon("not_agreed")
        self._close_or_watch()

    def _close_or_watch(self) -> None:
        """Close; but an open promise, or money under way, keeps the ticket."""
        now, terms = self.clock.now(), self._state.terms
        promised = promises.last_due(self._state)
        if promised is not None:
            self._set(deadline=max(promised, now), deadline_reason="a promise")
            return
        if not promises.unsettled(self._state):
            self._go(Phase.CLOSE)
            return
        since = self._state.sla.resolved_at or self._state.opened_at
        if (now - since).total_seconds() >= terms.settlement_limit_seconds:
            self._hand_over("not_settled", "Money that was sent has not arrived in time.", "")
            return
        self._state = transitions.due(
            self._state, terms.settlement_check_seconds, "the settlement of a refund", now
        )
        self._note("not settled yet", "looked at again later")

    def _reopen(self, why: str) -> None:
        self._state = ends.reopened(self._state, self.clock.now())
        self._publish()
        if self._state.reopened_count > MAX_REOPENED:
            self._hand_over("still_broken", why, "")

    async def _still_stands(self, records: Sequence[ActionRecord]) -> bool:
        """Read effects back; the ticket is reopened where one is gone."""
        gone = await self._gone(records)
        if not gone:
            return True
        self._reopen("An effect was undone again.")
        if self._state.phase is Phase.UNDERSTAND and self._state.classification is None:
            self._lost(gone)
            return False
        for record in gone:
            self._undone(record)
        if self._state.phase is Phase.UNDERSTAND:
            self._go(Phase.PROPOSE)
        return False

    # 10. Close

    async def _close(self) -> None:
        self._state = ends.closed(self._state, self.clock.now())
        state = self._recording()
        await self._guarded_close(state)
        if conversation.unread(self._state):  # it came while closing: not lost, not too late
            self._state = ends.reopened(self._state, self.clock.now())
            return
        if self._state.hints and workflow.patched(HEEDED_WHILE_CLOSING):
            await self._guarded(self._heed_hints)
            if self._state.phase is not Phase.CLOSE:
                return
        self._go(Phase.DONE)
        self._publish()

    async def _heed_hints(self) -> None:
        await self._still_stands(await self._hinted())

    async def _guarded_close(self, state: TicketState) -> None:
        try:
            await calls.close_ticket(state, notices.closing_note(state))
            self._state = transitions.flushed(self._state, state.pending_events)
        except CallFailed as failure:
            self._note("no closing note", failure.problem.message)
            await self._record("close, without a note")


def _unknown_kind(proposal: Proposal) -> str | None:
    """Return a kind that no activity can be called for: it escalates, it is never tried."""
    kinds = [action.kind for action in proposal.actions]
    return next((kind for kind in kinds if kind not in CATALOGUE or kind in WORKFLOW_ONLY), None)


def _invalid(proposal: Proposal) -> Observation | None:
    """Return what the agent has to put right before the proposal can be judged at all."""
    if proposal.escalation is not None:
        return None
    if proposal.reply is None or not proposal.reply.text.strip():
        return Observation(kind="invalid", code="no_reply", message="the proposal has no reply")
    for action in proposal.actions:
        try:
            parse(action)
        except ValueError as error:
            words = clip(str(error), 300)
            return Observation(
                kind="invalid", action_kind=action.kind, code="params", message=words
            )
    return None


def _code(reason: str) -> str:
    """Return an agent's reason if it is a code: what operators filter by holds no free text."""
    return reason if _CODE.fullmatch(reason) else "agent_escalated"
