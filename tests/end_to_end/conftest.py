from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import (
    CommandLine,
    DevWorker,
    require_dev_server,
    use_environment,
)
from tests.support.desk import edited_policies

QUICK_TENANT = """
[tenant.acme.waits]
quiet_window = "1s"
reopen_window = "1s"
"""
"""Tickets of acme close at once; those of the default tenant wait for as long as ours do."""


@pytest.fixture(scope="session")
def dev_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevWorker]:
    """``worker.py --dev`` for all tests of the command line."""
    require_dev_server()
    folder = tmp_path_factory.mktemp("dev")
    policies = edited_policies(folder, "desk.toml")
    with (policies / "desk.toml").open("a") as desk:
        desk.write(QUICK_TENANT)
    with DevWorker(folder / "state", policies_dir=policies, time_scale=1) as worker:
        yield worker


@pytest.fixture
def cli(
    dev_worker: DevWorker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> CommandLine:
    """The commands of ``starter.py``, in the environment of that worker."""
    use_environment(monkeypatch, dev_worker.environment)
    return CommandLine(capsys, tmp_path)
