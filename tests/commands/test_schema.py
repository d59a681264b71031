"""`flask schema validate` says exactly what a database lacks."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from b2c_web.cli.schema_checks import PROMISED_INDEXES, validate_schema
from b2c_web.db_server import DatabaseServer
from b2c_web.flask_extensions import db
from tests.conftest import make_app


@pytest.fixture
def spoil(committed_app: Flask) -> Callable[..., list[str]]:
    """Runs statements on a database of its own and returns what is missing then."""

    def run(*statements: str) -> list[str]:
        with committed_app.app_context():
            for statement in statements:
                db.session.execute(text(statement))
            db.session.commit()
            return [line for section in validate_schema() for line in section.missing]

    return run


def test_a_migrated_database_lacks_nothing(committed_app: Flask) -> None:
    result = committed_app.test_cli_runner().invoke(args=["schema", "validate"])
    assert result.exit_code == 0
    assert "The database is what the models ask for." in result.output
    counts = dict(_counts(result.output))
    assert counts["tables"] > 25
    assert counts["constraints"] > 100
    assert counts["indexes"] > 60
    assert counts["promised indexes"] > 40
    assert counts["indexed foreign keys"] == counts["foreign keys"] > 30


def _counts(output: str) -> list[tuple[str, int]]:
    lines = [line for line in output.splitlines() if " of " in line]
    pairs = [(line[:24].strip(), line[24:].split(" of ")) for line in lines]
    assert all(found.strip() == wanted.strip() for _name, (found, wanted) in pairs)
    return [(name, int(wanted)) for name, (_found, wanted) in pairs]


def test_the_command_fails_and_names_it(committed_app: Flask) -> None:
    with committed_app.app_context():
        db.session.execute(text("DROP INDEX ix_bookings_pickup_time"))
        db.session.commit()
    result = committed_app.test_cli_runner().invoke(args=["schema", "validate"])
    assert result.exit_code == 1
    asked = "CREATE INDEX ix_bookings_pickup_time ON bookings USING btree (pickup_time)"
    assert f"missing: index ix_bookings_pickup_time on bookings: {asked}\n" in result.output
    assert "missing: an index on bookings(pickup_time)\n" in result.output


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("DROP TABLE odoo_sync_status", "table odoo_sync_status"),
        ("ALTER TABLE jockeys DROP COLUMN employee_id", "column jockeys.employee_id"),
        ("ALTER TABLE users ALTER COLUMN email DROP NOT NULL", "NOT NULL on column users.email"),
        (
            "ALTER TABLE bookings DROP CONSTRAINT ck_bookings_standing_limit_kept",
            "constraint ck_bookings_standing_limit_kept on bookings",
        ),
        (
            "ALTER TABLE ronja_reservations DROP CONSTRAINT ex_ronja_reservations_overlap",
            "constraint ex_ronja_reservations_overlap on ronja_reservations",
        ),
        ("ALTER TABLE users DROP CONSTRAINT uq_users_email", "constraint uq_users_email on users"),
        ("ALTER TABLE trips DROP CONSTRAINT fk_trips_slot_id_time_slots", "foreign key fk_trips_slot_id_time_slots"),
        ("DROP INDEX uq_bookings_live_hold", "index uq_bookings_live_hold on bookings: CREATE UNIQUE"),
        ("DROP INDEX ix_trips_slot_id", "an index on trips(slot_id)"),
        (
            "ALTER TABLE odoo_sync_status DROP CONSTRAINT uq_odoo_sync_status_entity_type_entity_id",
            "an index on odoo_sync_status(entity_type, entity_id)",
        ),
        ("UPDATE alembic_version SET version_num = '20261123_0100'", "the newest migration"),
        ("ALTER TABLE jockeys ADD COLUMN shoe_size integer", "agreement of models and database: remove_column jockeys"),
        ("ALTER TABLE jockeys ALTER COLUMN name TYPE text", "agreement of models and database: modify_type"),
        (
            "ALTER TABLE workshops ALTER COLUMN service_radius SET DEFAULT 61",
            "agreement of models and database: modify_default",
        ),
    ],
)
def test_each_thing_that_is_missing_is_named(spoil: Callable[..., list[str]], statement: str, missing: str) -> None:
    assert any(line.startswith(missing) for line in spoil(statement))


def test_a_missing_enum_value_is_named(spoil: Callable[..., list[str]]) -> None:
    """A value cannot be dropped; a renamed one is missing all the same."""
    missing = spoil("ALTER TYPE booking_status RENAME VALUE 'READY_FOR_RETURN' TO 'READY'")
    assert "value READY_FOR_RETURN of the enum booking_status" in missing


@pytest.mark.parametrize(
    ("spoiled", "asked", "found"),
    [
        (
            "ALTER TABLE jockey_shifts DROP CONSTRAINT ck_jockey_shifts_ends_after_start,"
            " ADD CONSTRAINT ck_jockey_shifts_ends_after_start CHECK (true)",
            "constraint ck_jockey_shifts_ends_after_start on jockey_shifts: CHECK (ends_at > starts_at)",
            "CHECK (true)",
        ),
        (
            "ALTER TABLE ronja_reservations DROP CONSTRAINT ex_ronja_reservations_overlap,"
            " ADD CONSTRAINT ex_ronja_reservations_overlap EXCLUDE USING gist (booking_id WITH =, during WITH &&)",
            "constraint ex_ronja_reservations_overlap on ronja_reservations: EXCLUDE USING gist (ronja_id WITH =, ",
            "EXCLUDE USING gist (booking_id WITH =, during WITH &&)",
        ),
        (
            "ALTER TABLE trips DROP CONSTRAINT fk_trips_slot_id_time_slots,"
            " ADD CONSTRAINT fk_trips_slot_id_time_slots FOREIGN KEY (slot_id) REFERENCES time_slots ON DELETE CASCADE",
            "foreign key fk_trips_slot_id_time_slots on trips: FOREIGN KEY (slot_id) REFERENCES time_slots(id) ",
            "FOREIGN KEY (slot_id) REFERENCES time_slots(id) ON DELETE CASCADE",
        ),
        (
            "DROP INDEX uq_bookings_live_hold; CREATE UNIQUE INDEX uq_bookings_live_hold ON bookings (user_id)"
            " WHERE status = 'PENDING' AND false",
            "index uq_bookings_live_hold on bookings: CREATE UNIQUE INDEX uq_bookings_live_hold ON bookings ",
            "CREATE UNIQUE INDEX uq_bookings_live_hold ON bookings USING btree (user_id)"
            " WHERE status = 'PENDING'::booking_status AND false",
        ),
        (
            "DROP INDEX ix_bookings_pickup_time;"
            " CREATE INDEX ix_bookings_pickup_time ON bookings (pickup_time) WHERE status = 'CONFIRMED'",
            "index ix_bookings_pickup_time on bookings: CREATE INDEX ix_bookings_pickup_time ON bookings ",
            "CREATE INDEX ix_bookings_pickup_time ON bookings USING btree (pickup_time)"
            " WHERE status = 'CONFIRMED'::booking_status",
        ),
        (
            "DROP INDEX ix_bookings_number; CREATE INDEX ix_bookings_number ON bookings (number)",
            "index ix_bookings_number on bookings: CREATE INDEX ix_bookings_number ON bookings USING btree (number ",
            "CREATE INDEX ix_bookings_number ON bookings USING btree (number)",
        ),
    ],
)
def test_what_says_something_else_under_its_name_is_told(
    spoil: Callable[..., list[str]], spoiled: str, asked: str, found: str
) -> None:
    told = [line for line in spoil(*spoiled.split("; ")) if line.startswith(asked)]
    assert len(told) == 1
    assert told[0].endswith(f"; there is {found}")


@pytest.mark.filterwarnings("ignore:Can't validate argument 'dialect_options'")  # Alembic reflecting NOT VALID
def test_a_constraint_that_old_rows_may_break_is_missing(spoil: Callable[..., list[str]]) -> None:
    missing = spoil(
        "ALTER TABLE jockey_shifts DROP CONSTRAINT ck_jockey_shifts_ends_after_start",
        "ALTER TABLE jockey_shifts ADD CONSTRAINT ck_jockey_shifts_ends_after_start"
        " CHECK (ends_at > starts_at) NOT VALID",
    )
    check = "CHECK (ends_at > starts_at)"
    assert (
        f"constraint ck_jockey_shifts_ends_after_start on jockey_shifts: {check}; there is {check} NOT VALID" in missing
    )


def test_what_a_dump_writes_in_other_words_is_the_same(spoil: Callable[..., list[str]]) -> None:
    """A restored database has parsed each check from what the first one showed of it."""
    again = """DO $$ DECLARE k record; BEGIN
        FOR k IN SELECT conrelid::regclass AS kept, conname, pg_get_constraintdef(oid) AS said FROM pg_constraint
                 WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid <> 0 LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s',
                           k.kept, k.conname, k.conname, k.said);
        END LOOP; END $$"""
    assert spoil(again) == []


def test_a_running_site_does_not_notice(committed_app: Flask) -> None:
    """Every table is being written to: whoever wanted to change one would wait. Nothing is left of the comparison."""
    everything = text("SELECT count(*) FROM pg_class")
    with committed_app.app_context(), db.engine.connect() as writer:
        before = writer.scalar(everything)
        for table in db.metadata.tables:
            writer.execute(text(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE"))
        assert [line for section in validate_schema() for line in section.missing] == []
        assert writer.scalar(everything) == before


def test_a_foreign_key_that_a_migration_added_past_the_models_needs_an_index(spoil: Callable[..., list[str]]) -> None:
    missing = spoil("ALTER TABLE jockeys ADD COLUMN boss uuid REFERENCES jockeys (id)")
    assert "an index on jockeys(boss)" in missing


def test_an_empty_database_lacks_everything(database_server: DatabaseServer, template_database: str) -> None:
    database_server.create_database("nothing_in_it")
    empty = make_app(database_server.url("nothing_in_it"))
    result = empty.test_cli_runner().invoke(args=["schema", "validate"])
    with empty.app_context():
        db.engine.dispose()
    database_server.drop_database("nothing_in_it")
    assert result.exit_code == 1
    assert "missing: table bookings" in result.output
    assert "missing: value CONFIRMED of the enum booking_status" in result.output


def test_the_promised_indexes_name_tables_that_exist(app: Flask) -> None:
    with app.app_context():
        tables: Any = db.metadata.tables
    for line in PROMISED_INDEXES.strip().splitlines():
        table, keys = line.strip().split(": ")
        for column in keys.replace("+", ", ").split(", "):
            assert column in tables[table].columns
