"""What a worker or a command cannot start with: one clear line, the right exit code."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from closeloop.dev_json import dev_json
from closeloop.devserver import HOST, DevServer
from closeloop.names import SEARCH_ATTRIBUTES
from closeloop.serve import main as serve
from tests.ports.small_shop import small_shop, write_shop
from tests.support.command_line import (
    TICKET,
    CommandLine,
    environment,
    require_dev_server,
    use_environment,
)
from tests.support.desk import ROOT, edited_policies


def test_no_server(cli: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLOSELOOP_STATE_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"{HOST}:1")
    for command in (
        ("open", "--file", cli.file(TICKET)),
        ("message", "whole", "--text", "Hello"),
        ("approvals",),
        ("decide", "whole", "--request", "whole-r1", "--as", "alice", "--approve"),
        ("operate", "whole", "--take-over", "--as", "alice"),
        ("show", "whole"),
        ("list",),
        ("timeline", "whole"),
    ):
        error = cli.refused(4, *command)
        assert error["code"] == "unavailable"
        assert f"no Temporal server answers at {HOST}:1" in error["message"]
        assert "python worker.py --dev" in error["message"]
    assert not (tmp_path / "none").exists()
    assert serve([]) == 4


@pytest.mark.parametrize("option", ["--port", "--ui-port"])
def test_a_taken_port(option: str, tmp_path: Path) -> None:
    require_dev_server()
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, str(ROOT / "worker.py"), "--dev", option, str(port)],
            env=environment(state_dir=tmp_path / "state"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr.startswith(f"worker: port {port} of {HOST} is taken: stop what uses it")
    assert done.stderr.count("\n") == 1
    assert not dev_json(tmp_path / "state").exists()


def test_a_worker_ends_with_its_dev_server(tmp_path: Path) -> None:
    require_dev_server()
    worker = subprocess.Popen(
        [sys.executable, str(ROOT / "worker.py"), "--dev"],
        env=environment(state_dir=tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "backends.db").exists():  # it is connected, and sets up its backends
            assert worker.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(json.loads(dev_json(tmp_path).read_text())["pid"], signal.SIGKILL)
        _, said = worker.communicate(timeout=60)
    finally:
        worker.kill()
    assert worker.returncode == 4
    assert "has ended, and the worker with it" in said.splitlines()[-1]
    assert "Traceback" not in said


async def test_search_attributes_that_are_missing_or_of_another_type(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And what ``doctor`` says is to be done is all that is to be done."""
    require_dev_server()
    use_environment(monkeypatch, environment(state_dir=tmp_path))
    cli = CommandLine(capsys, tmp_path)
    registered = SEARCH_ATTRIBUTES | {"SlaDueAt": "Keyword"}
    del registered["Tenant"]
    async with DevServer(tmp_path, headless=True, search_attributes=registered):
        code, out, _ = await asyncio.to_thread(cli.run, "doctor", "--json")
        look = json.loads(out)["checks"][1]
        assert code == 3
        assert (look["name"], look["ok"]) == ("search attributes", False)
        assert look["detail"] == "Tenant is missing; SlaDueAt is Keyword and must be Datetime"
        error = await asyncio.to_thread(cli.refused, 1, "open", "--file", cli.file(TICKET))
        assert "search attribute Tenant: run `python starter.py doctor`" in error["message"]
        unknown = await asyncio.to_thread(cli.refused, 2, "show", "whole")
        assert unknown["code"] == "not_found", "nothing was opened"

        for line in look["todo"].splitlines():
            await _run_as_told(line)
        code, out, _ = await asyncio.to_thread(cli.run, "doctor", "--json")
        assert json.loads(out)["checks"][1]["ok"] is True
        assert code == 4, "no worker yet"


async def _run_as_told(line: str) -> None:
    program, *arguments = shlex.split(line)
    beside = Path(sys.executable).with_name(program)
    tool = str(beside) if beside.exists() else shutil.which(program)
    assert tool is not None
    process = await asyncio.create_subprocess_exec(
        tool,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(b"y\n")
    assert process.returncode == 0, said.decode()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("TIME_SCALE", "fast", "must be a number above 0"),
        ("LLM", "gpt", "must be offline or openai"),
        ("LOG_FORMAT", "xml", "must be console or json"),
        ("DATABASE_URL", "mysql://u:secret@host/name", "sqlite:// or postgresql://"),
        ("POLICIES_DIR", "none", "none is not a folder"),
        ("SHOP_FILE", "none.json", "none.json is not a file"),
        ("TIMESCALE", "1", "did you mean CLOSELOOP_TIME_SCALE?"),
    ],
)
def test_a_wrong_setting(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"CLOSELOOP_{variable}", value)
    for command in (("list",), ("doctor",), ("metrics",)):
        error = cli.refused(1, *command)
        assert error["code"] == "configuration"
        assert error["message"].startswith(f"CLOSELOOP_{variable}")
        assert says in error["message"]
    assert "secret" not in error["message"]
    assert worker_says(cli) == error["message"]


def worker_says(cli: CommandLine) -> str:
    """Return the one line with which a worker refuses to start over what was configured."""
    cli.drain()
    assert serve([]) == 2
    *logged, line = cli.drain().splitlines()
    assert all(" [info " in one for one in logged), "no warning, no traceback"
    assert line.startswith("worker: ")
    return line.removeprefix("worker: ")


@pytest.fixture
def elsewhere(cli: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    """The server of ours, and a state folder that no worker has used."""
    server = cli.json("doctor")["checks"][0]["detail"].partition(",")[0]
    monkeypatch.setenv("TEMPORAL_ADDRESS", server)
    monkeypatch.setenv("CLOSELOOP_STATE_DIR", str(tmp_path / "elsewhere"))
    return cli


def test_another_folder_than_the_workers(elsewhere: CommandLine, tmp_path: Path) -> None:
    """Nothing is said to be all there is, and nothing is made."""
    for command in ("approvals", "metrics"):
        error = elsewhere.refused(4, command)
        assert error["code"] == "unavailable"
        assert str(tmp_path / "elsewhere" / "operations.db") in error["message"]
    code, out, err = elsewhere.run("list", "--json")
    assert (code, type(json.loads(out))) == (0, list)
    assert "tickets listed without what is on record" in err
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("file", "change", "key"),
    [
        ("rules.toml", ('at_most = "50.00"', "at_most = 50.00"), "refund.autonomous"),
        ("rules.toml", ("[actions]", "[actions"), "line"),
        ("desk.toml", ('reminder = "4h"', 'reminder = "soon"'), "waits.reminder"),
        ("desk.toml", ("max_rounds = 4", "max_round = 4"), "max_round"),
        ("sla.toml", ('zone = "America/New_York"', 'zone = "Mars/Base"'), "calendar.office.zone"),
        (
            "sla.toml",
            ("closed = []", 'closed = ["2026-12-24", "2026-12-20..2026-12-31"]'),
            "calendar.office.closed",
        ),
        ("approvers.toml", ('limit = "200.00"', 'limit = "-200"'), "limit"),
        ("approvers.toml", ('id = "bob"', 'id = "alice"'), "stands in the file twice"),
        (
            "approvers.toml",
            (
                'limit = "200.00"',
                'limit = "200.00"\naway = [{ days = "2026-12-24", delegate = "alice" }]',
            ),
            "away.delegate: goes in a circle",
        ),
        ("rules.toml", ('at_most = "5000.00"', 'at_most = "50.00"'), "contradicts"),
        ("rules.toml", ('check = "own_order"', 'check = "own_record"'), "own_order"),
        ("rules.toml", ('at_most = "50.00"', 'at_most = "-50.00"'), "at_most"),
        ("routing.toml", ("default = ", "# default = "), "default"),
        ("voice.toml", ('"calm down"', '"computer"'), "forbidden.2: 'computer' stands in"),
        ("taxonomy.toml", ('group = "routine"', 'group = "nonsense"'), "group"),
    ],
)
def test_broken_policies(
    elsewhere: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    file: str,
    change: tuple[str, str],
    key: str,
) -> None:
    policies = edited_policies(tmp_path, file, change)
    monkeypatch.setenv("CLOSELOOP_POLICIES_DIR", str(policies))
    said = worker_says(elsewhere)
    assert said.startswith(str(policies / file))
    assert key in said
    code, out, _ = elsewhere.run("doctor", "--json")
    named = {one["name"]: one["detail"] for one in json.loads(out)["checks"] if not one["ok"]}
    assert code != 0
    assert said in (named.get("policies"), named.get("taxonomy"))


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ({"delivered_at": "yesterday"}, "orders['#W1'].delivered_at"),
        ({"user_id": "nobody"}, "orders['#W1'].user_id"),
        ({"fees": {"gift_wrap": -1}}, "orders['#W1'].fees.gift_wrap"),
    ],
)
def test_a_broken_shop_file(
    elsewhere: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    order: dict[str, Any],
    key: str,
) -> None:
    shop = small_shop()
    shop["orders"]["#W1"].update(order)
    file = write_shop(tmp_path, shop)
    monkeypatch.setenv("CLOSELOOP_SHOP_FILE", str(file))
    said = worker_says(elsewhere)
    assert str(file) in said
    assert key in said
    looks = {one["name"]: one for one in json.loads(elsewhere.run("doctor", "--json")[1])["checks"]}
    assert looks["shop data"]["detail"] == said


@pytest.mark.parametrize("plan", ["zz", "payments.refund=503", "payments.nothing=503:x1"])
def test_a_wrong_plan_of_faults(
    elsewhere: CommandLine, monkeypatch: pytest.MonkeyPatch, plan: str
) -> None:
    monkeypatch.setenv("CLOSELOOP_FAULTS", plan)
    assert worker_says(elsewhere).startswith(f"CLOSELOOP_FAULTS: {plan!r}")


def test_a_state_folder_that_is_none(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "state"
    file.write_text("notes")
    for folder in (file, file / "deeper"):
        monkeypatch.setenv("CLOSELOOP_STATE_DIR", str(folder))
        assert worker_says(cli).startswith(f"CLOSELOOP_STATE_DIR: {folder} cannot be made a folder")
    assert file.read_text() == "notes"


def test_a_worker_that_cannot_start_takes_its_server_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    require_dev_server()
    use_environment(monkeypatch, environment(state_dir=tmp_path, faults="zz"))
    assert serve(["--dev"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("worker: CLOSELOOP_FAULTS: 'zz'")
    assert not dev_json(tmp_path).exists()
