"""A worker of the replay in a process of its own, which can be killed.

``python -m evals.retail.worker STATE_DIR ADDRESS [--twice]`` polls until it is killed, and says
``ready`` on stdout. The plans stand in the state folder, the faults in the backends' database.
"""

import argparse
import asyncio
import inspect
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop.bootstrap import Services, running_workers
from closeloop.embedded.outbox import EmbeddedOutbox
from closeloop.embedded.payments import EmbeddedPayments
from closeloop.embedded.shop import EmbeddedShop
from closeloop.errors import Unavailable
from closeloop.ports import Outbox, Payments, Shop
from evals.retail.desk import ROOT, open_services
from evals.retail.plan import GoldResolver, read_plans

PLANS_FILE: Final = "plans.json"
START_SECONDS: Final = 60.0


def writes_of(port: type) -> tuple[str, ...]:
    """Return the methods of a port that write: those that take an idempotency key and more."""
    names = inspect.getmembers(port, inspect.isfunction)
    parameters = {name: list(inspect.signature(m).parameters) for name, m in names}
    return tuple(
        name
        for name, given in parameters.items()
        if given[1:3] == ["tenant", "key"] and len(given) > 3
    )


class Twice:
    """A port whose writes all arrive twice, as a network that repeats a request makes them."""

    def __init__(self, port: object, writes: tuple[str, ...]) -> None:
        """Keep the port, and the names of the methods to call twice."""
        self._port = port
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        """Return the port's own attribute; for a write, a call that makes it twice."""
        found = getattr(self._port, name)
        return self._doubled(found) if name in self._writes else found

    def _doubled(self, call: Callable[..., object]) -> Callable[..., object]:
        def twice(*args: object, **kwargs: object) -> object:
            first = call(*args, **kwargs)
            if call(*args, **kwargs) != first:
                raise AssertionError(f"{call.__name__}: the second delivery was not the first")
            return first

        return twice


def doubled(services: Services) -> Services:
    """Make every write to shop, payments and outbox arrive twice."""
    backends = services.backends
    backends.shop = cast(EmbeddedShop, Twice(backends.shop, writes_of(Shop)))
    backends.payments = cast(EmbeddedPayments, Twice(backends.payments, writes_of(Payments)))
    backends.outbox = cast(EmbeddedOutbox, Twice(backends.outbox, writes_of(Outbox)))
    return services


class WorkerProcess:
    """A worker as a child process, ended by its own handle."""

    def __init__(self, state_dir: Path, address: str, *, twice: bool) -> None:
        """Say where it works; ``start`` starts it."""
        self._command = [sys.executable, "-m", "evals.retail.worker", str(state_dir), address]
        self._command += ["--twice"] if twice else []
        self._log = state_dir / "worker.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start a worker and wait until it polls.

        Raises:
            Unavailable: it ended, or was not ready in time.
        """
        process = self._process = self._spawn()
        deadline = time.monotonic() + START_SECONDS
        while b"ready" not in self._log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                said = self._log.read_text(errors="replace")[-2000:]
                raise Unavailable(f"the worker did not start: {said}")
            await asyncio.sleep(0.1)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it at once (SIGKILL), as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


async def _work(state_dir: Path, address: str, *, twice: bool) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    resolver = GoldResolver(read_plans(state_dir / PLANS_FILE))
    services = open_services(state_dir, resolver=resolver)
    async with running_workers(client, doubled(services) if twice else services):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(prog="python -m evals.retail.worker")
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("address")
    parser.add_argument("--twice", action="store_true")
    given = parser.parse_args()
    asyncio.run(_work(given.state_dir, given.address, twice=given.twice))


if __name__ == "__main__":
    main()
