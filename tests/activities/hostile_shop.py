"""A shop to attack: two customers with a card and an address in common, an order for every case."""

import json
from pathlib import Path
from typing import Any, Final

_ADDRESS: Final = {
    "address1": "1 Mill Lane",
    "address2": "",
    "city": "Bristol",
    "country": "USA",
    "state": "RI",
    "zip": "02809",
}
PRICES: Final = {"1001": 24.9, "1002": 40.0, "1003": 480.0, "1004": 30.0, "1005": 190.0}

ITEMS: Final = tuple(PRICES)
CUSTOMERS: Final = ("ada", "bob")
METHODS: Final = ("card_shared", "card_bob", "gift_ada")
ORDERS: Final = tuple(f"#W{n}" for n in range(1, 16))
PARTS: Final = {
    "#W1": ("item:1001:1", "item:1001:2", "shipping", "fee:gift_wrap"),
    "#W2": ("item:1003:1",),
    "#W3": ("item:1002:1", "item:1001:1"),
    "#W4": ("item:1002:1", "item:1002:2"),
    "#W5": ("item:1001:1", "item:1001:2"),
    "#W6": tuple(f"item:1004:{n}" for n in range(1, 5)),
    "#W11": ("item:1002:1",),
    "#W15": ("item:1002:1",),
}
HELD: Final = {
    "#W3": ("1002", "1001"),
    "#W4": ("1002", "1002"),
    "#W7": ("1005",),
    "#W8": ("1001",),
    "#W12": ("1001",),
    "#W13": ("1002",),
    "#W14": ("1005",),
    "#W15": ("1002",),
}
"""The items of orders whose items may be changed or exchanged."""
OWNERS: Final = {
    order: "ada" if n < 6 or n in (11, 12, 13, 15) else "bob" for n, order in enumerate(ORDERS, 1)
}
OWN_METHODS: Final = {"ada": ("card_shared", "gift_ada"), "bob": ("card_shared", "card_bob")}

PAID_BY: Final = dict.fromkeys(ORDERS, ("card_shared",)) | {
    "#W3": ("gift_ada", "card_shared"),
    "#W7": ("card_bob",),
    "#W8": (),
    "#W9": ("card_bob",),
    "#W10": ("card_bob",),
    "#W14": (),
}


def _order(
    number: int, status: str, items: str, money: list[tuple[str, float, str]], **more: Any
) -> dict[str, Any]:
    sent = {"delivered_at": "-P5D"} if status == "delivered" else {}
    return {
        "order_id": f"#W{number}",
        "user_id": OWNERS[f"#W{number}"],
        "address": _ADDRESS,
        "items": [
            {
                "name": f"Thing {item}",
                "product_id": "77",
                "item_id": item,
                "price": PRICES[item],
                "options": {},
            }
            for item in items.split()
        ],
        "status": status,
        "fulfillments": [],
        "payment_history": [
            {"transaction_type": kind, "amount": amount, "payment_method_id": method}
            for kind, amount, method in money
        ],
        "placed_at": "-P10D",
        "currency": "USD",
        **sent,
        **more,
    }


def _user(user_id: str, methods: dict[str, Any]) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "name": {"first_name": user_id.title(), "last_name": "Stone"},
        "address": _ADDRESS,
        "email": f"{user_id}@example.com",
        "payment_methods": methods,
        "orders": [order for order in ORDERS if OWNERS[order] == user_id],
    }


def _card(name: str) -> dict[str, Any]:
    return {"source": "credit_card", "id": name, "brand": "visa", "last_four": "4242"}


def write_shop(folder: Path) -> Path:
    """Write the shop file and return its path."""
    shared, own, gift = METHODS
    extras = {"shipping": 5.0, "fees": {"gift_wrap": 2.1}}
    orders = [
        _order(1, "delivered", "1001 1001", [("payment", 56.9, shared)], **extras),
        _order(2, "delivered", "1003", [("payment", 480.0, shared)]),
        _order(3, "pending", "1002 1001", [("payment", 30.0, gift), ("payment", 34.9, shared)]),
        # Sold at a discount: its parts cost more than was paid.
        _order(4, "delivered", "1002 1002", [("payment", 60.0, shared)]),
        _order(5, "delivered", "1001 1001", [("payment", 49.8, shared), ("refund", 24.9, shared)]),
        _order(6, "delivered", "1004 1004 1004 1004", [("payment", 120.0, shared)]),
        _order(7, "pending", "1005", [("payment", 190.0, own)]),
        _order(8, "delivered", "1001", []),
        _order(9, "processed", "1001", [("payment", 24.9, own)]),
        _order(10, "delivered", "1001", [("payment", 24.9, own)], delivered_at="-P95D")
        | {"placed_at": "-P99D"},
        _order(11, "cancelled", "1002", [("payment", 40.0, shared)]),
        # What was paid has little to do with what the parts cost: far more, less, nothing.
        _order(12, "pending", "1001", [("payment", 310.0, shared)]),
        _order(13, "pending", "1002", [("payment", 10.0, shared)]),
        _order(14, "pending", "1005", []),
        _order(15, "delivered", "1002", [("payment", 40.0, shared)]),
    ]
    shop = {
        "products": {
            "77": {
                "name": "Thing",
                "product_id": "77",
                "variants": {
                    item: {"item_id": item, "options": {}, "available": True, "price": price}
                    for item, price in PRICES.items()
                },
            }
        },
        "users": {
            "ada": _user(
                "ada",
                {
                    shared: _card(shared),
                    gift: {"source": "gift_card", "id": gift, "balance": 7.5},
                },
            ),
            "bob": _user("bob", {shared: _card(shared), own: _card(own)}),
        },
        "orders": {order["order_id"]: order for order in orders},
    }
    path = folder / "shop.json"
    path.write_text(json.dumps(shop), encoding="utf-8")
    return path
