"""A draft keeps which version of the terms its person agreed to.

Revision: 20261130_1630
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_1630"
down_revision = "20261130_0500"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("booking_drafts", sa.Column("terms_version", sa.String(20), nullable=True))


def downgrade() -> None:
    op.drop_column("booking_drafts", "terms_version")
