"""Makes a tenant's knowledge what its sources say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from temporalio import activity

from closeloop.errors import BackendRefused
from closeloop.models.knowledge import KNOWLEDGE_BASE, PAST_TICKETS, Document, StoredDocument
from closeloop.models.sync import SourceReport, SyncKnowledge, SyncProgress, SyncReport
from closeloop.ports import KnowledgeSources, KnowledgeStore

BATCH_PASSAGES: Final = 32
"""Passages embedded and written at a time: a second of work, and what a kill costs at most."""


class KnowledgeSyncActivities:
    """Activities that write to the knowledge store."""

    def __init__(self, sources: KnowledgeSources, store: KnowledgeStore) -> None:
        """Keep where knowledge is read, and where it is written."""
        self._sources = sources
        self._store = store

    @activity.defn
    def sync_knowledge(self, request: SyncKnowledge) -> SyncReport:
        """Write what is new or changed, remove what is gone; say by heartbeat how far it is.

        Everything is read before anything is written. An attempt after a kill finds what the last
        one wrote unchanged, and embeds the rest only.

        Raises:
            BackendRefused: a source is not there or faulty (``bad_source``), or has an id that
                another one has, too, or a past ticket (``id_taken``). Nothing was written.
        """
        found = {source: self._read(request.tenant, source) for source in request.sources}
        return synchronise(self._store, request.tenant, found, activity.heartbeat)

    def _read(self, tenant: str, source: str) -> list[Document]:
        documents: list[Document] = []
        for document in self._sources.documents(tenant, source):
            activity.heartbeat(SyncProgress(source=source))
            documents.append(document)
        return documents


def synchronise(
    store: KnowledgeStore,
    tenant: str,
    found: Mapping[str, Sequence[Document]],
    tell: Callable[[SyncProgress], None],
) -> SyncReport:
    """Make the store hold exactly what was ``found``, and past tickets; ``tell`` after each batch.

    What came from a source that is not among them goes; the report names such a source last.

    Raises:
        BackendRefused: an id stands in two sources, or is a past ticket's (``id_taken``); nothing
            was written.
        BackendUnavailable: the store does not answer; what was written stays.
    """
    known = {document.document_id: document for document in store.documents(tenant)}
    _check_homes(known, found)
    here = {document.document_id for documents in found.values() for document in documents}
    retired = sorted({d.source for d in known.values()} - {*found, PAST_TICKETS})
    reports: list[SourceReport] = []
    for source, documents in (*found.items(), *((source, ()) for source in retired)):
        changed = [d for d in documents if _is_new(d, known.get(d.document_id))]
        passages = written = 0
        for batch in _batches(changed):
            passages += store.put(tenant, batch)
            written += len(batch)
            tell(SyncProgress(source=source, written=written, to_write=len(changed)))
        gone = [d for d in known.values() if d.source == source and d.document_id not in here]
        for document in gone:
            store.delete_document(tenant, document.document_id)
            tell(SyncProgress(source=source, written=written, to_write=len(changed)))
        reports.append(
            SourceReport(
                source=source,
                documents=len(documents),
                written=written,
                removed=len(gone),
                passages=passages,
            )
        )
    return SyncReport(tenant=tenant, sources=tuple(reports))


def own_sources(store: KnowledgeStore, tenant: str) -> tuple[str, ...]:
    """Return the folders of its own that a tenant's knowledge comes from, by name."""
    found = {document.source for document in store.documents(tenant)}
    return tuple(sorted(found - {KNOWLEDGE_BASE, PAST_TICKETS}))


def _check_homes(
    known: Mapping[str, StoredDocument], found: Mapping[str, Sequence[Document]]
) -> None:
    home = {name: d.source for name, d in known.items() if d.source == PAST_TICKETS}
    for source, documents in found.items():
        for document in documents:
            owner = home.setdefault(document.document_id, source)
            if owner != source:
                raise BackendRefused(
                    f"{source}: id {document.document_id!r} stands in {owner}, too: give one of"
                    " them another",
                    code="id_taken",
                )


def _is_new(document: Document, stored: StoredDocument | None) -> bool:
    return stored is None or stored.digest != document.digest


def _batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    """Yield the documents in groups of about ``BATCH_PASSAGES`` passages."""
    batch: list[Document] = []
    passages = 0
    for document in documents:
        batch.append(document)
        passages += len(document.chunks)
        if passages >= BATCH_PASSAGES:
            yield batch
            batch, passages = [], 0
    if batch:
        yield batch
