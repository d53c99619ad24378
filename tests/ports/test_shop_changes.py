"""What a shop makes of changed items, payment methods, returns, exchanges, addresses, credit."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeloop.embedded.backends import EmbeddedBackends
from closeloop.errors import BackendRefused
from closeloop.models.records import Address
from closeloop.ports import Shop
from tests.ports.small_shop import ADDRESS, usd, write_shop

T = "default"
MUG, BIG, SLATE, CUP = "7101", "7102", "7103", "7201"
CARD, GIFT, PAYPAL = "credit_card_1", "gift_card_1", "paypal_1"


def variant(item_id: str, price: float, *, available: bool = True) -> dict[str, Any]:
    options = {"kind": item_id}
    return {"item_id": item_id, "options": options, "available": available, "price": price}


def order(number: int, status: str, items: list[str], method: str = CARD) -> dict[str, Any]:
    prices = {MUG: 24.9, CUP: 5.0}
    return {
        "order_id": f"#W{number}",
        "user_id": "ada_stone",
        "address": ADDRESS,
        "items": [
            {
                "name": "Mug",
                "product_id": "71" if item == MUG else "72",
                "item_id": item,
                "price": prices[item],
                "options": {},
            }
            for item in items
        ],
        "status": status,
        "fulfillments": [],
        "payment_history": [
            {
                "transaction_type": "payment",
                "amount": round(sum(prices[item] for item in items), 2),
                "payment_method_id": method,
            }
        ],
    }


def shop_file() -> dict[str, Any]:
    orders = [
        order(1, "pending", [MUG, MUG, CUP]),
        order(2, "delivered", [MUG, MUG, CUP]),
        order(3, "pending", [MUG], GIFT),
    ]
    return {
        "products": {
            "71": {
                "name": "Mug",
                "product_id": "71",
                "variants": {
                    MUG: variant(MUG, 24.9),
                    BIG: variant(BIG, 30.15),
                    SLATE: variant(SLATE, 10.0, available=False),
                },
            },
            "72": {"name": "Cup", "product_id": "72", "variants": {CUP: variant(CUP, 5.0)}},
        },
        "users": {
            "ada_stone": {
                "user_id": "ada_stone",
                "name": {"first_name": "Ada", "last_name": "Stone"},
                "address": ADDRESS,
                "email": "ada@example.com",
                "payment_methods": {
                    CARD: {"source": "credit_card", "id": CARD},
                    PAYPAL: {"source": "paypal", "id": PAYPAL},
                    GIFT: {"source": "gift_card", "id": GIFT, "balance": 6.0},
                },
                "orders": [o["order_id"] for o in orders],
            }
        },
        "orders": {o["order_id"]: o for o in orders},
    }


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[EmbeddedBackends]:
    with opened(tmp_path) as found:
        yield found


def opened(folder: Path) -> EmbeddedBackends:
    return EmbeddedBackends(folder / "backends.db", shop_file=write_shop(folder, shop_file()))


def exported(backends: EmbeddedBackends, order_id: str) -> dict[str, Any]:
    return backends.export()["shop"]["orders"][order_id]


def balance(backends: EmbeddedBackends) -> float:
    methods = backends.export()["shop"]["users"]["ada_stone"]["payment_methods"]
    return methods[GIFT]["balance"]


# ------------------------------------------------------------------------------------- look-ups


def test_a_customer_is_found_by_name_and_postcode(backends: EmbeddedBackends) -> None:
    found = backends.shop.find_customer_by_name(T, "ada", "STONE", ADDRESS["zip"])
    assert found is not None
    assert found.customer_id == "ada_stone"
    gift = found.payment_method(GIFT)
    assert gift is not None
    assert gift.balance == usd(600)
    assert backends.shop.find_customer_by_name(T, "ada", "stone", "00000") is None
    assert backends.shop.find_customer_by_name("other", "ada", "stone", ADDRESS["zip"]) is None


def test_which_names_are_customers(backends: EmbeddedBackends) -> None:
    names = [("ada", "STONE"), ("Stone", "Ada"), ("Ada", "Nobody")]
    assert backends.shop.customers_named(T, names) == (("ada", "STONE"),)
    assert backends.shop.customers_named("other", names) == ()


def test_products_and_items_are_different_ids(backends: EmbeddedBackends) -> None:
    product = backends.shop.get_product(T, "71")
    assert product is not None
    assert [v.item_id for v in product.variants] == [MUG, BIG, SLATE]
    assert product.variants[1].price == usd(3015)
    assert backends.shop.find_item(T, BIG) == product
    assert backends.shop.get_product(T, BIG) is None
    assert backends.shop.find_item(T, "71") is None


# --------------------------------------------------------------------------------------- items


def test_each_changed_item_gets_its_own_price_and_options(backends: EmbeddedBackends) -> None:
    changed = backends.shop.modify_order_items(T, "k", "#W1", [MUG], [BIG], CARD)
    assert changed.status == "pending (item modified)"
    assert [line.item_id for line in changed.lines] == [BIG, MUG, CUP]
    now = exported(backends, "#W1")
    assert [item["price"] for item in now["items"]] == [30.15, 24.9, 5.0]
    assert now["items"][0]["options"] == {"kind": BIG}
    assert now["payment_history"][1:] == [
        {"transaction_type": "payment", "amount": 5.25, "payment_method_id": CARD}
    ]


def test_a_change_of_items_is_charged_to_a_gift_card_at_once(backends: EmbeddedBackends) -> None:
    backends.shop.modify_order_items(T, "k", "#W1", [MUG], [BIG], GIFT)
    assert balance(backends) == 0.75
    with pytest.raises(BackendRefused) as refused:
        backends.shop.cancel_order(T, "k2", "#W1", "no longer needed")
    assert refused.value.code == "order_not_pending"


@pytest.mark.parametrize(
    ("old", "new", "method", "code"),
    [
        ([MUG], [MUG], CARD, "same_item"),
        ([MUG], [SLATE], CARD, "item_unavailable"),
        ([MUG], [CUP], CARD, "item_of_other_product"),
        ([MUG], ["nothing"], CARD, "item_of_other_product"),
        ([MUG], [BIG, BIG], CARD, "items_not_paired"),
        ([MUG] * 3, [BIG] * 3, CARD, "item_not_on_order"),
        (["71"], [BIG], CARD, "item_not_on_order"),
        ([], [], CARD, "no_items"),
        ([MUG], [BIG], "credit_card_9", "payment_method_not_found"),
        ([MUG, MUG], [BIG, BIG], GIFT, "balance_too_low"),
    ],
)
def test_the_shop_refuses_what_is_impossible(
    backends: EmbeddedBackends, old: list[str], new: list[str], method: str, code: str
) -> None:
    before = backends.export()
    with pytest.raises(BackendRefused) as refused:
        backends.shop.modify_order_items(T, "k", "#W1", old, new, method)
    assert refused.value.code == code
    if code != "same_item":
        with pytest.raises(BackendRefused) as refused:
            backends.shop.exchange_items(T, "k", "#W2", old, new, method)
        assert refused.value.code == code
    assert backends.export() == before


# ------------------------------------------------------------------- returns, exchanges, payment


def test_a_return_is_recorded_sorted_and_moves_no_money_yet(backends: EmbeddedBackends) -> None:
    made = backends.shop.return_items(T, "k", "#W2", [CUP, MUG], GIFT)
    assert (made.return_items, made.return_method_id) == ((MUG, CUP), GIFT)
    now = exported(backends, "#W2")
    assert now["status"] == "return requested"
    assert now["return_items"] == [MUG, CUP]
    assert len(now["payment_history"]) == 1
    with pytest.raises(BackendRefused) as refused:
        backends.shop.exchange_items(T, "k2", "#W2", [MUG], [BIG], CARD)
    assert refused.value.code == "order_not_delivered"


def test_a_return_goes_to_the_first_method_or_a_gift_card(backends: EmbeddedBackends) -> None:
    with pytest.raises(BackendRefused) as refused:
        backends.shop.return_items(T, "k", "#W2", [MUG], PAYPAL)
    assert refused.value.code == "payment_method_not_allowed"
    assert backends.shop.return_items(T, "k", "#W2", [MUG], CARD).return_method_id == CARD


def test_an_exchange_keeps_the_difference_for_later(backends: EmbeddedBackends) -> None:
    backends.shop.exchange_items(T, "k", "#W2", [MUG, MUG], [BIG, MUG], GIFT)
    now = exported(backends, "#W2")
    assert now["exchange_items"] == [MUG, MUG]
    assert now["exchange_new_items"] == [MUG, BIG]
    assert now["exchange_price_difference"] == 5.25
    assert balance(backends) == 6.0


def test_another_payment_method_gives_the_first_one_back(backends: EmbeddedBackends) -> None:
    backends.shop.modify_order_payment(T, "k", "#W3", CARD)
    assert exported(backends, "#W3")["payment_history"][1:] == [
        {"transaction_type": "payment", "amount": 24.9, "payment_method_id": CARD},
        {"transaction_type": "refund", "amount": 24.9, "payment_method_id": GIFT},
    ]
    assert balance(backends) == 30.9
    assert [r.amount for r in backends.payments.list_refunds(T, "#W3")] == [usd(2490)]
    with pytest.raises(BackendRefused) as refused:
        backends.shop.modify_order_payment(T, "k2", "#W3", PAYPAL)
    assert refused.value.code == "no_single_payment"
    backends.shop.cancel_order(T, "k3", "#W3", "no longer needed")
    assert exported(backends, "#W3")["payment_history"][3:] == [
        {"transaction_type": "refund", "amount": 24.9, "payment_method_id": CARD}
    ]


def test_the_same_method_or_one_without_enough_is_refused(backends: EmbeddedBackends) -> None:
    for order_id, method, code in (
        ("#W3", GIFT, "same_payment_method"),
        ("#W1", GIFT, "balance_too_low"),
        ("#W1", "credit_card_9", "payment_method_not_found"),
        ("#W2", PAYPAL, "order_not_pending"),
    ):
        with pytest.raises(BackendRefused) as refused:
            backends.shop.modify_order_payment(T, "k", order_id, method)
        assert refused.value.code == code


# --------------------------------------------------------------------------- customers, credit


def test_the_address_on_file_changes_and_orders_keep_theirs(backends: EmbeddedBackends) -> None:
    new = Address(address1="9 Quay", city="Portland", state="ME", zip="04101", country="USA")
    moved = backends.shop.update_customer_address(T, "k", "ada_stone", new)
    assert moved.address == new
    assert backends.shop.get_customer(T, "ada_stone") == moved
    assert exported(backends, "#W1")["address"] == ADDRESS
    with pytest.raises(BackendRefused) as refused:
        backends.shop.update_customer_address(T, "k2", "ADA_STONE", new)
    assert refused.value.code == "customer_not_found"


def test_credit_goes_on_a_gift_card_once_a_key(backends: EmbeddedBackends) -> None:
    credit = backends.shop.issue_store_credit(T, "k", "#W2", usd(500))
    assert (credit.method_id, credit.amount) == (GIFT, usd(500))
    assert backends.shop.issue_store_credit(T, "k", "#W2", usd(500)) == credit
    assert backends.shop.find_store_credit(T, "k") == credit
    assert backends.shop.find_store_credit(T, "k2") is None
    assert balance(backends) == 11.0
    for amount, code in ((usd(0), "invalid_amount"), (usd(-5), "invalid_amount")):
        with pytest.raises(BackendRefused) as refused:
            backends.shop.issue_store_credit(T, "k2", "#W2", amount)
        assert refused.value.code == code


# ---------------------------------------------------------------------------------- properties

Write = Callable[[Shop, str], object]
WRITES: list[Write] = [
    lambda shop, key: shop.modify_order_items(T, key, "#W1", [MUG], [BIG], GIFT),
    lambda shop, key: shop.modify_order_items(T, key, "#W1", [MUG, MUG], [BIG, BIG], CARD),
    lambda shop, key: shop.modify_order_payment(T, key, "#W3", CARD),
    lambda shop, key: shop.modify_order_payment(T, key, "#W1", PAYPAL),
    lambda shop, key: shop.cancel_order(T, key, "#W1", "no longer needed"),
    lambda shop, key: shop.cancel_order(T, key, "#W3", "no longer needed"),
    lambda shop, key: shop.return_items(T, key, "#W2", [MUG], CARD),
    lambda shop, key: shop.exchange_items(T, key, "#W2", [MUG], [BIG], GIFT),
]


@settings(max_examples=30, deadline=None)
@given(chosen=st.lists(st.tuples(st.integers(0, len(WRITES) - 1), st.booleans()), max_size=8))
def test_money_is_neither_made_nor_lost(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[tuple[int, bool]]
) -> None:
    """Whatever is asked, and how often: no more goes back than was paid, and cards add up."""
    with opened(tmp_path_factory.mktemp("shop")) as backends:
        for position, (number, twice) in enumerate(chosen):
            for _ in range(1 + twice):
                try:
                    WRITES[number](backends.shop, f"k{position}")
                except BackendRefused:
                    continue
        spent = 0
        for order_id in ("#W1", "#W2", "#W3"):
            history = exported(backends, order_id)["payment_history"]
            sign = {"payment": 1, "refund": -1}
            assert sum(sign[r["transaction_type"]] * round(r["amount"] * 100) for r in history) >= 0
            spent += sum(
                sign[row["transaction_type"]] * round(row["amount"] * 100)
                for row in history[1:]
                if row["payment_method_id"] == GIFT
            )
        assert round(balance(backends) * 100) == 600 - spent
        assert balance(backends) >= 0
        orders = backends.export()["shop"]["orders"].values()
        assert all(o["status"] != "cancelled" or o["cancel_reason"] for o in orders)
