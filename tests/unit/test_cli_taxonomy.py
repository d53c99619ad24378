"""``starter.py taxonomy``: labelled tickets in, what is wrong with them by line and field."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from closeloop.cli.doctor import examine
from closeloop.cli.main import main
from closeloop.errors import BadInput, ConfigurationError
from closeloop.offline.labelled import MAX_LABELLED, Labelled, merged, read_labelled
from closeloop.offline.training import open_classifier
from closeloop.settings import Settings

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
        ("t.jsonl", '{"text": "a\\ud800", "intent": "other"}', "line 1: text: holds half", "text"),
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
    assert not list(policies.glob("labelled.*"))


def test_more_than_can_be_learnt_is_refused_before_it_is_kept(
    policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    for file, of in ((first, MAX_LABELLED), (second, 1)):
        rows = (f"gizmo {file.stem} number {n},other\n" for n in range(of))
        file.write_text("text,intent\n" + "".join(rows))
    assert main(["taxonomy", "train", "--file", str(first), "--json"]) == 0
    before = (policies / "labelled.csv").read_bytes()
    capsys.readouterr()
    assert main(["taxonomy", "train", "--file", str(second), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert f"{MAX_LABELLED} tickets are labelled already" in error["message"]
    assert error["field"] == "file"
    assert (policies / "labelled.csv").read_bytes() == before


def test_a_label_whose_intent_is_gone_is_named_by_doctor_and_worker_alike(policies: Path) -> None:
    (policies / "labelled.csv").write_text("text,intent\nhi,other\nhello,gone_intent\n")
    settings = Settings(policies_dir=policies)
    with pytest.raises(ConfigurationError) as start:
        open_classifier(policies)
    assert "labelled.csv: line 3: intent: 'gone_intent'" in str(start.value)
    [look] = [one for one in asyncio.run(examine(settings)).checks if one.name == "taxonomy"]
    assert (look.ok, look.detail) == (False, str(start.value))


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\v"])
def test_only_a_line_end_ends_a_line_of_json(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(json.dumps({"text": f"a{mark}b", "intent": "other"}, ensure_ascii=False) + "\n")
    assert read_labelled(file, ["other"]) == (Labelled(f"a{mark}b", "other"),)


def test_a_file_that_is_missing_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_labelled(tmp_path / "none.csv", ["other"])


def test_a_new_label_replaces_an_old_one() -> None:
    old, new = Labelled("Where is it", "other"), Labelled("where  is IT", "order_status")
    assert merged([old], [new]) == (new,)
