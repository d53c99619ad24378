"""What understands and proposes: classifiers, detectors, resolvers."""

from collections.abc import Sequence
from typing import Protocol

from closeloop.models.proposal import Proposal, ProposeRequest
from closeloop.models.steps import (
    RetrievedKnowledge,
    RetrieveKnowledge,
)
from closeloop.models.triage import Classification, ClassifyRequest, Confirmation


class Classifier(Protocol):
    """Reads what a customer wants."""

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        """Return intent, urgency, sentiment, priority, entities and confidence."""
        ...

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        """Return what the customer's word after a resolution means."""
        ...


class InjectionDetector(Protocol):
    """Reads whether a text gives orders to the machine that reads it."""

    def suspects(self, text: str) -> bool:
        """Return whether any part of the text does; a signal, never a guard."""
        ...


class Languages(Protocol):
    """Tells which language a customer writes."""

    def detect(self, texts: Sequence[str]) -> str | None:
        """Return the ISO 639 code of the newest of texts, oldest first; None where unsure."""
        ...


class Retriever(Protocol):
    """Finds what is known about a ticket."""

    def retrieve(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        """Return the passages that help, with their text, and what is missing."""
        ...


class Resolver(Protocol):
    """Proposes what to do next."""

    def propose(self, request: ProposeRequest) -> Proposal:
        """Return a typed proposal; it is judged before anything of it happens."""
        ...
