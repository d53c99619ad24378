"""What every shop port does, and what the embedded one does besides."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from closeloop.embedded.backends import EmbeddedBackends
from closeloop.embedded.database import Database
from closeloop.errors import BackendRefused, BackendUnavailable, ConfigurationError, EffectUnknown
from closeloop.models.records import Address, OrderRecord
from closeloop.names import DEFAULT_TENANT
from closeloop.ports import Payments, Shop
from tests.ports.small_shop import ADDRESS, open_backends, small_shop, usd, write_shop

ELSEWHERE = Address(address1="9 Quay Road", city="Portland", state="ME", zip="04101", country="USA")


@dataclass(frozen=True, kw_only=True)
class World:
    """A shop with the small shop's customers and orders, and the payments it pays back through."""

    shop: Shop
    payments: Payments
    tenant: str = DEFAULT_TENANT
    other_tenant: str = "other"  # has the same shop


class ShopContract:
    """A suite for any shop port; a subclass brings the fixture ``world``."""

    def test_a_customer_is_found_by_id_and_email(self, world: World) -> None:
        ada = world.shop.get_customer(world.tenant, "ada_stone")
        assert ada is not None
        assert (ada.first_name, ada.last_name) == ("Ada", "Stone")
        assert ada.address == Address.model_validate(ADDRESS)
        assert ada.order_ids == ("#W1", "#W2", "#W3", "#W4")
        for email in ("Ada.Stone@example.com", "ada.stone@EXAMPLE.com"):
            assert world.shop.find_customer(world.tenant, email) == ada
        assert world.shop.get_customer(world.tenant, "nobody") is None
        assert world.shop.find_customer(world.tenant, "nobody@example.com") is None
        assert world.shop.find_customer(world.tenant, "") is None

    def test_an_order_says_what_it_consists_of(self, world: World) -> None:
        order = world.shop.get_order(world.tenant, "#W1")
        assert order is not None
        assert order.customer_id == "ada_stone"
        assert {part.component_id: part.price for part in order.components()} == {
            "item:7101:1": usd(2490),
            "shipping": usd(500),
            "fee:gift_wrap": usd(210),
        }
        assert order.total() == usd(3200)
        assert order.placed_at is not None
        assert order.delivered_at is not None
        assert order.delivered_at - order.placed_at == timedelta(days=4, hours=18)
        assert timedelta(days=5, hours=6) <= datetime.now(UTC) - order.delivered_at
        assert world.shop.get_order(world.tenant, "#W404") is None

    def test_what_the_data_does_not_say_is_none(self, world: World) -> None:
        order = world.shop.get_order(world.tenant, "#W7")
        assert order is not None
        assert (order.placed_at, order.delivered_at, order.shipping) == (None, None, None)
        assert order.currency == "USD"

    def test_orders_are_listed_newest_first(self, world: World) -> None:
        orders = world.shop.list_orders(world.tenant, "ada_stone")
        assert [order.order_id for order in orders] == ["#W4", "#W1", "#W2", "#W3"]
        assert world.shop.list_orders(world.tenant, "nobody") == ()

    def test_a_cancelled_order_is_paid_back(self, world: World) -> None:
        order = world.shop.cancel_order(world.tenant, "k1", "#W2", "no longer needed")
        assert order.status == "cancelled"
        assert world.shop.get_order(world.tenant, "#W2") == order
        (refund,) = world.payments.list_refunds(world.tenant, "#W2")
        assert refund.amount == usd(8550)
        assert world.payments.find_refund(world.tenant, "k1") == refund

    def test_cancelling_pays_back_only_what_is_left(self, world: World) -> None:
        world.payments.refund(world.tenant, "r1", "#W4", usd(490))
        world.shop.cancel_order(world.tenant, "k1", "#W4", "no longer needed")
        refunds = world.payments.list_refunds(world.tenant, "#W4")
        assert [refund.amount for refund in refunds] == [usd(2490), usd(490), usd(2000)]

    def test_an_order_without_payments_is_cancelled_without_a_refund(self, world: World) -> None:
        assert world.shop.cancel_order(world.tenant, "k1", "#W6", "x").status == "cancelled"
        assert world.payments.list_refunds(world.tenant, "#W6") == ()

    def test_the_same_call_again_has_the_same_result(self, world: World) -> None:
        first = world.shop.cancel_order(world.tenant, "k1", "#W2", "no longer needed")
        assert world.shop.cancel_order(world.tenant, "k1", "#W2", "no longer needed") == first
        assert len(world.payments.list_refunds(world.tenant, "#W2")) == 1
        moved = world.shop.modify_order_address(world.tenant, "k2", "#W4", ELSEWHERE)
        back = world.shop.modify_order_address(
            world.tenant, "k3", "#W4", Address.model_validate(ADDRESS)
        )
        assert world.shop.modify_order_address(world.tenant, "k2", "#W4", ELSEWHERE) == moved
        assert world.shop.get_order(world.tenant, "#W4") == back

    def test_a_key_used_with_other_arguments_is_refused(self, world: World) -> None:
        world.shop.cancel_order(world.tenant, "k1", "#W2", "no longer needed")
        for order_id, reason in (("#W4", "no longer needed"), ("#W2", "ordered by mistake")):
            with pytest.raises(BackendRefused, match="k1") as refusal:
                world.shop.cancel_order(world.tenant, "k1", order_id, reason)
            assert refusal.value.code == "idempotency_mismatch"
        with pytest.raises(BackendRefused, match="k1") as refusal:
            world.shop.modify_order_address(world.tenant, "k1", "#W4", ELSEWHERE)
        assert refusal.value.code == "idempotency_mismatch"

    @pytest.mark.parametrize("order_id", ["#W1", "#W3", "#W7"])
    def test_only_a_pending_order_changes(self, world: World, order_id: str) -> None:
        before = world.shop.get_order(world.tenant, order_id)
        with pytest.raises(BackendRefused, match=order_id) as refusal:
            world.shop.cancel_order(world.tenant, "k1", order_id, "no longer needed")
        assert refusal.value.code == "order_not_pending"
        with pytest.raises(BackendRefused, match=order_id) as refusal:
            world.shop.modify_order_address(world.tenant, "k2", order_id, ELSEWHERE)
        assert refusal.value.code == "order_not_pending"
        assert world.shop.get_order(world.tenant, order_id) == before

    def test_an_order_that_is_not_there_is_refused(self, world: World) -> None:
        with pytest.raises(BackendRefused, match="#W404") as refusal:
            world.shop.cancel_order(world.tenant, "k1", "#W404", "no longer needed")
        assert refusal.value.code == "order_not_found"

    def test_a_pending_order_goes_elsewhere(self, world: World) -> None:
        order = world.shop.modify_order_address(world.tenant, "k1", "#W2", ELSEWHERE)
        assert order.address == ELSEWHERE
        assert world.shop.get_order(world.tenant, "#W2") == order
        ada = world.shop.get_customer(world.tenant, "ada_stone")
        assert ada is not None
        assert ada.address == Address.model_validate(ADDRESS)

    def test_an_incomplete_address_is_refused(self, world: World) -> None:
        with pytest.raises(BackendRefused, match="city") as refusal:
            world.shop.modify_order_address(
                world.tenant, "k1", "#W2", ELSEWHERE.model_copy(update={"city": " "})
            )
        assert refusal.value.code == "incomplete_address"

    def test_many_threads_cancel_once(self, world: World) -> None:
        def call(n: int) -> OrderRecord | str:
            try:
                return world.shop.cancel_order(world.tenant, f"k{n % 2}", "#W2", "x")
            except BackendRefused as refusal:
                return refusal.code

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(call, range(16)))
        assert results.count("order_not_pending") == 8
        assert len(world.payments.list_refunds(world.tenant, "#W2")) == 1

    def test_tenants_never_meet(self, world: World) -> None:
        world.shop.cancel_order(world.tenant, "k1", "#W2", "no longer needed")
        theirs = world.shop.get_order(world.other_tenant, "#W2")
        assert theirs is not None
        assert theirs.status == "pending"
        assert world.payments.list_refunds(world.other_tenant, "#W2") == ()
        moved = world.shop.modify_order_address(world.other_tenant, "k1", "#W2", ELSEWHERE)
        assert moved.address == ELSEWHERE
        assert world.shop.get_customer("nobody", "ada_stone") is None
        assert world.shop.find_customer("nobody", "ada.stone@example.com") is None
        assert world.shop.get_order("nobody", "#W2") is None
        assert world.shop.list_orders("nobody", "ada_stone") == ()
        with pytest.raises(BackendRefused, match="#W4"):
            world.shop.cancel_order("nobody", "k1", "#W4", "no longer needed")


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[EmbeddedBackends]:
    with open_backends(tmp_path) as opened:
        yield opened


class TestEmbeddedShop(ShopContract):
    @pytest.fixture
    def world(self, backends: EmbeddedBackends) -> World:
        return World(shop=backends.shop, payments=backends.payments)


def test_an_order_id_is_found_without_its_hash(backends: EmbeddedBackends) -> None:
    order = backends.shop.get_order("default", "W2")
    assert order is not None
    assert order.order_id == "#W2"
    assert len(backends.payments.list_payments("default", "W2")) == 2
    backends.payments.refund("default", "k1", "W2", usd(100))
    made = backends.payments.refund("default", "k1", "#W2", usd(100))
    assert made.order_id == "#W2"
    assert backends.payments.list_refunds("default", "#W2") == (made,)


def test_a_cancellation_shows_in_the_export(backends: EmbeddedBackends) -> None:
    backends.shop.cancel_order("default", "k1", "#W2", "ordered by mistake")
    shop = backends.export()["shop"]
    assert shop["orders"]["#W2"]["status"] == "cancelled"
    assert shop["orders"]["#W2"]["cancel_reason"] == "ordered by mistake"
    assert shop["orders"]["#W2"]["payment_history"][2:] == [
        {"transaction_type": "refund", "amount": 30.0, "payment_method_id": "gift_card_1"},
        {"transaction_type": "refund", "amount": 55.5, "payment_method_id": "credit_card_1"},
    ]
    methods = shop["users"]["ada_stone"]["payment_methods"]
    assert methods["gift_card_1"]["balance"] == 37.5
    assert backends.export("other")["shop"]["orders"]["#W2"]["status"] == "pending"


def test_a_cancellation_whose_refund_is_refused_changes_nothing(
    backends: EmbeddedBackends,
) -> None:
    backends.payments.refund("default", "k1", "#W2", usd(100))
    with pytest.raises(BackendRefused) as refusal:
        backends.shop.cancel_order("default", "k1", "#W2", "no longer needed")
    assert refusal.value.code == "idempotency_mismatch"
    order = backends.shop.get_order("default", "#W2")
    assert order is not None
    assert order.status == "pending"
    assert len(backends.payments.list_refunds("default", "#W2")) == 1


def test_a_timeout_after_a_cancellation_is_found_by_reading(backends: EmbeddedBackends) -> None:
    backends.faults.add("shop.cancel_order=timeout_after:x1")
    with pytest.raises(EffectUnknown):
        backends.shop.cancel_order("default", "k1", "#W2", "no longer needed")
    order = backends.shop.get_order("default", "#W2")
    assert order is not None
    assert order.status == "cancelled"
    assert backends.payments.find_refund("default", "k1") is not None


# ------------------------------------------------------------------------------ the state file


def test_what_was_done_is_still_there_after_a_restart(tmp_path: Path) -> None:
    with open_backends(tmp_path) as backends:
        backends.shop.cancel_order("default", "k1", "#W2", "no longer needed")
        before = backends.export()
    with open_backends(tmp_path) as backends:
        assert backends.export() == before


def test_a_tenant_that_comes_later_is_seeded(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    with EmbeddedBackends(tmp_path / "b.db", shop_file=shop) as backends:
        backends.shop.cancel_order("default", "k1", "#W2", "no longer needed")
        assert backends.shop.get_order("late", "#W2") is None
    with EmbeddedBackends(tmp_path / "b.db", shop_file=shop, tenants=["late"]) as backends:
        late, first = (backends.shop.get_order(tenant, "#W2") for tenant in ("late", "default"))
        assert late is not None
        assert first is not None
        assert (late.status, first.status) == ("pending", "cancelled")


def test_another_shop_file_over_the_same_state_is_refused(tmp_path: Path) -> None:
    with open_backends(tmp_path):
        pass
    changed = small_shop()
    changed["orders"]["#W1"]["status"] = "pending"
    with pytest.raises(ConfigurationError, match="fresh state folder"):
        EmbeddedBackends(tmp_path / "backends.db", shop_file=write_shop(tmp_path, changed))
    with EmbeddedBackends(tmp_path / "backends.db") as backends:  # none asked for: as it was
        order = backends.shop.get_order("default", "#W1")
        assert order is not None
        assert order.status == "delivered"


def test_a_broken_shop_file_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    broken = small_shop()
    broken["orders"]["#W1"]["items"][0]["price"] = 24.905
    for state in ("fresh", "seeded"):
        path = tmp_path / f"{state}.db"
        if state == "seeded":
            EmbeddedBackends(path, shop_file=write_shop(tmp_path, small_shop())).close()
        file = write_shop(tmp_path, broken)
        with pytest.raises(ConfigurationError, match=r"orders\['#W1'\]\.items\[0\]\.price"):
            EmbeddedBackends(path, shop_file=file, tenants=["late"])
        mended = write_shop(tmp_path, small_shop())
        with EmbeddedBackends(path, shop_file=mended) as backends:
            order = backends.shop.get_order("default", "#W1")
            assert order is not None
            assert order.lines[0].price == usd(2490)


def test_a_file_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"not a database" * 100)
    for path in (tmp_path, junk, junk / "below"):
        with pytest.raises(ConfigurationError, match=str(path)):
            EmbeddedBackends(path)


def test_a_damaged_database_answers_as_a_backend(tmp_path: Path) -> None:
    with open_backends(tmp_path) as backends:
        backends.crm.add_note("default", "k1", None, "a note")
        damage = sqlite3.connect(tmp_path / "backends.db")
        damage.execute("DROP TABLE notes")
        damage.close()
        with pytest.raises(BackendUnavailable, match="does not answer"):
            backends.crm.add_note("default", "k2", None, "a note")
        with pytest.raises(BackendUnavailable, match="does not answer"):
            backends.crm.find_note("default", "k1")
        assert backends.shop.get_order("default", "#W1") is not None


def test_a_failed_commit_leaves_the_effect_unknown(tmp_path: Path) -> None:
    database = Database(tmp_path / "backends.db")
    with pytest.raises(EffectUnknown, match="commit"), database.write() as connection:
        connection.execute("COMMIT")
    database.close()


def test_the_example_shop_is_the_default(tmp_path: Path) -> None:
    with EmbeddedBackends(tmp_path / "new" / "folder" / "backends.db") as backends:
        order = backends.shop.get_order("default", "#W1001")
        assert order is not None
        assert order.total() == usd(2490)
