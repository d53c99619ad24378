"""What every payments port does, and what the embedded one does besides.

``test_stripe_payments`` runs the same suite on Stripe's adapter.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.embedded.backends import EmbeddedBackends
from closeloop.embedded.payments import HistoryRow, left_of, split
from closeloop.errors import BackendRefused, EffectUnknown
from closeloop.models.base import Money
from closeloop.models.records import RefundRecord
from closeloop.ports import Payments
from tests.ports.small_shop import open_backends, usd, write_shop

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class World:
    """A payments port with orders in US dollars that are in a known state."""

    payments: Payments
    whole: str = "#W1"  # 32.00 paid, nothing given back
    partly: str = "#W4"  # 49.80 paid, 24.90 given back
    spent: str = "#W3"  # 24.90 paid and given back
    unpaid: str = "#W5"
    tenant: str = "default"
    other_tenant: str = "other"  # has the same orders
    no_such_order: str = "order_not_found"  # the code for an order that nobody knows


class PaymentsContract:
    """A suite for any payments port; a subclass brings the fixture ``world``."""

    def test_payments_of_an_order_are_listed(self, world: World) -> None:
        (payment,) = world.payments.list_payments(world.tenant, world.whole)
        assert payment.order_id == world.whole
        assert payment.amount == usd(3200)
        assert world.payments.list_payments(world.tenant, world.unpaid) == ()
        assert world.payments.list_payments(world.tenant, "#W404") == ()

    def test_a_refund_is_found_by_key_and_in_the_order(self, world: World) -> None:
        assert world.payments.find_refund(world.tenant, "k1") is None
        made = world.payments.refund(world.tenant, "k1", world.whole, usd(1000))
        assert (made.key, made.order_id, made.amount) == ("k1", world.whole, usd(1000))
        assert made.status == "succeeded"
        assert world.payments.find_refund(world.tenant, "k1") == made
        assert world.payments.find_refund(world.tenant, "k1", order_id=world.whole) == made
        assert world.payments.list_refunds(world.tenant, world.whole) == (made,)

    def test_refunds_made_by_others_are_listed(self, world: World) -> None:
        (earlier,) = world.payments.list_refunds(world.tenant, world.partly)
        assert earlier.amount == usd(2490)
        assert earlier.status == "succeeded"

    def test_the_same_call_again_is_the_same_refund(self, world: World) -> None:
        first = world.payments.refund(world.tenant, "k1", world.whole, usd(3200))
        assert world.payments.refund(world.tenant, "k1", world.whole, usd(3200)) == first
        assert len(world.payments.list_refunds(world.tenant, world.whole)) == 1

    @pytest.mark.parametrize("other", ["amount", "order"])
    def test_a_key_used_with_other_arguments_is_refused(self, world: World, other: str) -> None:
        world.payments.refund(world.tenant, "k1", world.whole, usd(1000))
        order, amount = (world.whole, usd(1001)) if other == "amount" else (world.partly, usd(1000))
        with pytest.raises(BackendRefused, match="k1") as refusal:
            world.payments.refund(world.tenant, "k1", order, amount)
        assert refusal.value.code == "idempotency_mismatch"
        assert len(world.payments.list_refunds(world.tenant, world.whole)) == 1

    def test_parts_add_up_to_what_was_paid_and_no_further(self, world: World) -> None:
        world.payments.refund(world.tenant, "k1", world.whole, usd(1000))
        world.payments.refund(world.tenant, "k2", world.whole, usd(2199))
        with pytest.raises(BackendRefused, match=r"\$0\.02 is more than the \$0\.01") as refusal:
            world.payments.refund(world.tenant, "k3", world.whole, usd(2))
        assert refusal.value.code == "over_refund"
        world.payments.refund(world.tenant, "k3", world.whole, usd(1))
        refunds = world.payments.list_refunds(world.tenant, world.whole)
        assert sum(refund.amount.amount_minor for refund in refunds) == 3200

    def test_what_others_gave_back_counts(self, world: World) -> None:
        with pytest.raises(BackendRefused) as refusal:
            world.payments.refund(world.tenant, "k1", world.partly, usd(2491))
        assert refusal.value.code == "over_refund"
        assert world.payments.refund(world.tenant, "k1", world.partly, usd(2490)).amount == usd(
            2490
        )
        with pytest.raises(BackendRefused) as refusal:
            world.payments.refund(world.tenant, "k2", world.spent, usd(1))
        assert refusal.value.code == "over_refund"

    @pytest.mark.parametrize(
        ("order", "amount", "code"),
        [
            ("unpaid", usd(100), "no_payment"),
            ("whole", Money(amount_minor=100, currency="EUR"), "currency_mismatch"),
            ("whole", usd(0), "invalid_amount"),
            ("whole", usd(-1), "invalid_amount"),
        ],
    )
    def test_a_refund_that_cannot_be_is_refused(
        self, world: World, order: str, amount: Money, code: str
    ) -> None:
        order_id: str = getattr(world, order)
        with pytest.raises(BackendRefused) as refusal:
            world.payments.refund(world.tenant, "k1", order_id, amount)
        assert refusal.value.code == code
        assert world.payments.list_refunds(world.tenant, order_id) == ()
        assert world.payments.find_refund(world.tenant, "k1") is None

    def test_an_order_that_is_not_there_is_refused(self, world: World) -> None:
        with pytest.raises(BackendRefused, match="#W404") as refusal:
            world.payments.refund(world.tenant, "k1", "#W404", usd(100))
        assert refusal.value.code == world.no_such_order

    def test_a_refused_key_may_be_used_again(self, world: World) -> None:
        with pytest.raises(BackendRefused, match="left"):
            world.payments.refund(world.tenant, "k1", world.whole, usd(3201))
        assert world.payments.refund(world.tenant, "k1", world.whole, usd(3200)).key == "k1"

    def test_many_threads_with_one_key_make_one_refund(self, world: World) -> None:
        def call(_: int) -> RefundRecord:
            return world.payments.refund(world.tenant, "k1", world.whole, usd(2000))

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(call, range(24)))
        assert len({result.refund_id for result in results}) == 1
        assert len(world.payments.list_refunds(world.tenant, world.whole)) == 1

    def test_many_threads_with_many_keys_never_give_back_too_much(self, world: World) -> None:
        def call(n: int) -> str:
            try:
                world.payments.refund(world.tenant, f"k{n}", world.whole, usd(500))
            except BackendRefused as refusal:
                return refusal.code
            return "done"

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(call, range(12)))
        assert sorted(results) == ["done"] * 6 + ["over_refund"] * 6
        refunds = world.payments.list_refunds(world.tenant, world.whole)
        assert sum(refund.amount.amount_minor for refund in refunds) == 3000

    def test_tenants_never_meet(self, world: World) -> None:
        world.payments.refund(world.tenant, "k1", world.whole, usd(3200))
        assert world.payments.find_refund(world.other_tenant, "k1") is None
        assert world.payments.list_refunds(world.other_tenant, world.whole) == ()
        theirs = world.payments.refund(world.other_tenant, "k1", world.whole, usd(100))
        assert theirs.amount == usd(100)
        assert len(world.payments.list_refunds(world.tenant, world.whole)) == 1
        assert world.payments.list_payments("nobody", world.whole) == ()


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[EmbeddedBackends]:
    with open_backends(tmp_path) as opened:
        yield opened


class TestEmbeddedPayments(PaymentsContract):
    @pytest.fixture
    def world(self, backends: EmbeddedBackends) -> World:
        return World(payments=backends.payments)


def history_of(backends: EmbeddedBackends, order_id: str) -> list[tuple[str, float, str]]:
    rows = backends.export()["shop"]["orders"][order_id]["payment_history"]
    return [(r["transaction_type"], r["amount"], r["payment_method_id"]) for r in rows]


def test_a_refund_goes_back_to_the_payments_in_their_order(backends: EmbeddedBackends) -> None:
    backends.payments.refund("default", "k1", "#W2", usd(2000))
    backends.payments.refund("default", "k2", "#W2", usd(2000))
    assert history_of(backends, "#W2") == [
        ("payment", 30.0, "gift_card_1"),
        ("payment", 55.5, "credit_card_1"),
        ("refund", 20.0, "gift_card_1"),
        ("refund", 10.0, "gift_card_1"),
        ("refund", 10.0, "credit_card_1"),
    ]
    refunds = backends.payments.list_refunds("default", "#W2")
    assert [refund.amount for refund in refunds] == [usd(2000), usd(2000)]
    methods = backends.export()["shop"]["users"]["ada_stone"]["payment_methods"]
    assert methods["gift_card_1"]["balance"] == 37.5


def test_a_refund_settles_after_the_delay(tmp_path: Path) -> None:
    with open_backends(tmp_path, settlement_seconds=1.0) as backends:
        made = backends.payments.refund("default", "k1", "#W1", usd(3200))
        assert made.status == "pending"
        with pytest.raises(BackendRefused) as refusal:
            backends.payments.refund("default", "k2", "#W1", usd(1))
        assert refusal.value.code == "over_refund"
        settled = made
        while settled is not None and settled.status == "pending":
            assert datetime.now(UTC) < made.created_at + timedelta(seconds=10)
            time.sleep(0.05)
            settled = backends.payments.find_refund("default", "k1")
        assert datetime.now(UTC) >= made.created_at + timedelta(seconds=1)
        assert settled == made.model_copy(update={"status": "succeeded"})
        assert backends.payments.list_refunds("default", "#W1") == (settled,)
        assert backends.payments.refund("default", "k1", "#W1", usd(3200)) == made


def test_a_timeout_after_the_money_moved_is_found_by_reading(backends: EmbeddedBackends) -> None:
    backends.faults.add("payments.refund=timeout_after:x1")
    with pytest.raises(EffectUnknown):
        backends.payments.refund("default", "k1", "#W1", usd(3200))
    found = backends.payments.find_refund("default", "k1")
    assert found is not None
    assert found.amount == usd(3200)
    assert backends.payments.refund("default", "k1", "#W1", usd(3200)) == found
    assert history_of(backends, "#W1")[1:] == [("refund", 32.0, "credit_card_1")]


def test_a_timeout_before_leaves_nothing(backends: EmbeddedBackends) -> None:
    backends.faults.add("payments.refund=timeout_before:x1")
    with pytest.raises(EffectUnknown):
        backends.payments.refund("default", "k1", "#W1", usd(3200))
    assert backends.payments.find_refund("default", "k1") is None
    assert backends.payments.list_refunds("default", "#W1") == ()


REFUND_IN_A_PROCESS = """
import sys
from pathlib import Path
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.models.base import Money
path, shop = map(Path, sys.argv[1:])
with EmbeddedBackends(path, shop_file=shop, tenants=("other",)) as backends:
    for n in range(20):
        made = backends.payments.refund("default", f"k{n}", "#W1", Money(amount_minor=100))
    print(made.refund_id)
"""


def test_many_processes_make_one_refund_for_a_key(tmp_path: Path) -> None:
    """They also race to make and seed the file."""
    shop = write_shop(tmp_path)
    path = tmp_path / "fresh" / "backends.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", REFUND_IN_A_PROCESS, str(path), str(shop)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    outputs = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert outputs[0]
    assert len(set(outputs)) == 1
    with EmbeddedBackends(path) as backends:
        assert len(backends.payments.list_refunds("default", "#W1")) == 20


METHODS = ("card", "gift", "paypal")
ROWS = st.builds(
    HistoryRow,
    kind=st.sampled_from(("payment", "refund")),
    minor=st.integers(0, 10_000),
    method_id=st.sampled_from(METHODS),
)


@given(history=st.lists(ROWS, max_size=8))
def test_what_is_left_is_what_was_paid_less_what_went_back(history: list[HistoryRow]) -> None:
    paid = sum(row.minor for row in history if row.kind == "payment")
    back = sum(row.minor for row in history if row.kind == "refund")
    left = left_of(history)
    assert [method for method, _ in left] == [r.method_id for r in history if r.kind == "payment"]
    assert all(minor >= 0 for _, minor in left)
    assert sum(minor for _, minor in left) == max(0, paid - back)


@given(history=st.lists(ROWS, max_size=8), wanted=st.integers(1, 40_000))
def test_a_refund_split_over_payments_loses_no_cent(history: list[HistoryRow], wanted: int) -> None:
    left = left_of(history)
    available = sum(minor for _, minor in left)
    minor = min(wanted, available)
    shares = split(left, minor)
    assert sum(share for _, share in shares) == minor
    assert all(share > 0 for _, share in shares)
    after = left_of(
        [*history, *(HistoryRow(kind="refund", minor=s, method_id=m) for m, s in shares)]
    )
    assert sum(rest for _, rest in after) == available - minor


def test_export_is_json(backends: EmbeddedBackends) -> None:
    backends.payments.refund("default", "k1", "#W1", usd(3200))
    export = json.loads(json.dumps(backends.export()))
    assert [row["amount_minor"] for row in export["refunds"]] == [2490, 2490, 3200]
    assert backends.export("other")["refunds"] == export["refunds"][:2]
