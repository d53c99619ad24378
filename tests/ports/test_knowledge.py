"""Knowledge stores: one suite for SQLite and for a real Weaviate server."""

import string
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from closeloop.bootstrap import MeasuredKnowledge, open_knowledge
from closeloop.errors import BackendUnavailable, ConfigurationError
from closeloop.knowledge.encoder import SentenceEncoder
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.knowledge import Chunk, Document, SourceKind
from closeloop.ports import Embedder, KnowledgeStore
from closeloop.settings import Settings
from tests.support.embedding import WordVectors
from tests.support.weaviate_server import Weaviate, weaviate_server

ENCODER = SentenceEncoder()


class Place:
    """Where stores of one test are opened: a file, or the collections of one server."""

    def __init__(self, file: Path, server: Weaviate | None) -> None:
        self._file, self._server = file, server
        self._stack = ExitStack()

    def open(self, embedder: Embedder | None = None) -> MeasuredKnowledge:
        chosen = embedder or ENCODER
        store: MeasuredKnowledge
        if self._server is None:
            store = SqliteKnowledge(self._file, chosen)
        else:
            from closeloop.adapters.weaviate import WeaviateKnowledge

            store = WeaviateKnowledge(self._server.url, chosen, grpc_port=self._server.grpc_port)
        self._stack.callback(store.close)
        return store

    def close(self) -> None:
        self._stack.close()
        if self._server is not None:
            self._server.empty()


@pytest.fixture(scope="module")
def server() -> Iterator[Weaviate]:
    with weaviate_server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("weaviate", marks=pytest.mark.real)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    running = request.getfixturevalue("server") if request.param == "weaviate" else None
    opened = Place(tmp_path / "knowledge.db", running)
    yield opened
    opened.close()


@pytest.fixture
def store(place: Place) -> KnowledgeStore:
    return place.open()


def document(
    document_id: str,
    *texts: str,
    title: str = "",
    kind: SourceKind = "doc",
    language: str = "en",
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> Document:
    return Document(
        document_id=document_id,
        source="tests",
        kind=kind,
        language=language,
        valid_from=valid_from,
        valid_until=valid_until,
        chunks=tuple(
            Chunk(passage_id=f"{document_id}#{place}", title=title, version="1", text=text)
            for place, text in enumerate(texts)
        ),
    )


def found(store: KnowledgeStore, query: str, *, tenant: str = "t", limit: int = 10) -> list[str]:
    return [one.text for one in store.search(tenant, query, limit=limit)]


def test_what_is_put_is_found_whole_and_best_first(store: KnowledgeStore) -> None:
    store.put(
        "t",
        [
            document("lamp", "The lamp takes an E14 bulb.", title="Juniper lamp", kind="product"),
            document("mug", "The mug is dishwasher safe.", title="Stoneware mug"),
        ],
    )
    best, other = store.search("t", "Which bulb fits the lamp?", limit=5)
    assert (best.passage_id, best.article_id, best.title, best.kind, best.version, best.text) == (
        "lamp#0",
        "lamp",
        "Juniper lamp",
        "product",
        "1",
        "The lamp takes an E14 bulb.",
    )
    assert best.score > other.score > 0
    assert len(store.search("t", "Which bulb fits the lamp?", limit=1)) == 1
    assert store.search("t", "lamp", limit=0) == ()


def test_what_shares_no_word_is_found_by_its_meaning(store: KnowledgeStore) -> None:
    store.put(
        "t",
        [
            document("money", "You receive a refund within five days."),
            document("hours", "Our shop opens at nine on weekdays."),
            document("bulb", "The lamp takes an E14 bulb."),
        ],
    )
    assert found(store, "when am I getting reimbursed")[0].startswith("You receive a refund")


def test_texts_in_other_languages_are_found_and_find(store: KnowledgeStore) -> None:
    store.put(
        "t",
        [
            document("de", "Die Rückgabe ist innerhalb von 30 Tagen möglich.", language="de"),
            document("ja", "返品は30日以内に可能です。", language="ja"),
            document("bulb", "The lamp takes an E14 bulb."),
        ],
    )
    assert "Rückgabe" in found(store, "RÜCKGABE")[0]
    assert "返品" in found(store, "返品")[0]
    assert "E14" in found(store, "¿Qué bombilla lleva la lámpara?")[0]


def test_tenants_never_meet(store: KnowledgeStore) -> None:
    store.put("north", [document("hours", "open on Monday, secret north")])
    store.put("south", [document("hours", "open on Sunday, secret south")])
    assert found(store, "open secret south", tenant="north") == ["open on Monday, secret north"]
    assert [one.text for one in store.get("south", ["hours#0"])] == ["open on Sunday, secret south"]
    assert store.delete_document("north", "hours")
    assert found(store, "open secret", tenant="south") == ["open on Sunday, secret south"]
    assert found(store, "open secret", tenant="north") == []
    for nobody in ("east", "*", "", "north' OR '1'='1", "%"):
        assert store.search(nobody, "open secret", limit=5) == ()
        assert store.get(nobody, ["hours#0"]) == ()
        assert store.documents(nobody) == ()
        assert not store.delete_document(nobody, "hours")


def test_what_one_tenant_has_moves_no_score_of_another(store: KnowledgeStore) -> None:
    store.put("north", [document("a", "red lamp", "blue lamp", "red kettle")])
    before = store.search("north", "red lamp", limit=5)
    store.put("south", [document("b", *(f"red red red {n}" for n in range(30)))])
    assert store.search("north", "red lamp", limit=5) == before


def test_search_keeps_to_the_kinds_asked_for(store: KnowledgeStore) -> None:
    store.put(
        "t",
        [
            document("a", "refund of lamps", kind="policy"),
            document("b", "refund of mugs", kind="product"),
        ],
    )
    only = store.search("t", "refund", limit=5, kinds=["product"])
    assert [one.kind for one in only] == ["product"]
    both = store.search("t", "refund", limit=5, kinds=["product", "policy"])
    assert {one.kind for one in both} == {"product", "policy"}
    assert store.search("t", "refund", limit=5, kinds=["past_ticket"]) == ()
    assert store.search("t", "refund", limit=5, kinds=[]) == ()


def test_search_keeps_to_the_language_asked_for(store: KnowledgeStore) -> None:
    store.put(
        "t",
        [
            document("us", "refund here", language="en-US"),
            document("br", "refund ali", language="pt-BR"),
            document("pt", "refund lá", language="pt"),
        ],
    )
    for asked, expected in (("en", {"us"}), ("pt", {"br", "pt"}), ("pt-PT", {"br", "pt"})):
        hits = store.search("t", "refund", limit=5, language=asked)
        assert {one.article_id for one in hits} == expected
    assert store.search("t", "refund", limit=5, language="fr") == ()


def test_search_keeps_to_what_is_in_force_on_a_day(store: KnowledgeStore) -> None:
    first, last = date(2026, 1, 1), date(2026, 6, 30)
    store.put(
        "t",
        [
            document("always", "refund always"),
            document("old", "refund old", valid_until=date(2025, 12, 31)),
            document("now", "refund now", valid_from=first, valid_until=last),
            document("next", "refund next", valid_from=date(2026, 7, 1)),
        ],
    )

    def on(day: date | None) -> set[str]:
        return {one.article_id for one in store.search("t", "refund", limit=9, on=day)}

    assert on(date(2025, 12, 31)) == {"always", "old"}
    assert on(first) == on(last) == {"always", "now"}
    assert on(date(2026, 7, 1)) == {"always", "next"}
    assert on(None) == {"always", "old", "now", "next"}


def test_get_answers_in_the_order_asked_for(store: KnowledgeStore) -> None:
    store.put("t", [document("a", "one", "two")])
    got = store.get("t", ["a#1", "no such", "a#0"])
    assert [(one.passage_id, one.text, one.score) for one in got] == [
        ("a#1", "two", 0),
        ("a#0", "one", 0),
    ]
    assert store.get("t", []) == ()


def test_documents_are_listed_with_their_digests(store: KnowledgeStore) -> None:
    put = [document("a", "one"), document("b", "two", "three"), document("empty")]
    store.put("t", put)
    listed = store.documents("t")
    assert [(one.document_id, one.source, one.digest) for one in listed] == [
        (one.document_id, "tests", one.digest) for one in put
    ]
    store.put("t", [document("a", "changed")])
    assert store.documents("t")[0].digest != listed[0].digest
    assert store.documents("t")[1:] == listed[1:]


def test_putting_again_changes_nothing(place: Place) -> None:
    embedder = WordVectors()
    store = place.open(embedder)
    put = [document("a", "walrus", "lynx"), document("b", "heron")]
    assert store.put("t", put) == 3
    before = store.search("t", "walrus heron", limit=9)
    embedder.embedded.clear()
    assert store.put("t", list(reversed(put))) == 0
    assert store.search("t", "walrus heron", limit=9) == before
    assert [text for text in embedder.embedded if "walrus heron" not in text] == []


def test_only_what_changed_is_embedded_again_and_what_is_gone_is_removed(place: Place) -> None:
    embedder = WordVectors()
    store = place.open(embedder)
    store.put("t", [document("a", "zebra", "yak", "walrus"), document("kept", "heron")])
    embedder.embedded.clear()
    assert store.put("t", [document("a", "lynx", "yak")]) == 2
    assert [text.strip() for text in embedder.embedded] == ["lynx"]
    assert [one.text for one in store.get("t", ["a#0", "a#1", "a#2", "kept#0"])] == [
        "lynx",
        "yak",
        "heron",
    ]
    assert set(found(store, "zebra walrus")) == {"lynx", "yak", "heron"}


def test_a_text_that_moves_keeps_its_vector(place: Place) -> None:
    embedder = WordVectors()
    store = place.open(embedder)
    store.put("t", [document("a", "yak", "heron")])
    embedder.embedded.clear()
    store.put("t", [document("a", "lynx", "yak", "heron")])
    assert [text.strip() for text in embedder.embedded] == ["lynx"]
    assert found(store, "heron")[0] == "heron"


def test_new_validity_needs_no_new_vector(place: Place) -> None:
    embedder = WordVectors()
    store = place.open(embedder)
    store.put("t", [document("a", "walrus")])
    embedder.embedded.clear()
    store.put("t", [document("a", "walrus", valid_until=date(2025, 1, 1))])
    assert embedder.embedded == []
    assert store.search("t", "walrus", limit=5, on=date(2026, 1, 1)) == ()
    assert len(store.search("t", "walrus", limit=5)) == 1


def test_a_document_is_deleted_with_all_of_it(store: KnowledgeStore) -> None:
    store.put("t", [document("a", "walrus", "lynx"), document("b", "heron")])
    assert store.delete_document("t", "a")
    assert not store.delete_document("t", "a")
    assert [one.document_id for one in store.documents("t")] == ["b"]
    assert found(store, "walrus lynx heron") == ["heron"]
    assert store.get("t", ["a#0"]) == ()
    assert store.put("t", [document("a", "walrus")]) == 1


def test_ids_given_twice_are_refused_and_change_nothing(store: KnowledgeStore) -> None:
    store.put("t", [document("a", "walrus")])
    with pytest.raises(ValueError, match="document_id"):
        store.put("t", [document("b", "lynx"), document("b", "heron")])
    for name in ("a", "b"):
        thief = document(name, "lynx").model_copy(update={"document_id": "thief"})
        also = [document("b", "lynx")] if name == "b" else []
        with pytest.raises(ValueError, match="passage_id"):
            store.put("t", [*also, thief])
    assert [one.document_id for one in store.documents("t")] == ["a"]
    assert found(store, "walrus lynx heron") == ["walrus"]


@pytest.mark.parametrize("query", ["", "   ", "???", "what is the", "_", "\x00", '""', "\ud800"])
def test_a_query_without_a_telling_word_finds_nothing(store: KnowledgeStore, query: str) -> None:
    store.put("t", [document("a", "what is the walrus")])
    assert store.search("t", query, limit=5) == ()


ODD = (
    "walrus NOT lynx",
    "NEAR(walrus heron, 1)",
    'title : "walrus"',
    '"walrus',
    "^walrus -lynx +heron*) OR (",
    "walrus'; DROP TABLE passage; --",
    '{"operator": "And"} walrus\x00\ud800',
    "walrus " * 5_000,
)


def test_odd_queries_are_words(store: KnowledgeStore) -> None:
    store.put("t", [document("a", "a walrus and a lynx"), document("b", "tea at four")])
    for query in ODD:
        assert found(store, query)[0] == "a walrus and a lynx", query


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(query=st.one_of(st.text(), st.text(alphabet=string.printable)))
def test_any_text_is_a_valid_query(store: KnowledgeStore, query: str) -> None:
    store.put("t", [document("a", "a walrus and a lynx")])
    assert len(store.search("t", query, limit=5)) <= 1


def test_a_long_query_is_led_by_its_words(store: KnowledgeStore) -> None:
    store.put(
        "t",
        [
            document("lamp", "The Juniper lamp takes an E14 bulb."),
            document("chat", "We had a long day and the weather was fine and we took the train."),
        ],
    )
    story = "We had a fine day. The train was late and the weather was not so good. " * 8
    assert found(store, f"{story} Then the Juniper lamp needed a bulb, and another bulb, E14.")


def test_another_embedder_s_vectors_are_refused(place: Place) -> None:
    place.open(WordVectors("first")).put("t", [document("a", "walrus")])
    with pytest.raises(ConfigurationError, match=r"'first'.*'second'"):
        place.open(WordVectors("second"))
    assert found(place.open(WordVectors("first")), "walrus") == ["walrus"]


def test_an_embedder_that_does_not_answer_leaves_the_store_as_it_was(place: Place) -> None:
    class Broken(WordVectors):
        def embed(self, texts: Sequence[str]) -> list[list[float]]:
            if any("lynx" in text for text in texts):
                raise BackendUnavailable("no answer")
            return super().embed(texts)

    store = place.open(Broken())
    store.put("t", [document("a", "walrus")])
    listed = store.documents("t")
    with pytest.raises(BackendUnavailable):
        store.put("t", [document("a", "lynx")])
    with pytest.raises(BackendUnavailable):
        store.search("t", "lynx", limit=5)
    assert store.documents("t") == listed
    assert found(store, "walrus") == ["walrus"]


def test_a_closed_store_says_so_in_the_port_s_words(place: Place) -> None:
    store = place.open()
    store.put("t", [document("a", "walrus")])
    store.close()
    with pytest.raises(BackendUnavailable):
        store.search("t", "walrus", limit=1)
    with pytest.raises(BackendUnavailable):
        store.documents("t")


def test_settings_choose_the_store(tmp_path: Path) -> None:
    store = open_knowledge(Settings(state_dir=tmp_path))
    store.put("t", [document("a", "walrus")])
    store.close()
    assert (tmp_path / "knowledge.db").is_file()
    with pytest.raises(BackendUnavailable, match="Weaviate"):
        open_knowledge(Settings(state_dir=tmp_path, weaviate_url="http://127.0.0.1:9"))
