"""A scripted resolver, a ticket's gold writes one after the other, and a customer who waits."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from closeloop.models.proposal import Action, Draft, Proposal, ProposeRequest
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView
from evals.retail.data import Call
from evals.retail.translate import action_of

ALL_DONE: Final = "That was all we had agreed on."


class GoldResolver:
    """Proposes the n-th write in the n-th proposal, whatever became of those before.

    It keeps nothing between calls: a worker that starts anew goes on where the ticket stands.
    """

    def __init__(self, plans: Mapping[str, Sequence[Call]]) -> None:
        """Keep the writes by tenant; each task has a tenant of its own."""
        self._plans = plans

    def propose(self, request: ProposeRequest) -> Proposal:
        """Return the next write with a reply to it, or the last word."""
        writes = self._plans[request.tenant]
        if request.proposal_number > len(writes):
            return Proposal(goal="end", reply=Draft(text=ALL_DONE))
        asked = tuple(m.message_id for m in request.conversation if m.sender == "customer")
        action: Action = action_of(writes[request.proposal_number - 1], "next")
        return Proposal(
            goal="next write",
            actions=(action.model_copy(update={"requested_by": asked}),),
            reply=Draft(text="Done: {{1.summary}}."),
        )


class PatientCustomer:
    """Asks for the next step until the resolver has said its last word."""

    def __init__(self, customer_id: str) -> None:
        """Say whose ticket it is."""
        self._customer_id = customer_id

    def ticket(self) -> Mapping[str, object]:
        """Return a ticket that leaves everything to the plan."""
        return {
            "channel": "chat",
            "assurance": "confirmed",
            "customer": {"id": self._customer_id},
            "subject": "As agreed",
            "body": "Please do what we have agreed on.",
        }

    def says(self, view: TicketView) -> str | None:
        """Return the wish for the next step; None after the last one, and to a question."""
        done = view.status is not Status.RESOLVED or view.messages[-1].text == ALL_DONE
        return None if done else "Please go on."


def write_plans(path: Path, plans: Mapping[str, Sequence[Call]]) -> None:
    """Write the plans for a worker in another process."""
    document = {
        tenant: [{"name": call.name, "arguments": call.arguments} for call in calls]
        for tenant, calls in plans.items()
    }
    path.write_text(json.dumps(document), encoding="utf-8")


def read_plans(path: Path) -> dict[str, tuple[Call, ...]]:
    """Return what ``write_plans`` wrote."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        tenant: tuple(Call(name=call["name"], arguments=call["arguments"]) for call in calls)
        for tenant, calls in document.items()
    }
