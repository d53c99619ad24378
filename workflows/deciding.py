"""Steps 4 and 5 of a ticket's life: policy judges, and people approve what is at stake."""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.approval import Decision, Edit, Rung
    from closeloop.models.grounding import ReplyToCheck
    from closeloop.models.policy import Judgement, Ruling
    from closeloop.models.proposal import Action, ActionError, ActionState, Observation
    from closeloop.models.state import Phase
    from closeloop.models.ticket import Assurance, Mode, Status
    from workflows import (
        approval,
        calls,
        consenting,
        deciders,
        edits,
        notices,
        replies,
        standin,
    )
    from workflows import state as transitions
    from workflows.calling import CallFailed
    from workflows.consenting import ConsentingSteps
    from workflows.verifying import VerifyingSteps


class DecidingSteps(VerifyingSteps, ConsentingSteps):
    """Judge and approve."""

    async def _judge(self) -> None:
        proposal = self._proposal()
        judgement = await self._evaluate(
            approval.live_actions(self._state, proposal), replies.of_proposal(self._state)
        )
        revise = replies.to_revise(self._state, judgement)
        effects = () if revise else consenting.to_ask(self._state, judgement)
        self._judged(judgement, final=revise is None and not effects)
        asks_alone = proposal.asks_customer and judgement.mode is Mode.AUTONOMOUS
        if revise is None and not asks_alone and not effects:  # what rules could be tried on again
            self._state = transitions.judged(self._state, judgement, self.clock.now())
        if judgement.escalate is not None:
            summary = "; ".join(judgement.mode_reasons)
            self._hand_over(judgement.escalate, summary, proposal.rationale)
        elif proposal.asks_identity and self._needs_code(Assurance.CONFIRMED):
            self._go(Phase.VERIFY)
        elif judgement.ruling is Ruling.REFUSE:
            self._refused(judgement)
            surer = self._needs_code(judgement.needs_assurance)
            self._go(Phase.VERIFY if surer else Phase.PROPOSE)
        elif revise is not None:
            self._state = transitions.observed(self._state, revise)
            self._state = transitions.open_actions_become(self._state, ActionState.SKIPPED)
            self._note("sent back", revise.message)
            self._go(Phase.PROPOSE)
        elif effects:
            await self._ask_consent(effects)
        elif judgement.mode is not Mode.AUTONOMOUS:
            self._go(Phase.APPROVE)
        else:
            self._go(Phase.ACT)

    async def _evaluate(
        self, actions: Sequence[Action], reply: ReplyToCheck | None = None
    ) -> Judgement:
        return await calls.evaluate_policy(self._state, actions, reply)

    def _judged(self, judgement: Judgement, *, final: bool = True) -> None:
        state = self._state.model_copy(
            update={
                "judgement": judgement,
                "verdicts": (*self._state.verdicts, *judgement.verdicts)[
                    -transitions.MAX_VERDICTS :
                ],
            }
        )
        now = self.clock.now()
        if final and judgement.ruling is not Ruling.REFUSE:
            reasons = (*standin.reasons(state), *judgement.mode_reasons)
            state = transitions.lowered(state, judgement.mode, reasons, now)
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

    async def _approve(self) -> None:
        if self._state.approval is None and not await self._ask_for_approval():
            return
        request = self._state.approval
        assert request is not None
        stop = deciders.next_stop(request)
        if await self._wait(stop.at, stop.reason):
            await self._decided_or_stale()
        elif not self._resting():
            await self._stop(stop)

    async def _stop(self, stop: deciders.Stop) -> None:
        """See to a request that nobody has decided by now."""
        request = self._state.approval
        assert request is not None
        match stop.what:
            case "raise":
                await self._raise_to(deciders.raised_to(request, self.clock.now()))
            case "remind":
                self._set(approval=request.model_copy(update={"reminded": True}))
                self._note("reminded", f"{request.request_id} waits until {request.deadline:%H:%M}")
                self._publish()
                await self._record("remind the approvers")
            case "expire":
                await self._end_request("expired")
                self._hand_over("approval_expired", "Nobody decided in time.", "")

    async def _raise_to(self, rung: Rung) -> None:
        """Ask the people of the next rung, who are told at once."""
        now = self.clock.now()
        request = deciders.asking(self._state, rung, now)
        self._set(approval=request)
        self._state = transitions.event(
            self._state, now, "approval_raised", request_id=request.request_id, rung=request.rung
        )
        self._note("asked higher", f"{request.rung}: {', '.join(request.asked)}")
        await self._tell_people(notices.raised(self._state))

    async def _ask_for_approval(self) -> bool:
        now = self.clock.now()
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
        except CallFailed as failure:
            await self._not_asked(failure)
            return False
        self._state = transitions.flushed(self._state, sent)
        who = {"roster": published.roster, "terms": published.terms}
        self._set(approval=request.model_copy(update=who))
        self._set(approval=deciders.asking(self._state, request.rung, now))
        self._publish()
        if not deciders.enough_may_decide(self._state, now):
            await self._end_request("withdrawn")
            self._hand_over("no_approver", "Not enough people may decide this request.", "")
            return False
        return True

    async def _not_asked(self, failure: CallFailed) -> None:
        await self._end_request("withdrawn")
        self._go(Phase.PROPOSE, Status.WORKING)
        if failure.refused:
            self._failed_observation("refused", None, failure.problem)
        else:
            self._hand_over("step_failed", str(failure), "")

    async def _decided_or_stale(self) -> None:
        decision = self._state.decision
        if decision is None and not self._interrupted():
            if self._state.claim_news:
                await self._hear_of_claim()
        elif decision is None:  # a message or a take-over came first
            await self._end_request("withdrawn")
            self._go(Phase.UNDERSTAND, Status.WORKING)
        elif decision.ask is not None:
            await self._ask_customer(decision, decision.ask)
        elif deciders.needs_second(self._state, decision):
            await self._approved_once(decision)
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

    async def _hear_of_claim(self) -> None:
        """Put on record who is looking, and tell the customer the first time that anybody is."""
        self._set(claim_news=False)
        claim = self._state.approval and self._state.approval.claim
        self._note("claimed", f"by {claim.approver}" if claim else "")
        if self._state.told_of_person:
            await self._record("a person is looking")
            return
        self._set(told_of_person=True)
        await self._send(notices.PERSON_LOOKS, Status.AWAITING_APPROVAL)

    async def _ask_customer(self, decision: Decision, question: str) -> None:
        """Put the request aside and ask; what the customer answers begins another turn."""
        await self._end_request("asked", decision)
        if await self._send(question, Status.AWAITING_CUSTOMER, by_person=True):
            self._set(question_id=f"r{self._state.reply_count}")
            self._rest_with_customer(final=False)
        else:
            self._hand_over("reply_failed", "The question could not be sent.", "")

    async def _approved_once(self, decision: Decision) -> None:
        """Keep the first of two approvals, and go on asking."""
        now = self.clock.now()
        self._set(approval=deciders.approved_once(self._state, decision, now), decision=None)
        request = self._state.approval
        assert request is not None
        request = deciders.asking(self._state, request.rung, now)
        self._set(approval=request)
        self._state = transitions.event(
            self._state, now, "approved_once", request_id=request.request_id
        )
        self._note("approved once", f"by {decision.approver}; {deciders.SECOND_NEEDED}")
        await self._record("the first of two approvals")

    async def _approved(self, decision: Decision) -> None:
        """Judge again before it runs: what was approved is what runs, or it is asked anew."""
        asked = approval.live_actions(self._state, self._proposal())
        edit = deciders.edit_of(self._state, decision)
        request = self._state.approval
        assert request is not None
        try:
            covered, after = await self._still_covered(asked, edit)
        except CallFailed as failure:
            await self._end_request("withdrawn", decision)
            self._hand_over("step_failed", str(failure), "")
            return
        if covered:
            dropped = edits.dropped(asked, edit)
            effects = approval.effect_ids(self._state, dropped)
            if edit is not None:
                self._state = edits.edited(self._state, edit, self.clock.now())
            self._judged(after)
            self._state = transitions.open_actions_become(self._state, ActionState.APPROVED)
            await self._end_request("approved", decision, dropped=effects)
            self._set(approved_by=deciders.approvers(request, decision))
            self._go(Phase.ACT, Status.WORKING)
            return
        await self._end_request("withdrawn", decision)
        for action in asked:  # the same proposal is judged, and where need be asked, anew
            self._became(action.action_id, ActionState.PROPOSED)
        words = "; ".join(after.mode_reasons) or "the facts have changed"
        self._note("drift", f"what was approved is not what would run now: {words}")
        self._go(Phase.JUDGE, Status.WORKING)

    async def _still_covered(
        self, asked: Sequence[Action], edit: Edit | None
    ) -> tuple[bool, Judgement]:
        """Return whether the decision covers what would run, and how that is judged now.

        What was asked must be unchanged. What the approver's own edits make of it must not be
        refused; where a rule asks for a person's word on it, that is the word.
        """
        before = self._judgement()
        now = await self._evaluate(asked)
        if edit is None or not approval.unchanged(before, now):
            return approval.unchanged(before, now), now
        after = await self._evaluate(edits.edited_actions(asked, edit))
        return approval.permits(after), after
