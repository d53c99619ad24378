"""A dev server and a worker of the demo's own: fresh state, a quick clock, gone when it ends."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from closeloop.cli.doctor import examine
from closeloop.dev_json import read_dev_json
from closeloop.errors import Unavailable
from closeloop.settings import Settings, load_settings, make_state_dir

ROOT: Final = Path(__file__).resolve().parent.parent.parent
TIME_SCALE: Final = 1e-4
"""Seven days become a minute, a day 8.6 seconds; no step is skipped."""
START_SECONDS: Final = 90.0


def demo_settings() -> Settings:
    """Return the settings of the environment, with a state folder of their own."""
    given = load_settings()
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    scale = given.time_scale if "CLOSELOOP_TIME_SCALE" in os.environ else TIME_SCALE
    folder = (given.state_dir / f"demo-{stamp}-{os.getpid()}").absolute()
    return Settings(
        state_dir=folder,
        database_url=f"sqlite:///{folder / 'operations.db'}",
        policies_dir=given.policies_dir,
        knowledge_dir=given.knowledge_dir,
        shop_file=given.shop_file,
        time_scale=scale,
    )


@asynccontextmanager
async def running_worker(settings: Settings) -> AsyncGenerator[str]:
    """Run ``worker.py --dev`` as a child of this process; yield the address of the Web UI."""
    make_state_dir(settings.state_dir)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")} | {
        "CLOSELOOP_STATE_DIR": str(settings.state_dir),
        "CLOSELOOP_DATABASE_URL": settings.database_url,
        "CLOSELOOP_POLICIES_DIR": str(settings.policies_dir),
        "CLOSELOOP_KNOWLEDGE_DIR": str(settings.knowledge_dir),
        "CLOSELOOP_SHOP_FILE": str(settings.shop_file or ""),
        "CLOSELOOP_WEAVIATE_URL": settings.weaviate_url or "",
        "CLOSELOOP_PAYMENTS": settings.payments,
        "CLOSELOOP_TIME_SCALE": str(settings.time_scale),
        "CLOSELOOP_FAULTS": "",
    }
    log = (settings.state_dir / "worker.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "worker.py"),
        "--dev",
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield await _ready(settings, process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()
        log.close()


async def _ready(settings: Settings, process: asyncio.subprocess.Process) -> str:
    """Wait until server and workers are all that ``doctor`` wants; return the Web UI's address."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.returncode is None:
        info = await read_dev_json(settings.state_dir)
        if info is not None and (await examine(settings)).ok:
            return info.ui_url or info.address
        await asyncio.sleep(0.5)
    log = (settings.state_dir / "worker.log").read_text(errors="replace").splitlines()
    raise Unavailable("the worker did not start: " + (log[-1] if log else "no word from it"))
