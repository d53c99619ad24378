"""Store credit is money: it counts on its order, once, at the amount that somebody approved."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from closeloop.errors import BackendRefused
from closeloop.models.steps import ExecuteAction, VerifyAction, VerifyResolution
from tests.activities.till import T, Till, usd
from workflows import approval


def test_what_we_credited_is_not_refunded_as_well(tmp_path: Path) -> None:
    with Till(tmp_path, status="delivered") as till:
        till.perform(till.step(till.action("issue_store_credit", amount_minor=10_000)))
        credited = till.backends.payments.list_credits(T, "#W1")
        assert [credit.amount for credit in credited] == [usd(10_000)]
        assert till.refusing(till.action("refund_payment"), ticket="T2") == {"refund.left"}


def test_what_we_refunded_is_not_credited_as_well(tmp_path: Path) -> None:
    with Till(tmp_path, status="delivered") as till:
        till.perform(till.step(till.action("refund_payment")))
        credit = till.action("issue_store_credit", amount_minor=100)
        assert till.refusing(credit, ticket="T2") == {"refund.left"}


def test_an_order_that_nobody_paid_earns_no_credit(tmp_path: Path) -> None:
    with Till(tmp_path, status="delivered", rows=[]) as till:
        assert till.refusing(till.action("issue_store_credit", amount_minor=1)) == {"refund.left"}


@pytest.mark.parametrize("credit_first", [True, False])
def test_of_two_tickets_judged_at_once_one_gets_the_money(
    tmp_path: Path, credit_first: bool
) -> None:
    with Till(tmp_path, status="delivered") as till:
        steps = [
            till.step(till.action("issue_store_credit", amount_minor=10_000), ticket="T1"),
            till.step(till.action("refund_payment"), ticket="T2"),
        ]
        first, second = steps if credit_first else reversed(steps)
        till.perform(first)
        before = till.backends.export()
        with pytest.raises(BackendRefused) as refused:
            till.perform(second)
        assert refused.value.code == "over_refund"
        assert till.backends.export() == before


def test_a_cancellation_judged_before_a_credit_gives_nothing_back(tmp_path: Path) -> None:
    with Till(tmp_path) as till:
        cancel = till.step(till.action("cancel_order"))
        till.perform(till.step(till.action("issue_store_credit", amount_minor=1), ticket="T2"))
        with pytest.raises(BackendRefused) as refused:
            till.perform(cancel)
        assert refused.value.code == "over_refund"
        assert till.back() == 0


def test_an_approver_may_lower_a_credit(tmp_path: Path) -> None:
    with Till(tmp_path, status="delivered") as till:
        action = till.action("issue_store_credit", amount_minor=8_000)
        asked = till.step(action).model_copy(update={"approved_by": None, "request_id": "T1-r1"})
        till.ledger.reserve(T, asked, datetime.now(UTC) + timedelta(hours=1))
        lower = till.action("issue_store_credit", amount_minor=3_000)
        assert approval.permits(till.judge(lower))
        step = till.step(lower)
        receipt = till.perform(step)
        assert receipt.amount == usd(3_000)
        check = VerifyAction(tenant=T, ticket_id="T1", action=lower, effect_id=step.effect_id)
        assert till.run("verify_action", check).holds
        assert not till.run("verify_action", check.model_copy(update={"action": action})).holds


def test_a_card_that_is_full_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with Till(tmp_path, status="delivered", balance=9_999_999_999_999.99) as till:
        before = till.backends.export()
        with pytest.raises(BackendRefused) as refused:
            till.perform(till.step(till.action("issue_store_credit", amount_minor=1)))
        assert refused.value.code == "balance_too_large"
        assert till.backends.export() == before


def test_a_refund_to_a_card_that_is_full_is_refused_as_well(tmp_path: Path) -> None:
    rows = [("payment", 100.0, "gift")]
    with Till(tmp_path, status="delivered", rows=rows, balance=9_999_999_999_999.99) as till:
        with pytest.raises(BackendRefused) as refused:
            till.backends.payments.refund(T, "k", "#W1", usd(1))
        assert refused.value.code == "balance_too_large"
        assert till.back() == 0


def test_what_a_person_refunded_counts_towards_the_card_it_went_to(tmp_path: Path) -> None:
    with Till(tmp_path, status="delivered") as till:
        till.backends.payments.refund(T, "office", "#W1", usd(10_000))
        done = ExecuteAction(
            tenant=T,
            ticket_id="T9",
            action=till.action("refund_payment"),
            customer_id="ada",
            effect_id="",
        )
        till.run("verify_resolution", VerifyResolution(tenant=T, ticket_id="T9", effects=(done,)))
        moved = till.ledger.recent(T, ["instrument:card", "order:#W1"], datetime.now(UTC))
        assert moved == {"instrument:card": 10_000, "order:#W1": 10_000}
