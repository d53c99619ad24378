"""Calls that customers were promised, as whoever makes them has it on the command line."""

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
    assert cli.json("open", "--file", cli.file(asked), "--wait")["status"] == "working"
    assert cli.json("show", "ring", *ACME)["waiting_for"] == "the call"
    [call] = [one for one in cli.json("calls", "list", *ACME) if one["ticket_id"] == "ring"]
    assert call["status"] == "booked"
    assert call["booking_id"] in cli.page("calls", "list", *ACME)
    enter = ("calls", "enter", call["booking_id"], "--outcome", "reached", *ACME)
    assert cli.refused(3, *enter, "--as", "mallory")["code"] == "unknown_approver"
    missing = ("calls", "enter", "call_of_nobody", "--outcome", "reached", *ACME)
    assert cli.refused(2, *missing, "--as", "dave")["field"] == "booking"
    early = ("calls", "enter", call["booking_id"], "--outcome", "not_reached", *ACME)
    assert cli.refused(3, *early, "--as", "dave")["code"] == "too_early"
    assert cli.json(*enter, "--as", "dave")["status"] == "reached"
    view = cli.until("ring", "resolved", "closed", tenant="acme")
    assert [action["kind"] for action in view["actions"]] == ["schedule_callback"]
