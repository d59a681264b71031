"""After a return that failed somebody says when the customer's car is at the workshop again.

Revision: 20261130_0500
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_0500"
down_revision = "20261130_0330"
branch_labels = None
depends_on = None

RULE = "car_back_at IS NULL OR type = 'RETURN' AND status = 'CANCELLED' AND started_at IS NOT NULL"


def upgrade() -> None:
    op.add_column("jockey_assignments", sa.Column("car_back_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_jockey_assignments_car_back_of_failed_return"), "jockey_assignments", RULE)


def downgrade() -> None:
    op.drop_column("jockey_assignments", "car_back_at")
