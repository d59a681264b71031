"""Who is still to be asked how it was is found without reading every booking.

Revision: 20261130_2110
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_2110"
down_revision = "20261130_2030"
branch_labels = None
depends_on = None

NAME = "ix_bookings_completed_at"


def upgrade() -> None:
    op.create_index(NAME, "bookings", ["completed_at"], postgresql_where=sa.text("status = 'COMPLETED'"))


def downgrade() -> None:
    op.drop_index(NAME, "bookings")
