"""Knowledge in one SQLite file: full-text search with BM25 beside vectors, tenants apart.

The file is separate from the operations database because apsw brings its own SQLite library, and
two SQLite libraries in one process must never open the same file.

``document`` and ``passage`` hold every row with its tenant. Each tenant has its own full-text table
(``words_<n>``): the tenant filter cannot be forgotten in it, and no tenant's word counts move
another tenant's scores. Vectors are compared one by one: exact, and fast enough for the tens of
thousands of passages that fit a file beside the worker; more belong into Weaviate.
"""

import json
import threading
from array import array
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, cast

import apsw
import sqlite_vec  # pyright: ignore[reportMissingTypeStubs]  # it has none

from closeloop.errors import BackendUnavailable, ConfigurationError
from closeloop.knowledge.query import (
    DEPTH,
    FEEDBACK,
    TITLE_WEIGHT,
    TOKENIZER,
    Query,
    fuse,
    primary_language,
    read_query,
    steered,
)
from closeloop.knowledge.sqlite_tables import (
    Value,
    blob,
    embedded,
    lay_out,
    put,
    remove,
    run,
    transaction,
    words_table,
)
from closeloop.models.knowledge import Document, Passage, SourceKind, StoredDocument
from closeloop.ports import Embedder

_BUSY_TIMEOUT_MS: Final = 5_000

_IN_FILTER: Final = """
    document.tenant = ?
    AND (? IS NULL OR document.kind IN (SELECT value FROM json_each(?)))
    AND (? IS NULL OR document.language = ?)
    AND (? IS NULL OR coalesce(document.valid_from, '') <= ?
                      AND coalesce(document.valid_until, '9') >= ?)
"""


class SqliteKnowledge:
    """The ``KnowledgeStore`` port on SQLite: FTS5 and sqlite-vec.

    One connection behind a lock serves all threads of the process; other processes may use the
    same file (WAL).
    """

    def __init__(self, path: Path, embedder: Embedder) -> None:
        """Open the file, made where it is missing; its folder has to exist.

        Raises:
            ConfigurationError: the file cannot be opened, is no SQLite database, was made by a
                newer Closeloop, or holds the vectors of another embedder.
        """
        self._lock = threading.Lock()
        self._embedder = embedder
        try:
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(_BUSY_TIMEOUT_MS)
            self._db.enable_load_extension(True)
            self._db.load_extension(sqlite_vec.loadable_path())
            self._db.enable_load_extension(False)
            run(self._db, "PRAGMA journal_mode = wal; PRAGMA synchronous = normal")
            with transaction(self._db):
                lay_out(self._db, path, embedder.name)
        except apsw.Error as error:
            raise ConfigurationError(
                f"{path}: cannot be opened as the knowledge file: {error}; "
                "name a writable file, or delete this one: it is made again"
            ) from error

    def close(self) -> None:
        """Close the file; every later call fails."""
        with self._lock:
            self._db.close()

    def put(self, tenant: str, documents: Sequence[Document]) -> int:
        """Make each document exactly what is given; see ``KnowledgeStore.put``.

        All of it or nothing.

        Raises:
            ValueError: a document id is given twice, or a passage id stands in two places.
            BackendUnavailable: the file or the embedder cannot be used now.
        """
        if len({document.document_id for document in documents}) != len(documents):
            raise ValueError("two documents have the same document_id; ids are unique per tenant")
        vectors = self._vectors(tenant, documents)
        with self._using() as db, transaction(db):
            run(db, "INSERT OR IGNORE INTO tenant (name) VALUES (?)", tenant)
            words = words_table(db, tenant)
            run(
                db,
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {words} USING fts5 (heading, body,"
                " content = '', contentless_delete = 1,"
                f" tokenize = '{TOKENIZER}')",
            )
            try:
                return sum(put(db, f"{words}", tenant, one, vectors) for one in documents)
            except apsw.ConstraintError as error:
                raise ValueError(
                    "a passage_id stands in two places; ids are unique per tenant"
                ) from error

    def documents(self, tenant: str) -> tuple[StoredDocument, ...]:
        """Return every document that the tenant has here, by id.

        Raises:
            BackendUnavailable: the file cannot be used now.
        """
        with self._using() as db:
            rows = run(
                db,
                "SELECT document_id, source, digest FROM document WHERE tenant = ?"
                " ORDER BY document_id",
                tenant,
            )
        return tuple(
            StoredDocument(document_id=str(row[0]), source=str(row[1]), digest=str(row[2]))
            for row in rows
        )

    def delete_document(self, tenant: str, document_id: str) -> bool:
        """Remove a document with its passages; False where there was none.

        Raises:
            BackendUnavailable: the file cannot be used now.
        """
        with self._using() as db, transaction(db):
            rows = run(
                db,
                "SELECT number FROM document WHERE tenant = ? AND document_id = ?",
                tenant,
                document_id,
            )
            for (document,) in rows:
                passages = run(db, "SELECT number FROM passage WHERE document = ?", document)
                remove(db, f"{words_table(db, tenant)}", (number for (number,) in passages))
                run(db, "DELETE FROM document WHERE number = ?", document)
            return bool(rows)

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

        The query is untrusted free text: it is taken apart into words, so nothing in it is syntax.
        A higher score is better; scores of two queries do not compare.

        Raises:
            BackendUnavailable: the file or the embedder cannot be used now.
        """
        asked = read_query(query)
        words, meaning = self.legs(
            tenant, query, depth=max(DEPTH, limit), kinds=kinds, language=language, on=on
        )
        best = fuse((1.0, words), (asked.meaning_weight, meaning))[: max(limit, 0)]
        scores = dict(best)
        return tuple(
            passage.model_copy(update={"score": scores[passage.passage_id]})
            for passage in self.get(tenant, [passage_id for passage_id, _ in best])
        )

    def legs(
        self,
        tenant: str,
        query: str,
        *,
        depth: int,
        kinds: Sequence[SourceKind] | None = None,
        language: str | None = None,
        on: date | None = None,
    ) -> tuple[list[str], list[str]]:
        """Return the ids that a search finds by words, and those it finds by meaning, best first.

        Raises:
            BackendUnavailable: the file or the embedder cannot be used now.
        """
        asked = read_query(query)
        with self._using() as db:
            table = words_table(db, tenant)
        if table is None or not asked.words:
            return [], []
        wanted = _filter(tenant, kinds, language, on)
        by_words = self._by_words(table, asked, wanted, depth)
        (vector,) = self._embedder.embed([query])
        if asked.is_long:
            vector = steered(vector, self._vectors_of(tenant, by_words[:FEEDBACK]))
        return by_words, self._by_meaning(vector, wanted, depth)

    def get(self, tenant: str, passage_ids: Sequence[str]) -> tuple[Passage, ...]:
        """Return the tenant's passages with these ids that exist, in the order asked for; score 0.

        Raises:
            BackendUnavailable: the file cannot be used now.
        """
        with self._using() as db:
            rows = run(
                db,
                "SELECT passage_id, document_id, title, kind, version, text"
                " FROM passage JOIN document ON document.number = passage.document"
                " WHERE passage.tenant = ? AND passage_id IN (SELECT value FROM json_each(?))",
                tenant,
                json.dumps(list(passage_ids)),
            )
        fields = ("passage_id", "article_id", "title", "kind", "version", "text")
        found = {
            str(row[0]): Passage.model_validate({**dict(zip(fields, row, strict=True)), "score": 0})
            for row in rows
        }
        return tuple(found[wanted] for wanted in passage_ids if wanted in found)

    def _by_words(self, table: str, query: Query, wanted: Sequence[Value], depth: int) -> list[str]:
        with self._using() as db:
            rows = run(
                db,
                f"SELECT passage_id FROM {table}"
                f" JOIN passage ON passage.number = {table}.rowid"
                " JOIN document ON document.number = passage.document"
                f" WHERE {table} MATCH ? AND {_IN_FILTER}"
                f" ORDER BY bm25({table}, ?, 1.0), passage_id LIMIT ?",
                # Quotes make every word a literal; OR is the only operator and comes from here. A
                # word that is said twice counts twice.
                " OR ".join(f'"{word}"' for word in query.words),
                *wanted,
                float(TITLE_WEIGHT),
                depth,
            )
        return [str(row[0]) for row in rows]

    def _by_meaning(
        self, vector: Sequence[float], wanted: Sequence[Value], depth: int
    ) -> list[str]:
        with self._using() as db:
            rows = run(
                db,
                "SELECT passage_id FROM document"
                " JOIN passage ON passage.document = document.number"
                " JOIN vector ON vector.passage = passage.number"
                f" WHERE {_IN_FILTER}"
                " ORDER BY vec_distance_cosine(vector.numbers, ?), passage_id LIMIT ?",
                *wanted,
                blob(vector),
                depth,
            )
        return [str(row[0]) for row in rows]

    def _vectors_of(self, tenant: str, passage_ids: Sequence[str]) -> "list[array[float]]":
        with self._using() as db:
            rows = run(
                db,
                "SELECT numbers FROM passage JOIN vector ON vector.passage = passage.number"
                " WHERE tenant = ? AND passage_id IN (SELECT value FROM json_each(?))",
                tenant,
                json.dumps(list(passage_ids)),
            )
        return [array("f", cast(bytes, numbers)) for (numbers,) in rows]

    def _vectors(self, tenant: str, documents: Sequence[Document]) -> dict[str, bytes]:
        """Return a vector for each text of the documents; texts that they had keep theirs."""
        with self._using() as db:
            rows = run(
                db,
                "SELECT title, text, numbers FROM document"
                " JOIN passage ON passage.document = document.number"
                " JOIN vector ON vector.passage = passage.number"
                " WHERE document.tenant = ? AND document_id IN (SELECT value FROM json_each(?))",
                tenant,
                json.dumps([document.document_id for document in documents]),
            )
        vectors = {embedded(str(title), str(text)): numbers for title, text, numbers in rows}
        wanted = dict.fromkeys(
            embedded(chunk.title, chunk.text) for one in documents for chunk in one.chunks
        )
        new = [text for text in wanted if text not in vectors]
        fresh = zip(new, map(blob, self._embedder.embed(new)), strict=True)
        return cast(dict[str, bytes], vectors) | dict(fresh)

    @contextmanager
    def _using(self) -> Generator[apsw.Connection]:
        """Hold the connection; whatever SQLite says becomes an error of the port's family."""
        with self._lock:
            try:
                yield self._db
            except apsw.Error as error:
                raise BackendUnavailable(f"knowledge file: {error}") from error


def _filter(
    tenant: str, kinds: Sequence[SourceKind] | None, language: str | None, on: date | None
) -> list[Value]:
    """Return the values of ``_IN_FILTER``."""
    kind = None if kinds is None else json.dumps(list(kinds))
    tongue = None if language is None else primary_language(language)
    day = None if on is None else on.isoformat()
    return [tenant, kind, kind, tongue, tongue, day, day, day]
