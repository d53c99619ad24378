"""A sync embeds what changed, removes what is gone, and leaves other sources alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.knowledge_sync import BATCH_PASSAGES, KnowledgeSyncActivities, synchronise
from closeloop.errors import BackendRefused
from closeloop.knowledge.ingest import Folders
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.knowledge import Chunk, Document
from closeloop.models.sync import SyncKnowledge, SyncProgress, SyncReport

TENANT = "default"


class Counting:
    """An embedder that remembers what it was asked for."""

    name = "counting"
    dimensions = 2

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.texts += texts
        return [[1.0, 0.0] for _ in texts]


@pytest.fixture
def embedder() -> Counting:
    return Counting()


@pytest.fixture
def store(tmp_path: Path, embedder: Counting) -> Iterator[SqliteKnowledge]:
    knowledge = SqliteKnowledge(tmp_path / "knowledge.db", embedder)
    yield knowledge
    knowledge.close()


def document(name: str, *texts: str, source: str = "manuals") -> Document:
    chunks = tuple(
        Chunk(passage_id=f"{name}#{n}", title=name, version=f"1+{text}", text=text)
        for n, text in enumerate(texts)
    )
    return Document(document_id=name, source=source, kind="doc", chunks=chunks)


def sync(store: SqliteKnowledge, *documents: Document, source: str = "manuals") -> SyncReport:
    return synchronise(store, TENANT, {source: documents}, lambda _: None)


def held(store: SqliteKnowledge) -> list[str]:
    return [stored.document_id for stored in store.documents(TENANT)]


def test_only_changed_parts_are_embedded_again(store: SqliteKnowledge, embedder: Counting) -> None:
    sync(store, document("a", "one", "two"), document("b", "three"))
    embedder.texts.clear()
    [report] = sync(store, document("a", "one", "second"), document("b", "three")).sources
    assert [text.rsplit(maxsplit=1)[-1] for text in embedder.texts] == ["second"]
    assert (report.documents, report.written, report.removed) == (2, 1, 0)


def test_a_repeated_sync_does_nothing(store: SqliteKnowledge, embedder: Counting) -> None:
    sync(store, document("a", "one"))
    embedder.texts.clear()
    [report] = sync(store, document("a", "one")).sources
    assert (report.written, report.removed, report.passages) == (0, 0, 0)
    assert embedder.texts == []


def test_what_is_gone_is_removed_from_its_source_alone(store: SqliteKnowledge) -> None:
    sync(store, document("a", "one"), document("b", "two"))
    sync(store, document("c", "three", source="other"), source="other")
    [report] = sync(store, document("b", "two")).sources
    assert (report.documents, report.removed) == (1, 1)
    assert held(store) == ["b", "c"]
    assert [p.article_id for p in store.search(TENANT, "one two three", limit=9)] != []
    assert "a" not in {p.article_id for p in store.search(TENANT, "one", limit=9)}


def test_an_id_of_another_source_is_refused_and_nothing_is_written(store: SqliteKnowledge) -> None:
    sync(store, document("a", "one"))
    with pytest.raises(BackendRefused, match=r"other: id 'a' belongs to manuals") as refused:
        sync(store, document("z", "new", source="other"), document("a", "two"), source="other")
    assert refused.value.code == "id_taken"
    assert held(store) == ["a"]


def test_two_sources_of_one_sync_cannot_share_an_id(store: SqliteKnowledge) -> None:
    both = {name: [document("a", "one", source=name)] for name in ("first", "second")}
    with pytest.raises(BackendRefused, match="'a' belongs to first"):
        synchronise(store, TENANT, both, lambda _: None)
    assert held(store) == []


def test_progress_is_told_after_each_batch(store: SqliteKnowledge) -> None:
    told: list[SyncProgress] = []
    documents = [document(f"d{n}", "text") for n in range(2 * BATCH_PASSAGES + 1)]
    synchronise(store, TENANT, {"manuals": documents}, told.append)
    assert [(p.written, p.to_write) for p in told] == [
        (BATCH_PASSAGES, len(documents)),
        (2 * BATCH_PASSAGES, len(documents)),
        (len(documents), len(documents)),
    ]


def test_a_faulty_folder_changes_nothing(tmp_path: Path, store: SqliteKnowledge) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder in (good, bad):
        folder.mkdir()
    (good / "a.html").write_text("<title>A</title><p>text")
    (bad / "b.csv").write_text("id,title\n")
    activities = KnowledgeSyncActivities(Folders(tmp_path), store)
    request = SyncKnowledge(tenant=TENANT, sources=(str(good), str(bad)))
    environment = ActivityEnvironment()
    beats: list[object] = []
    environment.on_heartbeat = lambda *details: beats.extend(details)
    with pytest.raises(BackendRefused, match=r"b\.csv: description"):
        environment.run(activities.sync_knowledge, request)
    assert held(store) == []
    report = environment.run(
        activities.sync_knowledge, request.model_copy(update={"sources": (str(good),)})
    )
    assert [source.written for source in report.sources] == [1]
    assert beats[-1] == SyncProgress(source=str(good), written=1, to_write=1)
