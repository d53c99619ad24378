"""What triage asks and answers."""

from typing import Literal

from pydantic import Field

from closeloop.models.base import Money, UtcTime, Wire
from closeloop.models.spending import ModelCall

Urgency = Literal["low", "normal", "high"]
Sentiment = Literal["very_negative", "negative", "neutral", "positive"]
Priority = Literal["urgent", "high", "normal", "low"]

OTHER_INTENT = "other"
"""The intent of a message that is none of the taxonomy's."""
PERSON_INTENT = "speak_to_person"
"""The intent of a customer who asks for a person; it stops autonomous writes."""


class ClassifyRequest(Wire):
    """The customer's words, oldest first, in a bounded window.

    ``answers_question``: the last of them answer a question of ours, so that what was wanted before
    is still wanted, unless they plainly say otherwise.
    """

    subject: str
    messages: tuple[str, ...]
    order_ids: tuple[str, ...] = ()
    answers_question: bool = False


class Entities(Wire):
    """What the customer names; ``dates`` as they wrote them or, where that is clear, ISO 8601."""

    order_ids: tuple[str, ...] = ()
    item_mentions: tuple[str, ...] = ()
    amounts: tuple[Money, ...] = ()
    dates: tuple[str, ...] = ()


class Alternative(Wire):
    """Another reading of the message."""

    intent: str
    probability: float


class Classification(Wire):
    """What a ticket is about, how sure we are, and why."""

    intent: str
    urgency: Urgency = "normal"
    sentiment: Sentiment = "neutral"
    priority: Priority = "normal"
    language: str = "en"
    entities: Entities = Entities()
    topics: tuple[str, ...] = ()
    injection_suspected: bool = False
    confidence: float = Field(ge=0, le=1)
    alternatives: tuple[Alternative, ...] = ()
    why: str = ""
    calls: tuple[ModelCall, ...] = ()


class Confirmation(Wire):
    """What a customer's word after a resolution means."""

    answer: Literal["yes", "still_broken", "other"]
    score: int | None = Field(default=None, ge=1, le=5)


class CustomerContext(Wire):
    """The customer as the shop knows them; ``customer_id`` is None for a stranger."""

    customer_id: str | None = None
    display_name: str | None = None
    order_ids: tuple[str, ...] = ()
    contact_changed_at: UtcTime | None = None
