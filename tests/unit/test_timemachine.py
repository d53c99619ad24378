"""Rules tried on recorded facts, what a hostile model could cost, and the report on promotion."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeloop.models.metrics import Share
from closeloop.models.policy import ActionFacts, MoneyLimit, TicketJudgement
from closeloop.models.reports import Change, PolicyReplay
from closeloop.models.state import TicketEvent
from closeloop.models.stop import Stop
from closeloop.models.ticket import Mode
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.rules import Rules, parse_rules
from closeloop.policy.timemachine import ENDINGS, replayed
from closeloop.policy.worst_case import worst_case
from closeloop.report import promotion
from tests.unit.policy_support import NOW, POLICIES, RULES, judged, refund_facts

DOCUMENT = tomllib.loads((POLICIES / "rules.toml").read_text(encoding="utf-8"))


def rules_with(rule_id: str, **changes: Any) -> Rules:
    document = copy.deepcopy(DOCUMENT)
    rule = next(rule for rule in document["rule"] if rule["id"] == rule_id)
    rule.update(changes)
    return parse_rules(document, "rules.toml")


def recorded(number: int, *actions: ActionFacts, **changes: Any) -> TicketJudgement:
    row = judged(*actions, **changes).recorded(f"{number}:judged")
    return TicketJudgement.model_validate({**row.model_dump(), "ticket_id": f"T{number}"})


def tried(rows: Sequence[TicketJudgement], rules: Rules) -> PolicyReplay:
    return replayed(rows, rules, tenant="default", since=None, source="rules.toml")


ROWS = [
    recorded(1, refund_facts(minor=2_490)),
    recorded(2, refund_facts(minor=6_000)),
    recorded(3, refund_facts(minor=2_490, order_status="pending")),
    recorded(4, refund_facts(minor=2_490), topics=("safety",)),
]


def test_a_higher_limit_lets_more_money_go_alone() -> None:
    document = copy.deepcopy(DOCUMENT)
    for rule in document["rule"]:
        if rule["id"] in ("refund.autonomous", "refund.order_30d"):
            rule["at_most"] = "80.00"
    found = tried(ROWS, parse_rules(document, "rules.toml"))
    assert {name: (c.before, c.after) for name, c in found.endings.items()} == {
        "autonomous": (1, 2),
        "approval": (1, 0),
        "refused": (1, 1),
        "person": (1, 1),
    }
    assert found.money["autonomous"] == {"USD": Change(before=2_490, after=8_490)}
    assert found.money["approval"] == {"USD": Change(before=6_000, after=0)}
    [row] = found.by_rule
    assert (row.rule_id, row.before, row.after) == ("refund.autonomous", 1, 0)
    [changed] = found.changed
    assert (changed.ticket_id, changed.before, changed.after) == ("T2", "approval", "autonomous")
    assert changed.rules == ("refund.autonomous",)


def test_a_stricter_rule_refuses_what_was_allowed() -> None:
    found = tried(ROWS[:1], rules_with("refund.window", days=2))
    assert found.endings["refused"] == Change(before=0, after=1)
    assert found.money["refused"] == {"USD": Change(before=0, after=2_490)}
    assert [row.rule_id for row in found.by_rule] == ["refund.window"]


amounts = st.integers(1, 20_000)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(amounts, st.booleans()), max_size=8))
def test_the_same_rules_change_nothing_and_nothing_is_lost(cases: list[tuple[int, bool]]) -> None:
    rows = [
        recorded(n, refund_facts(minor=minor), injection_suspected=odd)
        for n, (minor, odd) in enumerate(cases)
    ]
    same = tried(rows, RULES)
    assert (same.changed_count, same.by_rule) == (0, ())
    other = tried(rows, rules_with("refund.autonomous", at_most="10.00"))
    for found in (same, other):
        for side in ("before", "after"):
            endings = [getattr(found.endings[name], side) for name in ENDINGS]
            money = [getattr(found.money[n].get("USD", Change()), side) for n in ENDINGS]
            assert sum(endings) == len(rows)
            assert sum(money) == sum(minor for minor, _ in cases)
    assert other.endings["autonomous"].after <= same.endings["autonomous"].after


# -------------------------------------------------------------------------------- worst case


def case(spent: int, *, mode: Mode = Mode.AUTONOMOUS, stop: Stop | None = None) -> Any:
    book = FilePolicyBook(POLICIES)
    return worst_case(
        book.limits("default"),
        book.allowed,
        tenant="default",
        spent_minor=spent,
        mode_cap=mode,
        stop=stop,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("spent", "alone", "approved"),
    [(0, 200_000, 1_000_000), (150_000, 50_000, 850_000), (1_000_001, 0, 0)],
)
def test_the_tenants_day_bounds_what_a_model_can_cost(
    spent: int, alone: int, approved: int
) -> None:
    found = case(spent)
    assert (found.alone_minor, found.approved_minor) == (alone, approved)
    if spent == 0:
        assert found.alone_rule == "money.tenant_day"
        assert found.approved_rule == "daily_limit.tenant"
    assert "modify_order_address" in found.without_money
    assert "refund_payment" not in found.without_money


def test_where_nothing_is_done_alone_a_model_costs_nothing_alone() -> None:
    stop = Stop(by="bob", reason="odd refunds", at=NOW)
    for found, why in (
        (case(0, stop=stop), "mode.stopped"),
        (case(0, mode=Mode.SHADOW), "mode.shadow"),
    ):
        assert (found.alone_minor, found.alone_rule) == (0, why)
        assert found.approved_minor == 1_000_000


def test_without_a_limit_on_the_day_nothing_bounds_it() -> None:
    each = MoneyLimit(rule_id="each", measure="amount", at_most=100)
    found = worst_case(
        [each],
        ["refund_payment"],
        tenant="t",
        spent_minor=0,
        mode_cap=Mode.AUTONOMOUS,
        stop=None,
        now=NOW,
    )
    assert (found.alone_minor, found.approved_minor) == (None, None)


# --------------------------------------------------------------------------------- promotion


class Told:
    """Events as they were recorded."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = [
            TicketEvent(event_id=str(n), ticket_id=f"T{n}", kind="compared", at=NOW, data=row)
            for n, row in enumerate(rows)
        ]

    def events(self, tenant: str, since: datetime | None = None) -> Sequence[TicketEvent]:
        assert tenant == "default"
        return self.rows


def row(done: int, proposed: int = 5_000, **changes: Any) -> dict[str, Any]:
    plain = {
        "intent": "refund_request",
        "action": "refund_payment",
        "outcome": "approved",
        "agreed": done == proposed,
        "edited": False,
        "proposed_minor": proposed,
        "done_minor": done,
        "human_seconds": 60,
    }
    return plain | changes


def test_promotion_says_where_people_agreed_and_what_it_would_have_cost() -> None:
    told = Told(
        row(5_000),
        row(4_000, edited=True),
        row(0, outcome="rejected", human_seconds=None),
        row(7_000, outcome="done_by_person", human_seconds=None),
        row(5_000, agreed=False, outcome="asked"),
        row(0, 0, action="reply", intent="order_status"),
    )
    refunds, reply = promotion(told, "default").rows
    assert (refunds.intent, refunds.action) == ("refund_request", "refund_payment")
    assert (refunds.agreed, refunds.edited) == (Share(count=1, of=5), Share(count=1, of=5))
    assert refunds.asked == Share(count=1, of=5)
    assert (refunds.over_minor, refunds.under_minor) == (6_000, 2_000)
    assert (refunds.timed, refunds.minutes_saved) == (Share(count=3, of=5), 3)
    assert (reply.action, reply.agreed) == ("reply", Share(count=1, of=1))
