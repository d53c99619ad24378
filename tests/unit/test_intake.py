"""What callers hand in: tickets, follow-ups, and ids that make repeating harmless."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from closeloop import intake
from closeloop.cli.inputs import parse_since
from closeloop.errors import BadInput, Refused
from closeloop.executions import completed
from closeloop.models.approval import ActionEdit, Edit, RecordedResolution
from closeloop.models.ticket import Assurance, Mode, Status, TicketRequest
from closeloop.models.view import TicketSummary

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIVEN: dict[str, object] = {
    "ticket_id": "T1",
    "customer": {"email": "nora@example.com"},
    "subject": "Mug",
    "body": "Please refund it.",
    "order_ids": ["#W1001"],
    "assurance": "confirmed",
}


def test_a_request_becomes_a_ticket_of_the_callers_tenant() -> None:
    ticket = intake.make_ticket(GIVEN, tenant="acme", now=NOW)
    assert (ticket.ticket_id, ticket.tenant, ticket.received_at) == ("T1", "acme", NOW)
    assert ticket.assurance is Assurance.CONFIRMED
    same = intake.make_ticket(
        TicketRequest.model_validate(GIVEN | {"tenant": "acme"}), tenant="acme", now=NOW
    )
    assert same == ticket


def test_the_same_content_is_known_again_whenever_it_came() -> None:
    first = intake.make_ticket(GIVEN, tenant="default", now=NOW)
    later = intake.make_ticket(GIVEN, tenant="default", now=NOW + timedelta(days=1))
    other = intake.make_ticket(GIVEN | {"body": "Another"}, tenant="default", now=NOW)
    assert first.content_hash() == later.content_hash() != other.content_hash()


def test_a_request_that_names_another_tenant_is_refused() -> None:
    with pytest.raises(Refused, match="'default', and this caller acts for 'acme'") as caught:
        intake.make_ticket(GIVEN | {"tenant": "default"}, tenant="acme", now=NOW)
    assert caught.value.code == "wrong_tenant"


def test_a_message_from_the_future_is_refused_beyond_a_little_skew() -> None:
    skewed = (NOW + timedelta(minutes=5)).isoformat()
    assert intake.make_ticket(
        GIVEN | {"received_at": skewed}, tenant="default", now=NOW
    ).received_at == NOW + timedelta(minutes=5)
    future = (NOW + timedelta(minutes=5, seconds=1)).isoformat()
    with pytest.raises(BadInput, match="lies in the future") as caught:
        intake.make_ticket(GIVEN | {"received_at": future}, tenant="default", now=NOW)
    assert caught.value.field == "received_at"


def test_random_ids_are_valid_and_differ() -> None:
    del (given := dict(GIVEN))["ticket_id"]
    ids = {intake.make_ticket(given, tenant="default", now=NOW).ticket_id for _ in range(200)}
    assert len(ids) == 200
    for ticket_id in ids:
        assert len(ticket_id) >= 12
        assert (
            intake.make_ticket(
                given | {"ticket_id": ticket_id}, tenant="default", now=NOW
            ).ticket_id
            == ticket_id
        )


def test_a_follow_up_keeps_the_customer_and_orders_with_an_assurance_of_its_own() -> None:
    closed = intake.make_ticket(GIVEN, tenant="acme", now=NOW)
    later = NOW + timedelta(days=30)
    ticket = intake.follow_up(closed, "Still broken", "T1~2", Assurance.NONE, now=later)
    assert (ticket.ticket_id, ticket.tenant, ticket.subject) == ("T1~2", "acme", "Follow-up to T1")
    assert (ticket.customer, ticket.order_ids) == (closed.customer, closed.order_ids)
    assert (ticket.body, ticket.received_at) == ("Still broken", later)
    assert ticket.assurance is Assurance.NONE


def decision(
    request: str = "R1", who: str = "alice", *, words: str = "", amount: int | None = None
) -> str:
    """Return the id of an approval."""
    edit = Edit(actions=(ActionEdit(action_id="a", amount_minor=amount),)) if amount else None
    return intake.decision_id(request, who, approve=True, reason=None, words=words, edit=edit)


def test_the_same_decision_has_the_same_id_and_another_does_not() -> None:
    assert decision() == decision()
    rejected = intake.decision_id("R1", "alice", approve=False, reason="tone", words="", edit=None)
    ids = {
        decision(),
        decision("R2"),
        decision(who="bob"),
        decision(words="ok"),
        decision(amount=5),
        decision(amount=6),
        rejected,
    }
    assert len(ids) == 7


def operation(name: str, *, summary: str | None = None, after: str | None = "m1") -> str:
    """Return the id of an operation."""
    done = RecordedResolution(summary=summary) if summary else None
    return intake.operation_id(name, "alice", resolution=done, mode=None, after=after)


def test_recording_the_same_resolution_twice_is_one_operation() -> None:
    recorded = operation("record_resolution", summary="called")
    assert recorded == operation("record_resolution", summary="called")
    assert recorded != operation("record_resolution", summary="wrote")
    assert recorded != operation("record_resolution", summary="called", after="m2")
    lowered = intake.operation_id(
        "lower_mode", "alice", resolution=None, mode=Mode.ASSISTED, after=None
    )
    assert lowered == intake.operation_id(
        "lower_mode", "alice", resolution=None, mode=Mode.ASSISTED, after=None
    )


@pytest.mark.parametrize("name", ["take_over", "hand_back"])
def test_taking_over_again_is_another_operation(name: str) -> None:
    assert operation(name) != operation(name)


def test_ids_that_reach_temporal_do_not_show_an_address() -> None:
    digest = intake.message_digest("<20260601.nora@example.com>")
    assert "nora" not in digest
    assert digest == intake.message_digest("<20260601.nora@example.com>")


@pytest.mark.parametrize(
    ("text", "stands_for"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("24h", NOW - timedelta(hours=24)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T10:00:00+02:00", datetime(2026, 5, 1, 8, tzinfo=UTC)),
        ("2026-05-01T10:00:00Z", datetime(2026, 5, 1, 10, tzinfo=UTC)),
    ],
)
def test_since(text: str, stands_for: datetime) -> None:
    assert parse_since(text, now=NOW) == stands_for


@pytest.mark.parametrize("text", ["", "soon", "7", "0d", "-7d", "999999d", "2026-13-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_since(text, now=NOW)
    assert caught.value.field == "since"


def row(ticket_id: str, status: Status, *, subject: str = "", age: int = 0) -> TicketSummary:
    """Return a row of a list."""
    return TicketSummary(
        ticket_id=ticket_id,
        tenant="default",
        status=status,
        mode=Mode.AUTONOMOUS,
        intent=None,
        priority=None,
        subject=subject,
        opened_at=NOW - timedelta(minutes=age),
    )


def test_a_list_has_the_status_of_visibility_and_the_words_of_the_database() -> None:
    visible = [row("A", Status.RESOLVED, age=2), row("B", Status.NEW, age=1)]
    rows = [
        row("A", Status.WORKING, subject="late", age=2),
        row("C", Status.CLOSED, subject="expired", age=9),
        row("D", Status.WORKING, subject="nobody knows it"),
    ]
    found = completed(visible, rows, None)
    assert [(one.ticket_id, one.status, one.subject) for one in found] == [
        ("B", Status.NEW, ""),
        ("A", Status.RESOLVED, "late"),
        ("C", Status.CLOSED, "expired"),
    ]
    assert [one.ticket_id for one in completed(visible, rows, Status.RESOLVED)] == ["B", "A"]
    assert [one.ticket_id for one in completed([], rows, Status.CLOSED)] == ["C"]
