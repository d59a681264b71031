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


def upgrade() -> None:
    op.add_column("bookings", sa.Column("return_failed_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(op.f("ck_bookings_failed_return_waits"), "bookings", WAITS)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_bookings_failed_return_waits"), "bookings")
    op.drop_column("bookings", "return_failed_at")
