"""What a worker runs on: everything that the settings name, chosen and opened."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, cast

import structlog
from sqlalchemy import Engine
from temporalio import activity

from activities.knowledge_sync import own_sources, synchronise
from closeloop.agents.classifier import Labels
from closeloop.agents.team import Models, Reads, Team, assemble
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.embedded.beside import GatewayBesideShop, ShopBesideGateway
from closeloop.errors import BackendRefused, ConfigurationError
from closeloop.knowledge.encoder import SentenceEncoder
from closeloop.knowledge.ingest import Folders, read_documents
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.knowledge import KNOWLEDGE_BASE
from closeloop.offline.retriever import OfflineRetriever
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.call_times import CallTimes
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
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from workflows import notices

KNOWLEDGE_FOLDER: Final[Path] = Settings.model_fields["knowledge_dir"].default
BACKENDS_FILE: Final = "backends.db"
"""The embedded backends' database in the state folder."""
KNOWLEDGE_FILE: Final = "knowledge.db"
"""The embedded knowledge store in the state folder."""
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


def check_voice(book: FilePolicyBook) -> None:
    """Check that the desk can say its own fixed words in every tenant's voice.

    Raises:
        ConfigurationError: a voice forbids one; names the file, the key and the words.
    """
    from closeloop.offline import wording

    words = {f"the notice {name}": text for name, text in _templates(notices).items()}
    letters = _templates(wording)
    del letters["SIGN_OFF"]  # the voice puts its own in the place of it
    words |= {f"the offline resolver's {name}": text for name, text in letters.items()}
    book.require_sayable(words)


def _templates(module: ModuleType) -> dict[str, str]:
    """Return the texts that stand in a module by their names, tuples and tables of them joined."""
    found: dict[str, str] = {}
    for name, value in cast("Mapping[str, object]", vars(module)).items():
        if not name.strip("_").isupper() or name.startswith("__"):
            continue
        parts: Iterable[object] = ()
        if isinstance(value, dict):
            parts = cast("Mapping[object, object]", value).values()
        elif isinstance(value, tuple):
            parts = cast("tuple[object, ...]", value)
        elif isinstance(value, str):
            parts = (value,)
        found[name] = "\n".join(part for part in parts if isinstance(part, str))
    return found


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
    calls = CallTimes(backends.shop, backends.calendar, book.call_hours)
    reads = Reads(
        shop=backends.shop,
        payments=gateway or backends.payments,
        knowledge=knowledge,
        classifier=classifier,
        retriever=OfflineRetriever(knowledge),
        calls=calls,
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
            calls=CallPlans(calls),
        ),
        sources=Folders(settings.knowledge_dir),
        languages=OfflineLanguages(),
        team=open_team(settings, reads, labels),
        gateway=gateway,
    )


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
