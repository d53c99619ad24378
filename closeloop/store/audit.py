"""Writing the audit trail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import Connection, insert

from closeloop.store import schema

DESK: Final = "closeloop"
"""The actor of what no person did."""


def append_audit(
    connection: Connection,
    *,
    at: datetime,
    tenant: str,
    ticket_id: str,
    actor: str,
    what: str,
    detail: Mapping[str, JsonValue],
) -> None:
    """Add one line, in the transaction of what it tells about."""
    line = {
        "at": at,
        "tenant": tenant,
        "ticket_id": ticket_id,
        "actor": actor,
        "what": what,
        "detail": dict(detail),
    }
    connection.execute(insert(schema.audit), line)
