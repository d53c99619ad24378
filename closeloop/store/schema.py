"""The tables of the operations database, in SQL that SQLite and PostgreSQL both speak.

Every key begins with the tenant. Amounts are integers in minor units; times are aware and in UTC.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    true,
)
from sqlalchemy.types import TypeDecorator


class EffectState(StrEnum):
    """Where an effect stands in the ledger; all but failed and released are live."""

    RESERVED = "reserved"
    EXECUTING = "executing"
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"
    RELEASED = "released"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time; SQLite, which has no time zones, keeps it as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC; a naive one is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored time as an aware one, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only in a primary key of the type INTEGER, which has 64 bits there.
_RowNumber = BigInteger().with_variant(Integer(), "sqlite")

# Names that do not depend on the database: a migration can drop what it can name.
metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

effects: Final = Table(
    "effects",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("effect_id", String, primary_key=True),
    Column("ticket_id", String, nullable=False),
    Column("action_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("order_id", String),
    Column("customer_id", String),
    Column("amount_minor", BigInteger),
    Column("currency", String),
    Column("state", String, nullable=False),
    Column("request_id", String),
    Column("approved_by", String),
    # The effect that this one undoes: once this is done, that is released, to be made anew.
    Column("takes_back", String),
    Column("reserved_until", UtcDateTime),
    # The UTC day that the money counts on: that of the first attempt; null while only reserved.
    Column("day", Date),
    Column("receipt", JSON(none_as_null=True)),
    Column("error_code", String),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint(
        "state IN ('reserved', 'executing', 'unknown', 'done', 'failed', 'released')", name="state"
    ),
    CheckConstraint("amount_minor >= 0", name="amount"),
    Index(None, "tenant", "day"),
    Index(None, "tenant", "state", "reserved_until"),
    Index(None, "tenant", "takes_back"),
)
"""The refund ledger: one row for each effect that was ever reserved or begun."""

effect_components: Final = Table(
    "effect_components",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("effect_id", String, primary_key=True),
    Column("component_id", String, primary_key=True),
    Column("live", Boolean, nullable=False),
    ForeignKeyConstraint(["tenant", "effect_id"], ["effects.tenant", "effects.effect_id"]),
)
"""What each effect claims."""

# The database's own word on invariant 1: one live effect for each component.
Index(
    "uq_effect_components_live",
    effect_components.c.tenant,
    effect_components.c.component_id,
    unique=True,
    sqlite_where=effect_components.c.live.is_(true()),
    postgresql_where=effect_components.c.live.is_(true()),
)

effect_scopes: Final = Table(
    "effect_scopes",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("effect_id", String, primary_key=True),
    Column("scope", String, primary_key=True),
    ForeignKeyConstraint(["tenant", "effect_id"], ["effects.tenant", "effects.effect_id"]),
    Index(None, "tenant", "scope"),
)
"""What each effect's money counts towards, beside the days of its customer and its tenant."""

tickets: Final = Table(
    "tickets",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("ticket_id", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("intent", String),
    Column("priority", String),
    Column("subject", String, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closure", String),
    Column("view", JSON, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "tenant", "opened_at"),
)
"""Where each ticket stood at its newest snapshot."""

approvals: Final = Table(
    "approvals",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("ticket_id", String, primary_key=True),
    Column("request_id", String, primary_key=True),
    # Null where a request was settled before its publication arrived, which then changes nothing.
    Column("deadline", UtcDateTime),
    Column("total_minor", BigInteger),
    Column("currency", String),
    Column("action_kinds", JSON, nullable=False),
    Column("published_at", UtcDateTime),
    Column("outcome", String),
    Column("settled_at", UtcDateTime),
    Index(None, "outcome", "deadline"),
)
"""Approval requests; those without an outcome wait for a person."""

decisions: Final = Table(
    "decisions",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("ticket_id", String, primary_key=True),
    Column("request_id", String, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("label", JSON, nullable=False),
    Index(None, "tenant", "at"),
)
"""What a person made of each proposal that they decided on, to learn from."""

judgements: Final = Table(
    "judgements",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("ticket_id", String, primary_key=True),
    Column("event_id", String, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("judgement", JSON, nullable=False),
    Index(None, "tenant", "at"),
)
"""What policy said of each proposal, with the facts that it saw."""

stops: Final = Table(
    "stops",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
"""The tenants whose autonomous writes are stopped."""

outcome_events: Final = Table(
    "outcome_events",
    metadata,
    Column("number", _RowNumber, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("ticket_id", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("data", JSON, nullable=False),
    UniqueConstraint("tenant", "ticket_id", "event_id"),
    Index(None, "tenant", "at"),
)
"""What happened that can be measured; ``number`` is the order of arrival."""

code_challenges: Final = Table(
    "code_challenges",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("ticket_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    # Whom the limits count for: a customer, or a stranger by a hash of what they gave.
    Column("subject", String, nullable=False),
    Column("salt", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    # The attempt that was right: a code is good for one.
    Column("used_by", String),
    Index(None, "tenant", "subject", "issued_at"),
)
"""One-time codes, as salted hashes."""

code_attempts: Final = Table(
    "code_attempts",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("ticket_id", String, primary_key=True),
    Column("attempt_id", String, primary_key=True),
    Column("subject", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("matched", Boolean, nullable=False),
    Index(None, "tenant", "subject", "at"),
)
"""Every code that was compared with the one sent, and whether it was right."""

audit: Final = Table(
    "audit",
    metadata,
    Column("number", _RowNumber, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("tenant", String, nullable=False),
    Column("ticket_id", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("what", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Index(None, "tenant", "ticket_id"),
)
"""Who did what, line after line; nothing in here is ever changed or removed."""
