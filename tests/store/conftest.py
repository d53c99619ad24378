"""Each test of the store runs on SQLite and, marked ``real``, on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from tests.store.store_support import Clock, by_day
from tests.support.postgres import fresh_database, running_postgres

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server that lives as long as the tests."""
    with running_postgres() as address:
        yield address


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)],
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty operations database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ops.db'}"
        return
    server: str = request.getfixturevalue("postgres")
    with fresh_database(server, f"test_{next(_numbers)}") as address:
        yield address


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """The database, opened."""
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    """The time that the ledger goes by."""
    return Clock()


@pytest.fixture
def ledger(engine: Engine, clock: Clock) -> SqlLedger:
    """A ledger with limits of 1000 for a customer's day and 1500 for the tenant's."""
    return SqlLedger(engine, by_day(1_000, 1_500), clock=clock)
