"""The shop file: exact amounts, times, what is refused and how, and the way back out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.embedded.amounts import from_minor, to_minor
from closeloop.embedded.backends import EXAMPLE_SHOP, EmbeddedBackends
from closeloop.embedded.shopfile import ShopFile, ShopOrder, parse
from closeloop.errors import ConfigurationError
from tests.ports.small_shop import small_shop, write_shop

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOST = 10**15 - 1


def read(shop: dict[str, Any] | str) -> ShopFile:
    text = shop if isinstance(shop, str) else json.dumps(shop)
    return parse(text.encode(), Path("my/shop.json"), now=NOW)


def order_of(change: dict[str, Any]) -> ShopOrder:
    shop = small_shop()
    shop["orders"]["#W7"].update(change)
    return read(shop).orders["#W7"]


# --------------------------------------------------------------------------------- amounts


@given(minor=st.integers(0, MOST))
def test_money_survives_the_way_through_json(minor: int) -> None:
    assert to_minor(json.loads(json.dumps(from_minor(minor)), parse_float=Decimal)) == minor


@given(minor=st.integers(0, MOST), zeros=st.integers(0, 30))
def test_an_amount_may_be_written_with_any_number_of_zeros(minor: int, zeros: int) -> None:
    text = f"{minor // 100}.{minor % 100:02d}{'0' * zeros}"
    assert to_minor(json.loads(text, parse_float=Decimal)) == minor


@given(prices=st.lists(st.integers(0, MOST), max_size=5), fee=st.integers(0, MOST))
def test_an_order_survives_the_way_into_the_database(prices: list[int], fee: int) -> None:
    items = [{**small_shop()["orders"]["#W7"]["items"][0], "price": m / 100} for m in prices]
    order = order_of({"items": items, "fees": {"wrap": fee / 100}, "payment_history": []})
    assert [item.price for item in order.items] == prices
    back = ShopOrder.from_document(order.to_document())
    assert (back.items, back.fees) == (order.items, {"wrap": fee})


@pytest.mark.parametrize(
    ("text", "minor"), [("0", 0), ("-0.0", 0), ("10", 1000), ("1e2", 10000), ("24.9", 2490)]
)
def test_an_amount_is_read_exactly(text: str, minor: int) -> None:
    assert to_minor(json.loads(text, parse_float=Decimal)) == minor


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("24.905", "fractions of a cent"),
        ("0.1000000000000000000000000000000000001", "fractions of a cent"),
        ("1e-9999999", "fractions of a cent"),
        ("-0.01", "negative"),
        ("-5", "negative"),
        ("90071992547409.93", "too large"),
        ("10000000000000", "too large"),
        ("1e999999", "too large"),
        ("1e99999999999999999999", "too large"),
        ('"24.90"', "plain number"),
        ("true", "plain number"),
        ("null", "plain number"),
        ("NaN", "NaN is not a number"),
        ("-Infinity", "Infinity is not a number"),
        ("1" * 5000, "not valid JSON"),
    ],
)
def test_an_amount_that_is_none_is_refused(text: str, words: str) -> None:
    raw = json.dumps(small_shop()).replace('"price": 60.6', f'"price": {text}')
    with pytest.raises(ConfigurationError, match=words) as error:
        read(raw)
    assert "my/shop.json" in str(error.value)
    if "JSON" not in str(error.value):
        assert "orders['#W2'].items[0].price" in str(error.value)


# ----------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-P5D", NOW - timedelta(days=5)),
        ("-P2DT3H", NOW - timedelta(days=2, hours=3)),
        ("-PT90M30S", NOW - timedelta(minutes=90, seconds=30)),
        ("2025-03-04T10:15:00Z", datetime(2025, 3, 4, 10, 15, tzinfo=UTC)),
        (
            "2025-03-04T10:15:00.5+02:00",
            datetime(2025, 3, 4, 10, 15, 0, 500_000, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_times_and_durations(text: str, expected: datetime) -> None:
    order = order_of({"placed_at": text})
    assert order.placed_at == expected
    assert order.placed_at is not None
    assert order.placed_at.tzinfo is UTC
    assert ShopOrder.from_document(order.to_document()).placed_at == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2025-03-04T10:15:00", "no time zone"),
        ("2025-03-04", "no time zone"),
        ("yesterday", "neither a time"),
        ("P5D", "neither a time"),
        ("-P", "not a duration"),
        ("-P1DT", "not a duration"),
        ("-P1M", "not a duration"),
        ("-P5d", "not a duration"),
        ("-P99999999999D", "too far back"),
        ("2026-03-01T12:00:01Z", "in the future"),
        (5, "write a time"),
    ],
)
def test_a_time_that_is_none_is_refused(text: object, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        order_of({"placed_at": text})
    assert "my/shop.json: orders['#W7'].placed_at" in str(error.value)


# ----------------------------------------------------------------------------- broken files


def put(value: object, *path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(shop: dict[str, Any]) -> None:
        target: Any = shop
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(shop: dict[str, Any]) -> None:
        target: Any = shop
        for part in path[:-1]:
            target = target[part]
        del target[path[-1]]

    return change


ADA = ("users", "ada_stone")
W1 = ("orders", "#W1")


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (drop("users"), "users", "is missing"),
        (drop(*ADA, "email"), "users['ada_stone'].email", "is missing"),
        (drop(*W1, "items", 0, "price"), "orders['#W1'].items[0].price", "is missing"),
        (drop(*W1, "status"), "orders['#W1'].status", "is missing"),
        (put([], "orders"), "orders", "not a JSON object"),
        (put("Ada", *ADA), "users['ada_stone']", "not a JSON object"),
        (put(" ", *W1, "status"), "orders['#W1'].status", "at least 1"),
        (
            put("yes", "products", "71", "variants", "7101", "available"),
            "available",
            "neither true",
        ),
        (put("-P1D", *W1, "deliverd_at"), "orders['#W1'].deliverd_at", "check the spelling"),
        (put(1, *W1, "payment_history", 0, "fee"), "payment_history[0].fee", "not a field"),
        (put(97203, *W1, "address", "zip"), "orders['#W1'].address.zip", "text in quotes"),
        (put({}, *ADA, "orders"), "users['ada_stone'].orders", "not a JSON list"),
        (put("gift", *W1, "payment_history", 0, "transaction_type"), "transaction_type", "refund"),
        (put("zed", *W1, "user_id"), "orders['#W1'].user_id", "no user 'zed'"),
        (
            put("refund", *W1, "payment_history", 0, "transaction_type"),
            "orders['#W1'].payment_history",
            "more than the 0 paid",
        ),
        (put("bob_marsh", *W1, "user_id"), "users['ada_stone'].orders[0]", "somebody else"),
        (put(["#W2", "#W3", "#W4"], *ADA, "orders"), "orders['#W1'].user_id", "does not list"),
        (put(["#W9"], *ADA, "orders"), "users['ada_stone'].orders[0]", "no order '#W9'"),
        (put(["#W1", "#W1"], *ADA, "orders"), "users['ada_stone'].orders[1]", "twice"),
        (put("BOB.marsh@example.com", *ADA, "email"), "users['bob_marsh'].email", "ada_stone"),
        (put("ada at home", *ADA, "email"), "users['ada_stone'].email", "match pattern"),
        (put("zed", *ADA, "user_id"), "users['ada_stone']", "calls itself 'zed'"),
        (put("#W9", *W1, "order_id"), "orders['#W1']", "calls itself '#W9'"),
        (put("has space", *W1, "items", 0, "item_id"), "items[0].item_id", "match pattern"),
        (put("DOGE", *W1, "currency"), "orders['#W1'].currency", "such as USD"),
        (put("JPY", *W1, "currency"), "orders['#W1'].currency", "such as USD"),
        (put("EUR", *W1, "currency"), "currency", "shop file has one"),
        (put("-P30D", *W1, "delivered_at"), "orders['#W1'].delivered_at", "earlier"),
        (put({"wrap": -1}, *W1, "fees"), "orders['#W1'].fees.wrap", "negative"),
        (put({"a:b": 1}, *W1, "fees"), "orders['#W1'].fees", "match pattern"),
        (put(0.001, *W1, "shipping"), "orders['#W1'].shipping", "fractions"),
        (
            put([small_shop()["orders"]["#W1"]["items"][0] | {"price": 9e12}] * 12, *W1, "items"),
            "orders['#W1'].items",
            "2^53",
        ),
        (
            put(
                [small_shop()["orders"]["#W1"]["payment_history"][0] | {"amount": 9e12}] * 12,
                *W1,
                "payment_history",
            ),
            "orders['#W1'].payment_history",
            "2^53",
        ),
        (
            put("2999-01-01T00:00:00Z", *ADA, "contact_changed_at"),
            "users['ada_stone'].contact_changed_at",
            "future",
        ),
    ],
)
def test_a_broken_file_names_record_and_field(
    change: Callable[[dict[str, Any]], None], place: str, words: str
) -> None:
    shop = small_shop()
    change(shop)
    with pytest.raises(ConfigurationError) as error:
        read(shop)
    message = str(error.value)
    assert "my/shop.json" in message
    assert place in message
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "line 1"),
        (b"[]", "the file"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"users": {}, "users": {}}', "'users' stands twice"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_not_a_shop_file(raw: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        parse(raw, Path("my/shop.json"), now=NOW)
    assert "my/shop.json" in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    with pytest.raises(ConfigurationError, match=r"none\.json: No such file"):
        EmbeddedBackends(tmp_path / "backends.db", shop_file=missing)


def test_an_order_without_payments_or_times_is_data() -> None:
    shop = small_shop()
    for field in ("payment_history", "fulfillments", "address"):
        del shop["orders"]["#W5"][field]
    order = read(shop).orders["#W5"]
    assert (order.payment_history, order.placed_at, order.shipping) == ((), None, None)


# ------------------------------------------------------------------------------ back out


def without_times(shop: dict[str, Any]) -> dict[str, Any]:
    def drop_times(record: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in record.items() if not k.endswith("_at")}

    return {
        table: {key: drop_times(record) for key, record in records.items()}
        for table, records in shop.items()
    }


def test_what_is_loaded_comes_out_equal(tmp_path: Path) -> None:
    shop = small_shop()
    shop["users"]["bob_marsh"]["contact_changed_at"] = "2026-01-05T08:00:00.250000Z"
    shop["orders"]["#W1"]["placed_at"] = "2026-01-06T08:00:00Z"
    shop["orders"]["#W1"]["delivered_at"] = "2026-01-08T08:00:00Z"
    shop["orders"]["#W2"]["placed_at"] = "2025-03-04T10:15:00Z"
    del shop["orders"]["#W4"]["placed_at"]
    with EmbeddedBackends(tmp_path / "a.db", shop_file=write_shop(tmp_path, shop)) as backends:
        exported = backends.export()["shop"]
    assert json.loads(json.dumps(exported)) == shop


def test_the_example_shop_comes_out_equal_with_its_times_made_absolute(tmp_path: Path) -> None:
    shop = json.loads(EXAMPLE_SHOP.read_bytes())
    with EmbeddedBackends(tmp_path / "a.db") as backends:
        exported = json.loads(json.dumps(backends.export()["shop"]))
    assert without_times(exported) == without_times(shop)
    again = write_shop(tmp_path, exported)
    with EmbeddedBackends(tmp_path / "b.db", shop_file=again) as backends:
        assert backends.export()["shop"] == exported
