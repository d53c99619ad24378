"""The composition root: the one place that chooses implementations."""

from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.changes import ChangeActivities
from activities.crm import CrmActivities
from activities.effects import Effects, VerificationActivities
from activities.failures import FailureInterceptor
from activities.knowledge import KnowledgeActivities
from activities.orders import OrderActivities
from activities.outcomes import OutcomeActivities
from activities.outreach import OutreachActivities
from activities.payments import PaymentActivities
from activities.policy import PolicyActivities
from activities.resolution import ResolutionActivities
from activities.triage import TriageActivities
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.embedded.beside import ShopBesideGateway
from closeloop.errors import BackendUnavailable, BadInput, ConfigurationError
from closeloop.knowledge.ingest import read_chunks
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.hints import BackendHint, IgnoredEvent
from closeloop.names import BACKENDS_QUEUE, TICKETS_QUEUE
from closeloop.policy.book import FilePolicyBook
from closeloop.ports import Classifier, Knowledge, Payments, PolicyBook, Resolver
from closeloop.settings import Settings
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from workflows.ticket import TicketWorkflow

KNOWLEDGE_BASE: Final = Path(__file__).resolve().parent.parent / "knowledge_base"
BACKENDS_FILE: Final = "backends.db"
"""The embedded backends' database in the state folder."""
THREADS: Final = 16
"""Activities block on backends, not on the processor: more threads than cores."""
STICKY_TIMEOUT: Final = timedelta(seconds=2)
"""How long a killed worker's tickets wait for it before another takes them."""
GRACE: Final = timedelta(seconds=10)
"""What running activities are given to end when a worker is stopped."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that activities need, chosen and ready."""

    book: PolicyBook
    backends: EmbeddedBackends
    engine: Engine
    ledger: SqlLedger
    records: SqlRecords
    knowledge: Knowledge
    classifier: Classifier
    resolver: Resolver
    gateway: Payments | None = None
    """A payments system beside the embedded backends, instead of theirs."""

    @property
    def payments(self) -> Payments:
        """The system of record for money."""
        return self.gateway or self.backends.payments


@dataclass(frozen=True, kw_only=True)
class ActivitySet:
    """The activities by the queue that serves them."""

    tickets: Sequence[Callable[..., Any]]
    backends: Sequence[Callable[..., Any]]


def open_backends(settings: Settings, *, faults: str | None = None) -> EmbeddedBackends:
    """Return the embedded backends of the state folder, with every tenant of the roster seeded.

    ``faults`` replaces the plan that was loaded before; None leaves it to the worker.
    """
    book = FilePolicyBook(settings.policies_dir)
    return EmbeddedBackends(
        settings.state_dir / BACKENDS_FILE,
        shop_file=settings.shop_file,
        faults=faults,
        tenants=book.tenants,
    )


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


def open_gateway(settings: Settings) -> Payments | None:
    """Return the payments system that the settings name; None means the embedded one.

    Raises:
        ConfigurationError: it is Stripe, and there is no key.
    """
    if settings.payments == "embedded":
        return None
    if settings.stripe_api_key is None:
        raise ConfigurationError(
            "CLOSELOOP_STRIPE_API_KEY is not set, and CLOSELOOP_PAYMENTS=stripe needs it: give it"
            " the secret or restricted key of the Stripe account"
        )
    # Here, for most need nothing of the library.
    from closeloop.adapters.stripe import StripePayments

    return StripePayments(
        settings.stripe_api_key.get_secret_value(), api_base=settings.stripe_api_base
    )


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
    file = missing_database(settings)
    if file is not None:
        raise BackendUnavailable(
            f"there is no {file}: the worker makes it; CLOSELOOP_STATE_DIR or "
            "CLOSELOOP_DATABASE_URL must be the worker's own"
        )
    return SqlRecords(open_database(settings.database_url))


def build_services(settings: Settings) -> Services:
    """Choose and open everything that the settings name.

    Raises:
        ConfigurationError: a file or setting is wrong, or names what is not there yet.
    """
    # Numeric libraries take seconds to load; the command line, which imports this module for the
    # operations database, should not wait for them.
    from closeloop.offline.classifier import OfflineClassifier
    from closeloop.offline.resolver import OfflineResolver
    from closeloop.offline.taxonomy import load_taxonomy

    if settings.llm != "offline":
        raise ConfigurationError("CLOSELOOP_LLM: only 'offline' is built in so far")
    if settings.weaviate_url is not None:
        raise ConfigurationError("CLOSELOOP_WEAVIATE_URL: only the SQLite store is built in so far")
    gateway = open_gateway(settings)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    book = FilePolicyBook(settings.policies_dir, time_scale=settings.time_scale)
    backends = open_backends(settings, faults=settings.faults)
    if gateway is not None:
        shop = backends.shop
        backends.shop = ShopBesideGateway(shop.database, shop.faults, backends.payments)
    engine = open_database(settings.database_url)
    records = SqlRecords(engine)
    records.sweep(datetime.now(UTC))
    knowledge = SqliteKnowledge(settings.state_dir / "knowledge.db")
    chunks = read_chunks(KNOWLEDGE_BASE, today=datetime.now(UTC).date())
    for tenant in book.tenants:
        knowledge.index(tenant, chunks)
    return Services(
        book=book,
        backends=backends,
        engine=engine,
        ledger=SqlLedger(engine, book.limits),
        records=records,
        knowledge=knowledge,
        classifier=OfflineClassifier(load_taxonomy(settings.policies_dir)),
        resolver=OfflineResolver(backends.shop, gateway or backends.payments, knowledge),
        gateway=gateway,
    )


def build_activities(services: Services) -> ActivitySet:
    """Wire the activities to the services."""
    backends, ledger, records, book = (
        services.backends,
        services.ledger,
        services.records,
        services.book,
    )
    effects = Effects(ledger)
    payments = PaymentActivities(services.payments, effects)
    orders = OrderActivities(backends.shop, effects)
    changes = ChangeActivities(backends.shop, backends.payments, effects)
    crm = CrmActivities(backends.crm, effects, records)
    readers = {**payments.readers, **orders.readers, **changes.readers, **crm.readers}
    verification = VerificationActivities(readers, ledger, backends.shop)
    policy = PolicyActivities(book, backends.shop, services.payments, ledger)
    triage = TriageActivities(services.classifier, backends.shop, book)
    knowledge = KnowledgeActivities(services.knowledge)
    resolution = ResolutionActivities(services.resolver)
    outreach = OutreachActivities(backends.outbox, backends.shop, records)
    outcomes = OutcomeActivities(records, ledger, book)
    return ActivitySet(
        tickets=(
            policy.evaluate_policy,
            policy.check_approver,
            verification.verify_action,
            triage.read_confirmation,
        ),
        backends=(
            triage.classify_ticket,
            triage.load_customer,
            knowledge.retrieve_knowledge,
            resolution.propose_resolution,
            payments.refund_payment,
            orders.cancel_order,
            orders.modify_order_address,
            changes.modify_order_items,
            changes.modify_order_payment,
            changes.return_items,
            changes.exchange_items,
            changes.update_customer_address,
            changes.issue_store_credit,
            crm.add_crm_note,
            crm.create_escalation,
            crm.close_ticket,
            outreach.send_reply,
            outcomes.request_approval,
            outcomes.settle_approval,
            outcomes.record_outcome,
            verification.reconcile_action,
            verification.verify_resolution,
        ),
    )


def workflow_runner() -> WorkflowRunner:
    """Return the sandbox; a module of ours that enters it without being meant to is an error."""
    policy = workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    restrictions = SandboxRestrictions.default.with_import_notification_policy(policy)
    return SandboxedWorkflowRunner(restrictions=restrictions)


@asynccontextmanager
async def running_workers(client: Client, services: Services) -> AsyncGenerator[None]:
    """Run the workers of both queues until the block ends."""
    activities = build_activities(services)
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(THREADS, thread_name_prefix="activity"))
        await stack.enter_async_context(
            Worker(
                client,
                task_queue=BACKENDS_QUEUE,
                activities=activities.backends,
                activity_executor=threads,
                max_concurrent_activities=THREADS,
                interceptors=[FailureInterceptor()],
                graceful_shutdown_timeout=GRACE,
            )
        )
        await stack.enter_async_context(
            Worker(
                client,
                task_queue=TICKETS_QUEUE,
                workflows=[TicketWorkflow],
                activities=activities.tickets,
                activity_executor=threads,
                no_remote_activities=True,
                workflow_runner=workflow_runner(),
                interceptors=[FailureInterceptor()],
                sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                graceful_shutdown_timeout=GRACE,
            )
        )
        yield
