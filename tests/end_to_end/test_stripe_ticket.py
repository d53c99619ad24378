"""Tickets with their money at ``stripe-stateful-mock``; ``tests/ports`` says what it lacks."""

import dataclasses
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from closeloop.adapters.stripe import StripePayments
from tests.support.desk import build_services, running_desk
from tests.support.scripted import ScriptedResolver, refund
from tests.support.servers import time_skipping
from tests.support.stripe_mock import KEY, Fault, StripeMock, mock_or_skip

pytestmark = pytest.mark.real


@pytest.fixture
def mock() -> Iterator[StripeMock]:
    """A mock of its own for each ticket, for its order is the example shop's."""
    with mock_or_skip() as running:
        yield running


@pytest.mark.parametrize(
    ("faults", "asked"),
    [
        ((), 1),
        ((Fault.TOO_MANY, Fault.ERROR_BEFORE), 3),
        ((Fault.CUT_AFTER,), 1),
        ((Fault.SILENT_AFTER,), 1),
        ((Fault.TOO_MANY, Fault.ERROR_AFTER), 2),
    ],
    ids=str,
)
async def test_a_refund_is_made_once_whatever_the_gateway_does(
    tmp_path: Path, mock: StripeMock, faults: tuple[Fault, ...], asked: int
) -> None:
    gateway = StripePayments(KEY, api_base=mock.url, timeouts=(5.0, 3.0))
    ticket_id = f"T-{uuid.uuid4().hex[:8]}"
    charge = mock.charge(2490, order_id="#W1001")
    built = build_services(tmp_path, resolver=ScriptedResolver(refund("#W1001")))
    services = dataclasses.replace(built, gateway=gateway)
    mock.plan(*faults)
    async with time_skipping() as env, running_desk(env.client, services) as desk:
        with env.auto_time_skipping_disabled():
            handle = await desk.open(
                "Please refund order #W1001, the mug.",
                email="nora.whitfield@example.com",
                ticket_id=ticket_id,
            )
        outcome = await handle.result()
    assert [money.amount_minor for money in outcome.refunded] == [2490]
    assert outcome.closure == "verified_quiet"
    with closing(gateway):
        [made] = gateway.list_refunds("default", "#W1001")
    assert made.key == "default:refund:#W1001:all"
    assert mock.attempts() == asked
    assert mock.refunds(charge) == [(2490, ticket_id)]
    assert desk.refunds("#W1001") == (), "the embedded payments are not asked"
    services.engine.dispose()
    services.backends.close()
