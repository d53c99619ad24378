"""What Closeloop keeps in Weaviate: two collections, and how a server is brought to this layout.

``CloseloopPassage`` has an object for each passage with what filters need of its document, and our
own vector. ``CloseloopDocument`` says what is there: a document's object is written after its last
passage, so one that is not listed, or has an old digest, is put again. Both are multi-tenant.

The description of ``CloseloopPassage`` keeps the layout's version and the embedder's name.
"""

import re
from typing import Any, Final

from weaviate import WeaviateClient
from weaviate.classes.config import Configure, DataType, Property, Tokenization, VectorDistances
from weaviate.collections import Collection
from weaviate.exceptions import UnexpectedStatusCodeError

from closeloop.adapters.weaviate_objects import stems_of
from closeloop.errors import ConfigurationError

PASSAGES: Final = "CloseloopPassage"
DOCUMENTS: Final = "CloseloopDocument"
LAYOUT: Final = 2
"""Raised with every property that is added below."""
_STEMS_SINCE: Final = 2
_STAMP: Final = re.compile(r"^Closeloop knowledge, layout (\d+), vectors of (.+)$")


def _key(name: str) -> Property:
    """Return a property that is compared as a whole and not searched."""
    return Property(
        name=name,
        data_type=DataType.TEXT,
        tokenization=Tokenization.FIELD,
        index_filterable=True,
        index_searchable=False,
    )


def _text(name: str) -> Property:
    """Return a property that is only read."""
    return Property(
        name=name,
        data_type=DataType.TEXT,
        tokenization=Tokenization.WORD,
        index_filterable=False,
        index_searchable=False,
    )


def _stems(name: str) -> Property:
    """Return a property whose words are searched: stems, between spaces."""
    return Property(
        name=name,
        data_type=DataType.TEXT,
        tokenization=Tokenization.WHITESPACE,
        index_filterable=False,
        index_searchable=True,
    )


def _day(name: str) -> Property:
    """Return a property that holds a day as a number: 20260131."""
    return Property(name=name, data_type=DataType.INT, index_filterable=True)


_PROPERTIES: Final[dict[str, list[Property]]] = {
    PASSAGES: [
        *map(_key, ("passage_id", "document_id", "kind", "language", "version")),
        *map(_text, ("title", "text")),
        _stems("stems"),
        *map(_day, ("valid_from", "valid_until")),
    ],
    DOCUMENTS: [*map(_key, ("document_id", "source", "digest"))],
}


def open_collections(
    client: WeaviateClient, embedder: str
) -> tuple[Collection[Any, Any], Collection[Any, Any]]:
    """Return the collections of passages and of documents, made or brought up to date.

    Raises:
        ConfigurationError: they were made by a newer Closeloop, hold the vectors of another
            embedder, or differ from this layout in a way that adding properties does not cure.
    """
    for name in (DOCUMENTS, PASSAGES):
        if not client.collections.exists(name):
            _create(client, name, embedder)
    passages, documents = client.collections.use(PASSAGES), client.collections.use(DOCUMENTS)
    found = _checked_layout(passages, embedder)
    for collection in (passages, documents):
        _migrate(collection)
    if found < _STEMS_SINCE:
        _fill_stems(passages)
    passages.config.update(description=_stamp(embedder))
    return passages, documents


def _stamp(embedder: str) -> str:
    return f"Closeloop knowledge, layout {LAYOUT}, vectors of {embedder}"


def _create(client: WeaviateClient, name: str, embedder: str) -> None:
    try:
        client.collections.create(
            name,
            description=_stamp(embedder),
            properties=_PROPERTIES[name],
            multi_tenancy_config=Configure.multi_tenancy(enabled=True),
            # Exact, and a tenant's passages are thousands, not millions.
            vector_config=Configure.Vectors.self_provided(
                vector_index_config=Configure.VectorIndex.flat(
                    distance_metric=VectorDistances.COSINE
                )
            ),
        )
    except UnexpectedStatusCodeError:
        if not client.collections.exists(name):  # another worker may have made it just now
            raise


def _checked_layout(passages: Collection[Any, Any], embedder: str) -> int:
    """Return the layout that the collection has; refuse one that cannot be used."""
    found = _STAMP.match(passages.config.get().description or "")
    if found is None:
        raise ConfigurationError(
            f"Weaviate collection {PASSAGES} was not made by Closeloop: its description says no"
            " layout; delete the collection or use another server"
        )
    if int(found[1]) > LAYOUT:
        raise ConfigurationError(
            f"Weaviate collection {PASSAGES} has layout {found[1]}, this Closeloop knows {LAYOUT}:"
            " run the newer one, or delete the collection and sync again"
        )
    if found[2] != embedder:
        raise ConfigurationError(
            f"Weaviate collection {PASSAGES} holds vectors of {found[2]!r}, and the settings say"
            f" {embedder!r}: vectors of two embedders do not compare; set the first, or delete the"
            " collection and sync again"
        )
    return int(found[1])


def _fill_stems(passages: Collection[Any, Any]) -> None:
    """Give every passage of an older layout its stems; may be repeated."""
    for tenant in passages.tenants.get():
        own = passages.with_tenant(tenant)
        for one in own.iterator(return_properties=["title", "text"]):
            title, text = str(one.properties["title"]), str(one.properties["text"])
            own.data.update(uuid=one.uuid, properties={"stems": stems_of(title, text)})


def _migrate(collection: Collection[Any, Any]) -> None:
    """Add the properties that are missing.

    Raises:
        ConfigurationError: tenants are not kept apart, or a property has another type.
    """
    config = collection.config.get()
    if not config.multi_tenancy_config.enabled:
        raise ConfigurationError(
            f"Weaviate collection {collection.name} is not multi-tenant, and that cannot be changed"
            " later; delete it and sync again"
        )
    known = {prop.name: prop for prop in config.properties}
    for wanted in _PROPERTIES[collection.name]:
        found = known.get(wanted.name)
        if found is None:
            collection.config.add_property(wanted)
        elif (found.data_type, found.tokenization) != (wanted.dataType, wanted.tokenization):
            raise ConfigurationError(
                f"Weaviate collection {collection.name}: property {wanted.name} is"
                f" {found.data_type.value} ({found.tokenization}), this Closeloop needs"
                f" {wanted.dataType.value} ({wanted.tokenization}), and Weaviate cannot change it;"
                " delete the collection and sync again"
            )
