"""The agents that ask language models, together: what a worker needs to serve their queue."""

from dataclasses import dataclass

from closeloop.agents.asking import LanguageModel
from closeloop.agents.classifier import AgentClassifier, Labels
from closeloop.agents.resolver import AgentResolver
from closeloop.agents.retriever import AgentRetriever
from closeloop.policy.call_times import CallTimes
from closeloop.ports import Classifier, Knowledge, Payments, Resolver, Retriever, Shop


@dataclass(frozen=True, kw_only=True)
class Team:
    """A classifier, a retriever and a resolver, and how much may be asked of them.

    ``per_second`` counts activities over all workers together, ``at_once`` those of one worker.
    """

    classifier: Classifier
    retriever: Retriever
    resolver: Resolver
    per_second: float | None = None
    at_once: int


@dataclass(frozen=True, kw_only=True)
class Models:
    """Which language model each agent asks."""

    classify: LanguageModel
    retrieve: LanguageModel
    resolve: LanguageModel


@dataclass(frozen=True, kw_only=True)
class Reads:
    """The ports that agents read, and the offline models beside which they work."""

    shop: Shop
    payments: Payments
    knowledge: Knowledge
    calls: CallTimes
    classifier: Classifier
    retriever: Retriever


def assemble(
    models: Models, reads: Reads, labels: Labels, *, per_second: float, at_once: int
) -> Team:
    """Return the agents, each with its model."""
    return Team(
        classifier=AgentClassifier(models.classify, labels, beside=reads.classifier),
        retriever=AgentRetriever(models.retrieve, reads.knowledge, beside=reads.retriever),
        resolver=AgentResolver(
            models.resolve, reads.shop, reads.payments, reads.knowledge, reads.calls
        ),
        per_second=per_second,
        at_once=at_once,
    )
