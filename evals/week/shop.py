"""The shop of the week: the example's products, and as many customers as the tickets need."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from closeloop.embedded.backends import EXAMPLE_SHOP

Kind = Literal["small", "large", "pending", "old"]

CHEAP: Final = ("7101", "7102", "7110", "7111")
DEAR: Final = ("7103", "7104", "7105", "7106")
OLD_DAYS: Final = 60


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """A customer of the week, with one order of each kind."""

    user_id: str
    email: str
    orders: dict[Kind, str]
    items: dict[Kind, str]


def make_shop(count: int, chance: random.Random, file: Path) -> list[Buyer]:
    """Write a shop with ``count`` customers to ``file`` and return them."""
    products = json.loads(EXAMPLE_SHOP.read_text(encoding="utf-8"))["products"]
    shop: dict[str, Any] = {"products": products, "users": {}, "orders": {}}
    buyers = [_add_buyer(shop, number, chance) for number in range(1, count + 1)]
    file.write_text(json.dumps(shop), encoding="utf-8")
    return buyers


def _add_buyer(shop: dict[str, Any], number: int, chance: random.Random) -> Buyer:
    user_id = f"buyer_{number}"
    card = f"credit_card_{number}"
    shop["users"][user_id] = {
        "user_id": user_id,
        "name": {"first_name": f"Buyer{number}", "last_name": "Example"},
        "address": _address(number),
        "email": f"buyer{number}@example.com",
        "payment_methods": {
            card: {"source": "credit_card", "id": card, "brand": "visa", "last_four": "4242"}
        },
        "orders": [],
    }
    orders: dict[Kind, str] = {}
    items: dict[Kind, str] = {}
    kinds: tuple[Kind, ...] = ("small", "large", "pending", "old")
    for position, kind in enumerate(kinds, start=1):
        order_id = f"#B{number}{position:02d}"
        order = _order(shop["products"], kind, chance)
        order |= {"order_id": order_id, "user_id": user_id, "address": _address(number)}
        order["payment_history"][0]["payment_method_id"] = card
        shop["orders"][order_id] = order
        shop["users"][user_id]["orders"].append(order_id)
        orders[kind], items[kind] = order_id, order["items"][0]["name"]
    return Buyer(user_id=user_id, email=f"buyer{number}@example.com", orders=orders, items=items)


def _address(number: int) -> dict[str, str]:
    return {
        "address1": f"{number} Sample Street",
        "address2": "",
        "city": "Madison",
        "country": "USA",
        "state": "WI",
        "zip": f"{53_000 + number}",
    }


def _order(products: dict[str, Any], kind: Kind, chance: random.Random) -> dict[str, Any]:
    product = products[chance.choice(DEAR if kind == "large" else CHEAP)]
    variant = next(v for v in product["variants"].values() if v["available"])
    item = {
        "name": product["name"],
        "product_id": product["product_id"],
        "item_id": variant["item_id"],
        "price": variant["price"],
        "options": variant["options"],
    }
    order: dict[str, Any] = {
        "items": [item],
        "status": "pending" if kind == "pending" else "delivered",
        "placed_at": "-PT9H" if kind == "pending" else "-P14D",
        "currency": "USD",
        "shipping": 0.0,
        "fees": {},
        "fulfillments": [],
        "payment_history": [{"transaction_type": "payment", "amount": variant["price"]}],
    }
    if kind == "old":
        order |= {"placed_at": f"-P{OLD_DAYS + 5}D", "delivered_at": f"-P{OLD_DAYS}D"}
    elif kind != "pending":
        order["delivered_at"] = "-P6D"
    return order
