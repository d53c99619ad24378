"""The rules that are shipped, judged on facts that differ in one thing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from closeloop.models.base import MAX_SAFE_MINOR, Money
from closeloop.models.policy import ActionFacts, EffectFacts, Ruling
from closeloop.models.ticket import Assurance, Mode
from closeloop.policy.judge import NO_PERSON_NEEDED
from tests.unit.policy_support import (
    NOW,
    address_facts,
    cancel_facts,
    effect,
    judged,
    note_facts,
    refund_facts,
    spoke,
    usd,
    verdict,
)


@pytest.mark.parametrize("action", [refund_facts(), cancel_facts(), address_facts(), note_facts()])
def test_plain_action_is_allowed_and_autonomous(action: ActionFacts) -> None:
    result = judged(action)
    assert result.ruling is Ruling.ALLOW
    assert result.verdicts[0].reasons == ()
    assert result.mode is Mode.AUTONOMOUS
    assert result.mode_reasons == (NO_PERSON_NEEDED,)
    assert result.escalate is None
    assert result.facts.actions == (action,)


@pytest.mark.parametrize(
    ("action", "ticket", "expected"),
    [
        (refund_facts(minor=5_000), {}, {}),
        (refund_facts(minor=5_001), {}, {"refund.autonomous": "needs_approval"}),
        (cancel_facts(minor=15_000), {}, {}),
        (
            cancel_facts(minor=20_001),
            {},
            {"cancel.autonomous": "needs_approval", "money.customer_day": "needs_approval"},
        ),
        (
            refund_facts(minor=500_001),
            {},
            {
                "refund.autonomous": "needs_approval",
                "money.ceiling": "refuse",
                "money.customer_day": "needs_approval",
                "money.tenant_day": "needs_approval",
            },
        ),
        (refund_facts(), {"customer_spent_today_minor": 12_510}, {}),
        (
            refund_facts(),
            {"customer_spent_today_minor": 12_511},
            {"money.customer_day": "needs_approval"},
        ),
        (
            refund_facts(),
            {"tenant_spent_today_minor": 199_999},
            {"money.tenant_day": "needs_approval"},
        ),
        (refund_facts(refunded=usd(1)), {}, {"refund.left": "refuse"}),
        (
            refund_facts(component_total=usd(2_489)),
            {},
            {"refund.left": "refuse", "refund.part_price": "needs_approval"},
        ),
        (refund_facts(component_total=usd(2_491)), {}, {"refund.part_price": "needs_approval"}),
        (refund_facts(credited=usd(1)), {}, {"refund.left": "refuse"}),
        (refund_facts(disputed=usd(1)), {}, {"refund.left": "refuse"}),
        (refund_facts(disputed=None), {}, {"refund.left": "needs_approval"}),
        (cancel_facts(credited=usd(1)), {}, {"refund.left": "refuse"}),
        (cancel_facts(refunded=usd(1)), {}, {"refund.left": "refuse"}),
        (refund_facts(dispute_open=True), {}, {"money.dispute": "refuse"}),
        (cancel_facts(dispute_open=True), {}, {"money.dispute": "refuse"}),
        (refund_facts(dispute_open=None), {}, {"money.dispute": "needs_approval"}),
        (
            refund_facts(order_status="pending"),
            {},
            {"refund.status": "refuse", "refund.cancelled": "needs_approval"},
        ),
        (
            refund_facts(order_status="cancelled"),
            {},
            {"refund.cancelled": "needs_approval"},
        ),
        (refund_facts(delivered_at=NOW - timedelta(days=30)), {}, {}),
        (
            refund_facts(delivered_at=NOW - timedelta(days=30, seconds=1)),
            {},
            {"refund.window": "refuse"},
        ),
        (refund_facts(delivered_at=None), {}, {"refund.window": "needs_approval"}),
        (
            refund_facts(delivered_at=NOW + timedelta(hours=1)),
            {},
            {"refund.window": "needs_approval"},
        ),
        (cancel_facts(order_status="processed"), {}, {"cancel.status": "refuse"}),
        (address_facts(order_status="delivered"), {}, {"address.status": "refuse"}),
        (address_facts(order_status=None), {}, {"address.status": "needs_approval"}),
        (refund_facts(names_target=False), {}, {"consent.target": "needs_approval"}),
        (refund_facts(names_remedy=False), {}, {"consent.remedy": "needs_approval"}),
        (
            refund_facts(),
            {"contact_changed_at": NOW - timedelta(days=13)},
            {"customer.contact_changed": "needs_approval"},
        ),
        (refund_facts(), {"contact_changed_at": NOW - timedelta(days=14)}, {}),
        (address_facts(), {"contact_changed_at": NOW - timedelta(days=1)}, {}),
        (refund_facts(), {"confidence": 0.55}, {}),
        (
            refund_facts(),
            {"confidence": 0.54},
            {
                "understanding.confidence": "needs_approval",
                "understanding.intent": "needs_approval",
            },
        ),
        (
            refund_facts(),
            {"confidence": float("nan")},
            {
                "understanding.confidence": "needs_approval",
                "understanding.intent": "needs_approval",
            },
        ),
        (
            refund_facts(),
            {"injection_suspected": True},
            {"understanding.injection": "needs_approval"},
        ),
        (refund_facts(), {"assurance": Assurance.NONE}, {"customer.assurance": "refuse"}),
        (
            address_facts(),
            {"assurance": Assurance.CHANNEL_VERIFIED},
            {"customer.assurance": "refuse"},
        ),
        (
            refund_facts(effect=None),
            {},
            {"effect.free": "refuse"},
        ),
        (refund_facts(kind="order_pizza"), {}, {"action.allowed": "refuse"}),
        (refund_facts(kind="send_reply"), {}, {"action.allowed": "refuse"}),
        (
            refund_facts(valid=False, problem="amount_minor: must be above 0"),
            {},
            {"action.valid": "refuse"},
        ),
    ],
)
def test_one_fact_makes_the_difference(
    action: ActionFacts, ticket: dict[str, Any], expected: dict[str, str]
) -> None:
    assert spoke(verdict(action, **ticket)) == expected


def test_least_permissive_rule_wins_and_all_reasons_stay() -> None:
    result = verdict(refund_facts(minor=7_000, delivered_at=NOW - timedelta(days=95)))
    assert result.ruling is Ruling.REFUSE
    assert spoke(result) == {"refund.window": "refuse", "refund.autonomous": "needs_approval"}
    assert [r.text for r in result.reasons] == [
        "A refund is possible until 30 days after delivery (it was delivered on 2025-12-05).",
        "A refund above $50.00 needs a person (it is $70.00).",
    ]


def test_a_refusal_alone_does_not_lower_the_mode() -> None:
    result = judged(refund_facts(delivered_at=NOW - timedelta(days=95)))
    assert result.ruling is Ruling.REFUSE
    assert result.mode is Mode.AUTONOMOUS


def test_mode_says_why_in_words_with_the_rule() -> None:
    result = judged(refund_facts(minor=14_550))
    assert result.mode is Mode.ASSISTED
    assert result.mode_reasons == (
        "A refund above $50.00 needs a person (it is $145.50). [refund.autonomous]",
    )


# --- somebody else's order -----------------------------------------------------------------------


def test_a_stranger_reads_the_same_whether_the_order_exists_or_not() -> None:
    theirs = refund_facts(order_customer_id="arthur", order_status="pending", minor=90_000)
    withheld = refund_facts(
        order_customer_id="arthur",
        order_status=None,
        delivered_at=None,
        paid=None,
        refunded=None,
        amount=None,
        effect=None,
    )
    missing = withheld.model_copy(update={"order_found": False, "order_customer_id": None})
    bad = theirs.model_copy(update={"valid": False, "problem": "components: no 'item:9:1'"})
    results = [judged(a) for a in (theirs, withheld, missing, bad)]
    for result in results:
        assert result.verdicts == results[0].verdicts
        assert result.mode is Mode.AUTONOMOUS
    assert spoke(results[0].verdicts[0]) == {"order.own": "refuse"}
    assert results[0].verdicts[0].reasons[0].text == "The customer has no such order."


def test_below_the_assurance_nothing_about_the_order_is_told() -> None:
    own, foreign = refund_facts(), refund_facts(order_customer_id="arthur")
    missing = refund_facts(order_found=False, order_customer_id=None)
    results = [verdict(a, assurance=Assurance.NONE) for a in (own, foreign, missing)]
    assert results[0] == results[1] == results[2]


def test_an_unknown_customer_owns_nothing() -> None:
    ownerless = refund_facts(order_customer_id=None)
    assert spoke(verdict(ownerless, customer_id=None)) == {"order.own": "refuse"}


def test_an_order_that_was_not_found_is_nobodys() -> None:
    assert spoke(verdict(refund_facts(order_found=False))) == {"order.own": "refuse"}


# --- effects -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (effect(None, None), {}),
        (effect("failed"), {}),
        (effect("reserved"), {}),
        (effect("executing"), {}),
        (effect("unknown"), {}),
        (effect("done", "T9"), {}),
        (effect("reserved", "T9"), {"effect.free": "refuse"}),
        (effect("executing", "T9"), {"effect.free": "refuse"}),
        (effect("unknown", "T9"), {"effect.free": "refuse"}),
        (effect("a state of tomorrow", "T9"), {"effect.free": "refuse"}),
        (effect(None, None, overlap="refund:#W1001:shipping"), {"effect.free": "refuse"}),
    ],
)
def test_effect_that_is_live_elsewhere(known: EffectFacts, expected: dict[str, str]) -> None:
    assert spoke(verdict(refund_facts(effect=known))) == expected


def test_a_done_effect_is_asked_for_again_without_moving_money() -> None:
    """Two tickets, one effect: the second gets the receipt of the first."""
    again = refund_facts(
        minor=90_000,
        effect=effect("done", "T9"),
        refunded=usd(90_000),
        order_status="cancelled",
        delivered_at=None,
    )
    result = judged(again, customer_spent_today_minor=400_000)
    assert result.ruling is Ruling.ALLOW
    assert result.mode is Mode.AUTONOMOUS


def test_a_done_effect_still_needs_owner_assurance_and_consent() -> None:
    again = refund_facts(effect=effect("done", "T9"), names_remedy=False)
    assert spoke(verdict(again)) == {"consent.remedy": "needs_approval"}
    assert spoke(verdict(again, assurance=Assurance.NONE)) == {"customer.assurance": "refuse"}
    assert spoke(verdict(again, customer_id="eve")) == {"order.own": "refuse"}


def test_what_this_ticket_began_does_not_count_against_itself() -> None:
    """The money may have moved already: the executor reads before it asks again."""
    begun = refund_facts(effect=effect("unknown"), refunded=usd(2_490))
    assert verdict(begun).ruling is Ruling.ALLOW
    elsewhere = refund_facts(effect=effect("unknown", "T9"), refunded=usd(2_490))
    assert verdict(elsewhere).ruling is Ruling.REFUSE


def test_a_ticket_without_an_id_has_begun_nothing() -> None:
    held = refund_facts(effect=effect("executing", ticket=""))
    assert spoke(verdict(held, ticket_id="")) == {"effect.free": "refuse"}


def test_two_actions_of_one_proposal_may_not_claim_the_same_part() -> None:
    whole = refund_facts()
    part = refund_facts(
        action_id="p1-a2",
        effect=EffectFacts(
            effect_id="refund:#W1001:item:7:1", components={"#W1001/item:7:1": 2_490}
        ),
    )
    first, second = judged(whole, part).verdicts
    assert "effect.free" not in spoke(first)
    assert spoke(second)["effect.free"] == "refuse"
    assert "action p1-a1 of the same proposal" in second.reasons[0].text


def test_actions_on_one_order_are_added_up() -> None:
    def half(n: int, minor: int) -> ActionFacts:
        return refund_facts(
            action_id=f"p1-a{n}",
            minor=minor,
            paid=usd(4_980),
            component_total=usd(minor),
            effect=EffectFacts(effect_id=f"refund:{n}", components={f"#W1001/item:7:{n}": minor}),
        )

    assert judged(half(1, 2_490), half(2, 2_490)).ruling is Ruling.ALLOW
    too_much = judged(half(1, 2_490), half(2, 2_491))
    assert [spoke(v) for v in too_much.verdicts] == [{"refund.left": "refuse"}] * 2


def test_sums_beyond_all_amounts_fail_the_rule_and_are_named_in_a_few_words() -> None:
    huge = [
        refund_facts(action_id=f"p1-a{n}", minor=MAX_SAFE_MINOR, paid=usd(2_490)) for n in (1, 2)
    ]
    first, _ = judged(*huge, customer_spent_today_minor=1).verdicts
    assert {"refund.left", "money.ceiling", "money.customer_day"} <= spoke(first).keys()
    texts = {reason.rule_id: reason.text for reason in first.reasons}
    most = "more than $90,071,992,547,409.91"
    assert f"({most} is asked, $24.90 is left)" in texts["refund.left"]
    assert f"(it is {most})" in texts["money.customer_day"]
    assert all(len(text) < 300 for text in texts.values())


def test_what_takes_nothing_of_the_payments_is_not_held_back_by_them() -> None:
    dearer = refund_facts(kind="modify_order_items", minor=6_000, paid=usd(0), takes=usd(0))
    assert "refund.left" not in spoke(verdict(dearer))
    cheaper = dearer.model_copy(update={"takes": usd(6_000)})
    assert spoke(verdict(cheaper))["refund.left"] == "refuse"


def test_a_proposal_is_added_to_the_day() -> None:
    def on_order(n: int) -> ActionFacts:
        return refund_facts(action_id=f"p1-a{n}", order_id=f"#W{n}", minor=4_000)

    assert judged(*[on_order(n) for n in range(1, 4)]).mode is Mode.AUTONOMOUS
    four = judged(*[on_order(n) for n in range(1, 5)])
    assert all(spoke(v) == {"money.customer_day": "needs_approval"} for v in four.verdicts)
    assert len(four.mode_reasons) == 1  # one rule, said once


def test_another_currency_is_for_a_person() -> None:
    euros = Money(amount_minor=2_490, currency="EUR")
    abroad = refund_facts(
        amount=euros,
        paid=euros,
        component_total=euros,
        refunded=Money(amount_minor=0, currency="EUR"),
        credited=Money(amount_minor=0, currency="EUR"),
        disputed=Money(amount_minor=0, currency="EUR"),
    )
    assert spoke(verdict(abroad)) == {
        "refund.autonomous": "needs_approval",
        "money.ceiling": "needs_approval",
        "money.customer_day": "needs_approval",
        "money.tenant_day": "needs_approval",
    }
    mixed = refund_facts(paid=euros)
    assert spoke(verdict(mixed)) == {"refund.left": "refuse"}
