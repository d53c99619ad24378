"""Passages as Weaviate's objects, and back; what a search keeps to, as its filter."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, cast

from weaviate.classes.query import Filter
from weaviate.collections.classes.filters import FilterReturn
from weaviate.collections.classes.internal import Object

from closeloop.knowledge.query import TITLE_WEIGHT, primary_language, stems
from closeloop.models.knowledge import Chunk, Document, Passage, SourceKind

_FIRST_DAY: Final = date.min
_LAST_DAY: Final = date.max


def properties_of(document: Document, chunk: Chunk) -> dict[str, Any]:
    """Return what is kept of a passage, with what filters need of its document."""
    return {
        "passage_id": chunk.passage_id,
        "document_id": document.document_id,
        "kind": document.kind,
        "language": primary_language(document.language),
        "version": chunk.version,
        "title": chunk.title,
        "text": chunk.text,
        "valid_from": _number(document.valid_from or _FIRST_DAY),
        "valid_until": _number(document.valid_until or _LAST_DAY),
        "stems": stems_of(chunk.title, chunk.text),
    }


def stems_of(title: str, text: str) -> str:
    """Return what is searched for words: the title's count as often as it weighs.

    With a property of its own and a weight the server would score the title apart, and a title that
    says one word of a long query would beat a text that says many.
    """
    return " ".join(stems(title) * TITLE_WEIGHT + stems(text))


def embedded_text(properties: Mapping[str, Any]) -> str:
    """Return what a passage's vector is made of."""
    return f"{properties['title']}\n{properties['text']}"


def vector_of(found: Object[Any, Any]) -> list[float]:
    """Return the vector of an object that was read with it."""
    return cast(list[float], found.vector["default"])


def id_of(found: Object[Any, Any]) -> str:
    """Return the passage's id."""
    return str(found.properties["passage_id"])


def passage_of(found: Object[Any, Any], score: float = 0.0) -> Passage:
    """Return the passage with the score that a search gave it."""
    properties = found.properties
    return Passage.model_validate(
        {**properties, "article_id": properties["document_id"], "score": score}
    )


def filter_of(
    kinds: Sequence[SourceKind] | None, language: str | None, on: date | None
) -> FilterReturn | None:
    """Return what keeps to sources, a language and a day; see ``Knowledge.search``."""
    parts: list[FilterReturn] = []
    if kinds is not None:
        parts.append(Filter.by_property("kind").contains_any(list(kinds)))
    if language is not None:
        parts.append(Filter.by_property("language").equal(primary_language(language)))
    if on is not None:
        parts.append(Filter.by_property("valid_from").less_or_equal(_number(on)))
        parts.append(Filter.by_property("valid_until").greater_or_equal(_number(on)))
    return Filter.all_of(parts) if parts else None


def _number(day: date) -> int:
    """Return a day as the collection keeps it: 20260131."""
    return day.year * 10_000 + day.month * 100 + day.day
