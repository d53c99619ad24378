"""Retrieval without a language model: the customer's words are the query."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from closeloop.models.knowledge import Passage
from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.offline.playbooks.case import ARTICLES
from closeloop.offline.playbooks.quoting import topic_words
from closeloop.ports import Knowledge

PASSAGES: Final = 5
"""How many passages of every kind a proposal may stand on."""
POLICIES: Final = 3
"""How many more of the tenant's policy: a named product must not crowd out the rule for it."""
UNKNOWN: Final = "No article has a word of what was asked."
"""Without the customer's own words: it stays on record."""


class OfflineRetriever:
    """The port ``Retriever`` that asks the store once for policy and once for every article."""

    def __init__(self, knowledge: Knowledge) -> None:
        """Keep the knowledge port."""
        self._knowledge = knowledge

    def retrieve(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        """Return the best passages for the customer's words, with their text."""
        intent = step.classification.intent.replace("_", " ")
        search = partial(self._knowledge.search, step.tenant, on=datetime.now(UTC).date())
        found = (
            *search(intent, limit=POLICIES, kinds=("policy",)),
            *search(f"{intent} {step.query}", limit=PASSAGES, kinds=ARTICLES),
        )
        passages = tuple({p.passage_id: p for p in found}.values())
        spoken_of = _speaks_of(passages, topic_words(step.query))
        return RetrievedKnowledge(passages=passages, missing="" if spoken_of else UNKNOWN)


def _speaks_of(passages: Sequence[Passage], topic: Collection[str]) -> bool:
    """Return whether any passage has a word of the topic; without words nothing is asked.

    The nearest passages are found for any text, and their scores do not compare between queries:
    this floor does, and needs no threshold.
    """
    return not topic or any(
        not topic_words(f"{p.title} {p.text}").isdisjoint(topic) for p in passages
    )
