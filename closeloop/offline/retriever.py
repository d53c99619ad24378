"""Retrieval without a language model: the customer's words are the query."""

from datetime import UTC, datetime
from functools import partial
from typing import Final

from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.ports import Knowledge

PASSAGES: Final = 5
"""How many passages of every kind a proposal may stand on."""
POLICIES: Final = 3
"""How many more of the tenant's policy: a named product must not crowd out the rule for it."""


class OfflineRetriever:
    """The port ``Retriever`` that asks the store once for policy and once for everything."""

    def __init__(self, knowledge: Knowledge) -> None:
        """Keep the knowledge port."""
        self._knowledge = knowledge

    def retrieve(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        """Return the best passages for the customer's words, with their text."""
        intent = step.classification.intent.replace("_", " ")
        search = partial(self._knowledge.search, step.tenant, on=datetime.now(UTC).date())
        found = (
            *search(intent, limit=POLICIES, kinds=("policy",)),
            *search(f"{intent} {step.query}", limit=PASSAGES),
        )
        return RetrievedKnowledge(passages=tuple({p.passage_id: p for p in found}.values()))
