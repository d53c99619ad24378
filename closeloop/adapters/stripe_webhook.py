"""What Stripe sends to a webhook, as hints to tickets; pure.

A hint says only that a refund of ours has moved, and which ticket should look. It is no receipt:
the ticket reads the refund back. Everything else that Stripe may send is ignored, so that it stops
sending it again. An event may come twice, and events in any order: a ticket takes each id once.

=================================  ===========================================
sent                               becomes
=================================  ===========================================
``refund.created``,                ``refund.settled`` when the refund has
``refund.updated``,                succeeded, ``refund.failed`` when it failed
``refund.failed``,                 or was cancelled; ignored while it is
``charge.refund.updated``          pending, and where it is not ours
any other type                     ignored
=================================  ===========================================

Source: https://docs.stripe.com/webhooks#verify-manually and /refunds#failed-refunds.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeVar

import stripe
from pydantic import ValidationError

from closeloop.adapters.stripe_objects import META_KEY, META_TICKET
from closeloop.errors import BadInput, Refused
from closeloop.models.approval import BackendEvent
from closeloop.models.base import Wire, clip
from closeloop.models.hints import BackendHint, IgnoredEvent
from closeloop.names import parse_idempotency_key, workflow_id

TOLERANCE: Final = timedelta(minutes=5)
"""Stripe's own: how far the signed time may be from ours, so that nothing is replayed later."""
MAX_PAYLOAD_BYTES: Final = 1_000_000

_LAST_SECOND: Final = 253_402_300_799  # of the year 9999

_TYPES: Final = frozenset(
    {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
)
_KINDS: Final = {
    "succeeded": "refund.settled",
    "failed": "refund.failed",
    "canceled": "refund.failed",
}


class _Refund(Wire):
    id: str
    object: Literal["refund"]
    status: str | None = None
    metadata: dict[str, str] | None = None


class _RefundData(Wire):
    object: _Refund


class _Event(Wire):
    id: str
    object: Literal["event"]
    type: str


class _RefundEvent(_Event):
    data: _RefundData


_Model = TypeVar("_Model", bound=_Event)


def read_webhook(
    payload: bytes,
    signature: str,
    secrets: Sequence[str],
    now: datetime,
    *,
    tolerance: timedelta = TOLERANCE,
) -> BackendHint | IgnoredEvent:
    """Return what one delivery means.

    Args:
        payload: The body exactly as it came: the signature is over its bytes.
        signature: The header ``Stripe-Signature``.
        secrets: The endpoint's secrets; several while it is rolled.
        now: The time at which it came, aware.
        tolerance: How far the signed time may be from ``now``.

    Raises:
        Refused: it is not from Stripe (``bad_signature``), or too old or early
            (``outside_tolerance``): answer 400, and look at who sends this.
        BadInput: it is genuine and still not what it should be; names the field.
    """
    _verify(payload, signature, secrets, now, tolerance)
    event = _parsed(_Event, payload)
    if event.type not in _TYPES:
        return IgnoredEvent(event_id=event.id, type=clip(event.type, 80), why="type")
    refund = _parsed(_RefundEvent, payload).data.object
    words = refund.metadata or {}
    kind = _KINDS.get(refund.status or "")
    if META_KEY not in words or META_TICKET not in words:
        return IgnoredEvent(event_id=event.id, type=event.type, why="not_ours")
    if kind is None:
        return IgnoredEvent(event_id=event.id, type=event.type, why="pending")
    tenant, effect_id = parse_idempotency_key(words[META_KEY])
    try:
        hint = BackendEvent(event_id=event.id, kind=kind, effect_id=effect_id)
    except ValidationError as error:
        raise _wrong(error) from None
    workflow_id(tenant, words[META_TICKET])
    return BackendHint(event=hint, tenant=tenant, ticket_id=words[META_TICKET], reference=refund.id)


def _verify(
    payload: bytes, signature: str, secrets: Sequence[str], now: datetime, tolerance: timedelta
) -> None:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BadInput(f"the body has {len(payload)} bytes; Stripe sends less", field="payload")
    if not any(_signed(payload, signature, secret) for secret in secrets):
        raise Refused(
            "Stripe-Signature does not fit the body: it is not from Stripe, was changed on the way,"
            " or CLOSELOOP_STRIPE_WEBHOOK_SECRET is another endpoint's",
            code="bad_signature",
        )
    # The first, as in the library; it is a number and signed, or the signature would not fit.
    stamp = next(part for part in signature.split(",") if part.split("=")[0] == "t")
    seconds = int(stamp.split("=")[1])
    if abs(seconds) > _LAST_SECOND:
        raise BadInput("Stripe-Signature: t is not a time in seconds", field="Stripe-Signature")
    if abs(now.timestamp() - seconds) > tolerance.total_seconds():
        raise Refused(
            f"the event was signed {now.timestamp() - seconds:.0f} s before"
            f" {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}, and"
            f" {tolerance.total_seconds():.0f} s are tolerated",
            code="outside_tolerance",
        )


def _signed(payload: bytes, signature: str, secret: str) -> bool:
    if not signature.isascii():  # the library raises a TypeError on it
        return False
    try:
        # The library's own clock is left out (no tolerance): the time is checked against ours.
        stripe.WebhookSignature.verify_header(  # pyright: ignore[reportUnknownMemberType]
            payload, signature, secret, tolerance=None
        )
    except (stripe.SignatureVerificationError, UnicodeError):
        return False
    return True


def _parsed(model: type[_Model], payload: bytes) -> _Model:
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        raise _wrong(error) from None


def _wrong(error: ValidationError) -> BadInput:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "payload"
    return BadInput(f"Stripe's event: {field}: {first['msg'].lower()}", field=field)
