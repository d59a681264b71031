"""Where a car's keys hang and where it stands, noted at check-in.

Revision: 20261123_0450
"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_0450"
down_revision = "20261123_0440"
branch_labels = None
depends_on = None

COLUMNS = ("keys_at", "parked_at")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("bookings", sa.Column(name, sa.String(60), server_default="", nullable=False))


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.drop_column("bookings", name)
