"""A PostgreSQL server of the tests' own: Debian's binaries, a fresh cluster, loopback only."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.support.programs import missing

_DEBIAN: Final = Path("/usr/lib/postgresql")
_USER: Final = "postgres"
_CLUSTER_OPTIONS: Final = Path("/etc/postgresql-common/createcluster.conf")
_START_SECONDS: Final = 60.0
_UNICODE: Final = ("-E", "UTF8", "--locale=C.UTF-8")
_LOOPBACK: Final = ("-h", "127.0.0.1", "-k")
_QUICK: Final = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300")


def required_programs() -> Path:
    """Return the folder of ``initdb`` and ``postgres``, installing them where that is allowed.

    Without them a test is skipped, loudly; in CI, where they were promised, it fails.
    """
    folder = _programs()
    if folder is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        folder = _programs()
    if folder is None:
        missing("PostgreSQL is missing: apt-get install postgresql")
    return folder


def _programs() -> Path | None:
    on_path = shutil.which("initdb")
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    found = [Path(on_path).resolve()] if on_path else versions
    return found[-1].parent if found else None


def _install() -> None:
    def apt(*words: str) -> None:
        # Its own words go where pytest shows them if this fails.
        quiet = ["apt-get", "-y", "-qq", "--no-install-recommends", *words]
        subprocess.run(quiet, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})

    apt("update")
    apt("install", "postgresql-common")
    # The package would make and start a cluster of its own; ours is the only one wanted.
    options = _CLUSTER_OPTIONS.read_text()
    _CLUSTER_OPTIONS.write_text(f"{options}\ncreate_main_cluster = false\n")
    apt("install", "postgresql")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server until the block ends; yields the address of its first database.

    PostgreSQL refuses to run as root: then it runs as the user that Debian's package makes.
    """
    programs = required_programs()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": _USER, "group": _USER, "extra_groups": []}
    folder = Path(tempfile.mkdtemp(prefix="closeloop-postgres-"))
    try:
        if user:
            shutil.chown(folder, _USER, _USER)
        data, port = folder / "data", _free_port()
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-N", *_UNICODE],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            **user,
        )
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), *_LOOPBACK, folder, *_QUICK],
                cwd=folder,
                stdout=log,
                stderr=log,
                **user,
            )
        try:
            address = f"postgresql://{_USER}@127.0.0.1:{port}/postgres"
            _wait(server, address, folder / "log")
            yield address
        finally:
            server.send_signal(signal.SIGINT)  # "fast": sessions end, the cluster is closed
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: subprocess.Popen[str], address: str, log: Path) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"PostgreSQL does not start: {log.read_text()}") from error
            time.sleep(0.1)
        else:
            return


@contextmanager
def fresh_database(server: str, name: str) -> Iterator[str]:
    """Make an empty database; yields its URL for SQLAlchemy, and drops it after the block."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        base = server.rpartition("/")[0].replace("postgresql://", "postgresql+psycopg://")
        yield f"{base}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
