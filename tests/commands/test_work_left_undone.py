"""Work that was approved and not done is offered again at the car's next booking, once, until it is done."""

from datetime import timedelta
from typing import Any

import pytest

from b2c_web import clock
from b2c_web.bookings import commands as bookings
from b2c_web.bookings import wishes as booking_wishes
from b2c_web.bookings.models import Booking
from b2c_web.checks import breaches
from b2c_web.extensions import commands, wishes
from b2c_web.extensions.items import Consent, Offer
from b2c_web.extensions.models import Extension
from b2c_web.extensions.queries import digest_of
from b2c_web.extensions.rules import WishState
from b2c_web.payments.commands import ensure_customer
from tests.commands.extending import DISCS, OIL, PADS, Extending, complete, mark_not_done, saver
from tests.paying import Provider


@pytest.fixture
def scene(session: Any, frozen_clock: Any, provider: Provider) -> Extending:
    return Extending(session, frozen_clock)


@pytest.fixture
def booking(scene: Extending, provider: Provider) -> Booking:
    booking = scene.in_workshop()
    ensure_customer(booking.user_id)
    saver(provider, booking.user)()
    return booking


@pytest.fixture
def undone(scene: Extending, booking: Booking, run_jobs: Any) -> Extension:
    """Pads and discs were approved, the discs were not done; the oil was declined."""
    extension = scene.held(booking)
    mark_not_done(scene.staff, extension.id, [1])
    complete(scene, booking, run_jobs)
    return scene.fresh(extension.id)


def open_work(booking: Booking) -> list[tuple[str, bool]]:
    return [(one.name, one.was_approved) for one in booking_wishes.open_work(booking.user_id, booking.vehicle_id)]


def test_what_staff_marked_as_not_done_is_offered_again(scene: Extending, booking: Booking, undone: Extension) -> None:
    booking = scene.session.get(Booking, booking.id)
    assert open_work(booking) == [(OIL.name, False), (DISCS.name, True)]
    again = scene.again(booking, undone, 1)
    [wish] = wishes.of_booking(again)
    assert (wish.name, wish.sum_cents, wish.was_approved, wish.state) == (DISCS.name, 14900, True, WishState.OPEN)
    assert breaches() == []


def test_what_may_still_be_done_is_not_offered(scene: Extending, booking: Booking) -> None:
    extension = scene.held(booking)
    booking = scene.session.get(Booking, booking.id)
    assert open_work(booking) == [(OIL.name, False)]
    mark_not_done(scene.staff, extension.id, [0])
    assert open_work(booking) == [(OIL.name, False), (PADS.name, True)]
    mark_not_done(scene.staff, extension.id, [])
    assert open_work(booking) == [(OIL.name, False)]


@pytest.mark.parametrize("end", ["completed", "cancelled"])
def test_what_was_never_held_is_offered_again(scene: Extending, booking: Booking, end: str) -> None:
    extension = scene.approved(booking, [0])
    if end == "completed":
        bookings.complete_work(scene.staff, booking.id)
    else:
        bookings.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Motorschaden")
    booking = scene.session.get(Booking, scene.fresh(extension.id).booking_id)
    assert open_work(booking) == [(OIL.name, False), (DISCS.name, False), (PADS.name, True)]


def test_each_work_once_and_gone_when_it_is_done(
    scene: Extending, booking: Booking, undone: Extension, run_jobs: Any
) -> None:
    old = scene.session.get(Booking, booking.id)
    again = scene.again(old, undone, 1)
    scene.check_in(again)
    wish = wishes.of_booking(again)[0]
    offer = Offer("Wie gewünscht", (commands.Item(DISCS.name, 7900, DISCS.quantity, wish_id=wish.id),))
    second = scene.held(again, [0], offer)
    assert open_work(old) == [(OIL.name, False)]  # approved, and it may still be done
    mark_not_done(scene.staff, second.id, [0])
    assert open_work(old) == [(DISCS.name, True), (OIL.name, False)]  # once, as it was offered last
    told = wishes.of_booking(scene.session.get(Booking, again.id))[0]
    assert (told.state, told.accepted, told.left_undone) == (WishState.TAKEN_UP, True, True)
    mark_not_done(scene.staff, second.id, [])
    complete(scene, scene.session.get(Booking, again.id), run_jobs)
    assert open_work(old) == [(OIL.name, False)]
    assert breaches() == []


def test_a_later_no_is_a_no(scene: Extending, booking: Booking, undone: Extension) -> None:
    again = scene.again(scene.session.get(Booking, booking.id), undone)
    scene.check_in(again)
    extension = scene.raised(again, Offer("Scheiben", (DISCS,)))
    commands.decline(again.user, extension.id, "", digest_of(extension))
    assert open_work(again)[0] == (DISCS.name, False)


def test_what_the_customer_objected_to_is_a_no(scene: Extending, booking: Booking, frozen_clock: Any) -> None:
    extension = scene.raised(booking)
    said = Consent("phone", "Rosa Ahorn", clock.now_utc(), "Ja, bitte machen.")
    commands.approve_on_consent(scene.staff, extension.id, [0, 1], digest_of(extension), said)
    approved_at = clock.now_utc()
    frozen_clock(approved_at + timedelta(days=1))
    commands.object_to(booking.user, extension.id)
    booking = scene.session.get(Booking, booking.id)
    found = wishes.open_work_of(booking)
    assert [(one.name, one.was_approved) for one in found] == [
        (OIL.name, False),
        (DISCS.name, False),
        (PADS.name, False),
    ]
    assert [one.decided_at for one in found] == [approved_at, *[clock.now_utc()] * 2]
    [wish] = wishes.of_booking(scene.again(booking, scene.fresh(extension.id), 1))
    assert (wish.was_approved, wish.decided_at, wish.state) == (False, clock.now_utc(), WishState.OPEN)


def test_a_wish_whose_offer_the_customer_objected_to_was_not_wanted(
    scene: Extending, booking: Booking, undone: Extension
) -> None:
    again = scene.again(scene.session.get(Booking, booking.id), undone, 1)
    scene.check_in(again)
    wish = wishes.of_booking(again)[0]
    offer = Offer("Wie gewünscht", (commands.Item(DISCS.name, 7900, DISCS.quantity, wish_id=wish.id),))
    extension = scene.raised(again, offer)
    said = Consent("phone", "Rosa Ahorn", clock.now_utc(), "Ja, bitte machen.")
    commands.approve_on_consent(scene.staff, extension.id, [0], digest_of(extension), said)
    commands.object_to(again.user, extension.id)
    told = wishes.of_booking(scene.session.get(Booking, again.id))[0]
    assert (told.state, told.accepted, told.left_undone) == (WishState.TAKEN_UP, False, False)
