"""The rules on changed items and payment methods, over the small facts that each one reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from closeloop.models.policy import ActionFacts, EffectFacts, ItemFacts, MethodFacts
from closeloop.models.ticket import Assurance
from closeloop.policy.binding import binding_hash
from closeloop.policy.rules import Rules, load_rules
from tests.unit.policy_support import (
    POLICIES,
    action_of,
    facts_of,
    refund_facts,
    spoke,
    usd,
    verdict,
)

RETAIL: Rules = load_rules(POLICIES / "retail" / "rules.toml")
GIFT = MethodFacts(method_id="gift_card_1", on_file=True, gift_card=True, balance=usd(500))
CARD = MethodFacts(method_id="card_1", on_file=True, paid=True, original=True)
OTHER = MethodFacts(method_id="paypal_1", on_file=True)
SWAP = ItemFacts(item_id="1", new_item_id="2", of_product=True, available=True)


def change(kind: str, **changes: Any) -> ActionFacts:
    """A change that every rule of the retail set allows."""
    delivered = kind in ("return_items", "exchange_items")
    plain: dict[str, Any] = {
        "kind": kind,
        "needed_assurance": Assurance.CONFIRMED,
        "order_asked": "#W1001",
        "order_status": "delivered" if delivered else "pending",
        "method": OTHER if kind == "modify_order_payment" else CARD,
        "items": () if kind == "modify_order_payment" else (SWAP,),
        "charge": usd(400),
        "single_payment": True,
        "effect": EffectFacts(effect_id=f"{kind}:#W1001", components={"#W1001/x": 0}),
    }
    return refund_facts(**{**plain, **changes})


KINDS = ("modify_order_items", "modify_order_payment", "return_items", "exchange_items")


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_change_is_allowed(kind: str) -> None:
    assert spoke(verdict(change(kind), rules=RETAIL)) == {}


@pytest.mark.parametrize(
    ("kind", "changes", "rule"),
    [
        ("modify_order_items", {"order_status": "pending (item modified)"}, "modify.status"),
        ("exchange_items", {"order_status": "exchange requested"}, "exchange.status"),
        ("return_items", {"order_status": "exchange requested"}, "return.status"),
        ("exchange_items", {"items": (ItemFacts(item_id="1", new_item_id="1"),)}, "items.other"),
        (
            "exchange_items",
            {"items": (SWAP.model_copy(update={"of_product": False}),)},
            "items.product",
        ),
        (
            "modify_order_items",
            {"items": (SWAP, SWAP.model_copy(update={"available": False}))},
            "items.available",
        ),
        ("modify_order_items", {"method": MethodFacts(method_id="x")}, "method.on_file"),
        ("exchange_items", {"method": GIFT, "charge": usd(501)}, "method.covers"),
        ("exchange_items", {"method": GIFT, "charge": None}, "method.covers"),
        ("return_items", {"method": OTHER}, "method.return"),
        ("modify_order_payment", {"method": CARD}, "method.other"),
        ("modify_order_payment", {"single_payment": False}, "method.single"),
        ("modify_order_payment", {"single_payment": None}, "method.single"),
        ("return_items", {"order_asked": "W1001"}, "order.exact"),
        ("return_items", {"refunded": usd(1)}, "money.left"),
        ("refund_payment", {}, "action.allowed"),
    ],
)
def test_one_fact_makes_it_refused(kind: str, changes: dict[str, Any], rule: str) -> None:
    assert spoke(verdict(change(kind, **changes), rules=RETAIL)) == {rule: "refuse"}


def test_a_gift_card_that_gets_money_back_needs_no_balance() -> None:
    empty = GIFT.model_copy(update={"balance": usd(0)})
    given = change("exchange_items", method=empty, charge=usd(-100))
    assert spoke(verdict(given, rules=RETAIL)) == {}


def test_what_is_on_file_is_changed_for_its_owner_alone() -> None:
    own = change(
        "update_customer_address",
        order_id=None,
        order_asked=None,
        order_found=False,
        items=(),
        method=None,
        amount=None,
        moves_money=False,
        customer_asked="nora",
    )
    assert spoke(verdict(own, rules=RETAIL)) == {}
    other = own.model_copy(update={"customer_asked": "Nora"})
    assert spoke(verdict(other, rules=RETAIL)) == {"customer.own": "refuse"}
    assert spoke(verdict(own)) == {"change.person": "needs_approval"}


@pytest.mark.parametrize("kind", [*KINDS, "update_customer_address", "issue_store_credit"])
def test_the_example_shop_has_a_person_look_at_every_one(kind: str) -> None:
    assert spoke(verdict(change(kind)))["change.person"] == "needs_approval"


def test_a_done_change_changes_nothing_more() -> None:
    done = EffectFacts(effect_id="items", state="done", ticket_id="T9")
    again = change("modify_order_items", order_status="pending (item modified)", effect=done)
    assert spoke(verdict(again, rules=RETAIL)) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"charge": usd(401)},
        {"method": GIFT},
        {"items": (SWAP.model_copy(update={"available": False}),)},
        {"single_payment": False},
    ],
)
def test_a_drifted_fact_is_another_request(changes: dict[str, Any]) -> None:
    before, after = change("modify_order_items"), change("modify_order_items", **changes)
    first, second = (binding_hash([action_of(a)], facts_of(a)) for a in (before, after))
    assert first != second


def test_the_retail_rules_name_nobody() -> None:
    text = (POLICIES / "retail" / "rules.toml").read_text(encoding="utf-8")
    assert "#W" not in text
    assert Path(POLICIES / "retail" / "taxonomy.toml").is_file()
