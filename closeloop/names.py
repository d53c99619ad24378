"""Every name on the wire, spelled once: queues, ids and their inverse, attributes, messages."""

import re
from typing import Final

from closeloop.errors import BadInput

TICKETS_QUEUE: Final = "closeloop-tickets"
"""Workflows, policy and other quick reads (local activities)."""
BACKENDS_QUEUE: Final = "closeloop-backends"
"""Activities that call backend systems, and the offline models where they stand in."""
AGENTS_QUEUE: Final = "closeloop-agents"
"""Activities that ask agents: a queue of their own, for language models have a rate limit."""

TICKET_WORKFLOW: Final = "TicketWorkflow"
KNOWLEDGE_SYNC_WORKFLOW: Final = "KnowledgeSyncWorkflow"

UPDATE_DECIDE: Final = "decide"
UPDATE_ADD_MESSAGE: Final = "add_message"
UPDATE_OPERATE: Final = "operate"
SIGNAL_SUBMIT_DECISION: Final = "submit_decision"
SIGNAL_CUSTOMER_MESSAGE: Final = "customer_message"
SIGNAL_BACKEND_EVENT: Final = "backend_event"
QUERY_TICKET: Final = "get_ticket"
QUERY_PENDING_APPROVAL: Final = "get_pending_approval"
QUERY_TIMELINE: Final = "get_timeline"

SEARCH_ATTRIBUTES: Final[dict[str, str]] = {
    "TicketStatus": "Keyword",
    "TicketIntent": "Keyword",
    "TicketPriority": "Keyword",
    "AutonomyMode": "Keyword",
    "Tenant": "Keyword",
    "EscalationReason": "Keyword",
    "AwaitingApproval": "Bool",
    "SlaBreached": "Bool",
    "SlaDueAt": "Datetime",
}
"""Name to Temporal type. They are not encrypted: no personal data, ever."""

MEMO_CONTENT_HASH: Final = "content_hash"
"""Hash of what makes two openings of one id the same ticket, or two syncs of a tenant the same."""

MEMO_OPENING_MESSAGE: Final = "opening_message"
"""Hash of the id of the message or hint that opened a linked ticket: sent again, it opens none."""

DEFAULT_TENANT: Final = "default"

_PART = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WORKFLOW_ID = re.compile(
    r"ticket:(?P<tenant>[A-Za-z0-9_-]{1,64}):(?P<ticket>[A-Za-z0-9_-]{1,64}(?:~[1-9][0-9]{0,3})?)"
)


def checked_part(value: str, field: str) -> str:
    """Return ``value`` if it may be part of an id, else raise ``BadInput`` naming ``field``."""
    if not _PART.fullmatch(value):
        raise BadInput(
            f"{field} {value[:80]!r} is not a valid id: use 1 to 64 letters, digits, '_' and '-'",
            field=field,
        )
    return value


def workflow_id(tenant: str, ticket_id: str) -> str:
    """Return ``ticket:<tenant>:<ticket_id>``; a ``~n`` suffix names a linked ticket.

    Raises:
        BadInput: a part does not match ``[A-Za-z0-9_-]{1,64}``.
    """
    checked_part(tenant, "tenant")
    candidate = f"ticket:{tenant}:{ticket_id}"
    if not _WORKFLOW_ID.fullmatch(candidate):
        checked_part(ticket_id, "ticket_id")
    return candidate


def parse_workflow_id(value: str) -> tuple[str, str]:
    """Return ``(tenant, ticket_id)`` of a workflow id; the inverse of ``workflow_id``."""
    match = _WORKFLOW_ID.fullmatch(value)
    if match is None:
        raise BadInput(f"{value[:160]!r} is not the workflow id of a ticket", field="workflow_id")
    return match["tenant"], match["ticket"]


def knowledge_sync_id(tenant: str) -> str:
    """Return ``knowledge-sync:<tenant>``: a tenant has one such workflow at a time.

    Raises:
        BadInput: the tenant does not match ``[A-Za-z0-9_-]{1,64}``.
    """
    return f"knowledge-sync:{checked_part(tenant, 'tenant')}"


def parse_knowledge_sync_id(value: str) -> str:
    """Return the tenant of a sync's workflow id; the inverse of ``knowledge_sync_id``."""
    prefix, _, tenant = value.partition(":")
    if prefix != "knowledge-sync":
        raise BadInput(f"{value[:160]!r} is not the workflow id of a sync", field="workflow_id")
    return checked_part(tenant, "tenant")


def linked_ticket_id(ticket_id: str) -> str:
    """Return the id of the ticket that follows ``ticket_id``: ``T``, ``T~2``, ``T~3``, ..."""
    base, _, number = ticket_id.partition("~")
    return f"{base}~{int(number or '1') + 1}"


def tickets_between(first: str, last: str) -> tuple[str, ...]:
    """Return ``first`` and the linked tickets that follow it, up to and without ``last``."""
    base, _, start = first.partition("~")
    _, _, end = last.partition("~")
    numbers = range(int(start or "1"), int(end or "1"))
    return tuple(base if number == 1 else f"{base}~{number}" for number in numbers)


def idempotency_key(tenant: str, effect_id: str) -> str:
    """Return the key under which a backend is asked for an effect."""
    return f"{tenant}:{effect_id}"


def parse_idempotency_key(value: str) -> tuple[str, str]:
    """Return ``(tenant, effect_id)`` of a key; the inverse of ``idempotency_key``."""
    tenant, colon, effect_id = value.partition(":")
    if not colon or not effect_id:
        raise BadInput(f"{value[:160]!r} is not the key of an effect", field="key")
    return checked_part(tenant, "tenant"), effect_id
