"""The resolution agent's activity."""

from typing import Final

from temporalio import activity

from closeloop.models.base import clip
from closeloop.models.proposal import Proposal, ProposeRequest
from closeloop.ports import Resolver

MAX_ACTIONS: Final = 10
MAX_REPLY_CHARS: Final = 8_000
MAX_NOTE_CHARS: Final = 1_000


class ResolutionActivities:
    """Activities that ask the resolver."""

    def __init__(self, resolver: Resolver) -> None:
        """Keep the resolver port."""
        self._resolver = resolver

    @activity.defn
    def propose_resolution(self, request: ProposeRequest) -> Proposal:
        """Return the resolver's proposal with ids of this ticket, and every text bounded."""
        proposal = self._resolver.propose(request)
        number = request.proposal_number
        reply = proposal.reply
        if reply is not None:
            reply = reply.model_copy(update={"text": clip(reply.text, MAX_REPLY_CHARS)})
        return proposal.model_copy(
            update={
                "proposal_id": f"p{number}",
                "actions": tuple(
                    action.model_copy(update={"action_id": f"p{number}-a{position}"})
                    for position, action in enumerate(proposal.actions[:MAX_ACTIONS], start=1)
                ),
                "reply": reply,
                "rationale": clip(proposal.rationale, MAX_NOTE_CHARS),
            }
        )
