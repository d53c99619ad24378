"""Opening the operations database, and what becomes of its errors."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, inspect, select
from sqlalchemy.exc import IntegrityError, StatementError

from closeloop.errors import BackendUnavailable, ConfigurationError, Unavailable
from closeloop.store.engine import open_database, reading, writing
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from closeloop.store.schema import audit, effect_components, effects
from tests.store.store_support import NOON, TENANT, by_day, receipt, step


def test_it_makes_the_folder_and_the_tables_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state' / 'deep' / 'ops.db'}"
    for _ in range(2):
        engine = open_database(url)
        assert set(inspect(engine).get_table_names()) == {
            "alembic_version",
            "approvals",
            "audit",
            "code_attempts",
            "code_challenges",
            "decisions",
            "effect_components",
            "effect_scopes",
            "effects",
            "judgements",
            "outcome_events",
            "stops",
            "tickets",
        }
        engine.dispose()


def test_what_was_written_is_there_when_it_is_opened_again(url: str) -> None:
    engine = open_database(url)
    SqlLedger(engine, by_day(100, 100)).begin(TENANT, step("e", ["a"], 100), NOON)
    engine.dispose()
    engine = open_database(url)
    found = SqlLedger(engine, by_day(100, 100)).lookup(TENANT, "e", {})
    engine.dispose()
    assert found.state == "executing"


def test_sqlite_is_set_up_for_many_workers(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'ops.db'}")
    found: dict[str, object] = {}
    with reading(engine) as connection:
        for pragma in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout"):
            found[pragma] = connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()
    engine.dispose()
    full = 2
    assert found == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "synchronous": full,
        "busy_timeout": 10_000,
    }


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "is not a database URL"),
        ("no url at all", "is not a database URL"),
        ("mysql://host/name", "'mysql' is not supported: use sqlite or postgresql"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("postgresql+nodriver://host/name", "the driver of 'postgresql\\+nodriver'"),
    ],
)
def test_a_bad_url_is_a_configuration_error(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^CLOSELOOP_DATABASE_URL.*{says}"):
        open_database(url)


def test_a_bad_url_is_not_repeated_with_its_password() -> None:
    with pytest.raises(ConfigurationError) as wrong:
        open_database("postgresql://user:s3cret@host:port/name")
    assert "s3cret" not in str(wrong.value)


def test_a_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here is no room for a folder")
    with pytest.raises(ConfigurationError, match=r"the folder '.*file' cannot be made"):
        open_database(f"sqlite:///{tmp_path / 'file' / 'ops.db'}")


def test_a_path_that_is_a_folder_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unable to open database file"):
        open_database(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "ops.db").write_text("my shopping list, " * 100)
    with pytest.raises(ConfigurationError, match="file is not a database"):
        open_database(f"sqlite:///{tmp_path / 'ops.db'}")


@pytest.fixture
def locked(tmp_path: Path) -> tuple[Engine, Engine]:
    url = f"sqlite:///{tmp_path / 'ops.db'}"
    return open_database(url), open_database(f"{url}?timeout=0.1")


def test_a_locked_database_is_unavailable_and_recovers(locked: tuple[Engine, Engine]) -> None:
    holder, engine = locked
    ledger = SqlLedger(engine, by_day(100, 100))
    records = SqlRecords(engine)
    claim = step("e", ["a"], 100)
    with writing(holder):
        for act in (
            lambda: ledger.begin(TENANT, claim, NOON),
            lambda: ledger.reserve(TENANT, claim, NOON),
            lambda: ledger.finish(TENANT, "e", receipt()),
            lambda: ledger.record_done(TENANT, claim, receipt()),
            lambda: ledger.mark_unknown(TENANT, "e"),
            lambda: ledger.fail(TENANT, "e", "code"),
            lambda: ledger.release(TENANT, ["e"], "r"),
            lambda: records.settle_approval(TENANT, "T1", "r", "expired"),
        ):
            with pytest.raises(BackendUnavailable, match=r"operations database .*locked"):
                act()
        assert ledger.lookup(TENANT, "e", {}).state is None, "readers do not wait for a writer"
        assert records.list_tickets(TENANT) == ()
    assert ledger.begin(TENANT, claim, NOON).state is None
    holder.dispose()
    engine.dispose()


def test_a_locked_file_does_not_open(locked: tuple[Engine, Engine]) -> None:
    holder, engine = locked
    with writing(holder), pytest.raises(Unavailable, match="database is locked"):
        open_database(engine.url.render_as_string())
    holder.dispose()
    engine.dispose()


def test_what_raises_is_undone(engine: Engine) -> None:
    row = {"at": NOON, "tenant": TENANT, "ticket_id": "T1", "actor": "a", "what": "w", "detail": {}}

    def write_and_fail() -> None:
        with writing(engine) as connection:
            connection.execute(insert(audit).values(row))
            raise KeyError("after the write")

    with pytest.raises(KeyError):
        write_and_fail()
    with reading(engine) as connection:
        assert connection.execute(select(audit)).all() == []


def test_the_database_itself_refuses_what_must_never_be(engine: Engine) -> None:
    ledger = SqlLedger(engine, by_day(1_000, 1_000))
    ledger.begin(TENANT, step("e", ["a"], 100), NOON)
    ledger.begin(TENANT, step("f", ["b"], 100), NOON)
    claim = {"tenant": TENANT, "effect_id": "f", "component_id": "a"}
    for statement in (
        insert(effect_components).values(claim | {"live": True}),
        insert(effect_components).values(claim | {"effect_id": "no such", "live": False}),
        effects.update().values(state="lost"),
        effects.update().values(amount_minor=-1),
    ):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(statement)
    with engine.begin() as connection:
        connection.execute(insert(effect_components).values(claim | {"live": False}))


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    ledger = SqlLedger(engine, by_day(100, 100))
    naive = datetime(2026, 5, 4)  # noqa: DTZ001
    with pytest.raises(StatementError, match="has no time zone"):
        ledger.reserve(TENANT, step("e", ["a"], 100), naive)
    assert ledger.lookup(TENANT, "e", {}).state is None
