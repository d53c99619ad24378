"""A sync embeds what changed, removes what is gone, and leaves other sources alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.knowledge_sync import (
    BATCH_PASSAGES,
    KnowledgeSyncActivities,
    own_sources,
    synchronise,
)
from closeloop.bootstrap import index_knowledge_base
from closeloop.errors import BackendRefused
from closeloop.knowledge.ingest import Folders
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.knowledge import PAST_TICKETS, Chunk, Document
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
    return list(sources(store))


def sources(store: SqliteKnowledge) -> dict[str, str]:
    return {stored.document_id: stored.source for stored in store.documents(TENANT)}


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


def test_what_is_gone_is_removed(store: SqliteKnowledge) -> None:
    sync(store, document("a", "one"), document("b", "two"))
    [report] = sync(store, document("b", "two")).sources
    assert (report.documents, report.removed) == (1, 1)
    assert held(store) == ["b"]
    assert "a" not in {p.article_id for p in store.search(TENANT, "one", limit=9)}


def test_a_source_that_is_left_out_is_removed_and_past_tickets_stay(store: SqliteKnowledge) -> None:
    sync(store, document("policy", "old"), document("b", "two"))
    store.put(TENANT, [document("past-T1", "words", source=PAST_TICKETS)])
    renamed, retired = sync(store, document("policy", "old", source="new"), source="new").sources
    assert (renamed.source, renamed.documents, renamed.written) == ("new", 1, 1)
    assert (retired.source, retired.documents, retired.removed) == ("manuals", 0, 1)
    assert sources(store) == {"past-T1": PAST_TICKETS, "policy": "new"}


def test_an_emptied_source_has_nothing_left(store: SqliteKnowledge) -> None:
    sync(store, document("a", "one"))
    [report] = sync(store).sources
    assert (report.documents, report.removed) == (0, 1)
    assert held(store) == []
    assert own_sources(store, TENANT) == ()


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_an_article_moves_between_two_sources_of_one_sync(
    store: SqliteKnowledge, order: tuple[str, str]
) -> None:
    before = {"first": [document("a", "one", source="first")], "second": []}
    after = {"first": [], "second": [document("a", "one", source="second")]}
    synchronise(store, TENANT, {name: before[name] for name in order}, lambda _: None)
    synchronise(store, TENANT, {name: after[name] for name in order}, lambda _: None)
    assert sources(store) == {"a": "second"}


def test_an_id_of_a_past_ticket_is_refused_and_nothing_is_written(store: SqliteKnowledge) -> None:
    store.put(TENANT, [document("past-T1", "words", source=PAST_TICKETS)])
    with pytest.raises(BackendRefused, match=r"'past-T1' stands in past_tickets") as refused:
        sync(store, document("z", "new"), document("past-T1", "two"))
    assert refused.value.code == "id_taken"
    assert held(store) == ["past-T1"]


def test_two_sources_of_one_sync_cannot_share_an_id(store: SqliteKnowledge) -> None:
    both = {name: [document("a", "one", source=name)] for name in ("first", "second")}
    with pytest.raises(BackendRefused, match="'a' stands in first, too"):
        synchronise(store, TENANT, both, lambda _: None)
    assert held(store) == []


def test_a_worker_s_articles_give_way_to_folders_of_a_tenant_s_own(
    tmp_path: Path, store: SqliteKnowledge
) -> None:
    shop, empty = tmp_path / "shop", tmp_path / "empty"
    for folder in (shop, empty):
        folder.mkdir()
    (shop / "refund-policy.html").write_text("<title>Refunds</title><p>Never.")
    index_knowledge_base(store, [TENANT, "acme"], shop)
    store.delete_document(TENANT, "refund-policy")
    sync(store, document("refund-policy", "always"))
    index_knowledge_base(store, [TENANT, "acme"], shop)
    assert sources(store) == {"refund-policy": "manuals"}
    assert own_sources(store, "acme") == ()
    assert len(store.documents("acme")) == 1
    index_knowledge_base(store, [TENANT, "acme"], empty)
    assert store.documents("acme") == ()
    assert sources(store) == {"refund-policy": "manuals"}


def test_a_worker_starts_whatever_ids_its_articles_have(
    tmp_path: Path, store: SqliteKnowledge
) -> None:
    store.put(TENANT, [document("past-t1", "words", source=PAST_TICKETS)])
    (tmp_path / "past-t1.html").write_text("<title>Not so</title><p>Text.")
    index_knowledge_base(store, [TENANT, "acme"], tmp_path)
    assert sources(store) == {"past-t1": PAST_TICKETS}
    assert len(store.documents("acme")) == 1


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
