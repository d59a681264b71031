"""The claim takes everything or nothing, and gives back exactly what it took."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from b2c_web.bookings import places
from b2c_web.bookings.claim import PriceChanged, book
from b2c_web.bookings.commands import expire_hold, give_up
from b2c_web.bookings.counters import change_slots
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation, Trip, TripMinutes
from b2c_web.bookings.places import PlaceTaken
from b2c_web.clock import now_utc
from b2c_web.payments.models import Payment, PaymentState
from tests.commands.scene import Scene

pytestmark = pytest.mark.usefixtures("frozen_clock")


def test_a_claim_takes_day_window_minutes_and_one_ronja(session: Any) -> None:
    scene = Scene(session)
    booking = session.get(Booking, book(scene.request()))
    assert booking.status is BookingStatus.PENDING
    assert booking.hold_expires_at == now_utc() + timedelta(minutes=30)
    assert booking.number.startswith("BK-")
    assert (booking.base_price, booking.concierge_price, booking.total_price) == (28900, 3900, 32800)
    days, slots, minutes = scene.counts()
    assert days == [1, 0]
    assert slots[:3] == [1, 0, 0]
    assert minutes[:3] == [86, 0, 66]
    reservation = session.query(RonjaReservation).one()
    assert reservation.during.lower == booking.pickup_time - timedelta(minutes=23)
    assert reservation.during.upper == booking.estimated_return_time + timedelta(minutes=23 + 15)
    payment = session.query(Payment).one()
    assert (payment.amount_cents, payment.state) == (32800, PaymentState.CREATED)


def test_a_drop_off_takes_only_day_and_window(session: Any) -> None:
    scene = Scene(session, ronjas=0)
    booking = session.get(Booking, book(scene.request(back=None)))
    assert scene.counts() == ([1, 0], [1] + [0] * 9, [0] * 10)
    assert session.query(Trip).count() == 0
    assert booking.estimated_return_time == scene.slots[2].end_time  # 08 + 2 h service + 2 h, end of that window


def test_expiring_gives_back_exactly_what_was_taken(session: Any, frozen_clock: Callable[..., Any]) -> None:
    scene = Scene(session)
    before = scene.counts()
    booking_id = book(scene.request())
    assert not expire_hold(booking_id)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        assert expire_hold(booking_id)
        assert not expire_hold(booking_id)
    assert scene.counts() == before
    assert session.query(RonjaReservation).count() == 0
    assert session.query(TripMinutes).count() == 0
    assert session.get(Booking, booking_id).status is BookingStatus.CANCELLED
    assert session.query(Payment).one().state is PaymentState.CANCELLED


def test_giving_up_releases_at_once(session: Any) -> None:
    scene = Scene(session)
    before = scene.counts()
    request = scene.request()
    booking_id = book(request)
    give_up(session.get(Booking, booking_id).user, booking_id)
    assert scene.counts() == before


@pytest.mark.parametrize(
    ("facts", "block"),
    [
        ({"max_bookings": 0}, "DAY_FULL"),
        ({"jockey_minutes_room": 85}, "NO_JOCKEY"),
        ({"longest_trip_minutes": 85}, "NO_JOCKEY"),
        ({"is_available": False}, "CLOSED"),
    ],
)
def test_what_is_not_free_is_refused_with_its_reason(session: Any, facts: dict[str, Any], block: str) -> None:
    scene = Scene(session, **facts)
    before = scene.counts()
    with pytest.raises(PlaceTaken) as refused:
        book(scene.request())
    assert refused.value.details["block"] == block
    assert scene.counts() == before
    assert session.query(Booking).count() == 0


def test_no_ronja_is_refused_even_when_the_pool_looks_free(session: Any) -> None:
    """Two Ronjas, each taken at another time: a pool count says one is free, no single car is."""
    scene = Scene(session, ronjas=2)
    book(scene.request(slot=0, back=2))
    book(scene.request(slot=1, back=4))
    with pytest.raises(PlaceTaken) as refused:
        book(scene.request(slot=0, back=4))
    assert refused.value.details["block"] == "NO_RONJA"


def test_the_same_draft_gives_the_same_booking(session: Any) -> None:
    scene = Scene(session)
    request = scene.request()
    assert book(request) == book(request)
    assert session.query(Booking).count() == 1


def test_a_new_hold_replaces_the_customers_live_one(session: Any) -> None:
    scene = Scene(session)
    first = scene.request()
    old_id = book(first)
    new_id = book(replace(first, draft_id=uuid.uuid4(), slot_id=scene.slots[5].id, return_slot_id=scene.slots[7].id))
    assert session.get(Booking, old_id).status is BookingStatus.CANCELLED
    assert session.get(Booking, new_id).status is BookingStatus.PENDING
    days, slots, minutes = scene.counts()
    assert days == [0, 1]
    assert sum(slots) == 1
    assert sum(minutes) == 86 + 66


def test_an_expired_draft_can_be_booked_again(session: Any, frozen_clock: Callable[..., Any]) -> None:
    scene = Scene(session)
    request = scene.request()
    old_id = book(request)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        new_id = book(request)
    assert new_id != old_id
    assert session.query(Booking).filter_by(status=BookingStatus.PENDING).count() == 1


def test_a_claim_releases_expired_holds_of_others_first(session: Any, frozen_clock: Callable[..., Any]) -> None:
    scene = Scene(session, max_bookings=1)
    book(scene.request())
    with pytest.raises(PlaceTaken):
        book(scene.request())
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        book(scene.request())
    assert scene.counts()[1][0] == 1


def test_a_changed_price_is_refused_and_named(session: Any) -> None:
    scene = Scene(session)
    with pytest.raises(PriceChanged) as refused:
        book(scene.request(shown_total_cents=1))
    assert refused.value.details["total_cents"] == 32800


def test_expiry_is_queued_with_the_claim(session: Any) -> None:
    scene = Scene(session)
    booking_id = book(scene.request())
    jobs = session.execute(text("SELECT task_name, args, scheduled_at FROM procrastinate_jobs")).all()
    assert [(job.task_name, job.args) for job in jobs] == [("bookings.expire_hold", {"booking_id": str(booking_id)})]


def test_a_long_trip_takes_its_rest_from_the_next_window(session: Any) -> None:
    scene = Scene(session)
    request = scene.request(slot=0, back=3)
    book(replace(request, question=replace(request.question, travel_minutes=70)))
    assert scene.counts()[2][:5] == [120, 60, 0, 120, 40]


def test_a_late_trip_without_a_next_window_is_refused(session: Any) -> None:
    scene = Scene(session)
    request = scene.request(slot=4, back=7)
    with pytest.raises(PlaceTaken) as refused:
        book(replace(request, question=replace(request.question, travel_minutes=70)))
    assert refused.value.details["block"] == "NO_JOCKEY"


@pytest.mark.parametrize(
    "change", ["DELETE FROM time_slots", "UPDATE time_slots SET end_time = end_time - interval '1 h'"]
)
def test_a_window_that_goes_or_is_cut_while_it_is_claimed_is_not_promised(
    session: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    scene, lock = Scene(session), places.lock_keys

    def lose_a_race(days: Any, slot_ids: Any) -> Any:
        session.execute(text(f"{change} WHERE id = :slot"), {"slot": scene.slots[0].id})
        return lock(days, slot_ids)

    request = scene.request(0, None)
    session.commit()
    monkeypatch.setattr(places, "lock_keys", lose_a_race)
    with pytest.raises(PlaceTaken):
        book(request)
    assert session.query(Booking).count() == 0


@pytest.mark.parametrize(
    ("minutes", "bookings", "fits"),
    [(30, 0, True), (30, 1, True), (0, -1, True), (10_000, 0, False), (10_000, 1, False), (30, 100, False)],
)
def test_windows_are_changed_as_far_as_there_is_room(session: Any, minutes: int, bookings: int, fits: bool) -> None:
    scene = Scene(session)
    book(scene.request())
    _days, places_before, minutes_before = scene.counts()
    place, other = scene.slots[0].id, scene.slots[1].id
    assert change_slots({other: minutes}, place, bookings) is fits  # the place counts though it has no minutes to give
    _days, places_now, minutes_now = scene.counts()
    assert places_now[0] == places_before[0] + (bookings if bookings < 100 else 0)
    assert minutes_now[1] == minutes_before[1] + (minutes if minutes < 10_000 else 0)
