"""Knowledge in Weaviate: both legs on its server, joined here; each tenant in a shard of its own.

Vectors are ours (``Embedder``), so the server needs no module. Writes may be repeated: an object's
id follows from its tenant and passage, and a document is listed only when all of it is there.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import weaviate
from weaviate.classes.data import DataObject
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.classes.query import Filter, MetadataQuery
from weaviate.collections import Collection
from weaviate.collections.classes.filters import FilterReturn
from weaviate.collections.classes.internal import Object
from weaviate.exceptions import (
    AuthenticationFailedError,
    InsufficientPermissionsError,
    UnexpectedStatusCodeError,
    WeaviateBaseError,
    WeaviateInsertManyAllFailedError,
)
from weaviate.util import generate_uuid5

from closeloop.adapters.weaviate_objects import (
    embedded_text,
    filter_of,
    id_of,
    passage_of,
    properties_of,
    vector_of,
)
from closeloop.adapters.weaviate_schema import open_collections
from closeloop.errors import BackendRefused, BackendUnavailable
from closeloop.knowledge.query import DEPTH, FEEDBACK, Query, fuse, read_query, steered, stems
from closeloop.models.knowledge import Document, Passage, SourceKind, StoredDocument
from closeloop.ports import Embedder

_TENANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a tenant may be called, here and in Closeloop's own names."""
_PAGE: Final = 1_000
"""Objects read at a time; the server gives 10,000 at most."""
_BATCH: Final = 200
"""Objects written at a time: about a megabyte with their vectors."""
_TIMEOUT: Final = Timeout(init=5, query=30, insert=60)
_SEARCHED: Final = ["stems"]

_Objects = Collection[Any, Any]
_Found = Object[Any, Any]


class WeaviateKnowledge:
    """The ``KnowledgeStore`` port on a Weaviate server; safe for threads."""

    def __init__(
        self, url: str, embedder: Embedder, *, grpc_port: int, api_key: str | None = None
    ) -> None:
        """Connect, and make or migrate the collections.

        Raises:
            BackendUnavailable: the server does not answer.
            BackendRefused: the key is wrong, or may not do this (``not_allowed``).
            ConfigurationError: see ``weaviate_schema.open_collections``.
        """
        self._embedder = embedder
        self._tenants: set[str] = set()
        address = urlsplit(url)
        secure = address.scheme == "https"
        host = address.hostname or ""
        with _translated():
            self._client = weaviate.connect_to_custom(
                http_host=host,
                http_port=address.port or (443 if secure else 80),
                http_secure=secure,
                grpc_host=host,
                grpc_port=grpc_port,
                grpc_secure=secure,
                auth_credentials=Auth.api_key(api_key) if api_key else None,
                additional_config=AdditionalConfig(timeout=_TIMEOUT),
                # They ask a package index for newer clients. The first call below is check enough.
                skip_init_checks=True,
            )
            try:
                self._passages, self._documents = open_collections(self._client, embedder.name)
            except BaseException:
                self._client.close()
                raise

    def close(self) -> None:
        """Close the connection; every later call fails."""
        self._client.close()

    def put(self, tenant: str, documents: Sequence[Document]) -> int:
        """Make each document exactly what is given; see ``KnowledgeStore.put``.

        Raises:
            ValueError: a document id is given twice, or a passage id stands in two places.
            BackendRefused: the server did not take some passages (``import_failed``); names one.
            BackendUnavailable: the server or the embedder cannot be used now.
        """
        ids = [chunk.passage_id for one in documents for chunk in one.chunks]
        if len({document.document_id for document in documents}) != len(documents):
            raise ValueError("two documents have the same document_id; ids are unique per tenant")
        if len(set(ids)) != len(ids):
            raise ValueError("a passage_id stands in two places; ids are unique per tenant")
        if _TENANT.fullmatch(tenant) is None:
            raise ValueError(f"{tenant!r} is no name for a tenant")
        with self._reached():
            self._make_tenant(tenant)
            return self._put(tenant, documents, ids)

    def documents(self, tenant: str) -> tuple[StoredDocument, ...]:
        """Return every document that the tenant has here, by id.

        Raises:
            BackendUnavailable: the server cannot be used now.
        """
        with self._reached():
            if not self._has(tenant):
                return ()
            found = self._documents.with_tenant(tenant).iterator(cache_size=_PAGE)
            listed = [StoredDocument.model_validate(one.properties) for one in found]
        return tuple(sorted(listed, key=lambda one: one.document_id))

    def delete_document(self, tenant: str, document_id: str) -> bool:
        """Remove a document with its passages; False where there was none.

        Raises:
            BackendUnavailable: the server cannot be used now.
        """
        with self._reached():
            if not self._has(tenant):
                return False
            of_document = Filter.by_property("document_id").equal(document_id)
            while self._passages.with_tenant(tenant).data.delete_many(where=of_document).matches:
                pass  # the server deletes 10,000 at a time
            deleted = self._documents.with_tenant(tenant).data.delete_many(where=of_document)
            return deleted.successful > 0

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
        """Return at most ``limit`` of the tenant's passages, best first; see ``Knowledge.search``.

        Raises:
            BackendUnavailable: the server or the embedder cannot be used now.
        """
        asked = read_query(query)
        if limit < 1 or kinds == []:
            return ()
        words, meaning = self._legs(
            tenant, asked, max(DEPTH, limit), filter_of(kinds, language, on)
        )
        found = {id_of(one): one for one in (*words, *meaning)}
        best = fuse(
            (1.0, [id_of(one) for one in words]),
            # The server's own fusion has another constant, and ties in no fixed order.
            (asked.meaning_weight, [id_of(one) for one in meaning]),
        )
        return tuple(passage_of(found[one], score) for one, score in best[:limit])

    def legs(self, tenant: str, query: str, *, depth: int = DEPTH) -> tuple[list[str], list[str]]:
        """Return the ids that a search finds by words, and those it finds by meaning, best first.

        Raises:
            BackendUnavailable: the server or the embedder cannot be used now.
        """
        words, meaning = self._legs(tenant, read_query(query), depth, None)
        return [id_of(one) for one in words], [id_of(one) for one in meaning]

    def _legs(
        self, tenant: str, asked: Query, depth: int, wanted: FilterReturn | None
    ) -> tuple[list[_Found], list[_Found]]:
        """Return what is found by words, and what by meaning: best first, equals by id."""
        with self._reached():
            if not asked.words or not self._has(tenant):
                return [], []
            search = self._passages.with_tenant(tenant).query
            words = search.bm25(
                " ".join(stems(" ".join(asked.words))),
                query_properties=_SEARCHED,
                filters=wanted,
                limit=depth,
                return_metadata=MetadataQuery(score=True),
            ).objects
            words.sort(key=lambda one: (-(one.metadata.score or 0.0), id_of(one)))
            meaning = search.near_vector(
                self._vector(tenant, asked, [id_of(one) for one in words[:FEEDBACK]]),
                filters=wanted,
                limit=depth,
                return_metadata=MetadataQuery(distance=True),
            ).objects
            meaning.sort(key=lambda one: (one.metadata.distance or 0.0, id_of(one)))
        return words, meaning

    def get(self, tenant: str, passage_ids: Sequence[str]) -> tuple[Passage, ...]:
        """Return the tenant's passages with these ids that exist, in the order asked for; score 0.

        Raises:
            BackendUnavailable: the server cannot be used now.
        """
        with self._reached():
            if not self._has(tenant):
                return ()
            found = {
                name: passage_of(one)
                for name, one in self._stored(tenant, "passage_id", passage_ids).items()
            }
        return tuple(found[wanted] for wanted in passage_ids if wanted in found)

    def _put(self, tenant: str, documents: Sequence[Document], ids: Sequence[str]) -> int:
        names = [document.document_id for document in documents]
        stored = self._stored(tenant, "document_id", names)
        elsewhere = self._stored(tenant, "passage_id", ids).keys() - stored.keys()
        if elsewhere:
            raise ValueError(
                f"passage_id {min(elsewhere)!r} stands in two places; ids are unique per tenant"
            )
        wanted = {
            chunk.passage_id: properties_of(document, chunk)
            for document in documents
            for chunk in document.chunks
        }
        changed = {
            name: properties
            for name, properties in wanted.items()
            if name not in stored or stored[name].properties != properties
        }
        gone = sorted(stored.keys() - wanted.keys())
        self._write(self._passages.with_tenant(tenant), self._objects(tenant, changed, stored))
        for start in range(0, len(gone), _PAGE):
            batch = Filter.by_property("passage_id").contains_any(gone[start : start + _PAGE])
            self._passages.with_tenant(tenant).data.delete_many(where=batch)
        self._write(
            self._documents.with_tenant(tenant),
            [
                DataObject(
                    uuid=generate_uuid5(one.document_id, tenant),
                    properties={
                        "document_id": one.document_id,
                        "source": one.source,
                        "digest": one.digest,
                    },
                )
                for one in documents
            ],
        )
        return len(changed) + len(gone)

    def _objects(
        self,
        tenant: str,
        changed: Mapping[str, Mapping[str, Any]],
        stored: Mapping[str, _Found],
    ) -> list[DataObject[Any, Any]]:
        """Return what is to be written; texts that the documents had keep their vector."""
        vectors = {embedded_text(one.properties): vector_of(one) for one in stored.values()}
        new = [text for text in map(embedded_text, changed.values()) if text not in vectors]
        new = list(dict.fromkeys(new))
        vectors |= dict(zip(new, self._embedder.embed(new), strict=True))
        return [
            DataObject(
                uuid=generate_uuid5(name, tenant),
                properties=properties,
                vector=vectors[embedded_text(properties)],
            )
            for name, properties in changed.items()
        ]

    def _write(self, collection: _Objects, objects: Sequence[DataObject[Any, Any]]) -> None:
        for start in range(0, len(objects), _BATCH):
            batch = objects[start : start + _BATCH]
            try:
                errors = collection.data.insert_many(batch).errors
            except WeaviateInsertManyAllFailedError as error:
                raise BackendRefused(
                    f"Weaviate took none of {len(batch)} objects: {error}", code="import_failed"
                ) from error
            if errors:
                place, first = min(errors.items())
                raise BackendRefused(
                    f"Weaviate did not take {len(errors)} of {len(batch)} objects;"
                    f" {batch[place].properties}: {first.message}",
                    code="import_failed",
                )

    def _stored(self, tenant: str, key: str, values: Sequence[str]) -> dict[str, _Found]:
        """Return the objects of passages, vectors included, whose ``key`` has one of the values."""
        found: dict[str, _Found] = {}
        query = self._passages.with_tenant(tenant).query
        for start in range(0, len(values), _PAGE):
            wanted = Filter.by_property(key).contains_any(list(values[start : start + _PAGE]))
            offset = 0
            while True:
                page = query.fetch_objects(
                    filters=wanted, limit=_PAGE, offset=offset, include_vector=True
                ).objects
                found |= {str(one.properties["passage_id"]): one for one in page}
                offset += _PAGE
                if len(page) < _PAGE:
                    break
        return found

    def _vector(self, tenant: str, asked: Query, best: Sequence[str]) -> list[float]:
        """Return the query's vector; a long one is steered to the best that its words found."""
        (vector,) = self._embedder.embed([asked.text])
        if not asked.is_long:
            return vector
        return steered(vector, map(vector_of, self._stored(tenant, "passage_id", best).values()))

    def _make_tenant(self, tenant: str) -> None:
        if not self._has(tenant):
            for collection in (self._documents, self._passages):
                collection.tenants.create(tenant)
            self._tenants.add(tenant)

    def _has(self, tenant: str) -> bool:
        """Return whether the tenant was ever written; the server refuses to read one that was not.

        A tenant is never removed, so what was seen once is remembered.
        """
        if tenant not in self._tenants:
            named = _TENANT.fullmatch(tenant) is not None
            if not (named and self._passages.tenants.exists(tenant)):
                return False
            self._tenants.add(tenant)
        return True

    @contextmanager
    def _reached(self) -> Generator[None]:
        """Translate errors; say at once that the server is gone.

        The client would repeat a search for a minute by itself, which no setting turns off (seen
        on weaviate-client 4.23); how long to wait is Temporal's.
        """
        with _translated():
            if not self._client.is_live():
                raise BackendUnavailable("Weaviate: the server does not answer")
            yield


@contextmanager
def _translated() -> Generator[None]:
    """Turn what the client raises into the port's family of errors."""
    try:
        yield
    except (AuthenticationFailedError, InsufficientPermissionsError) as error:
        raise BackendRefused(f"Weaviate: {error}", code="not_allowed") from error
    except UnexpectedStatusCodeError as error:
        if error.status_code in (401, 403):
            raise BackendRefused(f"Weaviate: {error}", code="not_allowed") from error
        if error.status_code == 422:
            raise BackendRefused(f"Weaviate: {error}", code="invalid") from error
        raise BackendUnavailable(f"Weaviate: {error}") from error
    except (WeaviateBaseError, httpx.HTTPError) as error:
        # Reads and writes may all be repeated, so what is not known to be final is tried again.
        raise BackendUnavailable(f"Weaviate: {error}") from error
