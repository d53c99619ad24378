"""Opening a database brings it up to date, wherever it comes from."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from closeloop.errors import ConfigurationError
from closeloop.store import migrate, schema
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from tests.store.store_support import NOON, by_day, step

HERE = Path(__file__).parent


def revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


def test_the_migrations_make_what_the_code_expects(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
    assert revision(engine) == migrate.HEAD


def test_the_code_is_written_for_the_newest_migration() -> None:
    folder = Path(migrate.__file__).with_name("migrations")
    config = Config()
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


@pytest.fixture
def unversioned(tmp_path: Path) -> str:
    """The URL of a database that a Closeloop of before there were versions has left behind."""
    connection = sqlite3.connect(tmp_path / "ops.db")
    connection.executescript((HERE / "unversioned.sql").read_text(encoding="utf-8"))
    connection.close()
    return f"sqlite:///{tmp_path / 'ops.db'}"


def test_a_database_without_a_version_is_adopted_with_all_it_holds(unversioned: str) -> None:
    engine = open_database(unversioned)
    ledger = SqlLedger(engine, by_day(1_000, 1_500), clock=lambda: NOON)
    found = {name: ledger.lookup("shop", name, {}) for name in ("done", "unknown", "reserved")}
    assert {name: facts.state for name, facts in found.items()} == {n: n for n in found}
    assert ledger.spent_today("shop", "ann", NOON) == (600, 600)
    assert ledger.begin("shop", step("new", ["new"], 400, ticket="T3"), NOON).state is None
    assert revision(engine) == migrate.HEAD
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_ten_that_open_it_at_once_upgrade_it_once(unversioned: str) -> None:
    with ThreadPoolExecutor(10) as threads:
        engines = list(threads.map(open_database, [unversioned] * 10))
    assert {revision(engine) for engine in engines} == {migrate.HEAD}
    for engine in engines:
        engine.dispose()


def test_ten_that_open_an_empty_database_at_once_make_the_tables_once(url: str) -> None:
    with ThreadPoolExecutor(10) as threads:
        engines = list(threads.map(open_database, [url] * 10))
    assert {revision(engine) for engine in engines} == {migrate.HEAD}
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_newer_closeloop_is_left_alone(engine: Engine, url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match=r"a newer Closeloop .*update this one .*9999"):
        open_database(url)
    assert revision(engine) == "9999"
