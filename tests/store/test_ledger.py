"""The ledger, one example for each rule."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select

from closeloop.errors import BackendRefused
from closeloop.ports import Ledger
from closeloop.store.ledger import SqlLedger
from closeloop.store.schema import audit, effect_components, effects
from tests.store.store_support import NOON, TENANT, Clock, receipt, refused, state_of, step

HOUR = timedelta(hours=1)
LATER = NOON + HOUR


def test_it_is_the_port(ledger: SqlLedger) -> None:
    port: Ledger = ledger
    assert port.receipt(TENANT, "e") is None


# ------------------------------------------------------------------------------ the plain way


def test_an_effect_from_the_first_attempt_to_its_receipt(ledger: SqlLedger) -> None:
    claim = step("e", ["#W1/item:1:1"], 300)
    before = ledger.begin(TENANT, claim, NOON)
    assert (before.state, before.ticket_id, before.effect_id) == (None, None, "e")
    assert before.components == {"#W1/item:1:1": 100}
    assert state_of(ledger, "e") == "executing"
    assert ledger.receipt(TENANT, "e") is None

    ledger.finish(TENANT, "e", receipt("re_1", 300))

    assert state_of(ledger, "e") == "done"
    assert ledger.receipt(TENANT, "e") == receipt("re_1", 300)
    assert ledger.spent_today(TENANT, "ann", NOON) == (300, 300)


def test_the_row_says_who_did_what_for_whom(ledger: SqlLedger, engine: Engine) -> None:
    claim = step("e", ["a"], 300, request="T1-r1").model_copy(update={"approved_by": "maria"})
    ledger.begin(TENANT, claim, NOON)
    with engine.connect() as connection:
        row = connection.execute(select(effects)).one()
    assert (row.ticket_id, row.action_id, row.kind, row.order_id) == (
        "T1",
        "a1",
        "refund_payment",
        "#W1",
    )
    assert (row.customer_id, row.amount_minor, row.currency) == ("ann", 300, "USD")
    assert (row.request_id, row.approved_by) == ("T1-r1", "maria")
    assert (row.day, row.created_at, row.updated_at) == (date(2026, 5, 4), NOON, NOON)


def test_an_effect_that_moves_no_money_is_recorded_and_counts_nothing(ledger: SqlLedger) -> None:
    assert ledger.begin(TENANT, step("note:T1:1"), NOON).state is None
    ledger.finish(TENANT, "note:T1:1", receipt("n1"))
    assert state_of(ledger, "note:T1:1") == "done"
    assert ledger.spent_today(TENANT, "ann", NOON) == (0, 0)


def test_finishing_twice_keeps_the_first_receipt(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    ledger.finish(TENANT, "e", receipt("first"))
    ledger.finish(TENANT, "e", receipt("second"))
    found = ledger.receipt(TENANT, "e")
    assert found is not None
    assert found.receipt_id == "first"


def test_finishing_what_was_never_begun_is_refused(ledger: SqlLedger) -> None:
    with refused("no_such_effect"):
        ledger.finish(TENANT, "e", receipt())


def test_each_step_is_a_line_of_the_audit_trail(ledger: SqlLedger, engine: Engine) -> None:
    ledger.reserve(TENANT, step("e", ["a"], 300, request="T1-r1"), LATER)
    approved = step("e", ["a"], 300, request="T1-r1").model_copy(update={"approved_by": "maria"})
    ledger.begin(TENANT, approved, NOON)
    ledger.mark_unknown(TENANT, "e")
    ledger.finish(TENANT, "e", receipt("re_1"))
    ledger.finish(TENANT, "e", receipt("re_1"))
    with engine.connect() as connection:
        lines = connection.execute(select(audit).order_by(audit.c.number)).all()
    assert [(line.actor, line.what) for line in lines] == [
        ("closeloop", "effect_reserved"),
        ("maria", "effect_executing"),
        ("closeloop", "effect_unknown"),
        ("closeloop", "effect_done"),
    ]
    assert lines[1].detail == {
        "effect_id": "e",
        "kind": "refund_payment",
        "amount_minor": 300,
        "request_id": "T1-r1",
    }
    assert lines[3].detail == {"effect_id": "e", "receipt_id": "re_1"}


# ---------------------------------------------------------------------------- the same effect


@pytest.mark.parametrize("unknown", [False, True])
def test_a_retry_of_the_ticket_learns_that_it_may_have_happened(
    ledger: SqlLedger, unknown: bool
) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    if unknown:
        ledger.mark_unknown(TENANT, "e")
    again = ledger.begin(TENANT, step("e", ["a"], 300), LATER)
    assert again.state == ("unknown" if unknown else "executing")
    assert again.ticket_id == "T1"


@pytest.mark.parametrize("minor", [299, 301, None])
def test_what_may_have_happened_is_not_gone_on_with_for_another_amount(
    ledger: SqlLedger, minor: int | None
) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    with refused("effect_busy"):
        ledger.begin(TENANT, step("e", ["a"], minor), NOON)
    assert state_of(ledger, "e") == "executing"
    assert ledger.spent_today(TENANT, "ann", NOON) == (300, 300)


@pytest.mark.parametrize("unknown", [False, True])
def test_another_ticket_is_told_that_the_effect_is_busy(ledger: SqlLedger, unknown: bool) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    if unknown:
        ledger.mark_unknown(TENANT, "e")
    other = step("e", ["a"], 300, ticket="T2")
    with refused("effect_busy"):
        ledger.begin(TENANT, other, NOON)
    with refused("effect_busy"):
        ledger.reserve(TENANT, other, LATER)


def test_another_ticket_finds_the_done_effect(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    ledger.finish(TENANT, "e", receipt("re_1"))
    other = step("e", ["a"], 300, ticket="T2")
    before = ledger.begin(TENANT, other, LATER)
    assert (before.state, before.ticket_id) == ("done", "T1")
    ledger.reserve(TENANT, other, LATER)
    assert ledger.lookup(TENANT, "e", {}).ticket_id == "T1"
    assert ledger.spent_today(TENANT, "ann", NOON) == (300, 300)


def test_what_another_tickets_approval_holds_is_an_overlap(ledger: SqlLedger) -> None:
    ledger.reserve(TENANT, step("e", ["a"], 300), LATER)
    with refused("effect_overlap"):
        ledger.begin(TENANT, step("e", ["a"], 300, ticket="T2"), NOON)
    with refused("effect_overlap"):
        ledger.reserve(TENANT, step("e", ["a"], 300, ticket="T2"), LATER)


def test_a_failed_effect_may_begin_anew_by_anyone(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    ledger.fail(TENANT, "e", "card_closed")
    before = ledger.begin(TENANT, step("e", ["a"], 200, ticket="T2"), NOON)
    assert (before.state, before.ticket_id) == ("failed", "T1")
    now = ledger.lookup(TENANT, "e", {})
    assert (now.state, now.ticket_id) == ("executing", "T2")
    assert ledger.spent_today(TENANT, "ann", NOON) == (200, 200)


def test_a_failure_keeps_its_code_in_bounds(ledger: SqlLedger, engine: Engine) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    ledger.fail(TENANT, "e", "x" * 5_000)
    with engine.connect() as connection:
        assert len(connection.execute(select(effects.c.error_code)).scalar_one()) == 100


@pytest.mark.parametrize("late", ["fail", "mark_unknown", "release"])
def test_done_is_never_undone(ledger: SqlLedger, late: str) -> None:
    ledger.reserve(TENANT, step("e", ["a"], 300, request="T1-r1"), LATER)
    ledger.begin(TENANT, step("e", ["a"], 300, request="T1-r1"), NOON)
    ledger.finish(TENANT, "e", receipt())
    match late:
        case "fail":
            ledger.fail(TENANT, "e", "timeout")
        case "mark_unknown":
            ledger.mark_unknown(TENANT, "e")
        case _:
            ledger.release(TENANT, ["e"], "T1-r1")
    assert state_of(ledger, "e") == "done"
    assert ledger.receipt(TENANT, "e") == receipt()
    with refused("effect_overlap"):
        ledger.begin(TENANT, step("f", ["a"], 100), NOON)


def test_a_late_word_on_an_attempt_does_not_touch_a_newer_reservation(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    ledger.fail(TENANT, "e", "declined")
    ledger.reserve(TENANT, step("e", ["a"], 300, ticket="T2", request="T2-r1"), LATER)
    ledger.fail(TENANT, "e", "declined")
    ledger.mark_unknown(TENANT, "e")
    now = ledger.lookup(TENANT, "e", {})
    assert (now.state, now.ticket_id) == ("reserved", "T2")


def test_a_late_word_on_what_was_never_begun_changes_nothing(ledger: SqlLedger) -> None:
    ledger.fail(TENANT, "e", "declined")
    ledger.mark_unknown(TENANT, "e")
    ledger.release(TENANT, ["e"], "T1-r1")
    assert state_of(ledger, "e") is None


def test_what_was_taken_back_may_be_made_anew(ledger: SqlLedger) -> None:
    for times in range(2):
        claim = step("address", ["a"], ticket=f"T{times}")
        assert ledger.begin(TENANT, claim, NOON).taken_back == times
        ledger.finish(TENANT, "address", receipt())
        undo = step(f"undo:{times}").model_copy(update={"takes_back": "address"})
        ledger.begin(TENANT, undo, NOON)
        assert state_of(ledger, "address") == "done", "it stands until the undo is done"
        ledger.finish(TENANT, undo.effect_id, receipt(undo.effect_id))
        assert state_of(ledger, "address") == "released"
        assert ledger.receipt(TENANT, "address") is None
        assert ledger.lookup(TENANT, "f", {"a": 1}).overlap is None
    assert ledger.begin(TENANT, step("address", ["a"]), NOON).taken_back == 2
    ledger.finish(TENANT, "address", receipt())
    ledger.finish(TENANT, "undo:1", receipt("undo:1"))
    assert state_of(ledger, "address") == "done", "an undo that is heard of twice undoes nothing"


# --------------------------------------------------------------------------------- overlaps


def test_two_effects_cannot_claim_one_component(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("all", ["a", "b"], 300), NOON)
    with pytest.raises(BackendRefused, match=r"'one' overlaps 'all', .* claims 'b'") as refusal:
        ledger.begin(TENANT, step("one", ["b"], 100), NOON)
    assert refusal.value.code == "effect_overlap"
    assert ledger.lookup(TENANT, "one", {"b": 1}).overlap == "all"
    assert ledger.lookup(TENANT, "one", {"c": 1}).overlap is None
    assert state_of(ledger, "one") is None, "a refusal leaves nothing behind"


@pytest.mark.parametrize("end", ["fail", "release", "expire"])
def test_what_was_given_up_is_free_again(ledger: SqlLedger, clock: Clock, end: str) -> None:
    first = step("all", ["a", "b"], 1_000, request="T1-r1")
    if end == "fail":
        ledger.begin(TENANT, first, NOON)
        ledger.mark_unknown(TENANT, "all")
        ledger.fail(TENANT, "all", "declined")
    else:
        ledger.reserve(TENANT, first, LATER)
        if end == "release":
            ledger.release(TENANT, ["all", "never"], "T1-r1")
        else:
            clock.now = LATER
    assert ledger.lookup(TENANT, "one", {"b": 1}).overlap is None
    assert ledger.begin(TENANT, step("one", ["b"], 1_000, ticket="T2"), clock.now).state is None


def test_a_component_of_another_tenant_is_another_component(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 1_000), NOON)
    assert ledger.begin("other", step("e", ["a"], 1_000, tenant="other"), NOON).state is None
    assert ledger.begin("other", step("e", ["a"], 1_000, tenant="other"), NOON).state == "executing"
    ledger.finish("other", "e", receipt("theirs"))
    assert state_of(ledger, "e") == "executing"
    assert ledger.receipt(TENANT, "e") is None
    assert ledger.spent_today("other", "ann", NOON) == (1_000, 1_000)


def test_a_receipt_that_comes_after_the_effect_was_given_up_is_believed(
    ledger: SqlLedger, engine: Engine
) -> None:
    ledger.begin(TENANT, step("all", ["a", "b"], 300), NOON)
    ledger.fail(TENANT, "all", "declined")
    ledger.begin(TENANT, step("one", ["b"], 100), NOON)
    ledger.finish(TENANT, "all", receipt("late"))
    assert state_of(ledger, "all") == "done"
    assert ledger.spent_today(TENANT, "ann", NOON) == (400, 400)
    with refused("effect_overlap"):
        ledger.begin(TENANT, step("two", ["a"], 100), NOON)
    with engine.connect() as connection:
        live = connection.execute(select(effect_components).where(effect_components.c.live)).all()
    assert {(row.component_id, row.effect_id) for row in live} == {("a", "all"), ("b", "one")}


# --------------------------------------------------------------------------- made by a person


def test_what_a_person_did_is_entered_without_asking_limits(ledger: SqlLedger) -> None:
    ledger.record_done(TENANT, step("e", ["a"], 5_000), receipt("desk", 4_000, at=NOON - 2 * HOUR))
    assert state_of(ledger, "e") == "done"
    assert ledger.receipt(TENANT, "e") == receipt("desk", 4_000, at=NOON - 2 * HOUR)
    assert ledger.spent_today(TENANT, "ann", NOON) == (4_000, 4_000), "what the receipt says"
    assert ledger.lookup(TENANT, "f", {"a": 1}).overlap == "e"
    assert ledger.begin(TENANT, step("e", ["a"], 5_000, ticket="T2"), NOON).state == "done"


def test_what_a_person_did_counts_on_its_own_day(ledger: SqlLedger) -> None:
    yesterday = NOON - timedelta(days=1)
    ledger.record_done(TENANT, step("e", ["a"], 900), receipt("desk", at=yesterday))
    assert ledger.spent_today(TENANT, "ann", yesterday) == (900, 900)
    assert ledger.spent_today(TENANT, "ann", NOON) == (0, 0)


def test_a_person_settles_what_was_unknown_and_what_was_done_stays(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    ledger.mark_unknown(TENANT, "e")
    ledger.record_done(TENANT, step("e", ["a"], 300), receipt("first"))
    ledger.record_done(TENANT, step("e", ["a"], 300), receipt("second"))
    found = ledger.receipt(TENANT, "e")
    assert found is not None
    assert found.receipt_id == "first"


def test_what_a_person_did_claims_only_what_is_free(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("one", ["a"], 100), NOON)
    ledger.record_done(TENANT, step("all", ["a", "b"], 200), receipt("desk"))
    assert ledger.lookup(TENANT, "x", {"a": 1}).overlap == "one"
    assert ledger.lookup(TENANT, "x", {"b": 1}).overlap == "all"
