"""The resolution agent: a typed proposal, written by a language model from what is on record.

Its tools are the action catalogue, as schemas; what it proposes is parsed again by the catalogue
and judged by policy before anything of it happens.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from pydantic import Field

from closeloop.actions.base import ActionKind
from closeloop.actions.catalogue import CATALOGUE, WORKFLOW_ONLY
from closeloop.agents import records
from closeloop.agents.asking import Answer, Asking, LanguageModel, load_prompt
from closeloop.agents.lookups import LookUp, Lookups
from closeloop.agents.strict import FILLED_IN, either, one_of, strict, variant
from closeloop.models.proposal import (
    Action,
    CommitmentDraft,
    CommitmentKind,
    Draft,
    EscalationDraft,
    Proposal,
    ProposeRequest,
)
from closeloop.policy.call_times import CallTimes
from closeloop.ports import Knowledge, Payments, Shop

MAX_LOOKUP_ROUNDS: Final = 2
LOOKUPS: Final = 5
"""How many lookups one round may have."""
MAX_ORDERS: Final = 8
"""How many of the customer's orders are told unasked; an older one is looked up."""


class Step(Answer):
    """One action, with why it is proposed and which messages of the customer asked for it."""

    kind: str
    params: Answer
    reason: str
    requested_by: list[str]


class Promise(Answer):
    """Something that the reply promises; ``settlement`` is money that arrives."""

    kind: CommitmentKind
    text: str
    due_in_hours: float = Field(gt=0)


class HandOver(Answer):
    """Why a person should take over; ``reason`` is a code such as ``needs_judgement``."""

    reason: str
    summary: str
    recommendation: str


class Resolution(Answer):
    """What to do next: look things up, or propose."""

    thoughts: str
    lookups: list[LookUp]
    goal: str
    actions: list[Step]
    reply: str | None
    cites: list[str]
    asks_customer: bool
    asks_identity: bool
    commitments: list[Promise]
    hand_over: HandOver | None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AgentResolver:
    """The port ``Resolver`` by a language model."""

    def __init__(
        self,
        model: LanguageModel,
        shop: Shop,
        payments: Payments,
        knowledge: Knowledge,
        calls: CallTimes,
        *,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Keep the model and what is read; ``clock`` tells the date."""
        self._model = model
        self._shop = shop
        self._payments = payments
        self._knowledge = knowledge
        self._calls = calls
        self._clock = clock
        self._prompt = load_prompt("resolve")
        self._output = _resolution_of(CATALOGUE)

    def propose(self, request: ProposeRequest) -> Proposal:
        """Return the model's proposal; what it wants to look up first is looked up.

        Raises:
            ModelRefused: the model has no usable answer.
            ModelUnavailable: the model does not answer now.
            BackendUnavailable: the shop, payments or knowledge do not answer.
        """
        asking = Asking(self._model, self._prompt)
        now = self._clock()
        lookups = Lookups(self._shop, self._payments, self._calls, request, now)
        document = self._document(request, lookups, now)
        said = asking.ask(document, self._output)
        while said.lookups and document["lookup_rounds_left"]:
            document["lookup_rounds_left"] -= 1
            document["looked_up"] += [
                {"lookup": one.model_dump(), **lookups.run(one)} for one in said.lookups[:LOOKUPS]
            ]
            said = asking.ask(document, self._output)
        return _proposal(said, asking, request)

    def _document(self, request: ProposeRequest, lookups: Lookups, now: datetime) -> dict[str, Any]:
        passages = self._knowledge.get(request.tenant, request.passage_ids)
        return {
            "now": now.isoformat(timespec="minutes"),
            "ticket": records.ticket(request),
            "customer": lookups.customer(),
            "orders": lookups.orders(MAX_ORDERS),
            "earlier_messages_in_a_line_each": list(request.earlier),
            "conversation": records.conversation(request),
            "passages": [records.passage(one) for one in passages],
            "done_so_far": [records.done(one) for one in request.done],
            "did_not_work": [one.model_dump() for one in request.observations],
            "looked_up": [],
            "lookup_rounds_left": MAX_LOOKUP_ROUNDS,
        }


def _resolution_of(catalogue: Mapping[str, type[ActionKind]]) -> type[Resolution]:
    """Return ``Resolution`` whose actions are exactly those of the catalogue."""
    steps = [
        variant(Step, f"{cls.__name__}Step", cls.__doc__, _fields(kind, cls))
        for kind, cls in catalogue.items()
        if kind not in WORKFLOW_ONLY
    ]
    actions = cast(Any, list)[either(steps)]
    return variant(Resolution, "Resolution", Resolution.__doc__, {"actions": actions})


def _fields(kind: str, cls: type[ActionKind]) -> dict[str, Any]:
    return {"kind": one_of([kind]), "params": strict(cls)}


def _params(step: Step, request: ProposeRequest) -> dict[str, Any]:
    """Return the parameters, the customer filled in: nobody else's record can be meant."""
    params = step.params.model_dump(mode="json", exclude_none=True)
    if FILLED_IN in CATALOGUE[step.kind].model_fields:
        params[FILLED_IN] = request.customer_id
    return params


def _proposal(said: Resolution, asking: Asking, request: ProposeRequest) -> Proposal:
    hand_over = said.hand_over
    return Proposal(
        goal=said.goal,
        actions=tuple(
            Action(
                action_id=str(position),
                kind=step.kind,
                params=_params(step, request),
                reason=step.reason,
                requested_by=tuple(step.requested_by),
            )
            for position, step in enumerate(said.actions, start=1)
        ),
        reply=Draft(text=said.reply, cites=tuple(said.cites)) if said.reply else None,
        asks_customer=said.asks_customer,
        asks_identity=said.asks_identity,
        commitments=tuple(
            CommitmentDraft(kind=one.kind, text=one.text, due_in_hours=one.due_in_hours)
            for one in said.commitments
        ),
        escalation=EscalationDraft(**hand_over.model_dump()) if hand_over else None,
        rationale=said.thoughts,
        source=asking.model_id,
        calls=asking.calls,
    )
