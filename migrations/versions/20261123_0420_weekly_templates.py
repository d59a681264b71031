"""Weekly templates.

Revision: 20261123_0420
"""

revision = "20261123_0420"
down_revision = "20261123_0410"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
