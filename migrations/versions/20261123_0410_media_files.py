"""Media files.

Revision: 20261123_0410
"""

revision = "20261123_0410"
down_revision = "20261123_0400"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
