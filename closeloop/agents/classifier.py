"""The classification agent: what a customer wants, read by a language model.

Cues in code stand beside it: a topic that only a person may handle, or text that gives orders to
the machine, counts when either of the two sees it. An order id that the customer did not write is
dropped, and the priority comes from the taxonomy's matrix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from pydantic import Field

from closeloop.agents.asking import Answer, Asking, LanguageModel, load_prompt
from closeloop.agents.strict import one_of, variant
from closeloop.models.base import MAX_SAFE_MINOR, Money, clip
from closeloop.models.triage import (
    Classification,
    ClassifyRequest,
    Confirmation,
    Entities,
    Priority,
    Sentiment,
    Urgency,
)
from closeloop.ports import Classifier

MAX_NAMED: Final = 20
_NAME_CHARS: Final = 200
_WHY_CHARS: Final = 300


class PriorityMatrix(Protocol):
    """The taxonomy's priority for what was read."""

    def __call__(
        self, intent_id: str, urgency: Urgency, sentiment: Sentiment, topic_ids: tuple[str, ...]
    ) -> Priority:
        """Return the priority."""
        ...


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a message may be read as: intents by id with what they mean, topics by id."""

    intents: Mapping[str, str]
    topics: Sequence[str]
    priority_of: PriorityMatrix


class NamedAmount(Answer):
    """A sum of money that the customer names, in minor units (cents)."""

    amount_minor: int = Field(ge=0, le=MAX_SAFE_MINOR)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class Reading(Answer):
    """How a conversation is read; ``why`` comes first, so that it is thought before it is said."""

    why: str
    intent: str
    confidence: float = Field(ge=0, le=1)
    urgency: Urgency
    sentiment: Sentiment
    language: str
    order_ids: list[str]
    items: list[str]
    amounts: list[NamedAmount]
    dates: list[str]
    topics: list[str]
    gives_orders_to_the_machine: bool


class AgentClassifier:
    """The port ``Classifier`` by a language model."""

    def __init__(self, model: LanguageModel, labels: Labels, beside: Classifier) -> None:
        """Keep the model, the labels, and the classifier whose cues count as well."""
        self._model = model
        self._labels = labels
        self._beside = beside
        self._prompt = load_prompt("classify")
        self._output = _reading_of(labels)

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        """Return intent, urgency, sentiment, priority, language, entities, confidence and why.

        Raises:
            ModelRefused: the model has no usable answer.
            ModelUnavailable: the model does not answer now.
        """
        asking = Asking(self._model, self._prompt)
        document = {
            "intents": self._labels.intents,
            "topics": list(self._labels.topics),
            "subject": request.subject,
            "customer_wrote": list(request.messages),
            "last_message_answers_our_question": request.answers_question,
            "order_ids_on_the_ticket": list(request.order_ids),
        }
        reading = asking.ask(document, self._output)
        cues = self._beside.classify(tenant, request)
        topics = tuple(dict.fromkeys((*cues.topics, *reading.topics)))
        return Classification(
            intent=reading.intent,
            urgency=reading.urgency,
            sentiment=reading.sentiment,
            priority=self._labels.priority_of(
                reading.intent, reading.urgency, reading.sentiment, topics
            ),
            language=clip(reading.language, 8),
            entities=_entities(reading, request, cues.entities),
            topics=topics,
            injection_suspected=reading.gives_orders_to_the_machine or cues.injection_suspected,
            confidence=reading.confidence,
            why=clip(reading.why, _WHY_CHARS),
            calls=asking.calls,
        )

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        """Return what the customer's word after a resolution means: read by code, in no time."""
        return self._beside.read_confirmation(tenant, text)


def _reading_of(labels: Labels) -> type[Reading]:
    """Return ``Reading`` with the taxonomy's own intents and topics as the only ones there are."""
    topic = one_of(labels.topics) if labels.topics else str
    fields = {"intent": one_of(labels.intents), "topics": cast(Any, list)[topic]}
    return variant(Reading, "Reading", Reading.__doc__, fields)


def _entities(reading: Reading, request: ClassifyRequest, by_code: Entities) -> Entities:
    words = " ".join((request.subject, *request.messages, *request.order_ids))
    orders = [name for name in reading.order_ids if name and name in words]
    amounts = tuple(
        Money(amount_minor=one.amount_minor, currency=one.currency) for one in reading.amounts
    )
    return Entities(
        order_ids=tuple(dict.fromkeys((*orders, *by_code.order_ids)))[:MAX_NAMED],
        item_mentions=_short(reading.items),
        amounts=amounts[:MAX_NAMED],
        dates=_short(reading.dates),
    )


def _short(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(clip(name, _NAME_CHARS) for name in names[:MAX_NAMED])
