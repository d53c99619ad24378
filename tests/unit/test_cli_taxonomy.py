"""``starter.py taxonomy``: labelled tickets in, what is wrong with them by line and field."""

import json
import shutil
from pathlib import Path

import pytest

from closeloop.cli.main import main
from closeloop.errors import BadInput
from closeloop.offline.labelled import Labelled, merged, read_labelled

ROOT = Path(__file__).parents[2]


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", folder)
    monkeypatch.setenv("CLOSELOOP_POLICIES_DIR", str(folder))
    return folder


def test_labelled_tickets_are_kept_and_learnt(
    policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tickets.jsonl"
    rows = [
        {"text": "The gizmo warbles, quibble it", "intent": "exchange_item"},
        {"text": "quibble my gizmo please,\nit warbles", "intent": "exchange_item"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert main(["taxonomy", "train", "--file", str(file), "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)
    assert (kept["labelled"], kept["added"]) == (2, 2)
    assert main(["taxonomy", "train", "--file", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == 0

    other = tmp_path / "other.csv"
    other.write_text('text,intent\n"My gizmo warbles, please quibble it",exchange_item\n')
    assert main(["taxonomy", "test", "--file", str(other), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tickets"], found["accuracy"], found["confusions"]) == (1, 100.0, [])

    assert main(["taxonomy", "test", "--json"]) == 0
    own = json.loads(capsys.readouterr().out)
    assert own["on"] == "leave-one-out"
    assert own["tickets"] > 500
    assert 80 < own["accuracy"] < 100


@pytest.mark.parametrize(
    ("name", "content", "said", "field"),
    [
        ("t.csv", "text,label\na,b\n", "line 1: the column intent is missing", "intent"),
        (
            "t.csv",
            "text,intent\nhi,other\nhello,nonsense\n",
            "line 3: intent: 'nonsense'",
            "intent",
        ),
        ("t.csv", "text,intent\n ,other\n", "line 2: text: must be", "text"),
        ("t.csv", "text,intent\n", "holds no labelled ticket", "file"),
        ("t.jsonl", '{"text": "hi", "intent": "other"}\n[]\n', "line 2: is no object", "file"),
        ("t.jsonl", "{\n", "line 1: is no JSON", "file"),
        ("t.jsonl", '{"text": 3, "intent": "other"}', "line 1: text: must be", "text"),
    ],
)
def test_bad_input_names_file_line_and_field(
    policies: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str,
    said: str,
    field: str,
) -> None:
    file = tmp_path / name
    file.write_text(content)
    assert main(["taxonomy", "train", "--file", str(file), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert f"{name}: {said}" in error["message"]
    assert error["field"] == field
    assert not (policies / "labelled.csv").exists()


def test_a_file_that_is_missing_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_labelled(tmp_path / "none.csv", ["other"])


def test_a_new_label_replaces_an_old_one() -> None:
    old, new = Labelled("Where is it", "other"), Labelled("where  is IT", "order_status")
    assert merged([old], [new]) == (new,)
