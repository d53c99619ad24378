"""What may be done alone, as an operator has it on the command line."""

from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.desk import ROOT

ACME = ("--tenant", "acme")


def test_stopped_and_resumed(cli: CommandLine) -> None:
    assert cli.json("autonomy", "show", *ACME) == {"tenant": "acme", "stop": None}
    stop = ("autonomy", "stop", "--reason", "odd refunds", *ACME)
    assert cli.refused(3, *stop, "--as", "alice")["code"] == "wrong_tenant"
    assert cli.refused(3, *stop, "--as", "mallory")["code"] == "unknown_approver"
    blank = ("autonomy", "stop", "--reason", " ", "--as", "dave", *ACME)
    assert cli.refused(2, *blank)["field"] == "reason"
    made = cli.json(*stop, "--as", "dave")
    assert (made["stop"]["by"], made["stop"]["reason"]) == ("dave", "odd refunds")
    try:
        assert "are stopped" in cli.page("autonomy", "show", *ACME)
        assert cli.json("report", "worst-case", *ACME)["alone_minor"] == 0
        cli.opened("halted", "iris.falk@example.com", "Refund the mug of order #W1033.", *ACME)
        view = cli.until("halted", "awaiting_approval", tenant="acme")
        assert any("stopped by dave" in reason for reason in view["mode_reasons"])
    finally:
        cli.json("autonomy", "resume", "--as", "dave", *ACME)
    assert cli.json("autonomy", "show", *ACME)["stop"] is None
    assert cli.json("report", "worst-case", *ACME)["alone_minor"] > 0


def test_only_a_lead_or_manager_resumes(cli: CommandLine) -> None:
    assert cli.refused(3, "autonomy", "resume", "--as", "alice")["code"] == "not_a_lead"


def test_what_people_decided_and_what_other_rules_would_have(
    cli: CommandLine, tmp_path: Path
) -> None:
    cli.opened("tried", "grace.ellery@example.com", "Please refund order #W1023, the throw.")
    view = cli.until("tried", "awaiting_approval")
    request = view["pending_approval"]["request_id"]
    cli.json("decide", "tried", "--request", request, "--as", "alice", "--approve")
    cli.until("tried", "resolved")
    rows = cli.json("report", "promotion", "--since", "1h")["rows"]
    [row] = [r for r in rows if r["action"] == "refund_payment"]
    assert row["agreed"]["of"] >= 1
    assert "had it been done alone" in cli.page("report", "promotion")
    kept = cli.json("report", "decisions", "--since", "1h")
    assert "tried" in {one["ticket_id"] for one in kept}
    assert "decisions" in cli.page("report", "decisions")

    rules = (ROOT / "policies" / "rules.toml").read_text()
    edited = tmp_path / "rules.toml"
    edited.write_text(rules.replace('at_most = "50.00"', 'at_most = "150.00"'))
    found = cli.json("policy", "replay", "--rules", str(edited), "--since", "1h")
    assert found["judgements"] >= 1
    assert "tried" in {one["ticket_id"] for one in found["changed"]}
    assert found["endings"]["autonomous"]["after"] > found["endings"]["autonomous"]["before"]
    page = cli.page("policy", "replay", "--rules", str(edited))
    assert "judgements end otherwise" in page
    assert "approval to autonomous" in page
    same = cli.json("policy", "replay", "--rules", str(ROOT / "policies" / "rules.toml"))
    assert (same["changed_count"], same["by_rule"]) == (0, [])


def test_rules_that_cannot_be_tried(cli: CommandLine, tmp_path: Path) -> None:
    wrong = tmp_path / "rules.toml"
    wrong.write_text('[actions]\nallowed = ["fly"]\n')
    for file, words in ((wrong, "rule: is missing"), (tmp_path / "none.toml", "no such file")):
        error = cli.refused(2, "policy", "replay", "--rules", str(file))
        assert error["field"] == "rules"
        assert words in error["message"]


def test_the_worst_case_names_the_limits(cli: CommandLine) -> None:
    found = cli.json("report", "worst-case")
    assert found["alone_rule"] == "money.tenant_day"
    assert 0 < found["alone_minor"] <= 200_000
    assert found["approved_minor"] <= 1_000_000
    page = cli.page("report", "worst-case")
    assert "the worst a model could do" in page
    assert "modify_order_address" in page
