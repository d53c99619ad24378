"""The version of the operations database: opening it brings its tables up to date.

Each step is a file in ``migrations/versions``, written by hand, never changed once released, and
additive: workers of the version before go on working on the tables of this one.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

HEAD: Final = "0005"
"""The revision that this code is written for."""

_UNVERSIONED: Final = "0001"
_VERSION: Final = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True)
)


class NewerDatabase(Exception):
    """The tables are at a revision that this code does not know."""


def upgrade(connection: Connection) -> None:
    """Bring the tables to ``HEAD``, in the caller's transaction; a fresh database gets them all.

    The caller is alone: no other process upgrades at the same time.

    Raises:
        NewerDatabase: a newer Closeloop was here.
    """
    tables = set(inspect(connection).get_table_names())
    if _VERSION.name in tables:
        if connection.scalar(select(_VERSION.c.version_num)) == HEAD:
            return
    elif "effects" in tables:  # made before there were versions
        _VERSION.create(connection)
        connection.execute(insert(_VERSION).values(version_num=_UNVERSIONED))
    _run(connection)


def _run(connection: Connection) -> None:
    # Only who upgrades pays for loading it: every command opens this database.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise NewerDatabase(str(error)) from error
