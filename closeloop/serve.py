"""How a worker is started and stopped: settings -> bootstrap -> run until a signal."""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import structlog
from temporalio.client import Client

from closeloop.bootstrap import Services, build_services, running_workers
from closeloop.calls import connect
from closeloop.devserver import DevServer
from closeloop.errors import (
    BackendUnavailable,
    BadInput,
    CloseloopError,
    ConfigurationError,
    Unavailable,
)
from closeloop.settings import Settings, load_settings, make_state_dir
from closeloop.telemetry import configure_logging

SWEEP_SECONDS: Final = 60.0
"""How often a worker looks for reservations past their time."""

log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until SIGINT or SIGTERM; return the exit code (2 settings, 4 no server)."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        configure_logging(settings.log_format, settings.log_level)
        asyncio.run(_serve(settings, options))
    except KeyboardInterrupt:
        return 0
    except (ConfigurationError, BadInput) as error:
        return _fail(error, 2)
    except Unavailable as error:
        return _fail(error, 4)
    return 0


def _fail(error: CloseloopError, code: int) -> int:
    sys.stderr.write(f"worker: {error}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worker.py", description="Run a Closeloop worker.")
    parser.add_argument(
        "--dev",
        action="store_true",
        help="start Temporal's dev server with its Web UI, its state in CLOSELOOP_STATE_DIR",
    )
    parser.add_argument("--port", type=int, help="of the dev server (default: a free one)")
    parser.add_argument("--ui-port", type=int, help="of its Web UI (default: a free one)")
    return parser


async def _serve(settings: Settings, options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    make_state_dir(settings.state_dir)
    if not options.dev:
        await _work(await connect(settings), settings, stop)
        return
    server = DevServer(
        settings.state_dir,
        port=options.port,
        ui_port=options.ui_port,
        database=settings.state_dir / "temporal.db",
    )
    async with server:
        log.info("dev server", address=server.address, ui=server.ui_url)
        ended = asyncio.create_task(server.wait())
        ended.add_done_callback(lambda _: stop.set())
        try:
            await _work(await connect(settings), settings, stop)
        finally:
            ended.cancel()
        if not server.running:
            raise Unavailable(
                f"the dev server at {server.address} has ended, and the worker with it; its log "
                f"is {server.info.log}. Start again: nothing is lost"
            )


async def _work(client: Client, settings: Settings, stop: asyncio.Event) -> None:
    services = await asyncio.to_thread(build_services, settings)
    if stop.is_set():
        return
    async with running_workers(client, services), sweeping(services):
        log.info("worker ready", namespace=client.namespace, state_dir=str(settings.state_dir))
        await stop.wait()
        log.info("worker stops")


@asynccontextmanager
async def sweeping(
    services: Services, every_seconds: float = SWEEP_SECONDS
) -> AsyncGenerator[None]:
    """Free what expired requests had reserved, again and again until the block ends.

    The ledger counts none of it anyway, and frees it itself at a tenant's next call; this is for
    tenants that make none. A database that does not answer is asked again next time.
    """

    async def sweep() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            try:
                freed = await asyncio.to_thread(services.records.sweep, datetime.now(UTC))
            except BackendUnavailable as error:
                log.warning("sweep failed", error=str(error))
                continue
            if freed:
                log.info("reservations expired", freed=freed)

    sweeper = asyncio.create_task(sweep())
    try:
        yield
    finally:
        sweeper.cancel()
        await asyncio.wait([sweeper])
