"""`flask ronja status`: a Ronja leaves planning, and what it is promised for is said."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from b2c_web.audit import AuditEntry
from b2c_web.bookings.availability import read_ronjas
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.workshops.models import RonjaVehicle, VehicleStatus
from tests.commands.trips import Trips
from tests.factories import make_ronja


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock)


@pytest.fixture
def booking(trips: Trips) -> Booking:
    return trips.booked()


@pytest.fixture
def spare(trips: Trips, booking: Booking) -> RonjaVehicle:
    """Not there when the booking was made, so the booking has the other one."""
    spare = make_ronja(trips.workshop)
    trips.session.commit()
    return spare


def run(app: Flask, ronja: RonjaVehicle, status: str) -> list[str]:
    result = app.test_cli_runner().invoke(args=["ronja", "status", ronja.license_plate.lower(), status])
    assert result.exit_code == 0, result.output
    return [str(line) for line in result.output.splitlines()]


def planned(trips: Trips) -> set[Any]:
    return {plan.ronja_id for plan in read_ronjas(trips.workshop.id, now_utc(), now_utc() + timedelta(days=7))}


def test_what_it_is_promised_for_is_listed_with_what_is_free_instead(
    app: Flask, trips: Trips, booking: Booking, spare: RonjaVehicle
) -> None:
    ronja = trips.ronjas[0]
    changed, promise = run(app, ronja, "maintenance")
    assert changed == f"{ronja.license_plate}: AVAILABLE -> MAINTENANCE"
    assert promise.split()[0] == booking.number
    assert promise.endswith(f"instead: {spare.license_plate}")
    assert planned(trips) == {spare.id}
    entry = trips.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.before) == ("ronja.status_set", {"status": "AVAILABLE"})
    assert run(app, ronja, "AVAILABLE") == [f"{ronja.license_plate}: MAINTENANCE -> AVAILABLE"]
    assert planned(trips) == {ronja.id, spare.id}


def test_no_other_one_may_be_free(app: Flask, trips: Trips, booking: Booking) -> None:
    assert run(app, trips.ronjas[0], "OUT_OF_SERVICE")[1].endswith("no other one is free then")


def test_one_that_a_customer_has_is_not_called_available(app: Flask, trips: Trips, booking: Booking) -> None:
    ronja = trips.ronjas[0]
    trips.drive_in(booking)
    assert run(app, ronja, "MAINTENANCE")[1].endswith("a jockey or the customer has it")
    asked, changed = run(app, ronja, "AVAILABLE")
    assert booking.number in asked
    assert changed == f"{ronja.license_plate}: MAINTENANCE -> IN_USE"
    trips.session.expire_all()
    assert ronja.status is VehicleStatus.IN_USE


@pytest.mark.parametrize(("plate", "status", "named"), [("WIT NN 1", "AVAILABLE", "PLATE"), ("", "IN_USE", "STATUS")])
def test_what_cannot_be_is_named(app: Flask, trips: Trips, plate: str, status: str, named: str) -> None:
    result = app.test_cli_runner().invoke(args=["ronja", "status", plate, status])
    assert result.exit_code != 0
    assert named in result.output
