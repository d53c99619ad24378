"""What the command line writes: customers' words stay data, on a terminal and off it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.cli.pages import Grid, Page, clean, emit, one_line
from closeloop.cli.views import approvals_page, span, ticket_page, when
from closeloop.models.approval import Claim
from closeloop.models.base import Money
from closeloop.models.policy import Reason, Ruling, Verdict
from closeloop.models.sla import Sla
from closeloop.models.state import Cost
from closeloop.models.ticket import Message, Mode, Status
from closeloop.models.view import PendingApprovalView, TicketSummary, TicketView

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NASTY = "[bold red]hi[/] \x1b[2J\x1b]0;title\x07 \u202eevil\u202c \x9b31m\r\nnext"


@given(st.text())
def test_nothing_that_steers_a_terminal_gets_through(text: str) -> None:
    shown = clean(text)
    assert not {char for char in shown if char < " "} - {"\n", "\t"}
    assert not {"\x7f", "\x9b", "\u202e", "\u2066", "\u2028"} & set(shown)
    shown.encode()
    assert "\n" not in one_line(text)


def test_ordinary_writing_is_left_alone() -> None:
    for text in ("Grüße, 東京", "line\nline\ttab", "👩\u200d🚀 👍", "[order] #W1001 <b>"):
        assert clean(text) == text


class Terminal:
    """A stdout that says it is one."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        """Keep the text."""
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Do nothing."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


PAGE = Page(
    title=f"Ticket {NASTY}",
    facts=[("subject", NASTY)],
    grids=[Grid(("a", "long column"), [(NASTY, "1"), ("2", "")])],
    texts=[(f"from {NASTY}", NASTY)],
    hint="python starter.py show T",
)


def test_a_page_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "300")
    emit({}, PAGE)
    assert terminal.text.count("[bold red]hi[/]") == 5
    assert "╭" in terminal.text
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(terminal.text)


def test_a_page_elsewhere_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    emit({}, PAGE)
    out = capsys.readouterr().out
    assert out.count("[bold red]hi[/]") == 5
    assert not {"\x1b", "\x9b", "\x07", "\u202e", "\r", "╭"} & set(out)
    assert all(line == line.rstrip() for line in out.split("\n"))


def test_a_document_is_json_in_plain_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"text": NASTY + "é\ud800"}, None)
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"text": NASTY + "é\ud800"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_661, "1 h 1 min"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
        (86_460, "1 d"),
    ],
)
def test_lengths_of_time(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_times_say_how_far_away_they_are() -> None:
    assert when(NOW + timedelta(hours=4), NOW) == "2026-06-01 16:00 UTC (in 4 h)"
    assert when(NOW - timedelta(minutes=5), NOW) == "2026-06-01 11:55 UTC (5 min ago)"
    assert when(None, NOW) == "-"


def view(status: Status, pending: PendingApprovalView | None) -> TicketView:
    """Return a ticket that waits."""
    return TicketView(
        ticket_id="T1",
        tenant="default",
        status=status,
        closure=None,
        mode=Mode.ASSISTED,
        mode_reasons=("above the limit",),
        subject=NASTY,
        customer_id="nora",
        opened_at=NOW,
        classification=None,
        passages=(),
        proposals=(),
        verdicts=(),
        pending_approval=pending,
        approvals=(),
        actions=(),
        messages=(Message(message_id="m1", sender="customer", text=NASTY, at=NOW),),
        commitments=(),
        escalation=None,
        waiting_until=NOW + timedelta(hours=24),
        waiting_for="approval",
        csat=None,
        sla=Sla(),
        cost=Cost(),
        linked=(),
    )


def test_a_ticket_that_waits_says_for_what_until_when_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pending = PendingApprovalView(
        request_id="T1-r1",
        binding_hash="h",
        deadline=NOW + timedelta(hours=24),
        total=Money(amount_minor=13900),
        summaries=("Refund order #W1005 = $139.00",),
        reasons=("above $50.00",),
        reply="Hello",
        action_ids=("a1",),
        approvers=("alice",),
    )
    emit({}, ticket_page(view(Status.AWAITING_APPROVAL, pending), NOW))
    out = capsys.readouterr().out
    assert out.startswith("Ticket T1: awaiting_approval\n")
    assert "approval until 2026-06-02 12:00 UTC (in 1 d)" in out
    assert "T1-r1, $139.00 in all" in out
    assert "Refund order #W1005 = $139.00" in out
    assert "decide T1 --request T1-r1 --as YOU" in out


def test_what_policy_says_twice_stands_once() -> None:
    """An action is judged when it is proposed, and again before it runs."""
    above = Reason(rule_id="refund.autonomous", ruling=Ruling.NEEDS_APPROVAL, text="above $50.00")
    said = Verdict(action_id="a1", ruling=Ruling.NEEDS_APPROVAL, reasons=(above,))
    ticket = view(Status.RESOLVED, None).model_copy(update={"verdicts": (said, said)})
    [grid] = ticket_page(ticket, NOW).grids
    assert grid.rows == [("a1", "needs_approval", "refund.autonomous", "above $50.00")]


def test_approvals_show_the_deadline_first(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = TicketSummary(
        ticket_id="T1",
        tenant="default",
        status=Status.AWAITING_APPROVAL,
        mode=Mode.ASSISTED,
        intent="refund_request",
        priority="normal",
        subject="Mug",
        request_id="T1-r1",
        deadline=NOW + timedelta(hours=3),
        action_kinds=("refund_payment",),
        total=Money(amount_minor=13900),
        rung="team",
        opened_at=NOW,
    )
    emit([waiting], approvals_page([waiting], NOW))
    line = next(line for line in capsys.readouterr().out.split("\n") if "T1-r1" in line)
    cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
    assert cells == [
        "2026-06-01 15:00 UTC (in 3 h)",
        "T1",
        "T1-r1",
        "refund_payment",
        "$139.00",
        "team",
        "Mug",
    ]
    claim = Claim(approver="alice", at=NOW, until=NOW + timedelta(minutes=15))
    claimed = waiting.model_copy(update={"claim": claim})
    for now, asked in ((NOW, "alice, until 12:15 UTC"), (claim.until, "team")):
        [row] = approvals_page([claimed], now).grids[0].rows
        assert asked in row
    assert approvals_page([], NOW).title == "Nothing waits for approval"
