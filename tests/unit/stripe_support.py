"""Stripe's objects as its API sends them, and the adapter before a server that answers by a script.

The objects have the fields that the adapter reads, and a few that it must not mind.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from closeloop.adapters.stripe import StripePayments
from tests.support.scripted_http import Answer, ScriptedServer

KEY = "sk_test_51Secret"
SEARCH = "GET /v1/charges/search"
REFUNDS = "GET /v1/refunds"
REFUND = "POST /v1/refunds"
CREATED = 1_750_000_000


def charge(charge_id: str = "ch_1", amount: Any = 3200, **changes: Any) -> dict[str, Any]:
    """Return a charge that was paid and captured for order #W1."""
    return {
        "id": charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "captured": True,
        "currency": "usd",
        "status": "succeeded",
        "payment_intent": None,
        "payment_method": "pm_1",
        "metadata": {"order_id": "#W1"},
        **changes,
    }


def refund(refund_id: str = "re_1", amount: Any = 1000, **changes: Any) -> dict[str, Any]:
    """Return a refund that somebody else made."""
    return {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "charge": "ch_1",
        "created": CREATED,
        "currency": "usd",
        "status": "succeeded",
        "metadata": {},
        **changes,
    }


def ours(key: str = "k1", tenant: str = "default", order: str = "#W1") -> dict[str, str]:
    """Return the metadata of a refund of ours."""
    return {"closeloop_key": key, "closeloop_tenant": tenant, "closeloop_order": order}


def found(*charges: dict[str, Any]) -> Answer:
    """Return the answer to a search."""
    page = {"object": "search_result", "url": "/v1/charges/search", "next_page": None}
    return Answer(200, {**page, "data": list(charges), "has_more": False})


def listed(*refunds: dict[str, Any], more: bool = False) -> Answer:
    """Return a page of a list."""
    page = {"object": "list", "url": "/v1/refunds", "has_more": more}
    return Answer(200, {**page, "data": list(refunds)})


def problem(status: int, headers: dict[str, str] | None = None, **error: Any) -> Answer:
    """Return an error as Stripe sends it."""
    words = {"type": "invalid_request_error", "message": "no", **error}
    return Answer(status, {"error": words}, {"Request-Id": "req_1", **(headers or {})})


@contextmanager
def stripe_server() -> Iterator[tuple[ScriptedServer, StripePayments]]:
    """Run a server with one payment of 32.00 for #W1, and the adapter before it."""
    with ScriptedServer() as server:
        server.always(SEARCH, found(charge()))
        server.always(REFUNDS, listed())
        with closing(StripePayments(KEY, api_base=server.url, timeouts=(1.0, 0.5))) as payments:
            yield server, payments
