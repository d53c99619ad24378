"""The ledger against a naive one: the same calls, the same answers, whatever their order."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

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
from sqlalchemy import Engine, Row, select

from closeloop.errors import BackendRefused
from closeloop.models.steps import ExecuteAction
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from closeloop.store.schema import effect_components, effects
from tests.store.naive_ledger import (
    CARD_LIMIT,
    COMPONENTS,
    CUSTOMER_LIMIT,
    LIMITS,
    LIVE,
    TENANT_LIMIT,
    UNDECIDED,
    NaiveLedger,
)
from tests.store.store_support import NOON, Clock, receipt, step

names = st.sampled_from(sorted(COMPONENTS))
tickets = st.sampled_from(["T1", "T2"])
amounts = st.sampled_from([None, 0, 1, 30, 50, 70, 100, 101])
customers = st.sampled_from(["ann", "bob", None])
requests = st.sampled_from(["r1", "r2"])
hours = st.sampled_from([1, 2, 12, 24 * 7])
cards = st.sampled_from(["", "card1", "card2", "card1 card2"])
approvers = st.sampled_from([None, "maria"])


def standing(row: Row[Any], now: datetime) -> str:
    """Return the state of a row of the database at ``now``."""
    expired = row.state == "reserved" and row.reserved_until <= now
    return "released" if expired else row.state


class LedgerMachine(RuleBasedStateMachine):
    """Runs both side by side; every example is a tenant of its own."""

    engine: ClassVar[Engine]
    numbers: ClassVar = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.ledger = SqlLedger(self.engine, lambda _tenant: LIMITS, clock=self.clock)
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

    @rule(
        name=names,
        ticket=tickets,
        minor=amounts,
        customer=customers,
        request=requests,
        cards=cards,
        approver=approvers,
    )
    def begin(
        self,
        name: str,
        ticket: str,
        minor: int | None,
        customer: str | None,
        request: str,
        cards: str,
        approver: str | None,
    ) -> None:
        claim = self.claim(name, ticket, minor, customer, request, cards, approver)
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
        cards=cards,
        lasts=hours,
    )
    def reserve(
        self,
        name: str,
        ticket: str,
        minor: int | None,
        customer: str | None,
        request: str,
        cards: str,
        lasts: int,
    ) -> None:
        claim = self.claim(name, ticket, minor, customer, request, cards)
        until = self.clock.now + timedelta(hours=lasts)
        _, refusal = self.model.claim(claim, self.clock.now, until)
        if refusal:
            self.expect(refusal, lambda: self.ledger.reserve(self.tenant, claim, until))
        else:
            self.ledger.reserve(self.tenant, claim, until)

    @precondition(lambda self: any(e.state == "reserved" for e in self.model.entries.values()))
    @rule(data=st.data(), minor=amounts, approver=approvers)
    def begin_what_is_reserved(
        self, data: st.DataObject, minor: int | None, approver: str | None
    ) -> None:
        reserved = [n for n, e in self.model.entries.items() if e.state == "reserved"]
        name = data.draw(st.sampled_from(reserved))
        entry = self.model.entries[name]
        cards = " ".join(s.partition(":")[2] for s in entry.scopes if s.startswith("instr"))
        request = entry.request or "r1"
        self.begin(name, entry.ticket, minor, entry.customer, request, cards, approver)

    @precondition(lambda self: self.model.entries)
    @rule(data=st.data(), how=st.sampled_from(["finish", "mark_unknown", "fail"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.entries)))
        state = self.model.entries[name].state
        match how:
            case "mark_unknown":
                self.ledger.mark_unknown(self.tenant, name)
                self.model.move(name, ("executing",), "unknown")
            case "fail":
                self.ledger.fail(self.tenant, name, "declined")
                self.model.move(name, UNDECIDED, "failed")
            # A receipt for what was given up is a test of its own: no limit holds back the past.
            case _ if state in (*UNDECIDED, "done"):
                self.ledger.finish(self.tenant, name, receipt(name))
                self.model.move(name, UNDECIDED, "done")
                self.done.add(name)

    @precondition(lambda self: self.model.entries)
    @rule(data=st.data(), request=requests)
    def release(self, data: st.DataObject, request: str) -> None:
        wanted = data.draw(st.lists(st.sampled_from(sorted(self.model.entries)), max_size=3))
        self.ledger.release(self.tenant, wanted, request)
        for name in wanted:
            if self.model.entries[name].request == request:
                self.model.move(name, ("reserved",), "released")

    @rule(ticket=tickets)
    def release_ticket(self, ticket: str) -> None:
        reserved = [
            name
            for name, e in self.model.at(self.clock.now).items()
            if e.state == "reserved" and e.ticket == ticket
        ]
        freed = self.ledger.release_ticket(self.tenant, ticket)
        assert freed >= len(reserved), "those past their time are freed as well"
        for name in reserved:
            self.model.move(name, ("reserved",), "released")

    @rule()
    def sweep(self) -> None:
        SqlRecords(self.engine).sweep(self.clock.now)
        self.model.entries = self.model.at(self.clock.now)

    @rule(name=names, customer=customers)
    def look(self, name: str, customer: str | None) -> None:
        entries = self.model.at(self.clock.now)
        found = self.ledger.lookup(self.tenant, name, dict.fromkeys(COMPONENTS[name], 1))
        entry = entries.get(name)
        assert found.state == (entry.state if entry else None)
        assert found.ticket_id == (entry.ticket if entry else None)
        rivals = {
            other
            for other, e in entries.items()
            if other != name and e.state in LIVE and set(COMPONENTS[other]) & set(COMPONENTS[name])
        }
        assert (found.overlap in rivals) if rivals else found.overlap is None
        spent = self.ledger.spent_today(self.tenant, customer, self.clock.now)
        assert spent == self.model.spent(customer, self.clock.now)
        scopes = ["order:1", "order:2", "instrument:card1", "instrument:card2", "address:none"]
        recent = self.ledger.recent(self.tenant, scopes, self.clock.now, besides=[name])
        assert recent == {s: self.model.recent(s, self.clock.now, besides=name) for s in scopes}

    @invariant()
    def what_must_always_hold(self) -> None:
        own, parts = effects.c.tenant == self.tenant, effect_components
        with self.engine.connect() as connection:
            rows = connection.execute(select(effects).where(own)).all()
            live = connection.scalars(
                select(parts.c.component_id).where(parts.c.tenant == self.tenant, parts.c.live)
            ).all()
        now = self.clock.now
        assert {row.effect_id: (standing(row, now), row.ticket_id) for row in rows} == {
            name: (entry.state, entry.ticket) for name, entry in self.model.at(now).items()
        }
        assert len(live) == len(set(live)), "no component is live twice"
        for row in rows:
            if row.effect_id in self.done:
                assert row.state == "done", "done is never undone"
                assert row.receipt["receipt_id"] == row.effect_id
        counted = [
            row
            for row in rows
            if standing(row, now) == "reserved"
            or (row.state in (*UNDECIDED, "done") and row.day == now.date())
        ]
        by_customer: Counter[str | None] = Counter()
        for row in counted:
            by_customer[row.customer_id] += row.amount_minor or 0
        assert by_customer.total() <= TENANT_LIMIT
        assert all(minor <= CUSTOMER_LIMIT for minor in by_customer.values())
        for card in ("instrument:card1", "instrument:card2"):
            assert self.model.recent(card, now) <= CARD_LIMIT

    def claim(
        self,
        name: str,
        ticket: str,
        minor: int | None,
        customer: str | None,
        request: str,
        cards: str,
        approver: str | None = None,
    ) -> ExecuteAction:
        order = "order:1" if {"a", "b"} & set(COMPONENTS[name]) else "order:2"
        return step(
            name,
            COMPONENTS[name],
            minor,
            tenant=self.tenant,
            ticket=ticket,
            customer=customer,
            request=request,
            scopes=(order, *(f"instrument:{card}" for card in cards.split())),
            approver=approver,
        )

    def expect(self, code: str, act: Callable[[], object]) -> None:
        with pytest.raises(BackendRefused) as refusal:
            act()
        assert refusal.value.code == code

    def teardown(self) -> None:
        spent = self.ledger.spent_today(f"{self.tenant}-neighbour", "all", NOON)
        assert spent in ((50, 150), (0, 0)), "nobody touches the neighbour"


# Shrinking a failure takes longer than finding it.
@pytest.mark.timeout(400)
def test_the_ledger_does_what_a_naive_one_does(engine: Engine) -> None:
    opened = engine

    class Machine(LedgerMachine):
        engine = opened

    slow_is_fine = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Machine, settings=slow_is_fine)
