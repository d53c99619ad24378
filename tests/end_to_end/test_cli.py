"""The command line against a real worker and server: every command, its shape, its exit code."""

import json
import re
import time
from typing import Any

from closeloop.demo.office import BackOffice
from closeloop.settings import Settings
from starter import Opened
from tests.support.command_line import CommandLine, DevWorker, starter

SHOWN = {
    *("ticket_id", "tenant", "status", "closure", "mode", "mode_reasons", "classification"),
    *("passages", "proposals", "verdicts", "approvals", "actions", "messages", "commitments"),
    *("sla", "cost", "linked"),
}
"""What DESIGN section 4 promises of ``show --json``; there is more."""
ACTION = {"action_id", "kind", "params", "effect_id", "state", "attempts", "receipt", "error"}
ROW = {
    *("ticket_id", "tenant", "status", "mode", "intent", "priority", "subject", "request_id"),
    *("deadline", "action_kinds", "total", "rung", "claim", "queue", "person", "opened_at"),
}
RECEIPT = {"ticket_id", "id", "accepted", "status", "reason"}


HANDLED = ("resolved", "awaiting_customer", "awaiting_approval", "escalated")
"""Where a ticket stands once it was dealt with; a loaded machine's missed search asks a person."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z")


def timeless(view: Any) -> Any:
    """Return a view without its moments: those after a local activity move a little in a replay."""
    return json.loads(MOMENT.sub("then", json.dumps(view)))


def said(view: Any, sender: str) -> list[str]:
    return [message["text"] for message in view["messages"] if message["sender"] == sender]


def row(rows: Any, ticket: str) -> Any:
    found = [one for one in rows if one["ticket_id"] == ticket]
    assert len(found) == 1, rows
    return found[0]


def listed(cli: CommandLine, ticket: str, status: str, *more: str) -> Any:
    """Return the rows of a status once the ticket is among them: visibility is a moment late."""
    deadline = time.monotonic() + 20
    while True:
        rows = cli.json("list", "--status", status, *more)
        if ticket in {one["ticket_id"] for one in rows}:
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(0.1)


def test_a_ticket_file_from_open_to_confirmed(cli: CommandLine) -> None:
    path = cli.file(
        {
            "ticket_id": "candle",
            "channel": "email",
            "assurance": "confirmed",
            "customer": {"email": "theo.marchetti@example.com", "name": "Theo"},
            "subject": "Candle",
            "body": "Please refund the soy candle of order #W1002.",
            "order_ids": ["#W1002"],
            "metadata": {"shop": "north"},
        }
    )
    code, out, err = cli.run("open", "--file", path, "--wait", "--json")
    opened = json.loads(out)
    assert (code, err) == (0, "waiting for ticket candle\n")
    assert opened.keys() == Opened.model_fields.keys()
    assert opened["workflow_id"] == "ticket:default:candle"
    assert opened["status"] == "resolved"
    assert cli.json("open", "--file", path) == opened, "the same ticket"

    view = cli.json("show", "candle")
    assert view.keys() >= SHOWN
    assert (view["ticket_id"], view["tenant"]) == ("candle", "default")
    assert (view["mode"], view["closure"]) == ("autonomous", None)
    (action,) = view["actions"]
    assert action.keys() == ACTION
    assert (action["kind"], action["state"], action["error"]) == (
        "refund_payment",
        "verified",
        None,
    )
    assert action["receipt"]["amount"] == {"amount_minor": 1850, "currency": "USD"}
    assert action["receipt"]["receipt_id"] in said(view, "closeloop")[0]

    thanks = (
        "message",
        "candle",
        "--text",
        "Yes, solved, thank you! 5/5",
        "--message-id",
        "mail-1",
    )
    receipt = cli.json(*thanks)
    assert receipt.keys() == RECEIPT
    assert (receipt["ticket_id"], receipt["id"], receipt["accepted"]) == ("candle", "mail-1", True)
    with cli.unchanged("candle"):
        assert cli.json(*thanks) == receipt
    after = cli.json("show", "candle")
    assert said(after, "customer")[1:] == ["Yes, solved, thank you! 5/5"]
    assert after["status"] == "resolved", "until nothing reopens it any more"

    story = cli.json("timeline", "candle")
    assert all(entry.keys() == {"at", "what", "detail"} for entry in story)
    assert [entry["at"] for entry in story] == sorted(entry["at"] for entry in story)
    assert [entry["what"] for entry in story] == [
        *("opened", "understood", "proposed", "judged", "verified", "replied", "resolved"),
        *("customer wrote", "confirmed"),
    ]


def test_options_instead_of_a_file(cli: CommandLine) -> None:
    given = ("--subject", "Refund", "--body", "I want my money back for the speaker, please.")
    who = ("--email", "samuel.reyes@example.com", "--order", "#W1005", "--assurance", "confirmed")
    opened = cli.json("open", *given, *who, "--wait")
    assert re.fullmatch("[a-z2-7]{16}", opened["ticket_id"]), "a random id"
    assert opened["status"] == "awaiting_approval"
    view = cli.json("show", opened["ticket_id"])
    (action,) = view["actions"]
    assert action["params"]["order_id"] == "#W1005"
    assert action["state"] == "awaiting_approval"
    assert cli.json("open", *given, *who)["ticket_id"] != opened["ticket_id"]


def test_approvals_come_oldest_deadline_first_and_end_with_the_decision(cli: CommandLine) -> None:
    for ticket, email, order in (
        ("lamps", "elise.moreau@example.com", "#W1028"),
        ("headphones", "clara.novak@example.com", "#W1012"),
    ):
        opened = cli.opened(ticket, email, f"Please refund order #{order[1:]}, all of it.")
        assert opened["status"] == "awaiting_approval"
    rows = cli.json("approvals")
    assert all(one.keys() == ROW and one["status"] == "awaiting_approval" for one in rows)
    deadlines = [one["deadline"] for one in rows]
    assert deadlines == sorted(deadlines)
    lamps, headphones = row(rows, "lamps"), row(rows, "headphones")
    assert lamps["deadline"] < headphones["deadline"]
    assert lamps["action_kinds"] == ["refund_payment"]
    assert lamps["total"] == {"amount_minor": 17800, "currency": "USD"}
    assert "headphones" in cli.page("approvals")

    decision = ("decide", "lamps", "--request", lamps["request_id"], "--as", "alice", "--approve")
    receipt = cli.json(*decision)
    assert receipt.keys() == RECEIPT
    assert (receipt["ticket_id"], receipt["accepted"], receipt["reason"]) == ("lamps", True, None)
    view = cli.until("lamps", "resolved")
    (outcome,) = view["approvals"]
    assert (outcome["outcome"], outcome["approver"]) == ("approved", "alice")
    assert view["actions"][0]["state"] == "verified"
    assert not [one for one in cli.json("approvals") if one["ticket_id"] == "lamps"]
    with cli.unchanged("lamps"):
        assert cli.json(*decision) == receipt, "again: the same receipt, and no second refund"


def test_a_rejection_is_revised_and_the_revision_edited(cli: CommandLine) -> None:
    cli.opened("returned", "priya.raman@example.com", "Please refund my headphones, order #W1006.")
    request = cli.json("show", "returned")["pending_approval"]["request_id"]
    reject = ("--reject", "--reason", "wrong_amount", "--words", "Worn for weeks: refund $90.00")
    cli.json("decide", "returned", "--request", request, "--as", "bob", *reject)
    view = cli.until("returned", "awaiting_approval")
    assert [one["outcome"] for one in view["approvals"]] == ["rejected"]
    pending = view["pending_approval"]
    assert pending["request_id"] != request
    assert pending["total"]["amount_minor"] == 9000

    edit = cli.file({"actions": [{"action_id": pending["action_ids"][0], "amount_minor": 8000}]})
    approve = ("--as", "bob", "--approve", "--edit", edit)
    cli.json("decide", "returned", "--request", pending["request_id"], *approve)
    view = cli.until("returned", "resolved")
    assert "approved, edited" in cli.page("show", "returned")
    assert [one["edited"] for one in view["approvals"]] == [False, True]
    assert [one["state"] for one in view["actions"]] == ["refused", "verified"]
    assert view["actions"][1]["receipt"]["amount"]["amount_minor"] == 8000
    assert "$80.00" in said(view, "closeloop")[-1]


def test_a_claim_a_question_and_then_a_yes(cli: CommandLine) -> None:
    cli.opened("tray", "samuel.reyes@example.com", "Please refund order #W1005, the speaker.")
    request = cli.json("show", "tray")["pending_approval"]["request_id"]
    claimed = cli.json("operate", "tray", "--claim", "--as", "alice")
    assert claimed.keys() == RECEIPT
    assert cli.json("show", "tray")["pending_approval"]["claim"]["approver"] == "alice"
    decide = ("decide", "tray", "--request", request)
    assert cli.refused(3, *decide, "--as", "bob", "--approve")["code"] == "claimed"
    assert cli.refused(3, "operate", "tray", "--claim", "--as", "bob")["code"] == "claimed"
    ask = (*decide, "--as", "alice", "--ask", "What is wrong with it?")
    receipt = cli.json(*ask)
    view = cli.until("tray", "awaiting_customer")
    assert cli.json(*ask) == receipt
    assert said(view, "closeloop")[-1] == "What is wrong with it?"
    assert [one["outcome"] for one in view["approvals"]] == ["asked"]


def test_people_operate_a_ticket(cli: CommandLine, dev_worker: DevWorker) -> None:
    cli.opened("gift", "wei.lindgren@example.com", "I want a refund for order #W1029, all of it.")

    taken = cli.json("operate", "gift", "--take-over", "--as", "bob")
    assert taken.keys() == RECEIPT
    assert taken["accepted"] is True
    view = cli.until("gift", "escalated")
    assert (view["mode"], view["escalation"]["taken_by"]) == ("advisory", "bob")
    assert (
        cli.refused(3, "operate", "gift", "--take-over", "--as", "bob")["code"] == "already_taken"
    )

    cli.json("operate", "gift", "--hand-back", "--as", "bob")
    assert cli.until("gift", "awaiting_approval")["pending_approval"]
    hand_back = ("operate", "gift", "--hand-back", "--as", "bob")
    assert cli.refused(3, *hand_back)["code"] == "not_escalated"

    lower = ("operate", "gift", "--lower-mode", "advisory", "--as", "carol")
    receipt = cli.json(*lower)
    cli.until("gift", "escalated")
    assert cli.json(*lower) == receipt
    asked = row(listed(cli, "gift", "escalated"), "gift")
    assert asked["queue"] == view["escalation"]["queue"]
    higher = ("operate", "gift", "--lower-mode", "assisted", "--as", "carol")
    assert cli.refused(3, *higher)["code"] == "not_lower"

    done = {
        "summary": "Refunded in the payments system after a call.",
        "effects": [{"kind": "refund_payment", "params": {"order_id": "#W1029"}}],
        "reply": "We have refunded your order #W1029 in full.",
    }
    record = ("operate", "gift", "--as", "carol", "--record-resolution", cli.file(done))
    with cli.unchanged("gift"):
        assert cli.refused(3, *record)["code"] == "effect_not_found", "it did not happen yet"
    office = BackOffice(Settings(state_dir=dev_worker.state_dir))
    try:
        office.refund("#W1029", 16150, by="carol")
    finally:
        office.close()
    receipt = cli.json(*record)
    view = cli.until("gift", "resolved")
    assert cli.json(*record) == receipt
    assert said(view, "closeloop")[-1] == done["reply"]
    assert [(one["kind"], one["state"]) for one in view["actions"]][-1] == (
        "refund_payment",
        "verified",
    )
    assert view["actions"][-1]["receipt"]["amount"]["amount_minor"] == 16150


def test_list_by_status_and_by_tenant(cli: CommandLine) -> None:
    assert cli.opened("which", "leo.brandt@example.com", "Refund my mug, please, it is too small.")
    cli.opened("person", "bea.norwood@example.com", "I want to speak to a real person, please.")
    for ticket, status in (("which", "awaiting_customer"), ("person", "escalated")):
        rows = listed(cli, ticket, status)
        assert all(one.keys() == ROW and one["status"] == status for one in rows)
        assert row(rows, ticket)["tenant"] == "default"
    rows = cli.json("list")
    assert {"which", "person"} <= {one["ticket_id"] for one in rows}
    opened = [one["opened_at"] for one in rows]
    assert opened == sorted(opened, reverse=True), "newest first"
    assert not [one for one in cli.json("list", "--tenant", "acme") if one["ticket_id"] == "which"]
    assert "no ticket 'which'" in cli.refused(2, "show", "which", "--tenant", "acme")["message"]


def test_a_message_to_a_closed_ticket_opens_a_linked_one(cli: CommandLine) -> None:
    acme = ("--tenant", "acme")
    asked = cli.opened("mug", "leo.brandt@example.com", "Refund my mug, please.", *acme)
    assert asked["status"] == "awaiting_customer"
    words = "It is the oat one, order #W1014."
    answer = ("message", "mug", "--text", words, "--message-id", "mail-1", *acme)
    receipt = cli.json(*answer)
    closed = cli.until("mug", "closed", tenant="acme")
    assert closed["closure"] == "verified_quiet"
    assert row(listed(cli, "mug", "closed", *acme), "mug")["status"] == "closed"
    assert cli.json(*answer) == receipt, "delivered before the close, and once more after it"
    cli.refused(2, "show", "mug~2", *acme)

    more = ("message", "mug", "--text", "And the invoice?", "--message-id", "mail-2", *acme)
    linked = cli.json(*more)
    assert (linked["ticket_id"], linked["accepted"]) == ("mug~2", True)
    assert cli.json(*more)["ticket_id"] == "mug~2", "delivered twice, opened once"
    view = cli.until("mug~2", *HANDLED, tenant="acme")
    assert view["linked"] == ["mug"]
    assert said(view, "customer") == ["And the invoice?"]
    assert timeless(cli.json("show", "mug", *acme)) == timeless(closed)


def test_pages_say_what_to_do_next(cli: CommandLine) -> None:
    acme = ("--tenant", "acme")
    words = ("--subject", "Turntable", "--body", "Please refund order #W1008, all of it.")
    who = ("--email", "arthur.penrose@example.com", "--assurance", "confirmed", "--id", "next")
    page = cli.page("open", *words, *who, *acme)
    assert page.endswith("python starter.py show next --tenant acme\n")
    request = cli.until("next", "awaiting_approval", tenant="acme")["pending_approval"]
    decide = f"decide next --tenant acme --request {request['request_id']} --as YOU"
    page = cli.page("show", "next", *acme)
    assert decide in page
    assert "refund everything in order #W1008" in page, "what it is about, in words"
    assert "$900.00" in cli.page("approvals", *acme)


def test_metrics_are_of_the_events_since(cli: CommandLine) -> None:
    acme = ("--tenant", "acme")
    cli.opened("counted", "ines.okafor@example.com", "Refund the cover of order #W1004.", *acme)
    cli.until("counted", "closed", tenant="acme")
    found = cli.json("metrics", "--since", "1h", *acme)
    assert found["tenant"] == "acme"
    assert found["tickets_opened"] >= found["tickets_closed"] >= 1
    assert sum(found["auto_resolution"].values()) <= 1
    assert found["first_response"]["count"] >= 1
    assert cli.json("metrics", "--since", "2099-01-01")["tickets_opened"] == 0
    assert "tickets closed" in cli.page("metrics", *acme)


def test_the_doctor_is_content(cli: CommandLine) -> None:
    found = cli.json("doctor")
    assert found["ok"] is True
    assert [one["name"] for one in found["checks"]] == [
        *("server", "search attributes", "ticket worker", "backend worker", "agent worker"),
        *("database", "policies", "taxonomy", "articles", "shop data", "language models"),
    ]
    assert all(one["ok"] and not one["todo"] for one in found["checks"])
    assert cli.page("doctor").startswith("All is well")


def test_show_falls_back_to_what_was_recorded(cli: CommandLine, dev_worker: DevWorker) -> None:
    cli.opened("kept", "june.albright@example.com", "Refund the Juniper lamp, order #W1009.")
    view = cli.json("show", "kept")
    with dev_worker.frozen():
        code, out, err = cli.run("show", "kept", "--json")
    recorded = json.loads(out)
    assert code == 0
    assert "ticket shown as last recorded" in err
    assert recorded.keys() == view.keys()
    assert recorded["status"] == view["status"] == "resolved"
    assert recorded["actions"] == view["actions"]


def test_processes_end_with_the_exit_code_and_one_document(dev_worker: DevWorker) -> None:
    env = dev_worker.environment
    listed = starter(env, "list", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert isinstance(json.loads(listed.stdout), list)
    unknown = starter(env, "timeline", "nobody", "--json")
    assert (unknown.returncode, unknown.stderr) == (2, "")
    assert json.loads(unknown.stdout)["error"] == {
        "code": "not_found",
        "message": "tenant 'default' has no ticket 'nobody'",
        "field": "ticket_id",
    }
