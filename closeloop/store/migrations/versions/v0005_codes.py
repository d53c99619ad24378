"""One-time codes by which customers show who they are, and the attempts at them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "code_challenges",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("salt", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_by", sa.String),
        sa.PrimaryKeyConstraint("tenant", "ticket_id", "number", name="pk_code_challenges"),
    )
    op.create_index(
        "ix_code_challenges_tenant_subject_issued_at",
        "code_challenges",
        ["tenant", "subject", "issued_at"],
    )
    op.create_table(
        "code_attempts",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("ticket_id", sa.String, nullable=False),
        sa.Column("attempt_id", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("matched", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "ticket_id", "attempt_id", name="pk_code_attempts"),
    )
    op.create_index(
        "ix_code_attempts_tenant_subject_at", "code_attempts", ["tenant", "subject", "at"]
    )
