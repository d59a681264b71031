"""A saved card knows whether the provider was told that it is the usual one.

Revision: 20261130_2030
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_2030"
down_revision = "20261130_2015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_methods", sa.Column("default_told_at", sa.DateTime(timezone=True), nullable=True))
    # each was told at once, as far as anybody knows
    op.execute("UPDATE payment_methods SET default_told_at = updated_at WHERE is_default")


def downgrade() -> None:
    op.drop_column("payment_methods", "default_told_at")
