"""Knowledge in one SQLite file: full-text search with BM25, each tenant in an index of its own.

The file holds nothing that cannot be indexed again from the articles. It is separate from the
operations database because apsw brings its own SQLite library, and two SQLite libraries in one
process must never open the same file.

``passage`` holds every row with its tenant. Each tenant has its own full-text table
(``words_<n>``): the tenant filter cannot be forgotten in it, and no tenant's word counts move
another tenant's scores.
"""

import json
import re
import threading
import unicodedata
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import apsw

from closeloop.errors import BackendUnavailable, ConfigurationError
from closeloop.knowledge.chunking import Chunk
from closeloop.models.knowledge import Passage, SourceKind

_TITLE_WEIGHT: Final = 3.0
_MAX_QUERY_TERMS: Final = 64
_BUSY_TIMEOUT_MS: Final = 5_000

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tenant (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS passage (
    number     INTEGER PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenant (name),
    passage_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    title      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    version    TEXT NOT NULL,
    text       TEXT NOT NULL,
    UNIQUE (tenant, passage_id)
) STRICT;
"""
_COLUMNS: Final = "passage_id, article_id, title, kind, version, text"

# Words that say nothing about what is asked, and what is left of "don't", "I'll", "we've".
_STOP_TEXT: Final = """
a about after again all also am an and any anyone are aren as at be because been before being
but by can cannot could couldn d did didn do does doesn doing don done each else for from get
gets getting give got had has hasn have haven having he hello her here hi him his how i if in
into is isn it its just know let like ll m many may me might mine more most much must my need
no not now of off on once one only or other our out over own please possible re really s said
say she should so some still such t tell than thank thanks that the their them then there these
they thing things this those to too up us ve very want wanted was wasn we were weren what when
where which while who whom why will with won would wouldn yes you your yours
"""
_STOP_WORDS: Final = frozenset(_STOP_TEXT.split())


_Value = str | int | float | None


class SqliteKnowledge:
    """The ``Knowledge`` port on SQLite FTS5.

    One connection behind a lock serves all threads of the process; other processes may use the
    same file (WAL).
    """

    def __init__(self, path: Path) -> None:
        """Open the file, made where it is missing; its folder has to exist.

        Raises:
            ConfigurationError: the file cannot be opened, or is no SQLite database.
        """
        self._lock = threading.Lock()
        try:
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(_BUSY_TIMEOUT_MS)
            _run(self._db, "PRAGMA journal_mode = wal; PRAGMA synchronous = normal")
            _run(self._db, _SCHEMA)
        except apsw.Error as error:
            raise ConfigurationError(
                f"{path}: cannot be opened as the knowledge file: {error}; "
                "name a writable file, or delete this one: it is made again"
            ) from error

    def close(self) -> None:
        """Close the file; every later call fails."""
        with self._lock:
            self._db.close()

    def index(self, tenant: str, chunks: Sequence[Chunk]) -> int:
        """Make ``chunks`` all that the tenant knows.

        What is new is added, what differs replaced, what is gone removed; all of it or nothing.

        Returns:
            How many passages were added, replaced or removed; 0 when nothing differed.

        Raises:
            ValueError: two chunks have the same passage id.
            BackendUnavailable: the file cannot be used now.
        """
        wanted = {chunk.passage_id: chunk for chunk in chunks}
        if len(wanted) != len(chunks):
            raise ValueError("two chunks have the same passage_id; ids are unique per tenant")
        with self._using() as db, _transaction(db):
            _run(db, "INSERT OR IGNORE INTO tenant (name) VALUES (?)", tenant)
            words = _words_table(db, tenant)
            _run(
                db,
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {words} USING fts5 (heading, body,"
                " content = '', contentless_delete = 1,"
                " tokenize = 'porter unicode61 remove_diacritics 2')",
            )
            known = {
                str(row[0]): (row, number)
                for number, *row in _run(
                    db, f"SELECT number, {_COLUMNS} FROM passage WHERE tenant = ?", tenant
                )
            }
            same = {
                passage_id
                for passage_id, chunk in wanted.items()
                if passage_id in known and known[passage_id][0] == _row(chunk)
            }
            for passage_id in known.keys() - same:
                number = known[passage_id][1]
                _run(db, f"DELETE FROM {words} WHERE rowid = ?", number)
                _run(db, "DELETE FROM passage WHERE tenant = ? AND number = ?", tenant, number)
            for passage_id, chunk in wanted.items():
                if passage_id in same:
                    continue
                _run(
                    db,
                    f"INSERT INTO passage (tenant, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    tenant,
                    *_row(chunk),
                )
                _run(
                    db,
                    f"INSERT INTO {words} (rowid, heading, body) VALUES (?, ?, ?)",
                    db.last_insert_rowid(),
                    chunk.title,
                    chunk.text,
                )
            return len((known.keys() | wanted.keys()) - same)

    def search(
        self, tenant: str, query: str, *, limit: int, kinds: Sequence[SourceKind] | None = None
    ) -> tuple[Passage, ...]:
        """Return at most ``limit`` of the tenant's passages with any word of ``query``, best first.

        The query is untrusted free text: it is taken apart into words, so nothing in it is syntax.
        A higher score is better; scores of two queries do not compare.

        Raises:
            BackendUnavailable: the file cannot be used now.
        """
        match = _match_expression(query)
        if not match or limit < 1:
            return ()
        with self._using() as db:
            words = _words_table(db, tenant)
            if words is None:
                return ()
            rows = _run(
                db,
                f"SELECT {_COLUMNS}, -bm25({words}, ?, 1.0) AS score"
                f" FROM {words} JOIN passage ON passage.number = {words}.rowid"
                f" WHERE {words} MATCH ? AND tenant = ?"
                " AND (? IS NULL OR kind IN (SELECT value FROM json_each(?)))"
                " ORDER BY score DESC, passage_id LIMIT ?",
                _TITLE_WEIGHT,
                match,
                tenant,
                *[_json_list(kinds)] * 2,
                limit,
            )
        return tuple(_passage(row) for row in rows)

    def get(self, tenant: str, passage_ids: Sequence[str]) -> tuple[Passage, ...]:
        """Return the tenant's passages with these ids that exist, in the order asked for; score 0.

        Raises:
            BackendUnavailable: the file cannot be used now.
        """
        with self._using() as db:
            rows = _run(
                db,
                f"SELECT {_COLUMNS}, 0.0 FROM passage WHERE tenant = ?"
                " AND passage_id IN (SELECT value FROM json_each(?))",
                tenant,
                _json_list(passage_ids),
            )
        found = {passage.passage_id: passage for passage in map(_passage, rows)}
        return tuple(found[wanted] for wanted in passage_ids if wanted in found)

    @contextmanager
    def _using(self) -> Generator[apsw.Connection]:
        """Hold the connection; whatever SQLite says becomes an error of the port's family."""
        with self._lock:
            try:
                yield self._db
            except apsw.Error as error:
                raise BackendUnavailable(f"knowledge file: {error}") from error


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
    where their types are put right. No column here holds a blob.
    """
    cursor = db.execute(statement, values)  # pyright: ignore[reportUnknownMemberType]
    return cast(list[tuple[_Value, ...]], cursor.fetchall())  # pyright: ignore[reportUnknownMemberType]


def _words_table(db: apsw.Connection, tenant: str) -> str | None:
    """Return the name of the tenant's full-text table, None for a tenant never indexed."""
    rows = _run(db, "SELECT number FROM tenant WHERE name = ?", tenant)
    return f"words_{rows[0][0]}" if rows else None


def _row(chunk: Chunk) -> list[_Value]:
    """Return the chunk's values in the order of ``_COLUMNS``."""
    return [
        chunk.passage_id,
        chunk.article_id,
        chunk.title,
        chunk.kind,
        chunk.version,
        chunk.text,
    ]


def _passage(row: tuple[_Value, ...]) -> Passage:
    """Return the passage in a row of ``_COLUMNS`` and a score."""
    return Passage.model_validate(dict(zip((*_COLUMNS.split(", "), "score"), row, strict=True)))


def _json_list(values: Sequence[str] | None) -> str | None:
    return None if values is None else json.dumps(list(values))


def _match_expression(query: str) -> str:
    """Return free text as an FTS5 expression: its telling words, quoted, joined by OR.

    Quotes make every word a literal; ``OR`` is the only operator and comes from here. Empty when
    no word is left.
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", query).lower())
    telling = dict.fromkeys(word for word in words if word not in _STOP_WORDS)
    return " OR ".join(f'"{word}"' for word in list(telling)[:_MAX_QUERY_TERMS])
