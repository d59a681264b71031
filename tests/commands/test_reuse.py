"""A fragment's key changes with everything that the calendar shows, and with nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from b2c_web.bookings.availability import Question, availability, read_facts
from b2c_web.bookings.claim import book
from b2c_web.bookings.commands import give_up
from b2c_web.bookings.reuse import Fragments, digest, fragment
from b2c_web.capacity.month import facts_of, month_of
from b2c_web.catalog.models import Service, ServicePricing, ServiceType
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.models import RonjaVehicle, TimeSlot, VehicleStatus, WorkshopCapacity
from tests.commands.scene import FIRST, Scene
from tests.factories import make_customer, make_days, make_ronja, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")


def first_slot(session: Any) -> TimeSlot:
    return session.query(TimeSlot).order_by(TimeSlot.start_time).first()


def first_day(session: Any) -> WorkshopCapacity:
    return session.query(WorkshopCapacity).order_by(WorkshopCapacity.date).first()


def price(session: Any) -> ServicePricing:
    brake = session.query(Service).filter_by(type=ServiceType.BRAKE_SERVICE).one()
    return session.query(ServicePricing).filter_by(service_id=brake.id, vehicle_class=VehicleClass.MIDSIZE).one()


SHOWN: dict[str, tuple[Callable[[Any], Any], str, Any]] = {
    "places of a window": (first_slot, "max_bookings", 9),
    "a window closed": (first_slot, "is_available", False),
    "jockeys' room": (first_slot, "jockey_minutes_room", 100),
    "longest trip": (first_slot, "longest_trip_minutes", 10),
    "a day's maximum": (first_day, "max_bookings", 1),
    "a day closed": (first_day, "is_closed", True),
    "a day's note": (first_day, "note", "Betriebsfeier"),
    "a holiday": (first_day, "is_holiday", True),
    "a Ronja away": (lambda session: session.query(RonjaVehicle).one(), "status", VehicleStatus.MAINTENANCE),
    "a Ronja due": (
        lambda session: session.query(RonjaVehicle).one(),
        "next_service_due",
        datetime(2026, 12, 1, tzinfo=UTC),
    ),
    "a Ronja's service by mileage": (lambda session: session.query(RonjaVehicle).one(), "next_service_mileage", 100),
    "the price": (price, "base_price", 1),
    "the duration": (
        lambda s: s.query(Service).filter_by(type=ServiceType.BRAKE_SERVICE).one(),
        "estimated_duration",
        5,
    ),
}


def key_of_facts(question: Question) -> Any:
    return read_facts(question, FIRST, FIRST + timedelta(days=1)).key()


both = pytest.mark.parametrize("version", [digest, key_of_facts])
Version = Callable[[Question], Any]


@both
@pytest.mark.parametrize("what", SHOWN)
def test_it_changes_with_what_is_shown(session: Any, what: str, version: Version) -> None:
    scene = Scene(session)
    question = scene.request().question
    before = version(question)
    assert version(question) == before
    assert hash(version(question)) == hash(before)
    row, name, value = SHOWN[what]
    setattr(row(session), name, value)
    session.commit()
    assert version(question) != before


@both
def test_a_booking_changes_it(session: Any, version: Version) -> None:
    scene = Scene(session)
    question = scene.request().question
    before = version(question)
    scene.book()
    assert version(question) != before


def test_what_came_and_went_while_rendering_is_never_kept(committed_app: Flask) -> None:
    """A booking that is made after the digest and shown in the fragment, and gone again before the next visitor."""
    with committed_app.app_context():
        scene = Scene(db.session, ronjas=5)
        question = scene.request().question

        def show() -> str:
            return str(availability(question, FIRST, FIRST).days[0].offers[0].places)

        def book_and_show() -> str:
            booking = scene.book(back=None)
            db.session.commit()
            shown = show()
            give_up(booking.user, booking.id)
            return shown

        assert fragment(question, "a", book_and_show) == "3"
        assert fragment(question, "a", show) == "4"
        assert fragment(question, "a", book_and_show) == "4"


@both
def test_time_changes_it_only_when_a_window_passes_the_lead_time(
    session: Any, frozen_clock: Any, version: Version
) -> None:
    scene = Scene(session)
    question = scene.request().question
    before = version(question)
    with frozen_clock(now_utc() + timedelta(minutes=5)):
        assert version(question) == before
    passes_at = scene.slots[0].start_time - timedelta(hours=24)  # on Wednesday morning
    with frozen_clock(passes_at - timedelta(minutes=5)):
        before = version(question)
    with frozen_clock(passes_at + timedelta(minutes=5)):
        assert version(question) != before


@both
def test_what_is_not_shown_does_not_change_it(session: Any, version: Version) -> None:
    scene = Scene(session)
    question = scene.request().question
    before = version(question)
    elsewhere = make_workshop()
    make_days(elsewhere, FIRST, 2)
    make_ronja(elsewhere)
    make_customer()
    scene.workshop.phone = "+492302999999"
    session.commit()
    assert version(question) == before


@both
def test_a_drop_off_does_not_look_at_ronjas(session: Any, version: Version) -> None:
    scene = Scene(session)
    question = scene.request(back=None).question
    before = version(question)
    scene.ronjas[0].status = VehicleStatus.MAINTENANCE
    session.commit()
    assert version(question) == before


def test_equal_digests_mean_equal_calendars(session: Any) -> None:
    """Whenever two moments have the same digest, the calendar answers the same."""
    scene = Scene(session, ronjas=2, places=2)
    question: Question = scene.request().question
    seen: dict[str, Any] = {}
    for step in range(12):
        answer = availability(question, FIRST, FIRST + timedelta(days=1))
        shown = [(offer.window.slot_id, offer.block, offer.places) for offer in answer.offers()]
        assert seen.setdefault(digest(question), shown) == shown
        offer = answer.next_free()
        if offer is None:
            break
        if step % 3 == 2:
            continue
        index = [slot.id for slot in scene.slots].index(offer.window.slot_id)
        back = [slot.id for slot in scene.slots].index(offer.returns[0].window.slot_id)
        book(scene.request(index, back))
    assert len(seen) > 2


def test_equal_keys_mean_equal_months(session: Any, frozen_clock: Any) -> None:
    """Whenever the facts of two moments have the same key, they make the same month."""
    scene = Scene(session, ronjas=2, places=2)
    question = scene.request().question
    seen: dict[Any, Any] = {}
    moments = [scene.slots[0].start_time - timedelta(hours=25) + timedelta(minutes=20 * n) for n in range(30)]
    for n, moment in enumerate(moments):
        with frozen_clock(moment):
            facts = facts_of(question, FIRST.replace(day=1))
            shown = month_of(facts)
            assert seen.setdefault(facts.key(), shown) == shown
            if n in (4, 9):
                scene.booked(5, 7)
    assert 2 < len(seen) < len(moments)


def test_the_fragment_used_longest_ago_falls_out() -> None:
    fragments = Fragments(2)
    fragments.keep("a", "first")
    fragments.keep("b", "second")
    assert fragments.get("a") == "first"
    fragments.keep("c", "third")
    assert [fragments.get(name) for name in ("a", "b", "c")] == ["first", None, "third"]
