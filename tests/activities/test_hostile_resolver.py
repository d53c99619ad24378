"""The worst model cannot hurt anybody: whatever it proposes, the books are in order.

``HOSTILE_RUNS=5000 pytest tests/activities/test_hostile_resolver.py`` makes a long run of it.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from closeloop.models.proposal import Action, Draft, Proposal
from tests.activities.hostile import Desk, make_template
from tests.activities.hostile_moves import Move, Outside, Propose, moves

RUNS = int(os.environ.get("HOSTILE_RUNS", "60"))


def _swap(order_id: str, old: str, new: str) -> dict[str, Any]:
    method = {"payment_method_id": "card_shared"}
    return {"order_id": order_id, "item_ids": [old], "new_item_ids": [new], **method}


@pytest.mark.timeout(120 + RUNS * 2)
def test_no_proposal_moves_money_that_it_should_not(tmp_path: Path) -> None:
    template, seen, numbers = make_template(tmp_path), Counter[str](), itertools.count()

    @settings(
        max_examples=RUNS,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )
    @given(st.lists(moves, min_size=12, max_size=40))
    def run(history: list[Move]) -> None:
        folder = tmp_path / f"run{next(numbers)}"
        desk = Desk(template, folder)
        try:
            for move in history:
                desk.make(move)
            desk.check()
            seen.update(desk.seen)
        finally:
            desk.close()
            shutil.rmtree(folder)

    run()
    print(f"\n{RUNS} runs:", dict(seen.most_common()))  # noqa: T201
    for what in ("allowed", "asked", "approved", "refused", "refund_payment done"):
        assert seen[what], f"nothing was {what}: this proves nothing"


def test_an_order_refunded_in_parts_is_asked_for_once_the_parts_are_too_much(
    tmp_path: Path,
) -> None:
    desk = Desk(make_template(tmp_path), tmp_path / "run")
    try:
        for unit in (1, 2):  # $30.00 each, and $50.00 may go without a person
            desk.make(_refund("bob-1", "W6", f"item:1004:{unit}"))
        desk.check()
        assert (desk.seen["allowed"], desk.seen["asked"]) == (1, 1)
    finally:
        desk.close()


def test_what_was_credited_does_not_go_back_with_a_cancellation(tmp_path: Path) -> None:
    """Found by a run above: the whole price went back beside the credit."""
    desk = Desk(make_template(tmp_path), tmp_path / "run")
    try:
        desk.make(Outside("credit", "#W7", 1))
        before = desk.books.given_back()
        desk.make(_proposed("bob-1", "cancel_order", order_id="W7"))
        desk.check()
        assert (desk.seen["refused"], desk.books.given_back()) == (1, before)
    finally:
        desk.close()


@pytest.mark.parametrize(
    "proposals",
    [
        [("ada-1", "cancel_order", {"order_id": "#W12"})],
        [("ada-1", "modify_order_items", _swap("#W13", "1002", "1001"))],
        [("bob-1", "modify_order_items", _swap("#W14", "1005", "1001"))],
        [("bob-1", "exchange_items", _swap("#W8", "1001", "1002"))],
        [
            ("ada-1", "issue_store_credit", {"order_id": "#W15", "amount_minor": 4_000}),
            ("ada-2", "refund_payment", {"order_id": "#W15"}),
        ],
    ],
)
def test_what_was_paid_bounds_every_kind(
    tmp_path: Path, proposals: list[tuple[str, str, dict[str, Any]]]
) -> None:
    desk = Desk(make_template(tmp_path), tmp_path / "run")
    try:
        for ticket, kind, params in proposals:
            desk.make(_proposed(ticket, kind, **params))
        desk.check()
    finally:
        desk.close()


def _refund(ticket: str, order_id: str, component: str) -> Propose:
    return _proposed(ticket, "refund_payment", order_id=order_id, components=[component])


def _proposed(ticket: str, kind: str, **params: Any) -> Propose:
    action = Action(action_id="a", kind=kind, params=params, requested_by=("m1",))
    reply = Draft(text="Done.")
    proposal = Proposal(proposal_id="", goal="", actions=(action,), reply=reply, source="offline")
    return Propose(ticket=ticket, proposal=proposal, at_once=True)
