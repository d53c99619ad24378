"""A set of three calls and three tasks in the shape of the public one, authored for the tests."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evals.retail.data import state_hash
from tests.ports.test_shop_changes import BIG, GIFT, MUG, shop_file

State = dict[str, Any]
CANCEL: dict[str, Any] = {
    "name": "cancel_pending_order",
    "arguments": {"order_id": "#W1", "reason": "no longer needed"},
}
EXCHANGE: dict[str, Any] = {
    "name": "exchange_delivered_order_items",
    "arguments": {
        "order_id": "#W2",
        "item_ids": [MUG],
        "new_item_ids": [BIG],
        "payment_method_id": GIFT,
    },
}
TOO_DEAR: dict[str, Any] = {
    "name": "modify_pending_order_payment",
    "arguments": {"order_id": "#W1", "payment_method_id": GIFT},
}


def cancelled(state: State) -> None:
    order = state["orders"]["#W1"]
    order["status"] = "cancelled"
    order["cancel_reason"] = "no longer needed"
    paid = order["payment_history"][0]
    order["payment_history"].append({**paid, "transaction_type": "refund"})


def exchanged(state: State) -> None:
    state["orders"]["#W2"] |= {
        "status": "exchange requested",
        "exchange_items": [MUG],
        "exchange_new_items": [BIG],
        "exchange_payment_method_id": GIFT,
        "exchange_price_difference": 5.25,
    }


def after(*changes: Callable[[State], None]) -> str:
    state = copy.deepcopy(shop_file())
    for change in changes:
        change(state)
    return state_hash(state)


def write_set(folder: Path, **wrong: str) -> Path:
    """Write the set below ``folder``; ``wrong`` replaces the hash of a task or line by name."""
    place = folder / "tau2-retail"
    place.mkdir()
    (place / "db.json").write_text(json.dumps(shop_file()))
    tasks = {"both": [CANCEL, EXCHANGE], "refused": [TOO_DEAR, CANCEL], "nothing": []}
    finals = {"both": after(cancelled, exchanged), "refused": after(cancelled), "nothing": after()}
    (place / "tasks.json").write_text(
        json.dumps(
            [
                {
                    "id": name,
                    "evaluation_criteria": {"actions": [{"name": "get_user_details"}, *calls]},
                }
                for name, calls in tasks.items()
            ]
        )
    )
    gold = {name: {"sha256": wrong.get(name, digest)} for name, digest in finals.items()}
    (place / "gold_states.json").write_text(json.dumps({"tasks": gold}))
    lines = [
        _line("allowed", "gold_write", [], CANCEL, "allow", after(cancelled)),
        _line("twice", "second_call_same_order", [CANCEL], CANCEL, "refuse", after(cancelled)),
        _line("dear", "gift_card_over_balance", [], TOO_DEAR, "refuse", after()),
    ]
    for line in lines:
        line["sha256_after"] = wrong.get(line["id"], line["sha256_after"])
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (place / "refusals_tiny.jsonl").write_text(text)
    return folder


def _line(
    name: str, kind: str, setup: list[State], call: State, expected: str, digest: str
) -> State:
    return {
        "id": name,
        "user_id": "ada_stone",
        "kind": kind,
        "setup": setup,
        "call": call,
        "expected": expected,
        "sha256_after": digest,
    }
