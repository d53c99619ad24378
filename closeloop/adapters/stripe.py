"""Stripe as the payments system: implements ``closeloop.ports.Payments``.

**Which payments are an order's.** A charge belongs to the order that its metadata names:
``order_id`` (``#W1001`` or ``W1001``), and ``tenant`` for every tenant but the default one. A shop
that takes money by PaymentIntents sets both on the intent when it makes it, and Stripe copies them
to the charge. They are found by Stripe's search, which may lag a minute behind: a payment made just
now may not be seen, and is then not given back; never the reverse, for refunds are not searched but
listed. A charge that was made by a PaymentIntent goes by the intent's id.

**Exactly once.** The ledger's key goes to Stripe twice: as idempotency key, which Stripe forgets
after a day, and into the refund's metadata (``closeloop_key``, ``closeloop_tenant``), our record
that lasts. A refund under a key is looked for there before one is asked for, so that no local state
is needed; Stripe's memory serves calls at the same moment, and a key used for another order. What
Stripe began to work on and refused, it refuses under the same key for that day.

**Left to a person.** More than what is left of any single payment of an order is refused
(``split_needed``): it would be several refunds at Stripe, of which one may fail without the other.
A currency whose minor unit is not a hundredth is refused (``currency_not_supported``). So is a key
whose refund failed at Stripe afterwards (``refund_failed``).

What the library raises, and what becomes of it, is in ``stripe_errors``.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Final, Literal, TypeVar

import stripe
from pydantic import Field, ValidationError

from closeloop.adapters.stripe_errors import stripe_call
from closeloop.errors import BackendRefused, EffectUnknown
from closeloop.models.base import MAX_SAFE_MINOR, Money, Wire, clip
from closeloop.models.records import CreditRecord, DisputeRecord, PaymentRecord, RefundRecord
from closeloop.names import DEFAULT_TENANT

TIMEOUTS: Final = (2.0, 5.0)
"""Seconds to connect, and without a byte of the answer: a write is given 10 s by its activity."""
MAX_SCANNED: Final = 2000
"""Refunds of the account that are read for a key, newest first, where the order is not known."""

META_ORDER: Final = "order_id"
META_TENANT: Final = "tenant"
"""Written by the shop, on charges or their PaymentIntents."""
META_KEY: Final = "closeloop_key"
META_KEY_TENANT: Final = "closeloop_tenant"
META_KEY_ORDER: Final = "closeloop_order"
META_TICKET: Final = "closeloop_ticket"
"""Written by us, on refunds."""

_PAGE: Final = 100
_MAX_HEADER: Final = 255
_ORDER_ID: Final = re.compile(r"#?[A-Za-z0-9_-]{1,40}")
_NO_CENTS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD JOD KWD OMR TND"
_UNUSUAL_MINOR_UNITS: Final = frozenset(f"{_NO_CENTS} {_THOUSANDTHS}".split())
"""Source: https://docs.stripe.com/currencies#zero-decimal and #three-decimal."""

_Minor = Annotated[int, Field(strict=True, ge=0, le=MAX_SAFE_MINOR)]
_Currency = Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")]


class _Charge(Wire):
    id: str
    amount_captured: _Minor
    currency: _Currency
    captured: bool
    status: str
    payment_intent: str | None = None
    payment_method: str | None = None
    metadata: dict[str, str] | None = None


_RefundStatus = Literal["pending", "succeeded", "failed"]
_STATUS: Final[dict[str | None, _RefundStatus]] = {
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


class _Dispute(Wire):
    id: str
    amount: _Minor
    currency: _Currency
    created: int
    status: str

    def record(self, order_id: str) -> DisputeRecord:
        return DisputeRecord(
            dispute_id=self.id,
            order_id=order_id,
            amount=_money(self.id, self.amount, self.currency),
            status=_DISPUTES.get(self.status, "open"),
            created_at=datetime.fromtimestamp(self.created, UTC),
        )


class _Refund(Wire):
    id: str
    amount: _Minor
    currency: _Currency
    created: int
    status: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None

    def has_key(self, tenant: str, key: str) -> bool:
        words = self.metadata or {}
        return words.get(META_KEY) == key and words.get(META_KEY_TENANT) == tenant

    def record(self, order_id: str) -> RefundRecord:
        return RefundRecord(
            refund_id=self.id,
            key=(self.metadata or {}).get(META_KEY, ""),
            order_id=order_id,
            amount=_money(self.id, self.amount, self.currency),
            status=_STATUS.get(self.status, "pending"),
            created_at=datetime.fromtimestamp(self.created, UTC),
        )


@dataclass(frozen=True, kw_only=True)
class _Payment:
    """A charge of an order with what was given back of it."""

    record: PaymentRecord
    refunds: tuple[_Refund, ...]

    @property
    def left(self) -> int:
        back = sum(r.amount for r in self.refunds if _STATUS.get(r.status) != "failed")
        return self.record.amount.amount_minor - back


class StripePayments:
    """Payments at Stripe; thread-safe. Reads see the whole account, whoever acted."""

    def __init__(
        self,
        api_key: str,
        *,
        api_base: str | None = None,
        timeouts: tuple[float, float] = TIMEOUTS,
    ) -> None:
        """Use an account.

        Args:
            api_key: A secret or restricted key that may read charges, and read and write refunds.
            api_base: Where Stripe is, for tests; None is Stripe's own address.
            timeouts: Seconds to connect, and without a byte of the answer.
        """
        self._stripe = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else {},
            http_client=stripe.RequestsClient(timeout=timeouts),
            max_network_retries=0,  # repeating is the activity's business, which reads first
        )

    def list_payments(self, tenant: str, order_id: str) -> tuple[PaymentRecord, ...]:
        """Return what was taken for the order, oldest first."""
        return tuple(self._charges(tenant, order_id))

    def list_refunds(self, tenant: str, order_id: str) -> tuple[RefundRecord, ...]:
        """Return everything given back on the order, oldest first; a key not ours is empty."""
        found = [
            refund.record(payment.record.order_id)
            for payment in self._payments(tenant, order_id)
            for refund in payment.refunds
        ]
        return tuple(sorted(found, key=lambda record: record.created_at))

    def list_credits(self, tenant: str, order_id: str) -> tuple[CreditRecord, ...]:
        """Return nothing: Stripe keeps credit by customer, not by order."""
        return ()

    def list_disputes(self, tenant: str, order_id: str) -> tuple[DisputeRecord, ...]:
        """Return the disputes of the order's payments, whatever became of them."""
        found: list[DisputeRecord] = []
        for payment in self._charges(tenant, order_id):
            reference = payment.payment_id
            params: stripe.params.DisputeListParams = {"limit": _PAGE}
            if reference.startswith("pi_"):
                params["payment_intent"] = reference
            else:
                params["charge"] = reference
            with stripe_call(f"disputes of {reference}"):
                listed = list(self._stripe.v1.disputes.list(params).auto_paging_iter())
            found += [dispute.record(payment.order_id) for dispute in _parsed(_Dispute, listed)]
        return tuple(found)

    def find_refund(
        self, tenant: str, key: str, *, order_id: str | None = None
    ) -> RefundRecord | None:
        """Return the refund made under ``key``: on the order, or anywhere in the account.

        Raises:
            BackendRefused: ``too_many_refunds``, without an order and in a large account.
        """
        if order_id is not None:
            found = _under(self._payments(tenant, order_id), tenant, key)
            return None if found is None else found[1].record(found[0].record.order_id)
        with stripe_call("refunds"):
            listed = self._stripe.v1.refunds.list({"limit": _PAGE})
            scanned = list(islice(listed.auto_paging_iter(), MAX_SCANNED + 1))
        for refund in _parsed(_Refund, scanned[:MAX_SCANNED]):
            if refund.has_key(tenant, key):
                return refund.record((refund.metadata or {}).get(META_KEY_ORDER, ""))
        if len(scanned) > MAX_SCANNED:
            raise BackendRefused(
                f"{key} is not among the last {MAX_SCANNED} refunds: name its order",
                code="too_many_refunds",
            )
        return None

    def refund(
        self, tenant: str, key: str, order_id: str, amount: Money, *, ticket_id: str | None = None
    ) -> RefundRecord:
        """Give ``amount`` back by the first of the order's payments that has as much left.

        Raises:
            BackendRefused: ``invalid_amount``, ``no_payment``, ``currency_mismatch``,
                ``currency_not_supported``, ``over_refund``, ``split_needed``,
                ``idempotency_mismatch``, ``refund_failed``, or Stripe's own code.
        """
        payments = self._payments(tenant, order_id)
        found = _under(payments, tenant, key)
        if found is not None:
            return _same(found[1], found[0].record.order_id, key, amount)
        chosen = _chosen(payments, order_id, amount)
        reference = chosen.record.payment_id
        words = {
            META_KEY: key,
            META_KEY_TENANT: tenant,
            META_KEY_ORDER: chosen.record.order_id,
            **({META_TICKET: ticket_id} if ticket_id else {}),
        }
        params: stripe.params.RefundCreateParams = {
            "amount": amount.amount_minor,
            "metadata": words,
        }
        if reference.startswith("pi_"):
            params["payment_intent"] = reference
        else:
            params["charge"] = reference
        with stripe_call(f"refund of {reference} under {key}", writing=True):
            made = self._stripe.v1.refunds.create(
                params, {"idempotency_key": _idempotency_key(tenant, key)}
            )
        try:
            (refund,) = _parsed(_Refund, [made])
            return _same(refund, chosen.record.order_id, key, amount)
        except BackendRefused as unread:
            raise EffectUnknown(f"{unread}: whether it was done has to be read") from None

    def _payments(self, tenant: str, order_id: str) -> tuple[_Payment, ...]:
        return tuple(
            _Payment(record=record, refunds=self._refunds_of(record.payment_id))
            for record in self._charges(tenant, order_id)
        )

    def _charges(self, tenant: str, order_id: str) -> Iterable[PaymentRecord]:
        if not _ORDER_ID.fullmatch(order_id):  # it would become part of a query
            return []
        bare = order_id.removeprefix("#")
        field = f'metadata["{META_ORDER}"]'
        query = f'{field}:"{bare}" OR {field}:"#{bare}"'
        with stripe_call(f"payments of order {order_id}"):
            listed = self._stripe.v1.charges.search({"query": query, "limit": _PAGE})
            found = list(listed.auto_paging_iter())
        charges = _parsed(_Charge, found)
        return [_payment(c) for c in reversed(charges) if _belongs(c, tenant, bare)]

    def _refunds_of(self, reference: str) -> tuple[_Refund, ...]:
        params: stripe.params.RefundListParams = {"limit": _PAGE}
        if reference.startswith("pi_"):
            params["payment_intent"] = reference
        else:
            params["charge"] = reference
        with stripe_call(f"refunds of {reference}"):
            found = list(self._stripe.v1.refunds.list(params).auto_paging_iter())
        return tuple(_parsed(_Refund, found))


def _belongs(charge: _Charge, tenant: str, bare_order_id: str) -> bool:
    """Whether the money of this charge was taken for the order; search alone ignores case."""
    words = charge.metadata or {}
    return (
        charge.captured
        and charge.status == "succeeded"
        and words.get(META_ORDER, "").removeprefix("#") == bare_order_id
        and words.get(META_TENANT, DEFAULT_TENANT) == tenant
    )


def _payment(charge: _Charge) -> PaymentRecord:
    return PaymentRecord(
        payment_id=charge.payment_intent or charge.id,
        order_id=(charge.metadata or {})[META_ORDER],
        method_id=charge.payment_method or "unknown",
        amount=_money(charge.id, charge.amount_captured, charge.currency),
    )


def _under(payments: Sequence[_Payment], tenant: str, key: str) -> tuple[_Payment, _Refund] | None:
    """Return the refund made under a key, with its payment."""
    return next(
        (
            (payment, refund)
            for payment in payments
            for refund in payment.refunds
            if refund.has_key(tenant, key)
        ),
        None,
    )


def _same(refund: _Refund, order_id: str, key: str, amount: Money) -> RefundRecord:
    """Return what stands under the key, if it is what is asked for."""
    record = refund.record(order_id)
    if record.amount != amount:
        raise BackendRefused(
            f"{key} was used for a refund of {record.amount}, not of {amount}",
            code="idempotency_mismatch",
        )
    if record.status == "failed":
        raise BackendRefused(
            f"{refund.id} failed at Stripe ({clip(refund.failure_reason or 'no reason', 80)})",
            code="refund_failed",
        )
    return record


def _chosen(payments: Sequence[_Payment], order_id: str, amount: Money) -> _Payment:
    """Return the payment to give back of."""
    if amount.amount_minor <= 0:
        raise BackendRefused(f"{amount} is not an amount to give back", code="invalid_amount")
    if not payments:
        raise BackendRefused(
            f"Stripe has no payment for order {clip(order_id, 80)}", code="no_payment"
        )
    currencies = {payment.record.amount.currency for payment in payments}
    if currencies != {amount.currency}:
        raise BackendRefused(
            f"order {order_id} was paid in {', '.join(sorted(currencies))},"
            f" not in {amount.currency}",
            code="currency_mismatch",
        )
    for payment in payments:
        if payment.left >= amount.amount_minor:
            return payment
    rest = Money(amount_minor=sum(max(p.left, 0) for p in payments), currency=amount.currency)
    if amount.amount_minor <= rest.amount_minor:
        raise BackendRefused(
            f"{amount} is more than what is left of any one of the {len(payments)} payments of"
            f" {order_id}: give it back in parts, at Stripe",
            code="split_needed",
        )
    raise BackendRefused(
        f"{amount} is more than the {rest} left of what was paid for {order_id}",
        code="over_refund",
    )


def _money(what: str, minor: int, currency: str) -> Money:
    code = currency.upper()
    if code in _UNUSUAL_MINOR_UNITS:
        raise BackendRefused(
            f"{what} is in {code}, whose minor unit is not a hundredth",
            code="currency_not_supported",
        )
    return Money(amount_minor=minor, currency=code)


def _idempotency_key(tenant: str, key: str) -> str:
    """Return the ledger's key as Stripe takes it: the tenant's own, and not too long."""
    whole = f"closeloop:{tenant}:{key}"
    if len(whole) <= _MAX_HEADER and whole.isascii():
        return whole
    return f"closeloop:{hashlib.sha256(whole.encode()).hexdigest()}"


_Model = TypeVar("_Model", bound=Wire)


def _parsed(model: type[_Model], objects: Iterable[stripe.StripeObject]) -> list[_Model]:
    """Return Stripe's objects as ours.

    Raises:
        BackendRefused: ``bad_answer``, with the field, for example an amount that is not whole.
    """
    parsed: list[_Model] = []
    for one in objects:
        content = one.to_dict()
        try:
            parsed.append(model.model_validate(content))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            name = clip(str(content.get("id", type(one).__name__)), 80)
            raise BackendRefused(
                f"Stripe's {name} has a wrong {field}: {first['msg'].lower()}", code="bad_answer"
            ) from None
    return parsed
