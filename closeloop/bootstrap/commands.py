"""What commands open and read that start no worker."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from closeloop.bootstrap.services import (
    BACKENDS_FILE,
    KNOWLEDGE_FILE,
    open_backends,
    open_knowledge,
)
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.errors import BackendUnavailable, BadInput, ConfigurationError, Refused
from closeloop.knowledge.ingest import read_articles
from closeloop.models.hints import BackendHint, IgnoredEvent
from closeloop.models.reports import WorstCase
from closeloop.names import checked_part
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.ladder import rung_of
from closeloop.policy.roster import serves
from closeloop.policy.worst_case import worst_case
from closeloop.ports import KnowledgeStore
from closeloop.settings import Settings
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from closeloop.store.stops import SqlStops


def open_calendar(settings: Settings) -> EmbeddedBackends:
    """Return the backends whose calendar people read and write, for callers that start no worker.

    Raises:
        BackendUnavailable: no worker has made them yet.
    """
    file = settings.state_dir / BACKENDS_FILE
    if not file.is_file():
        raise BackendUnavailable(
            f"there is no {file}: the worker makes it; CLOSELOOP_STATE_DIR must be the worker's own"
        )
    return open_backends(settings)


def missing_database(settings: Settings) -> Path | None:
    """Return the file of the operations database if it is one that is not there."""
    scheme, _, path = settings.database_url.partition(":///")
    file = Path(path.partition("?")[0])
    return file if scheme.startswith("sqlite") and path and not file.exists() else None


def export_shop(settings: Settings, tenant: str) -> dict[str, Any]:
    """Return one tenant's embedded shop as it is now, in the shape of a shop file.

    Raises:
        BadInput: the state folder holds no shop of that tenant.
    """
    file = settings.state_dir / BACKENDS_FILE
    if not file.is_file():
        raise BadInput(f"{settings.state_dir} holds no shop yet: start `python worker.py --dev`")
    with open_backends(settings) as backends:
        exported: dict[str, Any] = backends.export(tenant)["shop"]
    if not any(exported.values()):
        raise BadInput(f"there is no shop of tenant {tenant!r}", field="tenant")
    return exported


def read_stripe_webhook(
    settings: Settings, payload: bytes, signature: str, now: datetime
) -> BackendHint | IgnoredEvent:
    """Return what one delivery to the webhook means; see ``adapters.stripe_webhook``.

    Raises:
        ConfigurationError: there is no secret to check it with.
        Refused: it is not from Stripe, or too old (``bad_signature``, ``outside_tolerance``).
        BadInput: it is genuine and still not what it should be; names the field.
    """
    if settings.stripe_webhook_secret is None:
        raise ConfigurationError(
            "CLOSELOOP_STRIPE_WEBHOOK_SECRET is not set: give it the signing secret that Stripe"
            " shows for the webhook's endpoint"
        )
    from closeloop.adapters.stripe_webhook import read_webhook

    secrets = settings.stripe_webhook_secret.get_secret_value().split(",")
    return read_webhook(payload, signature, [secret.strip() for secret in secrets], now)


def open_records(settings: Settings) -> SqlRecords:
    """Return the read side of the operations database, for callers that start no worker.

    Raises:
        BackendUnavailable: no worker has made it yet; an empty one would tell a caller in the wrong
            folder that there is nothing to do.
    """
    return SqlRecords(_open_existing(settings))


def open_stops(settings: Settings) -> SqlStops:
    """Return the switch that stops autonomous writes; raises as ``open_records``."""
    return SqlStops(_open_existing(settings))


def require_person(
    settings: Settings, approver: str, tenant: str, day: date, *, resuming: bool = False
) -> None:
    """Check that an operator is on the tenant's roster, and high enough for what they want.

    Raises:
        BadInput: tenant or approver is no id.
        Refused: ``unknown_approver``, ``wrong_tenant``, or ``not_a_lead`` for who would resume.
    """
    checked_part(tenant, "tenant")
    checked_part(approver, "as")
    person = FilePolicyBook(settings.policies_dir).approver(approver, tenant, day)
    if person is None:
        raise Refused(f"there is no approver {approver!r}", code="unknown_approver")
    if not serves(person, tenant):
        raise Refused(f"{approver} does not decide for tenant {tenant}", code="wrong_tenant")
    if resuming and rung_of(person) == "team":
        raise Refused(f"{approver} is neither lead nor manager", code="not_a_lead")


def read_worst_case(settings: Settings, tenant: str, now: datetime) -> WorstCase:
    """Return what a hostile model could cost the tenant today; raises as ``open_records``."""
    book = FilePolicyBook(settings.policies_dir)
    engine = _open_existing(settings)
    try:
        ledger = SqlLedger(engine, book.limits)
        _, spent = ledger.spent_today(tenant, None, now)
        stop = ledger.stopped(tenant)
    finally:
        engine.dispose()
    return worst_case(
        book.limits(tenant),
        book.allowed,
        tenant=tenant,
        spent_minor=spent,
        mode_cap=book.terms(tenant).mode_cap,
        stop=stop,
        now=now,
    )


def _open_existing(settings: Settings) -> Engine:
    file = missing_database(settings)
    if file is not None:
        raise BackendUnavailable(
            f"there is no {file}: the worker makes it; CLOSELOOP_STATE_DIR or "
            "CLOSELOOP_DATABASE_URL must be the worker's own"
        )
    return open_database(settings.database_url)


def find_knowledge(settings: Settings) -> KnowledgeStore:
    """Return the knowledge store, for callers that start no worker.

    Raises:
        BackendUnavailable: no worker has made it yet; else as ``open_knowledge``.
    """
    file = settings.state_dir / KNOWLEDGE_FILE
    if settings.weaviate_url is None and not file.is_file():
        raise BackendUnavailable(
            f"there is no {file}: the worker makes it; CLOSELOOP_STATE_DIR must be the worker's own"
        )
    return open_knowledge(settings)


def train_taxonomy(settings: Settings, file: Path) -> dict[str, object]:
    """Add labelled tickets to those that the worker learns when it starts; see ``learn``."""
    from closeloop.offline.training import learn

    return learn(settings.policies_dir, file)


def examine_taxonomy(settings: Settings, file: Path | None) -> dict[str, object]:
    """Return how well the offline classifier reads tickets; see ``examine``."""
    from closeloop.offline.training import examine

    return examine(settings.policies_dir, file)


def count_learnt(settings: Settings) -> tuple[int, int]:
    """Return how many intents and labelled tickets the offline classifier learns.

    Raises:
        ConfigurationError: the taxonomy or the labelled tickets are wrong; names the place.
    """
    from closeloop.offline.labelled import labelled_in
    from closeloop.offline.taxonomy import load_taxonomy

    intents = [intent.id for intent in load_taxonomy(settings.policies_dir).intents]
    return len(intents), len(labelled_in(settings.policies_dir, intents))


def count_articles(settings: Settings) -> int:
    """Return how many articles and products a worker reads as it starts.

    Raises:
        ConfigurationError: a file is faulty; names it and the key.
    """
    return sum(1 for _ in read_articles(settings.knowledge_dir))
