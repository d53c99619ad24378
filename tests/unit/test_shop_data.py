"""The example shop adds up, in exact minor units, and holds what its README promises."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

DATA = Path(__file__).parents[2] / "closeloop" / "embedded" / "data"
SHOP: dict[str, Any] = json.loads((DATA / "shop.json").read_text("utf-8"), parse_float=Decimal)
USERS, ORDERS, PRODUCTS = SHOP["users"], SHOP["orders"], SHOP["products"]
VARIANTS = {
    item_id: (product, variant)
    for product in PRODUCTS.values()
    for item_id, variant in product["variants"].items()
}
LOADED = datetime(2026, 1, 15, 12, tzinfo=UTC)
SMALL, BULKY = {"7101", "7102", "7110", "7111"}, {"7108", "7109"}

all_orders = pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())


def minor(amount: Decimal) -> int:
    """Return a decimal amount in cents; it has to be exact, with two places written."""
    assert isinstance(amount, Decimal)
    assert amount.as_tuple().exponent == -2
    return int(amount * 100)


def paid(order: dict[str, Any], kind: str = "payment") -> int:
    return sum(
        minor(row["amount"]) for row in order["payment_history"] if row["transaction_type"] == kind
    )


def at(text: str) -> datetime:
    """Return a time of the file, as its README defines it, for a shop loaded at ``LOADED``."""
    if text.startswith("-P"):
        return LOADED + TypeAdapter(timedelta).validate_python(text)
    return TypeAdapter(datetime).validate_python(text)


@all_orders
def test_items_shipping_and_fees_are_what_was_paid(order: dict[str, Any]) -> None:
    items = sum(minor(item["price"]) for item in order["items"])
    fees = sum(minor(fee) for fee in order["fees"].values())
    assert items + minor(order["shipping"]) + fees == paid(order)
    assert all(minor(row["amount"]) > 0 for row in order["payment_history"])


@all_orders
def test_refunds_never_exceed_payments_of_their_method(order: dict[str, Any]) -> None:
    left: Counter[str] = Counter()
    for row in order["payment_history"]:
        sign = {"payment": 1, "refund": -1}[row["transaction_type"]]
        left[row["payment_method_id"]] += sign * minor(row["amount"])
    assert all(rest >= 0 for rest in left.values())
    assert set(left) <= set(USERS[order["user_id"]]["payment_methods"])
    if order["status"] == "cancelled":
        assert not +left


@all_orders
def test_shipping_follows_the_shop_s_own_rule(order: dict[str, Any]) -> None:
    products = {item["product_id"] for item in order["items"]}
    items = sum(minor(item["price"]) for item in order["items"])
    free = products <= SMALL or items >= 150_00
    expected = 22_00 if products & BULKY else 0 if free else 6_50
    assert minor(order["shipping"]) == expected
    assert order["fees"].items() <= {"gift_wrap": Decimal(4), "express": Decimal(12)}.items()


@all_orders
def test_items_are_variants_of_the_catalogue(order: dict[str, Any]) -> None:
    for item in order["items"]:
        product, variant = VARIANTS[item["item_id"]]
        assert item == {
            "name": product["name"],
            "product_id": product["product_id"],
            "item_id": variant["item_id"],
            "price": variant["price"],
            "options": variant["options"],
        }


@all_orders
def test_status_times_and_parcels_fit_together(order: dict[str, Any]) -> None:
    assert at(order["placed_at"]) < LOADED
    if "delivered_at" in order:
        assert order["status"] == "delivered"
        assert at(order["placed_at"]) < at(order["delivered_at"]) < LOADED
    sent = [item for parcel in order["fulfillments"] for item in parcel["item_ids"]]
    has_left = order["status"] in {"processed", "delivered"}
    assert sent == ([item["item_id"] for item in order["items"]] if has_left else [])


def test_customers_and_orders_know_each_other() -> None:
    for user_id, user in USERS.items():
        assert user["user_id"] == user_id
        own = [o for o in ORDERS.values() if o["user_id"] == user_id]
        own.sort(key=lambda order: at(order["placed_at"]))
        assert user["orders"] == [order["order_id"] for order in own]
        assert all(method["id"] == key for key, method in user["payment_methods"].items())
    assert all(order["order_id"] == order_id for order_id, order in ORDERS.items())


def test_contacts_are_invented_and_unique() -> None:
    emails = [user["email"] for user in USERS.values()]
    assert len(set(emails)) == len(emails)
    assert all(email.endswith("@example.com") and email == email.lower() for email in emails)


def test_tracking_ids_are_unique() -> None:
    ids = [
        t for o in ORDERS.values() for parcel in o["fulfillments"] for t in parcel["tracking_id"]
    ]
    assert len(set(ids)) == len(ids)


def test_the_cases_that_scenarios_rest_on_are_there() -> None:
    def age(order_id: str) -> int:
        return (LOADED - at(ORDERS[order_id]["delivered_at"])).days

    assert (paid(ORDERS["#W1001"]), age("#W1001")) == (24_90, 5)
    assert paid(ORDERS["#W1005"]) == 145_50
    assert paid(ORDERS["#W1008"]) == 900_00
    assert (age("#W1009"), age("#W1010"), age("#W1011")) == (95, 31, 29)
    assert ORDERS["#W1022"]["status"] == "delivered"
    assert "delivered_at" not in ORDERS["#W1022"]
    assert [item["item_id"] for item in ORDERS["#W1020"]["items"]] == ["710103"] * 2
    assert (paid(ORDERS["#W1023"], "refund"), paid(ORDERS["#W1024"], "refund")) == (24_90, 27_90)
    changed = {user_id for user_id, user in USERS.items() if "contact_changed_at" in user}
    assert changed == {ORDERS["#W1033"]["user_id"]}
    assert {o["status"] for o in ORDERS.values()} == {
        "pending",
        "processed",
        "delivered",
        "cancelled",
    }
    assert {m["source"] for u in USERS.values() for m in u["payment_methods"].values()} == {
        "credit_card",
        "paypal",
        "gift_card",
    }


def test_the_readme_names_every_customer_order_and_item() -> None:
    readme = (DATA / "README.md").read_text("utf-8")
    for name in [*USERS, *ORDERS, *VARIANTS]:
        assert name in readme


def test_the_knowledge_base_names_every_product_with_its_prices() -> None:
    folder = Path(__file__).parents[2] / "knowledge_base"
    texts = [path.read_text("utf-8") for path in folder.glob("product-*.md")]
    for product in PRODUCTS.values():
        about = [text for text in texts if f'title = "{product["name"]}"' in text]
        assert len(about) == 1, product["name"]
        for variant in product["variants"].values():
            assert str(variant["price"]) in about[0], variant["item_id"]
