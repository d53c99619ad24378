"""The switch that stops autonomous writes, and what policy said with its facts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from closeloop.models.policy import Facts, RecordedJudgement, Ruling
from closeloop.models.steps import Snapshot
from closeloop.models.stop import Stop
from closeloop.models.ticket import Assurance, Mode
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from closeloop.store.schema import audit
from closeloop.store.stops import SqlStops
from tests.store.store_support import NOON, TENANT, receipt, refused, state_of, step, view

HOUR = timedelta(hours=1)


@pytest.fixture
def stops(engine: Engine) -> SqlStops:
    return SqlStops(engine)


def test_what_nobody_approved_does_not_begin_while_it_is_stopped(
    ledger: SqlLedger, stops: SqlStops
) -> None:
    stops.stop(TENANT, "bob", "odd refunds", NOON)
    with refused("stopped"):
        ledger.begin(TENANT, step("e", ["a"], 100), NOON)
    assert state_of(ledger, "e") is None
    assert ledger.begin(TENANT, step("e", ["a"], 100, approver="ann"), NOON).state is None
    assert ledger.begin("other", step("f", ["a"], 100, tenant="other"), NOON).state is None
    stops.resume(TENANT, "bob", NOON + HOUR)
    assert ledger.begin(TENANT, step("g", ["b"], 100), NOON).state is None


def test_what_was_begun_before_is_brought_to_its_end(ledger: SqlLedger, stops: SqlStops) -> None:
    claim = step("e", ["a"], 100)
    ledger.begin(TENANT, claim, NOON)
    stops.stop(TENANT, "bob", "odd refunds", NOON)
    assert ledger.begin(TENANT, claim, NOON).state == "executing"  # it is read, not repeated
    ledger.finish(TENANT, "e", receipt(minor=100))
    assert ledger.begin(TENANT, claim, NOON).state == "done"


def test_what_waits_for_a_person_may_still_be_reserved(ledger: SqlLedger, stops: SqlStops) -> None:
    stops.stop(TENANT, "bob", "odd refunds", NOON)
    ledger.reserve(TENANT, step("e", ["a"], 100, request="r1"), NOON + HOUR)
    assert state_of(ledger, "e") == "reserved"


def test_the_first_stop_stands_and_all_is_in_the_audit_trail(
    ledger: SqlLedger, stops: SqlStops, engine: Engine
) -> None:
    assert stops.stopped(TENANT) is None
    first = Stop(by="bob", reason="odd refunds", at=NOON)
    assert stops.stop(TENANT, "bob", "odd refunds", NOON) == first
    assert stops.stop(TENANT, "ann", "me too", NOON + HOUR) == first
    assert ledger.stopped(TENANT) == stops.stopped(TENANT) == first
    assert stops.stopped("other") is None
    for _ in range(2):
        stops.resume(TENANT, "carol", NOON + 2 * HOUR)
    assert stops.stopped(TENANT) is None
    with engine.connect() as connection:
        lines = connection.execute(select(audit).order_by(audit.c.number)).all()
    assert [(line.actor, line.what, line.detail) for line in lines] == [
        ("bob", "autonomy_stopped", {"reason": "odd refunds"}),
        ("carol", "autonomy_resumed", {"reason": "odd refunds"}),
    ]


# ------------------------------------------------------------------------------- judgements


def judgement(event_id: str, hour: int = 0) -> RecordedJudgement:
    facts = Facts(
        at=NOON + hour * HOUR,
        policy_version="v",
        tenant=TENANT,
        customer_id="ann",
        assurance=Assurance.CONFIRMED,
        intent="refund_request",
        confidence=0.9,
    )
    return RecordedJudgement(
        event_id=event_id,
        facts=facts,
        mode=Mode.ASSISTED,
        rulings={"p1-a1": Ruling.NEEDS_APPROVAL},
        rules=("refund.autonomous",),
    )


def test_judgements_are_kept_once_with_their_facts(engine: Engine) -> None:
    records = SqlRecords(engine, clock=lambda: NOON)
    late, early = judgement("2:judged", 2), judgement("1:judged", 1)
    for made in ((late, early), (early,)):
        records.record(Snapshot(view=view("T1"), judgements=made))
    records.record(Snapshot(view=view("T1", tenant="other"), judgements=(early,)))
    found = records.judgements(TENANT)
    assert [one.event_id for one in found] == ["1:judged", "2:judged"]
    assert {one.ticket_id for one in found} == {"T1"}
    assert found[1].facts == late.facts
    assert (found[1].rulings, found[1].rules) == (late.rulings, late.rules)
    assert [one.event_id for one in records.judgements(TENANT, NOON + 2 * HOUR)] == ["2:judged"]
