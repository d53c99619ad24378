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
from itertools import islice
from typing import Final

import stripe

from closeloop.adapters.stripe_errors import stripe_call
from closeloop.adapters.stripe_objects import (
    META_KEY,
    META_KEY_ORDER,
    META_KEY_TENANT,
    META_ORDER,
    META_TICKET,
    STATUS,
    Charge,
    Dispute,
    Refund,
    parsed,
)
from closeloop.errors import BackendRefused, EffectUnknown
from closeloop.models.base import Money, clip
from closeloop.models.records import CreditRecord, DisputeRecord, PaymentRecord, RefundRecord

TIMEOUTS: Final = (2.0, 5.0)
"""Seconds to connect, and without a byte of the answer: a write is given 10 s by its activity."""
MAX_SCANNED: Final = 2000
"""Refunds of the account that are read for a key, newest first, where the order is not known."""

_PAGE: Final = 100
_MAX_HEADER: Final = 255
_ORDER_ID: Final = re.compile(r"#?[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, kw_only=True)
class _Payment:
    """A charge of an order with what was given back of it."""

    record: PaymentRecord
    refunds: tuple[Refund, ...]

    @property
    def left(self) -> int:
        back = sum(r.amount for r in self.refunds if STATUS.get(r.status) != "failed")
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
            api_key: A key that may read charges and disputes, and read and write refunds.
            api_base: Where Stripe is, for tests; None is Stripe's own address.
            timeouts: Seconds to connect, and without a byte of the answer.
        """
        self._http = stripe.RequestsClient(timeout=timeouts)
        self._stripe = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else {},
            http_client=self._http,
            max_network_retries=0,  # repeating is the activity's business, which reads first
        )

    def close(self) -> None:
        """Let go of the calling thread's connection; that of another ends with its thread."""
        self._http.close()

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
            found += [dispute.record(payment.order_id) for dispute in parsed(Dispute, listed)]
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
        for refund in parsed(Refund, scanned[:MAX_SCANNED]):
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
            (refund,) = parsed(Refund, [made])
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
        charges = parsed(Charge, found)
        return [charge.record() for charge in reversed(charges) if charge.belongs(tenant, bare)]

    def _refunds_of(self, reference: str) -> tuple[Refund, ...]:
        params: stripe.params.RefundListParams = {"limit": _PAGE}
        if reference.startswith("pi_"):
            params["payment_intent"] = reference
        else:
            params["charge"] = reference
        with stripe_call(f"refunds of {reference}"):
            found = list(self._stripe.v1.refunds.list(params).auto_paging_iter())
        return tuple(parsed(Refund, found))


def _under(payments: Sequence[_Payment], tenant: str, key: str) -> tuple[_Payment, Refund] | None:
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


def _same(refund: Refund, order_id: str, key: str, amount: Money) -> RefundRecord:
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


def _idempotency_key(tenant: str, key: str) -> str:
    """Return the ledger's key as Stripe takes it: the tenant's own, and not too long."""
    whole = f"closeloop:{tenant}:{key}"
    if len(whole) <= _MAX_HEADER and whole.isascii():
        return whole
    return f"closeloop:{hashlib.sha256(whole.encode()).hexdigest()}"
