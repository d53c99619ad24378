"""Checks on the whole ticket: how sure the machine is, what a reply says, how the customer is."""

from typing import Annotated, ClassVar, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from closeloop.models.policy import Facts
from closeloop.models.triage import OTHER_INTENT, Sentiment
from closeloop.policy.check import PASSED, Finding, Otherwise, TicketCheck, failed

MAX_NAMED: Final = 4
"""How many unsupported claims a person reads of; the resolver hears of all."""

_MOODS: Final[tuple[Sentiment, ...]] = get_args(Sentiment)
"""The worst first."""


class NoInjection(TicketCheck):
    """Neither the customer's words nor what was read for them look like orders to the machine."""

    name: ClassVar[str] = "no_injection"
    otherwise: ClassVar[frozenset[Otherwise]] = frozenset({"needs_approval", "escalate"})

    def look(self, facts: Facts) -> Finding:
        """Read the recorded flag, and where else something was found."""
        if facts.suspected_in:
            return failed(", ".join(facts.suspected_in))
        return failed() if facts.injection_suspected else PASSED


class Understood(TicketCheck):
    """The customer wants something that the desk has a name for, read with ``floor`` or more.

    A question may follow a less certain reading: asking is how it gets certain.
    """

    name: ClassVar[str] = "understood"
    otherwise: ClassVar[frozenset[Otherwise]] = frozenset({"needs_approval", "escalate"})

    floor: Annotated[float, Field(gt=0, le=1)]

    def look(self, facts: Facts) -> Finding:
        """Compare the confidence; one that is not a number fails."""
        asks = facts.grounding is not None and facts.grounding.question
        sure = asks or facts.confidence >= self.floor
        return PASSED if sure and facts.intent != OTHER_INTENT else failed()


class ReplyGrounded(TicketCheck):
    """Everything that the reply claims is supported by a receipt, a passage or a record."""

    name: ClassVar[str] = "reply_grounded"
    otherwise: ClassVar[frozenset[Otherwise]] = frozenset({"needs_approval", "escalate"})
    required: ClassVar[bool] = True

    def look(self, facts: Facts) -> Finding:
        """Read what was found; no reply claims nothing."""
        problems = facts.grounding.problems if facts.grounding else ()
        return failed("; ".join(map(str, problems[:MAX_NAMED]))) if problems else PASSED


class AnswerHasEvidence(TicketCheck):
    """An answer rests on a receipt, a policy, a record or an article; a question needs none.

    That its words were put on record is enough for ``noted_for``: a note may hold anything.
    """

    name: ClassVar[str] = "answer_has_evidence"
    otherwise: ClassVar[frozenset[Otherwise]] = frozenset({"needs_approval", "escalate"})

    noted_for: frozenset[str] = frozenset()

    def look(self, facts: Facts) -> Finding:
        """Read the kinds of evidence that were found."""
        found = facts.grounding
        if found is None or not found.on_nothing:
            return PASSED
        return PASSED if found.noted and facts.intent in self.noted_for else failed()


class NotAbout(TicketCheck):
    """The customer's words touch none of ``topics``."""

    name: ClassVar[str] = "not_about"
    otherwise: ClassVar[frozenset[Otherwise]] = frozenset({"needs_approval", "escalate"})

    topics: Annotated[frozenset[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not all(self.topics):
            raise ValueError("topics: a topic has no name")
        return self

    def look(self, facts: Facts) -> Finding:
        """Compare with the topics that triage found."""
        return failed() if self.topics & set(facts.topics) else PASSED


class SentimentAtLeast(TicketCheck):
    """A customer who writes on after an answer of ours sounds no worse than ``floor``.

    The first message may be as angry as it likes: most anger is over with a right answer.
    """

    name: ClassVar[str] = "sentiment_at_least"
    otherwise: ClassVar[frozenset[Otherwise]] = frozenset({"needs_approval", "escalate"})

    floor: Literal["negative", "neutral", "positive"]

    def look(self, facts: Facts) -> Finding:
        """Compare the moods; facts of before there was one are neutral."""
        if not facts.answered or _MOODS.index(facts.sentiment) >= _MOODS.index(self.floor):
            return PASSED
        return failed(facts.sentiment.replace("_", " "))
