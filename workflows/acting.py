"""Steps 6 and 7 of a ticket's life: effects happen once, and are read back."""

from typing import Literal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE
    from closeloop.models.proposal import Action, ActionError, ActionState, Receipt
    from closeloop.models.state import Phase
    from closeloop.models.steps import ExecuteAction
    from workflows import approval, calls, notices
    from workflows import state as transitions
    from workflows.calling import CallFailed
    from workflows.core import TicketCore


class ActingSteps(TicketCore):
    """Act and verify."""

    async def _act(self) -> None:
        live = approval.live_actions(self._state, self._proposal())
        # What can be taken back goes first: money is never taken back for another action's failure.
        for action in sorted(live, key=lambda action: not CATALOGUE[action.kind].reversible):
            if self._interrupted():
                return  # the run loop sees to it before anything more is written
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
        except CallFailed as failure:
            if failure.refused:
                self._not_done(step, failure.problem, "failed")
                return False
            return await self._find_out(step, failure.problem)
        self._became(
            name, ActionState.EXECUTING, receipt=outcome.receipt, attempts=outcome.attempts
        )
        try:
            found = await calls.verify_action(step)
        except CallFailed as failure:  # it was done; only the reading did not work
            return await self._find_out(step, failure.problem)
        if found.holds and found.receipt is not None:
            self._verified(step, found.receipt)
            return True
        problem = found.problem or ActionError(code="not_verified", message="not read back")
        self._not_done(step, problem, "not_verified")
        return False

    async def _find_out(self, step: ExecuteAction, problem: ActionError) -> bool:
        """Read what became of a write that never answered; if nothing is found, a person looks."""
        try:
            found = await calls.reconcile_action(self._state, step)
            if found.receipt is not None:
                self._verified(step, found.receipt)
                return True
        except CallFailed as unread:
            problem = unread.problem
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
        done = self._done_for_the_customer()
        if done:
            self._hand_over(
                notices.PARTLY_DONE,
                f"{step.action.kind} failed: {problem.message}. Done before it: {', '.join(done)}.",
                "Finish what is missing, or take back what can be taken back.",
            )
        else:
            self._go(Phase.PROPOSE)

    def _done_for_the_customer(self) -> list[str]:
        """Return the kinds that this proposal has done already, the desk's bookkeeping left out."""
        records = (
            transitions.record_of(self._state, action.action_id)
            for action in self._proposal().actions
        )
        return [
            record.action.kind
            for record in records
            if record.state is ActionState.VERIFIED and not CATALOGUE[record.action.kind].internal
        ]
