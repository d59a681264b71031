"""Which drafts of extensions are over, so that a page that was late saves none of them again.

Revision: 20261123_0460
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_0460"
down_revision = "20261123_0450"
branch_labels = None
depends_on = None


def upgrade() -> None:
    keys = postgresql.ARRAY(sa.Text())
    op.add_column("extension_drafts", sa.Column("ended_keys", keys, server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    op.execute("DELETE FROM extension_drafts WHERE content = '{}'::jsonb")  # kept for their ended keys only
    op.drop_column("extension_drafts", "ended_keys")
