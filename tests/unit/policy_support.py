"""Facts to judge: a plain refund that every rule allows, to be changed one fact at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from closeloop.models.base import Money
from closeloop.models.policy import ActionFacts, EffectFacts, Facts, Judgement, Verdict
from closeloop.models.proposal import Action
from closeloop.models.ticket import Assurance
from closeloop.policy.judge import judge
from closeloop.policy.rules import Rules, load_rules

POLICIES = Path(__file__).parents[2] / "policies"
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
RULES = load_rules(POLICIES / "rules.toml")


def usd(minor: int) -> Money:
    return Money(amount_minor=minor)


def effect(state: str | None, ticket: str | None = "T1", **more: Any) -> EffectFacts:
    """The plain refund's effect, in a state that a ticket has brought it to."""
    return EffectFacts.model_validate(
        {
            "effect_id": "refund:#W1001:all",
            "components": {"#W1001/item:7:1": 2_490},
            "state": state,
            "ticket_id": ticket,
            **more,
        }
    )


def refund_facts(**changes: Any) -> ActionFacts:
    """A refund of $24.90 that every rule allows."""
    minor = changes.pop("minor", 2_490)
    order_id = changes.get("order_id", "#W1001")
    plain = {
        "action_id": "p1-a1",
        "kind": "refund_payment",
        "needed_assurance": Assurance.CHANNEL_VERIFIED,
        "amount": usd(minor),
        "moves_money": True,
        "order_id": order_id,
        "order_found": True,
        "order_customer_id": "nora",
        "order_status": "delivered",
        "placed_at": NOW - timedelta(days=10),
        "delivered_at": NOW - timedelta(days=5),
        "paid": usd(max(minor, 2_490)),
        "refunded": usd(0),
        "credited": usd(0),
        "disputed": usd(0),
        "dispute_open": False,
        "component_total": usd(max(minor, 2_490)),
        "recent_minor": {
            f"order:{order_id}": 0,
            "customer:nora": 0,
            "instrument:card_1": 0,
            "address:1a2b": 0,
        },
        "effect": EffectFacts(
            effect_id=f"refund:{order_id}:all", components={f"{order_id}/item:7:1": minor}
        ),
        "names_target": True,
        "names_remedy": True,
    }
    return ActionFacts.model_validate({**plain, **changes})


def cancel_facts(**changes: Any) -> ActionFacts:
    """A cancellation of a pending order of $85.50 that every rule allows."""
    minor = changes.pop("minor", 8_550)
    plain = {
        "kind": "cancel_order",
        "minor": minor,
        "order_status": "pending",
        "delivered_at": None,
        "effect": EffectFacts(effect_id="cancel:#W1001", components={"#W1001/item:7:1": minor}),
    }
    return refund_facts(**{**plain, **changes})


def address_facts(**changes: Any) -> ActionFacts:
    """A new address for a pending order that every rule allows."""
    plain = {
        "kind": "modify_order_address",
        "needed_assurance": Assurance.CONFIRMED,
        "order_status": "pending",
        "moves_money": False,
        "amount": None,
        "paid": None,
        "refunded": None,
        "component_total": None,
        "delivered_at": None,
        "effect": EffectFacts(effect_id="address:#W1001:abc"),
    }
    return refund_facts(**{**plain, **changes})


def note_facts(**changes: Any) -> ActionFacts:
    """A note on the customer's record: the desk's own bookkeeping."""
    plain = {
        "action_id": "p1-a2",
        "kind": "add_crm_note",
        "internal": True,
        "effect": EffectFacts(effect_id="note:T1:abc"),
    }
    return ActionFacts.model_validate({**plain, **changes})


def facts_of(*actions: ActionFacts, **changes: Any) -> Facts:
    """Facts about a ticket of Nora's."""
    plain = {
        "at": NOW,
        "policy_version": "v1",
        "tenant": "default",
        "ticket_id": "T1",
        "customer_id": "nora",
        "assurance": Assurance.CONFIRMED,
        "intent": "refund_request",
        "confidence": 0.9,
        "actions": actions,
    }
    return Facts.model_validate({**plain, **changes})


def action_of(facts: ActionFacts, **params: Any) -> Action:
    """The action that facts are about."""
    given = params or {"order_id": facts.order_id}
    return Action(action_id=facts.action_id, kind=facts.kind, params=given)


def judged(*actions: ActionFacts, rules: Rules = RULES, **changes: Any) -> Judgement:
    """Judge these actions of Nora's ticket."""
    return judge(facts_of(*actions, **changes), rules, [action_of(a) for a in actions])


def verdict(action: ActionFacts, *, rules: Rules = RULES, **changes: Any) -> Verdict:
    """Judge one action of Nora's ticket."""
    return judged(action, rules=rules, **changes).verdicts[0]


def spoke(result: Verdict) -> dict[str, str]:
    """Which rules spoke, and their ruling."""
    return {reason.rule_id: reason.ruling.value for reason in result.reasons}
