"""Which effect an undo takes back, so that the effect may be made again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; undos of before it name nothing, and free nothing."""
    op.add_column("effects", sa.Column("takes_back", sa.String))
    op.create_index("ix_effects_tenant_takes_back", "effects", ["tenant", "takes_back"])
