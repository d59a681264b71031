"""Who waits for a place has agreed to a version of the terms; the booking that comes of it stores that one.

Revision: 20261130_0300
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_0300"
down_revision = "20261129_2100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("waiting_entries", sa.Column("terms_version", sa.String(20)))


def downgrade() -> None:
    op.drop_column("waiting_entries", "terms_version")
