"""What activities need from the world, as Protocols; every call carries the tenant.

Reads return ``None`` for what is not there. Writes take an idempotency key: the same key with the
same arguments returns the first result, with other arguments it is refused. Every port raises only
the ``BackendError`` family of ``closeloop.errors``: ``BackendRefused`` (a business refusal),
``BackendUnavailable`` (nothing was done) and ``EffectUnknown`` (a write may have happened).
All calls block; activities run in threads.
"""

from closeloop.ports.backends import Calendar, Crm, Outbox, Payments, Shop
from closeloop.ports.knowledge import Embedder, Knowledge, KnowledgeSources, KnowledgeStore
from closeloop.ports.models import Classifier, InjectionDetector, Languages, Resolver, Retriever
from closeloop.ports.policy import CallHours, PolicyBook
from closeloop.ports.records import Codes, Ledger, Records

__all__ = [
    "Calendar",
    "CallHours",
    "Classifier",
    "Codes",
    "Crm",
    "Embedder",
    "InjectionDetector",
    "Knowledge",
    "KnowledgeSources",
    "KnowledgeStore",
    "Languages",
    "Ledger",
    "Outbox",
    "Payments",
    "PolicyBook",
    "Records",
    "Resolver",
    "Retriever",
    "Shop",
]
