"""Move offers and waiting list.

Revision: 20261123_0425
"""

revision = "20261123_0425"
down_revision = "20261123_0420"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
