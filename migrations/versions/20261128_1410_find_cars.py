"""Indexes by which staff find a car: its plate, the name, the booking's number.

Writes to bookings wait while they are built: some 20 s with a million bookings.

Revision: 20261128_1410
"""

import sqlalchemy as sa
from alembic import op

revision = "20261128_1410"
down_revision = "20261128_1400"
branch_labels = None
depends_on = None

SAID = (
    "lower(translate(split_part(number, '-', 3) || '|' || customer_name || '|' ||"
    " coalesce(car_details ->> 'license_plate', ''), ' -', ''))"
)
PLAIN_PLATE = "lower(translate(license_plate, ' -', ''))"


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_index("ix_bookings_number", "bookings", [sa.text('number COLLATE "C"')])
    op.create_index("ix_bookings_workshop_id_number", "bookings", ["workshop_id", sa.text('number COLLATE "C"')])
    trigrams = {"postgresql_using": "gin"}
    op.create_index("ix_bookings_said", "bookings", [sa.text(f"({SAID}) gin_trgm_ops")], **trigrams)
    op.create_index("ix_vehicles_plain_plate", "vehicles", [sa.text(f"({PLAIN_PLATE}) gin_trgm_ops")], **trigrams)
    op.execute("ANALYZE bookings")  # what an expression looks like is known only after it
    op.execute("ANALYZE vehicles")


def downgrade() -> None:
    op.drop_index("ix_vehicles_plain_plate", "vehicles")
    op.drop_index("ix_bookings_said", "bookings")
    op.drop_index("ix_bookings_workshop_id_number", "bookings")
    op.drop_index("ix_bookings_number", "bookings")
    # pg_trgm stays: it may have been there before, and others may use it
