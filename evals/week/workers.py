"""The machines of the week: a dev server, and as many worker processes as were asked for."""

import asyncio
import os
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
    ]
)
"""What the backends do wrong all week, with how often."""


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[str]:
    """Run a dev server for the length of the block; yield its address."""
    async with DevServer(settings.state_dir, headless=True) as server:
        yield server.address


@asynccontextmanager
async def working(settings: Settings, address: str, workers: int) -> AsyncGenerator[None]:
    """Run workers for the length of the block; after it they have ended in order.

    Raises:
        Unavailable: one of them did not start.
    """
    processes = [_start(settings, address, n) for n in range(1, workers + 1)]
    try:
        for number, process in enumerate(processes, start=1):
            await _ready(process, _log(settings, number))
        yield
    finally:
        await asyncio.to_thread(_stop, processes)


def _start(settings: Settings, address: str, number: int) -> subprocess.Popen[bytes]:
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
    with _log(settings, number).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "worker.py")],
            cwd=ROOT,
            env=kept | ours,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _log(settings: Settings, number: int) -> Path:
    return settings.state_dir / f"worker-{number}.log"


def _said(log: Path) -> bytes:
    return log.read_bytes()


async def _ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while b"worker ready" not in (said := _said(log)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable(f"a worker did not start: {said[-1000:].decode(errors='replace')}")
        await asyncio.sleep(0.1)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
