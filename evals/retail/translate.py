"""The data's write tools as action kinds: names and the shape of addresses, nothing else."""

from collections.abc import Mapping
from typing import Any, Final

from closeloop.models.proposal import Action
from closeloop.models.records import Address
from evals.retail.data import Call

KINDS: Final[Mapping[str, str]] = {
    "cancel_pending_order": "cancel_order",
    "modify_pending_order_items": "modify_order_items",
    "modify_pending_order_address": "modify_order_address",
    "modify_pending_order_payment": "modify_order_payment",
    "return_delivered_order_items": "return_items",
    "exchange_delivered_order_items": "exchange_items",
    "modify_user_address": "update_customer_address",
}
WRITES: Final = frozenset(KINDS)

_ADDRESS: Final = frozenset(Address.model_fields)


def action_of(call: Call, action_id: str) -> Action:
    """Return the action that a call of the data means."""
    params: dict[str, Any] = {k: v for k, v in call.arguments.items() if k not in _ADDRESS}
    address = {k: v for k, v in call.arguments.items() if k in _ADDRESS}
    if address:
        params["address"] = address
    if "user_id" in params:
        params["customer_id"] = params.pop("user_id")
    return Action(action_id=action_id, kind=KINDS[call.name], params=params)


def customer_of(calls: tuple[Call, ...], shop: Mapping[str, Any]) -> str | None:
    """Return whose account the calls are about: the owner of their first order, or the user named.

    ``shop`` is the data's state.
    """
    for call in calls:
        order = shop["orders"].get(call.arguments.get("order_id"))
        user = order["user_id"] if order else call.arguments.get("user_id")
        if user in shop["users"]:
            return user
    return None
