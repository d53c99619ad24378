"""What the ``stripe`` library raises, as what a payments port may raise.

A call either reads or writes. What matters of a write is whether it may have happened:

==============================================  ========================  =========================
raised by the library                           reading                   writing
==============================================  ========================  =========================
``APIConnectionError``, nothing was sent        BackendUnavailable        BackendUnavailable
(refused, no such host, no connection in time,
certificate not trusted)
``APIConnectionError``, any other (no answer    BackendUnavailable        **EffectUnknown**
in time, connection lost)
``RateLimitError`` (429; Stripe counts before   BackendUnavailable, with  the same
it works, also where an object is locked)       its ``Retry-After``
``AuthenticationError`` (401: key wrong or      BackendUnavailable        the same
revoked; works again once it is replaced)
``APIError`` with 409 (another call under this  BackendUnavailable        **EffectUnknown**
key is at work)
``APIError`` with 5xx                           BackendUnavailable        **EffectUnknown**
``APIError``, the answer cannot be read         BackendUnavailable        **EffectUnknown**
``IdempotencyError`` (the key had other         BackendRefused            the same
arguments)                                      ``idempotency_mismatch``
``InvalidRequestError``, ``CardError``,         BackendRefused with       the same
``PermissionError`` and whatever else has a     Stripe's code in our
status of 4xx: the classes of the v2 API and    words (``_CODES``), else
of OAuth, which are never called                Stripe's own
==============================================  ========================  =========================

``SignatureVerificationError`` belongs to ``stripe_webhook``. What is said goes through histories:
it is bounded, has no cause attached, and for a refused key not a word of Stripe's, whose message
repeats a part of it. Source: https://docs.stripe.com/error-handling and /error-low-level.
"""

import math
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import requests
import stripe

from closeloop.errors import BackendError, BackendRefused, BackendUnavailable, EffectUnknown
from closeloop.models.base import clip

MAX_RETRY_AFTER_SECONDS: Final = 300.0
"""A wish to come back later than this is not followed: the activity has its own patience."""

_SAID_CHARS: Final = 250
_CODES: Final = {
    "charge_already_refunded": "over_refund",
    "amount_too_large": "over_refund",
    "parameter_invalid_integer": "invalid_amount",
    "amount_too_small": "invalid_amount",
    "resource_missing": "no_payment",
}
"""Stripe's codes that mean what a code of the port means already."""

_NOTHING_SENT: Final = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)


@contextmanager
def stripe_call(what: str, *, writing: bool = False) -> Generator[None]:
    """Turn what the library raises in the block into an error of the ports, as the table says."""
    try:
        yield
    except stripe.StripeError as error:
        raise translate(error, what, writing=writing) from None


def translate(error: stripe.StripeError, what: str, *, writing: bool) -> BackendError:
    """Return the port's error; ``what`` names the call, for example ``refund of ch_1``."""
    status = error.http_status or 0
    in_doubt = EffectUnknown if writing else BackendUnavailable
    match error:
        case stripe.APIConnectionError():
            name = type(error.__cause__).__name__
            if _nothing_sent(error):
                return BackendUnavailable(f"{what}: Stripe cannot be reached ({name})")
            return in_doubt(f"{what}: no answer from Stripe ({name})")
        case stripe.RateLimitError():
            seconds = _retry_after(error)
            return BackendUnavailable(_said(what, error), retry_after_seconds=seconds)
        case stripe.AuthenticationError():
            return BackendUnavailable(f"{what}: Stripe refuses the key: CLOSELOOP_STRIPE_API_KEY")
        case stripe.IdempotencyError():
            return BackendRefused(_said(what, error), code="idempotency_mismatch")
        case _ if 400 <= status < 500 and status != 409:
            return BackendRefused(_said(what, error), code=_code(error))
        case _:
            return in_doubt(_said(what, error))


def _code(error: stripe.StripeError) -> str:
    if error.code is None:
        # Stripe has no code for "greater than unrefunded amount", only the parameter's name.
        parameter: object = getattr(error, "param", None)
        if parameter == "amount":
            return "over_refund"
        return "permission_denied" if error.http_status == 403 else "invalid_request"
    return _CODES.get(error.code, clip(error.code, 80))


def _said(what: str, error: stripe.StripeError) -> str:
    words = clip(" ".join((error.user_message or "no words").split()), _SAID_CHARS)
    request = f", {clip(error.request_id, 80)}" if error.request_id else ""
    return f"{what}: {words} (Stripe: {error.http_status or 'no status'}{request})"


def _retry_after(error: stripe.StripeError) -> float | None:
    headers = error.headers or {}
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, MAX_RETRY_AFTER_SECONDS)


def _nothing_sent(error: stripe.APIConnectionError) -> bool:
    """Whether there never was a connection; anything doubtful is a no."""
    cause = error.__cause__
    if isinstance(cause, requests.exceptions.ConnectTimeout):
        return True
    if not isinstance(cause, requests.exceptions.ConnectionError) or not cause.args:
        return False
    # urllib3 keeps why it gave up in `reason`, and there what the system said: as the cause of a
    # failed connection, as an argument of a failed handshake.
    reason: object = getattr(cause.args[0], "reason", None)
    if not isinstance(reason, Exception):
        return False
    return any(isinstance(one, _NOTHING_SENT) for one in (reason.__cause__, *reason.args))
