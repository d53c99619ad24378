"""What is judged is what moves, and no more goes back than is left of what was paid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from activities.effects import MADE_BY_A_PERSON, Effects
from activities.orders import OrderActivities
from closeloop.errors import BackendRefused
from closeloop.models.policy import Ruling
from closeloop.models.steps import VerifyAction
from tests.activities.till import EXAMPLE, RETAIL, WHOLE, Row, T, Till, swap, usd

BOTH: Final = pytest.mark.parametrize("policies", [EXAMPLE, RETAIL], ids=["example", "retail"])
CHANGES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "cancel_order": ("pending", {}),
    "modify_order_items": ("pending", swap("B")),
    "modify_order_payment": ("pending", {"payment_method_id": "paypal"}),
    "return_items": ("delivered", {"item_ids": ["A"], "payment_method_id": "card"}),
    "exchange_items": ("delivered", swap("B")),
}


def refund_outside(till: Till) -> None:
    till.backends.payments.refund(T, "office", "#W1", usd(10_000))


def credit_outside(till: Till) -> None:
    till.backends.payments.give_credit(T, "#W1", usd(10_000))


def lose_dispute(till: Till) -> None:
    dispute = till.backends.payments.open_dispute(T, "#W1", usd(10_000))
    till.backends.payments.end_dispute(T, dispute.dispute_id, won=False)


def open_dispute(till: Till) -> None:
    till.backends.payments.open_dispute(T, "#W1", usd(10_000))


# ------------------------------------------------------------------------ judged is what moves


@pytest.mark.parametrize(
    ("rows", "minor"),
    [
        ([WHOLE], 10_000),
        ([("payment", 9000.0, "card")], 900_000),
        ([("payment", 60.0, "card")], 6_000),
        ([("payment", 60.0, "card"), ("payment", 50.0, "gift")], 11_000),
        ([WHOLE, ("refund", 30.0, "card")], 7_000),
        ([], 0),
    ],
)
@BOTH
def test_a_cancellation_is_judged_on_what_was_paid(
    tmp_path: Path, policies: Path, rows: list[Row], minor: int
) -> None:
    with Till(tmp_path, rows=rows, policies=policies) as till:
        before = till.back()
        cancel = till.action("cancel_order")
        (facts,) = till.judge(cancel).facts.actions
        assert facts.amount == usd(minor)
        if minor == 900_000:
            assert policies == RETAIL or "money.ceiling" in till.refusing(cancel)
            return
        receipt = till.perform(till.step(cancel))
        assert till.back() - before == minor
        assert receipt.amount == usd(minor)
        words = f"{usd(minor)} goes back" if minor else "nothing goes back"
        assert receipt.summary == f"order #W1 is cancelled; {words}"
        assert till.step(cancel).amount == usd(minor)  # once done, it is what it was


@BOTH
def test_another_payment_method_is_judged_on_what_was_paid(tmp_path: Path, policies: Path) -> None:
    with Till(tmp_path, rows=[("payment", 130.0, "card")], policies=policies) as till:
        step = till.step(till.action("modify_order_payment", payment_method_id="paypal"))
        assert step.amount == usd(13_000)
        till.perform(step)
        assert till.back() == 13_000
        again = till.action("modify_order_payment", payment_method_id="paypal")
        assert till.step(again).amount == usd(13_000)


@pytest.mark.parametrize("change", [refund_outside, lose_dispute], ids=["refunded", "dispute lost"])
def test_what_would_move_another_amount_than_judged_is_refused_and_changes_nothing(
    tmp_path: Path, change: Callable[[Till], None]
) -> None:
    with Till(tmp_path) as till:
        step = till.step(till.action("cancel_order"))
        change(till)
        before = till.backends.export()
        with pytest.raises(BackendRefused) as refused:
            till.perform(step)
        assert refused.value.code == "amount_changed"
        assert till.backends.export() == before
        assert till.step(till.action("cancel_order")).amount == usd(0)


@pytest.mark.parametrize("kind", ["modify_order_items", "modify_order_payment", "exchange_items"])
def test_the_shop_moves_no_other_amount_than_it_is_told(tmp_path: Path, kind: str) -> None:
    status, params = CHANGES[kind]
    with Till(tmp_path, status=status) as till:
        step = till.step(till.action(kind, **params))
        assert step.amount is not None
        less = step.model_copy(update={"amount": usd(step.amount.amount_minor - 1)})
        with pytest.raises(BackendRefused) as refused:
            till.perform(less)
        assert refused.value.code == "amount_changed"
        assert till.back() == 0
        till.perform(step)


def test_a_cancellation_is_not_undone_in_the_books_by_a_gateway_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    """The shop has said what it gave back: nothing more is asked once it is done."""
    with Till(tmp_path) as till:
        step = till.step(till.action("cancel_order"))
        till.backends.faults.add("payments.find_refund=503:x9")
        assert till.perform(step).amount == usd(10_000)
        assert till.back() == 10_000


def test_what_a_person_cancelled_says_what_they_gave_back(tmp_path: Path) -> None:
    with Till(tmp_path) as till:
        shop, payments = till.backends.shop, till.backends.payments
        action = till.action("cancel_order")
        payments.refund(T, "office", "#W1", usd(2_500))
        shop.cancel_order(T, "office-2", "#W1", "no longer needed")
        orders = OrderActivities(shop, payments, Effects(till.ledger))
        reader = orders.readers["cancel_order"]
        check = VerifyAction(tenant=T, ticket_id="T1", action=action, effect_id="cancel:#W1")
        by_person = reader(check, MADE_BY_A_PERSON)
        assert by_person is not None
        assert by_person.amount == usd(10_000)
        by_us = reader(check, f"{T}:cancel:#W1")
        assert by_us is not None
        assert (by_us.amount, by_us.summary) == (
            usd(0),
            "order #W1 is cancelled; nothing goes back",
        )


# ------------------------------------------------------------------- no more than what is left


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (refund_outside, {"left"}),
        (credit_outside, {"left"}),
        (lose_dispute, {"left"}),
        (open_dispute, {"left", "dispute"}),
    ],
    ids=["refunded", "credited", "dispute lost", "dispute open"],
)
@BOTH
def test_nothing_moves_on_an_order_of_which_nothing_is_left(
    tmp_path: Path, policies: Path, kind: str, change: Callable[[Till], None], rules: set[str]
) -> None:
    status, params = CHANGES[kind]
    with Till(tmp_path, status=status, policies=policies) as till:
        change(till)
        refusing = {rule.rpartition(".")[2] for rule in till.refusing(till.action(kind, **params))}
        if kind == "cancel_order" and change is not credit_outside:
            rules = rules - {"left"}  # it gives nothing back
        if kind == "modify_order_payment" and change is refund_outside:
            rules = {"left", "single"}
        assert refusing == rules


@BOTH
@pytest.mark.parametrize("rows", [[], [("payment", 50.0, "card")]], ids=["unpaid", "discounted"])
def test_a_cheaper_item_gives_back_no_more_than_was_paid(
    tmp_path: Path, policies: Path, rows: list[Row]
) -> None:
    with Till(tmp_path, rows=rows, policies=policies) as till:
        cheaper = till.action("modify_order_items", **swap("B"))  # $60.00 less
        (refusing,) = till.refusing(cheaper)
        assert refusing.endswith(".left")
        with pytest.raises(BackendRefused) as refused:  # nor would the shop
            till.backends.shop.modify_order_items(T, "k", "#W1", ["A"], ["B"], "gift")
        assert refused.value.code == "over_refund"
        assert till.back() == 0


@BOTH
@pytest.mark.parametrize("rows", [[], [("payment", 50.0, "card")]], ids=["unpaid", "discounted"])
def test_a_dearer_item_takes_nothing_and_is_not_held_back(
    tmp_path: Path, policies: Path, rows: list[Row]
) -> None:
    with Till(tmp_path, rows=rows, policies=policies) as till:
        dearer = till.action("modify_order_items", **swap("C", "card"))
        judgement = till.judge(dearer)
        assert judgement.ruling is not Ruling.REFUSE, judgement.verdicts
        till.perform(till.step(dearer))
        assert till.back() == 0


@BOTH
def test_an_exchange_takes_what_the_old_items_cost(tmp_path: Path, policies: Path) -> None:
    for n, (paid, refused) in enumerate([(99.0, True), (100.0, False)]):
        rows = [("payment", paid, "card")]
        with Till(tmp_path / str(n), status="delivered", rows=rows, policies=policies) as till:
            exchange = till.action("exchange_items", **swap("C", "card"))
            assert bool(till.refusing(exchange)) is refused


@pytest.mark.parametrize("change", [refund_outside, lose_dispute])
def test_the_shop_itself_gives_no_payment_back_twice(
    tmp_path: Path, change: Callable[[Till], None]
) -> None:
    with Till(tmp_path) as till:
        change(till)
        before = till.backends.export()
        with pytest.raises(BackendRefused) as refused:
            till.backends.shop.modify_order_payment(T, "k", "#W1", "paypal")
        assert refused.value.code in ("over_refund", "no_single_payment")
        assert till.backends.export() == before
