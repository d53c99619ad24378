"""Logging: structlog, on the console or as JSON lines, always on stderr.

Inside an activity or a workflow, every line carries the ticket and its workflow; elsewhere
``ticket_logged`` binds them. Log keys and ids hold no personal data, and customer text must not be
logged; should payment data slip into a line all the same, it is taken out.
"""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger
from temporalio import activity, workflow

from closeloop.errors import BadInput
from closeloop.names import parse_workflow_id, workflow_id
from closeloop.policy.redaction import redact

LogLevel = Literal["debug", "info", "warning"]

_TEMPORAL_EXTRAS: Final = (
    "temporal_activity",
    "temporal_workflow",
    "temporal_nexus_operation",
    "__temporal_error_identifier",
)
"""What the SDK adds to its records, mostly in words it also puts into the message."""


_QUIET: Final = ("alembic", "httpx2", "openai")
"""Libraries whose news is none; at debug level, ``openai`` logs what customers wrote."""


def configure_logging(log_format: Literal["console", "json"], log_level: LogLevel) -> None:
    """Send the logs of structlog and of the standard library to stderr; may be called again."""
    logging.captureWarnings(True)
    for library in _QUIET:
        logging.getLogger(library).setLevel(logging.WARNING)
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_ticket,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(log_format),
            ],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _StderrHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(log_level.upper())


@contextmanager
def ticket_logged(tenant: str, ticket_id: str) -> Generator[None, None, None]:
    """Bind the ticket and its workflow to every log line within."""
    with structlog.contextvars.bound_contextvars(
        tenant=tenant, ticket_id=ticket_id, workflow_id=workflow_id(tenant, ticket_id)
    ):
        yield


class _StderrHandler(logging.Handler):
    """Writes to whatever stderr is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{redact(self.format(record))}\n")
        except Exception:
            self.handleError(record)


def _rendering(log_format: Literal["console", "json"]) -> list[structlog.typing.Processor]:
    # No local variables in tracebacks: they hold what customers wrote.
    if log_format == "json":
        transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(transform),
            structlog.processors.JSONRenderer(),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _add_ticket(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add what Temporal knows about the activity or workflow that logs."""
    for extra in _TEMPORAL_EXTRAS:
        event.pop(extra, None)
    if activity.in_activity():
        info = activity.info()
        event.setdefault("activity", info.activity_type)
        event.setdefault("attempt", info.attempt)
        running = info.workflow_id
    elif workflow.in_workflow():
        running = workflow.info().workflow_id
    else:
        running = None
    if running is None:
        return event
    event.setdefault("workflow_id", running)
    try:
        tenant, ticket_id = parse_workflow_id(running)
    except BadInput:  # not the workflow of a ticket
        return event
    event.setdefault("tenant", tenant)
    event.setdefault("ticket_id", ticket_id)
    return event
