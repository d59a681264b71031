"""Extensions in full.

Revision: 20261123_0430
"""

revision = "20261123_0430"
down_revision = "20261123_0425"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
