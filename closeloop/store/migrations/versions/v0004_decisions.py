"""What policy judged and people decided, and the switch that stops autonomous writes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables; decisions of before are in the audit trail alone."""
    op.create_table(
        "decisions",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("label", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "ticket_id", "request_id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_tenant_at", "decisions", ["tenant", "at"])
    op.create_table(
        "judgements",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judgement", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "ticket_id", "event_id", name="pk_judgements"),
    )
    op.create_index("ix_judgements_tenant_at", "judgements", ["tenant", "at"])
    op.create_table(
        "stops",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name="pk_stops"),
    )
