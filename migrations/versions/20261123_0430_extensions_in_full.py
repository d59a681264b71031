"""Extensions in full.

Revision: 20261123_0430
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_0430"
down_revision = "20261123_0425"
branch_labels = None
depends_on = None

SERVICES = ("OIL_SERVICE", "INSPECTION", "BRAKE_SERVICE", "CLIMATE_SERVICE")
CHECKS = {
    "approved_has_items": "(status = 'APPROVED') = (cardinality(accepted_items) > 0)",
    "accepted_were_offered": "cardinality(accepted_items) = 0 OR "
    "(0 <= ALL (accepted_items) AND jsonb_array_length(items) > ALL (accepted_items))",
    "not_done_were_accepted": "not_done_items <@ accepted_items",
    "withdrawn_has_time": "(status = 'CANCELLED') = (withdrawn_at IS NOT NULL)",
    "money_only_when_approved": "status = 'APPROVED' OR authorization_status = 'NONE'",
    "captured_has_time": "(authorization_status = 'CAPTURED') = (payment_captured_at IS NOT NULL)",
    "new_return_has_time": "new_return_slot_id IS NULL OR new_promised_at IS NOT NULL",
    "delay_has_reason": "(new_promised_at IS NULL) = (delay_reason = '')",
    "vat_rate_is_percent": "vat_rate_percent BETWEEN 0 AND 100",
}
COLUMNS = (
    "urgent",
    "raised_by",
    "vat_rate_percent",
    "replaces_id",
    "withdrawn_at",
    "withdraw_reason",
    "accepted_items",
    "not_done_items",
    "shown_digest",
    "new_return_slot_id",
    "new_promised_at",
    "delay_reason",
    "by_mandate",
    "failure_code",
)
ACCEPT_ALL = """
    UPDATE extensions SET accepted_items = ARRAY(SELECT generate_series(0, jsonb_array_length(items) - 1))
    WHERE status = 'APPROVED'"""


def upgrade() -> None:
    _columns()
    op.execute(ACCEPT_ALL)
    op.execute("UPDATE extensions SET withdrawn_at = updated_at WHERE status = 'CANCELLED'")
    op.execute("UPDATE extensions SET authorization_status = 'NONE' WHERE status <> 'APPROVED'")
    op.execute("UPDATE extensions SET vat_rate_percent = 19")
    op.alter_column("extensions", "vat_rate_percent", nullable=False)
    op.create_foreign_key(
        "fk_extensions_raised_by_users", "extensions", "users", ["raised_by"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        "fk_extensions_replaces_id_extensions", "extensions", "extensions", ["replaces_id"], ["id"], ondelete="RESTRICT"
    )
    op.create_foreign_key(
        "fk_extensions_new_return_slot_id_time_slots",
        "extensions",
        "time_slots",
        ["new_return_slot_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.create_unique_constraint("uq_extensions_replaces_id", "extensions", ["replaces_id"])
    op.create_index("ix_extensions_raised_by", "extensions", ["raised_by"])
    op.create_index("ix_extensions_new_return_slot_id", "extensions", ["new_return_slot_id"])
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_extensions_{name}"), "extensions", condition)
    _tables()


def _columns() -> None:
    numbers = postgresql.ARRAY(sa.Integer())
    for column in (
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("raised_by", sa.Uuid()),
        sa.Column("vat_rate_percent", sa.Integer()),
        sa.Column("replaces_id", sa.Uuid()),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("withdraw_reason", sa.Text()),
        sa.Column("accepted_items", numbers, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("not_done_items", numbers, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("shown_digest", sa.String(64)),
        sa.Column("new_return_slot_id", sa.Uuid()),
        sa.Column("new_promised_at", sa.DateTime(timezone=True)),
        sa.Column("delay_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("by_mandate", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("failure_code", sa.String(80)),
    ):
        op.add_column("extensions", column)


def _key(table: str, column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}_{to}", ondelete=ondelete)


def _created(name: str = "created_at") -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _tables() -> None:
    op.create_table(
        "extension_consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("extension_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.Uuid()),
        sa.Column("objected_at", sa.DateTime(timezone=True)),
        _created(),
        sa.PrimaryKeyConstraint("id", name="pk_extension_consents"),
        sa.UniqueConstraint("extension_id", name="uq_extension_consents_extension_id"),
        _key("extension_consents", "extension_id", "extensions", "CASCADE"),
        _key("extension_consents", "staff_id", "users", "SET NULL"),
    )
    op.create_index("ix_extension_consents_staff_id", "extension_consents", ["staff_id"])
    op.create_table(
        "extension_drafts",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("updated_by", sa.Uuid()),
        _created(),
        _created("updated_at"),
        sa.PrimaryKeyConstraint("booking_id", name="pk_extension_drafts"),
        _key("extension_drafts", "booking_id", "bookings", "CASCADE"),
        _key("extension_drafts", "updated_by", "users", "SET NULL"),
    )
    op.create_index("ix_extension_drafts_updated_by", "extension_drafts", ["updated_by"])
    op.create_table(
        "extension_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("extension_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Enum("QUESTION", "ANSWER", name="extension_message_kind"), nullable=False),
        sa.Column("author_id", sa.Uuid()),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_extension_messages"),
        sa.CheckConstraint("words <> ''", name=op.f("ck_extension_messages_words_not_empty")),
        _key("extension_messages", "extension_id", "extensions", "CASCADE"),
        _key("extension_messages", "author_id", "users", "SET NULL"),
    )
    op.create_index("ix_extension_messages_extension_id", "extension_messages", ["extension_id"])
    op.create_index("ix_extension_messages_author_id", "extension_messages", ["author_id"])
    _links_and_catalogue()


def _links_and_catalogue() -> None:
    op.create_table(
        "extension_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("extension_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        _created(),
        sa.PrimaryKeyConstraint("id", name="pk_extension_links"),
        sa.UniqueConstraint("token_hash", name="uq_extension_links_token_hash"),
        _key("extension_links", "extension_id", "extensions", "CASCADE"),
    )
    op.create_index("ix_extension_links_extension_id", "extension_links", ["extension_id"])
    op.create_table(
        "work_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=False),
        sa.Column("service", postgresql.ENUM(*SERVICES, name="service_type", create_type=False)),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        _created(),
        _created("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_work_items"),
        sa.CheckConstraint("price > 0", name=op.f("ck_work_items_price_positive")),
        _key("work_items", "workshop_id", "workshops", "CASCADE"),
    )
    op.create_index("ix_work_items_workshop_id_service", "work_items", ["workshop_id", "service"])
    op.create_index(
        "uq_work_items_workshop_id_service_name",
        "work_items",
        ["workshop_id", "service", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    for table in ("work_items", "extension_links", "extension_messages", "extension_drafts", "extension_consents"):
        op.drop_table(table)
    op.execute("DROP TYPE extension_message_kind")
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_extensions_{name}"), "extensions", type_="check")
    for column in COLUMNS:
        op.drop_column("extensions", column)
