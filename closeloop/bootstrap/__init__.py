"""The composition root: the one place that chooses implementations.

What a worker runs on is in ``services``, the workers in ``workers``, what commands open that start
no worker in ``commands``.
"""

from closeloop.bootstrap.commands import (
    count_articles,
    count_learnt,
    examine_taxonomy,
    export_shop,
    find_knowledge,
    missing_database,
    open_calendar,
    open_records,
    open_stops,
    read_stripe_webhook,
    read_worst_case,
    require_person,
    train_taxonomy,
)
from closeloop.bootstrap.services import (
    BACKENDS_FILE,
    KNOWLEDGE_FILE,
    KNOWLEDGE_FOLDER,
    MeasuredKnowledge,
    Services,
    build_services,
    check_models,
    check_voice,
    index_knowledge_base,
    open_backends,
    open_embedder,
    open_gateway,
    open_knowledge,
    open_team,
    unpriced_models,
)
from closeloop.bootstrap.workers import (
    ActivitySet,
    build_activities,
    running_workers,
    workflow_runner,
)

__all__ = [
    "BACKENDS_FILE",
    "KNOWLEDGE_FILE",
    "KNOWLEDGE_FOLDER",
    "ActivitySet",
    "MeasuredKnowledge",
    "Services",
    "build_activities",
    "build_services",
    "check_models",
    "check_voice",
    "count_articles",
    "count_learnt",
    "examine_taxonomy",
    "export_shop",
    "find_knowledge",
    "index_knowledge_base",
    "missing_database",
    "open_backends",
    "open_calendar",
    "open_embedder",
    "open_gateway",
    "open_knowledge",
    "open_records",
    "open_stops",
    "open_team",
    "read_stripe_webhook",
    "read_worst_case",
    "require_person",
    "running_workers",
    "train_taxonomy",
    "unpriced_models",
    "workflow_runner",
]
