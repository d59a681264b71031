"""Usual work can say its name and what the customer reads in English too; empty: as it is in German.

Revision: 20261130_0330
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_0330"
down_revision = "20261130_0310"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_items", sa.Column("name_en", sa.String(120), server_default="", nullable=False))
    op.add_column("work_items", sa.Column("description_en", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("work_items", "description_en")
    op.drop_column("work_items", "name_en")
