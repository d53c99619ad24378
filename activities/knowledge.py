"""Retrieval of knowledge."""

from temporalio import activity

from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.ports import Retriever


class KnowledgeActivities:
    """Activities that search the knowledge store."""

    def __init__(self, retriever: Retriever, offline: Retriever) -> None:
        """Keep the retriever in use, and the one that needs no language model."""
        self._retriever = retriever
        self._offline = offline

    @activity.defn
    def retrieve_knowledge(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        """Return the passages that help; ids and titles, without the text."""
        found = (self._offline if step.offline else self._retriever).retrieve(step)
        bare = tuple(p.model_copy(update={"text": ""}) for p in found.passages)
        return found.model_copy(update={"passages": bare})
