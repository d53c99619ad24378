"""Where knowledge is kept, where it comes from, and how it is compared."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Protocol

from closeloop.models.knowledge import Document, Passage, SourceKind, StoredDocument


class Knowledge(Protocol):
    """Finds passages; a tenant sees its own only."""

    def search(
        self,
        tenant: str,
        query: str,
        *,
        limit: int,
        kinds: Sequence[SourceKind] | None = None,
        language: str | None = None,
        on: date | None = None,
    ) -> tuple[Passage, ...]:
        """Return the best passages for free text, best first; any text is a valid query.

        ``kinds`` keeps to these kinds, ``language`` (``en``, ``pt-BR``; its first part counts) to
        one language, ``on`` to what is in force on that day. None keeps everything.
        """
        ...

    def get(self, tenant: str, passage_ids: Sequence[str]) -> tuple[Passage, ...]:
        """Return the passages with these ids that exist, in the order asked for."""
        ...


class KnowledgeStore(Knowledge, Protocol):
    """Knowledge that can be written; what is written is found by the next search."""

    def put(self, tenant: str, documents: Sequence[Document]) -> int:
        """Make each document exactly what is given, its passages included.

        A passage that has not changed keeps its vector; one that the document no longer has is
        removed. Repeating a call that failed half way completes it. Returns how many passages were
        added, replaced or removed.

        Raises:
            ValueError: a document id is given twice, or a passage id stands in two places.
        """
        ...

    def documents(self, tenant: str) -> tuple[StoredDocument, ...]:
        """Return every document that the tenant has here, by id."""
        ...

    def delete_document(self, tenant: str, document_id: str) -> bool:
        """Remove a document with its passages; False where there was none."""
        ...


class KnowledgeSources(Protocol):
    """Where knowledge is written: folders of articles and product feeds."""

    def documents(self, tenant: str, source: str) -> Iterator[Document]:
        """Yield every document that the source has now, each with ``source`` as its own.

        Raises:
            BackendRefused: it is not there, or faulty (``bad_source``); names file and key. One
                that is there and empty has no documents.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors: near in meaning, near in direction."""

    @property
    def name(self) -> str:
        """Which model; a store refuses to mix the vectors of two."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector of length one for each text, whatever it says and however long it is.

        Batches and limits of a service are the embedder's own business.
        """
        ...
