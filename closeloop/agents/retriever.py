"""The retrieval agent: searches, reads what it found, and asks again where that is no answer."""

from datetime import UTC, datetime
from typing import Final, Literal

from closeloop.agents.asking import Answer, Asking, LanguageModel, load_prompt
from closeloop.models.base import clip
from closeloop.models.knowledge import Passage, SourceKind
from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.ports import Knowledge, Retriever

MAX_SEARCHES: Final = 2
"""How often it searches: once, and once more in other words."""
QUERIES: Final = 4
PER_QUERY: Final = 4
"""Passages of each query; what several of them find counts once."""
MAX_READ: Final = 12
MAX_PASSAGES: Final = 8
_PASSAGE_CHARS: Final = 1_500
_QUERY_CHARS: Final = 300
_MISSING_CHARS: Final = 300


class Search(Answer):
    """One query, and where to look; ``any`` looks everywhere."""

    query: str
    kind: Literal["policy", "doc", "product", "past_ticket", "any"]


class Retrieval(Answer):
    """What was found so far, and what to search for next."""

    thoughts: str
    useful_passage_ids: list[str]
    answered: bool
    missing: str
    searches: list[Search]


class AgentRetriever:
    """The port ``Retriever`` by a language model, over any knowledge store."""

    def __init__(self, model: LanguageModel, knowledge: Knowledge, beside: Retriever) -> None:
        """Keep the model, the store, and the plain search whose passages are read first."""
        self._model = model
        self._knowledge = knowledge
        self._beside = beside
        self._prompt = load_prompt("retrieve")

    def retrieve(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        """Return the passages that help, and what the store should say and does not.

        Policy that the plain search finds is always among them, and first: what is allowed may hang
        on it.

        Raises:
            ModelRefused: the model has no usable answer.
            ModelUnavailable: the model does not answer now.
        """
        asking = Asking(self._model, self._prompt)
        read = {p.passage_id: p for p in self._beside.retrieve(step).passages}
        policy = [p for p in read.values() if p.kind == "policy"]
        left = MAX_SEARCHES
        said = asking.ask(_document(step, read, left), Retrieval)
        while left and said.searches and not said.answered:
            left -= 1
            for search in said.searches[:QUERIES]:
                read |= {p.passage_id: p for p in self._found(step.tenant, search)}
            said = asking.ask(_document(step, read, left), Retrieval)
        useful = [read[name] for name in said.useful_passage_ids if name in read]
        chosen = {p.passage_id: p for p in (*policy, *useful)} or read
        return RetrievedKnowledge(
            passages=tuple(chosen.values())[:MAX_PASSAGES],
            missing="" if said.answered else clip(said.missing, _MISSING_CHARS),
            calls=asking.calls,
        )

    def _found(self, tenant: str, search: Search) -> tuple[Passage, ...]:
        kinds: tuple[SourceKind, ...] | None = None if search.kind == "any" else (search.kind,)
        query = clip(search.query, _QUERY_CHARS)
        today = datetime.now(UTC).date()
        return self._knowledge.search(tenant, query, limit=PER_QUERY, kinds=kinds, on=today)


def _document(
    step: RetrieveKnowledge, read: dict[str, Passage], searches_left: int
) -> dict[str, object]:
    newest = list(read.values())[-MAX_READ:]
    return {
        "intent": step.classification.intent,
        "language": step.classification.language,
        "customer_wrote": step.query,
        "passages": [
            {
                "passage_id": p.passage_id,
                "kind": p.kind,
                "title": p.title,
                "text": clip(p.text, _PASSAGE_CHARS),
            }
            for p in newest
        ],
        "searches_left": searches_left,
    }
