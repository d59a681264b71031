"""A concierge car that its customer brings: what goes back, and that nobody brings the car home, is said in words."""

from typing import Any

import pytest
from icalendar import Calendar

from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking
from b2c_web.checks import breaches
from b2c_web.errors import Conflict
from b2c_web.notifications import hooks
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.rendering import render
from b2c_web.payments import outside, refunding
from b2c_web.payments.commands import add_refund
from b2c_web.payments.models import Refund, RefundState
from tests.commands.scene import TOTAL_CENTS, refunds
from tests.commands.trips import CAR, Trips

pytestmark = pytest.mark.usefixtures("frozen_clock")
GOES_BACK = {"de": "erstatten wir 39,00\u00a0EUR", "en": "we refund EUR\u00a039.00"}
AT_OURS = {"de": "holen Sie Ihr Auto in der Werkstatt ab", "en": "collect your car at the workshop"}


@pytest.fixture
def trips(session: Any, frozen_clock: Any) -> Trips:
    return Trips(session, frozen_clock)


def arrived(trips: Trips, booking: Booking, *, brought: bool = True) -> Notification:
    """The message that the car is here."""
    commands.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR, early=True, brought=brought)
    trips.session.expire_all()
    return trips.session.query(Notification).filter_by(kind=NotificationKind.IN_WORKSHOP).one()


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_message_names_the_money_and_where_the_car_is_fetched(trips: Trips, language: str) -> None:
    booking = trips.booked()
    booking.user.language = language
    trips.session.commit()
    message = arrived(trips, booking)
    assert refunds(trips.session) == [(3900, "concierge_unused")]
    written = render(message)
    for body in (written.text, written.html):
        assert GOES_BACK[language] in body
        assert AT_OURS[language] in body
        assert "Am Prüfstand 1" in body


def test_the_dates_at_the_door_leave_the_calendar(trips: Trips) -> None:
    booking = trips.booked()
    before = hooks.attachments[NotificationKind.BOOKING_CONFIRMED](
        trips.session.query(Notification).filter_by(kind=NotificationKind.BOOKING_CONFIRMED).one()
    )[0]
    (after,) = hooks.attachments[NotificationKind.IN_WORKSHOP](arrived(trips, booking))
    assert "method=CANCEL" in after.content_type
    old, new = (Calendar.from_ical(one.content).walk("VEVENT") for one in (before, after))
    assert [event["uid"] for event in old] == [event["uid"] for event in new]
    assert [event["status"] for event in new] == ["CANCELLED"] * 2
    assert min(event["sequence"] for event in new) > max(event["sequence"] for event in old)


def test_without_a_price_for_it_no_money_is_named(trips: Trips) -> None:
    booking = trips.booked()
    add_refund(trips.payment_of(booking.id), TOTAL_CENTS, "goodwill")
    trips.session.commit()
    text = render(arrived(trips, booking)).text
    assert "erstatten" not in text
    assert AT_OURS["de"] in text


def test_a_car_that_was_to_be_brought_is_only_told_that_it_is_here(trips: Trips) -> None:
    message = arrived(trips, trips.booked(back=None), brought=False)
    text = render(message).text
    assert "erstatten" not in text
    assert AT_OURS["de"] not in text
    assert hooks.attachments[NotificationKind.IN_WORKSHOP](message) == []


@pytest.mark.parametrize("way", ["retry", "outside"])
def test_the_end_gives_back_what_failed_before_it_and_that_is_never_paid_twice(
    trips: Trips, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    booking = trips.booked()
    arrived(trips, booking)
    failed = trips.session.query(Refund).one()
    failed.state, failed_id = RefundState.FAILED, failed.id
    trips.session.commit()
    commands.cancel_by_staff(trips.staff, booking.id, keep_cents=5000, reason="Rost")
    assert refunds(trips.session) == [(3900, "concierge_unused"), (TOTAL_CENTS - 5000, "staff_cancelled")]
    assert breaches() == []
    for module in (refunding, outside):
        monkeypatch.setattr(module, "sync_refunds", lambda payment_id: None)
    with pytest.raises(Conflict):
        if way == "retry":
            refunding.retry_refund(failed_id)
        else:
            outside.record_refund_outside(trips.staff, failed_id, "Überweisung")
    assert len(refunds(trips.session)) == 2


def test_a_refund_by_the_end_that_fails_is_still_owed(trips: Trips, monkeypatch: pytest.MonkeyPatch) -> None:
    booking = trips.booked()
    arrived(trips, booking)
    trips.session.query(Refund).one().state = RefundState.FAILED
    trips.session.commit()
    commands.cancel_by_staff(trips.staff, booking.id, keep_cents=5000, reason="Rost")
    ended = trips.session.query(Refund).filter_by(reason="staff_cancelled").one()
    ended.state = RefundState.FAILED
    trips.session.commit()
    monkeypatch.setattr(refunding, "sync_refunds", lambda payment_id: None)
    assert refunding.retry_refund(ended.id).amount_cents == TOTAL_CENTS - 5000
