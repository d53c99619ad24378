"""Calls that customers were promised, as whoever makes them has it on the command line."""

import time
from typing import Any

from tests.support.command_line import CommandLine

ACME = ("--tenant", "acme")


def test_a_call_is_listed_made_and_entered(cli: CommandLine) -> None:
    asked = {
        "ticket_id": "ring",
        "tenant": "acme",
        "assurance": "channel_verified",
        "customer": {"email": "ruben.castel@example.com"},
        "subject": "A call",
        "body": "Please call me back tomorrow afternoon.",
    }
    cli.json("open", "--file", cli.file(asked))
    deadline = time.monotonic() + 30
    while not (listed := _of_ring(cli)):
        assert time.monotonic() < deadline, cli.json("show", "ring", *ACME)["mode_reasons"]
    [call] = listed
    assert call["status"] == "booked"
    assert call["booking_id"] in cli.page("calls", "list", *ACME)
    enter = ("calls", "enter", call["booking_id"], "--outcome", "reached", *ACME)
    assert cli.refused(3, *enter, "--as", "mallory")["code"] == "unknown_approver"
    missing = ("calls", "enter", "call_of_nobody", "--outcome", "reached", *ACME)
    assert cli.refused(2, *missing, "--as", "dave")["field"] == "booking"
    assert cli.json(*enter, "--as", "dave")["status"] == "reached"
    view = cli.until("ring", "resolved", "closed", tenant="acme")
    assert [action["kind"] for action in view["actions"]] == ["schedule_callback"]


def _of_ring(cli: CommandLine) -> list[dict[str, Any]]:
    return [one for one in cli.json("calls", "list", *ACME) if one["ticket_id"] == "ring"]
