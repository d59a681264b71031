"""Customers withdraw while their car is with us: two kinds of messages, and how far such a booking goes.

Revision: 20261129_0650
"""

import sqlalchemy as sa
from alembic import op

revision = "20261129_0650"
down_revision = "20261128_1830"
branch_labels = None
depends_on = None

KINDS = ("WITHDRAWAL_RECEIVED", "WITHDRAWAL_STAFF_ALERT")
GOES_NO_FURTHER = """withdrawn_at IS NULL OR service_completed_at IS NULL
    AND status IN ('IN_TRANSIT_TO_WORKSHOP', 'IN_WORKSHOP', 'CANCELLED')"""


def upgrade() -> None:
    for kind in KINDS:
        op.execute(f"ALTER TYPE notification_kind ADD VALUE IF NOT EXISTS '{kind}'")
    op.create_check_constraint(op.f("ck_bookings_withdrawn_goes_no_further"), "bookings", GOES_NO_FURTHER)


def downgrade() -> None:
    """PostgreSQL cannot drop a value: the type is made anew, and messages of these kinds go."""
    op.drop_constraint(op.f("ck_bookings_withdrawn_goes_no_further"), "bookings")
    bind = op.get_bind()
    values = bind.execute(sa.text("SELECT unnest(enum_range(NULL::notification_kind))::text")).scalars().all()
    kept = ", ".join(f"'{value}'" for value in values if value not in KINDS)
    gone = ", ".join(f"'{value}'" for value in KINDS)
    op.execute(f"DELETE FROM notifications WHERE kind::text IN ({gone})")
    op.execute("ALTER TYPE notification_kind RENAME TO notification_kind_before")
    op.execute(f"CREATE TYPE notification_kind AS ENUM ({kept})")
    op.execute("ALTER TABLE notifications ALTER COLUMN kind TYPE notification_kind USING kind::text::notification_kind")
    op.execute("DROP TYPE notification_kind_before")
