"""What people decided, beside what was proposed: material to learn from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table; decisions of before are in the audit trail alone."""
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
