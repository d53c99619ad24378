"""The composition root: the one place that chooses implementations."""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Engine
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.callbacks import CallbackActivities
from activities.changes import ChangeActivities
from activities.crm import CrmActivities
from activities.effects import Effects, VerificationActivities
from activities.failures import FailureInterceptor
from activities.identity import IdentityActivities
from activities.knowledge import KnowledgeActivities
from activities.knowledge_sync import KnowledgeSyncActivities, own_sources, synchronise
from activities.orders import OrderActivities
from activities.outcomes import OutcomeActivities
from activities.outreach import OutreachActivities
from activities.past_tickets import PastTickets
from activities.payments import PaymentActivities
from activities.policy import PolicyActivities
from activities.resolution import ResolutionActivities
from activities.triage import TriageActivities
from closeloop.agents.classifier import Labels
from closeloop.agents.team import Models, Reads, Team, assemble
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.embedded.beside import GatewayBesideShop, ShopBesideGateway
from closeloop.errors import BackendRefused, BackendUnavailable, BadInput, ConfigurationError
from closeloop.knowledge.encoder import SentenceEncoder
from closeloop.knowledge.ingest import Folders, read_articles, read_documents
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.hints import BackendHint, IgnoredEvent
from closeloop.models.knowledge import KNOWLEDGE_BASE
from closeloop.models.reports import WorstCase
from closeloop.names import AGENTS_QUEUE, BACKENDS_QUEUE, TICKETS_QUEUE
from closeloop.offline.retriever import OfflineRetriever
from closeloop.ordered import OrderedRunner
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.worst_case import worst_case
from closeloop.ports import (
    Classifier,
    Embedder,
    InjectionDetector,
    KnowledgeSources,
    KnowledgeStore,
    Languages,
    Payments,
    PolicyBook,
    Resolver,
)
from closeloop.settings import Settings
from closeloop.store.codes import SqlCodes
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from closeloop.store.stops import SqlStops
from workflows import notices
from workflows.knowledge_sync import KnowledgeSyncWorkflow
from workflows.ticket import TicketWorkflow

KNOWLEDGE_FOLDER: Final[Path] = Settings.model_fields["knowledge_dir"].default
BACKENDS_FILE: Final = "backends.db"
"""The embedded backends' database in the state folder."""
KNOWLEDGE_FILE: Final = "knowledge.db"
"""The embedded knowledge store in the state folder."""
THREADS: Final = 16
"""Activities block on backends, not on the processor: more threads than cores."""
TASKS: Final = 16
"""Workflow tasks at once: a burst waits at the server, where nothing times out, not in here.

Python works on them in turn, and a ticket's first one needs 0.1 s of the processor for its sandbox:
of a hundred at once, the SDK's default, none is answered within the time that each of them has.
"""
STICKY_TIMEOUT: Final = timedelta(seconds=2)
"""How long a killed worker's tickets wait for it before another takes them."""
HEARTBEATS: Final = timedelta(seconds=1)
"""How often a heartbeat is passed on at most: whoever waits for a sync sees it move."""
GRACE: Final = timedelta(seconds=10)
"""What running activities are given to end when a worker is stopped."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that activities need, chosen and ready."""

    book: PolicyBook
    backends: EmbeddedBackends
    engine: Engine
    ledger: SqlLedger
    records: SqlRecords
    knowledge: KnowledgeStore
    classifier: Classifier
    detector: InjectionDetector
    resolver: Resolver
    sources: KnowledgeSources = field(default_factory=lambda: Folders(KNOWLEDGE_FOLDER))
    languages: Languages | None = None
    """Who tells the customer's language; without, the classifier does."""
    team: Team | None = None
    """The agents that ask language models; without, classifier and resolver do all the work."""
    gateway: Payments | None = None
    """A payments system beside the embedded backends, instead of theirs."""

    @property
    def payments(self) -> Payments:
        """The system of record for money."""
        return self.gateway or self.backends.payments


class MeasuredKnowledge(KnowledgeStore, Protocol):
    """A store as programs hold it: it shows the two legs of a search, and is closed at the end."""

    def legs(self, tenant: str, query: str, *, depth: int) -> tuple[list[str], list[str]]:
        """Return the ids that a search finds by words, and those by meaning, best first."""
        ...

    def close(self) -> None:
        """Let go of the file or the connection."""
        ...


@dataclass(frozen=True, kw_only=True)
class ActivitySet:
    """The activities by the queue that serves them."""

    tickets: Sequence[Callable[..., Any]]
    agents: Sequence[Callable[..., Any]]
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


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder that the settings name.

    Raises:
        ConfigurationError: it is OpenAI's, and there is no key.
    """
    if settings.embedder == "offline":
        return SentenceEncoder()
    if not os.environ.get("OPENAI_API_KEY"):
        raise ConfigurationError(
            "OPENAI_API_KEY is not set, and CLOSELOOP_EMBEDDER=openai needs it: give it the"
            " endpoint's key"
        )
    from closeloop.adapters.openai import open_client
    from closeloop.adapters.openai_embeddings import OpenAiEmbedder

    return OpenAiEmbedder(open_client())


def open_knowledge(settings: Settings) -> MeasuredKnowledge:
    """Return the knowledge store that the settings name.

    Raises:
        ConfigurationError: it holds the vectors of another embedder, or cannot be used as it is.
        BackendUnavailable: it does not answer.
    """
    embedder = open_embedder(settings)
    if settings.weaviate_url is None:
        return SqliteKnowledge(settings.state_dir / KNOWLEDGE_FILE, embedder)
    from closeloop.adapters.weaviate import WeaviateKnowledge

    key = settings.weaviate_api_key
    return WeaviateKnowledge(
        settings.weaviate_url,
        embedder,
        grpc_port=settings.weaviate_grpc_port,
        api_key=key.get_secret_value() if key else None,
    )


def check_models(settings: Settings) -> None:
    """Check that language models can be asked, where the settings name them.

    Raises:
        ConfigurationError: there is no key.
    """
    if settings.llm == "openai" and not os.environ.get("OPENAI_API_KEY"):
        raise ConfigurationError(
            "OPENAI_API_KEY is not set, and CLOSELOOP_LLM=openai needs it: give it the endpoint's"
            " key; one without keys takes any word"
        )


def unpriced_models(settings: Settings) -> list[str]:
    """Return the models in use that have no price: their tokens are counted, and cost nothing."""
    models = {settings.llm_classify, settings.llm_retrieve, settings.llm_resolve}
    return sorted(models - settings.llm_prices.keys())


def open_team(settings: Settings, reads: Reads, labels: Labels) -> Team | None:
    """Return the agents over the language models that the settings name; None for offline ones.

    Raises:
        ConfigurationError: as ``check_models``.
    """
    check_models(settings)
    if settings.llm == "offline":
        return None
    # Here, for the library takes a second to load.
    from closeloop.adapters.openai import OpenAiModel, Price, open_client

    client = open_client()
    prices = {name: Price(input=i, output=o) for name, (i, o) in settings.llm_prices.items()}

    def model(name: str) -> OpenAiModel:
        return OpenAiModel(client, name, prices.get(name), alive=activity.heartbeat)

    models = Models(
        classify=model(settings.llm_classify),
        retrieve=model(settings.llm_retrieve),
        resolve=model(settings.llm_resolve),
    )
    return assemble(
        models, reads, labels, per_second=settings.llm_per_second, at_once=settings.llm_at_once
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
    return SqlRecords(_open_existing(settings))


def open_stops(settings: Settings) -> SqlStops:
    """Return the switch that stops autonomous writes; raises as ``open_records``."""
    return SqlStops(_open_existing(settings))


def read_worst_case(settings: Settings, tenant: str, now: datetime) -> WorstCase:
    """Return what a hostile model could cost the tenant today; raises as ``open_records``."""
    book = FilePolicyBook(settings.policies_dir)
    engine = _open_existing(settings)
    ledger = SqlLedger(engine, book.limits)
    _, spent = ledger.spent_today(tenant, None, now)
    return worst_case(
        book.limits(tenant),
        book.allowed,
        tenant=tenant,
        spent_minor=spent,
        mode_cap=book.terms(tenant).mode_cap,
        stop=ledger.stopped(tenant),
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


def check_voice(book: FilePolicyBook) -> None:
    """Check that the desk can say its own fixed words in every tenant's voice.

    Raises:
        ConfigurationError: a voice forbids one; names the file, the key and the words.
    """
    from closeloop.offline import wording

    fixed = {name: text for name, text in vars(notices).items() if isinstance(text, str)}
    words = {f"the notice {name}": text for name, text in fixed.items() if name.isupper()}
    book.require_sayable({**words, "the offline resolver's THANKS": wording.THANKS})


def build_services(settings: Settings) -> Services:
    """Choose and open everything that the settings name.

    Raises:
        ConfigurationError: a file or setting is wrong, or names what is not there yet.
    """
    # Numeric libraries take seconds to load; the command line, which imports this module for the
    # operations database, should not wait for them.
    from closeloop.offline.injection import OfflineInjectionDetector
    from closeloop.offline.language import OfflineLanguages
    from closeloop.offline.playbooks.calls import CallPlans
    from closeloop.offline.resolver import OfflineResolver
    from closeloop.offline.taxonomy import load_taxonomy
    from closeloop.offline.training import open_classifier

    check_models(settings)
    gateway = open_gateway(settings)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    book = FilePolicyBook(settings.policies_dir, time_scale=settings.time_scale)
    check_voice(book)
    backends = open_backends(settings, faults=settings.faults)
    if gateway is not None:
        shop = backends.shop
        backends.shop = ShopBesideGateway(shop.database, shop.faults, backends.payments)
        gateway = GatewayBesideShop(gateway, backends.payments)
    engine = open_database(settings.database_url)
    records = SqlRecords(engine)
    records.sweep(datetime.now(UTC))
    knowledge = open_knowledge(settings)
    index_knowledge_base(knowledge, book.tenants, settings.knowledge_dir)
    taxonomy = load_taxonomy(settings.policies_dir)
    classifier = open_classifier(settings.policies_dir)
    reads = Reads(
        shop=backends.shop,
        payments=gateway or backends.payments,
        knowledge=knowledge,
        classifier=classifier,
        retriever=OfflineRetriever(knowledge),
    )
    labels = Labels(
        intents={intent.id: intent.description for intent in taxonomy.intents},
        topics=[topic.id for topic in taxonomy.topics],
        priority_of=taxonomy.priority_of,
    )
    return Services(
        book=book,
        backends=backends,
        engine=engine,
        ledger=SqlLedger(engine, book.limits),
        records=records,
        knowledge=knowledge,
        classifier=classifier,
        detector=OfflineInjectionDetector(taxonomy),
        resolver=OfflineResolver(
            backends.shop,
            gateway or backends.payments,
            knowledge,
            calls=CallPlans(backends.shop, backends.calendar, book.call_hours),
        ),
        sources=Folders(settings.knowledge_dir),
        languages=OfflineLanguages(),
        team=open_team(settings, reads, labels),
        gateway=gateway,
    )


def count_articles(settings: Settings) -> int:
    """Return how many articles and products a worker reads as it starts.

    Raises:
        ConfigurationError: a file is faulty; names it and the key.
    """
    return sum(1 for _ in read_articles(settings.knowledge_dir))


def index_knowledge_base(
    store: KnowledgeStore, tenants: Sequence[str], folder: Path = KNOWLEDGE_FOLDER
) -> None:
    """Make each tenant know what stands in ``folder``; what has not changed costs nothing.

    It gives way to folders of a tenant's own: only a sync changes where knowledge comes from.

    Raises:
        ConfigurationError: a file is faulty; names it and the key.
    """
    documents = read_documents(folder)
    for tenant in tenants:
        if own := own_sources(store, tenant):
            log.info("knowledge comes from folders of its own", tenant=tenant, folders=own)
            continue
        try:
            synchronise(store, tenant, {KNOWLEDGE_BASE: documents}, lambda _: None)
        except BackendRefused as error:
            log.warning("articles left out", tenant=tenant, folder=str(folder), error=str(error))


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
    orders = OrderActivities(backends.shop, services.payments, effects)
    changes = ChangeActivities(backends.shop, backends.payments, effects)
    past = PastTickets(services.knowledge, backends.shop)
    crm = CrmActivities(backends.crm, effects, records, past, book)
    callbacks = CallbackActivities(backends.calendar, backends.shop, book, effects)
    readers = {
        **payments.readers,
        **orders.readers,
        **changes.readers,
        **callbacks.readers,
        **crm.readers,
    }
    verification = VerificationActivities(readers, ledger, backends.shop, services.payments)
    detector = services.detector
    policy = PolicyActivities(
        book,
        backends.shop,
        services.payments,
        ledger,
        services.knowledge,
        detector,
        backends.calendar,
    )
    syncing = KnowledgeSyncActivities(services.sources, services.knowledge)
    team = services.team
    plain = OfflineRetriever(services.knowledge)
    triage = TriageActivities(
        team.classifier if team else services.classifier,
        services.classifier,
        detector,
        backends.shop,
        book,
        services.languages,
    )
    knowledge = KnowledgeActivities(team.retriever if team else plain, plain)
    resolution = ResolutionActivities(
        team.resolver if team else services.resolver, services.resolver
    )
    agents = (
        triage.classify_ticket,
        knowledge.retrieve_knowledge,
        resolution.propose_resolution,
    )
    outreach = OutreachActivities(backends.outbox, backends.shop, records, book)
    identity = IdentityActivities(backends.shop, backends.outbox, SqlCodes(services.engine), book)
    outcomes = OutcomeActivities(records, ledger, book)
    return ActivitySet(
        tickets=(
            policy.evaluate_policy,
            policy.check_approver,
            verification.verify_action,
            triage.read_confirmation,
            triage.read_hours,
            identity.read_consent,
            callbacks.read_call,
        ),
        agents=agents,
        backends=(
            *agents,
            triage.load_customer,
            syncing.sync_knowledge,
            payments.refund_payment,
            orders.cancel_order,
            orders.modify_order_address,
            changes.modify_order_items,
            changes.modify_order_payment,
            changes.return_items,
            changes.exchange_items,
            changes.update_customer_address,
            changes.issue_store_credit,
            callbacks.schedule_callback,
            callbacks.reschedule_callback,
            callbacks.cancel_callback,
            callbacks.book_next_call,
            crm.add_crm_note,
            crm.create_escalation,
            crm.close_case,
            crm.close_ticket,
            crm.raise_alert,
            outreach.send_reply,
            identity.send_code,
            identity.check_code,
            outcomes.request_approval,
            outcomes.settle_approval,
            outcomes.record_outcome,
            outcomes.recall_effects,
            verification.reconcile_action,
            verification.verify_resolution,
        ),
    )


def workflow_runner() -> WorkflowRunner:
    """Return the sandbox; a module of ours that enters it without being meant to is an error."""
    policy = workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    restrictions = SandboxRestrictions.default.with_import_notification_policy(policy)
    return OrderedRunner(SandboxedWorkflowRunner(restrictions=restrictions))


@asynccontextmanager
async def running_workers(client: Client, services: Services) -> AsyncGenerator[None]:
    """Run the workers of all queues until the block ends."""
    activities = build_activities(services)
    team = services.team
    at_once = team.at_once if team else THREADS
    async with AsyncExitStack() as stack:
        # Threads of their own: models that are slow keep nobody else waiting.
        askers = stack.enter_context(ThreadPoolExecutor(at_once, thread_name_prefix="agent"))
        await stack.enter_async_context(
            Worker(
                client,
                task_queue=AGENTS_QUEUE,
                activities=activities.agents,
                activity_executor=askers,
                max_concurrent_activities=at_once,
                max_task_queue_activities_per_second=team.per_second if team else None,
                interceptors=[FailureInterceptor()],
                graceful_shutdown_timeout=GRACE,
            )
        )
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
                max_heartbeat_throttle_interval=HEARTBEATS,
            )
        )
        await stack.enter_async_context(
            Worker(
                client,
                task_queue=TICKETS_QUEUE,
                workflows=[TicketWorkflow, KnowledgeSyncWorkflow],
                activities=activities.tickets,
                activity_executor=threads,
                no_remote_activities=True,
                max_concurrent_workflow_tasks=TASKS,
                workflow_runner=workflow_runner(),
                interceptors=[FailureInterceptor()],
                sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                graceful_shutdown_timeout=GRACE,
            )
        )
        yield
