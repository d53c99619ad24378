"""Reports read what was recorded: the same from SQLite and from PostgreSQL."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sqlalchemy import Engine

from closeloop.bootstrap import read_worst_case
from closeloop.models.metrics import Share
from closeloop.models.reports import Change
from closeloop.models.state import OutcomeEvent
from closeloop.models.steps import Snapshot
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.timemachine import replayed
from closeloop.report import promotion
from closeloop.settings import Settings
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from tests.store.store_support import NOON, Clock, receipt, step, view
from tests.unit.policy_support import POLICIES, RULES, judged, refund_facts

TENANT = "default"
LIMIT = 200_000
"""``money.tenant_day`` of the shipped rules."""


def test_the_worst_case_is_what_the_ledger_leaves_of_today(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    settings = Settings(state_dir=tmp_path, database_url=url, policies_dir=POLICIES)
    ledger = SqlLedger(engine, FilePolicyBook(POLICIES).limits, clock=Clock())
    assert read_worst_case(settings, TENANT, NOON).alone_minor == LIMIT
    for tenant, name in ((TENANT, "refund:#W1"), ("acme", "refund:#W2")):
        taken = step(name, ["item:1"], 2_490, tenant=tenant)
        ledger.begin(tenant, taken, NOON)
        ledger.finish(tenant, name, receipt(minor=2_490))
    found = read_worst_case(settings, TENANT, NOON)
    assert (found.spent_minor, found.alone_minor) == (2_490, LIMIT - 2_490)
    assert found.alone_rule == "money.tenant_day"


def test_promotion_counts_what_people_decided(engine: Engine) -> None:
    records = SqlRecords(engine, clock=lambda: NOON)
    for number, (agreed, done) in enumerate([(True, 2_490), (False, 1_000)]):
        data = {
            "intent": "refund_request",
            "action": "refund_payment",
            "agreed": agreed,
            "edited": not agreed,
            "outcome": "approved",
            "proposed_minor": 2_490,
            "done_minor": done,
            "human_seconds": 60,
        }
        event = OutcomeEvent(event_id=f"{number}:compared", kind="compared", at=NOON, data=data)
        shown = view(f"T{number}", tenant=TENANT)
        records.record(Snapshot(view=shown, events=(event,)))
    [row] = promotion(records, TENANT, NOON).rows
    assert (row.agreed, row.edited) == (Share(count=1, of=2), Share(count=1, of=2))
    assert (row.over_minor, row.under_minor, row.minutes_saved) == (1_490, 0, 2.0)
    assert promotion(records, "acme").rows == ()


def test_policy_is_replayed_on_the_facts_that_were_kept(engine: Engine) -> None:
    records = SqlRecords(engine, clock=lambda: NOON)
    made = judged(refund_facts(minor=2_490)).recorded("1:judged")
    records.record(Snapshot(view=view("T1", tenant=TENANT), judgements=(made,)))
    rows = records.judgements(TENANT)
    same = replayed(rows, RULES, tenant=TENANT, since=None, source="rules.toml")
    assert (same.changed, same.endings["autonomous"]) == ((), Change(before=1, after=1))
    nothing = dataclasses.replace(RULES, allowed=frozenset())
    other = replayed(rows, nothing, tenant=TENANT, since=None, source="rules.toml")
    assert other.endings["refused"] == Change(before=0, after=1)
    assert other.money["refused"] == {"USD": Change(before=0, after=2_490)}
