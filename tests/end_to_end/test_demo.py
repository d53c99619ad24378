"""The demo tells right from wrong, names what is broken, and leaves no process behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from closeloop.demo.__main__ import main as demo
from tests.support.command_line import environment, require_dev_server, use_environment
from tests.support.desk import ROOT

SCENARIOS = ROOT / "scenarios"
RIGHT = "01-autonomous-refund.json"
QUICK = 1e-5
"""Seven days become six seconds."""


def scenario(file: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SCENARIOS / file).read_text())
    return content


def write(folder: Path, name: str, content: object) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def start_demo(tmp_path: Path, scenarios: Path) -> subprocess.Popen[str]:
    """Start the demo as ``make demo`` does, with other scenarios and a quick clock."""
    arguments = ("--scenarios", str(scenarios), "--out", str(tmp_path / "out"))
    return subprocess.Popen(
        [sys.executable, "-m", "closeloop.demo", *arguments],
        cwd=ROOT,
        env=environment(state_dir=tmp_path / "state", time_scale=QUICK) | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def refunded(out: Path) -> dict[str, int]:
    """Return what the exported payments backend gave back, by order."""
    exported = json.loads((out / "demo-backends.json").read_text())
    return {row["order_id"]: row["amount_minor"] for row in exported["refunds"]}


def test_a_planted_wrong_expectation_is_found(tmp_path: Path) -> None:
    require_dev_server()
    wrong = scenario("09-which-mug.json")
    wrong["expect"]["refunded_minor"] = 2491
    wrong["expect"]["actions"][0]["state"] = "failed"
    write(tmp_path / "mine", "right.json", scenario(RIGHT))
    write(tmp_path / "mine", "wrong.json", wrong)
    process = start_demo(tmp_path, tmp_path / "mine")
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    assert "1 of 2 tickets ended as their scenario file expects." in said

    report = json.loads((tmp_path / "out" / "demo.json").read_text())
    assert report["ok"] is False
    right, found = report["tickets"]
    assert (right["scenario"], right["ok"]) == ("autonomous-refund", True), right
    assert right["differences"] == []
    assert right["observed"]["closure"] == "confirmed"
    assert right["actions"][0]["receipt"]["amount"]["amount_minor"] == 2490
    assert right["first_response_seconds"] <= right["resolution_seconds"]
    assert (found["scenario"], found["ok"]) == ("which-mug", False)
    assert found["differences"] == [
        "refunded_minor: expected 2491, observed 2490",
        "actions: expected ['refund_payment failed in 1 attempts'], "
        "observed ['refund_payment verified in 1 attempts']",
    ]
    made = refunded(tmp_path / "out")
    assert (made["#W1001"], made["#W1015"]) == (2490, 2490)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expected": {}}, "expected"),
        ({"expect": {"status": "done", "mode": "autonomous"}}, "expect.status"),
        ({"ticket": {"subject": "Mug", "body": "Refund it."}}, "ticket.customer"),
        ({"plays": [{"after": "resolved", "who": "customer", "does": {}}]}, "plays.0.does"),
        ({"plays": [{"after": "start", "who": "me", "does": {"say": "Hello"}}]}, "plays.0"),
        ({"plays": [{"after": "new", "who": "bob", "does": {"stop": "odd"}}]}, "plays.0"),
        (
            {"plays": [{"after": "new", "who": "bob", "does": {"claim": True, "ask": "Which?"}}]},
            "plays.0.does",
        ),
    ],
)
def test_a_broken_scenario_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    change: dict[str, Any],
    field: str,
) -> None:
    use_environment(monkeypatch, environment(state_dir=tmp_path / "state"))
    write(tmp_path / "mine", "a-right.json", scenario(RIGHT))
    broken = write(tmp_path / "mine", "broken.json", scenario(RIGHT) | change)
    assert demo(["--scenarios", str(tmp_path / "mine"), "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"demo: {broken}: {field}: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(("content", "says"), [("{", "not JSON"), (None, "no scenario files")])
def test_what_is_no_scenario_at_all(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: str | None,
    says: str,
) -> None:
    use_environment(monkeypatch, environment(state_dir=tmp_path / "state"))
    if content is not None:
        write(tmp_path / "mine", "broken.json", content)
    assert demo(["--scenarios", str(tmp_path / "mine"), "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"demo: {tmp_path / 'mine'}")
    assert says in said


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGINT, "nobody-decides: awaiting_approval"), (signal.SIGTERM, "Starting ")],
    ids=["Ctrl-C while it plays", "kill while it starts"],
)
def test_an_interrupted_demo_leaves_no_process(
    tmp_path: Path, number: signal.Signals, said: str
) -> None:
    require_dev_server()
    if not Path("/proc/self/stat").exists():
        pytest.skip("the processes of another are listed from /proc")
    write(tmp_path / "mine", "slow.json", scenario("04-nobody-decides.json") | {"plays": []})
    process = start_demo(tmp_path, tmp_path / "mine")
    assert process.stdout is not None
    try:
        assert any(line.startswith(said) for line in process.stdout), process.wait()
        until(lambda: len(descendants(process.pid)) >= 3, 30, "worker, server and its watchdog")
        started = descendants(process.pid)
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait(60) == 130, rest
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert rest.splitlines()[-1] == "stopped"
    assert "Traceback" not in rest
    until(lambda: not any(lives(pid) for pid in started), 10, "the end of all of them")


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def descendants(pid: int) -> list[int]:
    """Return the processes that this one started, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def lives(pid: int) -> bool:
    """Whether the process exists, and is not only waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.real
@pytest.mark.timeout(1800)
def test_make_demo_in_a_fresh_clone(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("there is no git history to clone: the demo of a fresh clone was NOT tried")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, timeout=120)
    # As a newcomer has it: no environment of ours, and whatever Python is on PATH.
    here = Path(sys.prefix) / "bin"
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if Path(p) != here)
    env = {k: v for k, v in environment().items() if k not in ("VIRTUAL_ENV", "MAKEFLAGS")}
    done = subprocess.run(
        ["make", "demo"],
        cwd=clone,
        env=env | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    report = json.loads((clone / "demo.json").read_text())
    assert report["ok"] is True
    assert {ticket["scenario"] for ticket in report["tickets"]} >= {
        json.loads(file.read_text())["name"] for file in (clone / "scenarios").glob("*.json")
    }
    assert all(ticket["ok"] for ticket in report["tickets"])
    assert refunded(clone)["#W1001"] == 2490
