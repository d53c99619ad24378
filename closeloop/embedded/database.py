"""The one SQLite file behind the embedded backends: schema, transactions, and repeated calls.

Several processes and threads use the file at once: WAL, a busy timeout, and BEGIN IMMEDIATE for
every write, so that writers queue up instead of failing half-way.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from closeloop.errors import (
    BackendRefused,
    BackendUnavailable,
    ConfigurationError,
    EffectUnknown,
)
from closeloop.models.base import Wire

BUSY_SECONDS: Final = 10.0
"""How long a call waits for other writers before it says that the backend is not available."""

SCHEMA_VERSION: Final = 5

_SCHEMA: Final = """
CREATE TABLE tenants (
    tenant TEXT PRIMARY KEY, shop_digest TEXT NOT NULL, seeded_at TEXT NOT NULL) STRICT;

-- The shop. `document` is the record in the shape of a shop file, an order's without its history
-- of money; `position` keeps the file's order.
CREATE TABLE products (
    tenant TEXT NOT NULL, product_id TEXT NOT NULL, position INTEGER NOT NULL,
    document TEXT NOT NULL, PRIMARY KEY (tenant, product_id)) STRICT;
CREATE TABLE customers (
    tenant TEXT NOT NULL, customer_id TEXT NOT NULL, position INTEGER NOT NULL,
    email TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (tenant, customer_id), UNIQUE (tenant, email)) STRICT;
CREATE TABLE orders (
    tenant TEXT NOT NULL, order_id TEXT NOT NULL, position INTEGER NOT NULL,
    customer_id TEXT NOT NULL, currency TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (tenant, order_id)) STRICT;
CREATE INDEX orders_of_customer ON orders (tenant, customer_id);

-- Money. `transactions` are the rows of every order's history; a refund has one row for each
-- payment that it draws on.
CREATE TABLE transactions (
    tenant TEXT NOT NULL, order_id TEXT NOT NULL, position INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'refund')),
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0), method_id TEXT NOT NULL,
    PRIMARY KEY (tenant, order_id, position)) STRICT;
CREATE TABLE refunds (
    tenant TEXT NOT NULL, key TEXT NOT NULL, refund_id TEXT NOT NULL, order_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    created_at TEXT NOT NULL, settles_at TEXT NOT NULL,
    PRIMARY KEY (tenant, key)) STRICT;
CREATE INDEX refunds_of_order ON refunds (tenant, order_id);

-- What else lessens what is left of an order's payments: credit given, and payments called back by
-- the customer's bank.
CREATE TABLE credits (
    tenant TEXT NOT NULL, credit_id TEXT NOT NULL, order_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL,
    created_at TEXT NOT NULL, PRIMARY KEY (tenant, credit_id)) STRICT;
CREATE TABLE disputes (
    tenant TEXT NOT NULL, dispute_id TEXT NOT NULL, order_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'won', 'lost')),
    created_at TEXT NOT NULL, PRIMARY KEY (tenant, dispute_id)) STRICT;

CREATE TABLE notes (
    tenant TEXT NOT NULL, key TEXT NOT NULL, note_id TEXT NOT NULL, customer_id TEXT,
    text TEXT NOT NULL, created_at TEXT NOT NULL, PRIMARY KEY (tenant, key)) STRICT;
CREATE TABLE escalations (
    tenant TEXT NOT NULL, key TEXT NOT NULL, escalation_id TEXT NOT NULL, queue TEXT NOT NULL,
    person TEXT, reason TEXT NOT NULL, pack TEXT NOT NULL, details TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'done')), created_at TEXT NOT NULL,
    PRIMARY KEY (tenant, key)) STRICT;
CREATE INDEX open_cases ON escalations (tenant, status);
CREATE TABLE alerts (
    tenant TEXT NOT NULL, key TEXT NOT NULL, alert_id TEXT NOT NULL, queue TEXT NOT NULL,
    text TEXT NOT NULL, created_at TEXT NOT NULL, PRIMARY KEY (tenant, key)) STRICT;
CREATE TABLE messages (
    tenant TEXT NOT NULL, key TEXT NOT NULL, sent_id TEXT NOT NULL, ticket_id TEXT NOT NULL,
    recipient TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, sent_at TEXT NOT NULL,
    PRIMARY KEY (tenant, key)) STRICT;

-- Calls to customers; `status` is what whoever called has entered.
CREATE TABLE callbacks (
    tenant TEXT NOT NULL, booking_id TEXT NOT NULL, key TEXT NOT NULL, ticket_id TEXT NOT NULL,
    customer_id TEXT NOT NULL, starts_at TEXT NOT NULL, ends_at TEXT NOT NULL, zone TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('booked', 'reached', 'not_reached', 'cancelled')),
    entered_by TEXT, PRIMARY KEY (tenant, booking_id), UNIQUE (tenant, key)) STRICT;
CREATE INDEX callbacks_by_end ON callbacks (tenant, ends_at);

-- The first result of every write, by its idempotency key.
CREATE TABLE calls (
    tenant TEXT NOT NULL, service TEXT NOT NULL, key TEXT NOT NULL,
    arguments TEXT NOT NULL, result TEXT NOT NULL, PRIMARY KEY (tenant, service, key)) STRICT;

CREATE TABLE faults (
    position INTEGER PRIMARY KEY AUTOINCREMENT, port_method TEXT NOT NULL, argument TEXT,
    kind TEXT NOT NULL, probability REAL, remaining INTEGER, draws INTEGER NOT NULL DEFAULT 0,
    entry TEXT NOT NULL, loaded INTEGER NOT NULL) STRICT;
"""


class Database:
    """Connections to the file, lent to one call at a time; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Open the file at ``path``, making it and its folder when they are missing.

        Raises:
            ConfigurationError: it cannot be opened, or is not a file of this version.
        """
        self.path = path
        self._idle: list[sqlite3.Connection] = []  # append and pop are atomic
        self._closed = False
        if path.is_dir():
            raise ConfigurationError(f"{path} is a folder; name the database file in it")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._prepare()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError | sqlite3.Error | BackendUnavailable):
                raise ConfigurationError(
                    f"cannot use {path} as the embedded backends' database: {error}"
                ) from error
            raise

    @contextmanager
    def read(self) -> Generator[sqlite3.Connection]:
        """Lend a connection that sees one moment of the data."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[sqlite3.Connection]:
        """Lend the one connection that may write; all of it happens, or nothing.

        Raises:
            BackendUnavailable: the database did not answer; nothing was done.
            EffectUnknown: the commit itself failed.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close the connections; those that are lent close when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _transaction(self, begin: str) -> Generator[sqlite3.Connection]:
        connection = self._borrow()
        healthy = False
        try:
            connection.execute(begin)
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                healthy = True
                raise
            self._commit(connection)
            healthy = True
        except sqlite3.OperationalError as error:
            raise BackendUnavailable(f"the embedded backend does not answer: {error}") from error
        finally:
            self._give_back(connection, healthy=healthy)

    def _commit(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise EffectUnknown(f"the embedded backend failed to commit: {error}") from error

    def _borrow(self) -> sqlite3.Connection:
        with suppress(IndexError):
            return self._idle.pop()
        return sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    def _give_back(self, connection: sqlite3.Connection, *, healthy: bool) -> None:
        if healthy and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()

    def _prepare(self) -> None:
        connection = self._borrow()
        try:
            _switch_to_wal(connection)
        finally:
            self._give_back(connection, healthy=True)
        with self.write() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if version == 0 and tables == 0:
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                raise ConfigurationError(
                    f"{self.path} was not made by this version of Closeloop; start with a fresh "
                    "state folder (CLOSELOOP_STATE_DIR)"
                )


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Make the file use WAL; SQLite's own busy timeout does not cover this switch."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)


# ----------------------------------------------------------------------------- repeated calls


R = TypeVar("R", bound=Wire)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A write as its caller identifies it."""

    tenant: str
    service: str
    key: str
    operation: str
    arguments: tuple[str | int | None, ...]

    def digest(self) -> str:
        """Return what makes two calls under one key the same."""
        content = json.dumps([self.operation, *self.arguments])
        return hashlib.sha256(content.encode()).hexdigest()


def once(connection: sqlite3.Connection, call: Call, result: type[R], work: Callable[[], R]) -> R:
    """Do ``work`` on the first call under a key; give its result to every later one.

    A refused call leaves no trace: its key may be used again.

    Raises:
        BackendRefused: the key was used with other arguments (``idempotency_mismatch``).
    """
    row = connection.execute(
        "SELECT arguments, result FROM calls WHERE tenant = ? AND service = ? AND key = ?",
        (call.tenant, call.service, call.key),
    ).fetchone()
    if row is None:
        made = work()
        connection.execute(
            "INSERT INTO calls (tenant, service, key, arguments, result) VALUES (?, ?, ?, ?, ?)",
            (call.tenant, call.service, call.key, call.digest(), made.model_dump_json()),
        )
        return made
    if row[0] != call.digest():
        raise BackendRefused(
            f"the idempotency key {call.key!r} was used before, with other arguments",
            code="idempotency_mismatch",
        )
    return result.model_validate_json(row[1])


def result_of(
    connection: sqlite3.Connection, tenant: str, service: str, key: str, result: type[R]
) -> R | None:
    """Return what the first call under a key came to; None if there was none of that result."""
    row = connection.execute(
        "SELECT result FROM calls WHERE tenant = ? AND service = ? AND key = ?",
        (tenant, service, key),
    ).fetchone()
    try:
        return None if row is None else result.model_validate_json(row[0])
    except ValidationError:  # another operation used the key
        return None
