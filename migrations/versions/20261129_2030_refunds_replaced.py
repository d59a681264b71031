"""When a failed refund was replaced: what was left was shared out anew, and nothing is owed for it any more.

Revision: 20261129_2030
"""

import sqlalchemy as sa
from alembic import op

revision = "20261129_2030"
down_revision = "20261129_1500"
branch_labels = None
depends_on = None

# the end of a booking gave back what was left, in which what had failed by then was contained
REPLACED = """
    UPDATE refunds f SET replaced_at = e.created_at FROM refunds e
    WHERE f.state = 'FAILED' AND e.payment_id = f.payment_id AND e.created_at > f.updated_at
      AND e.reference = '' AND e.reason IN ('customer', 'staff_cancelled', 'withdrawal', 'no_show')"""

RESOLVED = """
    UPDATE failed_operations o SET resolved_at = now(), resolution = 'what was left was shared out anew'
    FROM refunds f WHERE f.replaced_at IS NOT NULL AND o.operation = 'payments.refund' AND o.resolved_at IS NULL
      AND o.payload ->> 'refund_id' = f.id::text"""


def upgrade() -> None:
    op.add_column("refunds", sa.Column("replaced_at", sa.DateTime(timezone=True)))
    op.execute(REPLACED)
    op.execute(RESOLVED)


def downgrade() -> None:
    op.drop_column("refunds", "replaced_at")
