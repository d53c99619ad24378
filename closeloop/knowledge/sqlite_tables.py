"""The tables of a knowledge file, and how documents are written to them."""

from array import array
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import apsw

from closeloop.errors import ConfigurationError
from closeloop.knowledge.query import (
    primary_language,
)
from closeloop.models.knowledge import Chunk, Document

_LAYOUT: Final = 1
"""Raised with every change of the tables below; a file of an older layout is emptied."""
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
Value = str | int | float | bytes | None


def lay_out(db: apsw.Connection, path: Path, embedder: str) -> None:
    """Make the tables; empty a file of an older layout, for it can be filled again."""
    found = run(db, "PRAGMA user_version")[0][0]
    if isinstance(found, int) and found > _LAYOUT:
        raise ConfigurationError(
            f"{path}: was made by a newer Closeloop (layout {found}, this one knows {_LAYOUT});"
            " run that one, or delete the file: it is made again"
        )
    if found != _LAYOUT:
        for kind in ("CREATE VIRTUAL%", "CREATE TABLE%"):
            names = "SELECT name FROM sqlite_master WHERE sql LIKE ? AND name NOT LIKE 'sqlite_%'"
            for (name,) in run(db, names, kind):
                run(db, f'DROP TABLE IF EXISTS "{name}"')
        run(db, f"PRAGMA user_version = {_LAYOUT}")
    run(db, _SCHEMA)
    run(db, "INSERT INTO embedder SELECT ? WHERE NOT EXISTS (SELECT * FROM embedder)", embedder)
    made_by = run(db, "SELECT name FROM embedder")[0][0]
    if made_by != embedder:
        raise ConfigurationError(
            f"{path}: holds vectors of {made_by!r}, and the settings say {embedder!r}: vectors of"
            " two embedders do not compare; set the first, or delete the file: it is made again"
        )


def put(
    db: apsw.Connection, words: str, tenant: str, document: Document, vectors: dict[str, bytes]
) -> int:
    """Write one document; return how many of its passages were added, replaced or removed."""
    number = run(
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
        for row in run(
            db,
            "SELECT number, passage_id, title, version, text FROM passage WHERE document = ?",
            number,
        )
    }
    wanted = {chunk.passage_id: chunk for chunk in document.chunks}
    same = {one for one, chunk in wanted.items() if one in known and known[one][1] == _row(chunk)}
    remove(db, words, (known[one][0] for one in known.keys() - same))
    for chunk in document.chunks:
        if chunk.passage_id in same:
            continue
        run(
            db,
            "INSERT INTO passage (tenant, document, passage_id, title, version, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            tenant,
            number,
            *_row(chunk),
        )
        passage = db.last_insert_rowid()
        run(
            db,
            f"INSERT INTO {words} (rowid, heading, body) VALUES (?, ?, ?)",
            passage,
            chunk.title,
            chunk.text,
        )
        vector = vectors[embedded(chunk.title, chunk.text)]
        run(db, "INSERT INTO vector (passage, numbers) VALUES (?, ?)", passage, vector)
    return len((known.keys() | wanted.keys()) - same)


def remove(db: apsw.Connection, words: str, passages: Iterable[Value]) -> None:
    """Take passages out, with their words and vectors."""
    for number in passages:
        run(db, f"DELETE FROM {words} WHERE rowid = ?", number)
        run(db, "DELETE FROM vector WHERE passage = ?", number)
        run(db, "DELETE FROM passage WHERE number = ?", number)


@contextmanager
def transaction(db: apsw.Connection) -> Generator[None]:
    """Run a write transaction that takes its lock at once, so that two writers queue up.

    ``with db`` is not used: while apsw waits for the lock there, no other thread of the process
    runs, so a writer among them could never finish (seen on apsw 3.54.1).
    """
    run(db, "BEGIN IMMEDIATE")
    try:
        yield
        run(db, "COMMIT")
    finally:
        if db.in_transaction:
            run(db, "ROLLBACK")


def run(db: apsw.Connection, statement: str, *values: Value) -> list[tuple[Value, ...]]:
    """Run a statement to its end and return its rows.

    apsw's stubs rest on a class of Python 3.12 (``collections.abc.Buffer``); this is the one place
    where their types are put right.
    """
    cursor = db.execute(statement, values)  # pyright: ignore[reportUnknownMemberType]
    return cast(list[tuple[Value, ...]], cursor.fetchall())  # pyright: ignore[reportUnknownMemberType]


def words_table(db: apsw.Connection, tenant: str) -> str | None:
    """Return the name of the tenant's full-text table, None for a tenant never written."""
    rows = run(db, "SELECT number FROM tenant WHERE name = ?", tenant)
    return f"words_{rows[0][0]}" if rows else None


def _row(chunk: Chunk) -> tuple[Value, ...]:
    return (chunk.passage_id, chunk.title, chunk.version, chunk.text)


def embedded(title: str, text: str) -> str:
    """Return what a passage's vector is made of."""
    return f"{title}\n{text}"


def blob(vector: Sequence[float]) -> bytes:
    """Return a vector as sqlite-vec reads it."""
    return array("f", vector).tobytes()
