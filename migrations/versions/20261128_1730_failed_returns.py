"""When a return has failed: the customer's page leads to a new window until a jockey has the return again.

Revision: 20261128_1730
"""

import sqlalchemy as sa
from alembic import op

revision = "20261128_1730"
down_revision = "20261128_1410"
branch_labels = None
depends_on = None

WAITS = "return_failed_at IS NULL OR status IN ('READY_FOR_RETURN', 'CANCELLED')"

# cars that came back before this was noted, and wait for a new window
WAITING = """
    UPDATE bookings b SET return_failed_at = a.updated_at FROM (
        SELECT DISTINCT ON (booking_id) * FROM jockey_assignments WHERE type = 'RETURN'
        ORDER BY booking_id, created_at DESC, id DESC) a
    WHERE a.booking_id = b.id AND b.status = 'READY_FOR_RETURN'
      AND a.status = 'CANCELLED' AND (a.cancel_reason = 'NO_SHOW' OR a.arrived_at IS NOT NULL)"""


def upgrade() -> None:
    op.add_column("bookings", sa.Column("return_failed_at", sa.DateTime(timezone=True)))
    op.execute(WAITING)
    op.create_check_constraint(op.f("ck_bookings_failed_return_waits"), "bookings", WAITS)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_bookings_failed_return_waits"), "bookings")
    op.drop_column("bookings", "return_failed_at")
