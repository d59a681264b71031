"""Held payments.

Revision: 20261123_0440
"""

revision = "20261123_0440"
down_revision = "20261123_0430"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
