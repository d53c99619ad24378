"""The command line without a server: every mistake is one clear line with the right exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from closeloop.cli.main import main
from closeloop.embedded.backends import EmbeddedBackends

ROOT = Path(__file__).resolve().parents[2]
TICKET: dict[str, Any] = {
    "customer": {"email": "nora@example.com"},
    "subject": "Mug",
    "body": "Please refund the mug.",
}


@pytest.fixture(autouse=True)
def closed_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """Run in an empty folder, with a server address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    for name in [name for name in os.environ if name.startswith(("CLOSELOOP_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "none.toml"))
    monkeypatch.chdir(tmp_path)
    return port


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a command that must fail; return its exit code and its one line."""
    code = main(arguments)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return code, err.removeprefix("error: ").rstrip("\n")


def refused_as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """Run a command that must fail; return its exit code and the error of its one document."""
    code = main([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    document = json.loads(out)
    assert list(document) == ["error"]
    return code, document["error"]


def ticket_file(folder: Path, content: object) -> str:
    """Write a ticket file."""
    path = folder / "ticket.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.mark.parametrize(
    ("content", "field", "says"),
    [
        ("", "file", "is not JSON"),
        ("{", "file", "line 1, column 2"),
        ("[" * 100_000, "file", "is nested too deeply"),
        ('{"subject": "a", "subject": "b"}', "file", "'subject' stands there twice"),
        ("[]", None, "must be an object"),
        ("null", None, "must be an object"),
        ({}, "customer", "is missing (and 2 more to correct)"),
        (TICKET | {"boddy": "x"}, "boddy", "is not a known field"),
        (TICKET | {"customer": {"mail": "x"}}, "customer.mail", "is not a known field"),
        (TICKET | {"customer": {}}, "customer", "give the customer's id or email"),
        (TICKET | {"customer": {"email": "nora@"}}, "customer.email", "not a valid email"),
        (TICKET | {"customer": {"id": "a b"}}, "customer.id", "'a b' has the wrong form"),
        (TICKET | {"customer": "nora@example.com"}, "customer", "must be an object"),
        (TICKET | {"body": ""}, "body", "must not be empty"),
        (TICKET | {"body": " \n "}, "body", "must not be empty"),
        (TICKET | {"body": "x" * 1_000_000}, "body", "1000000 characters, at most 20000"),
        (TICKET | {"body": 7}, "body", "must be text"),
        (TICKET | {"body": "\ud800"}, "body", "must be text"),
        (TICKET | {"subject": "x" * 201}, "subject", "201 characters, at most 200"),
        (TICKET | {"ticket_id": "a b"}, "ticket_id", "letters, digits"),
        (TICKET | {"ticket_id": "T~2"}, "ticket_id", "letters, digits"),
        (TICKET | {"ticket_id": "T:2"}, "ticket_id", "letters, digits"),
        (TICKET | {"tenant": "a" * 65}, "tenant", "letters, digits"),
        (TICKET | {"order_ids": "#W1"}, "order_ids", "must be a list"),
        (TICKET | {"order_ids": ["#W1", "W 2"]}, "order_ids.1", "'W 2' has the wrong form"),
        (TICKET | {"order_ids": ["W1"] * 21}, "order_ids", "21, at most 20"),
        (TICKET | {"channel": "fax"}, "channel", "'email', 'web'"),
        (TICKET | {"assurance": "sure"}, "assurance", "'none', 'channel_verified'"),
        (TICKET | {"received_at": "2026-01-01T10:00:00"}, "received_at", "lacks its offset"),
        (TICKET | {"received_at": "yesterday"}, "received_at", "is not a time"),
        (TICKET | {"metadata": {"a b": "c"}}, "metadata.a b", "letters, digits"),
    ],
)
def test_a_wrong_ticket_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: object, field: str, says: str
) -> None:
    path = ticket_file(tmp_path, content)
    code, error = refused_as_json(capsys, "open", "--file", path)
    assert (code, error["code"], error.get("field")) == (2, "bad_input", field)
    assert says in error["message"]
    assert error["message"].startswith(path)
    assert len(error["message"]) < 500
    assert refused(capsys, "open", "--file", path) == (2, error["message"])


def test_a_file_that_cannot_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert refused(capsys, "open", "--file", "none.json") == (
        2,
        "none.json: cannot be read: No such file or directory",
    )
    assert refused(capsys, "open", "--file", str(tmp_path))[0] == 2
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert refused(capsys, "open", "--file", "binary") == (2, "binary: is not UTF-8 text")
    (tmp_path / "big").write_bytes(b" " * 4_000_001)
    assert refused(capsys, "open", "--file", "big") == (2, "big: is larger than 4000000 bytes")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("nothing", "No such command 'nothing'"),
        ("show", "Missing argument 'TICKET'"),
        ("show T --nonsense", "No such option: --nonsense"),
        ("open", "--file, or --subject, --body, --email"),
        ("open --subject S --email a@example.com", "--body"),
        ("open --file t.json --body B", "leave out --body"),
        ("open --subject S --body B --email nonsense", "not a valid email"),
        ("open --subject S --body B --email a@example.com --order a/b", "order_ids.0 'a/b'"),
        ("open --subject S --body B --email a@example.com --id a/b", "ticket_id 'a/b'"),
        ("open --subject S --body B --email a@example.com --tenant a/b", "tenant 'a/b'"),
        ("open --subject S --body B --email a@example.com --assurance x", "'--assurance'"),
        ("message T", "Missing option '--text'"),
        ("message T/1 --text hello", "ticket_id 'T/1'"),
        ("message T --text hello --message-id a;b", "message_id 'a;b'"),
        ("decide T --request R --as alice", "say --approve, --reject or --ask"),
        ("decide T --request R --as alice --reject", "--reason, one of wrong_action"),
        ("decide T --request R --as alice --reject --reason bad", "'wrong_action'"),
        ("decide T --request R --as a/b --approve", "as 'a/b'"),
        ("decide T --request R --approve", "Missing option '--as'"),
        ("decide T --request R --as a --reject --reason tone --edit e.json", "--edit goes with"),
        ("decide T --request R --as a --ask Which? --approve", "--ask goes without"),
        ("decide T --request R --as a --ask Which? --reason tone", "--ask goes without"),
        ("decide T --request R --as a --ask Which? --edit e.json", "--edit goes with"),
        ("operate T --as alice", "exactly one of --claim"),
        ("operate T --as alice --take-over --hand-back", "exactly one of --claim"),
        ("operate T --as alice --lower-mode higher", "'--lower-mode'"),
        ("operate T --as alice --record-resolution none.json", "cannot be read"),
        ("show a~1~2", "ticket_id 'a~1~2'"),
        ("timeline a/b", "ticket_id 'a/b'"),
        ("list --status open", "'awaiting_approval'"),
        ("list --tenant a/b", "tenant 'a/b'"),
        ("metrics --since soon", "since 'soon' is not a time"),
    ],
)
def test_wrong_options(capsys: pytest.CaptureFixture[str], arguments: str, says: str) -> None:
    code, line = refused(capsys, *arguments.split())
    assert code == 2
    assert says in line
    code, error = refused_as_json(capsys, *arguments.split())
    assert (code, error["code"], error["message"]) == (2, "bad_input", line)


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        ({"actions": [{"action_id": "a", "amount_minor": -5}]}, "actions.0.amount_minor"),
        ({"actions": [{"action_id": "a", "amount_minor": 0}]}, "actions.0.amount_minor"),
        ({"actions": [{"action_id": "a", "amount_minor": 1.5}]}, "actions.0.amount_minor"),
        ({"actions": [{"action_id": "a", "amount_minor": "5"}]}, "actions.0.amount_minor"),
        ({"actions": [{"amount_minor": 5}]}, "actions.0.action_id"),
        ({"amount": 5}, "amount"),
        ({"reply": ""}, "reply"),
    ],
)
def test_a_wrong_edit(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, edit: object, field: str
) -> None:
    path = ticket_file(tmp_path, edit)
    decide = ("decide", "T", "--request", "R", "--as", "alice", "--approve", "--edit", path)
    code, error = refused_as_json(capsys, *decide)
    assert (code, error["code"], error["field"]) == (2, "bad_input", field)


@pytest.mark.parametrize(
    ("resolution", "field"),
    [
        ({}, "summary"),
        ({"summary": " "}, "summary"),
        ({"summary": "done", "effects": [{"params": {}}]}, "effects.0.kind"),
        ({"summary": "done", "effect": []}, "effect"),
    ],
)
def test_a_wrong_resolution(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, resolution: object, field: str
) -> None:
    path = ticket_file(tmp_path, resolution)
    code, error = refused_as_json(
        capsys, "operate", "T", "--as", "alice", "--record-resolution", path
    )
    assert (code, error["code"], error["field"]) == (2, "bad_input", field)


def test_a_ticket_of_another_tenant_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = ticket_file(tmp_path, TICKET | {"tenant": "acme"})
    code, error = refused_as_json(capsys, "open", "--file", path, "--tenant", "default")
    assert (code, error["code"]) == (3, "wrong_tenant")


def test_a_wrong_setting_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSELOOP_TIME_SCALE", "fast")
    code, error = refused_as_json(capsys, "list")
    assert (code, error["code"]) == (1, "configuration")
    assert error["message"].startswith("CLOSELOOP_TIME_SCALE must be")


def test_help_needs_neither_server_nor_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSELOOP_LLM", "nonsense")
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert main([]) == 0
    assert capsys.readouterr().out == shown
    for command in ("open", "message", "approvals", "decide", "operate", "show", "list"):
        assert command in shown
        assert main([command, "--help"]) == 0
        assert "--json" in capsys.readouterr().out


def starter(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``starter.py`` as a user does."""
    return subprocess.run(
        [sys.executable, str(ROOT / "starter.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_server_that_is_not_there(tmp_path: Path, closed_port: int) -> None:
    path = ticket_file(tmp_path, TICKET)
    began = time.monotonic()
    done = starter("open", "--file", path, "--wait")
    assert time.monotonic() - began < 20
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{closed_port}" in done.stderr
    assert "python worker.py --dev" in done.stderr

    as_json = starter("show", "T", "--json")
    assert as_json.returncode == 4
    assert json.loads(as_json.stdout)["error"]["code"] == "unavailable"
    assert as_json.stderr == ""
    assert list(tmp_path.iterdir()) == [Path(path)]


@pytest.mark.parametrize("address", ["nonsense:::", "http://127.0.0.1:7233"])
def test_a_server_address_that_is_none(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    done = starter("list", "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "configuration"
    assert error["message"].startswith("TEMPORAL_ADDRESS")


def test_the_doctor_sees_the_rest_without_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "shop.json").write_text('{"users": {}}')
    monkeypatch.setenv("CLOSELOOP_SHOP_FILE", "shop.json")
    done = starter("doctor", "--json")
    assert done.returncode == 4
    document = json.loads(done.stdout)
    looks = {one["name"]: one["ok"] for one in document["checks"]}
    assert looks == {
        "server": False,
        "language models": True,
        "database": True,
        "policies": True,
        "taxonomy": True,
        "articles": True,
        "shop data": False,
    }
    assert document["ok"] is False
    assert [path.name for path in tmp_path.iterdir()] == ["shop.json"]


def test_a_shop_is_exported_in_the_shape_it_was_read_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop = ROOT / "closeloop" / "embedded" / "data" / "shop.json"
    monkeypatch.setenv("CLOSELOOP_STATE_DIR", str(tmp_path / "state"))
    code, words = refused(capsys, "shop", "export")
    assert (code, "holds no shop yet" in words) == (2, True)
    with EmbeddedBackends(tmp_path / "state" / "backends.db", shop_file=shop):
        pass
    assert main(["shop", "export", "--out", "shop.json"]) == 0
    capsys.readouterr()
    assert main(["shop", "export"]) == 0
    written = json.loads((tmp_path / "shop.json").read_text())
    assert json.loads(capsys.readouterr().out) == written
    given = json.loads(shop.read_text())
    assert written["products"] == given["products"]
    assert written["orders"].keys() == given["orders"].keys()
    assert refused(capsys, "shop", "export", "--out", "shop.json")[0] == 2
    assert refused(capsys, "shop", "export", "--tenant", "nobody")[0] == 2


def test_a_short_script_ends_with_leave() -> None:
    code = "from starter import leave; print('done'); leave(0)"
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
