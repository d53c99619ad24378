"""Opening the operations database, and its transactions; the only module that knows its dialect."""

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from closeloop.errors import BackendUnavailable, ConfigurationError, Unavailable
from closeloop.store.migrate import NewerDatabase, upgrade

SETTING: Final = "CLOSELOOP_DATABASE_URL"

# A writer of SQLite waits this long for the others; each of them needs a few milliseconds. A
# ``timeout`` in the URL's query wins.
_BUSY_SECONDS: Final = 10.0
# A machine that dies in the middle of a transaction would hold its locks until the network notices.
_POSTGRES_OPTIONS: Final = (
    f"-c lock_timeout={_BUSY_SECONDS:.0f}s -c idle_in_transaction_session_timeout=30s"
)
_READ_ONLY: Final = "closeloop_read_only"

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


def open_database(url: str) -> Engine:
    """Open the operations database, making its folder where it is missing; upgrade its tables.

    ``url`` is SQLAlchemy's: ``sqlite:///ops.db``, ``postgresql+psycopg://user:password@host/name``.
    Several threads and processes may open the same one at the same time.

    Raises:
        ConfigurationError: the URL cannot be read or used; says why.
        Unavailable: the server does not answer, or the file is locked.
    """
    parsed = _parse(url)
    shown = f"{SETTING}: {parsed.render_as_string(hide_password=True)}"
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite:
        _make_folder(parsed)
    engine = _make_engine(parsed)
    if is_sqlite:
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.begin() as connection:
            _lock(connection, "schema")
            upgrade(connection)
    except NewerDatabase as error:
        engine.dispose()
        raise ConfigurationError(
            f"{shown}: a newer Closeloop has upgraded this database; update this one ({error})"
        ) from error
    except DBAPIError as error:
        engine.dispose()
        if _is_outage(error, is_sqlite=is_sqlite):
            raise Unavailable(f"{shown}: the database does not answer: {error.orig}") from error
        raise ConfigurationError(f"{shown}: cannot be used: {error.orig}") from error
    return engine


@contextmanager
def writing(engine: Engine, *, lock: str | None = None) -> Generator[Connection]:
    """Open a transaction that writes; leaving it commits, an exception undoes it.

    On SQLite one writer runs at a time, whatever its process. On PostgreSQL those with the same
    ``lock`` do.

    Raises:
        BackendUnavailable: the database does not answer. Everything written here may be repeated.
    """
    with _translated(), engine.begin() as connection:
        if lock is not None:
            _lock(connection, lock)
        yield connection


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """Open a transaction that only reads; it waits for no writer.

    Raises:
        BackendUnavailable: the database does not answer.
    """
    with _translated(), engine.connect() as connection:
        marked = connection.execution_options(**{_READ_ONLY: True})
        with marked.begin():
            yield marked


def insert_into(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an INSERT that can take ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise BackendUnavailable(f"the operations database failed: {cause}") from error


def _parse(url: str) -> URL:
    # The URL may hold a password: what could not be parsed is not repeated.
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            f"{SETTING} is not a database URL: write sqlite:///path/to/ops.db"
            " or postgresql+psycopg://user:password@host/name"
        ) from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigurationError(
            f"{SETTING}: {parsed.drivername!r} is not supported: use sqlite or postgresql"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigurationError(
            f"{SETTING}: a database in memory is lost, and not shared: name a file,"
            " as in sqlite:///path/to/ops.db"
        )
    return parsed


def _make_folder(url: URL) -> None:
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{SETTING}: the folder {str(folder)!r} cannot be made: {error.strerror}"
        ) from error


def _make_engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            given = {} if "timeout" in url.query else {"timeout": _BUSY_SECONDS}
            return create_engine(url, connect_args=given)
        given = {} if "options" in url.query else {"options": _POSTGRES_OPTIONS}
        return create_engine(url, pool_pre_ping=True, connect_args=given)
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"{SETTING}: the driver of {url.drivername!r} is not installed: {error}"
        ) from error


class _Cursor(Protocol):
    def execute(self, sql: str) -> object: ...
    def close(self) -> None: ...


class _SqliteConnection(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor: ...


def _set_up_sqlite(connection: _SqliteConnection, _record: object) -> None:
    # The driver would begin transactions late, and never immediately: _begin_sqlite does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    _enter_wal(cursor)
    # An intent must survive a power cut: the call that follows it might.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _enter_wal(cursor: _Cursor) -> None:
    # The first to open a new file changes it to WAL; for that SQLite does not wait, it refuses.
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails when another wrote in between, without
    # waiting: writers say so at once, and queue.
    reads = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _lock(connection: Connection, name: str) -> None:
    # SQLite has one writer anyway. Elsewhere, until the end of the transaction.
    if connection.dialect.name != "sqlite":
        number = func.hashtextextended(f"closeloop:{name}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


def _is_outage(error: DBAPIError, *, is_sqlite: bool) -> bool:
    # SQLite says OperationalError too where the path is wrong or may not be written.
    return isinstance(error, OperationalError) and (not is_sqlite or "locked" in str(error.orig))
