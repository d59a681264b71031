"""A car that is named in the course of booking: with the payment it becomes one of the customer's."""

from typing import Any

import pytest

from b2c_web.bookings.models import BookingStatus
from b2c_web.bookings.naming import lacking
from b2c_web.vehicles import commands, queries
from b2c_web.vehicles.commands import AT_MOST, CarFacts
from b2c_web.vehicles.models import VehicleClass
from tests.commands.scene import Scene
from tests.factories import make_customer, make_vehicle

pytestmark = pytest.mark.usefixtures("frozen_clock")
SAID = {"license_plate": "wit-xy 207", "make": "Ahorn", "model": "Kombi", "year": 2019}


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session)


def test_it_is_kept_once_the_booking_is_paid_and_not_before(scene: Scene) -> None:
    user = make_customer()
    booking = scene.book(user_id=user.id, car_details=SAID)
    assert queries.vehicles_of(user) == []
    scene.pay(booking)
    scene.session.expire_all()
    (car,) = queries.vehicles_of(user)
    assert (car.license_plate, car.make, car.model, car.year) == ("WIT XY 207", "Ahorn", "Kombi", 2019)
    assert (booking.vehicle_id, car.vehicle_class, car.is_primary) == (car.id, booking.vehicle_class, True)


def test_one_that_is_in_the_list_already_is_not_there_twice(scene: Scene) -> None:
    user = make_customer()
    car_id = commands.add_vehicle(user, CarFacts("WIT XY 207", "Ahorn", "Kombi", 2018, VehicleClass.SUV))
    booking = scene.booked(user_id=user.id, car_details=SAID)
    again = scene.booked(slot=1, back=None, user_id=user.id, car_details=SAID)
    assert [(car.id, car.year, car.vehicle_class) for car in queries.vehicles_of(user)] == [
        (car_id, 2018, VehicleClass.SUV)  # as it was: nobody has seen it
    ]
    assert booking.vehicle_id == again.vehicle_id == car_id


@pytest.mark.parametrize("wrong", [{"license_plate": "?"}, {"year": None}, {"year": 1899}])
def test_what_is_not_whole_or_cannot_be_waits_for_the_check_in_and_stops_no_payment(
    scene: Scene, wrong: dict[str, Any]
) -> None:
    user = make_customer()
    booking = scene.booked(user_id=user.id, car_details=SAID | wrong)
    assert (booking.status, booking.vehicle_id) == (BookingStatus.CONFIRMED, None)
    assert queries.vehicles_of(user) == []
    assert lacking(booking) == (["year"] if wrong == {"year": None} else [])


def test_who_has_too_many_cars_has_paid_all_the_same(scene: Scene) -> None:
    user = make_customer()
    for _car in range(AT_MOST):
        make_vehicle(user)
    scene.session.commit()
    booking = scene.booked(user_id=user.id, car_details=SAID)
    assert (booking.status, booking.vehicle_id) == (BookingStatus.CONFIRMED, None)
    assert len(queries.vehicles_of(user)) == AT_MOST
