"""The limits of the rules, held by the ledger: parts add up, people let some of them be passed."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from closeloop.errors import BackendRefused
from closeloop.models.policy import WINDOW_DAYS, Measure, MoneyLimit
from closeloop.store.ledger import SqlLedger
from closeloop.store.schema import audit
from tests.store.store_support import (
    NOON,
    TENANT,
    Clock,
    attempt,
    attempt_all_at_once,
    attempt_in_process,
    receipt,
    step,
)

DAY = timedelta(days=1)
SPAWN = multiprocessing.get_context("spawn")
MEASURES: tuple[Measure, ...] = ("order", "customer", "instrument", "address")


def limit(measure: Measure, at_most: int = 500, **more: bool | tuple[str, ...]) -> MoneyLimit:
    return MoneyLimit.model_validate(
        {"rule_id": f"money.{measure}", "measure": measure, "at_most": at_most, **more}
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ledger_with(engine: Engine, clock: Clock, *limits: MoneyLimit) -> SqlLedger:
    return SqlLedger(engine, lambda _tenant: limits, clock=clock)


@pytest.mark.parametrize("measure", MEASURES)
def test_parts_with_something_in_common_add_up(
    engine: Engine, clock: Clock, measure: Measure
) -> None:
    ledger = ledger_with(engine, clock, limit(measure))
    same = (f"{measure}:x", "other:y")
    ledger.begin(TENANT, step("e1", ["a"], 300, scopes=same), NOON)
    with pytest.raises(BackendRefused, match=rf"limit 'money.{measure}': 300 of 500") as no:
        ledger.begin(TENANT, step("e2", ["b"], 201, ticket="T2", scopes=same), NOON)
    assert no.value.code == "limit_reached"
    ledger.begin(TENANT, step("e3", ["c"], 501, scopes=(f"{measure}:else",)), NOON)
    ledger.begin(TENANT, step("e2", ["b"], 200, ticket="T2", scopes=same), NOON)
    assert ledger.recent(TENANT, [*same, "order:none"], NOON) == {
        f"{measure}:x": 500,
        "other:y": 500,
        "order:none": 0,
    }


def test_an_amount_alone_is_no_part_of_anything(engine: Engine, clock: Clock) -> None:
    ledger = ledger_with(engine, clock, limit("order"))
    assert ledger.begin(TENANT, step("e", ["a"], 9_000, scopes=["order:1"]), NOON).state is None


def test_the_window_ends_after_thirty_days(engine: Engine, clock: Clock) -> None:
    ledger = ledger_with(engine, clock, limit("order"))
    ledger.begin(TENANT, step("e1", ["a"], 400, scopes=["order:1"]), NOON)
    last, after = NOON + (WINDOW_DAYS - 1) * DAY, NOON + WINDOW_DAYS * DAY
    assert ledger.recent(TENANT, ["order:1"], last) == {"order:1": 400}
    assert ledger.recent(TENANT, ["order:1"], after) == {"order:1": 0}
    part = step("e2", ["b"], 200, scopes=["order:1"])
    assert attempt(ledger, part) == "limit_reached"
    assert ledger.begin(TENANT, part, after).state is None


def test_only_what_somebody_approved_passes_what_a_person_may_let_be_passed(
    engine: Engine, clock: Clock
) -> None:
    alone = limit("amount", 500, approvable=True)
    ledger = ledger_with(engine, clock, alone, limit("amount", 900))
    assert attempt(ledger, step("e", ["a"], 600)) == "limit_reached"
    ledger.reserve(TENANT, step("e", ["a"], 600, request="r1"), NOON + DAY)
    assert attempt(ledger, step("e", ["a"], 600, request="r1")) == "limit_reached"
    assert attempt(ledger, step("e", ["a"], 600, request="r1", approver="maria")) == "reserved"
    assert attempt(ledger, step("f", ["b"], 901, approver="maria")) == "limit_reached"


def test_a_limit_on_some_kinds_holds_for_these_alone(engine: Engine, clock: Clock) -> None:
    ledger = ledger_with(
        engine, clock, limit("amount", 10, kinds=("cancel_order",)), limit("amount", 50)
    )
    assert attempt(ledger, step("e", ["a"], 50)) == "None"
    assert attempt(ledger, step("f", ["b"], 51)) == "limit_reached"


@pytest.mark.parametrize("end", ["release", "release_ticket", "expire", "fail"])
def test_what_came_to_nothing_counts_no_more(engine: Engine, clock: Clock, end: str) -> None:
    ledger = ledger_with(engine, clock, limit("order"))
    claim = step("e", ["a"], 500, request="r1", scopes=["order:1"])
    ledger.reserve(TENANT, claim, NOON + DAY)
    assert attempt(ledger, step("f", ["b"], 1, ticket="T2", scopes=["order:1"])) == "limit_reached"
    match end:
        case "release":
            ledger.release(TENANT, ["e"], "r1")
        case "release_ticket":
            assert ledger.release_ticket(TENANT, "T1") == 1
        case "expire":
            clock.now = NOON + DAY
        case _:
            ledger.begin(TENANT, claim, NOON)
            ledger.fail(TENANT, "e", "declined")
    assert ledger.recent(TENANT, ["order:1"], clock.now) == {"order:1": 0}
    later = step("f", ["b"], 500, ticket="T2", scopes=["order:1"])
    assert ledger.begin(TENANT, later, clock.now).state is None


def test_a_ticket_that_ended_frees_what_it_reserved_and_nothing_else(
    engine: Engine, clock: Clock
) -> None:
    ledger = ledger_with(engine, clock)
    ledger.reserve(TENANT, step("reserved", ["a"], 100), NOON + DAY)
    ledger.begin(TENANT, step("begun", ["b"], 100), NOON)
    ledger.reserve(TENANT, step("of another", ["c"], 100, ticket="T2"), NOON + DAY)
    ledger.reserve("other", step("there", ["a"], 100, tenant="other"), NOON + DAY)
    assert ledger.release_ticket(TENANT, "T1") == 1
    assert ledger.release_ticket(TENANT, "T1") == 0
    found = {name: ledger.lookup(TENANT, name, {}).state for name in ("reserved", "begun")}
    assert found == {"reserved": "released", "begun": "executing"}
    assert ledger.lookup(TENANT, "of another", {}).state == "reserved"
    assert ledger.lookup("other", "there", {}).state == "reserved"
    with engine.connect() as connection:
        last = connection.execute(select(audit).order_by(audit.c.number.desc())).first()
    assert last is not None
    assert last.detail == {"effect_id": "reserved", "why": "ticket ended"}


def test_scopes_of_another_tenant_are_other_scopes(engine: Engine, clock: Clock) -> None:
    ledger = ledger_with(engine, clock, limit("order"))
    ledger.begin(TENANT, step("e", ["a"], 500, scopes=["order:1"]), NOON)
    assert ledger.recent("other", ["order:1"], NOON) == {"order:1": 0}
    claim = step("e", ["a"], 500, tenant="other", scopes=["order:1"])
    assert ledger.begin("other", claim, NOON).state is None


@pytest.mark.parametrize("measure", [*MEASURES, "customer_day", "tenant_day"])
def test_fifty_tickets_after_the_last_of_one_limit(
    engine: Engine, clock: Clock, measure: Measure
) -> None:
    ledger = ledger_with(engine, clock, limit(measure, 5_000))
    scope = [f"{measure}:x"]
    ledger.begin(TENANT, step("earlier", ["x"], 4_300, scopes=scope), NOON)
    claims = [step(f"e{n}", [f"c{n}"], 100, ticket=f"T{n}", scopes=scope) for n in range(50)]
    assert Counter(attempt_all_at_once(ledger, claims)) == {"None": 7, "limit_reached": 43}


def test_fifty_tickets_that_reserve_begin_and_release_never_pass_a_limit(
    engine: Engine, clock: Clock
) -> None:
    ledger = ledger_with(engine, clock, limit("instrument", 1_000))
    start = threading.Barrier(50)
    seen: list[int] = []

    def ticket(number: int) -> str:
        claim = step(
            f"e{number}",
            [f"c{number}"],
            100,
            ticket=f"T{number}",
            request="r1",
            scopes=["instrument:card"],
        )
        start.wait(30)
        try:
            ledger.reserve(TENANT, claim, NOON + DAY)
            seen.append(ledger.recent(TENANT, ["instrument:card"], NOON)["instrument:card"])
            if number % 3 == 0:
                ledger.release(TENANT, [claim.effect_id], "r1")
                return "released"
            ledger.begin(TENANT, claim, NOON)
            ledger.finish(TENANT, claim.effect_id, receipt(claim.effect_id))
        except BackendRefused as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(50) as threads:
        ended = Counter(threads.map(ticket, range(50)))
    assert set(ended) <= {"done", "released", "limit_reached"}
    assert max(seen) <= 1_000
    assert (
        ledger.recent(TENANT, ["instrument:card"], NOON)["instrument:card"] == ended["done"] * 100
    )


def test_fifty_tickets_of_five_processes_after_the_last_of_an_instruments_limit(
    url: str, engine: Engine, clock: Clock
) -> None:
    ledger = ledger_with(engine, clock)
    card = ["instrument:card"]
    ledger.begin(TENANT, step("earlier", ["x"], 300, scopes=card, customer="bob"), NOON)
    start, answers = SPAWN.Barrier(5), SPAWN.Queue()
    workers = [
        SPAWN.Process(
            target=attempt_in_process,
            args=(
                url,
                [
                    step(f"e{p}.{n}", [f"c{p}.{n}"], 10, ticket=f"T{p}.{n}", scopes=card)
                    for n in range(10)
                ],
                start,
                answers,
                370,
            ),
        )
        for p in range(5)
    ]
    for worker in workers:
        worker.start()
    seen = Counter(answer for _ in workers for answer in answers.get(timeout=60))
    for worker in workers:
        worker.join(30)
    assert seen == {"None": 7, "limit_reached": 43}
    assert ledger.recent(TENANT, card, NOON) == {card[0]: 370}
