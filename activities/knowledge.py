"""Retrieval of knowledge."""

from typing import Final

from temporalio import activity

from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.ports import Knowledge

PASSAGES: Final = 6
"""How many passages a proposal may stand on."""


class KnowledgeActivities:
    """Activities that search the knowledge store."""

    def __init__(self, knowledge: Knowledge) -> None:
        """Keep the knowledge port."""
        self._knowledge = knowledge

    @activity.defn
    def retrieve_knowledge(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        """Return the best passages for the customer's words; ids and titles, without the text."""
        intent = step.classification.intent.replace("_", " ")
        found = self._knowledge.search(step.tenant, f"{intent} {step.query}", limit=PASSAGES)
        return RetrievedKnowledge(
            passages=tuple(passage.model_copy(update={"text": ""}) for passage in found)
        )
