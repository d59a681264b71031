"""A file says whether it was drawn as a signature. Those of handovers that are done are known by them.

Revision: 20261130_0310
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_0310"
down_revision = "20261130_0300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("is_signature", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    op.add_column("media_files", column)


def downgrade() -> None:
    op.drop_column("media_files", "is_signature")
