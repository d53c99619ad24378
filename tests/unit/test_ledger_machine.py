"""The ledger against a naive one: the same calls, the same answers, whatever their order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select

from closeloop.errors import BackendRefused
from closeloop.models.steps import ExecuteAction
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from closeloop.store.schema import effect_components, effects
from tests.unit.store_support import NOON, Clock, receipt, step

CUSTOMER_LIMIT, TENANT_LIMIT = 100, 150
COMPONENTS = {
    "all": ("a", "b", "c"),
    "a": ("a",),
    "b": ("b",),
    "b+c": ("b", "c"),
    "other": ("d",),
    "more": ("e", "f"),
    "note": (),
}
UNDECIDED = ("executing", "unknown")
LIVE = ("reserved", "executing", "unknown", "done")

names = st.sampled_from(sorted(COMPONENTS))
tickets = st.sampled_from(["T1", "T2", "T3"])
amounts = st.sampled_from([None, 0, 1, 30, 50, 70, 100, 101])
customers = st.sampled_from(["ann", "bob", None])
requests = st.sampled_from(["r1", "r2"])
hours = st.integers(min_value=1, max_value=30)


@dataclass(frozen=True)
class Entry:
    """What the naive ledger keeps of an effect."""

    ticket: str
    customer: str | None
    minor: int
    state: str
    request: str | None = None
    until: datetime | None = None
    day: datetime | None = None


class NaiveLedger:
    """The rules of the ledger over a dict, without a thought for speed or for others."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def at(self, now: datetime) -> dict[str, Entry]:
        """Every effect as it stands at ``now``."""
        return {
            name: replace(e, state="released")
            if e.state == "reserved" and e.until is not None and e.until <= now
            else e
            for name, e in self.entries.items()
        }

    def spent(self, customer: str | None, now: datetime, besides: str = "") -> tuple[int, int]:
        counted = [
            e
            for name, e in self.at(now).items()
            if name != besides
            and (
                e.state == "reserved"
                or (e.state in (*UNDECIDED, "done") and e.day and e.day.date() == now.date())
            )
        ]
        return sum(e.minor for e in counted if e.customer == customer), sum(
            e.minor for e in counted
        )

    def claim(
        self, claim: ExecuteAction, now: datetime, until: datetime | None
    ) -> tuple[str | None, str | None]:
        """Begin, or reserve ``until``; return (state before, refusal)."""
        self.entries = self.at(now)
        name = claim.effect_id
        before = self.entries.get(name)
        if before and before.ticket != claim.ticket_id:
            if before.state in UNDECIDED:
                return before.state, "effect_busy"
            if before.state == "reserved":
                return before.state, "effect_overlap"
        if before and before.state in (*UNDECIDED, "done"):
            return before.state, None
        for other, entry in self.entries.items():
            shared = set(COMPONENTS[other]) & set(COMPONENTS[name])
            if other != name and shared and entry.state in LIVE:
                return None, "effect_overlap"
        minor = claim.amount.amount_minor if claim.amount else 0
        customers, tenants = self.spent(claim.customer_id, now, besides=name)
        if minor and (customers + minor > CUSTOMER_LIMIT or tenants + minor > TENANT_LIMIT):
            return None, "limit_reached"
        self.entries[name] = Entry(
            ticket=claim.ticket_id,
            customer=claim.customer_id,
            minor=minor,
            state="executing" if until is None else "reserved",
            request=claim.request_id,
            until=until,
            day=now if until is None else None,
        )
        return before.state if before else None, None

    def move(self, name: str, expected: tuple[str, ...], state: str) -> None:
        entry = self.entries.get(name)
        if entry and entry.state in expected:
            self.entries[name] = replace(entry, state=state)


class LedgerMachine(RuleBasedStateMachine):
    """Runs both side by side; every example is a tenant of its own."""

    engine: ClassVar[Engine]
    numbers: ClassVar = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.ledger = SqlLedger(
            self.engine, lambda _tenant: (CUSTOMER_LIMIT, TENANT_LIMIT), clock=self.clock
        )
        self.model = NaiveLedger()
        self.tenant = f"t{next(self.numbers)}"
        self.done: set[str] = set()

    @initialize()
    def a_neighbour_has_used_everything_up(self) -> None:
        self.neighbour = f"{self.tenant}-neighbour"
        for name in ("all", "other", "more"):
            claim = step(name, COMPONENTS[name], 50, tenant=self.neighbour, customer=name)
            self.ledger.begin(self.neighbour, claim, NOON)

    @rule(by=hours)
    def time_passes(self, by: int) -> None:
        self.clock.now += timedelta(hours=by)

    @rule(name=names, ticket=tickets, minor=amounts, customer=customers, request=requests)
    def begin(
        self, name: str, ticket: str, minor: int | None, customer: str | None, request: str
    ) -> None:
        claim = self.claim(name, ticket, minor, customer, request)
        state, refusal = self.model.claim(claim, self.clock.now, None)
        if refusal:
            self.expect(refusal, lambda: self.ledger.begin(self.tenant, claim, self.clock.now))
        else:
            assert self.ledger.begin(self.tenant, claim, self.clock.now).state == state

    @rule(
        name=names,
        ticket=tickets,
        minor=amounts,
        customer=customers,
        request=requests,
        lasts=hours,
    )
    def reserve(
        self,
        name: str,
        ticket: str,
        minor: int | None,
        customer: str | None,
        request: str,
        lasts: int,
    ) -> None:
        claim = self.claim(name, ticket, minor, customer, request)
        until = self.clock.now + timedelta(hours=lasts)
        _, refusal = self.model.claim(claim, self.clock.now, until)
        if refusal:
            self.expect(refusal, lambda: self.ledger.reserve(self.tenant, claim, until))
        else:
            self.ledger.reserve(self.tenant, claim, until)

    # A receipt for an effect that was given up is a test of its own: no limit holds back the past.
    @precondition(lambda self: any(e.state in UNDECIDED for e in self.model.entries.values()))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        begun = [n for n, e in self.model.entries.items() if e.state in (*UNDECIDED, "done")]
        name = data.draw(st.sampled_from(begun))
        self.ledger.finish(self.tenant, name, receipt(name))
        self.model.move(name, UNDECIDED, "done")
        self.done.add(name)

    @rule(name=names)
    def mark_unknown(self, name: str) -> None:
        self.ledger.mark_unknown(self.tenant, name)
        self.model.move(name, ("executing",), "unknown")

    @rule(name=names)
    def fail(self, name: str) -> None:
        self.ledger.fail(self.tenant, name, "declined")
        self.model.move(name, UNDECIDED, "failed")

    @rule(wanted=st.lists(names, max_size=3), request=requests)
    def release(self, wanted: list[str], request: str) -> None:
        self.ledger.release(self.tenant, wanted, request)
        for name in wanted:
            if name in self.model.entries and self.model.entries[name].request == request:
                self.model.move(name, ("reserved",), "released")

    @rule()
    def sweep(self) -> None:
        SqlRecords(self.engine).sweep(self.clock.now)
        self.model.entries = self.model.at(self.clock.now)

    @invariant()
    def both_say_the_same(self) -> None:
        now = self.clock.now
        standing = self.model.at(now)
        for name, parts in COMPONENTS.items():
            found = self.ledger.lookup(self.tenant, name, dict.fromkeys(parts, 1))
            entry = standing.get(name)
            assert found.state == (entry.state if entry else None), name
            assert found.ticket_id == (entry.ticket if entry else None), name
            rivals = {
                other
                for other, e in standing.items()
                if other != name and e.state in LIVE and set(COMPONENTS[other]) & set(parts)
            }
            assert (found.overlap in rivals) if rivals else found.overlap is None, name
        for customer in ("ann", "bob", None):
            spent = self.ledger.spent_today(self.tenant, customer, now)
            assert spent == self.model.spent(customer, now)
            assert spent[0] <= CUSTOMER_LIMIT
            assert spent[1] <= TENANT_LIMIT

    @invariant()
    def no_component_is_live_twice_and_done_is_never_undone(self) -> None:
        with self.engine.connect() as connection:
            live = connection.scalars(
                select(effect_components.c.component_id).where(
                    effect_components.c.tenant == self.tenant, effect_components.c.live
                )
            ).all()
            done = connection.scalars(
                select(effects.c.effect_id).where(
                    effects.c.tenant == self.tenant, effects.c.state == "done"
                )
            ).all()
        assert len(live) == len(set(live))
        assert set(done) == self.done
        for name in done:
            assert self.ledger.receipt(self.tenant, name) == receipt(name)

    def claim(
        self, name: str, ticket: str, minor: int | None, customer: str | None, request: str
    ) -> ExecuteAction:
        return step(
            name,
            COMPONENTS[name],
            minor,
            tenant=self.tenant,
            ticket=ticket,
            customer=customer,
            request=request,
        )

    def expect(self, code: str, act: Callable[[], object]) -> None:
        with pytest.raises(BackendRefused) as refusal:
            act()
        assert refusal.value.code == code

    def teardown(self) -> None:
        spent = self.ledger.spent_today(f"{self.tenant}-neighbour", "all", NOON)
        assert spent in ((50, 150), (0, 0)), "nobody touches the neighbour"


def test_the_ledger_does_what_a_naive_one_does(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path / 'ops.db'}")

    class Machine(LedgerMachine):
        engine = opened

    slow_is_fine = settings(
        max_examples=40,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    try:
        run_state_machine_as_test(Machine, settings=slow_is_fine)
    finally:
        opened.dispose()
