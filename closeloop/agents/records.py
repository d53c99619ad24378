"""What a model is told about a customer, their orders and what happened: no more than it needs.

No name but the first, no e-mail, no address, no customer id (it may hold a name). An amount stands
in minor units, for parameters, and as customers read it, for words.
"""

from collections.abc import Sequence
from typing import Any, Final

from closeloop.models.base import Money, clip
from closeloop.models.knowledge import Passage
from closeloop.models.proposal import ActionRecord, ProposeRequest
from closeloop.models.records import (
    CustomerRecord,
    OrderRecord,
    PaymentRecord,
    ProductRecord,
    RefundRecord,
)

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
