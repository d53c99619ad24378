"""What was approved is what runs: the hash that binds a decision to it."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from closeloop.actions.base import ActionParams, Effect
from closeloop.models.base import Money, UtcTime
from closeloop.models.policy import ActionFacts, Facts
from closeloop.models.proposal import Action
from closeloop.policy.check import standing


def binding_hash(actions: Sequence[Action], facts: Facts) -> str:
    """Return the SHA-256 (hex) of the actions, the policy version and the facts that matter.

    Bound: whose ticket it is, the contact on file, the policy version; and of each action its kind
    and exact parameters, the order with its owner, status and delivery, the amounts, and the effect
    with how it stands; of changed items and payment methods, what they are and what they cost. Not
    bound, for they change by themselves: the time of day, what was spent today, how sure the
    classifier is; a reservation of the ticket's own changes nothing either.

    Raises:
        ValueError: ``actions`` are not those of ``facts``, in the same order.
    """
    if [action.action_id for action in actions] != [fact.action_id for fact in facts.actions]:
        raise ValueError("actions: they are not the ones that the facts are about")
    bound = {
        "tenant": facts.tenant,
        "ticket_id": facts.ticket_id,
        "customer_id": facts.customer_id,
        "contact_changed_at": _time(facts.contact_changed_at),
        "policy_version": facts.policy_version,
        "actions": [
            {"kind": action.kind, "params": action.params, **_facts_of(fact, facts)}
            for action, fact in zip(actions, facts.actions, strict=True)
        ],
    }
    canonical = json.dumps(bound, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def effect_digest(action: ActionParams, effect: Effect) -> str:
    """Return the SHA-256 (hex) of what a customer agrees to: kind, parameters, effect and amount.

    A yes to one effect is none to another, nor to the same one at another price.
    """
    agreed = {
        "kind": action.kind,
        "params": action.model_dump(mode="json"),
        "effect": effect.effect_id,
        "amount": _money(effect.amount),
    }
    canonical = json.dumps(agreed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _facts_of(action: ActionFacts, facts: Facts) -> dict[str, Any]:
    effect = action.effect
    return {
        "action_id": action.action_id,
        "judged_as": action.kind,
        "order": action.order_id,
        "order_found": action.order_found,
        "owner": action.order_customer_id,
        "status": action.order_status,
        "delivered_at": _time(action.delivered_at),
        "amount": _money(action.amount),
        "paid": _money(action.paid),
        "refunded": _money(action.refunded),
        "credited": _money(action.credited),
        "disputed": _money(action.disputed),
        "dispute_open": action.dispute_open,
        "component_total": _money(action.component_total),
        "effect": effect.effect_id if effect else None,
        "components": effect.components if effect else None,
        "overlap": effect.overlap if effect else None,
        "standing": standing(facts, action),
        **_change_of(action),
    }


def _change_of(action: ActionFacts) -> dict[str, Any]:
    """Return what matters of items and payment methods; nothing where an action is about none."""
    known = {
        "items": [item.model_dump() for item in action.items] or None,
        "method": action.method.model_dump() if action.method else None,
        "charge": _money(action.charge),
        "single_payment": action.single_payment,
        "slot_problem": action.slot_problem,
    }
    return {name: value for name, value in known.items() if value is not None}


def _money(value: Money | None) -> list[int | str] | None:
    return None if value is None else [value.amount_minor, value.currency]


def _time(value: UtcTime | None) -> str | None:
    return None if value is None else value.isoformat()
