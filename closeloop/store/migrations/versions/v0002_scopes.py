"""What each effect's money counts towards: its order, customer, instruments and address."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table, and fill it with what older rows say: order and customer."""
    op.create_table(
        "effect_scopes",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("effect_id", sa.String, nullable=False),
        sa.Column("scope", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "effect_id", "scope", name="pk_effect_scopes"),
        sa.ForeignKeyConstraint(
            ["tenant", "effect_id"],
            ["effects.tenant", "effects.effect_id"],
            name="fk_effect_scopes_effects",
        ),
    )
    op.create_index("ix_effect_scopes_tenant_scope", "effect_scopes", ["tenant", "scope"])
    for scope, column in (("order:", "order_id"), ("customer:", "customer_id")):
        op.execute(
            "INSERT INTO effect_scopes (tenant, effect_id, scope)"
            f" SELECT tenant, effect_id, '{scope}' || {column} FROM effects"
            f" WHERE {column} IS NOT NULL AND amount_minor IS NOT NULL"
        )
