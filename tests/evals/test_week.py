"""The simulated week, small: a dozen tickets on SQLite, and more of them by two workers."""

import json
from pathlib import Path

import pytest

from evals.week.__main__ import main
from tests.support.postgres import fresh_database, running_postgres


def _holds(out: Path, *arguments: str) -> None:
    code = main([*arguments, "--out", str(out)])
    summary = json.loads(out.read_text())
    assert not summary["violations"]
    assert code == 0
    assert summary["passed"] is True
    assert len(summary["checks"]) == 15
    assert all(check["looked_at"] for check in summary["checks"])


@pytest.mark.timeout(300)
def test_a_small_week_holds(tmp_path: Path) -> None:
    _holds(tmp_path / "week.json", "--tickets", "12", "--seed", "15")


@pytest.mark.real
@pytest.mark.timeout(900)
def test_two_workers_on_one_postgresql_hold_it_as_well(tmp_path: Path) -> None:
    with running_postgres() as server, fresh_database(server, "week") as address:
        arguments = ("--tickets", "40", "--seed", "2", "--workers", "2")
        _holds(tmp_path / "week.json", *arguments, "--database-url", address)


@pytest.mark.parametrize("wrong", ["--tickets", "--workers"])
def test_a_week_of_nothing_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([wrong, "0"]) == 2
    assert "must be at least 1" in capsys.readouterr().err
