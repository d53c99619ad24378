"""Four customers of a small shop in the shape of the public set, authored for the tests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.evals.tiny_retail import CANCEL, EXCHANGE, after, cancelled, exchanged
from tests.ports.test_shop_changes import shop_file

POLICY: Final = "# Shop policy\n\n## Cancel\n\nAn order can be cancelled while it is pending."
IDENTITY: Final = "You are Ada Stone in zip code 02809."
DONE: Final = ("done", "You want to cancel order #W1, which you no longer need.")
ASKED: Final = ("asked", "You want to cancel an order.")
TIED: Final = ("tied", "You want to cancel order #W1 unless you can have the mug engraved.")
OTHER: Final = ("other", "You want to cancel order #W3, which you no longer need.")

_GOLD: Final[dict[str, tuple[list[dict[str, Any]], str]]] = {
    "done": ([CANCEL], after(cancelled)),
    "asked": ([CANCEL], after(cancelled)),
    "tied": ([], after()),
    "other": ([EXCHANGE], after(exchanged)),
}
_LATER: Final = {"asked": "The order number is #W1."}


def task_of(name: str, reason: str) -> dict[str, Any]:
    """Return a task as the data writes it."""
    instructions = {
        "task_instructions": _LATER.get(name, "."),
        "domain": "retail",
        "reason_for_call": reason,
        "known_info": IDENTITY,
        "unknown_info": "You do not remember your email address.",
    }
    return {
        "id": name,
        "user_scenario": {"persona": None, "instructions": instructions},
        "evaluation_criteria": {"actions": _GOLD[name][0]},
    }


def write_customers(folder: Path, customers: Sequence[tuple[str, str]]) -> Path:
    """Write the set with these customers below ``folder``."""
    place = folder / "tau2-retail"
    place.mkdir()
    (place / "db.json").write_text(json.dumps(shop_file()))
    (place / "policy.md").write_text(POLICY)
    (place / "tasks_own.json").write_text(json.dumps([task_of(*one) for one in customers]))
    gold = {name: {"sha256": _GOLD[name][1]} for name, _ in customers}
    (place / "gold_states_own.json").write_text(json.dumps({"tasks": gold}))
    return folder
