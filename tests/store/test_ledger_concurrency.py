"""The ledger under many hands: threads, processes, and a process that is killed."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from closeloop.errors import BackendRefused
from closeloop.store.ledger import SqlLedger
from closeloop.store.schema import effect_components
from tests.store.store_support import (
    NOON,
    TENANT,
    attempt,
    attempt_all_at_once,
    attempt_in_process,
    by_day,
    receipt,
    step,
    stop_in_the_middle,
)

LIMIT = 5_000
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def ledger(engine: Engine) -> SqlLedger:
    return SqlLedger(engine, by_day(LIMIT, LIMIT), clock=lambda: NOON)


def test_fifty_threads_on_the_last_of_a_limit(ledger: SqlLedger) -> None:
    ledger.begin(TENANT, step("earlier", ["x"], 4_300), NOON)
    claims = [step(f"e{n}", [f"c{n}"], 100, ticket=f"T{n}") for n in range(50)]
    assert Counter(attempt_all_at_once(ledger, claims)) == {"None": 7, "limit_reached": 43}
    assert ledger.spent_today(TENANT, "ann", NOON) == (LIMIT, LIMIT)


def test_reservations_and_executions_share_one_limit(ledger: SqlLedger) -> None:
    start = threading.Barrier(30)

    def claim(number: int) -> str:
        effect = step(f"e{number}", [f"c{number}"], 300, ticket=f"T{number}")
        start.wait(30)
        if number % 2:
            return attempt(ledger, effect)
        try:
            ledger.reserve(TENANT, effect, NOON + timedelta(hours=1))
        except BackendRefused as refusal:
            return refusal.code
        return "None"

    with ThreadPoolExecutor(30) as threads:
        answers = Counter(threads.map(claim, range(30)))
    assert answers == {"None": LIMIT // 300, "limit_reached": 30 - LIMIT // 300}
    assert ledger.spent_today(TENANT, "ann", NOON) == (4_800, 4_800)


def test_one_effect_asked_by_twenty_tickets_begins_once(ledger: SqlLedger) -> None:
    claims = [step("refund", ["a"], 100, ticket=f"T{n}") for n in range(20)]
    assert Counter(attempt_all_at_once(ledger, claims)) == {"None": 1, "effect_busy": 19}


def test_of_twenty_effects_on_one_component_one_begins(ledger: SqlLedger, engine: Engine) -> None:
    claims = [step(f"e{n}", ["shared", f"own{n}"], 100, ticket=f"T{n}") for n in range(20)]
    assert Counter(attempt_all_at_once(ledger, claims)) == {"None": 1, "effect_overlap": 19}
    with engine.connect() as connection:
        rows = connection.execute(select(effect_components).where(effect_components.c.live)).all()
    assert [row.component_id for row in rows].count("shared") == 1
    assert len({row.effect_id for row in rows}) == 1


def test_finish_and_late_failures_side_by_side_leave_it_done(ledger: SqlLedger) -> None:
    for round_ in range(5):
        name = f"e{round_}"
        ledger.begin(TENANT, step(name, [name], 10), NOON)
        ledger.mark_unknown(TENANT, name)
        start = threading.Barrier(9)

        def late(number: int, name: str = name, start: threading.Barrier = start) -> None:
            start.wait(30)
            match number % 3:
                case 0:
                    ledger.finish(TENANT, name, receipt(name))
                case 1:
                    ledger.fail(TENANT, name, "timeout")
                case _:
                    ledger.mark_unknown(TENANT, name)

        with ThreadPoolExecutor(9) as threads:
            list(threads.map(late, range(9)))
        found = ledger.lookup(TENANT, name, {})
        assert found.state == "done"
        assert ledger.receipt(TENANT, name) == receipt(name)


def test_fifty_claims_of_five_processes_on_the_last_of_a_limit(url: str, engine: Engine) -> None:
    ledger = SqlLedger(engine, by_day(LIMIT, LIMIT), clock=lambda: NOON)
    ledger.begin(TENANT, step("earlier", ["x"], 4_300), NOON)
    start, answers = SPAWN.Barrier(5), SPAWN.Queue()
    workers = [
        SPAWN.Process(
            target=attempt_in_process,
            args=(
                url,
                [step(f"e{p}.{n}", [f"c{p}.{n}"], 100, ticket=f"T{p}.{n}") for n in range(10)],
                start,
                answers,
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
    assert [worker.exitcode for worker in workers] == [0] * 5
    assert ledger.spent_today(TENANT, "ann", NOON) == (LIMIT, LIMIT)


def test_a_process_killed_before_its_commit_leaves_nothing_and_no_lock(
    url: str, ledger: SqlLedger
) -> None:
    ready = SPAWN.Queue()
    victim = SPAWN.Process(target=stop_in_the_middle, args=(url, ready))
    victim.start()
    assert ready.get(timeout=60), "it has written, and holds the lock"
    assert ledger.lookup(TENANT, "refund:#W1:all", {}).state is None, "reading waits for nobody"
    victim.kill()
    victim.join(30)
    before = ledger.begin(TENANT, step("refund:#W1:all", ["#W1/shipping"], 100), NOON)
    assert before.state is None
    assert ledger.spent_today(TENANT, "ann", NOON) == (100, 100)
