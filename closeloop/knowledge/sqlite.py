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
from collections.abc import Generator, Iterable, Sequence
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
from closeloop.models.knowledge import Chunk, Document, Passage, SourceKind, StoredDocument
from closeloop.ports import Embedder

_LAYOUT: Final = 1
"""Raised with every change of the tables below; a file of an older layout is emptied."""
_BUSY_TIMEOUT_MS: Final = 5_000

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS embedder (
    name TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS tenant (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS document (
    number      INTEGER PRIMARY KEY,
    tenant      TEXT NOT NULL REFERENCES tenant (name),
    document_id TEXT NOT NULL,
    source      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    language    TEXT NOT NULL,
    valid_from  TEXT,
    valid_until TEXT,
    digest      TEXT NOT NULL,
    UNIQUE (tenant, document_id)
) STRICT;
CREATE TABLE IF NOT EXISTS passage (
    number     INTEGER PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenant (name),
    document   INTEGER NOT NULL REFERENCES document (number),
    passage_id TEXT NOT NULL,
    title      TEXT NOT NULL,
    version    TEXT NOT NULL,
    text       TEXT NOT NULL,
    UNIQUE (tenant, passage_id)
) STRICT;
CREATE INDEX IF NOT EXISTS passage_document ON passage (document);
CREATE TABLE IF NOT EXISTS vector (
    passage INTEGER PRIMARY KEY REFERENCES passage (number),
    numbers BLOB NOT NULL
) STRICT;
"""
_IN_FILTER: Final = """
    document.tenant = ?
    AND (? IS NULL OR document.kind IN (SELECT value FROM json_each(?)))
    AND (? IS NULL OR document.language = ?)
    AND (? IS NULL OR coalesce(document.valid_from, '') <= ?
                      AND coalesce(document.valid_until, '9') >= ?)
"""

_Value = str | int | float | bytes | None


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
            _run(self._db, "PRAGMA journal_mode = wal; PRAGMA synchronous = normal")
            with _transaction(self._db):
                _lay_out(self._db, path, embedder.name)
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
        with self._using() as db, _transaction(db):
            _run(db, "INSERT OR IGNORE INTO tenant (name) VALUES (?)", tenant)
            words = _words_table(db, tenant)
            _run(
                db,
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {words} USING fts5 (heading, body,"
                " content = '', contentless_delete = 1,"
                f" tokenize = '{TOKENIZER}')",
            )
            try:
                return sum(_put(db, f"{words}", tenant, one, vectors) for one in documents)
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
            rows = _run(
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
        with self._using() as db, _transaction(db):
            rows = _run(
                db,
                "SELECT number FROM document WHERE tenant = ? AND document_id = ?",
                tenant,
                document_id,
            )
            for (document,) in rows:
                passages = _run(db, "SELECT number FROM passage WHERE document = ?", document)
                _remove(db, f"{_words_table(db, tenant)}", (number for (number,) in passages))
                _run(db, "DELETE FROM document WHERE number = ?", document)
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
            table = _words_table(db, tenant)
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
            rows = _run(
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

    def _by_words(
        self, table: str, query: Query, wanted: Sequence[_Value], depth: int
    ) -> list[str]:
        with self._using() as db:
            rows = _run(
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
        self, vector: Sequence[float], wanted: Sequence[_Value], depth: int
    ) -> list[str]:
        with self._using() as db:
            rows = _run(
                db,
                "SELECT passage_id FROM document"
                " JOIN passage ON passage.document = document.number"
                " JOIN vector ON vector.passage = passage.number"
                f" WHERE {_IN_FILTER}"
                " ORDER BY vec_distance_cosine(vector.numbers, ?), passage_id LIMIT ?",
                *wanted,
                _blob(vector),
                depth,
            )
        return [str(row[0]) for row in rows]

    def _vectors_of(self, tenant: str, passage_ids: Sequence[str]) -> "list[array[float]]":
        with self._using() as db:
            rows = _run(
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
            rows = _run(
                db,
                "SELECT title, text, numbers FROM document"
                " JOIN passage ON passage.document = document.number"
                " JOIN vector ON vector.passage = passage.number"
                " WHERE document.tenant = ? AND document_id IN (SELECT value FROM json_each(?))",
                tenant,
                json.dumps([document.document_id for document in documents]),
            )
        vectors = {_embedded(str(title), str(text)): numbers for title, text, numbers in rows}
        wanted = dict.fromkeys(
            _embedded(chunk.title, chunk.text) for one in documents for chunk in one.chunks
        )
        new = [text for text in wanted if text not in vectors]
        fresh = zip(new, map(_blob, self._embedder.embed(new)), strict=True)
        return cast(dict[str, bytes], vectors) | dict(fresh)

    @contextmanager
    def _using(self) -> Generator[apsw.Connection]:
        """Hold the connection; whatever SQLite says becomes an error of the port's family."""
        with self._lock:
            try:
                yield self._db
            except apsw.Error as error:
                raise BackendUnavailable(f"knowledge file: {error}") from error


def _lay_out(db: apsw.Connection, path: Path, embedder: str) -> None:
    """Make the tables; empty a file of an older layout, for it can be filled again."""
    found = _run(db, "PRAGMA user_version")[0][0]
    if isinstance(found, int) and found > _LAYOUT:
        raise ConfigurationError(
            f"{path}: was made by a newer Closeloop (layout {found}, this one knows {_LAYOUT});"
            " run that one, or delete the file: it is made again"
        )
    if found != _LAYOUT:
        for kind in ("CREATE VIRTUAL%", "CREATE TABLE%"):
            names = "SELECT name FROM sqlite_master WHERE sql LIKE ? AND name NOT LIKE 'sqlite_%'"
            for (name,) in _run(db, names, kind):
                _run(db, f'DROP TABLE IF EXISTS "{name}"')
        _run(db, f"PRAGMA user_version = {_LAYOUT}")
    _run(db, _SCHEMA)
    _run(db, "INSERT INTO embedder SELECT ? WHERE NOT EXISTS (SELECT * FROM embedder)", embedder)
    made_by = _run(db, "SELECT name FROM embedder")[0][0]
    if made_by != embedder:
        raise ConfigurationError(
            f"{path}: holds vectors of {made_by!r}, and the settings say {embedder!r}: vectors of"
            " two embedders do not compare; set the first, or delete the file: it is made again"
        )


def _put(
    db: apsw.Connection, words: str, tenant: str, document: Document, vectors: dict[str, bytes]
) -> int:
    """Write one document; return how many of its passages were added, replaced or removed."""
    number = _run(
        db,
        "INSERT INTO document (tenant, document_id, source, kind, language, valid_from,"
        " valid_until, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (tenant, document_id) DO UPDATE SET source = excluded.source,"
        " kind = excluded.kind, language = excluded.language, valid_from = excluded.valid_from,"
        " valid_until = excluded.valid_until, digest = excluded.digest RETURNING number",
        tenant,
        document.document_id,
        document.source,
        document.kind,
        primary_language(document.language),
        document.valid_from and document.valid_from.isoformat(),
        document.valid_until and document.valid_until.isoformat(),
        document.digest,
    )[0][0]
    known = {
        str(row[1]): (row[0], row[1:])
        for row in _run(
            db,
            "SELECT number, passage_id, title, version, text FROM passage WHERE document = ?",
            number,
        )
    }
    wanted = {chunk.passage_id: chunk for chunk in document.chunks}
    same = {one for one, chunk in wanted.items() if one in known and known[one][1] == _row(chunk)}
    _remove(db, words, (known[one][0] for one in known.keys() - same))
    for chunk in document.chunks:
        if chunk.passage_id in same:
            continue
        _run(
            db,
            "INSERT INTO passage (tenant, document, passage_id, title, version, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            tenant,
            number,
            *_row(chunk),
        )
        passage = db.last_insert_rowid()
        _run(
            db,
            f"INSERT INTO {words} (rowid, heading, body) VALUES (?, ?, ?)",
            passage,
            chunk.title,
            chunk.text,
        )
        vector = vectors[_embedded(chunk.title, chunk.text)]
        _run(db, "INSERT INTO vector (passage, numbers) VALUES (?, ?)", passage, vector)
    return len((known.keys() | wanted.keys()) - same)


def _remove(db: apsw.Connection, words: str, passages: Iterable[_Value]) -> None:
    for number in passages:
        _run(db, f"DELETE FROM {words} WHERE rowid = ?", number)
        _run(db, "DELETE FROM vector WHERE passage = ?", number)
        _run(db, "DELETE FROM passage WHERE number = ?", number)


def _filter(
    tenant: str, kinds: Sequence[SourceKind] | None, language: str | None, on: date | None
) -> list[_Value]:
    """Return the values of ``_IN_FILTER``."""
    kind = None if kinds is None else json.dumps(list(kinds))
    tongue = None if language is None else primary_language(language)
    day = None if on is None else on.isoformat()
    return [tenant, kind, kind, tongue, tongue, day, day, day]


@contextmanager
def _transaction(db: apsw.Connection) -> Generator[None]:
    """Run a write transaction that takes its lock at once, so that two writers queue up.

    ``with db`` is not used: while apsw waits for the lock there, no other thread of the process
    runs, so a writer among them could never finish (seen on apsw 3.54.1).
    """
    _run(db, "BEGIN IMMEDIATE")
    try:
        yield
        _run(db, "COMMIT")
    finally:
        if db.in_transaction:
            _run(db, "ROLLBACK")


def _run(db: apsw.Connection, statement: str, *values: _Value) -> list[tuple[_Value, ...]]:
    """Run a statement to its end and return its rows.

    apsw's stubs rest on a class of Python 3.12 (``collections.abc.Buffer``); this is the one place
    where their types are put right.
    """
    cursor = db.execute(statement, values)  # pyright: ignore[reportUnknownMemberType]
    return cast(list[tuple[_Value, ...]], cursor.fetchall())  # pyright: ignore[reportUnknownMemberType]


def _words_table(db: apsw.Connection, tenant: str) -> str | None:
    """Return the name of the tenant's full-text table, None for a tenant never written."""
    rows = _run(db, "SELECT number FROM tenant WHERE name = ?", tenant)
    return f"words_{rows[0][0]}" if rows else None


def _row(chunk: Chunk) -> tuple[_Value, ...]:
    return (chunk.passage_id, chunk.title, chunk.version, chunk.text)


def _embedded(title: str, text: str) -> str:
    """Return what a passage's vector is made of."""
    return f"{title}\n{text}"


def _blob(vector: Sequence[float]) -> bytes:
    """Return a vector as sqlite-vec reads it."""
    return array("f", vector).tobytes()
