"""A small shop for the suites: two customers, and an order for every case of money."""

import json
from pathlib import Path
from typing import Any

from closeloop.embedded.backends import EmbeddedBackends
from closeloop.models.base import Money

ADDRESS = {
    "address1": "1 Mill Lane",
    "address2": "",
    "city": "Bristol",
    "country": "USA",
    "state": "RI",
    "zip": "02809",
}


def _order(
    number: int, user: str, status: str, prices: list[float], money: list[tuple[str, float, str]]
) -> dict[str, Any]:
    return {
        "order_id": f"#W{number}",
        "user_id": user,
        "address": ADDRESS,
        "items": [
            {"name": "Mug", "product_id": "71", "item_id": "7101", "price": price, "options": {}}
            for price in prices
        ],
        "status": status,
        "fulfillments": [],
        "payment_history": [
            {"transaction_type": kind, "amount": amount, "payment_method_id": method}
            for kind, amount, method in money
        ],
    }


def _user(user_id: str, email: str, orders: list[str]) -> dict[str, Any]:
    first, last = user_id.split("_")
    return {
        "user_id": user_id,
        "name": {"first_name": first.title(), "last_name": last.title()},
        "address": ADDRESS,
        "email": email,
        "payment_methods": {
            "credit_card_1": {
                "source": "credit_card",
                "id": "credit_card_1",
                "brand": "visa",
                "last_four": "4242",
            },
            "gift_card_1": {"source": "gift_card", "id": "gift_card_1", "balance": 7.5},
        },
        "orders": orders,
    }


_SHOP: dict[str, Any] = {
    "products": {
        "71": {
            "name": "Mug",
            "product_id": "71",
            "variants": {
                "7101": {
                    "item_id": "7101",
                    "options": {"color": "oat"},
                    "available": True,
                    "price": 24.9,
                }
            },
        }
    },
    "users": {
        "ada_stone": _user("ada_stone", "Ada.Stone@example.com", ["#W1", "#W2", "#W3", "#W4"]),
        "bob_marsh": _user("bob_marsh", "bob.marsh@example.com", ["#W5", "#W6", "#W7"]),
    },
    "orders": {
        "#W1": {
            **_order(1, "ada_stone", "delivered", [24.9], [("payment", 32.0, "credit_card_1")]),
            "placed_at": "-P10D",
            "delivered_at": "-P5DT6H",
            "currency": "USD",
            "shipping": 5.0,
            "fees": {"gift_wrap": 2.1},
        },
        "#W2": {
            **_order(
                2,
                "ada_stone",
                "pending",
                [60.6, 24.9],
                [("payment", 30.0, "gift_card_1"), ("payment", 55.5, "credit_card_1")],
            ),
            "placed_at": "2025-03-04T12:15:00+02:00",
        },
        "#W3": _order(
            3,
            "ada_stone",
            "cancelled",
            [24.9],
            [("payment", 24.9, "credit_card_1"), ("refund", 24.9, "credit_card_1")],
        ),
        "#W4": {
            **_order(
                4,
                "ada_stone",
                "pending",
                [24.9, 24.9],
                [("payment", 49.8, "credit_card_1"), ("refund", 24.9, "credit_card_1")],
            ),
            "placed_at": "-PT6H",
        },
        "#W5": _order(5, "bob_marsh", "delivered", [24.9], []),
        "#W6": _order(6, "bob_marsh", "pending", [24.9], []),
        "#W7": _order(7, "bob_marsh", "processed", [24.9], [("payment", 24.9, "credit_card_1")]),
    },
}


def small_shop() -> dict[str, Any]:
    """Return the shop as JSON data, to be changed at will."""
    return json.loads(json.dumps(_SHOP))


def write_shop(folder: Path, shop: dict[str, Any] | None = None) -> Path:
    """Write a shop file and return its path."""
    path = folder / "shop.json"
    path.write_text(json.dumps(shop or _SHOP), encoding="utf-8")
    return path


def open_backends(folder: Path, *, settlement_seconds: float = 0.0) -> EmbeddedBackends:
    """Open backends over the small shop, for the default tenant and for ``other``."""
    return EmbeddedBackends(
        folder / "backends.db",
        shop_file=write_shop(folder),
        tenants=("default", "other"),
        settlement_seconds=settlement_seconds,
    )


def usd(minor: int) -> Money:
    """Return an amount in US dollars."""
    return Money(amount_minor=minor)
