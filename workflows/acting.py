"""Steps 6 and 7 of a ticket's life: effects happen once, and are read back."""

from collections.abc import Sequence
from typing import Final, Literal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE, parse
    from closeloop.models.proposal import (
        Action,
        ActionError,
        ActionRecord,
        ActionState,
        Receipt,
    )
    from closeloop.models.state import Phase
    from closeloop.models.steps import ExecuteAction, Verification
    from closeloop.models.ticket import Status
    from workflows import approval, calls, notices, promises
    from workflows import state as transitions
    from workflows.calling import CallFailed
    from workflows.core import TicketCore


STOPPED: Final = "stopped"
"""The ledger's code for a write that was stopped before it began."""


class ActingSteps(TicketCore):
    """Act and verify."""

    async def _act(self) -> None:
        live = approval.live_actions(self._state, self._proposal())
        # What can be taken back goes first: money is never taken back for another action's failure.
        for action in sorted(live, key=self._is_final):
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
            if failure.refused and failure.problem.code == STOPPED:
                self._stopped(name, failure.problem)
                return False
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

    def _stopped(self, action_id: str, problem: ActionError) -> None:
        """Judge anew what nobody has approved: somebody has stopped the tenant's writes."""
        self._became(action_id, ActionState.PROPOSED)
        self._note("stopped", problem.message)
        self._go(Phase.JUDGE)

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
            self.clock.now(),
            "action_verified",
            kind=step.action.kind,
            effect_id=step.effect_id,
            amount_minor=amount.amount_minor if amount else None,
            attempts=record.attempts,
        )
        self._note("verified", receipt.summary)
        self._state = promises.after_action(self._state, step.action, receipt, self.clock.now())

    def _not_done(
        self, step: ExecuteAction, problem: ActionError, kind: Literal["failed", "not_verified"]
    ) -> None:
        self._became(step.action.action_id, ActionState.FAILED, error=problem)
        self._state = transitions.open_actions_become(self._state, ActionState.SKIPPED)
        self._state = transitions.event(
            self._state,
            self.clock.now(),
            "action_failed",
            kind=step.action.kind,
            effect_id=step.effect_id,
            code=problem.code,
        )
        self._failed_observation(kind, step.action.kind, problem)
        done = self._done_for_the_customer()
        if not done:
            self._go(Phase.PROPOSE)
        elif kind == "failed" and all(approval.undo_of(self._state, r.action) for r in done):
            self._go(Phase.TAKE_BACK)
        else:
            self._partly_done(done, step.action.kind, problem)

    async def _take_back(self) -> None:
        """Take back what the plan did before it was refused, and tell the customer both."""
        done = self._done_for_the_customer()
        failed = self._failed()
        assert failed.error is not None
        for record in reversed(done):
            if self._interrupted() or not await self._undo(record):
                left = self._done_for_the_customer()
                self._partly_done(left, failed.action.kind, failed.error)
                return
        if await self._send(notices.taken_back(self._state), Status.AWAITING_CUSTOMER):
            self._rest_with_customer(final=False)
        else:
            self._hand_over("reply_failed", "What was taken back could not be told.", "")

    async def _undo(self, record: ActionRecord) -> bool:
        """Take one effect back and read that; False where it stands, or nobody knows."""
        undo = approval.undo_of(self._state, record.action)
        assert undo is not None
        step = approval.undo_step(self._state, undo, record.effect_id)
        name = record.action.action_id
        try:
            await calls.perform(self._state, step)
        except CallFailed as failure:
            if failure.refused:
                self._note("not taken back", failure.problem.message)
                return False
        try:
            found = await calls.reconcile_action(self._state, step)
        except CallFailed as failure:
            found = Verification(holds=False, problem=failure.problem)
        if found.receipt is None:
            self._became(name, ActionState.UNKNOWN, error=found.problem)
            return False
        summary = f"taken back: {parse(undo).describe()}"
        receipt = found.receipt.model_copy(update={"summary": summary})
        self._became(name, ActionState.COMPENSATED, receipt=receipt)
        self._state = transitions.event(
            self._state,
            self.clock.now(),
            "action_compensated",
            kind=record.action.kind,
            effect_id=record.effect_id,
        )
        self._note("taken back", summary)
        return True

    def _partly_done(
        self, done: Sequence[ActionRecord], failed_kind: str, problem: ActionError
    ) -> None:
        kinds = ", ".join(record.action.kind for record in done) or "nothing that is known of"
        self._hand_over(
            notices.PARTLY_DONE,
            f"{failed_kind} failed: {problem.message}. Done before it: {kinds}.",
            "Finish what is missing, or take back what can be taken back.",
        )

    def _is_final(self, action: Action) -> bool:
        """Whether it cannot be taken back; histories of before ``undo`` go by the kind alone."""
        undo = approval.undo_of(self._state, action)
        return undo is None and not CATALOGUE[action.kind].reversible

    def _done_for_the_customer(self) -> list[ActionRecord]:
        """Return what this proposal has done already, the desk's bookkeeping left out."""
        return [
            record
            for record in self._records()
            if record.state is ActionState.VERIFIED and not CATALOGUE[record.action.kind].internal
        ]

    def _failed(self) -> ActionRecord:
        return next(r for r in self._records() if r.state is ActionState.FAILED)

    def _records(self) -> tuple[ActionRecord, ...]:
        return tuple(
            transitions.record_of(self._state, action.action_id)
            for action in self._proposal().actions
        )
