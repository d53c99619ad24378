"""What a model is told about a customer, their orders and what happened: no more than it needs.

No name but the first, no e-mail, no address, no customer id (it may hold a name). An amount stands
in minor units, for parameters, and as customers read it, for words.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from closeloop.models.base import Money, clip
from closeloop.models.callbacks import CallbackRecord, Slot
from closeloop.models.knowledge import Passage
from closeloop.models.proposal import ActionRecord, ProposeRequest
from closeloop.models.records import (
    CustomerRecord,
    OrderRecord,
    PaymentRecord,
    ProductRecord,
    RefundRecord,
)
from closeloop.policy.calendars import in_words, on_the_clock

MAX_LINES: Final = 50
MAX_VARIANTS: Final = 40
PASSAGE_CHARS: Final = 2_000


def ticket(request: ProposeRequest) -> dict[str, Any]:
    """Return what the ticket is about."""
    return {
        "subject": request.subject,
        "intent": request.classification_intent,
        "confidence": round(request.confidence, 2),
        "topics": list(request.topics),
        "order_ids": list(request.order_ids),
        "items_mentioned": list(request.item_mentions),
        "amounts_mentioned": [money(amount) for amount in request.amounts],
        "assurance": request.assurance,
    }


def conversation(request: ProposeRequest) -> list[dict[str, str]]:
    """Return the messages in the window, oldest first."""
    return [m.model_dump() for m in request.conversation]


def calls(booked: CallbackRecord | None, free: Iterable[Slot], zone: str) -> dict[str, Any]:
    """Return the booked call and the free times, as parameters and as customers write them."""
    return {
        "zone": zone,
        "booked": {"booking_id": booked.booking_id, "said": booked.said} if booked else None,
        "free": [
            {
                "starts_at": f"{slot.starts_at:%Y-%m-%dT%H:%M:%SZ}",
                "ends_at": f"{slot.ends_at:%Y-%m-%dT%H:%M:%SZ}",
                "said": in_words(slot.starts_at, zone),
            }
            for slot in free
        ],
    }


def day_of(slot: Slot, zone: str) -> str:
    """Return the date on which a time falls on the clock of a zone, such as 2027-01-31."""
    return on_the_clock(slot.starts_at, zone).date().isoformat()


def customer(record: CustomerRecord) -> dict[str, Any]:
    """Return the customer by first name, with how they can pay and be paid."""
    return {
        "first_name": record.first_name,
        "payment_methods": [
            {
                "payment_method_id": method.method_id,
                "source": method.source,
                "balance": money(method.balance) if method.balance else None,
            }
            for method in record.payment_methods
        ],
    }


def order(
    record: OrderRecord, payments: Sequence[PaymentRecord], refunds: Sequence[RefundRecord]
) -> dict[str, Any]:
    """Return an order with its refundable components, and how its money stands."""
    return {
        "order_id": record.order_id,
        "status": record.status,
        "placed_at": record.placed_at.isoformat() if record.placed_at else None,
        "delivered_at": record.delivered_at.isoformat() if record.delivered_at else None,
        "items": [
            {
                "item_id": line.item_id,
                "product_id": line.product_id,
                "name": line.name,
                "options": line.options,
                "price": money(line.price),
            }
            for line in record.lines[:MAX_LINES]
        ],
        "components": [
            {"component_id": part.component_id, "label": part.label, "price": money(part.price)}
            for part in record.components()[:MAX_LINES]
        ],
        "tracking_ids": list(record.tracking_ids),
        "return_items": list(record.return_items),
        "exchange_items": list(record.exchange_items),
        "payments": [
            {"payment_method_id": paid.method_id, "amount": money(paid.amount)} for paid in payments
        ],
        "refunds": [
            {
                "refund_id": made.refund_id,
                "amount": money(made.amount),
                "status": made.status,
                "created_at": made.created_at.isoformat(),
            }
            for made in refunds
        ],
    }


def product(record: ProductRecord) -> dict[str, Any]:
    """Return a product with its variants."""
    return {
        "product_id": record.product_id,
        "name": record.name,
        "variants": [
            {
                "item_id": variant.item_id,
                "options": variant.options,
                "available": variant.available,
                "price": money(variant.price),
            }
            for variant in record.variants[:MAX_VARIANTS]
        ],
    }


def passage(found: Passage) -> dict[str, str]:
    """Return a passage with its kind, which says what it may support."""
    return {
        "passage_id": found.passage_id,
        "kind": found.kind,
        "title": found.title,
        "text": clip(found.text, PASSAGE_CHARS),
    }


def done(record: ActionRecord) -> dict[str, Any]:
    """Return an action that happened, with its receipt."""
    receipt = record.receipt
    return {
        "kind": record.action.kind,
        "params": {k: v for k, v in record.action.params.items() if k != "customer_id"},
        "state": record.state.value,
        "receipt_id": receipt.receipt_id if receipt else None,
        "summary": receipt.summary if receipt else None,
        "amount": money(receipt.amount) if receipt and receipt.amount else None,
    }


def money(amount: Money) -> dict[str, Any]:
    """Return an amount for parameters and for words."""
    return {**amount.model_dump(), "shown": str(amount)}
