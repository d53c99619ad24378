"""The tables as they were when databases had no version yet.

Such a database is at this revision already; ``migrate`` enters that, and changes nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _effects()
    _projections()
    _trails()


def _effects() -> None:
    op.create_table(
        "effects",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("effect_id", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("action_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("order_id", sa.String),
        sa.Column("customer_id", sa.String),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("request_id", sa.String),
        sa.Column("approved_by", sa.String),
        sa.Column("reserved_until", sa.DateTime(timezone=True)),
        sa.Column("day", sa.Date),
        sa.Column("receipt", sa.JSON),
        sa.Column("error_code", sa.String),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "effect_id", name="pk_effects"),
        sa.CheckConstraint(
            "state IN ('reserved', 'executing', 'unknown', 'done', 'failed', 'released')",
            name="ck_effects_state",
        ),
        sa.CheckConstraint("amount_minor >= 0", name="ck_effects_amount"),
    )
    op.create_index("ix_effects_tenant_day", "effects", ["tenant", "day"])
    op.create_index(
        "ix_effects_tenant_state_reserved_until", "effects", ["tenant", "state", "reserved_until"]
    )
    op.create_table(
        "effect_components",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("effect_id", sa.String, nullable=False),
        sa.Column("component_id", sa.String, nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "effect_id", "component_id", name="pk_effect_components"),
        sa.ForeignKeyConstraint(
            ["tenant", "effect_id"],
            ["effects.tenant", "effects.effect_id"],
            name="fk_effect_components_effects",
        ),
    )
    op.create_index(
        "uq_effect_components_live",
        "effect_components",
        ["tenant", "component_id"],
        unique=True,
        sqlite_where=sa.text("live IS 1"),
        postgresql_where=sa.text("live IS true"),
    )


def _projections() -> None:
    op.create_table(
        "tickets",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("intent", sa.String),
        sa.Column("priority", sa.String),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closure", sa.String),
        sa.Column("view", sa.JSON, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "ticket_id", name="pk_tickets"),
    )
    op.create_index("ix_tickets_tenant_opened_at", "tickets", ["tenant", "opened_at"])
    op.create_table(
        "approvals",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True)),
        sa.Column("total_minor", sa.BigInteger),
        sa.Column("currency", sa.String),
        sa.Column("action_kinds", sa.JSON, nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant", "ticket_id", "request_id", name="pk_approvals"),
    )
    op.create_index("ix_approvals_outcome_deadline", "approvals", ["outcome", "deadline"])


def _trails() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "outcome_events",
        sa.Column("number", number, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_outcome_events"),
        sa.UniqueConstraint(
            "tenant",
            "ticket_id",
            "event_id",
            name="uq_outcome_events_tenant_ticket_id_event_id",
        ),
    )
    op.create_index("ix_outcome_events_tenant_at", "outcome_events", ["tenant", "at"])
    op.create_table(
        "audit",
        sa.Column("number", number, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    op.create_index("ix_audit_tenant_ticket_id", "audit", ["tenant", "ticket_id"])
