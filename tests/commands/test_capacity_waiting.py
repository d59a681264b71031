"""The waiting list: told in order, with a place that is really held, and never twice."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings.commands import cancel, expire_hold, give_up
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.capacity import jobs as capacity_jobs
from b2c_web.capacity import waiting
from b2c_web.capacity.waiting_models import WaitingEntry, WaitingState
from b2c_web.capacity.waiting_turns import tell_day, tell_waiting
from b2c_web.checks import breaches
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.commands import add_shift
from b2c_web.workshops.editing import Edit, add_window, day_state, edit_day, edit_window, window_state
from b2c_web.workshops.models import WorkshopCapacity
from b2c_web.workshops.weekly import PlannedWindow
from tests.commands.scene import PLACE, Scene
from tests.conftest import NOON
from tests.factories import make_customer, make_jockey, make_user

pytestmark = pytest.mark.usefixtures("frozen_clock")

AGREED = "2026-01-01"  # the terms as they were then


class Full(Scene):
    """The scene's first day takes one booking only, and it is taken."""

    def __init__(self, session: Any, **facts: Any) -> None:
        super().__init__(session, **facts)
        self.keep_open(1)
        self.taken = self.booked(0, None)

    def keep_open(self, windows: int) -> None:
        """One place in each of the first `windows` windows of the first day, none in the others."""
        for number, slot in enumerate(self.slots[:5]):
            slot.max_bookings, slot.is_available = 1, number < windows
        self.session.commit()

    def wait(self, user: User | None = None, **facts: Any) -> WaitingEntry:
        request = self.request(0, None)
        person = user or make_customer()
        self.session.commit()
        wanted = waiting.Wanted(
            **{
                "user_id": person.id,
                "day": self.first,
                "question": request.question,
                "place": PLACE,
                "customer_name": "Person am Beispielweg",
                "customer_phone": "+4923021234567",
                "terms_version": AGREED,
                **facts,
            }
        )
        return self.session.get(WaitingEntry, waiting.join(wanted))

    def free(self) -> None:
        cancel(self.taken.user, self.taken.id, accepted_fee_cents=0)

    def states(self) -> list[WaitingState]:
        self.session.expire_all()
        rows = self.session.query(WaitingEntry).order_by(WaitingEntry.joined_at, WaitingEntry.id)
        return [row.state for row in rows]

    def told(self) -> list[Notification]:
        return self.session.query(Notification).filter_by(kind=NotificationKind.PLACE_FREE).all()


W, T, TAKEN, MISSED, LEFT = WaitingState


@pytest.fixture
def full(session: Any) -> Full:
    return Full(session)


def test_nobody_waits_for_a_day_that_has_places(full: Full) -> None:
    full.free()
    with pytest.raises(waiting.NotFull):
        full.wait()


@pytest.mark.parametrize("days", [-3, 2, 90])
def test_nobody_waits_for_closed_past_or_far_days(full: Full, days: int) -> None:
    with pytest.raises(Invalid):
        full.wait(day=full.first + timedelta(days=days))


def test_an_unproven_address_cannot_join(full: Full) -> None:
    with pytest.raises(Invalid):
        full.wait(make_user())


def test_joining_twice_joins_once_and_keeps_the_turn(full: Full) -> None:
    first = full.wait()
    at = first.joined_at
    full.wait()
    with clock.frozen(NOON + timedelta(minutes=5)):
        again = full.wait(full.session.get(User, first.user_id), customer_name="Neuer Name")
    assert (again.id, again.joined_at, again.customer_name) == (first.id, at, "Neuer Name")
    assert full.states() == [W, W]


def test_more_than_ten_days_are_refused(full: Full, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_PER_PERSON", 1)
    user = full.session.get(User, full.wait().user_id)
    with pytest.raises(Conflict, match=r"^conflict$"):
        full.wait(user, day=full.first + timedelta(days=1))


def test_a_freed_place_is_held_for_the_first_by_the_same_claim(full: Full, run_jobs: Callable[..., list[str]]) -> None:
    first, second = full.wait(), full.wait()
    full.free()
    assert "capacity.tell_waiting" in run_jobs({"capacity.tell_waiting"})
    assert full.states() == [T, W]
    booking = full.session.get(Booking, first.booking_id)
    assert (booking.status, booking.user_id) == (BookingStatus.PENDING, first.user_id)
    assert booking.hold_expires_at == clock.now_utc() + timedelta(minutes=30)
    assert full.payment_of(booking.id).amount_cents == booking.total_price
    assert [(one.user_id, one.booking_id) for one in full.told()] == [(first.user_id, booking.id)]
    assert second.told_at is None
    assert breaches() == []


def test_with_nothing_free_nobody_is_told(full: Full) -> None:
    full.wait()
    assert tell_waiting(full.workshop.id) == []
    assert full.states() == [W]
    assert full.told() == []


def test_paying_takes_the_place(full: Full) -> None:
    entry = full.wait()
    full.free()
    tell_waiting(full.workshop.id)
    full.session.expire_all()
    full.pay(full.session.get(Booking, entry.booking_id))
    assert full.states() == [TAKEN]
    assert breaches() == []


def test_who_gives_the_place_up_has_not_missed_it(full: Full, run_jobs: Callable[..., list[str]]) -> None:
    first, _second = full.wait(), full.wait()
    full.free()
    run_jobs({"capacity.tell_waiting"})
    full.session.expire_all()
    held = full.session.get_one(Booking, first.booking_id)
    give_up(held.user, held.id)
    run_jobs({"capacity.tell_waiting"})
    assert full.states() == [LEFT, T]
    assert breaches() == []


@pytest.mark.parametrize(("minutes", "state"), [(29, LEFT), (31, MISSED)])
def test_who_books_something_else_has_not_missed_what_was_held(full: Full, minutes: int, state: WaitingState) -> None:
    entry = full.wait()
    full.free()
    tell_waiting(full.workshop.id)
    full.keep_open(2)
    with clock.frozen(NOON + timedelta(minutes=minutes)):
        full.session.expire_all()
        full.book(1, None, user_id=entry.user_id)
    assert full.states() == [state]


def test_money_that_came_in_time_is_waited_for_before_another_day_is_held(full: Full) -> None:
    entry = full.wait()
    full.free()
    tell_waiting(full.workshop.id)
    other_day = [slot for slot in full.slots if slot.service_date == full.slots[5].service_date]
    for number, slot in enumerate(other_day):
        slot.max_bookings, slot.is_available = 1, number == 0
    full.session.commit()
    blocker = full.booked(5, None)
    full.wait(full.session.get_one(User, entry.user_id), day=other_day[0].service_date)
    cancel(blocker.user, blocker.id, accepted_fee_cents=0)
    with clock.frozen(NOON + timedelta(minutes=31)):  # the hold is over, and nobody has swept it or heard of the money
        assert tell_waiting(full.workshop.id) == []
        full.pay(full.session.get_one(Booking, entry.booking_id))
    assert full.states() == [TAKEN, W]


def test_who_lets_it_pass_has_missed_it_and_the_next_is_told(full: Full, run_jobs: Callable[..., list[str]]) -> None:
    first, second, _third = full.wait(), full.wait(), full.wait()
    full.free()
    run_jobs({"capacity.tell_waiting"})
    with clock.frozen(NOON + timedelta(minutes=31)):
        full.session.expire_all()
        assert expire_hold(first.booking_id)
        run_jobs({"capacity.tell_waiting"})
        assert full.states() == [MISSED, T, W]
        assert [one.user_id for one in full.told()] == [first.user_id, second.user_id]
        assert breaches() == []


def test_a_hold_of_the_list_sends_no_late_money_back(full: Full) -> None:
    user = make_customer()
    full.session.commit()
    full.wait(user)
    elsewhere = full.book(5, None, user_id=user.id)
    with clock.frozen(NOON + timedelta(minutes=31)):
        expire_hold(elsewhere.id)
        full.free()
        assert tell_waiting(full.workshop.id)
        full.pay(elsewhere)
    full.session.expire_all()
    assert elsewhere.status is BookingStatus.CONFIRMED
    assert breaches() == []


def test_the_terms_that_count_are_those_that_were_agreed_to(full: Full, app: Any) -> None:
    entry = full.wait()
    assert app.config["TERMS_VERSION"] != AGREED
    full.free()
    tell_waiting(full.workshop.id)
    full.session.expire_all()
    assert full.session.get(Booking, entry.booking_id).terms_version == AGREED


def test_money_that_came_late_counts_when_the_place_is_still_there(full: Full) -> None:
    entry = full.wait()
    full.free()
    tell_waiting(full.workshop.id)
    full.session.expire_all()
    booking = full.session.get(Booking, entry.booking_id)
    with clock.frozen(NOON + timedelta(minutes=31)):
        expire_hold(booking.id)
        assert full.states() == [MISSED]
        full.pay(booking)
        assert full.states() == [TAKEN]
        assert breaches() == []


def test_two_places_go_to_the_first_two(full: Full) -> None:
    full.wait(), full.wait(), full.wait()
    full.free()
    full.keep_open(2)
    tell_day(full.workshop.id, full.first)
    assert full.states() == [T, T, W]


def test_running_twice_tells_nobody_twice(full: Full) -> None:
    full.wait()
    full.free()
    assert len(tell_waiting(full.workshop.id)) == 1
    assert tell_waiting(full.workshop.id) == []
    assert len(full.told()) == 1


def test_what_does_not_suit_the_first_goes_to_the_next_it_suits(full: Full) -> None:
    """No Ronja is there: the first wants to be fetched, the second brings the car."""
    concierge = full.request(0, 2).question
    for ronja in full.ronjas:
        ronja.status = "MAINTENANCE"
    full.session.commit()
    full.wait(question=concierge)
    full.wait()
    full.free()
    tell_waiting(full.workshop.id)
    assert full.states() == [W, T]


def test_who_is_paying_for_another_date_keeps_that_hold_and_the_turn(full: Full) -> None:
    user = make_customer()
    entry, _next = full.wait(user), full.wait()
    other = full.book(5, None, user_id=user.id)
    full.free()
    tell_waiting(full.workshop.id)
    assert full.session.get(Booking, other.id).status is BookingStatus.PENDING
    assert full.states() == [W, T]
    assert full.session.get(WaitingEntry, entry.id).booking_id is None


def test_too_many_holds_pass_over_without_losing_the_turn(full: Full, app: Any) -> None:
    full.wait(), full.wait()
    full.free()
    before = app.config["HOLDS_PER_ADDRESS_PER_DAY"]
    app.config["HOLDS_PER_ADDRESS_PER_DAY"] = 1
    try:
        tell_waiting(full.workshop.id)
        assert full.states() == [T, W]
    finally:
        app.config["HOLDS_PER_ADDRESS_PER_DAY"] = before


def day_raised(full: Full) -> None:
    row = full.session.query(WorkshopCapacity).filter_by(date=full.first).one()
    edit_day(full.workshop.id, full.first, Edit(row.max_bookings + 1, False, row.note, day_state(row)))


def window_raised(full: Full) -> None:
    slot = full.slots[0]
    edit_window(full.workshop.id, slot.id, Edit(2, False, slot.note, window_state(slot)))


def window_added(full: Full) -> None:
    add_window(full.workshop.id, full.first, PlannedWindow(7 * 60, 8 * 60, 1))


def shift_added(full: Full) -> None:
    starts = full.slots[0].start_time
    add_shift(make_jockey(full.workshop).id, starts, starts + timedelta(hours=8))


@pytest.mark.parametrize("change", [day_raised, window_raised, window_added, shift_added])
def test_what_staff_change_queues_the_next_turn(
    full: Full, run_jobs: Callable[..., list[str]], change: Callable[[Full], None]
) -> None:
    """In the command's own transaction: nobody has to wait for the sweep."""
    full.wait()
    change(full)
    assert run_jobs({"capacity.tell_waiting"}) == ["capacity.tell_waiting"]


def test_where_nobody_waits_a_change_queues_nothing(full: Full, run_jobs: Callable[..., list[str]]) -> None:
    day_raised(full)
    assert run_jobs({"capacity.tell_waiting"}) == []


def test_a_raised_window_is_held_for_who_waits_without_the_sweep(
    full: Full, run_jobs: Callable[..., list[str]]
) -> None:
    full.wait()
    window_raised(full)
    run_jobs({"capacity.tell_waiting"})
    assert full.states() == [T]


def test_a_raised_maximum_is_found_by_the_sweep(full: Full) -> None:
    full.wait()
    full.keep_open(2)
    capacity_jobs.sweep_waiting()
    assert full.states() == [T]


def test_leaving(full: Full) -> None:
    entry = full.wait()
    user, stranger = full.session.get(User, entry.user_id), make_customer()
    full.session.commit()
    with pytest.raises(NotFound):
        waiting.leave(stranger, entry.id)
    waiting.leave(user, entry.id)
    with pytest.raises(Conflict):
        waiting.leave(user, entry.id)
    full.free()
    assert tell_waiting(full.workshop.id) == []
    assert full.states() == [LEFT]
    with pytest.raises(NotFound):
        waiting.leave(user, uuid.uuid4())


def test_a_day_that_came_without_a_place_ends_the_waiting_and_is_forgotten_later(full: Full) -> None:
    full.wait()
    with clock.frozen(NOON + timedelta(days=3)):
        assert [one.name for one in breaches()] == ["waiting list: nobody waits for a day that is over"]
        capacity_jobs.sweep_waiting()
        assert full.states() == [MISSED]
        capacity_jobs.forget_waiting()
        assert full.states() == [MISSED]
    with clock.frozen(NOON + timedelta(days=40)):
        capacity_jobs.forget_waiting()
    assert full.states() == []


def test_who_books_the_day_without_the_list_waits_no_longer(full: Full) -> None:
    entry = full.wait()
    full.free()
    user = full.session.get(User, entry.user_id)
    full.booked(0, None, user_id=user.id)
    assert full.states() == [LEFT]
    full.keep_open(2)
    assert tell_waiting(full.workshop.id) == []
    assert full.told() == []
    assert breaches() == []


def test_another_booking_of_the_same_customer_leaves_the_turn(full: Full) -> None:
    entry = full.wait()
    user = full.session.get(User, entry.user_id)
    full.booked(5, None, user_id=user.id)
    assert full.states() == [W]


def test_who_waits_for_ten_days_may_still_correct_one_of_them(full: Full, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = full.wait()
    user = full.session.get(User, entry.user_id)
    monkeypatch.setattr(waiting, "MOST_PER_PERSON", 1)
    assert full.wait(user, customer_name="Neuer Name").id == entry.id


def test_within_the_lead_time_nobody_is_told(full: Full) -> None:
    full.wait()
    with clock.frozen(full.taken.pickup_time - timedelta(hours=20)):
        cancel(full.taken.user, full.taken.id, accepted_fee_cents=2500)
        assert tell_waiting(full.workshop.id) == []
    assert full.states() == [W]
