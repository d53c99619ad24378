"""Stripe's adapter against scripted answers: what the mock of ``tests/ports`` cannot show."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from closeloop.adapters import stripe as adapter
from closeloop.adapters.stripe import StripePayments
from closeloop.bootstrap import build_services, open_gateway
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.embedded.beside import GatewayBesideShop, ShopBesideGateway
from closeloop.errors import BackendRefused, ConfigurationError, EffectUnknown
from closeloop.models.base import MAX_SAFE_MINOR, Money
from closeloop.settings import Settings
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.stripe_support import (
    CREATED,
    KEY,
    REFUND,
    REFUNDS,
    SEARCH,
    charge,
    found,
    listed,
    ours,
    refund,
    stripe_server,
)

Pair = tuple[ScriptedServer, StripePayments]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with stripe_server() as made:
        yield made


def usd(minor: int) -> Money:
    return Money(amount_minor=minor)


def refusal(payments: StripePayments, amount: Money) -> BackendRefused:
    with pytest.raises(BackendRefused) as raised:
        payments.refund("default", "k1", "#W1", amount)
    return raised.value


# ----------------------------------------------------------------------- which payments are whose


def test_the_search_names_the_order_both_ways(pair: Pair) -> None:
    server, payments = pair
    for order_id in ("#W1", "W1"):
        [payment] = payments.list_payments("default", order_id)
        assert (payment.payment_id, payment.order_id, payment.method_id) == ("ch_1", "#W1", "pm_1")
    for request in server.of(SEARCH):
        assert request.fields["query"] == 'metadata["order_id"]:"W1" OR metadata["order_id"]:"#W1"'
        assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("order_id", ["", '"', 'W1" OR status:"succeeded', "W" * 42, "W 1", "#"])
def test_what_cannot_be_an_order_is_never_part_of_a_query(pair: Pair, order_id: str) -> None:
    server, payments = pair
    assert payments.list_payments("default", order_id) == ()
    assert payments.list_refunds("default", order_id) == ()
    with pytest.raises(BackendRefused) as refused:
        payments.refund("default", "k1", order_id, usd(100))
    assert refused.value.code == "no_payment"
    assert server.requests == []


@pytest.mark.parametrize(
    "other",
    [
        {"status": "failed"},
        {"status": "pending"},
        {"captured": False},
        {"metadata": {}},
        {"metadata": None},
        {"metadata": {"order_id": "#w1"}},  # Stripe's search ignores case
        {"metadata": {"order_id": "#W1", "tenant": "acme"}},
    ],
)
def test_other_charges_are_left_alone(pair: Pair, other: dict[str, Any]) -> None:
    server, payments = pair
    server.always(SEARCH, found(charge(**other)))
    assert payments.list_payments("default", "#W1") == ()
    assert refusal(payments, usd(100)).code == "no_payment"
    assert server.of(REFUND) == []


def test_a_tenant_has_its_own_charges(pair: Pair) -> None:
    server, payments = pair
    theirs = charge("ch_2", 100, metadata={"order_id": "W1", "tenant": "acme"})
    server.always(SEARCH, found(charge(), theirs))
    assert [p.payment_id for p in payments.list_payments("acme", "W1")] == ["ch_2"]
    assert [p.payment_id for p in payments.list_payments("default", "W1")] == ["ch_1"]


def test_only_what_was_captured_was_paid(pair: Pair) -> None:
    server, payments = pair
    server.always(SEARCH, found(charge(amount_captured=1000)))
    assert [p.amount for p in payments.list_payments("default", "#W1")] == [usd(1000)]
    assert refusal(payments, usd(1001)).code == "over_refund"


def test_all_pages_are_read(pair: Pair) -> None:
    server, payments = pair
    server.plan(
        REFUNDS, listed(refund("re_2"), more=True), listed(refund("re_1", metadata=ours("k1")))
    )
    assert len(payments.list_refunds("default", "#W1")) == 2
    assert [r.fields.get("starting_after") for r in server.of(REFUNDS)] == [None, "re_2"]


# --------------------------------------------------------------------------------- giving back


def test_a_refund_bears_the_ledgers_key_twice(pair: Pair) -> None:
    server, payments = pair
    key = "default:refund:#W1:all"
    server.plan(REFUND, Answer(200, refund(amount=3200, metadata=ours(key))))
    made = payments.refund("default", key, "#W1", usd(3200), ticket_id="T-1")
    assert (made.refund_id, made.key, made.order_id) == ("re_1", key, "#W1")
    [asked] = server.of(REFUND)
    assert asked.headers["idempotency-key"] == f"closeloop:default:{key}"
    assert asked.fields == {
        "amount": "3200",
        "charge": "ch_1",
        "metadata[closeloop_key]": key,
        "metadata[closeloop_tenant]": "default",
        "metadata[closeloop_order]": "#W1",
        "metadata[closeloop_ticket]": "T-1",
    }


def test_a_payment_intent_is_given_back_by_its_own_id(pair: Pair) -> None:
    server, payments = pair
    server.always(SEARCH, found(charge(payment_intent="pi_7")))
    server.plan(REFUND, Answer(200, refund(payment_intent="pi_7", metadata=ours())))
    [payment] = payments.list_payments("default", "#W1")
    assert payment.payment_id == "pi_7"
    assert payments.refund("default", "k1", "#W1", usd(1000)).amount == usd(1000)
    [asked] = server.of(REFUND)
    assert asked.fields["payment_intent"] == "pi_7"
    assert "charge" not in asked.fields
    assert [r.fields.get("payment_intent") for r in server.of(REFUNDS)] == ["pi_7"]


@pytest.mark.parametrize("key", ["k" * 300, "kä"])
def test_a_key_that_no_header_takes_is_hashed(pair: Pair, key: str) -> None:
    server, payments = pair
    server.plan(REFUND, Answer(200, refund(metadata=ours(key))))
    payments.refund("default", key, "#W1", usd(1000))
    [asked] = server.of(REFUND)
    digest = hashlib.sha256(f"closeloop:default:{key}".encode()).hexdigest()
    assert asked.headers["idempotency-key"] == f"closeloop:{digest}"
    assert asked.fields["metadata[closeloop_key]"] == key


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("succeeded", "succeeded"),
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("something_new", "pending"),
        (None, "pending"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_what_a_refund_stands_at(pair: Pair, status: str | None, means: str) -> None:
    server, payments = pair
    server.always(REFUNDS, listed(refund(status=status, metadata=ours())))
    [record] = payments.list_refunds("default", "#W1")
    assert record.status == means
    assert payments.find_refund("default", "k1", order_id="#W1") == record
    assert payments.find_refund("default", "k1") == record


def test_a_refund_that_failed_gives_its_money_free_and_its_key_not(pair: Pair) -> None:
    server, payments = pair
    failed = refund(amount=3200, status="failed", failure_reason="lost_or_stolen_card")
    server.always(REFUNDS, listed({**failed, "metadata": ours()}))
    error = refusal(payments, usd(3200))
    assert error.code == "refund_failed"
    assert "lost_or_stolen_card" in str(error)
    server.plan(REFUND, Answer(200, refund("re_2", 3200, metadata=ours("k2"))))
    assert payments.refund("default", "k2", "#W1", usd(3200)).refund_id == "re_2"


def test_a_key_is_looked_for_in_the_whole_account_but_not_for_ever(pair: Pair) -> None:
    server, payments = pair
    many = [refund(f"re_{n}") for n in range(adapter.MAX_SCANNED // 100)]
    server.always(REFUNDS, listed(*many, more=True))
    with pytest.raises(BackendRefused) as refused:
        payments.find_refund("default", "k1")
    assert refused.value.code == "too_many_refunds"


# -------------------------------------------------------------------------------------- disputes


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("needs_response", "open"),
        ("under_review", "open"),
        ("warning_needs_response", "open"),
        ("something_new", "open"),
        ("won", "won"),
        ("warning_closed", "won"),
        ("prevented", "won"),
        ("lost", "lost"),
    ],
)
def test_what_a_dispute_stands_at(pair: Pair, status: str, means: str) -> None:
    server, payments = pair
    dispute = {"id": "dp_1", "object": "dispute", "amount": 3200, "currency": "usd"}
    answer = listed({**dispute, "created": CREATED, "status": status})
    server.always("GET /v1/disputes", answer)
    [record] = payments.list_disputes("default", "W1")
    assert (record.dispute_id, record.order_id, record.status) == ("dp_1", "#W1", means)
    assert record.amount == usd(3200)
    server.always(SEARCH, found(charge(payment_intent="pi_7")))
    assert len(payments.list_disputes("default", "#W1")) == 1
    asked = [request.fields for request in server.of("GET /v1/disputes")]
    assert [a.get("charge") for a in asked] == ["ch_1", None]
    assert [a.get("payment_intent") for a in asked] == [None, "pi_7"]


# ------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("minor", [10.5, 10.0, "1000", True, MAX_SAFE_MINOR + 1])
def test_an_amount_that_is_not_whole_cents_cannot_be_asked_for(minor: Any) -> None:
    with pytest.raises(ValidationError, match="amount_minor"):
        Money(amount_minor=minor)


@pytest.mark.parametrize("amount", [10.5, "1000", None, -1, True, MAX_SAFE_MINOR + 1])
def test_an_amount_of_stripes_that_is_not_whole_cents_names_the_field(
    pair: Pair, amount: Any
) -> None:
    server, payments = pair
    server.plan(SEARCH, found(charge(amount=amount)))
    with pytest.raises(BackendRefused, match="ch_1 has a wrong amount_captured") as refused:
        payments.list_payments("default", "#W1")
    assert refused.value.code == "bad_answer"
    server.always(REFUNDS, listed(refund(amount=amount)))
    with pytest.raises(BackendRefused, match="re_1 has a wrong amount"):
        payments.list_refunds("default", "#W1")
    assert refusal(payments, usd(100)).code == "bad_answer"
    assert server.of(REFUND) == []


@pytest.mark.parametrize(
    "answer", [{}, {"id": "re_1"}, refund(amount=10.5), refund(amount=1), refund(currency="eur")]
)
def test_an_unexpected_answer_to_a_write_has_to_be_read(pair: Pair, answer: dict[str, Any]) -> None:
    server, payments = pair
    server.plan(REFUND, Answer(200, answer))
    with pytest.raises(EffectUnknown):
        payments.refund("default", "k1", "#W1", usd(1000))


@pytest.mark.parametrize("currency", ["jpy", "JPY", "kwd", "ugx"])
def test_a_currency_without_hundredths_is_refused_by_name(pair: Pair, currency: str) -> None:
    server, payments = pair
    server.always(SEARCH, found(charge(currency=currency)))
    with pytest.raises(BackendRefused, match=currency.upper()) as refused:
        payments.list_payments("default", "#W1")
    assert refused.value.code == "currency_not_supported"
    error = refusal(payments, Money(amount_minor=100, currency=currency.upper()))
    assert error.code == "currency_not_supported"
    assert server.of(REFUND) == []


def test_another_currency_is_refused_and_mixed_ones_too(pair: Pair) -> None:
    server, payments = pair
    assert refusal(payments, Money(amount_minor=100, currency="EUR")).code == "currency_mismatch"
    server.always(SEARCH, found(charge(), charge("ch_2", currency="eur")))
    error = refusal(payments, usd(100))
    assert error.code == "currency_mismatch"
    assert "EUR, USD" in str(error)
    assert server.of(REFUND) == []


# --------------------------------------------------------------------------------------- settings


def test_the_settings_choose(tmp_path: Path) -> None:
    assert open_gateway(Settings(state_dir=tmp_path)) is None
    chosen = open_gateway(Settings(payments="stripe", stripe_api_key=SecretStr(KEY)))
    assert isinstance(chosen, StripePayments)


def test_the_shop_beside_stripe_gives_no_money_back_in_its_own_books(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, payments="stripe", stripe_api_key=SecretStr(KEY))
    services = build_services(settings)
    with services.backends as backends:
        assert services.payments is not backends.payments
        shop = backends.shop
        before = backends.export()
        for call in (
            lambda: shop.cancel_order("default", "k1", "#W1002", "no longer needed"),
            lambda: shop.modify_order_items("default", "k1", "#W1002", ["1"], ["2"], "card"),
            lambda: shop.modify_order_payment("default", "k1", "#W1002", "card"),
        ):
            with pytest.raises(BackendRefused) as refused:
                call()
            assert refused.value.code == "money_elsewhere"
        assert backends.export() == before
    services.engine.dispose()


def test_the_shops_credit_counts_beside_the_gateways_books(tmp_path: Path) -> None:
    with EmbeddedBackends(tmp_path / "backends.db") as backends:
        shop = ShopBesideGateway(backends.shop.database, backends.faults, backends.payments)
        gateway = GatewayBesideShop(StripePayments(KEY), backends.payments)
        # More than the shop's own books say was paid: they are not where the money is.
        credit = shop.issue_store_credit("default", "k1", "#W1001", Money(amount_minor=900_000))
        assert [c.amount for c in gateway.list_credits("default", "#W1001")] == [credit.amount]


def test_a_missing_key_names_its_variable_before_anything_is_made(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "state", payments="stripe")
    with pytest.raises(ConfigurationError, match="CLOSELOOP_STRIPE_API_KEY is not set"):
        build_services(settings)
    assert not (tmp_path / "state").exists()
