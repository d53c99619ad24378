"""Retrieval of knowledge."""

from typing import Final

from temporalio import activity

from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.ports import Knowledge

PASSAGES: Final = 5
"""How many passages of every kind a proposal may stand on."""
POLICIES: Final = 3
"""How many more of the tenant's policy: a named product must not crowd out the rule for it."""


class KnowledgeActivities:
    """Activities that search the knowledge store."""

    def __init__(self, knowledge: Knowledge) -> None:
        """Keep the knowledge port."""
        self._knowledge = knowledge

    @activity.defn
    def retrieve_knowledge(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        """Return the best passages for the customer's words; ids and titles, without the text."""
        intent = step.classification.intent.replace("_", " ")
        found = (
            *self._knowledge.search(step.tenant, intent, limit=POLICIES, kinds=("policy",)),
            *self._knowledge.search(step.tenant, f"{intent} {step.query}", limit=PASSAGES),
        )
        by_id = {p.passage_id: p.model_copy(update={"text": ""}) for p in found}
        return RetrievedKnowledge(passages=tuple(by_id.values()))
