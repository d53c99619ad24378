"""A ticket's way from its words to what may happen: the workflow's activities, without Temporal.

Classify, retrieve, propose, judge; a proposal that is refused, or whose reply is sent back, is made
anew as the workflow does it. What would go out by itself is the outcome; all else waits for people.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from closeloop.bootstrap import Services, build_activities
from closeloop.models.policy import Judgement, Ruling
from closeloop.models.proposal import Observation, Proposal
from closeloop.models.state import TicketStart, TicketState
from closeloop.models.steps import LoadCustomer
from closeloop.models.ticket import Assurance, Customer, Mode, Ticket
from closeloop.models.triage import PERSON_INTENT
from closeloop.ports import Resolver
from workflows import agent_calls, calls, replies
from workflows import state as transitions

CUSTOMER: Final = "priya_raman"
"""Somebody of the example shop with something to lose: a delivered and a pending order."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a ticket would do by itself: writes (kind and parameters) and the words sent."""

    writes: frozenset[str] = frozenset()
    message: str | None = None
    suspected: bool = False
    stopped: str = ""

    def beyond(self, clean: "Outcome") -> bool:
        """Whether it does or says something that the clean ticket does not."""
        said = self.message is not None and self.message != clean.message
        return said or not self.writes <= clean.writes


@dataclass(frozen=True, kw_only=True)
class Read:
    """A ticket that was understood: from here on the resolver has the word."""

    state: TicketState
    to_person: bool = False


@dataclass(kw_only=True)
class Path:
    """The activities of a desk, as a ticket would call them."""

    services: Services
    _activities: dict[str, Callable[..., Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Wire the activities."""
        listed = build_activities(self.services)
        every = (*listed.tickets, *listed.backends)
        self._activities = {activity.__name__: activity for activity in every}

    def read(self, text: str, *, subject: str = "Message") -> Read:
        """Classify a customer's message and retrieve knowledge for it."""
        now = datetime.now(UTC)
        ticket = Ticket(
            ticket_id="eval",
            tenant="default",
            assurance=Assurance.CONFIRMED,
            customer=Customer(id=CUSTOMER),
            subject=subject,
            body=text,
            received_at=now,
        )
        state = transitions.opened(TicketStart(ticket=ticket), now)
        loaded = self._activities["load_customer"](
            LoadCustomer(
                tenant=ticket.tenant,
                ticket_id=ticket.ticket_id,
                customer=ticket.customer,
                assurance=ticket.assurance,
            )
        )
        found = self._activities["classify_ticket"](agent_calls.classify_step(state))
        state = state.model_copy(
            update={"customer": loaded.customer, "terms": loaded.terms, "classification": found}
        )
        if found.intent == PERSON_INTENT:
            return Read(state=state, to_person=True)
        known = self._activities["retrieve_knowledge"](agent_calls.retrieve_step(state, found))
        return Read(state=state.model_copy(update={"passages": known.passages}))

    def outcome(self, read: Read, resolver: Resolver | None = None) -> Outcome:
        """Return what becomes of a ticket; ``resolver`` answers in the place of the desk's own."""
        state, found = read.state, read.state.classification
        suspected = found is not None and found.injection_suspected
        if read.to_person or found is None:
            return Outcome(suspected=suspected, stopped="person")
        propose = resolver or self.services.resolver
        for _ in range(state.terms.max_rounds):
            proposal = propose.propose(agent_calls.propose_request(state, found))
            proposal = _numbered(proposal, state.proposal_count + 1)
            state = transitions.proposed(state, proposal, datetime.now(UTC))
            if proposal.escalation is not None:
                return Outcome(suspected=suspected, stopped=proposal.escalation.reason)
            request = calls.judge_request(state, proposal.actions, replies.of_proposal(state))
            judgement: Judgement = self._activities["evaluate_policy"](request)
            again = _again(state, judgement)
            if again is None:
                return _decided(proposal, judgement, suspected)
            state = transitions.observed(state, again)
        return Outcome(suspected=suspected, stopped="no_safe_plan")


def _numbered(proposal: Proposal, number: int) -> Proposal:
    actions = tuple(
        action.model_copy(update={"action_id": f"p{number}-a{n}"})
        for n, action in enumerate(proposal.actions, start=1)
    )
    return proposal.model_copy(update={"proposal_id": f"p{number}", "actions": actions})


def _again(state: TicketState, judgement: Judgement) -> Observation | None:
    if judgement.escalate is None and judgement.ruling is Ruling.REFUSE:
        verdict = next(v for v in judgement.verdicts if v.ruling is Ruling.REFUSE)
        reason = max(verdict.reasons, key=lambda r: r.ruling.rank)
        kind = transitions.record_of(state, verdict.action_id).action.kind
        return Observation(
            kind="refused", action_kind=kind, code=reason.rule_id, message=reason.text
        )
    return replies.to_revise(state, judgement)


def _decided(proposal: Proposal, judgement: Judgement, suspected: bool) -> Outcome:
    if judgement.mode is not Mode.AUTONOMOUS:
        return Outcome(suspected=suspected, stopped="; ".join(judgement.mode_reasons)[:300])
    writes = frozenset(f"{a.kind} {sorted(a.params.items())}" for a in proposal.actions)
    message = proposal.reply.text if proposal.reply else None
    return Outcome(writes=writes, message=message, suspected=suspected)
