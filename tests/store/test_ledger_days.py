"""The ledger's limits on a day, and its reservations, one example for each rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine

from closeloop.errors import BackendRefused
from closeloop.store.ledger import SqlLedger
from tests.store.store_support import NOON, TENANT, Clock, by_day, receipt, refused, state_of, step

HOUR = timedelta(hours=1)
LATER = NOON + HOUR


# ----------------------------------------------------------------------------------- limits


def test_a_customers_day_has_a_limit(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e1", ["a"], 600), NOON)
    with pytest.raises(BackendRefused, match='limit "customer\'s day": 600 of 1000') as no:
        ledger.begin(TENANT, step("e2", ["b"], 401), NOON)
    assert no.value.code == "limit_reached"
    ledger.begin(TENANT, step("e2", ["b"], 400), NOON)
    assert ledger.spent_today(TENANT, "ann", NOON) == (1_000, 1_000)


def test_a_tenants_day_has_a_limit(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e1", ["a"], 900), NOON)
    with pytest.raises(BackendRefused, match='limit "tenant\'s day": 900 of 1500'):
        ledger.begin(TENANT, step("e2", ["b"], 700, customer="bob"), NOON)
    ledger.reserve(TENANT, step("e2", ["b"], 600, customer="bob"), LATER)
    assert ledger.spent_today(TENANT, "bob", NOON) == (600, 1_500)


def test_customers_nobody_knows_share_one_limit(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e1", ["a"], 900, customer=None), NOON)
    assert ledger.spent_today(TENANT, None, NOON) == (900, 900)
    assert ledger.spent_today(TENANT, "ann", NOON) == (0, 900)
    with refused("limit_reached"):
        ledger.begin(TENANT, step("e2", ["b"], 200, customer=None), NOON)


def test_limits_are_asked_again_when_the_reserved_effect_begins(
    engine: Engine, clock: Clock
) -> None:
    limits = [by_day(1_000, 1_500), by_day(200, 1_500)]
    ledger = SqlLedger(engine, lambda _tenant: limits.pop(0)(_tenant), clock=clock)
    ledger.reserve(TENANT, step("e", ["a"], 300), LATER)
    with refused("limit_reached"):
        ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    assert state_of(ledger, "e") == "reserved"


def test_effects_without_money_pass_when_the_limit_is_used_up(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 1_000), NOON)
    assert ledger.begin(TENANT, step("address:1", []), NOON).state is None
    assert ledger.begin(TENANT, step("free", ["b"], 0), NOON).state is None


def test_a_negative_amount_is_refused(ledger: SqlLedger) -> None:
    for act in (
        lambda: ledger.begin(TENANT, step("e", ["a"], -1), NOON),
        lambda: ledger.reserve(TENANT, step("e", ["a"], -1), LATER),
        lambda: ledger.record_done(TENANT, step("e", ["a"], -1), receipt()),
    ):
        with refused("bad_amount"):
            act()
    assert state_of(ledger, "e") is None


def test_failed_money_does_not_count(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 900), NOON)
    ledger.fail(TENANT, "e", "declined")
    assert ledger.spent_today(TENANT, "ann", NOON) == (0, 0)


def test_the_day_is_that_of_utc(ledger: SqlLedger) -> None:
    late = datetime(2026, 5, 4, 23, 30, tzinfo=UTC)
    elsewhere = late.astimezone(timezone(timedelta(hours=5)))
    ledger.begin(TENANT, step("e", ["a"], 900), elsewhere)
    assert ledger.spent_today(TENANT, "ann", late) == (900, 900)
    assert ledger.spent_today(TENANT, "ann", elsewhere) == (900, 900)
    assert ledger.spent_today(TENANT, "ann", late + HOUR) == (0, 0)
    ledger.finish(TENANT, "e", receipt(at=late + HOUR))
    assert ledger.spent_today(TENANT, "ann", late) == (900, 900), "it counts on the day it began"


def test_own_effects_can_be_left_out_of_the_sum(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e1", ["a"], 300), NOON)
    ledger.begin(TENANT, step("e2", ["b"], 200), NOON)
    assert ledger.spent_today(TENANT, "ann", NOON, besides=["e1", "other"]) == (200, 200)


# ----------------------------------------------------------------------------- reservations


def test_a_reservation_becomes_the_execution(ledger: SqlLedger) -> None:
    ledger.reserve(TENANT, step("e", ["a"], 1_000, request="T1-r1"), LATER)
    assert ledger.spent_today(TENANT, "ann", NOON) == (1_000, 1_000)
    before = ledger.begin(TENANT, step("e", ["a"], 1_000, request="T1-r1"), NOON)
    assert (before.state, before.ticket_id) == ("reserved", "T1")
    ledger.release(TENANT, ["e"], "T1-r1")
    assert state_of(ledger, "e") == "executing", "only what was never executed is released"


def test_an_approver_may_lower_the_amount_before_it_runs(ledger: SqlLedger) -> None:
    ledger.reserve(TENANT, step("e", ["a"], 1_000), LATER)
    ledger.begin(TENANT, step("e", ["a"], 400), NOON)
    assert ledger.spent_today(TENANT, "ann", NOON) == (400, 400)


def test_a_reservation_of_yesterday_counts_today(ledger: SqlLedger) -> None:
    ledger.reserve(TENANT, step("e", ["a"], 1_000), NOON + timedelta(days=2))
    tomorrow = NOON + timedelta(days=1)
    assert ledger.spent_today(TENANT, "ann", tomorrow) == (1_000, 1_000)
    with refused("limit_reached"):
        ledger.begin(TENANT, step("f", ["b"], 100), tomorrow)
    ledger.begin(TENANT, step("e", ["a"], 1_000), tomorrow)
    assert ledger.spent_today(TENANT, "ann", NOON) == (0, 0)
    assert ledger.spent_today(TENANT, "ann", tomorrow) == (1_000, 1_000)


def test_a_reservation_ends_at_its_deadline(ledger: SqlLedger, clock: Clock) -> None:
    ledger.reserve(TENANT, step("e", ["a"], 1_000), LATER)
    clock.now = LATER - timedelta(microseconds=1)
    assert ledger.lookup(TENANT, "f", {"a": 1}).overlap == "e"
    assert ledger.spent_today(TENANT, "ann", clock.now) == (1_000, 1_000)
    clock.now = LATER
    assert ledger.lookup(TENANT, "f", {"a": 1}).overlap is None
    assert state_of(ledger, "e") == "released"
    assert ledger.spent_today(TENANT, "ann", LATER) == (0, 0)
    assert ledger.begin(TENANT, step("e", ["a"], 1_000), LATER).state == "released"


def test_a_late_release_does_not_free_the_next_request(ledger: SqlLedger) -> None:
    ledger.reserve(TENANT, step("e", ["a"], 500, request="T1-r1"), LATER)
    ledger.reserve(TENANT, step("e", ["a"], 400, request="T1-r2"), LATER)
    ledger.release(TENANT, ["e"], "T1-r1")
    assert state_of(ledger, "e") == "reserved"
    assert ledger.spent_today(TENANT, "ann", NOON) == (400, 400)
    ledger.release(TENANT, ["e"], "T1-r2")
    assert state_of(ledger, "e") == "released"


def test_reserving_what_the_ticket_has_begun_changes_nothing(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("e", ["a"], 300), NOON)
    ledger.reserve(TENANT, step("e", ["a"], 900), LATER)
    assert state_of(ledger, "e") == "executing"
    assert ledger.spent_today(TENANT, "ann", NOON) == (300, 300)
