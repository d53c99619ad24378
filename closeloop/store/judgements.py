"""What policy judged, with the facts it rested on: what rules can be tried on again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from closeloop.models.policy import RecordedJudgement, TicketJudgement
from closeloop.store.engine import insert_into
from closeloop.store.schema import judgements


def keep(
    connection: Connection, tenant: str, ticket_id: str, made: Sequence[RecordedJudgement]
) -> None:
    """Insert the judgements not kept before."""
    for judgement in made:
        key = {"tenant": tenant, "ticket_id": ticket_id, "event_id": judgement.event_id}
        row = {"at": judgement.facts.at, "judgement": judgement.model_dump(mode="json")}
        statement = insert_into(connection, judgements).values(key | row)
        connection.execute(statement.on_conflict_do_nothing(index_elements=list(key)))


def read(connection: Connection, tenant: str, since: datetime | None) -> list[TicketJudgement]:
    """Return the tenant's judgements at or after ``since``, in the order they were made."""
    query = select(judgements).where(judgements.c.tenant == tenant)
    if since is not None:
        query = query.where(judgements.c.at >= since)
    query = query.order_by(judgements.c.at, judgements.c.ticket_id, judgements.c.event_id)
    return [
        TicketJudgement.model_validate({**row.judgement, "ticket_id": row.ticket_id})
        for row in connection.execute(query)
    ]
