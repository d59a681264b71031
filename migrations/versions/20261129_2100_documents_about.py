"""What is printed on a document beside its sums, as it was when it was issued. Older ones go on without.

Revision: 20261129_2100
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261129_2100"
down_revision = "20261129_2030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("about", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    op.drop_column("documents", "about")
