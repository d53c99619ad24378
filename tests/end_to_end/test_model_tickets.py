"""The sample tickets with agents that ask a language model: a stand-in, over real HTTP."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from evals.report import pass_power
from evals.tickets import main
from tests.support.command_line import environment, require_dev_server, use_environment
from tests.support.desk import ROOT
from tests.support.model_stand_in import stand_in

QUICK = ("01-autonomous-refund.json", "03-rejected-revised-approved.json", "09-which-mug.json")


def choose(folder: Path, names: Iterable[str]) -> Path:
    """Copy scenarios into a folder of their own."""
    chosen = folder / "scenarios"
    chosen.mkdir()
    for name in names:
        (chosen / name).write_text((ROOT / "scenarios" / name).read_text())
    return chosen


def play(monkeypatch: pytest.MonkeyPatch, folder: Path, scenarios: Path) -> dict[str, Any]:
    """Play the scenarios of a folder with the stand-in, and return what the eval wrote."""
    out = folder / "tickets.json"
    with stand_in() as endpoint:
        use_environment(monkeypatch, environment(state_dir=folder / "state", llm="openai"))
        monkeypatch.setenv("OPENAI_BASE_URL", f"{endpoint.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        code = main(["--scenarios", str(scenarios), "--out", str(out)])
        assert endpoint.requests, "nobody asked the model"
    summary: dict[str, Any] = json.loads(out.read_text())
    assert code == (0 if summary["passed"] else 1)
    return summary


def as_expected(summary: dict[str, Any]) -> None:
    assert summary["passed"], [row for row in summary["by_ticket"] if any(row["differences"])]
    assert summary["models"] == ["gpt-4.1-mini", "gpt-4.1-mini", "gpt-4.1"]
    assert summary["pass_power"] == {"1": 100.0}
    assert all(row["tokens"] for row in summary["by_ticket"])


@pytest.mark.timeout(300)
def test_some_sample_tickets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    require_dev_server()
    as_expected(play(monkeypatch, tmp_path, choose(tmp_path, QUICK)))


@pytest.mark.real
@pytest.mark.timeout(600)
def test_all_sample_tickets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    require_dev_server()
    as_expected(play(monkeypatch, tmp_path, ROOT / "scenarios"))


@pytest.mark.parametrize(
    ("successes", "k", "percent"),
    [
        ((4, 4), 4, 100.0),
        ((0, 0), 1, 0.0),
        ((2, 4), 1, 75.0),
        ((2, 4), 2, 58.33),
        ((2, 4), 3, 50.0),
    ],
)
def test_pass_power(successes: tuple[int, ...], k: int, percent: float) -> None:
    assert pass_power([(n, 4) for n in successes], k) == pytest.approx(percent, abs=0.01)
