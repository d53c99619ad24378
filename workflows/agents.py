"""How a ticket asks its agents: the language models, and the offline ones where those are out."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.proposal import Proposal
    from closeloop.models.state import TicketState
    from closeloop.models.steps import RetrievedKnowledge
    from closeloop.models.triage import Classification
    from workflows import standin
    from workflows import state as transitions
    from workflows.calling import CallFailed
    from workflows.core import TicketCore

OFFLINE_STANDS_IN: Final = "offline-stands-in"
"""Before this patch a ticket whose agent did not answer went to a person at once."""

Answer = TypeVar("Answer", Classification, RetrievedKnowledge, Proposal)


class AgentSteps(TicketCore):
    """Ask agents."""

    async def _ask(
        self, call: Callable[[TicketState], Awaitable[Answer]], *, new_turn: bool = False
    ) -> Answer:
        """Return an agent's answer; the offline models' where the language models have none.

        They then stand in for the rest of the turn: the next one asks the language models again.

        Raises:
            CallFailed: nobody has an answer.
        """
        self._state = standin.within_budget(self._state, self.clock.now())
        asked = standin.asking_again(self._state) if new_turn else self._state
        try:
            answer = await call(asked)
        except CallFailed as failure:
            out = failure.unanswered and not standin.stands_in(asked)
            if not out or not workflow.patched(OFFLINE_STANDS_IN):
                raise
            self._state = standin.spent(self._state, failure.calls, self.clock.now())
            self._state = standin.went_down(self._state, failure.problem, self.clock.now())
            return await call(self._state)
        if asked.stand_in != self._state.stand_in:
            self._state = standin.came_back(self._state, self.clock.now())
        self._state = standin.spent(self._state, answer.calls, self.clock.now())
        return answer

    def _found(self, found: RetrievedKnowledge) -> None:
        """Take up what is known; what is not is for those who write the articles."""
        self._set(passages=found.passages, round=0)
        if found.missing:
            now, intent = self.clock.now(), self._classification().intent
            self._state = transitions.event(
                self._state, now, "knowledge_gap", intent=intent, missing=found.missing
            )
            self._note("knowledge gap", found.missing)
