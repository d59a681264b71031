"""Backfill estimated_return_time, then require it.

The pattern for a data migration: expand first (the column came nullable), fill in batches that each hold few
locks, then contract. Running it again finds nothing left to do.

Revision: 20261123_0110, after 20261123_0100
"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_0110"
down_revision = "20261123_0100"
branch_labels = None
depends_on = None

BATCH_ROWS = 5_000

FILL_BATCH = sa.text(
    """
    UPDATE bookings SET estimated_return_time = pickup_time + INTERVAL '8 hours'
    WHERE id IN (SELECT id FROM bookings WHERE estimated_return_time IS NULL LIMIT :rows FOR UPDATE SKIP LOCKED)
    """
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        while op.get_bind().execute(FILL_BATCH, {"rows": BATCH_ROWS}).rowcount:
            pass
    op.alter_column("bookings", "estimated_return_time", nullable=False)
    op.create_check_constraint("return_after_pickup", "bookings", "estimated_return_time > pickup_time")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_bookings_return_after_pickup"), "bookings", type_="check")
    op.alter_column("bookings", "estimated_return_time", nullable=True)
