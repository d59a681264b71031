"""Customers withdraw when the work is done, too, or after a cancellation of which something was kept.

Revision: 20261130_2015
"""

from alembic import op

revision = "20261130_2015"
down_revision = "20261130_1630"
branch_labels = None
depends_on = None

NAME = "ck_bookings_withdrawn_goes_no_further"
BEFORE = """withdrawn_at IS NULL OR service_completed_at IS NULL
    AND status IN ('IN_TRANSIT_TO_WORKSHOP', 'IN_WORKSHOP', 'CANCELLED')"""
NOW = """withdrawn_at IS NULL OR status IN ('CANCELLED', 'READY_FOR_RETURN', 'IN_TRANSIT_TO_CUSTOMER', 'COMPLETED')
    OR status IN ('IN_TRANSIT_TO_WORKSHOP', 'IN_WORKSHOP') AND service_completed_at IS NULL"""


def upgrade() -> None:
    op.drop_constraint(op.f(NAME), "bookings")
    op.create_check_constraint(op.f(NAME), "bookings", NOW)


def downgrade() -> None:
    """What was withdrawn from when the work was done is forgotten; its money went back."""
    op.drop_constraint(op.f(NAME), "bookings")
    op.execute(f"UPDATE bookings SET withdrawn_at = NULL WHERE NOT ({BEFORE})")
    op.create_check_constraint(op.f(NAME), "bookings", BEFORE)
