"""What the tests of the store share: a clock set by hand, steps, views, and claims from afar."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from closeloop.errors import BackendRefused
from closeloop.models.approval import ApprovalOutcome
from closeloop.models.base import Money
from closeloop.models.policy import MoneyLimit
from closeloop.models.proposal import Action, Receipt
from closeloop.models.state import TicketState
from closeloop.models.steps import ExecuteAction
from closeloop.models.ticket import Status, Ticket
from closeloop.models.triage import Classification
from closeloop.models.view import TicketView, snapshot_view
from closeloop.store.effects import find, put
from closeloop.store.engine import open_database, utc_now, writing
from closeloop.store.ledger import SqlLedger
from closeloop.store.limits import Limits
from closeloop.store.schema import EffectState

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TENANT = "shop"


class Clock:
    """A clock that only moves when told."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def by_day(customer: int, tenant: int) -> Limits:
    """Return limits on the days of a customer and of the tenant, which nobody may let be passed."""
    limits = (
        MoneyLimit(rule_id="customer's day", measure="customer_day", at_most=customer),
        MoneyLimit(rule_id="tenant's day", measure="tenant_day", at_most=tenant),
    )
    return lambda _tenant: limits


def step(
    effect_id: str,
    components: Sequence[str] = (),
    minor: int | None = None,
    *,
    tenant: str = TENANT,
    ticket: str = "T1",
    action: str = "a1",
    customer: str | None = "ann",
    request: str | None = None,
    scopes: Sequence[str] = (),
    approver: str | None = None,
) -> ExecuteAction:
    """Return a step that refunds ``minor`` for ``components``; None moves no money."""
    return ExecuteAction(
        tenant=tenant,
        ticket_id=ticket,
        action=Action(action_id=action, kind="refund_payment", params={"order_id": "#W1"}),
        customer_id=customer,
        effect_id=effect_id,
        components=dict.fromkeys(components, 100),
        scopes=tuple(scopes),
        approved_by=approver,
        amount=None if minor is None else Money(amount_minor=minor),
        request_id=request,
    )


def receipt(receipt_id: str = "r1", minor: int | None = None, at: datetime = NOON) -> Receipt:
    amount = None if minor is None else Money(amount_minor=minor)
    return Receipt(receipt_id=receipt_id, summary="refunded", amount=amount, at=at)


def view(
    ticket_id: str = "T1",
    *,
    tenant: str = TENANT,
    status: Status = Status.WORKING,
    opened: int = 0,
    outcomes: tuple[ApprovalOutcome, ...] = (),
) -> TicketView:
    """Return the view of a ticket opened ``opened`` hours after noon."""
    ticket = {
        "ticket_id": ticket_id,
        "tenant": tenant,
        "customer": {"email": "ann@example.com"},
        "subject": f"Where is my refund, {ticket_id}?",
        "body": "It never came.",
        "received_at": NOON,
    }
    state = TicketState(
        ticket=Ticket.model_validate(ticket),
        opened_at=NOON + timedelta(hours=opened),
        status=status,
        classification=Classification(intent="refund", priority="high", confidence=0.9),
        approvals=outcomes,
    )
    return snapshot_view(state)


def refused(code: str) -> pytest.RaisesExc[BackendRefused]:
    return pytest.RaisesExc(BackendRefused, check=lambda error: error.code == code)


def state_of(ledger: SqlLedger, effect_id: str) -> str | None:
    return ledger.lookup(TENANT, effect_id, {}).state


def attempt(ledger: SqlLedger, claim: ExecuteAction) -> str:
    """Begin a step; return the state it was in, or the code of the refusal."""
    try:
        return str(ledger.begin(claim.tenant, claim, NOON).state)
    except BackendRefused as refusal:
        return refusal.code


def attempt_all_at_once(ledger: SqlLedger, claims: Sequence[ExecuteAction]) -> list[str]:
    """Begin all steps at the same moment, each in a thread of its own."""
    start = threading.Barrier(len(claims))

    def one(claim: ExecuteAction) -> str:
        start.wait(30)
        return attempt(ledger, claim)

    with ThreadPoolExecutor(len(claims)) as threads:
        return list(threads.map(one, claims))


def attempt_in_process(
    url: str,
    claims: Sequence[ExecuteAction],
    start: Barrier,
    answers: Queue[list[str]],
    each_card: int = 5_000,
) -> None:
    """What a process of its own does: open the database, wait for the others, claim."""
    engine = open_database(url)
    card = MoneyLimit(rule_id="card", measure="instrument", at_most=each_card)
    ledger = SqlLedger(engine, lambda tenant: (*by_day(5_000, 5_000)(tenant), card))
    start.wait(60)
    answers.put(attempt_all_at_once(ledger, claims))
    engine.dispose()


def stop_in_the_middle(url: str, ready: Queue[bool]) -> None:
    """What a process does that will be killed: write, and never come to the commit."""
    engine = open_database(url)
    claim = step("refund:#W1:all", ["#W1/shipping"], 100)
    with writing(engine) as connection:
        put(
            connection,
            TENANT,
            claim,
            utc_now(),
            EffectState.EXECUTING,
            claims=claim.components,
            values={"day": NOON.date()},
        )
        ready.put(find(connection, TENANT, claim.effect_id) is not None)
        time.sleep(120)
