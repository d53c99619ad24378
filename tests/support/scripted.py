"""A scripted classifier and resolver: they answer what a test tells them, in order."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from closeloop.agents.team import Team
from closeloop.bootstrap import Services
from closeloop.errors import ModelRefused
from closeloop.models.proposal import Action, Draft, Proposal, ProposeRequest
from closeloop.models.spending import ModelCall
from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.models.triage import Classification, ClassifyRequest, Confirmation, Sentiment
from closeloop.offline.confirmation import read_confirmation
from closeloop.policy.book import FilePolicyBook

Step = Proposal | Callable[[ProposeRequest], Proposal]


class ScriptedClassifier:
    """Reads every message as ``intent``, unless the latest one contains a key of ``by_word``.

    ``topics`` are touched by every ticket, those of ``topics_by_word`` by one with the word.
    """

    def __init__(
        self,
        intent: str = "refund_request",
        *,
        confidence: float = 0.95,
        by_word: dict[str, str] | None = None,
        topics: tuple[str, ...] = (),
        topics_by_word: dict[str, str] | None = None,
        sentiment: Sentiment = "neutral",
    ) -> None:
        self._intent = intent
        self._confidence = confidence
        self._by_word = by_word or {}
        self._topics = topics
        self._topics_by_word = topics_by_word or {}
        self._sentiment: Sentiment = sentiment
        self.requests: list[ClassifyRequest] = []

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        self.requests.append(request)
        latest = request.messages[-1].lower()
        intent = next((i for word, i in self._by_word.items() if word in latest), self._intent)
        words = " ".join(request.messages).lower()
        touched = tuple(topic for word, topic in self._topics_by_word.items() if word in words)
        return Classification(
            intent=intent,
            confidence=self._confidence,
            topics=(*self._topics, *touched),
            sentiment=self._sentiment,
        )

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        return read_confirmation(text)


class NoDetector:
    """Suspects nothing."""

    def suspects(self, text: str) -> bool:
        return False


class ScriptedResolver:
    """Gives its proposals in order, and the last one again when they run out."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.requests: list[ProposeRequest] = []

    def propose(self, request: ProposeRequest) -> Proposal:
        self.requests.append(request)
        step = self._steps[min(len(self.requests), len(self._steps)) - 1]
        return step if isinstance(step, Proposal) else step(request)


def asked_by(request: ProposeRequest) -> tuple[str, ...]:
    """Return the ids of the customer's messages."""
    return tuple(m.message_id for m in request.conversation if m.sender == "customer")


def refund(
    order_id: str, *, amount_minor: int | None = None, text: str = "You get {{1.amount}} back."
) -> Callable[[ProposeRequest], Proposal]:
    """Return a step that proposes a refund of everything on an order."""

    def propose(request: ProposeRequest) -> Proposal:
        params: dict[str, object] = {"order_id": order_id}
        if amount_minor is not None:
            params["amount_minor"] = amount_minor
        return Proposal.model_validate(
            {
                "goal": "refund",
                "actions": [
                    {
                        "action_id": "a1",
                        "kind": "refund_payment",
                        "params": params,
                        "requested_by": asked_by(request),
                    }
                ],
                "reply": {"text": text},
            }
        )

    return propose


def answer(text: str = "Here is your answer.") -> Proposal:
    """Return a proposal that only answers."""
    return Proposal(goal="answer", reply=Draft(text=text))


def question(text: str = "Which order do you mean?") -> Proposal:
    """Return a proposal that asks the customer."""
    return Proposal(goal="ask", reply=Draft(text=text), asks_customer=True)


def acting(*actions: Action, text: str = "Done.") -> Callable[[ProposeRequest], Proposal]:
    """Return a step that proposes these actions, asked for by every message of the customer."""

    def propose(request: ProposeRequest) -> Proposal:
        asked = asked_by(request)
        return Proposal(
            goal="act",
            actions=tuple(a.model_copy(update={"requested_by": asked}) for a in actions),
            reply=Draft(text=text),
        )

    return propose


def calling(slot: int = 0, text: str = "This is what you asked for: {{1.summary}}.") -> Step:
    """Return a step that books a call at the n-th free time."""

    def propose(request: ProposeRequest) -> Proposal:
        starts_at = free_times()[slot]
        params = {"customer_id": request.customer_id or "", "starts_at": starts_at}
        action = Action.model_validate(
            {"action_id": "a1", "kind": "schedule_callback", "params": params}
        )
        return acting(action, text=text)(request)

    return propose


def free_times() -> list[str]:
    """Return the next times at which the default desk calls people in Oregon, as Nora is."""
    hours = FilePolicyBook(Path(__file__).resolve().parents[2] / "policies").call_hours("default")
    assert hours is not None
    found = hours.slots(datetime.now(UTC), "America/Los_Angeles", ())
    return [f"{slot.starts_at:%Y-%m-%dT%H:%M:%SZ}" for slot in found]


class OutThenBack:
    """Agents whose language models have no quota for the first question, and answer the rest."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._out = True
        self._call = ModelCall(
            agent="any", model="gpt-test", prompt="v1", input_tokens=900, usd_micros=1800
        )

    def team(self) -> Team:
        """Return them as the agents of a worker."""
        return Team(classifier=self, retriever=self, resolver=self, at_once=4)

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        if self._out:
            self._out = False
            raise ModelRefused("the account is empty", code="quota", calls=(self._call,))
        read = self._services.classifier.classify(tenant, request)
        return read.model_copy(update={"calls": (self._call,)})

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        return read_confirmation(text)

    def retrieve(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        return RetrievedKnowledge(missing="How mugs are made.", calls=(self._call,))

    def propose(self, request: ProposeRequest) -> Proposal:
        proposal = self._services.resolver.propose(request)
        return proposal.model_copy(update={"source": "gpt-test", "calls": (self._call,)})
