"""Webhooks of Stripe: what is genuine, what it means, and what is refused."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from closeloop.adapters.stripe_webhook import (
    MAX_PAYLOAD_BYTES,
    TOLERANCE,
    read_webhook,
)
from closeloop.errors import BadInput, Refused
from closeloop.models.approval import BackendEvent
from closeloop.models.hints import BackendHint, IgnoredEvent

SECRET = "whsec_test"
NOW = datetime(2027, 3, 4, 10, 15, tzinfo=UTC)
OURS = {
    "closeloop_key": "default:refund:#W1:all",
    "closeloop_tenant": "default",
    "closeloop_ticket": "T-1~2",
}


def event(
    kind: str = "refund.updated", *, status: Any = "succeeded", **changes: Any
) -> dict[str, Any]:
    """Return an event about a refund of ours."""
    refund = {"id": "re_1", "object": "refund", "status": status, "metadata": OURS, "amount": 3200}
    return {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "created": int(NOW.timestamp()),
        "data": {"object": {**refund, **changes}},
    }


def body(content: object) -> bytes:
    return json.dumps(content).encode()


def signed(payload: bytes, *, at: datetime = NOW, secret: str = SECRET) -> str:
    """Return the header as Stripe's own library writes it."""
    return stripe.WebhookSignature.generate_signature_header(
        payload.decode(), secret, timestamp=int(at.timestamp())
    )


def take(content: object, **changes: Any) -> BackendHint | IgnoredEvent:
    payload = body(content)
    return read_webhook(payload, signed(payload, **changes), [SECRET], NOW)


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
@pytest.mark.parametrize(
    ("status", "means"),
    [("succeeded", "refund.settled"), ("failed", "refund.failed"), ("canceled", "refund.failed")],
)
def test_a_refund_that_moved_is_a_hint_to_its_ticket(kind: str, status: str, means: str) -> None:
    hint = take(event(kind, status=status))
    assert isinstance(hint, BackendHint)
    assert hint.event == BackendEvent(event_id="evt_1", kind=means, effect_id="refund:#W1:all")
    assert (hint.tenant, hint.ticket_id, hint.reference) == ("default", "T-1~2", "re_1")


def test_the_same_delivery_twice_is_the_same_hint() -> None:
    first = take(event())
    again = take(event(), at=NOW + timedelta(seconds=90))  # Stripe signs each delivery anew
    assert first == again


@pytest.mark.parametrize(
    "kind", ["charge.refunded", "payout.paid", "", "refund.updated.v9", "x" * 999]
)
def test_an_unknown_type_is_ignored(kind: str) -> None:
    ignored = take({"id": "evt_1", "object": "event", "type": kind, "data": {"object": [1]}})
    assert isinstance(ignored, IgnoredEvent)
    assert (ignored.event_id, ignored.why) == ("evt_1", "type")
    assert len(ignored.type) <= 80


@pytest.mark.parametrize("status", ["pending", "requires_action", "something_new", None])
def test_what_has_not_settled_is_ignored(status: str | None) -> None:
    ignored = take(event(status=status))
    assert isinstance(ignored, IgnoredEvent)
    assert ignored.why == "pending"


@pytest.mark.parametrize(
    "metadata", [None, {}, {"closeloop_key": "default:x"}, {"closeloop_ticket": "T-1"}]
)
def test_somebody_elses_refund_is_ignored(metadata: dict[str, str] | None) -> None:
    ignored = take(event(metadata=metadata))
    assert isinstance(ignored, IgnoredEvent)
    assert ignored.why == "not_ours"


# ------------------------------------------------------------------------------------ signatures


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=abc",
        "t=,v1=",
        "t=soon,v1=abc",
        "nonsense",
        "=",
        ",,,",
        f"t={int(NOW.timestamp())},v1={'0' * 64}",
        f"t={'9' * 5000},v1=abc",
        "t=1,v1=ü",
    ],
)
def test_a_wrong_signature_is_refused(header: str) -> None:
    with pytest.raises(Refused) as refused:
        read_webhook(body(event()), header, [SECRET], NOW)
    assert refused.value.code == "bad_signature"


def test_a_changed_body_another_secret_and_no_secret_are_refused() -> None:
    payload = body(event())
    changed = payload.replace(b"T-1", b"T-2")
    for given_payload, secrets in [(changed, [SECRET]), (payload, ["whsec_other"]), (payload, [])]:
        with pytest.raises(Refused) as refused:
            read_webhook(given_payload, signed(payload), secrets, NOW)
        assert refused.value.code == "bad_signature"
    with pytest.raises(Refused):
        read_webhook(payload, signed(payload, secret=" "), [" ", ""], NOW)


def test_an_older_scheme_alone_is_refused() -> None:
    payload = body(event())
    with pytest.raises(Refused) as refused:
        read_webhook(payload, signed(payload).replace("v1=", "v0="), [SECRET], NOW)
    assert refused.value.code == "bad_signature"


def test_both_secrets_count_while_one_is_rolled() -> None:
    payload = body(event())
    for secret in ("whsec_old", SECRET):
        hint = read_webhook(payload, signed(payload, secret=secret), ["whsec_old", SECRET], NOW)
        assert isinstance(hint, BackendHint)


@pytest.mark.parametrize("away", [-1, 1])
def test_an_old_or_early_time_is_refused(away: int) -> None:
    assert isinstance(take(event(), at=NOW + away * TOLERANCE), BackendHint)
    with pytest.raises(Refused, match="300 s are tolerated") as refused:
        take(event(), at=NOW + away * (TOLERANCE + timedelta(seconds=1)))
    assert refused.value.code == "outside_tolerance"


@pytest.mark.parametrize("seconds", [10**400, 10**12, -(10**400)])
def test_a_signed_time_that_is_none_is_bad_input(seconds: int) -> None:
    payload = body(event())
    header = stripe.WebhookSignature.generate_signature_header(
        payload.decode(), SECRET, timestamp=seconds
    )
    with pytest.raises(BadInput) as bad:
        read_webhook(payload, header, [SECRET], NOW)
    assert bad.value.field == "Stripe-Signature"


def test_an_old_time_cannot_be_written_over() -> None:
    """The time is part of what is signed; a second one before it does not help."""
    payload = body(event())
    old = signed(payload, at=NOW - timedelta(days=1))
    fresh = f"t={int(NOW.timestamp())}"
    for header in (f"{fresh},{old}", old.replace(old.split(",")[0], fresh), f"{old},{fresh}"):
        with pytest.raises(Refused):
            read_webhook(payload, header, [SECRET], NOW)


# ------------------------------------------------------------------------------- genuine, but wrong


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ([], "payload"),
        ({}, "id"),
        ({"id": "evt_1", "object": "charge", "type": "refund.updated"}, "object"),
        ({"id": 7, "object": "event", "type": "refund.updated"}, "id"),
        ({"id": "evt_1", "object": "event", "type": "refund.updated"}, "data"),
        (event(object="charge"), "data.object.object"),
        (event(status=7), "data.object.status"),
        (event(metadata=["x"]), "data.object.metadata"),
        (event(metadata={**OURS, "closeloop_key": 7}), "data.object.metadata.closeloop_key"),
        (event(metadata={**OURS, "closeloop_key": "refund"}), "key"),
        (event(metadata={**OURS, "closeloop_key": "a b:refund"}), "tenant"),
        (event(metadata={**OURS, "closeloop_key": "default:" + "x" * 201}), "effect_id"),
        (event(metadata={**OURS, "closeloop_ticket": "T 1"}), "ticket_id"),
        ({**event(), "id": "evt 1"}, "event_id"),
    ],
)
def test_a_malformed_event_names_the_field(content: object, field: str) -> None:
    with pytest.raises(BadInput) as wrong:
        take(content)
    assert wrong.value.field == field


@pytest.mark.parametrize("payload", [b"", b"{", b"null", b'{"id":', b"\xff\xfe"])
def test_what_is_no_json_is_bad_input_or_not_signed(payload: bytes) -> None:
    header = signed(payload) if payload.isascii() else signed(b"x")
    with pytest.raises((BadInput, Refused)):
        read_webhook(payload, header, [SECRET], NOW)


def test_a_body_without_end_is_not_read() -> None:
    with pytest.raises(BadInput, match="bytes"):
        read_webhook(b" " * (MAX_PAYLOAD_BYTES + 1), "t=1,v1=a", [SECRET], NOW)


@given(payload=st.binary(max_size=200), header=st.text(max_size=100))
def test_nothing_unsigned_gets_through(payload: bytes, header: str) -> None:
    with pytest.raises(Refused):
        read_webhook(payload, header, [SECRET], NOW)


@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "object", "type", "data", "status", "metadata"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )
)
def test_whatever_is_signed_is_read_ignored_or_named(content: object) -> None:
    with suppress(BadInput):
        assert isinstance(take(content), IgnoredEvent)
