"""``starter.py webhook``: one delivery from a file; every mistake is one line and an exit code."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import stripe

from closeloop.cli.main import main

SECRET = "whsec_test"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("CLOSELOOP_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLOSELOOP_STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "none.toml"))
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["webhook", *arguments, "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    return code, json.loads(out)


def saved(event: object, *, timestamp: int | None = None) -> tuple[str, ...]:
    """Write a body; return the options that hand it in, signed."""
    body = json.dumps(event)
    Path("body.json").write_text(body, encoding="utf-8")
    header = stripe.WebhookSignature.generate_signature_header(body, SECRET, timestamp=timestamp)
    return "stripe", "--payload", "body.json", "--signature", header


OTHER: dict[str, Any] = {"id": "evt_1", "object": "event", "type": "payout.paid"}
REFUND: dict[str, Any] = {
    "id": "re_1",
    "object": "refund",
    "status": "succeeded",
    "metadata": {"closeloop_key": "default:refund:#W1:all", "closeloop_ticket": "T-1"},
}
OURS = {**OTHER, "type": "refund.updated", "data": {"object": REFUND}}


def test_what_concerns_no_ticket_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *saved(OTHER)) == (
        0,
        {"event_id": "evt_1", "type": "payout.paid", "why": "type"},
    )
    assert main(["webhook", *saved(OTHER)]) == 0
    assert "stripe: ignored" in capsys.readouterr().out


def test_a_wrong_signature_and_an_old_time_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run(capsys, *saved(OURS)[:-1], "t=1,v1=abc")
    assert (code, document["error"]["code"]) == (3, "bad_signature")
    code, document = run(capsys, *saved(OURS, timestamp=1_000_000_000))
    assert (code, document["error"]["code"]) == (3, "outside_tolerance")


def test_bad_input_names_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run(capsys, "stripe", "--payload", "none.json", "--signature", "t=1,v1=a")
    assert (code, document["error"]["field"]) == (2, "payload")
    code, document = run(capsys, *saved({**OURS, "data": {"object": {}}}))
    assert (code, document["error"]["field"]) == (2, "data.object.id")
    code, document = run(capsys, "paypal", *saved(OURS)[1:])
    assert (code, document["error"]["code"]) == (2, "bad_input")


def test_a_missing_secret_names_its_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOSELOOP_STRIPE_WEBHOOK_SECRET")
    code, document = run(capsys, *saved(OURS))
    assert code == 1
    assert "CLOSELOOP_STRIPE_WEBHOOK_SECRET is not set" in document["error"]["message"]


def test_without_a_server_it_can_be_sent_again(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run(capsys, *saved(OURS))
    assert (code, document["error"]["code"]) == (4, "unavailable")
