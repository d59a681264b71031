"""Workshop day.

Revision: 20261123_0450
"""

revision = "20261123_0450"
down_revision = "20261123_0440"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
