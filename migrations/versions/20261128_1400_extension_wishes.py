"""What the customer would like done this time of what was declined before; how many usual work takes.

Revision: 20261128_1400
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261128_1400"
down_revision = "20261128_1340"
branch_labels = None
depends_on = None

WISHES = "extension_wishes"
CHECKS = {
    "place_not_negative": "place >= 0",
    "price_positive": "price > 0",
    "taken_up_has_place": "(taken_up_by_id IS NULL) = (taken_up_place IS NULL)",
    "set_aside_has_words": "(set_aside_at IS NULL) = (set_aside_words = '')",
    "taken_up_or_set_aside": "taken_up_by_id IS NULL OR set_aside_at IS NULL",
}


def _key(column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{WISHES}_{column}_{to}", ondelete=ondelete)


def _at(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    texts = postgresql.ARRAY(sa.Text())
    op.add_column("booking_drafts", sa.Column("wishes", texts, server_default=sa.text("'{}'"), nullable=False))
    op.add_column("work_items", sa.Column("quantity", sa.Numeric(7, 3), server_default="1", nullable=False))
    op.create_check_constraint(op.f("ck_work_items_quantity_positive"), "work_items", "quantity > 0")
    op.create_table(
        WISHES,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("extension_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.String(12), nullable=False),
        sa.Column("taken_up_by_id", sa.Uuid()),
        sa.Column("taken_up_place", sa.Integer()),
        sa.Column("set_aside_at", sa.DateTime(timezone=True)),
        sa.Column("set_aside_words", sa.Text(), server_default="", nullable=False),
        sa.Column("set_aside_by", sa.Uuid()),
        _at("created_at"),
        _at("updated_at"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{WISHES}"),
        sa.UniqueConstraint("booking_id", "extension_id", "place", name=f"uq_{WISHES}_item"),
        sa.UniqueConstraint("taken_up_by_id", "taken_up_place", name=f"uq_{WISHES}_taken_up"),
        *(sa.CheckConstraint(condition, name=op.f(f"ck_{WISHES}_{name}")) for name, condition in CHECKS.items()),
        _key("booking_id", "bookings", "CASCADE"),
        _key("extension_id", "extensions", "RESTRICT"),
        _key("taken_up_by_id", "extensions", "RESTRICT"),
        _key("set_aside_by", "users", "SET NULL"),
    )
    op.create_index(f"ix_{WISHES}_extension_id", WISHES, ["extension_id"])
    op.create_index(f"ix_{WISHES}_set_aside_by", WISHES, ["set_aside_by"])


def downgrade() -> None:
    op.drop_table(WISHES)
    op.drop_constraint(op.f("ck_work_items_quantity_positive"), "work_items", type_="check")
    op.drop_column("work_items", "quantity")
    op.drop_column("booking_drafts", "wishes")
