"""Held payments: what shall be held and captured, and what the provider was asked for it.

Revision: 20261123_0440
"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_0440"
down_revision = "20261123_0430"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
CAPTURED_ONCE = "capture_cents IS NOT NULL AND state IN ('AUTHORIZED', 'PROCESSING', 'SUCCEEDED')"


def upgrade() -> None:
    for column in (
        sa.Column("method_id", sa.Uuid(), nullable=True),
        sa.Column("description", sa.String(200), server_default="", nullable=False),
        sa.Column("hold_asked_at", INSTANT, nullable=True),
        sa.Column("provider_asked_at", INSTANT, nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("key_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("capture_cents", sa.Integer(), nullable=True),
        sa.Column("capture_asked_at", INSTANT, nullable=True),
        sa.Column("capture_given_up_at", INSTANT, nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("escalated_at", INSTANT, nullable=True),
    ):
        op.add_column("payments", column)
    _keys()
    _indexes()


def _keys() -> None:
    op.create_foreign_key(
        op.f("fk_payments_method_id_payment_methods"),
        "payments",
        "payment_methods",
        ["method_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.create_foreign_key(
        op.f("fk_payments_replaces_id_payments"), "payments", "payments", ["replaces_id"], ["id"], ondelete="RESTRICT"
    )
    op.create_unique_constraint(op.f("uq_payments_replaces_id"), "payments", ["replaces_id"])
    op.create_check_constraint(
        op.f("ck_payments_capture_within_amount"), "payments", "capture_cents BETWEEN 1 AND amount_cents"
    )
    op.create_check_constraint(
        op.f("ck_payments_capture_has_time"), "payments", "(capture_cents IS NULL) = (capture_asked_at IS NULL)"
    )


def _indexes() -> None:
    op.create_index(op.f("ix_payments_method_id"), "payments", ["method_id"])
    op.create_index(
        "uq_payments_captured_once",
        "payments",
        ["purpose", "purpose_id"],
        unique=True,
        postgresql_where=sa.text(CAPTURED_ONCE),
    )
    op.create_index(
        "ix_payments_lapsing", "payments", ["capture_before"], postgresql_where=sa.text("state = 'AUTHORIZED'")
    )
    op.create_index(
        "ix_payments_asked",
        "payments",
        ["provider_asked_at"],
        postgresql_where=sa.text("provider_asked_at IS NOT NULL"),
    )


def downgrade() -> None:
    for name in ("ix_payments_asked", "ix_payments_lapsing", "uq_payments_captured_once", "ix_payments_method_id"):
        op.drop_index(name, table_name="payments")
    for name in ("ck_payments_capture_has_time", "ck_payments_capture_within_amount"):
        op.drop_constraint(op.f(name), "payments", type_="check")
    op.drop_constraint(op.f("uq_payments_replaces_id"), "payments", type_="unique")
    for name in ("fk_payments_replaces_id_payments", "fk_payments_method_id_payment_methods"):
        op.drop_constraint(op.f(name), "payments", type_="foreignkey")
    for name in (
        "escalated_at",
        "replaces_id",
        "capture_given_up_at",
        "capture_asked_at",
        "capture_cents",
        "key_version",
        "tries",
        "provider_asked_at",
        "hold_asked_at",
        "description",
        "method_id",
    ):
        op.drop_column("payments", name)
