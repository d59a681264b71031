"""Weekly templates; every workshop's first one is made of the present settings and the numbers of its coming days.

Revision: 20261123_0420
"""

import sqlalchemy as sa
from alembic import op
from flask import current_app

revision = "20261123_0420"
down_revision = "20261123_0410"
branch_labels = None
depends_on = None

FIRST_TEMPLATES = """
    INSERT INTO weekly_templates (id, workshop_id, valid_from)
    SELECT gen_random_uuid(), w.id, coalesce(
        (SELECT min(date) FROM workshop_capacity d WHERE d.workshop_id = w.id), current_date)
    FROM workshops w
"""
THEIR_DAYS = """
    INSERT INTO weekly_template_days (template_id, weekday, max_bookings)
    SELECT t.id, weekday, least(1000, coalesce((
        SELECT mode() WITHIN GROUP (ORDER BY d.max_bookings) FROM workshop_capacity d
        WHERE d.workshop_id = t.workshop_id AND d.date >= current_date), 20))
    FROM weekly_templates t, generate_series(0, 4) weekday
"""
THEIR_WINDOWS = """
    INSERT INTO weekly_template_windows (template_id, weekday, starts_minute, ends_minute, places)
    SELECT t.id, weekday, :starts, :ends, least(1000, greatest(1, coalesce((
        SELECT mode() WITHIN GROUP (ORDER BY s.max_bookings) FROM time_slots s
        WHERE s.workshop_id = t.workshop_id AND s.service_date >= current_date), 4)))
    FROM weekly_templates t, generate_series(0, 4) weekday
"""


def upgrade() -> None:
    op.add_column("time_slots", sa.Column("note", sa.Text(), nullable=True))
    _create_templates()
    _create_days()
    _create_windows()
    op.execute(FIRST_TEMPLATES)
    op.execute(THEIR_DAYS)
    for span in current_app.config["WINDOW_HOURS"].split(","):
        starts, ends = (int(hour) * 60 for hour in span.split("-"))
        op.execute(sa.text(THEIR_WINDOWS).bindparams(starts=starts, ends=ends))


def _create_templates() -> None:
    op.create_table(
        "weekly_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name="fk_weekly_templates_workshop_id_workshops", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_weekly_templates"),
        sa.UniqueConstraint("workshop_id", "valid_from", name="uq_weekly_templates_workshop_id_valid_from"),
    )


def _create_days() -> None:
    op.create_table(
        "weekly_template_days",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("max_bookings", sa.Integer(), nullable=False),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday_known"),
        sa.CheckConstraint("max_bookings BETWEEN 0 AND 1000", name="maximum_plausible"),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["weekly_templates.id"],
            name="fk_weekly_template_days_template_id_weekly_templates",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("template_id", "weekday", name="pk_weekly_template_days"),
    )


def _create_windows() -> None:
    op.create_table(
        "weekly_template_windows",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts_minute", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ends_minute", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday_known"),
        sa.CheckConstraint(
            "0 <= starts_minute AND starts_minute < ends_minute AND ends_minute <= 1440", name="in_order"
        ),
        sa.CheckConstraint("places BETWEEN 1 AND 1000", name="places_plausible"),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["weekly_templates.id"],
            name="fk_weekly_template_windows_template_id_weekly_templates",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("template_id", "weekday", "starts_minute", name="pk_weekly_template_windows"),
    )


def downgrade() -> None:
    for table in ("weekly_template_windows", "weekly_template_days", "weekly_templates"):
        op.drop_table(table)
    op.drop_column("time_slots", "note")
