"""Commands ask for the role themselves, whichever door they are called through."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from b2c_web.accounts.models import User
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.early_start import ask_for_early_start
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.errors import NotFound
from b2c_web.extensions import commands
from b2c_web.extensions.models import Extension, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from tests.commands.extending import OFFER, Extending
from tests.commands.test_extension_deciding import consent

Act = Callable[[User, Booking, Extension], Any]

WORK: dict[str, Act] = {
    "raise": lambda who, booking, one: commands.raise_extension(who, booking.id, OFFER),
    "raise within the limit": lambda who, booking, one: commands.raise_within_limit(who, booking.id, OFFER),
    "keep a draft": lambda who, booking, one: commands.save_draft(who, booking.id, {"description": "Belä"}),
    "withdraw": lambda who, booking, one: commands.withdraw_extension(who, one.id, "Doppelt"),
    "answer": lambda who, booking, one: commands.answer(who, one.id, "Ja."),
    "approve within the limit": lambda who, booking, one: commands.approve_within_limit(who, one.id, digest_of(one)),
    "approve on consent": lambda who, booking, one: commands.approve_on_consent(
        who, one.id, [0], digest_of(one), consent()
    ),
    "set a wish aside": lambda who, booking, one: commands.set_aside(who, booking.id, uuid.uuid4(), "Heute nicht."),
    "complete": lambda who, booking, one: bookings.complete_work(who, booking.id),
    "rework": lambda who, booking, one: bookings.rework(who, booking.id, "Es quietscht."),
    "hand out": lambda who, booking, one: bookings.collect(who, booking.id),
    "start": lambda who, booking, one: bookings.start_work(who, booking.id, unasked=True),
    "check in": lambda who, booking, one: bookings.check_in(who, booking.id, mileage_km=52_001),
}
OWN: dict[str, Act] = {
    "cancel": lambda who, booking, one: bookings.cancel(who, booking.id, accepted_fee_cents=0),
    "withdraw": lambda who, booking, one: bookings.withdraw(who, booking.id),
    "give up": lambda who, booking, one: bookings.give_up(who, booking.id),
    "move": lambda who, booking, one: bookings.move(who, booking.id, booking.slot_id, None, accepted_fee_cents=0),
    "ask to begin early": lambda who, booking, one: ask_for_early_start(who, booking.id),
}


@pytest.mark.parametrize("act", WORK.values(), ids=WORK)
def test_a_dispatcher_has_no_say_in_the_work_and_what_it_costs(
    scene: Extending, booking: Booking, raised: Extension, act: Act
) -> None:
    for person in (scene.dispatcher, scene.driver, booking.user):
        with pytest.raises(NotFound):
            act(person, booking, raised)
    assert scene.fresh(raised.id).status is ExtensionStatus.PENDING


@pytest.mark.parametrize("act", OWN.values(), ids=OWN)
def test_what_is_the_customers_to_say_is_not_said_by_staff(
    scene: Extending, booking: Booking, raised: Extension, act: Act
) -> None:
    for person in (scene.staff, scene.dispatcher):
        with pytest.raises(NotFound):
            act(person, booking, raised)
    assert scene.session.get(Booking, booking.id).status is BookingStatus.IN_WORKSHOP
