"""``TicketWorkflow``: the life of one ticket, from the first message to a confirmed outcome."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair
from temporalio.exceptions import ActivityError

from workflows import approval, calls, notices, state as transitions
from workflows.card import card
from workflows.clock import Clock
from workflows.handlers import TicketHandlers

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE, WORKFLOW_ONLY, parse
    from closeloop.models.approval import ApprovalOutcome, Decision
    from closeloop.models.policy import Judgement, Ruling
    from closeloop.models.proposal import (
        Action,
        ActionError,
        ActionRecord,
        ActionState,
        EscalationDraft,
        Observation,
        Proposal,
        Receipt,
    )
    from closeloop.models.rendering import render_reply
    from closeloop.models.state import Escalation, Phase, TicketOutcome, TicketStart, TicketState
    from closeloop.models.steps import ExecuteAction
    from closeloop.models.ticket import Mode, Status
    from closeloop.models.triage import PERSON_INTENT, Classification
    from closeloop.names import TICKET_WORKFLOW

WAITING: Final = frozenset({Phase.APPROVE, Phase.CONFIRM, Phase.WITH_PERSON})
"""Phases in which a ticket may rest for days, and continue as new."""
STALE_ON_MESSAGE: Final = frozenset({Phase.PROPOSE, Phase.JUDGE, Phase.ACT, Phase.ANSWER})
"""Phases whose proposal a new message makes stale: it is read before anything else happens."""
MAX_REOPENED: Final = 2
"""How often "still broken" starts another round before a person looks."""

_KEYWORDS: Final = {
    name: SearchAttributeKey.for_keyword(name)
    for name in ("TicketStatus", "TicketIntent", "TicketPriority", "AutonomyMode")
}
_ESCALATION_REASON: Final = SearchAttributeKey.for_keyword("EscalationReason")
_AWAITING_APPROVAL: Final = SearchAttributeKey.for_bool("AwaitingApproval")
_SLA_BREACHED: Final = SearchAttributeKey.for_bool("SlaBreached")
_SLA_DUE_AT: Final = SearchAttributeKey.for_datetime("SlaDueAt")


@workflow.defn(name=TICKET_WORKFLOW)
class TicketWorkflow(TicketHandlers):
    """One ticket: understand, propose, judge, approve, act, verify, answer, confirm, close."""

    @workflow.init
    def __init__(self, start: TicketStart) -> None:
        """Take up the state of the run before, or open a new ticket."""
        self._state: TicketState = start.state or transitions.opened(start, workflow.now())
        self._clock = Clock()

    @workflow.run
    async def run(self, start: TicketStart) -> TicketOutcome:
        """Go through the phases until the ticket is closed."""
        try:
            while await self._unfinished():
                await self._redirect()
                await self._step()
                workflow.set_current_details(card(self._state))
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.create_task(self._abandon("cancelled")))
            raise
        return transitions.outcome_of(self._state)

    async def _unfinished(self) -> bool:
        """Whether there is more to do; a message that came at the very end reopens the ticket."""
        if self._should_continue():
            workflow.continue_as_new(
                TicketStart(ticket=self._state.ticket, state=self._state)
            )
        if self._state.phase is not Phase.DONE:
            return True
        await workflow.wait_condition(workflow.all_handlers_finished)
        if transitions.unread(self._state):
            self._go(Phase.UNDERSTAND, Status.WORKING)
            return True
        return False

    def _should_continue(self) -> bool:
        return (
            self._state.phase in WAITING
            and workflow.info().is_continue_as_new_suggested()
            and not self._something_new()
            and workflow.all_handlers_finished()
        )

    async def _redirect(self) -> None:
        """Let a take-over or a new message change what comes next."""
        state = self._state
        busy = state.phase not in (Phase.ESCALATE, Phase.WITH_PERSON, Phase.CLOSE, Phase.DONE)
        if state.taken_by is not None and busy:
            self._hand_over("taken_over", f"{state.taken_by} takes over", "")
        elif state.phase in STALE_ON_MESSAGE and transitions.unread(state):
            self._note("stale", "the customer wrote again; the proposal is dropped")
            await self._abandon("new_message")
            self._go(Phase.UNDERSTAND)

    async def _step(self) -> None:
        match self._state.phase:
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
            case Phase.ANSWER:
                await self._answer()
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

    async def _guarded(self, step: Callable[[], Any]) -> None:
        """Run a step; one that an activity's end makes impossible goes to a person."""
        try:
            await step()
        except ActivityError as error:
            problem = calls.problem_of(error)
            self._hand_over("step_failed", f"{error.activity_type}: {problem.message}", "")

    # 2. Understand

    async def _understand(self) -> None:
        self._go(Phase.UNDERSTAND, Status.WORKING)
        fresh = [m.message_id for m in transitions.unread(self._state)]
        if self._state.customer is None:
            classification, loaded = await asyncio.gather(
                calls.classify_ticket(self._state), calls.load_customer(self._state)
            )
            self._set(customer=loaded.customer, terms=loaded.terms)
        else:
            classification = await calls.classify_ticket(self._state)
        self._state = transitions.handled(self._state, fresh)
        self._classified(classification)
        if classification.intent == PERSON_INTENT:
            self._hand_over("customer_asked", "The customer asks for a person.", "")
            return
        found = await calls.retrieve_knowledge(self._state, classification)
        self._set(passages=found.passages, round=0)
        self._go(Phase.PROPOSE)

    def _classified(self, classification: Classification) -> None:
        now = workflow.now()
        first = self._state.classification is None
        state = self._state.model_copy(update={"classification": classification})
        if first:
            seconds = state.terms.resolution_target_seconds.get(classification.priority)
            state = transitions.with_target(state, seconds)
            state = transitions.event(
                state,
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

    # 3. Propose

    async def _propose(self) -> None:
        classification = self._classification()
        if self._state.round >= self._state.terms.max_rounds:
            self._hand_over("no_safe_plan", "No proposal was safe within the rounds allowed.", "")
            return
        proposal = await calls.propose_resolution(self._state, classification)
        self._state = transitions.proposed(self._state, proposal, workflow.now())
        problem = self._invalid(proposal)
        if problem is not None:
            self._state = transitions.observed(self._state, problem)
        elif proposal.escalation is not None:
            draft = proposal.escalation
            self._hand_over(draft.reason, draft.summary, draft.recommendation)
        else:
            self._go(Phase.JUDGE)

    def _invalid(self, proposal: Proposal) -> Observation | None:
        """Check kinds against the catalogue, and parse, before anything is done with them."""
        if proposal.reply is None and proposal.escalation is None:
            return Observation(kind="invalid", code="no_reply", message="the proposal has no reply")
        for action in proposal.actions:
            if action.kind not in CATALOGUE or action.kind in WORKFLOW_ONLY:
                self._hand_over("unknown_action", f"The agent wants {action.kind!r}.", "")
                return None
            try:
                parse(action)
            except ValueError as error:
                return Observation(
                    kind="invalid", action_kind=action.kind, code="params", message=str(error)
                )
        return None

    # 4. Judge

    async def _judge(self) -> None:
        proposal = self._proposal()
        judgement = await self._evaluate(proposal)
        self._judged(judgement)
        if judgement.escalate is not None:
            summary = "; ".join(judgement.mode_reasons)
            self._hand_over(judgement.escalate, summary, proposal.rationale)
        elif judgement.ruling is Ruling.REFUSE:
            self._refused(judgement)
            self._go(Phase.PROPOSE)
        elif judgement.mode is not Mode.AUTONOMOUS:
            self._go(Phase.APPROVE)
        else:
            self._go(Phase.ACT)

    async def _evaluate(self, proposal: Proposal) -> Judgement:
        cap = max(self._state.mode_cap, self._state.terms.mode_cap, key=lambda mode: mode.rank)
        actions = approval.live_actions(self._state, proposal)
        return await calls.evaluate_policy(self._state, actions, self._classification(), cap)

    def _judged(self, judgement: Judgement) -> None:
        state = self._state.model_copy(
            update={
                "judgement": judgement,
                "verdicts": (*self._state.verdicts, *judgement.verdicts)[
                    -transitions.MAX_VERDICTS :
                ],
            }
        )
        now = workflow.now()
        if judgement.ruling is not Ruling.REFUSE:
            state = transitions.lowered(state, judgement.mode, judgement.mode_reasons, now)
        self._state = transitions.note(
            state, now, "judged", f"{judgement.ruling.value}: {'; '.join(judgement.mode_reasons)}"
        )

    def _refused(self, judgement: Judgement) -> None:
        for verdict in judgement.verdicts:
            if verdict.ruling is not Ruling.REFUSE:
                continue
            reason = max(verdict.reasons, key=lambda r: r.ruling.rank)
            record = transitions.record_of(self._state, verdict.action_id)
            self._state = transitions.observed(
                self._state,
                Observation(
                    kind="refused",
                    action_kind=record.action.kind,
                    code=reason.rule_id,
                    message=reason.text,
                ),
            )
            error = ActionError(code=reason.rule_id, message=reason.text)
            self._state = transitions.action_became(
                self._state, verdict.action_id, ActionState.REFUSED, error=error
            )
        self._state = transitions.open_actions_become(self._state, ActionState.SKIPPED)

    # 5. Approve

    async def _approve(self) -> None:
        if self._state.approval is None and not await self._ask_for_approval():
            return
        request = self._state.approval
        assert request is not None
        deadline = request.deadline if request.reminded else request.reminder_at
        reason = "approval" if request.reminded else "approval, then a reminder"
        if await self._wait(deadline, reason):
            await self._decided_or_stale()
        elif self._resting():
            return
        elif not request.reminded:
            self._set(approval=request.model_copy(update={"reminded": True}))
            self._note("reminded", f"{request.request_id} waits until {request.deadline:%H:%M}")
            await self._record("remind the approvers")
        else:
            await self._end_request("expired")
            self._hand_over("approval_expired", "Nobody decided in time.", "")

    async def _ask_for_approval(self) -> bool:
        now = workflow.now()
        proposal, judgement = self._proposal(), self._judgement()
        request = approval.build_request(self._state, proposal, judgement, now)
        state = transitions.open_actions_become(self._state, ActionState.AWAITING_APPROVAL)
        state = state.model_copy(
            update={
                "approval": request,
                "request_count": state.request_count + 1,
                "snapshot_count": state.snapshot_count + 1,
                "deadline": request.deadline,
                "deadline_reason": "approval",
            }
        )
        state = transitions.moved(state, Phase.APPROVE, Status.AWAITING_APPROVAL)
        state = transitions.event(
            state,
            now,
            "approval_requested",
            request_id=request.request_id,
            total_minor=request.total.amount_minor if request.total else None,
        )
        self._state = transitions.note(state, now, "approval asked", request.request_id)
        sent = self._state.pending_events
        try:
            published = await calls.request_approval(self._state, request)
        except ActivityError as error:
            await self._not_asked(error)
            return False
        self._state = transitions.flushed(self._state, sent)
        self._set(approval=request.model_copy(update={"roster": published.roster}))
        self._publish()
        if not approval.anyone_may_decide(self._state, published.roster):
            await self._end_request("withdrawn")
            self._hand_over("no_approver", "Nobody on the roster may decide this request.", "")
            return False
        return True

    async def _not_asked(self, error: ActivityError) -> None:
        problem = calls.problem_of(error)
        await self._end_request("withdrawn")
        self._go(Phase.PROPOSE, Status.WORKING)
        if calls.was_refused(error):
            self._failed_observation("refused", None, problem)
        else:
            self._hand_over("step_failed", f"request_approval: {problem.message}", "")

    async def _decided_or_stale(self) -> None:
        decision = self._state.decision
        if decision is None:  # a message or a take-over came first
            await self._end_request("withdrawn")
            self._go(Phase.UNDERSTAND, Status.WORKING)
        elif decision.approve:
            await self._approved(decision)
        else:
            await self._end_request("rejected", decision)
            self._state = transitions.observed(
                self._state,
                Observation(
                    kind="rejected",
                    code=decision.reason or "other",
                    message=decision.words or "rejected by an approver",
                ),
            )
            self._go(Phase.PROPOSE, Status.WORKING)

    async def _approved(self, decision: Decision) -> None:
        """Judge again before it runs: what was approved is what runs, or it is asked anew."""
        before = self._judgement()
        if decision.edit is not None:
            self._state = approval.edited(self._state, decision.edit, workflow.now())
        try:
            after = await self._evaluate(self._proposal())
        except ActivityError as error:
            await self._end_request("withdrawn", decision)
            self._hand_over("step_failed", calls.problem_of(error).message, "")
            return
        self._judged(after)
        if approval.still_covered(before, after, was_edited=decision.edit is not None):
            self._state = transitions.open_actions_become(self._state, ActionState.APPROVED)
            await self._end_request("approved", decision)
            self._set(approved_by=decision.approver)
            self._go(Phase.ACT, Status.WORKING)
            return
        await self._end_request("withdrawn", decision)
        words = "; ".join(after.mode_reasons) or "the facts have changed"
        self._note("drift", f"what was approved is not what would run now: {words}")
        self._go(Phase.JUDGE, Status.WORKING)

    async def _end_request(
        self,
        outcome: Literal["approved", "rejected", "expired", "withdrawn"],
        decision: Decision | None = None,
    ) -> None:
        """End the open request on the ticket and on the list, and free what it reserved."""
        request = self._state.approval
        if request is None:
            return
        ended = ApprovalOutcome(
            request_id=request.request_id,
            outcome=outcome,
            approver=decision.approver if decision else None,
            reason=decision.reason if decision else None,
            words=decision.words if decision else "",
            edited=bool(decision and decision.edit),
            at=workflow.now(),
        )
        effects = [approval.step_for(self._state, a).effect_id for a in request.actions]
        if outcome != "approved":
            to = ActionState.REFUSED if outcome == "rejected" else ActionState.SKIPPED
            error = ActionError(code=outcome, message=ended.words or outcome)
            self._state = transitions.open_actions_become(self._state, to, error)
        self._state = approval.ended(self._state, ended, workflow.now())
        self._set(status=Status.WORKING, deadline=None, deadline_reason="")
        state = self._recording()
        await calls.settle_approval(state, ended, effects)
        self._state = transitions.flushed(self._state, state.pending_events)

    # 6. Act and 7. Verify

    async def _act(self) -> None:
        for action in approval.live_actions(self._state, self._proposal()):
            if self._something_new():
                return  # the run loop reads what came before anything more is written
            if not await self._perform(action):
                return
        self._go(Phase.ANSWER)

    async def _perform(self, action: Action) -> bool:
        """Make one effect happen and read it back; False when the plan has to change."""
        step = approval.step_for(self._state, action)
        name = action.action_id
        self._became(name, ActionState.EXECUTING, effect_id=step.effect_id)
        try:
            outcome = await calls.perform(self._state, step)
            self._became(
                name, ActionState.EXECUTING, receipt=outcome.receipt, attempts=outcome.attempts
            )
            found = await calls.verify_action(step)
        except ActivityError as error:
            return await self._not_performed(step, error)
        if found.holds and found.receipt is not None:
            self._verified(step, found.receipt)
            return True
        problem = found.problem or ActionError(code="not_verified", message="not read back")
        self._not_done(step, problem, "not_verified")
        return False

    async def _not_performed(self, step: ExecuteAction, error: ActivityError) -> bool:
        problem = calls.problem_of(error)
        if calls.was_refused(error):
            self._not_done(step, problem, "failed")
            return False
        try:
            found = await calls.reconcile_action(self._state, step)
        except ActivityError as unread:
            found = None
            problem = calls.problem_of(unread)
        if found is not None and found.receipt is not None:
            self._verified(step, found.receipt)
            return True
        self._became(step.action.action_id, ActionState.UNKNOWN, error=problem)
        self._state = transitions.open_actions_become(self._state, ActionState.SKIPPED)
        self._hand_over(
            "effect_unknown",
            f"Whether {step.action.kind} ({step.effect_id}) happened is not known.",
            "Look at the backend first; then record what is true.",
        )
        return False

    def _verified(self, step: ExecuteAction, receipt: Receipt) -> None:
        self._became(step.action.action_id, ActionState.VERIFIED, receipt=receipt)
        record = transitions.record_of(self._state, step.action.action_id)
        amount = receipt.amount
        self._state = transitions.event(
            self._state,
            workflow.now(),
            "action_verified",
            kind=step.action.kind,
            effect_id=step.effect_id,
            amount_minor=amount.amount_minor if amount else None,
            attempts=record.attempts,
        )
        self._note("verified", receipt.summary)

    def _not_done(
        self, step: ExecuteAction, problem: ActionError, kind: Literal["failed", "not_verified"]
    ) -> None:
        self._became(step.action.action_id, ActionState.FAILED, error=problem)
        self._state = transitions.open_actions_become(self._state, ActionState.SKIPPED)
        self._state = transitions.event(
            self._state,
            workflow.now(),
            "action_failed",
            kind=step.action.kind,
            effect_id=step.effect_id,
            code=problem.code,
        )
        self._failed_observation(kind, step.action.kind, problem)
        self._go(Phase.PROPOSE)

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
        if await self._send(text, Status.RESOLVED if final else Status.AWAITING_CUSTOMER, final):
            self._rest_with_customer(final)
        else:
            self._hand_over("reply_failed", "The reply could not be sent.", "")

    async def _send(self, text: str, status: Status, final: bool) -> bool:
        """Send a reply once; the snapshot that goes with it shows the ticket after it."""
        reply_id = f"r{self._state.reply_count + 1}"
        now = workflow.now()

        def sent(state: TicketState) -> TicketState:
            return transitions.replied(state, reply_id, text, now, status=status, final=final)

        before = self._recording()
        after = sent(before)
        try:
            await calls.send_reply(before, reply_id, text, after)
        except ActivityError as error:
            self._note("not sent", calls.problem_of(error).message)
            return False
        self._state = transitions.flushed(sent(self._state), after.pending_events)
        return True

    def _rest_with_customer(self, final: bool) -> None:
        terms = self._state.terms
        seconds = terms.reopen_window_seconds if final else terms.answer_window_seconds
        reason = "the customer's word" if final else "the customer's answer"
        self._state = transitions.due(self._state, seconds, reason, workflow.now())
        self._go(Phase.CONFIRM)
        self._publish()

    # 9. Confirm

    async def _confirm(self) -> None:
        deadline = self._state.deadline
        assert deadline is not None
        if not await self._wait(deadline, self._state.deadline_reason):
            if not self._resting():
                self._go(Phase.CLOSE)
            return
        if self._state.hints:
            await self._follow_hints()
        messages = transitions.unread(self._state)
        if not messages:
            return
        if self._state.status is not Status.RESOLVED:
            self._go(Phase.UNDERSTAND, Status.WORKING)
            return
        text = "\n".join(m.text for m in messages)
        word = await calls.read_confirmation(self._state, text)
        now = workflow.now()
        if word.score is not None and self._state.csat is None:
            self._set(csat=word.score)
            self._state = transitions.event(self._state, now, "csat", score=word.score)
        match word.answer:
            case "yes":
                self._state = transitions.confirmed(
                    self._state, [m.message_id for m in messages], now
                )
            case "still_broken":
                self._reopen()
            case "other":
                self._note("another wish", "after the resolution")
                self._go(Phase.UNDERSTAND, Status.WORKING)

    def _reopen(self) -> None:
        now = workflow.now()
        self._state = transitions.reopened(self._state, now)
        self._publish()
        if self._state.reopened_count > MAX_REOPENED:
            self._hand_over("still_broken", "The customer says again that it is not solved.", "")

    async def _follow_hints(self) -> None:
        """Read back what backends hinted at: an effect that is gone reopens the ticket."""
        hints, self._state = self._state.hints, self._state.model_copy(update={"hints": ()})
        names = {hint.effect_id for hint in hints}
        for record in self._state.actions:
            if record.state is not ActionState.VERIFIED or record.effect_id not in names:
                continue
            step = transitions.step_of(self._state, record)
            found = await calls.verify_action(step)
            if found.holds and found.receipt is not None:
                self._became(record.action.action_id, ActionState.VERIFIED, receipt=found.receipt)
                self._note("read back", found.receipt.summary)
            else:
                self._set(status=Status.WORKING)
                self._not_done(
                    step, ActionError(code="undone", message="the effect is gone"), "not_verified"
                )

    # Escalation: a strategy, not a failure

    def _hand_over(self, reason: str, summary: str, recommendation: str) -> None:
        """Route the ticket to people; the run loop does it next."""
        now = workflow.now()
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
                ),
            }
        )
        state = transitions.event(state, now, "escalated", reason=reason, mode=state.mode.value)
        self._state = transitions.note(state, now, "escalated", f"{reason}: {summary}")
        self._go(Phase.ESCALATE)

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
        await self._send(notices.HANDED_OVER, Status.ESCALATED, final=False)
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
            self._set(
                handed_back=False, escalation=None, taken_by=None, observations=(), round=0
            )
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
        if not await self._send(text, Status.RESOLVED, final=True):
            self._state = transitions.resolved(self._state, workflow.now())
        self._rest_with_customer(final=True)

    # 10. Close

    async def _close(self) -> None:
        self._state = transitions.closed(self._state, workflow.now())
        state = self._recording()
        await self._guarded_close(state)
        if transitions.unread(self._state):  # it came while closing: not lost, not too late
            self._state = transitions.reopened(self._state, workflow.now())
            return
        self._go(Phase.DONE)
        self._publish()

    async def _guarded_close(self, state: TicketState) -> None:
        try:
            await calls.close_ticket(state, notices.closing_note(state))
            self._state = transitions.flushed(self._state, state.pending_events)
        except ActivityError as error:
            self._note("not recorded", calls.problem_of(error).message)

    # Shared by the phases

    async def _wait(self, deadline: Any, reason: str) -> bool:
        """Wait for something new or the deadline; False also when it is time to continue as new."""
        workflow.set_current_details(card(self._state))
        ready = await self._clock.wait(
            lambda: self._something_new() or self._should_continue(), deadline, reason
        )
        return ready and self._something_new()

    def _resting(self) -> bool:
        """Whether a wait ended only to continue as new."""
        return self._should_continue()

    def _something_new(self) -> bool:
        state = self._state
        person = state.recorded is not None or state.handed_back
        taken = state.taken_by is not None and state.phase is not Phase.WITH_PERSON
        return bool(
            transitions.unread(state) or state.decision or state.hints or person or taken
        )

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
            effects = [approval.step_for(self._state, action).effect_id for action in live]
            await calls.settle_approval(self._recording(), last, effects)

    def _recording(self) -> TicketState:
        """Number the next snapshot, and return the state to take it from."""
        self._set(snapshot_count=self._state.snapshot_count + 1)
        return self._state

    async def _record(self, why: str) -> None:
        state = self._recording()
        try:
            await calls.record_outcome(state, why)
        except ActivityError as error:
            self._note("not recorded", calls.problem_of(error).message)
            return
        self._state = transitions.flushed(self._state, state.pending_events)

    def _became(self, action_id: str, to: ActionState, **changes: Any) -> None:
        self._state = transitions.action_became(self._state, action_id, to, **changes)

    def _set(self, **changes: object) -> None:
        self._state = self._state.model_copy(update=changes)

    def _go(self, phase: Phase, status: Status | None = None) -> None:
        self._state = transitions.moved(self._state, phase, status)

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

    def _publish(self) -> None:
        """Upsert the search attributes that changed; one event, at stops only."""
        state = self._state
        classification = state.classification
        words = {
            "TicketStatus": state.status.value,
            "TicketIntent": classification.intent if classification else None,
            "TicketPriority": classification.priority if classification else None,
            "AutonomyMode": state.mode.value,
        }
        pairs: list[SearchAttributePair[Any]] = [
            _KEYWORDS[name].value_set(value) for name, value in words.items() if value
        ]
        if state.escalation is not None:
            pairs.append(_ESCALATION_REASON.value_set(state.escalation.reason[:80]))
        pairs.append(_AWAITING_APPROVAL.value_set(state.approval is not None))
        pairs.append(_SLA_BREACHED.value_set(state.sla.breached))
        if state.sla.due_at is not None:
            pairs.append(_SLA_DUE_AT.value_set(state.sla.due_at))
        current = workflow.info().typed_search_attributes
        changed = [pair for pair in pairs if current.get(pair.key) != pair.value]
        if changed:
            workflow.upsert_search_attributes(
                [pair.key.value_set(pair.value) for pair in changed]
            )
