"""The page of metrics: numbers with their basis everywhere, plots on a terminal only."""

from __future__ import annotations

from datetime import date

import pytest

from closeloop.cli.metrics import metrics_page
from closeloop.cli.pages import emit
from closeloop.models.metrics import Day, Leaving, Metrics, Promises, Share
from tests.unit.test_pages import Terminal

BLOCKS = set("▁▂▃▄▅▆▇█▌")
METRICS = Metrics(
    tenant="shop",
    tickets_opened=12,
    tickets_closed=8,
    days=(
        Day(day=date(2026, 5, 4), opened=8, closed=2),
        Day(day=date(2026, 5, 6), opened=4, closed=6),
    ),
    auto_resolved={
        "confirmed": Share(count=4, of=8),
        "verified_quiet": Share(count=1, of=8),
        "unconfirmed": Share(count=0, of=8),
    },
    rejected=Share(count=1, of=3),
    promises={"callback": Promises(made=5, kept=Share(count=3, of=4))},
    calls_reached=Share(count=2, of=3),
    escalation_reasons={"legal": 4, "expired": 1},
    left_autonomous=(
        Leaving(intent="refund", reason="A large sum.", tickets=6),
        Leaving(intent=None, reason="The models are down.", tickets=3),
    ),
)


def plain(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> str:
    emit(metrics, metrics_page(metrics))
    return " ".join(capsys.readouterr().out.split())


def test_each_number_stands_with_its_basis(capsys: pytest.CaptureFixture[str]) -> None:
    shown = plain(METRICS, capsys)
    assert "confirmed 50% 4 of 8 closed tickets" in shown
    assert "verified quiet 12% 1 of 8 closed tickets" in shown
    assert "rejected 33% 1 of 3 decisions" in shown
    assert "promises kept: callback 75% 3 of 4 ended, 5 made" in shown
    assert "calls reached 67% 2 of 3 calls made" in shown
    assert "refund A large sum. 6 not known The models are down. 3" in shown


def test_what_was_not_measured_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    shown = plain(Metrics(tenant="shop"), capsys)
    assert "escalated - 0 of 0 closed tickets" in shown
    assert "satisfaction, 1 to 5 - 0 answers" in shown
    assert "human minutes, each resolved - 0 resolved tickets" in shown
    assert "%" not in shown


def test_a_day_without_tickets_is_no_gap_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    shown = plain(METRICS, capsys)
    assert "opened, 3 days to 2026-05-06 8 0 4" in shown
    assert "closed, 3 days to 2026-05-06 2 0 6" in shown
    assert not BLOCKS & set(shown)


def test_a_terminal_gets_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "120")
    emit(METRICS, metrics_page(METRICS))
    assert "█·▄ at most 8" in terminal.text
    bars = {
        name: line.count("█")
        for line in terminal.text.split("\n")
        for name in ("legal", "expired", "verified quiet")
        if f"{name} " in line
    }
    assert bars == {"legal": 20, "expired": 5, "verified quiet": 2}
