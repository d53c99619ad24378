"""The retail evals on a set of our own: they measure, and they fail where something is wrong."""

import json
from pathlib import Path

import pytest

from evals.retail.__main__ import main
from evals.retail.data import state_hash
from tests.evals.tiny_retail import write_set


def test_refusals_are_scored_by_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write_set(tmp_path), tmp_path / "out.json"
    assert main(["refusals", "--data", str(data), "--out", str(out)]) == 0
    summary = json.loads(out.read_text())
    assert (summary["refuse_recall"], summary["allow_rate"], summary["headline"]) == (100, 100, 100)
    rules = {row["kind"]: row["rules"] for row in summary["by_kind"]}
    assert rules["second_call_same_order"] == {"cancel.status": 1}
    assert rules["gift_card_over_balance"] == {"method.covers": 1}
    assert "headline 100.0 %" in capsys.readouterr().out


def test_a_state_that_is_not_the_expected_one_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_set(tmp_path, allowed="0" * 64)
    assert main(["refusals", "--data", str(data)]) == 1
    assert "allowed gold_write cancel_pending_order: expected allow" in capsys.readouterr().out


def test_tickets_end_in_the_gold_states(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write_set(tmp_path), tmp_path / "out.json"
    assert main(["replay", "--data", str(data), "--faults", "--out", str(out)]) == 0
    summary = json.loads(out.read_text())
    assert (summary["score"], summary["do_nothing"]) == (100.0, 33.33)
    assert (summary["verified"], summary["refused"]) == (3, 1)
    assert summary["attempts"] > summary["verified"]  # the first calls that draw are hit
    assert [row["writes"] for row in summary["results"]] == [2, 1, 0]
    assert "3 of 3 tasks exact" in capsys.readouterr().out


def test_a_folder_without_data_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["refusals", "--data", str(tmp_path)]) == 2
    assert "tau2-retail/db.json" in capsys.readouterr().err


def test_fields_that_are_not_set_count_as_null() -> None:
    plain = {"products": {}, "users": {}, "orders": {"#W1": {"status": "pending"}}}
    spelt = {**plain, "orders": {"#W1": {"status": "pending", "return_items": None}}}
    assert state_hash(plain) == state_hash(spelt)
