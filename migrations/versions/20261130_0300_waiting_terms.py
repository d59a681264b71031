"""Who waits for a place has agreed to a version of the terms; the booking that comes of it stores that one.

Who waits already gets the version that has been ours since 29 November 2026.

Revision: 20261130_0300
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_0300"
down_revision = "20261129_2100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("terms_version", sa.String(20), server_default="2026-11-29", nullable=False)
    op.add_column("waiting_entries", column)
    op.alter_column("waiting_entries", "terms_version", server_default=None)


def downgrade() -> None:
    op.drop_column("waiting_entries", "terms_version")
