"""When a jockey set out: the customer's page tells the arrival that the message told, and when the car left.

Revision: 20261128_1830
"""

import sqlalchemy as sa
from alembic import op

revision = "20261128_1830"
down_revision = "20261128_1730"
branch_labels = None
depends_on = None

# trips that began before this was noted
STARTED = """
    UPDATE jockey_assignments a SET started_at = l.at FROM audit_log l
    WHERE l.entity_type = 'assignment' AND l.entity_id = a.id AND l.action = 'assignment.start'"""


def upgrade() -> None:
    op.add_column("jockey_assignments", sa.Column("started_at", sa.DateTime(timezone=True)))
    op.execute(STARTED)


def downgrade() -> None:
    op.drop_column("jockey_assignments", "started_at")
