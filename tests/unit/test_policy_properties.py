"""What holds for all facts and all rules, whatever the shipped file says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from closeloop.models.base import Money
from closeloop.models.policy import ActionFacts, EffectFacts, Facts, Judgement, Ruling
from closeloop.models.proposal import Action
from closeloop.models.ticket import Assurance, Mode
from closeloop.models.triage import Sentiment
from closeloop.policy.binding import binding_hash
from closeloop.policy.checks import (
    AmountAtMost,
    ConfidenceAtLeast,
    ContactSettled,
    CustomerDayAtMost,
    DeliveredWithin,
    NamesRemedy,
    NamesTarget,
    OrderStatus,
    Refundable,
    TenantDayAtMost,
)
from closeloop.policy.judge import judge
from closeloop.policy.rules import ActionRule, Rules
from tests.unit.policy_support import (
    NOW,
    RULES,
    action_of,
    effect,
    facts_of,
    judged,
    refund_facts,
)

QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

STATUSES = ["pending", "processed", "delivered", "cancelled"]
KINDS = ["refund_payment", "cancel_order", "modify_order_address", "add_crm_note", "teleport"]


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


moneys = st.builds(
    Money,
    amount_minor=st.integers(0, 700_000),
    currency=st.sampled_from(["USD", "USD", "USD", "EUR"]),
)
times = st.integers(-100, 60 * 24).map(lambda hours: NOW - timedelta(hours=hours))
effects = st.builds(
    EffectFacts,
    effect_id=st.sampled_from(["refund:1", "refund:2", "cancel:1"]),
    components=st.dictionaries(st.sampled_from(["o/a", "o/b", "o/c"]), st.integers(1, 9_999)),
    state=st.sampled_from([None, "reserved", "executing", "unknown", "done", "failed", "new"]),
    ticket_id=st.sampled_from([None, "T1", "T9"]),
    overlap=st.sampled_from([None, None, "refund:3"]),
)
action_facts = st.builds(
    ActionFacts,
    action_id=st.just(""),
    kind=st.sampled_from(KINDS),
    valid=st.sampled_from([True, True, True, False]),
    writes=st.sampled_from([True, True, False]),
    internal=st.sampled_from([False, False, True]),
    needed_assurance=st.sampled_from(Assurance),
    amount=optional(moneys),
    moves_money=st.booleans(),
    order_id=optional(st.sampled_from(["#W1", "#W2"])),
    order_found=st.sampled_from([True, True, False]),
    order_customer_id=st.sampled_from(["nora", "nora", "arthur", None]),
    order_status=optional(st.sampled_from(STATUSES)),
    delivered_at=optional(times),
    paid=optional(moneys),
    refunded=optional(moneys),
    component_total=optional(moneys),
    effect=optional(effects),
    names_target=st.booleans(),
    names_remedy=st.booleans(),
)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    actions = draw(st.lists(action_facts, min_size=1, max_size=3))
    return facts_of(
        *(a.model_copy(update={"action_id": f"a{n}"}) for n, a in enumerate(actions)),
        customer_id=draw(st.sampled_from(["nora", "nora", "nora", None])),
        assurance=draw(st.sampled_from(Assurance)),
        confidence=draw(st.floats(0, 1)),
        topics=draw(st.sampled_from([(), (), ("press",), ("safety", "press"), ("illness",)])),
        sentiment=draw(st.sampled_from(get_args(Sentiment))),
        answered=draw(st.booleans()),
        injection_suspected=draw(st.sampled_from([False, False, True])),
        mode_cap=draw(st.sampled_from([Mode.AUTONOMOUS, *Mode])),
        contact_changed_at=draw(optional(times)),
        customer_spent_today_minor=draw(st.integers(0, 20_000)),
        tenant_spent_today_minor=draw(st.integers(0, 250_000)),
    )


minors = st.integers(0, 600_000)
checks = st.one_of(
    st.builds(AmountAtMost, at_most=minors.map(lambda m: f"{m // 100}.{m % 100:02d}")),
    st.builds(CustomerDayAtMost, at_most=st.just("100.00")),
    st.builds(TenantDayAtMost, at_most=st.just("1000.00")),
    st.builds(DeliveredWithin, days=st.integers(1, 60)),
    st.builds(ContactSettled, days=st.integers(1, 60)),
    st.builds(OrderStatus, statuses=st.sets(st.sampled_from(STATUSES), min_size=1)),
    st.builds(ConfidenceAtLeast, floor=st.floats(0.1, 1)),
    st.sampled_from([NamesTarget(), NamesRemedy(), Refundable()]),
)
two_words = st.sampled_from(["refuse", "needs_approval"])
action_rules = st.builds(
    ActionRule,
    id=st.just("new.rule"),
    check=checks,
    kinds=optional(st.frozensets(st.sampled_from(KINDS), min_size=1)),
    otherwise=two_words,
    unknown=two_words,
    reason=st.just("One more rule is here"),
)
rule_sets = st.builds(
    Rules,
    allowed=st.frozensets(st.sampled_from(KINDS)),
    for_actions=st.lists(
        st.one_of(action_rules, st.sampled_from(RULES.for_actions)), max_size=6
    ).map(tuple),
    for_ticket=st.lists(st.sampled_from(RULES.for_ticket), max_size=3).map(tuple),
)


def actions_of(seen: Facts) -> list[Action]:
    return [Action(action_id=a.action_id, kind=a.kind) for a in seen.actions]


def decide(seen: Facts, rules: Rules = RULES) -> Judgement:
    return judge(seen, rules, actions_of(seen))


def ranks(result: Judgement) -> list[int]:
    return [v.ruling.rank for v in result.verdicts]


@QUICK
@given(seen=facts(), rules=rule_sets)
def test_the_least_permissive_reason_is_the_ruling(seen: Facts, rules: Rules) -> None:
    result = decide(seen, rules)
    assert [v.action_id for v in result.verdicts] == [a.action_id for a in seen.actions]
    for one in result.verdicts:
        worst = max((r.ruling.rank for r in one.reasons), default=0)
        assert one.ruling.rank == worst
        assert all(r.ruling is not Ruling.ALLOW for r in one.reasons)


@QUICK
@given(seen=facts(), rules=rule_sets, more=action_rules, place=st.integers(0, 6))
def test_a_further_rule_never_permits_more(
    seen: Facts, rules: Rules, more: ActionRule, place: int
) -> None:
    extended = (*rules.for_actions[:place], more, *rules.for_actions[place:])
    before, after = decide(seen, rules), decide(seen, replace(rules, for_actions=extended))
    assert all(b <= a for b, a in zip(ranks(before), ranks(after), strict=True))
    assert before.mode.rank <= after.mode.rank or Ruling.REFUSE in {
        v.ruling for v in after.verdicts
    }


@QUICK
@given(seen=facts(), rules=rule_sets, kept=st.frozensets(st.sampled_from(KINDS)))
def test_a_shorter_list_of_kinds_never_permits_more(
    seen: Facts, rules: Rules, kept: frozenset[str]
) -> None:
    fewer = replace(rules, allowed=rules.allowed & kept)
    pairs = zip(ranks(decide(seen, rules)), ranks(decide(seen, fewer)), strict=True)
    assert all(b <= a for b, a in pairs)


@QUICK
@given(seen=facts(), raise_by=st.integers(0, 600_000), which=st.integers(0, 2))
def test_a_larger_amount_never_permits_more(seen: Facts, raise_by: int, which: int) -> None:
    actions = list(seen.actions)
    place = which % len(actions)
    amount = actions[place].amount
    assume(amount is not None)
    assert amount is not None
    larger = amount.model_copy(update={"amount_minor": amount.amount_minor + raise_by})
    actions[place] = actions[place].model_copy(update={"amount": larger})
    after = decide(seen.model_copy(update={"actions": tuple(actions)}))
    assert all(b <= a for b, a in zip(ranks(decide(seen)), ranks(after), strict=True))


@QUICK
@given(seen=facts(), customer=st.integers(0, 50_000), tenant=st.integers(0, 500_000))
def test_more_spent_today_never_permits_more(seen: Facts, customer: int, tenant: int) -> None:
    later = seen.model_copy(
        update={
            "customer_spent_today_minor": seen.customer_spent_today_minor + customer,
            "tenant_spent_today_minor": seen.tenant_spent_today_minor + tenant,
        }
    )
    assert all(b <= a for b, a in zip(ranks(decide(seen)), ranks(decide(later)), strict=True))


@QUICK
@given(seen=facts(), assurance=st.sampled_from(Assurance))
def test_less_assurance_never_permits_more(seen: Facts, assurance: Assurance) -> None:
    lower = min(seen.assurance, assurance, key=lambda a: a.rank)
    less = decide(seen.model_copy(update={"assurance": lower}))
    assert all(b <= a for b, a in zip(ranks(decide(seen)), ranks(less), strict=True))


NEEDED_BY_A_REFUND = ["amount", "order_status", "delivered_at", "paid", "refunded", "effect"]


@QUICK
@given(seen=facts(), missing=st.sampled_from(NEEDED_BY_A_REFUND), plain=st.booleans())
def test_a_missing_fact_never_allows_a_refund(seen: Facts, missing: str, plain: bool) -> None:
    first = refund_facts() if plain else seen.actions[0]
    known = first.effect.state if first.effect and missing != "effect" else None
    changes = {"kind": "refund_payment", "writes": True, "moves_money": True, missing: None}
    bare = first.model_copy(update=changes)
    after = decide(seen.model_copy(update={"actions": (bare, *seen.actions[1:])}))
    here = first.effect is not None and first.effect.ticket_id == "T1"
    # Where it is done nothing moves any more; what this ticket began is read back first.
    assume(known != "done" and not (here and known in ("executing", "unknown")))
    assert after.verdicts[0].ruling is not Ruling.ALLOW


@QUICK
@given(seen=facts(), rules=rule_sets)
def test_somebody_elses_order_is_always_refused_in_the_same_words(
    seen: Facts, rules: Rules
) -> None:
    gates = tuple(r for r in RULES.for_actions if r.id in ("customer.assurance", "order.own"))
    guarded = replace(rules, for_actions=(*rules.for_actions, *gates))
    foreign = [
        a.model_copy(update={"order_id": "#W1", "order_found": True, "order_customer_id": "arthur"})
        for a in seen.actions
    ]
    missing = [
        a.model_copy(
            update={
                **dict.fromkeys(NEEDED_BY_A_REFUND),
                "order_found": False,
                "order_customer_id": None,
            }
        )
        for a in foreign
    ]
    exists = decide(seen.model_copy(update={"actions": tuple(foreign)}), guarded)
    absent = decide(seen.model_copy(update={"actions": tuple(missing)}), guarded)
    assert all(v.ruling is Ruling.REFUSE for v in exists.verdicts)
    assert exists.verdicts == absent.verdicts
    assert (exists.mode, exists.mode_reasons) == (absent.mode, absent.mode_reasons)


@QUICK
@given(seen=facts(), rules=rule_sets)
def test_judging_is_pure(seen: Facts, rules: Rules) -> None:
    recorded = Facts.model_validate_json(seen.model_dump_json())
    assert recorded == seen
    first, second = decide(seen, rules), decide(recorded, rules)
    assert first == second
    assert seen == recorded
    assert Judgement.model_validate_json(first.model_dump_json()) == first


@QUICK
@given(seen=facts())
def test_a_mode_never_exceeds_its_cap_and_a_capped_write_never_goes_alone(seen: Facts) -> None:
    result = decide(seen)
    assert result.mode.rank >= seen.mode_cap.rank
    if seen.mode_cap is not Mode.AUTONOMOUS:
        for fact, one in zip(seen.actions, result.verdicts, strict=True):
            if fact.writes and not fact.internal:
                assert one.ruling is not Ruling.ALLOW


# --- the hash changes exactly with what is bound -------------------------------------------------

BOUND_OF_ACTION: dict[str, Any] = {
    "kind": "cancel_order",
    "order_id": "#W1002",
    "order_found": False,
    "order_customer_id": "arthur",
    "order_status": "pending",
    "delivered_at": NOW - timedelta(days=6),
    "amount": Money(amount_minor=2_489),
    "paid": Money(amount_minor=2_491),
    "refunded": Money(amount_minor=1),
    "component_total": Money(amount_minor=2_490, currency="EUR"),
    "effect": EffectFacts(effect_id="refund:#W1001:all", components={"#W1001/item:7:1": 2_489}),
}
FREE_OF_ACTION: dict[str, Any] = {
    "placed_at": NOW,
    "names_target": False,
    "names_remedy": False,
    "problem": "none really",
}
BOUND_OF_TICKET: dict[str, Any] = {
    "policy_version": "v2",
    "tenant": "acme",
    "ticket_id": "T2",
    "customer_id": "arthur",
    "contact_changed_at": NOW,
}
FREE_OF_TICKET: dict[str, Any] = {
    "at": NOW + timedelta(hours=5),
    "intent": "cancel_order",
    "confidence": 0.2,
    "customer_spent_today_minor": 1,
    "tenant_spent_today_minor": 1,
    "topics": ("press",),
    "sentiment": "very_negative",
    "answered": True,
    "injection_suspected": True,
}


@QUICK
@given(
    free=st.sets(st.sampled_from([*FREE_OF_ACTION, *FREE_OF_TICKET])),
    bound=st.none() | st.sampled_from([*BOUND_OF_ACTION, *BOUND_OF_TICKET, "params", "again"]),
)
def test_hash_changes_exactly_with_what_is_bound(free: set[str], bound: str | None) -> None:
    changed = {*free, bound}
    plain = refund_facts()
    action = plain.model_copy(
        update={k: v for k, v in (BOUND_OF_ACTION | FREE_OF_ACTION).items() if k in changed}
    )
    ticket = {k: v for k, v in (BOUND_OF_TICKET | FREE_OF_TICKET).items() if k in changed}
    params: dict[str, Any] = {"order_id": "#W1001"}
    before = Action(action_id="p1-a1", kind="refund_payment", params=params)
    after = before.model_copy(
        update={
            "reason": "other words",
            "requested_by": ("m7",),
            "params": {**params, "amount_minor": 100} if bound == "params" else params,
        }
    )
    twice = bound == "again"
    later = facts_of(
        *[action.model_copy(update={"action_id": f"p1-a{n}"}) for n in range(1, 3 if twice else 2)],
        **ticket,
    )
    asked = [after, after.model_copy(update={"action_id": "p1-a2"})] if twice else [after]
    same = binding_hash([before], facts_of(plain)) == binding_hash(asked, later)
    assert same is (bound is None)


def test_hash_is_that_of_the_binding() -> None:
    action = refund_facts()
    result = judged(action)
    assert result.binding_hash == binding_hash([action_of(action)], facts_of(action))
    assert len(result.binding_hash) == 64


def test_a_reservation_of_the_own_ticket_is_no_drift() -> None:
    """Approval reserves the effect; what is judged again before it runs must be the same."""
    asked = judged(refund_facts(effect=effect(None, None))).binding_hash
    assert judged(refund_facts(effect=effect("reserved"))).binding_hash == asked
    assert judged(refund_facts(effect=effect("reserved", "T9"))).binding_hash != asked
    assert judged(refund_facts(effect=effect("done"))).binding_hash != asked


@pytest.mark.parametrize(
    "actions",
    [
        [],
        [Action(action_id="p1-a9", kind="refund_payment")],
        [action_of(refund_facts()), action_of(refund_facts())],
    ],
)
def test_actions_must_be_those_of_the_facts(actions: list[Action]) -> None:
    with pytest.raises(ValueError, match="not the ones that the facts are about"):
        judge(facts_of(refund_facts()), RULES, actions)


def test_shipped_rules_allow_the_plain_refund() -> None:
    """The other properties would hold for rules that refuse everything."""
    assert judged(refund_facts()).ruling is Ruling.ALLOW
