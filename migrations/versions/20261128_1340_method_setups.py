"""Saving a card or an account without paying; the reference of an account's mandate.

Revision: 20261128_1340
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261128_1340"
down_revision = "20261123_0460"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
KINDS = postgresql.ENUM("card", "sepa_debit", name="method_kind", create_type=False)
STATES = postgresql.ENUM("CREATED", "OPEN", "SAVED", "ENDED", name="setup_state", create_type=False)
LIVE = sa.text("state IN ('CREATED', 'OPEN')")
TO_CLOSE = sa.text("state = 'ENDED' AND closed_at IS NULL")


def upgrade() -> None:
    op.add_column("payment_methods", sa.Column("mandate_reference", sa.String(64), nullable=True))
    op.create_check_constraint(
        op.f("ck_payment_methods_mandate_of_account"),
        "payment_methods",
        "mandate_reference IS NULL OR type = 'sepa_debit'",
    )
    KINDS.create(op.get_bind())
    STATES.create(op.get_bind())
    _table()
    _indexes()


def _table() -> None:
    op.create_table(
        "method_setups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", KINDS, nullable=False),
        sa.Column("state", STATES, server_default="CREATED", nullable=False),
        sa.Column("wish", sa.String(16), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("stripe_checkout_session_id", sa.String(120), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("method_id", sa.Uuid(), nullable=True),
        sa.Column("checked_at", INSTANT, nullable=True),
        sa.Column("saved_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(state = 'SAVED') = (method_id IS NOT NULL)", name=op.f("ck_method_setups_saved_has_method")
        ),
        sa.CheckConstraint("(state = 'SAVED') = (saved_at IS NOT NULL)", name=op.f("ck_method_setups_saved_has_time")),
        sa.CheckConstraint("closed_at IS NULL OR state = 'ENDED'", name=op.f("ck_method_setups_closed_is_ended")),
        sa.CheckConstraint("checkout_url IS NULL OR state = 'OPEN'", name=op.f("ck_method_setups_page_is_open")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_method_setups_user_id_users"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["method_id"],
            ["payment_methods.id"],
            name=op.f("fk_method_setups_method_id_payment_methods"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_method_setups")),
        sa.UniqueConstraint("stripe_checkout_session_id", name=op.f("uq_method_setups_stripe_checkout_session_id")),
    )


def _indexes() -> None:
    op.create_index(op.f("ix_method_setups_user_id"), "method_setups", ["user_id"])
    op.create_index(op.f("ix_method_setups_method_id"), "method_setups", ["method_id"])
    op.create_index("uq_method_setups_live", "method_setups", ["user_id", "kind"], unique=True, postgresql_where=LIVE)
    op.create_index("ix_method_setups_open", "method_setups", ["expires_at"], postgresql_where=LIVE)
    op.create_index("ix_method_setups_to_close", "method_setups", ["updated_at"], postgresql_where=TO_CLOSE)


def downgrade() -> None:
    op.drop_table("method_setups")
    STATES.drop(op.get_bind())
    KINDS.drop(op.get_bind())
    op.drop_constraint(op.f("ck_payment_methods_mandate_of_account"), "payment_methods", type_="check")
    op.drop_column("payment_methods", "mandate_reference")
