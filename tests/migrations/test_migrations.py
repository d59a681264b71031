"""Migrations: up from nothing, down with data in the tables, up again; one at a time; data is filled in batches."""

import inspect
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import event, text

from b2c_web import clock
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.returning import replan_return
from b2c_web.checks import breaches
from b2c_web.cli.schema_checks import validate_schema
from b2c_web.db_server import DatabaseServer
from b2c_web.dispatch.car_back import bring_back
from b2c_web.dispatch.commands import return_failed
from b2c_web.dispatch.models import CancelReason
from b2c_web.extensions.cataloguing import put_work_item
from b2c_web.flask_extensions import db
from tests.commands.extending import Extending
from tests.commands.trips import RETURN, Trips
from tests.conftest import NOON, TEST_SETTINGS, make_app

FIRST = "20261123_0100"
BACKFILL = "20261123_0110"
ROOT = Path(__file__).resolve().parents[2]
MIGRATION_LOCK = 704_211

LEFT_OVER = text(
    """
    SELECT c.relname FROM pg_class c LEFT JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e'
    WHERE c.relnamespace = 'public'::regnamespace AND d.objid IS NULL AND c.relname NOT LIKE 'alembic_version%'
    UNION ALL
    SELECT t.typname FROM pg_type t LEFT JOIN pg_depend d ON d.objid = t.oid AND d.deptype = 'e'
    WHERE t.typnamespace = 'public'::regnamespace AND d.objid IS NULL AND t.typname NOT LIKE '%alembic_version%'
    UNION ALL
    SELECT p.proname FROM pg_proc p LEFT JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
    WHERE p.pronamespace = 'public'::regnamespace AND d.objid IS NULL
    """
)


@pytest.fixture
def empty_app(database_server: DatabaseServer) -> Iterator[Flask]:
    """An application on a database without anything in it."""
    name = f"empty_{os.getpid()}_{time.monotonic_ns()}"
    database_server.create_database(name)
    app = make_app(database_server.url(name))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    database_server.drop_database(name)


@pytest.fixture
def statements(empty_app: Flask) -> list[tuple[str, int]]:
    """Every statement that ran since, with how many rows it changed."""
    seen: list[tuple[str, int]] = []

    def note(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append((" ".join(statement.split()), cursor.rowcount))

    event.listen(db.engine, "after_cursor_execute", note)
    return seen


def revisions() -> list[Any]:
    """Oldest first."""
    return list(ScriptDirectory(str(ROOT / "migrations")).walk_revisions())[::-1]


def stands_at() -> str | None:
    with db.engine.connect() as connection:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))


def one(statement: str, **facts: Any) -> Any:
    with db.engine.begin() as connection:
        return connection.scalar(text(statement), facts)


def everything_missing() -> list[str]:
    return [line for section in validate_schema() for line in section.missing]


# the chain


def test_there_is_one_chain_of_migrations() -> None:
    chain = revisions()
    assert [script.revision for script in chain][:2] == [FIRST, BACKFILL]
    assert [script.down_revision for script in chain] == [None, *(script.revision for script in chain[:-1])]
    for script in chain:
        assert Path(script.path).name.startswith(script.revision)
        assert script.doc


def test_every_migration_can_be_taken_back() -> None:
    for script in revisions():
        body = inspect.getsource(script.module.downgrade).split(":", 1)[1].strip()
        assert body not in ("pass", "...")
        assert "raise" not in body


def test_up_from_nothing_is_what_the_models_ask_for(empty_app: Flask) -> None:
    upgrade()
    check()
    assert everything_missing() == []


# down with data


def fill(session: Any) -> None:
    """Rows in nearly every table, made by the application's own commands: booked, driven, done, cancelled, held."""
    with clock.frozen(NOON):
        trips = Trips(session, clock.frozen, ronjas=2)
        done, _waiting = trips.booked(), trips.booked(slot=1, back=3)
        trips.booked(slot=5, back=None)
        trips.book(slot=4, back=None)
        trips.make_ready(done)
        assert trips.assignment(done, RETURN)


def test_down_and_up_step_by_step_with_data_in_the_tables(committed_app: Flask) -> None:
    with committed_app.app_context():
        fill(db.session)
        db.session.remove()
        for script in reversed(revisions()):
            assert stands_at() == script.revision
            downgrade(revision=script.down_revision or "base")
        with db.engine.connect() as connection:
            assert connection.scalars(LEFT_OVER).all() == []
        assert one("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'") == 1  # others may use it
        upgrade()
        assert everything_missing() == []


def test_the_backfill_taken_back_keeps_every_row(committed_app: Flask) -> None:
    with committed_app.app_context():
        fill(db.session)
        db.session.remove()
        before = one("SELECT array_agg(estimated_return_time ORDER BY id) FROM bookings")
        downgrade(revision=FIRST)
        one("UPDATE bookings SET estimated_return_time = NULL WHERE status = 'PENDING' RETURNING 1")
        upgrade()
        assert everything_missing() == []
        hold = "SELECT estimated_return_time - pickup_time = interval '8 hours' FROM bookings WHERE status = 'PENDING'"
        assert one(hold)
        after = one("SELECT array_agg(estimated_return_time ORDER BY id) FROM bookings")
        assert len(after) == len(before)
        assert sum(was != now for was, now in zip(before, after, strict=True)) == 1
        with clock.frozen(NOON):
            assert breaches() == []


def test_a_draft_that_is_over_is_no_draft_after_going_back(committed_app: Flask) -> None:
    with committed_app.app_context():
        fill(db.session)
        db.session.remove()
        one("DELETE FROM extension_drafts RETURNING 1")
        one("""INSERT INTO extension_drafts (booking_id, content, ended_keys)
               SELECT id, CASE WHEN row_number() OVER () = 1 THEN '{}'::jsonb ELSE '{"x": 1}'::jsonb END, '{a}'
               FROM bookings LIMIT 2 RETURNING 1""")
        downgrade(revision="20261123_0450")
        assert one("SELECT array_agg(content) FROM extension_drafts") == [{"x": 1}]
        upgrade()
        assert one("SELECT ended_keys FROM extension_drafts") == []


def test_trips_that_had_begun_know_since_when(committed_app: Flask) -> None:
    with committed_app.app_context():
        fill(db.session)
        db.session.remove()
        began = "SELECT array_agg(started_at ORDER BY id) FROM jockey_assignments"
        before = one(began)
        downgrade(revision="20261128_1730")
        upgrade()
        assert one(began) == before
        assert sum(at is not None for at in before) == 1


def test_work_that_was_done_without_a_beginning_began_when_it_was_done(committed_app: Flask) -> None:
    with committed_app.app_context():
        fill(db.session)
        db.session.remove()
        downgrade(revision="20261129_0650")
        one("UPDATE bookings SET work_started_at = NULL WHERE service_completed_at IS NOT NULL RETURNING 1")
        upgrade()
        assert everything_missing() == []
        done = "service_completed_at IS NOT NULL"
        assert one(f"SELECT array_agg(work_started_at = service_completed_at) FROM bookings WHERE {done}") == [True]


def test_who_withdrew_stays_so_and_the_messages_about_it_go(committed_app: Flask) -> None:
    with committed_app.app_context(), clock.frozen(NOON):
        scene = Extending(db.session, clock.frozen)
        booking = scene.in_workshop()
        bookings.withdraw(booking.user, booking.id)
        withdrawn = "SELECT count(*) FROM bookings WHERE withdrawn_at IS NOT NULL AND status = 'IN_WORKSHOP'"
        messages = "SELECT count(*) FROM notifications WHERE kind::text LIKE 'WITHDRAWAL%'"
        assert (one(withdrawn), one(messages)) == (1, 2)
        db.session.remove()
        downgrade(revision="20261128_1830")
        assert (one(withdrawn), one(messages)) == (1, 0)
        upgrade()
        assert everything_missing() == []
        assert breaches() == []


def test_messages_about_a_moved_return_go_and_the_return_stays(committed_app: Flask) -> None:
    with committed_app.app_context(), clock.frozen(NOON):
        trips = Trips(db.session, clock.frozen)
        booking = trips.booked()
        trips.make_ready(booking)
        moved_to = trips.slots[7].id
        with clock.frozen(booking.pickup_time + timedelta(minutes=200)):
            replan_return(trips.dispatcher, booking.id, moved_to)
        messages = "SELECT count(*) FROM notifications WHERE kind::text = 'RETURN_MOVED'"
        others = "SELECT count(*) FROM notifications WHERE kind::text <> 'RETURN_MOVED'"
        stays = one(others)
        assert one(messages) == 1
        db.session.remove()
        downgrade(revision="20261129_0800")
        assert (one(messages), one(others)) == (0, stays)
        assert one("SELECT return_slot_id FROM bookings") == moved_to
        upgrade()
        assert everything_missing() == []
        assert breaches() == []


def test_of_failed_refunds_only_those_are_replaced_that_the_end_took_over(committed_app: Flask) -> None:
    """One failed before its booking ended, the other after: that one is owed still."""
    with committed_app.app_context():
        fill(db.session)
        db.session.remove()
        one("DELETE FROM failed_operations RETURNING 1")
        downgrade(revision="20261129_1500")
        for hours, reason in ((1, "before"), (5, "after")):
            one(f"""INSERT INTO refunds (id, payment_id, amount_cents, reason, state, created_at, updated_at)
                   SELECT gen_random_uuid(), id, 100, '{reason}', 'FAILED', now() - interval '9 hours',
                     now() - interval '{9 - hours} hours' FROM payments ORDER BY id LIMIT 1 RETURNING 1""")
        one("""INSERT INTO refunds (id, payment_id, amount_cents, reason, state, created_at)
               SELECT gen_random_uuid(), id, 100, 'customer', 'PENDING', now() - interval '6 hours'
               FROM payments ORDER BY id LIMIT 1 RETURNING 1""")
        one("""INSERT INTO failed_operations (id, operation, payload, error)
               SELECT gen_random_uuid(), 'payments.refund', jsonb_build_object('refund_id', id), 'no' FROM refunds
               WHERE reason IN ('before', 'after') RETURNING 1""")
        upgrade()
        assert one("SELECT array_agg(reason) FROM refunds WHERE replaced_at IS NOT NULL") == ["before"]
        assert one("SELECT count(*) FROM failed_operations WHERE resolved_at IS NOT NULL") == 1


def test_wishes_go_and_the_rest_stays(committed_app: Flask) -> None:
    with committed_app.app_context(), clock.frozen(NOON):
        scene = Extending(db.session, clock.frozen)
        booking = scene.again(*scene.declined_before(), 0, 1)
        assert one("SELECT count(*) FROM extension_wishes") == 2
        put_work_item(scene.workshop.id, None, "Motoröl", 1599, quantity=Decimal("4.5"))
        one("""INSERT INTO booking_drafts (id, browser_hash, wishes) VALUES (gen_random_uuid(), 'x', '{a:0}')
               RETURNING 1""")
        booking_id = booking.id
        db.session.remove()
        downgrade(revision="20261123_0460")
        assert one("SELECT to_regclass('extension_wishes') IS NULL")
        assert one("SELECT status FROM bookings WHERE id = :id", id=booking_id) == "CONFIRMED"
        upgrade()
        assert one("SELECT wishes FROM booking_drafts") == []
        assert one("SELECT quantity FROM work_items") == 1
        assert everything_missing() == []
        assert breaches() == []


def test_the_english_of_usual_work_goes_and_the_german_stays(committed_app: Flask) -> None:
    with committed_app.app_context(), clock.frozen(NOON):
        put_work_item(Trips(db.session, clock.frozen).workshop.id, None, "Motoröl", 1599, name_en="Engine oil")
        db.session.remove()
        downgrade(revision="20261129_2100")
        assert one("SELECT name FROM work_items") == "Motoröl"
        upgrade()
        assert one("SELECT name || name_en || description_en FROM work_items") == "Motoröl"
        assert everything_missing() == []


def test_that_a_car_is_back_goes_and_the_failed_return_stays(committed_app: Flask) -> None:
    with committed_app.app_context(), clock.frozen(NOON):
        trips = Trips(db.session, clock.frozen)
        back, began = trips.on_the_way_back(trips.booked())
        with clock.frozen(began + timedelta(minutes=30)):
            return_failed(back.id, CancelReason.NO_SHOW, actor=trips.driver)
            bring_back(back.id, trips.driver)
        db.session.remove()
        downgrade(revision="20261130_0330")
        assert one("SELECT count(*) FROM jockey_assignments WHERE cancel_reason = 'NO_SHOW'") == 1
        upgrade()


# extensions that were there before they had items of their own

EXTENSIONS = "20261123_0430"
ADD_EXTENSIONS = """
    INSERT INTO extensions (id, booking_id, description, items, total_amount, approved_amount_cents, status,
        approved_at, decision_right, decision_channel, requested_at)
    SELECT gen_random_uuid(), b.id, 'x', '[{"name": "x", "price": 60, "quantity": "1"},
        {"name": "y", "price": 40, "quantity": "1"}]', 100, CASE WHEN s = 'APPROVED' THEN 100 ELSE 0 END,
        s::extension_status, CASE WHEN s = 'APPROVED' THEN now() END, 'CUSTOMER', 'web', now()
    FROM bookings b CROSS JOIN unnest(ARRAY['APPROVED', 'CANCELLED']) AS s WHERE NOT b.include_concierge LIMIT 2
    RETURNING 1"""


def test_what_was_approved_before_counts_as_approved_whole(committed_app: Flask) -> None:
    with committed_app.app_context():
        with clock.frozen(NOON):
            Trips(db.session, clock.frozen).booked(back=None)
        db.session.remove()
        before = next(script for script in revisions() if script.revision == EXTENSIONS).down_revision
        downgrade(revision=before)
        one(ADD_EXTENSIONS)
        upgrade()
        with db.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT status::text, accepted_items, withdrawn_at IS NULL, vat_rate_percent FROM extensions")
            ).all()
        assert {tuple(map(str, row)) for row in rows} == {
            ("APPROVED", "[0, 1]", "True", "19"),
            ("CANCELLED", "[]", "False", "19"),
        }
        with clock.frozen(NOON):
            assert breaches() == []


# the data migration

MANY = 12_000
ADD_BOOKINGS = """
    WITH customer AS (INSERT INTO users (id, email) VALUES (gen_random_uuid(), 'person@example.org') RETURNING id),
    workshop AS (
        INSERT INTO workshops (id, name, address, postal_code, city, lat, lng, phone, email)
        VALUES (gen_random_uuid(), 'W', 'A', '58452', 'Witten', 51, 7, '1', 'w@example.org') RETURNING id),
    day AS (
        INSERT INTO workshop_capacity (id, workshop_id, date) SELECT gen_random_uuid(), id, '2026-11-26' FROM workshop
        RETURNING workshop_id, date),
    slot AS (
        INSERT INTO time_slots (id, workshop_id, service_date, start_time, end_time)
        SELECT gen_random_uuid(), workshop_id, date, '2026-11-26 07:00+00', '2026-11-26 09:00+00' FROM day
        RETURNING id, workshop_id, start_time)
    INSERT INTO bookings (id, user_id, workshop_id, service, vehicle_class, include_concierge, base_price, total_price,
        terms_version, slot_id, pickup_time, estimated_return_time, customer_name, customer_phone, pickup_address,
        pickup_postal_code, pickup_city, status, cancelled_at)
    SELECT gen_random_uuid(), customer.id, slot.workshop_id, 'INSPECTION', 'SUV', false, 19900, 19900, '1', slot.id,
        slot.start_time, CASE WHEN n % 6 = 0 THEN slot.start_time + interval '5 hours' END, 'N', '1', 'A', '58452',
        'Witten', 'CANCELLED', now()
    FROM customer, slot, generate_series(1, :many) n RETURNING 1"""


def hours_given() -> dict[float, int]:
    """How many bookings come back so many hours after their pickup."""
    hours = "extract(epoch FROM estimated_return_time - pickup_time)::float / 3600"
    with db.engine.connect() as connection:
        return dict(connection.execute(text(f"SELECT {hours}, count(*) FROM bookings GROUP BY 1")).all())


def test_missing_return_times_are_filled_in_batches(empty_app: Flask, statements: list[tuple[str, int]]) -> None:
    upgrade(revision=FIRST)
    one(ADD_BOOKINGS, many=MANY)
    upgrade(revision=BACKFILL)
    batches = [rows for statement, rows in statements if statement.startswith("UPDATE bookings")]
    assert batches == [5_000, 5_000, 0]
    assert hours_given() == {5.0: MANY // 6, 8.0: MANY - MANY // 6}


def test_from_then_on_a_return_time_is_required(empty_app: Flask) -> None:
    upgrade(revision=BACKFILL)
    query = "SELECT is_nullable FROM information_schema.columns WHERE column_name = 'estimated_return_time'"
    assert one(query) == "NO"
    downgrade(revision=FIRST)
    assert one(query) == "YES"


def test_a_backfill_that_was_interrupted_goes_on(empty_app: Flask, statements: list[tuple[str, int]]) -> None:
    """What an earlier, broken run had filled already stays as it is."""
    upgrade(revision=FIRST)
    one(ADD_BOOKINGS, many=60)
    one(
        "UPDATE bookings SET estimated_return_time = pickup_time + interval '7 hours'"
        " WHERE id = (SELECT id FROM bookings WHERE estimated_return_time IS NULL LIMIT 1) RETURNING 1"
    )
    upgrade()
    assert hours_given() == {5.0: 10, 7.0: 1, 8.0: 49}


# one at a time


def test_a_migration_waits_neither_for_locks_nor_for_slow_statements_forever(
    empty_app: Flask, statements: list[tuple[str, int]]
) -> None:
    upgrade()
    said = [statement for statement, _rows in statements]
    first_change = next(n for n, statement in enumerate(said) if statement.startswith("CREATE"))
    assert "SELECT pg_advisory_lock(%(key)s)" in said[:first_change]
    assert "SET lock_timeout = 5000" in said[:first_change]
    assert "SET statement_timeout = 600000" in said[:first_change]
    assert said.index("RESET lock_timeout") > first_change


def migrate_elsewhere(app: Flask) -> subprocess.Popen[str]:
    """`flask db upgrade` in a process of its own."""
    environ = os.environ | TEST_SETTINGS | {"DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"]}
    command = [sys.executable, "-m", "flask", "--app", "b2c_web", "db", "upgrade"]
    return subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_until(is_so: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_while_one_migrates_the_other_waits(empty_app: Flask) -> None:
    with db.engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        process = migrate_elsewhere(empty_app)
        wait_until(lambda: one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
        assert one("SELECT to_regclass('bookings') IS NULL")
        holder.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        output, _nothing = process.communicate(timeout=180)
    assert process.returncode == 0, output
    assert one("SELECT to_regclass('bookings') IS NOT NULL")


def test_two_at_once_both_end_well(empty_app: Flask) -> None:
    processes = [migrate_elsewhere(empty_app) for _n in range(2)]
    for process in processes:
        output, _nothing = process.communicate(timeout=180)
        assert process.returncode == 0, output
    assert everything_missing() == []
