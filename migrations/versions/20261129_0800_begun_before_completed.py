"""Work that is completed was begun: what was reported done without a beginning began when it was done.

Revision: 20261129_0800
"""

from alembic import op

revision = "20261129_0800"
down_revision = "20261129_0650"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE bookings SET work_started_at = service_completed_at"
        " WHERE service_completed_at IS NOT NULL AND work_started_at IS NULL"
    )
    op.create_check_constraint(
        op.f("ck_bookings_begun_before_completed"),
        "bookings",
        "service_completed_at IS NULL OR work_started_at IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_bookings_begun_before_completed"), "bookings")
