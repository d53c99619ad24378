"""The machines of the week: a dev server, and as many worker processes as were asked for."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from closeloop.devserver import DevServer
from closeloop.errors import Unavailable
from closeloop.settings import Settings

ROOT: Final = Path(__file__).resolve().parent.parent.parent
START_SECONDS: Final = 90.0
KILL_AFTER: Final = (8.0, 25.0)
"""Where workers are killed: how many seconds pass before the next one is."""
FAULTS: Final = ",".join(
    [
        "payments.refund=503:0.1",
        "payments.refund=timeout_after:0.1",
        "payments.refund=timeout_before:0.05",
        "shop.cancel_order=503:0.1",
        "shop.cancel_order=timeout_after:0.1",
        "shop.get_order=503:0.02",
        "outbox.send=503:0.1",
        "outbox.send=timeout_after:0.05",
        "crm.add_note=503:0.1",
        "calendar.book=503:0.1",
        "calendar.book=timeout_after:0.1",
    ]
)
"""What the backends do wrong all week, with how often."""


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[str]:
    """Run a dev server for the length of the block; yield its address."""
    async with DevServer(settings.state_dir, headless=True) as server:
        yield server.address


class Staff:
    """The worker processes of a week; ``kills`` counts those that were ended by a power cut."""

    def __init__(self, settings: Settings, address: str, workers: int) -> None:
        """Say how many of them work, and where; ``start`` starts them."""
        self._settings = settings
        self._address = address
        self._starts = [0] * workers
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.kills = 0

    async def start(self) -> None:
        """Start all of them.

        Raises:
            Unavailable: one of them did not start.
        """
        for number in range(len(self._starts)):
            self._spawn(number)
        for number in range(len(self._starts)):
            await self._ready(number)

    async def keep_killing(self, chance: random.Random) -> None:
        """Kill one of them (SIGKILL) every few seconds and start it again, until cancelled.

        Raises:
            Unavailable: it did not start again.
        """
        while True:
            await asyncio.sleep(chance.uniform(*KILL_AFTER))
            number = chance.randrange(len(self._starts))
            process = self._processes[number]
            process.kill()
            await asyncio.to_thread(process.wait)
            self.kills += 1
            self._spawn(number)
            await self._ready(number)

    def stop(self) -> None:
        """Let all of them end in order."""
        processes = self._processes.values()
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self, number: int) -> None:
        self._starts[number] += 1
        self._processes[number] = _start(self._settings, self._address, self._log(number))

    def _log(self, number: int) -> Path:
        return self._settings.state_dir / f"worker-{number + 1}.{self._starts[number]}.log"

    async def _ready(self, number: int) -> None:
        process, log = self._processes[number], self._log(number)
        deadline = time.monotonic() + START_SECONDS
        while b"worker ready" not in (said := log.read_bytes()):
            if process.poll() is not None or time.monotonic() > deadline:
                words = said[-1000:].decode(errors="replace")
                raise Unavailable(f"a worker did not start: {words}")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def working(settings: Settings, address: str, workers: int) -> AsyncGenerator[Staff]:
    """Run workers for the length of the block; after it they have ended in order.

    Raises:
        Unavailable: one of them did not start.
    """
    staff = Staff(settings, address, workers)
    try:
        await staff.start()
        yield staff
    finally:
        await asyncio.to_thread(staff.stop)


def _start(settings: Settings, address: str, log_file: Path) -> subprocess.Popen[bytes]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "CLOSELOOP_"))}
    ours = {
        "TEMPORAL_ADDRESS": address,
        "CLOSELOOP_STATE_DIR": str(settings.state_dir),
        "CLOSELOOP_DATABASE_URL": settings.database_url,
        "CLOSELOOP_POLICIES_DIR": str(settings.policies_dir),
        "CLOSELOOP_SHOP_FILE": str(settings.shop_file),
        "CLOSELOOP_TIME_SCALE": repr(settings.time_scale),
        "CLOSELOOP_FAULTS": settings.faults,
    }
    with log_file.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "worker.py")],
            cwd=ROOT,
            env=kept | ours,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
