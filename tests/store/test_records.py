"""The projections: written twice, late or out of order, they show the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from closeloop.models.approval import ApprovalOutcome, Edit
from closeloop.models.base import Money
from closeloop.models.labels import DecisionLabel
from closeloop.models.proposal import EscalationDraft
from closeloop.models.routing import Route
from closeloop.models.state import Escalation, OutcomeEvent
from closeloop.models.steps import RequestApproval, Snapshot
from closeloop.models.ticket import Mode, Status
from closeloop.ports import Records
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from closeloop.store.schema import approvals, audit, effects, tickets
from tests.store.store_support import NOON, Clock, by_day, step, view

HOUR = timedelta(hours=1)


@pytest.fixture
def records(engine: Engine) -> SqlRecords:
    return SqlRecords(engine, clock=lambda: NOON)


def event(number: int, kind: str = "first_response", hour: int = 0, **data: str) -> OutcomeEvent:
    at = NOON + hour * HOUR
    return OutcomeEvent(event_id=f"{number}:{kind}", kind=kind, at=at, data=dict(data))


def request(
    ticket_id: str = "T1",
    number: int = 1,
    *,
    tenant: str = "shop",
    hours: int = 24,
    total: int | None = 900,
    sequence: int = 0,
) -> RequestApproval:
    shown = view(ticket_id, tenant=tenant, status=Status.AWAITING_APPROVAL)
    return RequestApproval(
        tenant=tenant,
        ticket_id=ticket_id,
        request_id=f"{ticket_id}-r{number}",
        customer_id="ann",
        action_kinds=("refund_payment", "add_crm_note"),
        effects=(),
        total=None if total is None else Money(amount_minor=total, currency="EUR"),
        deadline=NOON + hours * HOUR,
        snapshot=Snapshot(view=shown, sequence=sequence),
    )


def test_it_is_the_port(records: SqlRecords) -> None:
    port: Records = records
    port.record(Snapshot(view=view()))


# --------------------------------------------------------------------------------- tickets


def test_a_snapshot_is_shown_and_listed(records: SqlRecords) -> None:
    records.record(Snapshot(view=view()))
    assert records.get_ticket_view("shop", "T1") == view()
    (row,) = records.list_tickets("shop")
    assert row.model_dump() == {
        "ticket_id": "T1",
        "tenant": "shop",
        "status": Status.WORKING,
        "mode": Mode.AUTONOMOUS,
        "intent": "refund",
        "priority": "high",
        "subject": "Where is my refund, T1?",
        "request_id": None,
        "deadline": None,
        "action_kinds": (),
        "total": None,
        "rung": None,
        "claim": None,
        "queue": None,
        "person": None,
        "opened_at": NOON,
    }


def test_a_ticket_not_classified_yet_has_no_intent(records: SqlRecords) -> None:
    records.record(Snapshot(view=view().model_copy(update={"classification": None})))
    (row,) = records.list_tickets("shop")
    assert (row.intent, row.priority) == (None, None)


def test_a_late_snapshot_never_overwrites_a_newer_one(records: SqlRecords) -> None:
    records.record(Snapshot(view=view(status=Status.RESOLVED), sequence=5, events=(event(5),)))
    records.record(Snapshot(view=view(status=Status.WORKING), sequence=4, events=(event(4),)))
    found = records.get_ticket_view("shop", "T1")
    assert found is not None
    assert found.status is Status.RESOLVED
    assert [row.status for row in records.list_tickets("shop")] == [Status.RESOLVED]
    ids = [found.event_id for found in records.events("shop")]
    assert ids == ["5:first_response", "4:first_response"], "what it measured counts all the same"


@pytest.mark.parametrize("sequence", [5, 6])
def test_a_repeated_or_newer_snapshot_is_taken(
    records: SqlRecords, engine: Engine, sequence: int
) -> None:
    records.record(Snapshot(view=view(), sequence=5))
    records.record(Snapshot(view=view(status=Status.CLOSED), sequence=sequence))
    with engine.connect() as connection:
        row = connection.execute(select(tickets)).one()
    assert (row.status, row.sequence, row.opened_at) == ("closed", sequence, NOON)


def test_tickets_are_listed_newest_first_by_status_and_tenant(records: SqlRecords) -> None:
    records.record(Snapshot(view=view("T1", opened=1)))
    records.record(Snapshot(view=view("T2", opened=3, status=Status.CLOSED)))
    records.record(Snapshot(view=view("T3", opened=2)))
    records.record(Snapshot(view=view("T1", tenant="other")))
    assert [row.ticket_id for row in records.list_tickets("shop")] == ["T2", "T3", "T1"]
    assert [row.ticket_id for row in records.list_tickets("shop", Status.WORKING)] == ["T3", "T1"]
    assert [row.tenant for row in records.list_tickets("other")] == ["other"]
    assert records.list_tickets("nobody") == ()
    assert records.get_ticket_view("other", "T2") is None


# ------------------------------------------------------------------------------- approvals


def test_approvals_are_listed_oldest_deadline_first(records: SqlRecords) -> None:
    records.publish_approval(request("T1", hours=24))
    records.publish_approval(request("T2", hours=4, total=None))
    records.publish_approval(request("T3", hours=8, tenant="other"))
    rows = records.list_approvals("shop")
    assert [(row.ticket_id, row.request_id) for row in rows] == [("T2", "T2-r1"), ("T1", "T1-r1")]
    assert rows[1].total == Money(amount_minor=900, currency="EUR")
    assert rows[0].total is None
    assert rows[0].action_kinds == ("refund_payment", "add_crm_note")
    assert (rows[0].deadline, rows[0].status) == (NOON + 4 * HOUR, Status.AWAITING_APPROVAL)
    assert rows[0].subject == "Where is my refund, T2?"
    assert [row.ticket_id for row in records.list_approvals()] == ["T2", "T3", "T1"]


def test_the_list_of_tickets_names_the_request_a_ticket_waits_for(records: SqlRecords) -> None:
    records.publish_approval(request("T1", 1, hours=4))
    records.settle_approval("shop", "T1", "T1-r1", "rejected")
    records.publish_approval(request("T1", 2, hours=9))
    (row,) = records.list_tickets("shop")
    assert (row.request_id, row.deadline) == ("T1-r2", NOON + 9 * HOUR)


def test_a_ticket_is_listed_once_while_one_request_follows_another(records: SqlRecords) -> None:
    records.publish_approval(request("T1", 1, hours=4))
    records.publish_approval(request("T1", 2, hours=9))
    (row,) = records.list_tickets("shop")
    assert row.request_id == "T1-r2"


def test_publishing_again_changes_the_row_and_adds_none(records: SqlRecords) -> None:
    records.publish_approval(request(hours=4))
    records.publish_approval(request(hours=6, total=500))
    (row,) = records.list_approvals("shop")
    assert row.deadline == NOON + 6 * HOUR
    assert row.total == Money(amount_minor=500, currency="EUR")


def test_a_row_says_who_has_an_escalated_ticket(records: SqlRecords) -> None:
    route = Route(queue="money", queue_name="Payments", person="dana", person_name="Dana")
    away = Escalation(
        number=1,
        reason="topic.safety",
        draft=EscalationDraft(reason="safety", summary="s", recommendation="r"),
        since=NOON,
        route=route,
    )
    told = view(status=Status.ESCALATED).model_copy(update={"escalation": away})
    records.record(Snapshot(view=told, sequence=1))
    (row,) = records.list_tickets("shop")
    assert (row.queue, row.person) == ("money", "dana")
    taken = away.model_copy(update={"taken_by": "bob"})
    records.record(Snapshot(view=told.model_copy(update={"escalation": taken}), sequence=2))
    assert records.list_tickets("shop")[0].person == "bob"
    back = told.model_copy(update={"escalation": taken, "status": Status.RESOLVED})
    records.record(Snapshot(view=back, sequence=3))
    (row,) = records.list_tickets("shop")
    assert (row.queue, row.person) == (None, None)


def test_a_settled_request_leaves_the_list_and_keeps_its_first_outcome(
    records: SqlRecords, engine: Engine
) -> None:
    records.publish_approval(request())
    records.settle_approval("shop", "T1", "T1-r1", "approved")
    records.settle_approval("shop", "T1", "T1-r1", "expired")
    records.publish_approval(request())
    assert records.list_approvals("shop") == ()
    assert records.list_tickets("shop")[0].request_id is None
    with engine.connect() as connection:
        row = connection.execute(select(approvals)).one()
    assert (row.outcome, row.settled_at, row.total_minor) == ("approved", NOON, 900)


def test_a_publication_that_comes_after_the_end_does_not_open_it_again(
    records: SqlRecords,
) -> None:
    records.settle_approval("shop", "T1", "T1-r1", "withdrawn")
    records.publish_approval(request())
    assert records.list_approvals("shop") == ()


def test_a_late_publication_leaves_the_newer_ticket_alone(records: SqlRecords) -> None:
    records.record(Snapshot(view=view(status=Status.RESOLVED), sequence=9))
    records.publish_approval(request(sequence=3))
    assert records.list_tickets("shop")[0].status is Status.RESOLVED


# ---------------------------------------------------------------------------------- events


def test_events_are_inserted_once_and_read_in_order(records: SqlRecords) -> None:
    first, second, third = (
        event(1, hour=2),
        event(2, "resolved", hour=1),
        event(3, "closed", hour=3),
    )
    records.record(Snapshot(view=view(), events=(first, second)))
    records.record(Snapshot(view=view(), events=(second, third)))
    found = records.events("shop")
    assert [(e.ticket_id, e.event_id) for e in found] == [
        ("T1", "2:resolved"),
        ("T1", "1:first_response"),
        ("T1", "3:closed"),
    ]
    assert found[0].at == NOON + HOUR


def test_events_of_one_moment_keep_the_order_they_were_written_in(records: SqlRecords) -> None:
    many = tuple(event(n, kind) for n, kind in enumerate(["resolved", "reopened", "resolved"]))
    records.record(Snapshot(view=view(), events=many))
    assert [e.kind for e in records.events("shop")] == ["resolved", "reopened", "resolved"]


def test_events_are_read_from_a_time_on_and_by_tenant(records: SqlRecords) -> None:
    records.record(Snapshot(view=view(), events=(event(1, hour=1), event(2, hour=2))))
    records.record(Snapshot(view=view(tenant="other"), events=(event(1, hour=5),)))
    assert [e.event_id for e in records.events("shop", NOON + 2 * HOUR)] == ["2:first_response"]
    assert [e.at for e in records.events("other")] == [NOON + 5 * HOUR]


def test_the_same_event_id_on_two_tickets_is_two_events(records: SqlRecords) -> None:
    records.record(Snapshot(view=view("T1"), events=(event(1),)))
    records.record(Snapshot(view=view("T2"), events=(event(1),)))
    assert [e.ticket_id for e in records.events("shop")] == ["T1", "T2"]


def test_event_data_comes_back_as_it_was(records: SqlRecords) -> None:
    data: dict[str, str | int | float | bool | None] = {
        "reason": "Zoë's — “legal”",
        "seconds": 1.5,
        "usd_micros": 2**53 - 1,
        "autonomous": True,
        "within_sla": None,
    }
    row = OutcomeEvent(event_id="1", kind="resolved", at=NOON, data=data)
    records.record(Snapshot(view=view(), events=(row,)))
    assert records.events("shop")[0].data == data


# ----------------------------------------------------------------------------------- audit


def test_each_new_event_is_one_line_of_the_audit_trail(records: SqlRecords, engine: Engine) -> None:
    decided = ApprovalOutcome(request_id="T1-r1", outcome="approved", approver="maria", at=NOON)
    snapshot = Snapshot(
        view=view(outcomes=(decided,)),
        events=(
            event(1, "first_response", hour=1),
            event(2, "decided", hour=2, request_id="T1-r1", outcome="approved"),
            event(3, "decided", hour=3, request_id="T1-r0", outcome="expired"),
        ),
    )
    records.record(snapshot)
    records.record(snapshot)
    with engine.connect() as connection:
        lines = connection.execute(select(audit).order_by(audit.c.number)).all()
    assert [(line.actor, line.what) for line in lines] == [
        ("closeloop", "first_response"),
        ("maria", "decided"),
        ("closeloop", "decided"),
    ]
    assert (lines[1].at, lines[1].ticket_id) == (NOON + 2 * HOUR, "T1")
    assert lines[1].detail == {
        "event_id": "2:decided",
        "data": {"request_id": "T1-r1", "outcome": "approved"},
    }


# ------------------------------------------------------------------------------- decisions


def label(request_id: str, hour: int, outcome: str = "rejected", **more: object) -> DecisionLabel:
    given = {
        "request_id": request_id,
        "at": NOON + hour * HOUR,
        "outcome": outcome,
        "approver": "maria",
        "actions": [
            {"action_id": "p1-a1", "kind": "refund_payment", "params": {"amount_minor": 7}}
        ],
    }
    return DecisionLabel.model_validate(given | more)


def test_what_people_decided_is_kept_in_their_order_and_the_first_word_stays(
    records: SqlRecords,
) -> None:
    edit = {"reply": "Fine.", "actions": [{"action_id": "p1-a1", "drop": True}]}
    records.keep_decision("shop", "T2", label("T2-r1", 2, "approved", edit=edit))
    records.keep_decision("shop", "T1", label("T1-r1", 1, reason="tone", words="Too curt."))
    records.keep_decision("shop", "T1", label("T1-r1", 3, "approved"))
    records.keep_decision("other", "T1", label("T1-r1", 1))
    found = records.decisions("shop")
    assert [(one.ticket_id, one.outcome, one.reason) for one in found] == [
        ("T1", "rejected", "tone"),
        ("T2", "approved", None),
    ]
    assert found[1].edit == Edit.model_validate(edit)
    assert found[1].actions[0].params == {"amount_minor": 7}
    assert [one.ticket_id for one in records.decisions("shop", NOON + 2 * HOUR)] == ["T2"]


# ----------------------------------------------------------------------------------- sweep


def test_the_sweeper_frees_expired_reservations_of_every_tenant(
    records: SqlRecords, engine: Engine
) -> None:
    ledger = SqlLedger(engine, by_day(1_000, 1_000), clock=Clock())
    for tenant in ("shop", "other"):
        for number, hours in enumerate((1, 2, 3)):
            claim = step(f"e{number}", [f"c{number}"], 100, tenant=tenant)
            ledger.reserve(tenant, claim, NOON + hours * HOUR)
    ledger.begin("shop", step("e0", ["c0"], 100), NOON)
    assert records.sweep(NOON) == 0
    assert records.sweep(NOON + 2 * HOUR) == 3
    assert records.sweep(NOON + 2 * HOUR) == 0
    with engine.connect() as connection:
        rows = connection.execute(select(effects)).all()
    assert {(row.tenant, row.effect_id): row.state for row in rows} == {
        ("shop", "e0"): "executing",
        ("shop", "e1"): "released",
        ("shop", "e2"): "reserved",
        ("other", "e0"): "released",
        ("other", "e1"): "released",
        ("other", "e2"): "reserved",
    }
    assert ledger.begin("other", step("f", ["c0"], 100, tenant="other"), NOON).state is None
