"""Stripe's objects, with the fields that the adapter reads, and what they mean here."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeVar

import stripe
from pydantic import Field, ValidationError

from closeloop.errors import BackendRefused
from closeloop.models.base import MAX_SAFE_MINOR, Money, Wire, clip
from closeloop.models.records import DisputeRecord, PaymentRecord, RefundRecord
from closeloop.names import DEFAULT_TENANT

META_ORDER: Final = "order_id"
META_TENANT: Final = "tenant"
"""Written by the shop, on charges or their PaymentIntents."""
META_KEY: Final = "closeloop_key"
META_KEY_TENANT: Final = "closeloop_tenant"
META_KEY_ORDER: Final = "closeloop_order"
META_TICKET: Final = "closeloop_ticket"
"""Written by us, on refunds."""

_NO_CENTS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD JOD KWD OMR TND"
_UNUSUAL_MINOR_UNITS: Final = frozenset(f"{_NO_CENTS} {_THOUSANDTHS}".split())
"""Source: https://docs.stripe.com/currencies#zero-decimal and #three-decimal."""

_Minor = Annotated[int, Field(strict=True, ge=0, le=MAX_SAFE_MINOR)]
_Currency = Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")]


class Charge(Wire):
    """Money taken; ``payment_intent`` is what a charge goes by that was made by one."""

    id: str
    amount_captured: _Minor
    currency: _Currency
    captured: bool
    status: str
    payment_intent: str | None = None
    payment_method: str | None = None
    metadata: dict[str, str] | None = None

    def belongs(self, tenant: str, bare_order_id: str) -> bool:
        """Whether its money was taken for the order; search alone ignores case."""
        words = self.metadata or {}
        return (
            self.captured
            and self.status == "succeeded"
            and words.get(META_ORDER, "").removeprefix("#") == bare_order_id
            and words.get(META_TENANT, DEFAULT_TENANT) == tenant
        )

    def record(self) -> PaymentRecord:
        """Return the payment, of the order that the metadata names."""
        return PaymentRecord(
            payment_id=self.payment_intent or self.id,
            order_id=(self.metadata or {})[META_ORDER],
            method_id=self.payment_method or "unknown",
            amount=_money(self.id, self.amount_captured, self.currency),
        )


_RefundStatus = Literal["pending", "succeeded", "failed"]
STATUS: Final[dict[str | None, _RefundStatus]] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
"""Stripe's status of a refund to ours; ``requires_action`` and what is new to us is pending."""

_DisputeStatus = Literal["open", "won", "lost"]
_DISPUTES: Final[dict[str, _DisputeStatus]] = {
    "won": "won",
    "warning_closed": "won",
    "prevented": "won",
    "lost": "lost",
}
"""Stripe's status of a dispute to ours; whatever is not at its end is open.

Source: https://docs.stripe.com/api/disputes/object#dispute_object-status.
"""


class Dispute(Wire):
    """A payment that the customer's bank calls back, or asks about."""

    id: str
    amount: _Minor
    currency: _Currency
    created: int
    status: str

    def record(self, order_id: str) -> DisputeRecord:
        """Return the dispute as the port shows it."""
        return DisputeRecord(
            dispute_id=self.id,
            order_id=order_id,
            amount=_money(self.id, self.amount, self.currency),
            status=_DISPUTES.get(self.status, "open"),
            created_at=datetime.fromtimestamp(self.created, UTC),
        )


class Refund(Wire):
    """Money given back, by us or others."""

    id: str
    amount: _Minor
    currency: _Currency
    created: int
    status: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None

    def has_key(self, tenant: str, key: str) -> bool:
        """Whether it is ours, made under this key."""
        words = self.metadata or {}
        return words.get(META_KEY) == key and words.get(META_KEY_TENANT) == tenant

    def record(self, order_id: str) -> RefundRecord:
        """Return the refund as the port shows it; the key of one that is not ours is empty."""
        return RefundRecord(
            refund_id=self.id,
            key=(self.metadata or {}).get(META_KEY, ""),
            order_id=order_id,
            amount=_money(self.id, self.amount, self.currency),
            status=STATUS.get(self.status, "pending"),
            created_at=datetime.fromtimestamp(self.created, UTC),
        )


def _money(what: str, minor: int, currency: str) -> Money:
    code = currency.upper()
    if code in _UNUSUAL_MINOR_UNITS:
        raise BackendRefused(
            f"{what} is in {code}, whose minor unit is not a hundredth",
            code="currency_not_supported",
        )
    return Money(amount_minor=minor, currency=code)


_Model = TypeVar("_Model", bound=Wire)


def parsed(model: type[_Model], objects: Iterable[stripe.StripeObject]) -> list[_Model]:
    """Return Stripe's objects as ours.

    Raises:
        BackendRefused: ``bad_answer``, with the field, for example an amount that is not whole.
    """
    ours: list[_Model] = []
    for one in objects:
        content = one.to_dict()
        try:
            ours.append(model.model_validate(content))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            name = clip(str(content.get("id", type(one).__name__)), 80)
            raise BackendRefused(
                f"Stripe's {name} has a wrong {field}: {first['msg'].lower()}", code="bad_answer"
            ) from None
    return ours
