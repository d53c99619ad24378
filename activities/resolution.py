"""The resolution agent's activity."""

from typing import Final

from temporalio import activity

from closeloop.errors import BackendRefused, ModelRefused
from closeloop.models.base import clip
from closeloop.models.proposal import Proposal, ProposeRequest
from closeloop.ports import Resolver

BAD_PROPOSAL: Final = "bad_proposal"
MAX_ACTIONS: Final = 10
MAX_REPLY_CHARS: Final = 8_000
MAX_NOTE_CHARS: Final = 1_000
MAX_CITES: Final = 20
MAX_COMMITMENTS: Final = 5
MAX_COMMITMENT_HOURS: Final = 24 * 366
MAX_PROPOSAL_BYTES: Final = 40_000
"""Several proposals are carried in a ticket's state, which has to stay well below 2 MB."""


class ResolutionActivities:
    """Activities that ask the resolver."""

    def __init__(self, resolver: Resolver, offline: Resolver) -> None:
        """Keep the resolver in use, and the one that needs no language model."""
        self._resolver = resolver
        self._offline = offline

    @activity.defn
    def propose_resolution(self, request: ProposeRequest) -> Proposal:
        """Return the resolver's proposal with ids of this ticket, and every text bounded.

        Raises:
            BackendRefused: ``bad_proposal``, it is too large or promises something at no time.
            ModelRefused: the same of a language model, with what it cost.
        """
        resolver = self._offline if request.offline else self._resolver
        proposal = _bounded(resolver.propose(request), request.proposal_number)
        size = len(proposal.model_dump_json().encode(errors="replace"))
        if size > MAX_PROPOSAL_BYTES:
            raise _bad(proposal, f"the proposal has {size} bytes")
        for promise in proposal.commitments:
            if not 0 < promise.due_in_hours <= MAX_COMMITMENT_HOURS:
                raise _bad(proposal, f"a promise is due in {promise.due_in_hours} hours")
        return proposal


def _bad(proposal: Proposal, words: str) -> BackendRefused:
    if proposal.calls:
        return ModelRefused(words, code=BAD_PROPOSAL, calls=proposal.calls)
    return BackendRefused(words, code=BAD_PROPOSAL)


def _bounded(proposal: Proposal, number: int) -> Proposal:
    reply, escalation = proposal.reply, proposal.escalation
    if reply is not None:
        text = clip(reply.text, MAX_REPLY_CHARS)
        reply = reply.model_copy(update={"text": text, "cites": reply.cites[:MAX_CITES]})
    if escalation is not None:
        short = {k: clip(v, MAX_NOTE_CHARS) for k, v in escalation.model_dump().items()}
        escalation = escalation.model_copy(update=short)
    return proposal.model_copy(
        update={
            "proposal_id": f"p{number}",
            "goal": clip(proposal.goal, MAX_NOTE_CHARS),
            "actions": tuple(
                action.model_copy(
                    update={
                        "action_id": f"p{number}-a{position}",
                        "reason": clip(action.reason, MAX_NOTE_CHARS),
                    }
                )
                for position, action in enumerate(proposal.actions[:MAX_ACTIONS], start=1)
            ),
            "reply": reply,
            "commitments": tuple(
                promise.model_copy(update={"text": clip(promise.text, MAX_NOTE_CHARS)})
                for promise in proposal.commitments[:MAX_COMMITMENTS]
            ),
            "escalation": escalation,
            "rationale": clip(proposal.rationale, MAX_NOTE_CHARS),
        }
    )
