"""What only Weaviate has: a layout that migrates, objects that it refuses, a server that goes."""

from collections.abc import Iterator, Sequence

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, Tokenization

from closeloop.adapters.weaviate import WeaviateKnowledge
from closeloop.adapters.weaviate_schema import DOCUMENTS, LAYOUT, PASSAGES
from closeloop.errors import BackendRefused, BackendUnavailable, ConfigurationError
from closeloop.models.knowledge import Chunk, Document
from tests.support.embedding import WordVectors
from tests.support.weaviate_server import Weaviate, weaviate_server

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server() -> Iterator[Weaviate]:
    with weaviate_server() as running:
        yield running


@pytest.fixture
def client(server: Weaviate) -> Iterator[weaviate.WeaviateClient]:
    with weaviate.connect_to_local(
        "127.0.0.1", server.port, server.grpc_port, skip_init_checks=True
    ) as connected:
        yield connected
    server.empty()


def opened(server: Weaviate, embedder: WordVectors | None = None) -> WeaviateKnowledge:
    return WeaviateKnowledge(server.url, embedder or WordVectors(), grpc_port=server.grpc_port)


def document(*texts: str) -> Document:
    chunks = [
        Chunk(passage_id=f"a#{place}", title="", version="1", text=text)
        for place, text in enumerate(texts)
    ]
    return Document(document_id="a", source="tests", kind="doc", chunks=tuple(chunks))


def make_passages(
    client: weaviate.WeaviateClient,
    *properties: Property,
    layout: int = LAYOUT,
    several_tenants: bool = True,
) -> None:
    client.collections.create(
        PASSAGES,
        description=f"Closeloop knowledge, layout {layout}, vectors of word-vectors",
        properties=list(properties),
        multi_tenancy_config=Configure.multi_tenancy(enabled=several_tenants),
        vector_config=Configure.Vectors.self_provided(),
    )


def test_properties_that_are_missing_are_added(
    server: Weaviate, client: weaviate.WeaviateClient
) -> None:
    make_passages(client, layout=0)
    store = opened(server)
    store.put("t", [document("a walrus")])
    assert [one.text for one in store.search("t", "walrus", limit=5)] == ["a walrus"]
    stamped = client.collections.use(PASSAGES).config.get().description
    assert stamped == f"Closeloop knowledge, layout {LAYOUT}, vectors of word-vectors"
    store.close()


def test_passages_of_a_layout_without_stems_are_found_by_them(
    server: Weaviate, client: weaviate.WeaviateClient
) -> None:
    keys = [
        Property(name=name, data_type=DataType.TEXT, tokenization=Tokenization.FIELD)
        for name in ("passage_id", "document_id")
    ]
    make_passages(client, *keys, layout=1)
    older = client.collections.use(PASSAGES)
    older.tenants.create("t")
    for name in ("parcels", "lynx"):
        older.with_tenant("t").data.insert(
            {"passage_id": name, "document_id": "a", "title": "", "text": f"about {name}"},
            vector=[1.0] * WordVectors().dimensions,
        )
    store = opened(server)
    words, meaning = store.legs("t", "a parcel")
    assert words == ["parcels"]
    assert set(meaning) == {"parcels", "lynx"}  # their vectors are kept
    store.close()


def test_what_cannot_be_migrated_is_refused_by_name(
    server: Weaviate, client: weaviate.WeaviateClient
) -> None:
    make_passages(client, Property(name="valid_from", data_type=DataType.TEXT))
    with pytest.raises(ConfigurationError, match=r"CloseloopPassage: property valid_from is text"):
        opened(server)
    client.collections.delete(PASSAGES)
    make_passages(client, several_tenants=False)
    with pytest.raises(ConfigurationError, match="not multi-tenant"):
        opened(server)
    client.collections.delete(PASSAGES)
    make_passages(client, layout=LAYOUT + 1)
    with pytest.raises(ConfigurationError, match=rf"layout {LAYOUT + 1}, this Closeloop knows"):
        opened(server)
    client.collections.delete(PASSAGES)
    client.collections.create(PASSAGES)
    with pytest.raises(ConfigurationError, match="not made by Closeloop"):
        opened(server)


def test_objects_that_the_server_refuses_are_an_error_and_the_document_is_not_listed(
    server: Weaviate, client: weaviate.WeaviateClient
) -> None:
    class Uneven(WordVectors):
        def embed(self, texts: Sequence[str]) -> list[list[float]]:
            vectors = super().embed(texts)
            return [v[:7] if "lynx" in t else v for t, v in zip(texts, vectors, strict=True)]

    store = opened(server, Uneven())
    store.put("t", [document("a heron")])
    listed = store.documents("t")
    for texts in (("a walrus", "a lynx"), ("a lynx",)):
        with pytest.raises(BackendRefused) as caught:
            store.put("t", [document(*texts)])
        assert caught.value.code == "import_failed"
        assert store.documents("t") == listed
    store.close()
    mended = opened(server)
    mended.put("t", [document("a walrus", "a lynx")])
    assert {one.text for one in mended.search("t", "lynx", limit=5)} == {"a walrus", "a lynx"}
    assert mended.documents("t") != listed
    mended.close()


def test_a_server_that_goes_away_is_unavailable() -> None:
    with weaviate_server() as gone:
        store = opened(gone)
        store.put("t", [document("a walrus")])
    for call in (
        lambda: store.search("t", "walrus", limit=1),
        lambda: store.get("t", ["a#0"]),
        lambda: store.documents("t"),
        lambda: store.documents("another"),
        lambda: store.put("t", [document("a lynx")]),
        lambda: store.delete_document("t", "a"),
        lambda: opened(gone),
    ):
        with pytest.raises(BackendUnavailable, match="Weaviate"):
            call()
    store.close()


def test_both_collections_are_there_and_tenants_are_apart(
    server: Weaviate, client: weaviate.WeaviateClient
) -> None:
    store = opened(server)
    store.put("north", [document("a walrus")])
    for name in (PASSAGES, DOCUMENTS):
        assert set(client.collections.use(name).tenants.get()) == {"north"}
    store.close()
