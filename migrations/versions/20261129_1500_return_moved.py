"""A kind of message: the return of a car has another window.

Revision: 20261129_1500
"""

import sqlalchemy as sa
from alembic import op

revision = "20261129_1500"
down_revision = "20261129_0800"
branch_labels = None
depends_on = None

KINDS = ("RETURN_MOVED",)


def upgrade() -> None:
    for kind in KINDS:
        op.execute(f"ALTER TYPE notification_kind ADD VALUE IF NOT EXISTS '{kind}'")


def downgrade() -> None:
    """PostgreSQL cannot drop a value: the type is made anew, and messages of these kinds go."""
    bind = op.get_bind()
    values = bind.execute(sa.text("SELECT unnest(enum_range(NULL::notification_kind))::text")).scalars().all()
    kept = ", ".join(f"'{value}'" for value in values if value not in KINDS)
    gone = ", ".join(f"'{value}'" for value in KINDS)
    op.execute(f"DELETE FROM notifications WHERE kind::text IN ({gone})")
    op.execute("ALTER TYPE notification_kind RENAME TO notification_kind_before")
    op.execute(f"CREATE TYPE notification_kind AS ENUM ({kept})")
    op.execute("ALTER TABLE notifications ALTER COLUMN kind TYPE notification_kind USING kind::text::notification_kind")
    op.execute("DROP TYPE notification_kind_before")
