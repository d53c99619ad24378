"""What a backend's hint causes: effects are read back, those of earlier tickets too."""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.proposal import ActionError, ActionRecord, ActionState
    from closeloop.models.state import Phase
    from workflows import approval, calls, conversation, notices
    from workflows import state as transitions
    from workflows.core import TicketCore


class HintedSteps(TicketCore):
    """Read back what a hint is about, and go on where it is gone."""

    async def _look_again(self) -> None:
        """Begin a ticket that a hint opened: bother nobody unless an effect is gone."""
        loaded = await calls.load_customer(self._state)
        self._set(customer=loaded.customer, terms=loaded.terms)
        lost = await self._gone(await self._hinted())
        if lost:
            self._state = transitions.counted(self._state, self.clock.now())
            self._lost(lost)
        elif conversation.unread(self._state):
            self._state = transitions.counted(self._state, self.clock.now())
            self._go(Phase.UNDERSTAND)
        else:
            self._state = transitions.nothing_lost(self._state, self.clock.now())
            self._publish()
            await self._record("nothing is lost")
            if not self._state.hints:
                self._go(Phase.DONE)

    async def _hinted(self) -> tuple[ActionRecord, ...]:
        """Take the backends' hints, and return the effects that they are about.

        Raises:
            CallFailed: what an earlier ticket did could not be looked up.
        """
        hints = self._state.hints
        self._set(hints=())
        names = {hint.effect_id for hint in hints}
        found = [
            record
            for record in self._state.actions
            if record.state is ActionState.VERIFIED
            and (record.effect_id in names or (None in names and record.effect_id is not None))
        ]
        known = {record.effect_id for record in self._state.actions}
        for hint in hints:
            if hint.ticket_id is None or hint.effect_id in known - {None}:
                continue
            earlier = await calls.recall_effects(self._state, hint)
            found += [record for record in earlier if record.effect_id not in known]
            known |= {record.effect_id for record in earlier}
        return tuple(found)

    async def _gone(self, records: Sequence[ActionRecord]) -> tuple[ActionRecord, ...]:
        """Read effects back; return those that their system of record does not show any more."""
        gone: list[ActionRecord] = []
        for record in records:
            found = await calls.verify_action(approval.step_of(self._state, record))
            if found.holds and found.receipt is not None:
                self._became(record.action.action_id, ActionState.VERIFIED, receipt=found.receipt)
                self._note("read back", found.receipt.summary)
            else:
                gone.append(record)
        return tuple(gone)

    def _lost(self, records: Sequence[ActionRecord]) -> None:
        """Hand over what is gone where no agent can go on: the customer has not written here."""
        for record in records:
            self._undone(record)
        what = "; ".join(record.receipt.summary for record in records if record.receipt)
        self._hand_over(
            notices.EFFECT_UNDONE,
            f"The system of record does not show any more: {what}.",
            "Look at the backend, agree with the customer how to go on, and record what is true.",
        )

    def _undone(self, record: ActionRecord) -> None:
        """Take note that an effect, once verified, is gone; it may be an earlier ticket's."""
        self._state = transitions.with_record(self._state, record)
        problem = ActionError(code="undone", message="the effect is gone")
        self._became(record.action.action_id, ActionState.FAILED, error=problem)
        self._state = transitions.event(
            self._state,
            self.clock.now(),
            "action_failed",
            kind=record.action.kind,
            effect_id=record.effect_id,
            code=problem.code,
        )
        self._failed_observation("not_verified", record.action.kind, problem)
