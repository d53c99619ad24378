"""Holds: one call of a port stops until the test lets it go."""

import asyncio
import threading

from closeloop.bootstrap import Services
from closeloop.embedded.crm import EmbeddedCrm
from closeloop.embedded.outbox import EmbeddedOutbox
from closeloop.embedded.payments import EmbeddedPayments
from closeloop.embedded.shop import EmbeddedShop
from closeloop.models.base import Money
from closeloop.models.handover import HandOverPack
from closeloop.models.proposal import Proposal, ProposeRequest
from closeloop.models.records import (
    EscalationRecord,
    NoteRecord,
    OrderRecord,
    RefundRecord,
    SentMessage,
)
from closeloop.models.triage import Classification, ClassifyRequest, Confirmation
from closeloop.ports import Classifier, Resolver


class Held:
    """Holds one call of a port until the test lets it go: ``payments.refund``, ``crm.add_note``."""

    def __init__(self, call: str) -> None:
        self.call = call
        self._reached = threading.Event()
        self._open = threading.Event()

    def pass_by(self, call: str) -> None:
        """Stop here, if this is the call; only its first one is held."""
        if call == self.call and not self._reached.is_set():
            self._reached.set()
            assert self._open.wait(30), f"{call} was never let go"

    async def reached(self) -> None:
        """Return once the call is held."""
        assert await asyncio.to_thread(self._reached.wait, 30), f"{self.call} was never called"

    def let_go(self) -> None:
        """Let the call go on."""
        self._open.set()

    def into(self, services: Services) -> Services:
        """Return the services with this hold in their shop, payments, CRM and outbox."""
        backends = services.backends
        payments = _Payments(backends.payments.database, backends.faults, settlement_seconds=0)
        crm = _Crm(backends.crm.database, backends.faults)
        outbox = _Outbox(backends.outbox.database, backends.faults)
        shop = _Shop(backends.shop.database, backends.faults, payments)
        for port in (shop, payments, crm, outbox):
            port.held = self
        backends.shop, backends.payments = shop, payments
        backends.crm, backends.outbox = crm, outbox
        return services


class HeldResolver:
    """Holds the n-th proposal until the test lets it go."""

    def __init__(self, resolver: Resolver, *, nth: int = 1) -> None:
        self._resolver = resolver
        self._left = nth
        self.held = Held("propose")

    def propose(self, request: ProposeRequest) -> Proposal:
        self._left -= 1
        if self._left == 0:
            self.held.pass_by("propose")
        return self._resolver.propose(request)


class HeldClassifier:
    """Holds the n-th classification until the test lets it go."""

    def __init__(self, classifier: Classifier, *, nth: int = 1) -> None:
        self._classifier = classifier
        self._left = nth
        self.held = Held("classify")

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        self._left -= 1
        if self._left == 0:
            self.held.pass_by("classify")
        return self._classifier.classify(tenant, request)

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        return self._classifier.read_confirmation(tenant, text)


class _Payments(EmbeddedPayments):
    held: Held

    def refund(
        self, tenant: str, key: str, order_id: str, amount: Money, *, ticket_id: str | None = None
    ) -> RefundRecord:
        self.held.pass_by("payments.refund")
        return super().refund(tenant, key, order_id, amount, ticket_id=ticket_id)


class _Shop(EmbeddedShop):
    held: Held

    def cancel_order(
        self, tenant: str, key: str, order_id: str, reason: str, *, amount: Money | None = None
    ) -> OrderRecord:
        self.held.pass_by("shop.cancel_order")
        return super().cancel_order(tenant, key, order_id, reason, amount=amount)


class _Crm(EmbeddedCrm):
    held: Held

    def add_note(self, tenant: str, key: str, customer_id: str | None, text: str) -> NoteRecord:
        self.held.pass_by("crm.add_note")
        return super().add_note(tenant, key, customer_id, text)

    def create_escalation(
        self,
        tenant: str,
        key: str,
        queue: str,
        reason: str,
        pack: str,
        person: str | None = None,
        details: HandOverPack | None = None,
    ) -> EscalationRecord:
        self.held.pass_by("crm.create_escalation")
        return super().create_escalation(tenant, key, queue, reason, pack, person, details)


class _Outbox(EmbeddedOutbox):
    held: Held

    def send(
        self, tenant: str, key: str, ticket_id: str, to: str, subject: str, text: str
    ) -> SentMessage:
        self.held.pass_by("outbox.send")
        return super().send(tenant, key, ticket_id, to, subject, text)
