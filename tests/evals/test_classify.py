"""The classify eval on texts of our own: it scores what is in the folder, and falls short."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from evals.classify.__main__ import main

BUY = ["buy a red kite", "purchase a kite", "I would buy one kite", "get me a kite to buy"]
FLY = ["fly the plane", "the plane is flying", "I flew a plane", "planes that fly"]


def write(file: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([header, *rows])


def test_a_bar_that_is_not_reached_is_no_success(tmp_path: Path) -> None:
    train = [(text, "buy") for text in BUY] + [(text, "fly") for text in FLY]
    test = [("buy kites", "buy"), ("flying planes", "fly"), ("a plane to fly", "buy")]
    write(tmp_path / "banking77/train.csv", ("text", "category"), train)
    write(tmp_path / "banking77/test_a.csv", ("text", "category"), test)
    out = tmp_path / "out.json"
    assert main(["--data", str(tmp_path), "--only", "banking", "--out", str(out)]) == 1
    summary = json.loads(out.read_text())
    assert not summary["passed"]
    values = {score["name"]: score["value"] for score in summary["scores"]}
    assert values["banking77"] == 66.7


def test_tags_are_scored_by_letter(tmp_path: Path) -> None:
    columns = ("utterance", "intent", "tags")
    train = [(text, "buy", "B") for text in BUY] + [(text, "fly", "B") for text in FLY]
    write(tmp_path / "bitext/train.csv", columns, train)
    test = [("buy kites", "buy", "BQ"), ("a plane to fly", "buy", "B")]
    write(tmp_path / "bitext/dev.csv", columns, test)
    out = tmp_path / "out.json"
    assert main(["--data", str(tmp_path), "--only", "bitext", "--out", str(out)]) == 0
    values = {s["name"]: s["value"] for s in json.loads(out.read_text())["scores"]}
    assert values == {
        "bitext": 50.0,
        "bitext, tag B (2 texts)": 50.0,
        "bitext, tag Q (1 texts)": 100,
    }


def test_a_folder_without_data_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path), "--only", "clinc"]) == 2
    assert "there is no train.jsonl" in capsys.readouterr().err
