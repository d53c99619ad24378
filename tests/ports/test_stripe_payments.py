"""The payments contract on Stripe's adapter and ``stripe-stateful-mock``, over real HTTP.

What that mock lacks, and what is therefore not shown here: PaymentIntents (and refunds by them);
search, and a list of disputes (our proxy answers both from what the mock shows otherwise); refunds
that are pending, fail later or need action; the lock on a key in use (409); forgetting keys after a
day; disputes that end; rate limits and errors on refunds (our proxy plans them); webhooks; API
versions after 2020-08-27; permissions.
PaymentIntents, errors, pages and statuses are in ``tests/unit/test_stripe_*``, against a server
that answers by a script. None of this has met Stripe itself.
"""

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from closeloop.adapters.stripe import StripePayments
from closeloop.errors import BackendRefused, BackendUnavailable, EffectUnknown
from tests.ports.small_shop import usd
from tests.ports.test_payments import PaymentsContract, World
from tests.support.stripe_mock import KEY, Fault, StripeMock, mock_or_skip

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def mock() -> Iterator[StripeMock]:
    with mock_or_skip() as running:
        yield running


@pytest.fixture
def world(mock: StripeMock) -> Iterator[World]:
    """Tenants of their own in the one account: a test sees nothing of the others."""
    name = uuid.uuid4().hex[:12]
    tenant, other = f"t-{name}", f"o-{name}"
    for each in (tenant, other):
        mock.charge(3200, order_id="#W1", tenant=each)
        mock.refund(mock.charge(4980, order_id="W4", tenant=each), 2490)
        mock.refund(mock.charge(2490, order_id="#W3", tenant=each), 2490)
    with closing(StripePayments(KEY, api_base=mock.url, timeouts=(5.0, 20.0))) as payments:
        yield World(
            payments=payments,
            tenant=tenant,
            other_tenant=other,
            no_such_order="no_payment",  # Stripe knows payments, not orders
        )


class TestStripePayments(PaymentsContract):
    """Everything that every payments port does."""

    def test_a_rate_limit_did_nothing(self, world: World, mock: StripeMock) -> None:
        mock.plan(Fault.TOO_MANY)
        with pytest.raises(BackendUnavailable) as limited:
            world.payments.refund(world.tenant, "k1", world.whole, usd(3200))
        assert limited.value.retry_after_seconds == 7.0
        assert world.payments.find_refund(world.tenant, "k1") is None
        made = world.payments.refund(world.tenant, "k1", world.whole, usd(3200))
        assert world.payments.list_refunds(world.tenant, world.whole) == (made,)

    @pytest.mark.parametrize(
        ("fault", "done"),
        [
            (Fault.ERROR_BEFORE, False),
            (Fault.ERROR_AFTER, True),
            (Fault.SILENT_BEFORE, False),
            (Fault.SILENT_AFTER, True),
            (Fault.CUT_AFTER, True),
        ],
    )
    def test_an_unknown_refund_is_found_by_reading(
        self, world: World, mock: StripeMock, fault: Fault, done: bool
    ) -> None:
        mock.plan(fault)
        before = mock.attempts()
        impatient = StripePayments(KEY, api_base=mock.url, timeouts=(5.0, 1.0))
        with closing(impatient), pytest.raises(EffectUnknown):
            impatient.refund(world.tenant, "k1", world.whole, usd(3200))
        assert mock.attempts() == before + 1, "the library repeats nothing by itself"
        found = world.payments.find_refund(world.tenant, "k1", order_id=world.whole)
        assert (found is not None) is done
        made = world.payments.refund(world.tenant, "k1", world.whole, usd(3200))
        assert found in (None, made)
        assert world.payments.list_refunds(world.tenant, world.whole) == (made,)
        assert mock.attempts() == before + (1 if done else 2)

    def test_what_is_on_record_is_not_asked_for_again(self, world: World, mock: StripeMock) -> None:
        """The record is the refund at Stripe: it outlasts both our process and Stripe's keys."""
        made = world.payments.refund(world.tenant, "k1", world.whole, usd(1000))
        before = mock.attempts()
        with closing(StripePayments(KEY, api_base=mock.url)) as again:
            assert again.refund(world.tenant, "k1", world.whole, usd(1000)) == made
        assert mock.attempts() == before

    @pytest.mark.parametrize(
        ("source", "code"),
        [("tok_createDispute", "charge_disputed"), ("tok_createDisputeInquiry", None)],
    )
    def test_a_disputed_charge_is_refused_by_stripe(
        self, world: World, mock: StripeMock, source: str, code: str | None
    ) -> None:
        mock.charge(5000, source=source, order_id="#W8", tenant=world.tenant)
        [dispute] = world.payments.list_disputes(world.tenant, "#W8")
        assert (dispute.amount, dispute.status) == (usd(5000), "open")
        assert world.payments.list_disputes(world.other_tenant, "#W8") == ()
        if code is None:
            assert world.payments.refund(world.tenant, "k1", "#W8", usd(5000)).amount == usd(5000)
            return
        with pytest.raises(BackendRefused) as refusal:
            world.payments.refund(world.tenant, "k1", "#W8", usd(5000))
        assert refusal.value.code == code

    def test_two_payments_are_given_back_one_by_one(self, world: World, mock: StripeMock) -> None:
        for amount in (3000, 5550):
            mock.charge(amount, order_id="#W2", tenant=world.tenant)
        with pytest.raises(BackendRefused) as refusal:
            world.payments.refund(world.tenant, "k1", "#W2", usd(5551))
        assert refusal.value.code == "split_needed"
        world.payments.refund(world.tenant, "k2", "#W2", usd(5550))
        world.payments.refund(world.tenant, "k3", "#W2", usd(3000))
        with pytest.raises(BackendRefused) as refusal:
            world.payments.refund(world.tenant, "k4", "#W2", usd(1))
        assert refusal.value.code == "over_refund"

    def test_a_very_long_key_is_a_key(self, world: World) -> None:
        key = "k" * 400
        made = world.payments.refund(world.tenant, key, world.whole, usd(100))
        assert made.key == key
        assert world.payments.find_refund(world.tenant, key) == made
