"""The files of a retail set, found by glob, and the hash that its states are compared by.

The set is laid out as tau2-bench's retail data: ``db.json``, ``tasks*.json``, ``gold_states*.json``
and ``refusals_*.jsonl`` in a folder ``tau2-retail``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from closeloop.errors import ConfigurationError

FOLDER: Final = "tau2-retail"

OPTIONAL: Final = (
    "cancel_reason",
    "exchange_items",
    "exchange_new_items",
    "exchange_payment_method_id",
    "exchange_price_difference",
    "return_items",
    "return_payment_method_id",
)
"""Fields that count as null where an order does not carry them."""

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call as the data writes it."""

    name: str
    arguments: Json


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One line of a refusals file: setup, then a call that is to be refused or allowed."""

    line_id: str
    user_id: str
    kind: str
    setup: tuple[Call, ...]
    call: Call
    refuse: bool
    hashes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task's gold writes in order, the hashes its final state may have, and its scenario.

    ``scenario`` is what the data tells its customer, as it stands; None where there is none.
    """

    task_id: str
    writes: tuple[Call, ...]
    hashes: frozenset[str]
    scenario: Json | None = None


def folder(data: Path) -> Path:
    """Return the set's folder below ``data``, or ``data`` itself where it is that folder.

    Raises:
        ConfigurationError: there is no ``db.json``.
    """
    for place in (data / FOLDER, data):
        if (place / "db.json").is_file():
            return place
    raise ConfigurationError(f"--data {data}: there is no {FOLDER}/db.json in it")


def state_hash(state: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of a state, as the set's own README computes it."""
    orders = {k: {**dict.fromkeys(OPTIONAL), **o} for k, o in state["orders"].items()}
    text = json.dumps({**state, "orders": orders}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_refusals(place: Path) -> tuple[Refusal, ...]:
    """Return the lines of every ``refusals_*.jsonl``.

    Raises:
        ConfigurationError: there is no such file, or a line lacks a field.
    """
    files = sorted(place.glob("refusals_*.jsonl"))
    if not files:
        raise ConfigurationError(f"--data: there is no refusals_*.jsonl in {place}")
    lines = [
        (file, number, json.loads(line))
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if line.strip()
    ]
    return tuple(_refusal(line, f"{file}:{number}") for file, number, line in lines)


def _refusal(line: Json, where: str) -> Refusal:
    try:
        hashes = {line["sha256_after"], line.get("sha256_after_clean", line["sha256_after"])}
        return Refusal(
            line_id=line["id"],
            user_id=line["user_id"],
            kind=line["kind"],
            setup=tuple(_call(call) for call in line["setup"]),
            call=_call(line["call"]),
            refuse=line["expected"] == "refuse",
            hashes=frozenset(hashes),
        )
    except KeyError as error:
        raise ConfigurationError(f"{where}: {error.args[0]}: is missing") from error


def read_tasks(place: Path, writes: frozenset[str]) -> tuple[Task, ...]:
    """Return the tasks of every ``tasks*.json`` with the calls named in ``writes``.

    Raises:
        ConfigurationError: there are no tasks, or one has no gold state.
    """
    gold: Json = {}
    for file in sorted(place.glob("gold_states*.json")):
        gold |= json.loads(file.read_text(encoding="utf-8"))["tasks"]
    tasks: list[Task] = []
    for file in sorted(place.glob("tasks*.json")):
        for task in json.loads(file.read_text(encoding="utf-8")):
            name = str(task["id"])
            if name not in gold:
                raise ConfigurationError(f"{file}: task {name} stands in no gold_states*.json")
            actions = (task.get("evaluation_criteria") or {}).get("actions") or []
            tasks.append(
                Task(
                    task_id=name,
                    writes=tuple(_call(a) for a in actions if a["name"] in writes),
                    hashes=frozenset(
                        state["sha256"]
                        for state in (gold[name], gold[name].get("clean"))
                        if state is not None
                    ),
                    scenario=task.get("user_scenario"),
                )
            )
    if not tasks:
        raise ConfigurationError(f"--data: there is no tasks*.json in {place}")
    return tuple(tasks)


def _call(call: Json) -> Call:
    return Call(name=call["name"], arguments=call["arguments"])
