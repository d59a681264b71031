"""`flask verify`: each invariant is broken on purpose, past every guard, and seen."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from b2c_web.bookings import checks as booking_checks
from b2c_web.bookings.commands import give_up
from b2c_web.bookings.owed import OWED
from b2c_web.checks import all_checks, breaches, run_checks
from b2c_web.cli.verify import open_snapshot
from b2c_web.clock import now_utc
from b2c_web.db import Base
from b2c_web.dispatch import checks as dispatch_checks
from b2c_web.extensions import checks as extension_checks
from b2c_web.flask_extensions import db
from b2c_web.odoo import checks as odoo_checks
from b2c_web.operations import checks as operations_checks
from b2c_web.operations.models import FailedOperation
from b2c_web.payments.gateway import RefundOutcome, RefundResult
from b2c_web.payments.models import Refund
from b2c_web.payments.refunding import add_refund, record_refund
from b2c_web.workshops import checks as workshop_checks
from tests.commands.planted_extensions import ADD_EXTENSION, CONCIERGE, EXTENSIONS, WITHDRAWN, Plants
from tests.commands.trips import Trips
from tests.factories import make_ronja, make_workshop

OWN_CHECKS = (workshop_checks, booking_checks, extension_checks, dispatch_checks, odoo_checks, operations_checks)


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    """Two concierge bookings, a drop-off and a hold, all as they should be."""
    scene = Trips(session, frozen_clock, ronjas=2)
    scene.booked()
    scene.booked(slot=1, back=3)
    scene.booked(back=None)
    scene.book(slot=4, back=None)
    return scene


ADD_REFUND = """
    INSERT INTO refunds (id, payment_id, amount_cents, reason, state, succeeded_at)
    SELECT gen_random_uuid(), id, 100, 'planted', 'SUCCEEDED', now() FROM payments WHERE state = 'SUCCEEDED'"""
ADD_ASSIGNMENT = """
    INSERT INTO jockey_assignments (id, booking_id, trip_id, jockey_id, vehicle_id, scheduled_time, conflict)
    SELECT gen_random_uuid(), booking_id, trip_id, jockey_id, vehicle_id, scheduled_time, 'NO_SHIFT'
    FROM jockey_assignments"""
FAIL_A_JOB = (
    "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (SELECT min(id) FROM procrastinate_jobs)",
    "UPDATE procrastinate_jobs SET status = 'failed' WHERE status = 'doing'",
    "UPDATE procrastinate_events SET at = '2026-01-01'",
)

# the invariant -> the guards to take away ("table.constraint" or "index"), and what to break then
PLANTED: Plants = {
    "days: current_bookings equals the bookings that hold a place, by local pickup date": (
        (),
        ("UPDATE workshop_capacity SET current_bookings = current_bookings + 1",),
    ),
    "windows: current_bookings equals the bookings that hold a place": (
        (),
        ("UPDATE time_slots SET current_bookings = current_bookings + 1",),
    ),
    "windows: jockey_minutes_taken equals the minutes of live trips": (
        (),
        ("UPDATE time_slots SET jockey_minutes_taken = jockey_minutes_taken + 1",),
    ),
    "windows: jockey_minutes_short is what was promised above the room": (
        (),
        ("UPDATE time_slots SET jockey_minutes_short = 5",),
    ),
    "windows: from today on the room for jockeys is what their shifts give": (
        (),
        ("UPDATE time_slots SET jockey_minutes_room = 9999",),
    ),
    "windows and days: never above their maximum": (
        ("workshop_capacity.ck_workshop_capacity_within_maximum",),
        ("UPDATE workshop_capacity SET max_bookings = 0",),
    ),
    "trips: a live trip holds all its minutes, a released one none": (
        (),
        ("UPDATE trip_minutes SET minutes = minutes - 1",),
    ),
    "trips: a live concierge booking has exactly one PICKUP and one RETURN": (
        (),
        ("UPDATE trips SET released_at = now() WHERE type = 'RETURN'",),
    ),
    "trips: they lie in the booking's own windows": ((), (CONCIERGE.format("return_slot_id = slot_id"),)),
    "trips: drop-offs, and bookings that gave their places back, have none": (
        (),
        (CONCIERGE.format("concierge_dropped_at = now()"),),
    ),
    "Ronjas: a live concierge booking has one, from before its pickup into its return": (
        (),
        ("DELETE FROM ronja_reservations",),
    ),
    "Ronjas: before the pickup one is reserved from the drive there to the drive home": (
        (),
        (
            "UPDATE ronja_reservations r SET during = tstzrange(lower(r.during), s.start_time + interval '1 minute')"
            " FROM bookings b JOIN time_slots s ON s.id = b.return_slot_id WHERE b.id = r.booking_id",
        ),
    ),
    "Ronjas: a cancelled booking keeps its own until the car is home": (
        (),
        (CONCIERGE.format("status = 'CANCELLED', cancelled_at = now()"), "DELETE FROM ronja_reservations"),
    ),
    "Ronjas: drop-offs, and bookings that gave their places back, have none": (
        (),
        (CONCIERGE.format("concierge_dropped_at = now()"),),
    ),
    "Ronjas: none is promised twice at once": (
        ("ronja_reservations.ex_ronja_reservations_overlap",),
        ("UPDATE ronja_reservations SET ronja_id = (SELECT id FROM ronja_vehicles ORDER BY id LIMIT 1)",),
    ),
    "money: a paid booking was charged its price, an unpaid one keeps nothing": (
        (),
        ("UPDATE payments SET captured_cents = captured_cents - 1 WHERE state = 'SUCCEEDED'",),
    ),
    "money: a booking keeps no more than its price, a cancelled one no more than its fee document says": (
        (),
        ("UPDATE bookings SET base_price = base_price - 1, total_price = total_price - 1",),
    ),
    "money: a booking is REFUNDED exactly when all of it went back": (
        (),
        ("UPDATE bookings SET payment_status = 'REFUNDED' WHERE payment_status = 'PAID'",),
    ),
    "money: what went back is never above what was charged": (
        ("payments.ck_payments_refunded_within_captured",),
        ("UPDATE payments SET refunded_cents = captured_cents + 1",),
    ),
    "money: each booking's price is the sum of its parts": (
        ("bookings.ck_bookings_total_is_sum",),
        ("UPDATE bookings SET total_price = total_price + 1",),
    ),
    "holds: none is over for more than 2 min and still holds its places": (
        (),
        ("UPDATE bookings SET hold_expires_at = '2026-11-24 10:57+00' WHERE status = 'PENDING'",),
    ),
    "no-shows: none waits for a new date past its offer": (
        (),
        (CONCIERGE.format("new_date_until = '2026-11-24 10:00+00'"),),
    ),
    "withdrawals: none waits for more than 7 days until staff end its booking": (
        (),
        (CONCIERGE.format("status = 'IN_WORKSHOP', withdrawn_at = '2026-11-10 10:00+00'"),),
    ),
    "withdrawals: of one that staff need not end nothing is kept, neither of the price nor of a late move's fee": (
        (),
        (WITHDRAWN,),
    ),
    **EXTENSIONS,
    "assignments: one open at most per booking and type": (("uq_jockey_assignments_open",), (ADD_ASSIGNMENT,)),
    "assignments: a CONFIRMED concierge booking has its PICKUP, unless a dispatcher or a no-show took it away": (
        (),
        ("DELETE FROM jockey_assignments",),
    ),
    "assignments: a car that is ready has its RETURN, unless it failed or a dispatcher took it away": (
        (),
        (CONCIERGE.format("status = 'READY_FOR_RETURN'"),),
    ),
    "assignments: no RETURN is given out in time while the customer is asked for a new window": (
        (),
        (
            "UPDATE jockey_assignments SET type = 'RETURN', created_at = '2026-11-24 00:00+00'",
            CONCIERGE.format("status = 'READY_FOR_RETURN', return_failed_at = now()"),
        ),
    ),
    "assignments: none is open for a booking that ended": (
        (),
        (CONCIERGE.format("status = 'COMPLETED', completed_at = now()"),),
    ),
    "bookings: a cancelled one gave its places back, unless its car came to us and is not home": (
        (),
        (CONCIERGE.format("status = 'CANCELLED', cancelled_at = now()"),),
    ),
    "assignments: the trip's step fits the booking's state": (
        (),
        ("UPDATE jockey_assignments SET status = 'AT_WORKSHOP'",),
    ),
    "assignments: the Ronja is the reserved one": (
        (),
        ("UPDATE jockey_assignments SET vehicle_id = (SELECT id FROM ronja_vehicles ORDER BY id DESC LIMIT 1)",),
    ),
    "assignments: an open one that is not flagged has its jockey's time": ((), ("DELETE FROM jockey_busy_ranges",)),
    "assignments: until it begins its jockey is taken for the whole trip": (
        (),
        ("UPDATE jockey_busy_ranges SET during = tstzrange(lower(during), lower(during) + interval '1 minute')",),
    ),
    "Ronjas: handed to one customer at a time": (
        (),
        (
            CONCIERGE.format("status = 'IN_WORKSHOP'"),
            "UPDATE jockey_assignments SET departed_at = now(), vehicle_id = (SELECT id FROM ronja_vehicles LIMIT 1)",
        ),
    ),
    "jockeys: none is planned twice at once": (
        ("jockey_busy_ranges.ex_jockey_busy_ranges_overlap",),
        ("UPDATE jockey_busy_ranges SET during = '[2026-11-26 08:00+00, 2026-11-26 09:00+00)'",),
    ),
    "jockeys: BUSY exactly during a running trip": ((), ("UPDATE jockeys SET status = 'BUSY'",)),
    "accounting: every paid booking is owed to it or known to it": (
        (),
        ("DELETE FROM odoo_sync_status WHERE entity_type = 'booking'",),
    ),
    "accounting: every captured extension is owed to it or known to it": (
        (),
        (
            ADD_EXTENSION.format(captured=100, right="CUSTOMER"),
            "UPDATE extensions SET authorization_status = 'CAPTURED', payment_captured_at = now()",
        ),
    ),
    "accounting: every refund of a paid booking is owed to it": ((), (ADD_REFUND,)),
    "accounting: every refund of a captured extension is owed to it": (
        (),
        (
            ADD_EXTENSION.format(captured=100, right="CUSTOMER"),
            "UPDATE extensions SET authorization_status = 'CAPTURED', payment_captured_at = now(), "
            "stripe_payment_intent_id = p.stripe_payment_intent_id FROM payments p WHERE p.purpose_id = booking_id",
            "UPDATE payments p SET purpose = 'EXTENSION', purpose_id = e.id FROM extensions e "
            "WHERE e.stripe_payment_intent_id = p.stripe_payment_intent_id",
            ADD_REFUND,
        ),
    ),
    "queue: every message that waits has a job": (
        (),
        (
            "DELETE FROM procrastinate_jobs WHERE task_name = 'notifications.send'",
            "UPDATE notifications SET updated_at = '2026-11-24 10:57+00'",
        ),
    ),
    "queue: every hold has the job that ends it": (
        (),
        (
            "DELETE FROM procrastinate_jobs WHERE task_name = 'bookings.expire_hold'",
            "UPDATE bookings SET created_at = '2026-11-24 10:57+00'",
        ),
    ),
    "queue: every job that failed for good is before a person": ((), FAIL_A_JOB),
    "queue: no confirmation of a booking to come that is neither written nor queued": (
        (),
        ("DELETE FROM notifications WHERE kind = 'BOOKING_CONFIRMED'",),
    ),
    "queue: no reminder of a pickup to come that is neither written nor queued": (
        (),
        ("DELETE FROM procrastinate_jobs WHERE task_name = 'bookings.send_message'",),
    ),
    "queue: no review request that is neither written nor queued": (
        (),
        (CONCIERGE.format("status = 'COMPLETED', completed_at = '2026-11-24 09:00+00'"),),
    ),
}


def unguard(session: Any, guard: str) -> None:
    table, _dot, constraint = guard.partition(".")
    session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}" if constraint else f"DROP INDEX {guard}"))


@pytest.mark.parametrize("name", PLANTED)
def test_each_broken_invariant_is_seen(trips: Trips, name: str) -> None:
    make_ronja(trips.workshop)  # one that nobody reserved
    assert breaches() == []
    guards, statements = PLANTED[name]
    for guard in guards:
        unguard(trips.session, guard)
    for statement in statements:
        trips.session.execute(text(statement))
    found = {breach.name: breach for breach in breaches()}
    assert name in found
    assert 1 <= len(found[name].examples) <= min(5, found[name].count)
    assert all(found[name].examples)


UNPAID_KEEPS = "money: a paid booking was charged its price, an unpaid one keeps nothing"


def late_money_that_came_back(trips: Trips) -> uuid.UUID:
    """Money for a hold that was given up goes back, and the bank refuses it: the refund's id."""
    booking = trips.book(slot=5, back=None)
    give_up(booking.user, booking.id)
    booking.cancellation_reason = "replaced"  # nobody wants it any more
    trips.session.commit()
    trips.pay(booking)
    refund = trips.session.query(Refund).one()
    result = RefundResult("re_1", None, refund.amount_cents, RefundOutcome.FAILED, str(refund.id), now_utc())
    record_refund(refund.payment_id, result)
    return refund.id


def test_money_that_came_back_may_stay_while_a_person_is_asked_about_it(trips: Trips) -> None:
    late_money_that_came_back(trips)
    assert trips.session.query(FailedOperation).filter_by(operation="payments.refund", resolved_at=None).count() == 1
    assert breaches() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE failed_operations SET resolved_at = now(), resolution = 'gesehen'",
        'UPDATE failed_operations SET payload = \'{"refund_id": "another"}\'',
        "DELETE FROM failed_operations",
    ],
)
def test_money_that_came_back_and_nobody_is_asked_about_is_seen(trips: Trips, statement: str) -> None:
    late_money_that_came_back(trips)
    trips.session.execute(text(statement))
    assert [breach.name for breach in breaches()] == [UNPAID_KEEPS]


def test_money_that_came_back_and_goes_again_is_well(trips: Trips) -> None:
    refund_id = late_money_that_came_back(trips)
    trips.session.execute(text("UPDATE failed_operations SET resolved_at = now(), resolution = 'noch einmal'"))
    failed = trips.session.get_one(Refund, refund_id)
    assert add_refund(failed.payment, failed.amount_cents, failed.reason, f"retry:{failed.id}")
    assert breaches() == []


def test_every_check_has_its_breach() -> None:
    names = [name for module in OWN_CHECKS for name in _statements(module)]
    names += [f"queue: no {owed.name}" for owed in OWED]
    assert sorted(names) == sorted(PLANTED)


def _statements(module: Any) -> dict[str, Any]:
    if hasattr(module, "STATEMENTS"):
        return module.STATEMENTS | getattr(module, "LATE_STATEMENTS", {})
    return module.COUNTERS | module.TRIPS | module.RONJAS | module.MONEY | module.HOLDS


def test_every_features_checks_are_collected(session: Any) -> None:
    names = [breach.name for breach in run_checks()]
    assert set(PLANTED) < set(names)
    assert len(names) == len(set(names)) == len(list(all_checks()))


def test_a_day_is_counted_by_the_workshops_own_calendar(trips: Trips) -> None:
    """A window past midnight UTC still belongs to the local day."""
    booking = trips.booked(slot=5, back=None)
    for statement in (
        "UPDATE bookings SET pickup_time = '2026-11-26 23:30+00' WHERE id = :id",
        """UPDATE procrastinate_jobs SET args = args || '{"once": "2026-11-26T23:30:00+00:00"}'
           WHERE args ->> 'booking_id' = CAST(:id AS text) AND task_name = 'bookings.send_message'""",
    ):
        trips.session.execute(text(statement), {"id": str(booking.id)})
    assert [breach.name for breach in breaches()] == []


@pytest.mark.parametrize(("later", "earlier"), [("1 min", "0"), ("0", "16 min")])
def test_a_reservation_that_lacks_a_minute_of_the_drive_is_seen(trips: Trips, later: str, earlier: str) -> None:
    during = f"tstzrange(lower(during) + interval '{later}', upper(during) - interval '{earlier}')"
    trips.session.execute(text(f"UPDATE ronja_reservations SET during = {during}"))
    assert [breach.name for breach in breaches()] == [
        "Ronjas: before the pickup one is reserved from the drive there to the drive home"
    ]


def test_another_time_for_cleaning_breaks_no_promise_of_before(
    trips: Trips, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "RONJA_CLEANING_MINUTES", 45)
    assert breaches() == []


@pytest.mark.parametrize("change", ["jockey_minutes_room = 9999", "longest_trip_minutes = 481"])
def test_a_window_that_is_over_is_not_counted_again(trips: Trips, change: str) -> None:
    name = "windows: from today on the room for jockeys is what their shifts give"
    trips.session.execute(text(f"UPDATE time_slots SET {change}"))
    with trips.at(trips.slots[-1].start_time + timedelta(minutes=1)):
        assert name in [breach.name for breach in breaches()]
    with trips.at(trips.slots[-1].start_time + timedelta(days=1)):
        assert name not in [breach.name for breach in breaches()]


def test_examples_are_few_and_the_count_is_whole(trips: Trips) -> None:
    trips.session.execute(text("UPDATE time_slots SET current_bookings = current_bookings + 1"))
    (found,) = [breach for breach in breaches() if breach.name.startswith("windows: current_bookings")]
    assert (found.count, len(found.examples)) == (10, 5)


def test_a_fresh_hold_and_a_fresh_message_are_no_breach(trips: Trips) -> None:
    with trips.at(now_utc() + timedelta(minutes=31)):
        assert breaches() == []


# the command


def test_verify_says_each_invariant_and_succeeds(committed_app: Flask) -> None:
    result = committed_app.test_cli_runner().invoke(args=["verify"])
    assert result.exit_code == 0
    for name in PLANTED:
        assert name in result.output
    count = len(list(all_checks()))
    assert sum(line.startswith("ok ") for line in result.output.splitlines()) == count
    assert result.output.endswith(f"{count} invariants checked, 0 broken\n")


def test_verify_fails_and_names_what_is_broken(committed_app: Flask) -> None:
    with committed_app.app_context():
        workshop_id = make_workshop().id
        db.session.execute(
            text(
                "INSERT INTO workshop_capacity (id, workshop_id, date, current_bookings)"
                " VALUES (gen_random_uuid(), :workshop, '2026-11-26', 3)"
            ),
            {"workshop": workshop_id},
        )
        db.session.commit()
    result = committed_app.test_cli_runner().invoke(args=["verify"])
    assert result.exit_code == 1
    assert f"workshop {workshop_id} on 2026-11-26: counts 3, holds 0" in result.output
    assert result.output.endswith(" 1 broken\n")


def test_verify_sees_one_moment_and_cannot_write(committed_app: Flask) -> None:
    with committed_app.app_context():
        open_snapshot()
        assert db.session.scalar(text("SELECT count(*) FROM workshops")) == 0
        with db.engine.begin() as other:
            other.execute(Base.metadata.tables["services"].insert(), _service())
        assert db.session.scalar(text("SELECT count(*) FROM services")) == 0
        with pytest.raises(InternalError, match="read-only"):
            db.session.execute(text("UPDATE services SET name = 'x'"))
        db.session.rollback()
        assert db.session.scalar(text("SELECT count(*) FROM services")) == 1


def _service() -> dict[str, Any]:
    return {"type": "INSPECTION", "name": "Inspektion", "description": "Inspektion", "estimated_duration": 180}
