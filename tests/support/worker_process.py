"""A worker in a process of its own, for tests that kill it.

``python -m tests.support.worker_process STATE_DIR ADDRESS [POINT=WORD ...]``, where each POINT=WORD
is a gate that it never passes (see ``tests.support.gates``). It says ``ready`` on stdout.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop.bootstrap import running_workers
from tests.support.desk import ROOT, build_services
from tests.support.gates import Gate, Hold, gated
from tests.support.plain import PlainClassifier, PlainResolver


class WorkerProcess:
    """A worker as a child process; ended by its own process id, at the latest with the block."""

    def __init__(self, state_dir: Path, address: str, *, holds: Sequence[Hold] = ()) -> None:
        self.state_dir = state_dir
        self._command = [sys.executable, "-m", "tests.support.worker_process"]
        self._command += [str(state_dir), address, *map(str, holds)]
        self._process: subprocess.Popen[bytes] | None = None
        self.log = state_dir / f"worker-{len(list(state_dir.glob('worker-*.log'))) + 1}.log"
        self.started = 0.0

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """End it at once, as the kernel or a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Raise what it said if it has ended by itself."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the worker ended: {self.log.read_text()[-3000:]}")

    async def ready(self) -> float:
        """Return how many seconds it took to poll for work, once it does."""
        while b"ready" not in self.log.read_bytes():
            self.check()
            await asyncio.sleep(0.05)
        return time.monotonic() - self.started


async def _work(state_dir: Path, address: str, holds: Sequence[Hold]) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    services = build_services(state_dir, resolver=PlainResolver(), classifier=PlainClassifier())
    async with running_workers(client, gated(services, Gate(state_dir, holds))):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("address")
    parser.add_argument("holds", nargs="*", type=Hold.parse)
    given = parser.parse_args()
    asyncio.run(_work(given.state_dir, given.address, given.holds))


if __name__ == "__main__":
    main()
