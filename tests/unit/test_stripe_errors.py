"""Every error class of the ``stripe`` library, by real HTTP, for reading and for writing."""

import inspect
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from closeloop.adapters.stripe import StripePayments
from closeloop.adapters.stripe_errors import MAX_RETRY_AFTER_SECONDS, translate
from closeloop.errors import BackendError, BackendRefused, BackendUnavailable, EffectUnknown
from closeloop.models.base import Money
from tests.support.scripted_http import Answer, Cut, Reply, ScriptedServer, Silence
from tests.unit.stripe_support import KEY, REFUND, SEARCH, problem, stripe_server

USD = Money(amount_minor=3200)
Pair = tuple[ScriptedServer, StripePayments]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with stripe_server() as made:
        yield made


def write(pair: Pair, reply: Reply) -> BackendError:
    """Return what a refund raises that is answered so."""
    server, payments = pair
    server.requests.clear()
    server.plan(REFUND, reply)
    with pytest.raises(BackendError) as raised:
        payments.refund("default", "k1", "#W1", USD)
    assert len(server.of(REFUND)) == 1, "the library repeats nothing by itself"
    return raised.value


def read(pair: Pair, reply: Reply) -> BackendError:
    """Return what a read raises that is answered so."""
    server, payments = pair
    server.requests.clear()
    server.plan(SEARCH, reply)
    with pytest.raises(BackendError) as raised:
        payments.list_payments("default", "#W1")
    assert len(server.of(SEARCH)) == 1
    return raised.value


REFUSED = [
    (problem(400, type="idempotency_error"), "idempotency_mismatch"),
    (problem(400, code="charge_already_refunded"), "over_refund"),
    (problem(400, param="amount", message="greater than unrefunded amount"), "over_refund"),
    (problem(400, code="charge_disputed"), "charge_disputed"),
    (problem(404, code="resource_missing"), "no_payment"),
    (problem(400), "invalid_request"),
    (problem(402, type="card_error", code="expired_card"), "expired_card"),
    (problem(403), "permission_denied"),
    (Answer(400, {"error": "invalid_client"}), "invalid_client"),  # an error of OAuth
]


@pytest.mark.parametrize(("reply", "code"), REFUSED)
def test_a_no_of_stripe_is_a_refusal(pair: Pair, reply: Answer, code: str) -> None:
    for error in (write(pair, reply), read(pair, reply)):
        assert isinstance(error, BackendRefused)
        assert error.code == code


@pytest.mark.parametrize(
    "reply",
    [
        problem(500, type="api_error"),
        problem(503, type="api_error"),
        problem(409, code="idempotency_key_in_use"),
        Answer(502, b"<html>bad gateway</html>"),
        Answer(200, b"<html>hello</html>"),
        Silence(),
        Cut(),
    ],
)
def test_a_write_without_a_clear_answer_is_unknown(pair: Pair, reply: Reply) -> None:
    assert isinstance(write(pair, reply), EffectUnknown)
    error = read(pair, reply)
    assert isinstance(error, BackendUnavailable)
    assert error.retry_after_seconds is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("999999", MAX_RETRY_AFTER_SECONDS),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        (None, None),
    ],
)
def test_a_rate_limit_did_nothing(pair: Pair, header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"Retry-After": header}
    for reply in (problem(429, headers), problem(400, headers, code="rate_limit")):
        for error in (write(pair, reply), read(pair, reply)):
            assert isinstance(error, BackendUnavailable)
            assert error.retry_after_seconds == seconds


def test_a_refused_key_waits_for_the_operator_and_is_never_repeated(pair: Pair) -> None:
    reply = problem(401, message=f"Invalid API Key provided: {KEY[:11]}*****ret")
    for error in (write(pair, reply), read(pair, reply)):
        assert isinstance(error, BackendUnavailable)
        assert str(error).endswith(": Stripe refuses the key: CLOSELOOP_STRIPE_API_KEY")
        assert error.__cause__ is None


def test_what_cannot_be_reached_was_not_asked() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        payments = StripePayments(KEY, api_base=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(BackendUnavailable, match="cannot be reached"):
            payments.refund("default", "k1", "#W1", USD)


def test_messages_are_bounded_and_name_the_call_and_the_request(pair: Pair) -> None:
    error = write(pair, problem(400, message="long " * 500))
    assert len(str(error)) < 500
    assert "ch_1" in str(error)
    assert "req_1" in str(error)


def error_classes() -> list[type[stripe.StripeError]]:
    """Return every class that the installed library can raise."""
    found: list[type[stripe.StripeError]] = []
    waiting: list[type[stripe.StripeError]] = [stripe.StripeError]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting.extend(one.__subclasses__())
    return found


def made(kind: type[stripe.StripeError], status: int | None) -> stripe.StripeError:
    """Return an instance; the classes differ in what they have to be given."""
    needed: dict[str, Any] = {
        name: "x"
        for name, parameter in inspect.signature(kind.__init__).parameters.items()
        if parameter.default is inspect.Parameter.empty and name != "self"
    }
    error = kind(**needed)
    error.http_status = status
    return error


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_no_class_is_left_out(kind: type[stripe.StripeError]) -> None:
    """Whatever the library adds: a write is refused only on a clear no."""
    for status in (None, 200, 409, 500, 503):
        error = translate(made(kind, status), "a refund", writing=True)
        if not isinstance(error, EffectUnknown):
            assert kind in (
                stripe.RateLimitError,
                stripe.AuthenticationError,
                stripe.IdempotencyError,
            )
    for status in (400, 402, 403, 404, 422):
        error = translate(made(kind, status), "a refund", writing=True)
        if issubclass(kind, stripe.APIConnectionError):
            assert isinstance(error, EffectUnknown)
        elif kind not in (stripe.RateLimitError, stripe.AuthenticationError):
            assert isinstance(error, BackendRefused)


@given(
    status=st.integers(100, 599),
    kind=st.sampled_from([stripe.APIError, stripe.InvalidRequestError, stripe.CardError]),
)
def test_a_write_is_never_called_undone_above_400(
    status: int, kind: type[stripe.StripeError]
) -> None:
    error = translate(made(kind, status), "a refund", writing=True)
    assert isinstance(error, BackendRefused) == (400 <= status < 500 and status != 409)
    assert isinstance(error, EffectUnknown) != isinstance(error, BackendRefused)


def test_a_timeout_takes_no_longer_than_it_may(pair: Pair) -> None:
    began = time.monotonic()
    assert isinstance(write(pair, Silence()), EffectUnknown)
    assert time.monotonic() - began < 5.0
