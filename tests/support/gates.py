"""Gates: points of a worker where it stops for good, so that a kill hits exactly that moment."""

import dataclasses
import json
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Self

from closeloop.bootstrap import KNOWLEDGE_FILE, Services
from closeloop.embedded.outbox import EmbeddedOutbox
from closeloop.embedded.payments import EmbeddedPayments
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.base import Money
from closeloop.models.knowledge import Document
from closeloop.models.policy import EffectFacts
from closeloop.models.proposal import Receipt
from closeloop.models.records import RefundRecord, SentMessage
from closeloop.models.steps import ExecuteAction
from closeloop.store.ledger import SqlLedger
from tests.support.embedding import WordVectors


class Hold(NamedTuple):
    """Stop for good at ``point`` in the call that ``word`` (an order, a ticket) appears in."""

    point: str
    word: str

    @classmethod
    def parse(cls, text: str) -> Self:
        point, _, word = text.partition("=")
        return cls(point, word)

    def __str__(self) -> str:
        return f"{self.point}={self.word}"

    def marker(self, folder: Path) -> Path:
        """Return the file that says that a worker stands here."""
        return folder / f"{self.point.replace(':', '-')}-{self.word.strip('#')}.json"

    def reached(self, folder: Path) -> bool:
        """Whether a worker stands here."""
        return self.marker(folder).exists()


class Gate:
    """Holds the threads that reach a point."""

    def __init__(self, folder: Path, holds: Sequence[Hold]) -> None:
        self.folder = folder
        self._holds = holds

    def reach(self, point: str, **call: object) -> None:
        """Return at once, unless a hold says otherwise: then leave a marker, and never return.

        Once somebody stands at a hold, the same effect is stopped at every gate: a second attempt
        of an activity, after its timeout, gets no further than the first.
        """
        text = json.dumps(call, default=str)
        for hold in self._holds:
            marker = hold.marker(self.folder)
            if hold.word in text and (hold.point == point or marker.exists()):
                if not marker.exists():
                    draft = marker.with_suffix(".tmp")
                    draft.write_text(text)
                    draft.replace(marker)
                threading.Event().wait()


class GatedLedger(SqlLedger):
    """The ledger, with gates around what names and settles an effect."""

    gate: Gate

    def begin(self, tenant: str, effect: ExecuteAction, now: datetime) -> EffectFacts:
        self.gate.reach("ledger.begin:before", effect_id=effect.effect_id)
        return super().begin(tenant, effect, now)

    def finish(self, tenant: str, effect_id: str, receipt: Receipt) -> None:
        super().finish(tenant, effect_id, receipt)
        self.gate.reach("ledger.finish:after", effect_id=effect_id)


class GatedPayments(EmbeddedPayments):
    """Payments, with gates around the call that moves money."""

    gate: Gate

    def refund(
        self, tenant: str, key: str, order_id: str, amount: Money, *, ticket_id: str | None = None
    ) -> RefundRecord:
        minor = amount.amount_minor
        self.gate.reach("payments.refund:before", key=key, order_id=order_id, minor=minor)
        made = super().refund(tenant, key, order_id, amount, ticket_id=ticket_id)
        self.gate.reach("payments.refund:after", key=key, order_id=order_id, minor=minor)
        return made

    def find_refund(
        self, tenant: str, key: str, *, order_id: str | None = None
    ) -> RefundRecord | None:
        self.gate.reach("payments.find_refund:before", key=key)
        return super().find_refund(tenant, key, order_id=order_id)


class GatedKnowledge(SqliteKnowledge):
    """The knowledge store, with a gate before each batch that is written."""

    gate: Gate

    def put(self, tenant: str, documents: Sequence[Document]) -> int:
        self.gate.reach("knowledge.put:before", ids=[d.document_id for d in documents])
        return super().put(tenant, documents)


class GatedOutbox(EmbeddedOutbox):
    """The outbox, with gates around sending."""

    gate: Gate

    def find(self, tenant: str, key: str) -> SentMessage | None:
        self.gate.reach("outbox.find:before", key=key)
        return super().find(tenant, key)

    def send(
        self, tenant: str, key: str, ticket_id: str, to: str, subject: str, text: str
    ) -> SentMessage:
        self.gate.reach("outbox.send:before", key=key)
        sent = super().send(tenant, key, ticket_id, to, subject, text)
        self.gate.reach("outbox.send:after", key=key)
        return sent


def gated(services: Services, gate: Gate) -> Services:
    """Return the services with gates in their ledger, payments, outbox and knowledge."""
    backends = services.backends
    payments = GatedPayments(backends.payments.database, backends.faults, settlement_seconds=0)
    outbox = GatedOutbox(backends.outbox.database, backends.faults)
    ledger = GatedLedger(services.engine, services.book.limits)
    knowledge = GatedKnowledge(gate.folder / KNOWLEDGE_FILE, WordVectors())
    for port in (payments, outbox, ledger, knowledge):
        port.gate = gate
    backends.payments, backends.outbox = payments, outbox
    return dataclasses.replace(services, ledger=ledger, knowledge=knowledge)
