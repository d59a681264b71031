"""Races for what is scarce, in pairs: first with the guards off to show the race, then with them on."""

import uuid
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings import claim, counters, places, settlement
from b2c_web.bookings.claim import book
from b2c_web.bookings.commands import cancel, expire_hold, move
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation
from b2c_web.bookings.places import PlaceTaken
from b2c_web.checks import breaches
from b2c_web.db import command_transaction
from b2c_web.errors import Busy, Conflict
from b2c_web.flask_extensions import db
from b2c_web.workshops.generation import lock_windows
from b2c_web.workshops.locking import lock_days
from b2c_web.workshops.models import TimeSlot
from tests.commands.scene import Scene, succeed
from tests.concurrency.races import Meeting, at_once
from tests.conftest import NOON
from tests.factories import make_customer

CUSTOMERS = 6


@pytest.fixture
def scene(committed_app: Flask) -> Iterator[Callable[..., Scene]]:
    """A committed scene; everything happens on the frozen Tuesday."""
    with clock.frozen(NOON), committed_app.app_context():
        yield lambda **facts: Scene(db.session, **facts)


def drop_checks() -> None:
    for table, name in (
        ("time_slots", "ck_time_slots_within_maximum"),
        ("time_slots", "ck_time_slots_jockey_minutes_within"),
        ("workshop_capacity", "ck_workshop_capacity_within_maximum"),
    ):
        db.session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    db.session.commit()


def guards_off(monkeypatch: pytest.MonkeyPatch, parties: int) -> None:
    """No row locks, no conditions, no constraints, and everybody judges before anybody counts."""
    drop_checks()
    monkeypatch.setattr(places, "lock_keys", unlocked)
    monkeypatch.setattr(places, "_check_same_windows", lambda *_arguments: None)
    unconditional = text(
        "UPDATE time_slots SET current_bookings = current_bookings + c.n,"
        " jockey_minutes_taken = jockey_minutes_taken + c.minutes"
        " FROM unnest(CAST(:slots AS uuid[]), :bookings, :minutes) AS c(slot, n, minutes) WHERE id = c.slot"
    )
    monkeypatch.setattr(counters, "CHANGE_SLOTS", unconditional)
    judged, meeting = places._take_judged, Meeting(parties)

    def judge_and_meet(*arguments: Any) -> Any:
        promise = judged(*arguments)
        meeting.wait()
        return promise

    monkeypatch.setattr(places, "_take_judged", judge_and_meet)


def requests(scene: Scene, count: int, **facts: Any) -> list[Any]:
    made = [scene.request(**facts) for _n in range(count)]
    db.session.commit()
    return made


def race(app: Flask, wanted: list[Any]) -> tuple[int, list[Any]]:
    results = at_once(app, [lambda request=request: book(request) for request in wanted])
    db.session.rollback()
    return sum(isinstance(result, uuid.UUID) for result in results), results


def taken(scene: Scene) -> tuple[int, int]:
    slot = db.session.get(TimeSlot, scene.slots[0].id, populate_existing=True)
    return slot.current_bookings, slot.max_bookings


def test_without_guards_the_last_place_is_sold_twice(
    scene: Callable[..., Scene], committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = scene()
    one.slots[0].max_bookings = 1
    db.session.commit()
    guards_off(monkeypatch, CUSTOMERS)
    booked, _results = race(committed_app, requests(one, CUSTOMERS, back=None))
    assert booked > 1


def test_the_last_place_is_sold_once(scene: Callable[..., Scene], committed_app: Flask) -> None:
    one = scene()
    one.slots[0].max_bookings = 1
    db.session.commit()
    booked, results = race(committed_app, requests(one, CUSTOMERS, back=None))
    assert booked == 1
    assert all(isinstance(result, PlaceTaken) for result in results if not isinstance(result, uuid.UUID))
    assert taken(one) == (1, 1)


def test_without_the_exclusion_one_ronja_is_promised_twice(
    scene: Callable[..., Scene], committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pickups in different windows want the only Ronja; neither sees the other's reservation."""
    one = scene()
    db.session.execute(text("ALTER TABLE ronja_reservations DROP CONSTRAINT ex_ronja_reservations_overlap"))
    guards_off(monkeypatch, 2)
    wanted = [one.request(slot=0, back=2), one.request(slot=1, back=3)]
    db.session.commit()
    booked, _results = race(committed_app, wanted)
    assert booked == 2


def test_one_ronja_is_promised_once(
    scene: Callable[..., Scene], committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = scene()
    judged, meeting = places._take_judged, Meeting(2)

    def judge_and_meet(*arguments: Any) -> Any:
        promise = judged(*arguments)
        meeting.wait()
        return promise

    monkeypatch.setattr(places, "lock_keys", unlocked)
    monkeypatch.setattr(places, "_check_same_windows", lambda *_arguments: None)
    monkeypatch.setattr(places, "_take_judged", judge_and_meet)
    wanted = [one.request(slot=0, back=2), one.request(slot=1, back=3)]
    db.session.commit()
    booked, results = race(committed_app, wanted)
    assert booked == 1
    assert [type(result) for result in results if isinstance(result, Exception)] == [PlaceTaken]
    assert len(db.session.scalars(select(RonjaReservation)).all()) == 1


def unlocked(*_arguments: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Stands for the row locks, so that only the exclusion constraint is left to decide."""
    return {}, {}


def test_a_double_click_is_one_booking(scene: Callable[..., Scene], committed_app: Flask) -> None:
    one = scene()
    request = one.request(back=None)
    db.session.commit()
    results = at_once(committed_app, [lambda: book(request)] * 4)
    db.session.rollback()
    booked = {result for result in results if isinstance(result, uuid.UUID)}
    assert len(booked) == 1
    assert all(isinstance(result, uuid.UUID | Busy) for result in results)
    assert len(db.session.scalars(select(Booking)).all()) == 1
    assert taken(one)[0] == 1


def test_two_tabs_of_one_customer_leave_one_hold(scene: Callable[..., Scene], committed_app: Flask) -> None:
    one = scene(ronjas=3)
    customer = make_customer()
    wanted = [one.request(slot=n, back=None, user_id=customer.id) for n in range(3)]
    db.session.commit()
    race(committed_app, wanted)
    pending = select(Booking).where(Booking.status == BookingStatus.PENDING)
    assert len(db.session.scalars(pending).all()) == 1
    assert sum(one.counts()[1]) == 1


def test_payment_and_expiry_at_once_agree(scene: Callable[..., Scene], committed_app: Flask) -> None:
    """Whoever wins, the money is either kept with a live booking or on its way back; the counters are right."""
    one = scene()
    booking = one.book()
    payment = one.payment_of(booking.id)
    booking_id = booking.id
    db.session.commit()
    with clock.frozen(NOON.replace(minute=31)):
        results = at_once(committed_app, [lambda: succeed(payment), lambda: expire_hold(booking_id)])
    db.session.rollback()
    assert not [result for result in results if isinstance(result, Exception)]
    booking = db.session.get(Booking, booking_id, populate_existing=True)
    assert booking.status is BookingStatus.CONFIRMED
    assert one.counts()[0] == [1, 0]


def test_two_people_cancel_at_once_one_wins(scene: Callable[..., Scene], committed_app: Flask) -> None:
    one = scene()
    user, booking_id = customer_of(one.booked())
    results = at_once(committed_app, [lambda: cancel(user, booking_id, accepted_fee_cents=0)] * 3)
    db.session.rollback()
    assert [type(result) for result in results if result is not None] == [Conflict, Conflict]
    assert one.counts() == ([0, 0], [0] * 10, [0] * 10)


def test_customers_across_days_never_deadlock(scene: Callable[..., Scene], committed_app: Flask) -> None:
    """Claims that need overlapping keys in different places lock them in one order, so nobody is sent away busy."""
    one = scene(ronjas=CUSTOMERS * 2)
    pairs = [(0, 3), (1, 3), (2, 5), (3, 5), (4, 7), (0, 5)]
    wanted = [one.request(slot=slot, back=back) for slot, back in pairs]
    db.session.commit()
    booked, results = race(committed_app, wanted)
    assert booked == len(pairs), results


def customer_of(booking: Booking) -> tuple[User, uuid.UUID]:
    """A booking's customer, for another thread, and its id."""
    user, booking_id = booking.user, booking.id
    db.session.commit()
    db.session.refresh(user)
    db.session.expunge(user)
    return user, booking_id


def movers(scene: Scene) -> list[tuple[User, uuid.UUID]]:
    """Two customers with a booking each, who want to move."""
    return [customer_of(scene.booked(back=None)) for _n in range(2)]


def test_two_who_move_to_one_window_do_not_block_each_other(
    scene: Callable[..., Scene], committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have written down where they want to go, which holds on to the window's key, before either locks it."""
    one = scene()
    wanted, target = movers(one), one.slots[1].id
    locked, meeting = places.lock_keys, Meeting(2)

    def meet_and_lock(*keys: Any) -> Any:
        meeting.wait()
        return locked(*keys)

    monkeypatch.setattr(places, "lock_keys", meet_and_lock)
    moves = [lambda who=who: move(*who, target, None, accepted_fee_cents=0) for who in wanted]
    results = at_once(committed_app, moves)
    assert not [result for result in results if isinstance(result, Exception)]
    db.session.rollback()
    assert one.counts()[1][:2] == [0, 2]


def test_the_place_of_a_hold_that_is_over_is_given_to_one(scene: Callable[..., Scene], committed_app: Flask) -> None:
    """Two who move, money that comes for the hold after all, and the job that ends it, all at once."""
    one = scene()
    one.slots[1].max_bookings = 1
    over = one.book(slot=1, back=None)
    wanted = movers(one)
    payment, over_id, target = one.payment_of(over.id), over.id, one.slots[1].id
    with clock.frozen(NOON.replace(minute=31)):
        moves = [lambda who=who: move(*who, target, None, accepted_fee_cents=0) for who in wanted]
        results = at_once(committed_app, [*moves, lambda: succeed(payment), lambda: expire_hold(over_id)])
        db.session.rollback()
        assert all(isinstance(one, PlaceTaken) for one in results if isinstance(one, Exception)), results
        there = select(Booking).where(Booking.slot_id == target, Booking.status == BookingStatus.CONFIRMED)
        assert len(db.session.scalars(there).all()) == 1
        assert breaches() == []


def test_who_moves_and_who_edits_the_windows_do_not_block_each_other(
    scene: Callable[..., Scene], committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The move has a row that refers to its windows, and wants an earlier one, of a hold that is over, as well."""
    one = scene()
    one.book(slot=0, back=None)
    booking = one.booked(slot=1, back=None)
    workshop_id, target, day = booking.workshop_id, one.slots[2].id, one.slots[0].service_date
    user, booking_id = customer_of(booking)
    locked, written, days_locked, calls = places.lock_keys, Meeting(2), Meeting(2), count()

    def meet_and_lock(*keys: Any) -> Any:
        if next(calls) == 2:  # twice for the rehearsal, which is undone; now the row is there
            written.wait()
            days_locked.wait()
        return locked(*keys)

    def edit() -> None:
        with command_transaction():
            written.wait()
            lock_days(workshop_id, day, day)
            days_locked.wait()
            lock_windows(workshop_id, day, day)

    monkeypatch.setattr(places, "lock_keys", meet_and_lock)
    with clock.frozen(NOON.replace(minute=31)):
        results = at_once(committed_app, [lambda: move(user, booking_id, target, None, accepted_fee_cents=0), edit])
    assert not [result for result in results if isinstance(result, Exception)]


CAR = {"license_plate": "DO-AB 123", "make": "VW", "model": "Golf", "year": 2019}


def test_a_payment_that_keeps_its_car_and_the_customers_next_claim_do_not_block_each_other(
    scene: Callable[..., Scene], committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payment has written the booking, the claim has locked the customer, and then each comes to the other."""
    one = scene()
    booking = one.book(slot=0, back=None, car_details=CAR)
    payment, booking_id = one.payment_of(booking.id), booking.id
    wanted = one.request(slot=1, back=None, user_id=booking.user_id)
    db.session.commit()
    keeps, looks, written, user_locked = settlement.keep_car, claim._in_the_way, Meeting(2), Meeting(2)

    def keep(paid: Booking) -> None:
        written.wait()
        user_locked.wait()
        keeps(paid)

    def look(request: Any) -> Any:
        written.wait()
        found = looks(request)
        user_locked.wait()
        return found

    monkeypatch.setattr(settlement, "keep_car", keep)
    monkeypatch.setattr(claim, "_in_the_way", look)
    results = at_once(committed_app, [lambda: succeed(payment), lambda: book(wanted)])
    assert not [result for result in results if isinstance(result, Exception)]
    db.session.rollback()
    assert db.session.get_one(Booking, booking_id).status is BookingStatus.CONFIRMED
