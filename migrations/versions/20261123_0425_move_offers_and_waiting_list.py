"""Move offers and waiting list.

Revision: 20261123_0425
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_0425"
down_revision = "20261123_0420"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
SERVICE = postgresql.ENUM(name="service_type", create_type=False)
VEHICLE_CLASS = postgresql.ENUM(name="vehicle_class", create_type=False)


def stamps() -> list[sa.Column]:
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    ]


def upgrade() -> None:
    _move_offers()
    _waiting_entries()


def _move_offers() -> None:
    state = sa.Enum("ASKED", "MOVED", "DECLINED", "ENDED", name="move_offer_state")
    op.create_table(
        "move_offers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("same_day", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("options", JSONB, nullable=False),
        sa.Column("state", state, server_default="ASKED", nullable=False),
        sa.Column("from_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *stamps(),
        sa.CheckConstraint("(state = 'ASKED') = (ended_at IS NULL)", name=op.f("ck_move_offers_ended_has_time")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_move_offers_booking_id_bookings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["users.id"], name=op.f("fk_move_offers_asked_by_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_move_offers")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_move_offers_token_hash")),
    )
    asked = sa.text("state = 'ASKED'")
    op.create_index("uq_move_offers_open", "move_offers", ["booking_id"], unique=True, postgresql_where=asked)
    op.create_index("ix_move_offers_expires_at", "move_offers", ["expires_at"], postgresql_where=asked)
    op.create_index(op.f("ix_move_offers_booking_id"), "move_offers", ["booking_id"])
    op.create_index(op.f("ix_move_offers_asked_by"), "move_offers", ["asked_by"])


def _waiting_entries() -> None:
    state = sa.Enum("WAITING", "TOLD", "TAKEN", "MISSED", "LEFT", name="waiting_state")
    op.create_table(
        "waiting_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", state, server_default="WAITING", nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("service", SERVICE, nullable=False),
        sa.Column("vehicle_class", VEHICLE_CLASS, nullable=False),
        sa.Column("include_concierge", sa.Boolean(), nullable=False),
        sa.Column("travel_minutes", sa.Integer(), nullable=False),
        sa.Column("vehicle_id", sa.Uuid(), nullable=True),
        sa.Column("car_details", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("customer_name", sa.String(length=120), nullable=False),
        sa.Column("customer_phone", sa.String(length=32), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.String(length=5), nullable=False),
        sa.Column("city", sa.String(length=120), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lng", sa.Float(), nullable=False),
        sa.Column("standing_limit_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("early_start", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        *stamps(),
        *_waiting_rules(),
    )
    _waiting_indexes()


def _waiting_rules() -> list[sa.Constraint]:
    def refers(column: str, table: str, ondelete: str) -> sa.ForeignKeyConstraint:
        name = op.f(f"fk_waiting_entries_{column}_{table}")
        return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=name, ondelete=ondelete)

    checks = {
        "ended_has_time": "(state IN ('WAITING', 'TOLD')) = (ended_at IS NULL)",
        "waiting_was_not_told": "state <> 'WAITING' OR told_at IS NULL",
        "told_has_time": "state NOT IN ('TOLD', 'TAKEN') OR told_at IS NOT NULL",
        "postal_code_form": "postal_code ~ '^[0-9]{5}$'",
    }
    return [
        *(sa.CheckConstraint(rule, name=op.f(f"ck_waiting_entries_{name}")) for name, rule in checks.items()),
        refers("workshop_id", "workshops", "RESTRICT"),
        refers("user_id", "users", "CASCADE"),
        refers("booking_id", "bookings", "SET NULL"),
        refers("vehicle_id", "vehicles", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_entries")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_waiting_entries_booking_id")),
    ]


def _waiting_indexes() -> None:
    live, waiting = sa.text("state IN ('WAITING', 'TOLD')"), sa.text("state = 'WAITING'")
    op.create_index(
        "uq_waiting_entries_live",
        "waiting_entries",
        ["user_id", "workshop_id", "day"],
        unique=True,
        postgresql_where=live,
    )
    op.create_index(
        "ix_waiting_entries_queue",
        "waiting_entries",
        ["workshop_id", "day", "joined_at", "id"],
        postgresql_where=waiting,
    )
    op.create_index("ix_waiting_entries_workshop_id_day", "waiting_entries", ["workshop_id", "day"])
    op.create_index(op.f("ix_waiting_entries_user_id"), "waiting_entries", ["user_id"])
    op.create_index(op.f("ix_waiting_entries_vehicle_id"), "waiting_entries", ["vehicle_id"])


def downgrade() -> None:
    op.drop_table("waiting_entries")
    op.drop_table("move_offers")
    op.execute("DROP TYPE waiting_state")
    op.execute("DROP TYPE move_offer_state")
