"""What was declined is wished at the next booking: kept by the claim, changed, taken up, set aside; and its end."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from b2c_web.accounts.models import Role
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands as bookings
from b2c_web.bookings import wishes as booking_wishes
from b2c_web.bookings.claim import book
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.naming import SeenCar
from b2c_web.bookings.wishes import WishGone
from b2c_web.catalog.models import ServiceType
from b2c_web.checks import breaches
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.extensions import commands, wishes, wishing
from b2c_web.extensions.cataloguing import put_work_item
from b2c_web.extensions.items import Item, Offer
from b2c_web.extensions.models import Extension, ExtensionWish
from b2c_web.extensions.queries import digest_of, usual_work_named
from b2c_web.extensions.rules import WishState
from b2c_web.extensions.wishes import WishView
from b2c_web.notifications.models import NotificationKind
from tests.commands.extending import DISCS, OFFER, OIL, PADS, SUMS, Extending
from tests.factories import make_customer, make_user, make_vehicle
from tests.views.test_workshop_board import counted

Before = tuple[Booking, Extension]
EXHAUST = Offer("Anders", (Item("Auspuff", 30000), Item("Halter", 100)))


@pytest.fixture
def scene(session: Any, frozen_clock: Any) -> Extending:
    return Extending(session, frozen_clock)


@pytest.fixture
def before(scene: Extending) -> Before:
    return scene.declined_before()


@pytest.fixture
def booking(scene: Extending, before: Before) -> Booking:
    """The next booking of the car: pads and discs are wished."""
    return scene.again(*before, 0, 1)


def key(extension: Extension, place: int) -> str:
    return f"{extension.id}:{place}"


def wished(scene: Extending, booking: Booking) -> list[WishView]:
    scene.session.expire_all()
    return wishes.of_booking(scene.session.get(Booking, booking.id))


def states(scene: Extending, booking: Booking) -> list[WishState]:
    return [one.state for one in wished(scene, booking)]


def wish_id(scene: Extending, booking: Booking, place: int = 0) -> uuid.UUID:
    return wished(scene, booking)[place].id


def refused(code: str) -> Any:
    return pytest.raises(Conflict, check=lambda error: error.code == code)


def invalid(field: str) -> Any:
    return pytest.raises(Invalid, check=lambda error: error.details["field"] == field)


# the claim


def test_what_was_ticked_is_kept_as_it_was_then(scene: Extending, before: Before, booking: Booking) -> None:
    found = wished(scene, booking)
    assert [(one.name, one.price_cents, str(one.quantity), one.sum_cents) for one in found] == [
        (PADS.name, 8990, "1", SUMS[0]),
        (DISCS.name, 7450, "2", SUMS[1]),
    ]
    assert {one.state for one in found} == {WishState.OPEN}
    assert booking.total_price == before[0].total_price  # a wish is no order
    assert breaches() == []


def test_the_confirmation_names_the_wishes(scene: Extending, booking: Booking) -> None:
    mail = scene.mails(NotificationKind.BOOKING_CONFIRMED)[-1]
    assert mail.booking_id == booking.id
    assert mail.context["wishes"] == [
        {"name": PADS.name, "quantity": "1", "cents": SUMS[0]},
        {"name": DISCS.name, "quantity": "2", "cents": SUMS[1]},
    ]


def test_the_same_tick_twice_is_one_wish(scene: Extending, before: Before) -> None:
    booking = scene.again(*before, 1, 1)
    assert [one.name for one in wished(scene, booking)] == [DISCS.name]


def test_a_booking_without_wishes_costs_no_statement_more(scene: Extending, before: Before) -> None:
    car = {"user_id": before[0].user_id, "vehicle_id": before[0].vehicle_id}
    plain = scene.request(slot=1, back=None, **car)
    wishing_one = scene.request(slot=1, back=None, **car, wishes=(key(before[1], 0),))
    with counted() as without:
        book(plain)
    with counted() as with_one:
        book(wishing_one)
    assert not any("extension" in statement for statement in without)
    assert sum("INSERT INTO extension_wishes" in statement for statement in with_one) == 1


def test_what_cannot_be_wished_books_nothing(scene: Extending, before: Before) -> None:
    old, extension = before
    stranger = make_customer()
    theirs = make_vehicle(stranger)
    scene.session.commit()
    mine = {"user_id": old.user_id, "vehicle_id": old.vehicle_id}
    wrong: list[dict[str, Any]] = [
        {"user_id": stranger.id, "vehicle_id": theirs.id, "wishes": (key(extension, 0),)},  # another person's
        {"user_id": stranger.id, "vehicle_id": old.vehicle_id, "wishes": (key(extension, 0),)},
        {"user_id": old.user_id, "vehicle_id": None, "wishes": (key(extension, 0),)},  # no car chosen
        mine | {"wishes": (key(extension, 3),)},  # was never offered
        mine | {"wishes": ("nonsense",)},
        mine | {"wishes": (key(extension, 0), f"{uuid.uuid4()}:0")},
    ]
    old_id = old.id
    for facts in wrong:
        with pytest.raises(WishGone):
            book(scene.request(slot=1, back=None, **facts))
    assert scene.session.query(Booking).filter(Booking.id != old_id).count() == 0


def test_what_was_accepted_meanwhile_is_told_at_the_claim(scene: Extending, before: Before) -> None:
    old, extension = before
    between = scene.again(*before)
    scene.check_in(between)
    scene.approved(between, [0], Offer("Doch", (replace(PADS, name="bremsbeläge  VORN"),)))
    car = {"user_id": old.user_id, "vehicle_id": old.vehicle_id}
    with pytest.raises(WishGone):
        book(scene.request(slot=2, back=None, **car, wishes=(key(extension, 0),)))
    assert {one.name for one in booking_wishes.open_work(**car)} == {DISCS.name, OIL.name}


# the customer changes


def test_the_customer_adds_and_takes_back_until_the_car_is_here(
    scene: Extending, before: Before, booking: Booking
) -> None:
    extension, kept = before[1], wish_id(scene, booking, 1)
    commands.change_wishes(booking.user, booking.id, [key(extension, 1), key(extension, 2), key(extension, 2)])
    found = wished(scene, booking)
    assert [one.name for one in found] == [DISCS.name, OIL.name]
    assert found[0].id == kept
    commands.change_wishes(booking.user, booking.id, [])
    assert wished(scene, booking) == []
    scene.check_in(booking)
    with refused("car_is_here"):
        commands.change_wishes(booking.user, booking.id, [key(extension, 1)])


def test_saying_the_same_again_changes_nothing(scene: Extending, before: Before, booking: Booking) -> None:
    def noted() -> int:
        return scene.session.query(AuditEntry).filter_by(action="wish.change").count()

    first = noted()
    commands.change_wishes(booking.user, booking.id, [key(before[1], 1), key(before[1], 0)])
    assert (noted(), len(wished(scene, booking))) == (first, 2)


def test_nobody_elses_booking_and_nobody_elses_work(scene: Extending, before: Before, booking: Booking) -> None:
    other_booking, other = scene.declined_before(EXHAUST)
    with pytest.raises(NotFound):
        commands.change_wishes(other_booking.user, booking.id, [])
    with invalid("wish"):
        commands.change_wishes(booking.user, booking.id, [key(before[1], 0), key(other, 0)])
    assert len(wished(scene, booking)) == 2


# the workshop


def test_an_offer_takes_up_what_its_lines_name(scene: Extending, booking: Booking) -> None:
    scene.check_in(booking)
    pads = wish_id(scene, booking)
    dearer = Item("Bremsbeläge, besser", 9990, wish_id=pads)
    extension = scene.raised(booking, Offer("Wie gewünscht", (OIL, dearer)))
    found = wished(scene, booking)
    assert [one.state for one in found] == [WishState.TAKEN_UP, WishState.OPEN]
    assert (found[0].offered_in, found[0].accepted) == (extension.id, None)
    assert wishes.places_in(extension.id) == {1: pads}
    scene.approve(extension, [1])
    assert wished(scene, booking)[0].accepted is True
    assert breaches() == []


def test_work_of_the_same_name_takes_the_wish_up_too(scene: Extending, booking: Booking) -> None:
    scene.check_in(booking)
    scene.raised(booking, Offer("Fällig", (replace(DISCS, name=" bremsscheiben VORN", price_cents=8000),)))
    assert states(scene, booking) == [WishState.OPEN, WishState.TAKEN_UP]


def test_a_wish_is_not_offered_twice(scene: Extending, booking: Booking) -> None:
    scene.check_in(booking)
    pads, discs = (wish_id(scene, booking, place) for place in (0, 1))
    first = Offer("Wie gewünscht", (replace(PADS, wish_id=pads),))
    raised = scene.raised(booking, first)
    assert scene.raised(booking, first).id == raised.id  # a second tap
    with invalid("items-1"):
        scene.raised(booking, Offer("Noch einmal", (OIL, replace(PADS, price_cents=1, wish_id=pads))))
    with invalid("items-1"):
        both = replace(DISCS, wish_id=discs)
        scene.raised(booking, Offer("Doppelt", (both, replace(both, price_cents=1))))
    assert states(scene, booking) == [WishState.TAKEN_UP, WishState.OPEN]


def test_a_line_that_names_the_wish_comes_before_one_of_the_same_name(scene: Extending, booking: Booking) -> None:
    scene.check_in(booking)
    named = replace(PADS, wish_id=wish_id(scene, booking))
    raised = scene.raised(booking, Offer("Beides", (replace(PADS, price_cents=5000), named)))
    assert wishes.places_in(raised.id) == {1: named.wish_id}


def test_a_wish_of_another_booking_is_not_taken_up(scene: Extending, booking: Booking) -> None:
    other = scene.in_workshop(slot=2)
    with invalid("items-0"):
        scene.raised(other, Offer("Falsch", (replace(PADS, wish_id=wish_id(scene, booking)),)))


def test_withdrawn_it_is_open_again_and_corrected_it_stays_taken_up(scene: Extending, booking: Booking) -> None:
    scene.check_in(booking)
    pads = wish_id(scene, booking)
    first = scene.raised(booking, Offer("Wie gewünscht", (replace(PADS, wish_id=pads),)))
    better = Offer("Berichtigt", (OIL, replace(PADS, price_cents=9000, wish_id=pads)))
    second = scene.raised(booking, better, replaces=first.id)
    assert wishes.places_in(first.id) == {}
    assert wishes.places_in(second.id) == {1: pads}
    commands.withdraw_extension(scene.staff, second.id, "Doch nicht nötig")
    assert states(scene, booking) == [WishState.OPEN, WishState.OPEN]
    assert breaches() == []


def test_a_declined_wish_is_offered_again_next_time(scene: Extending, before: Before, booking: Booking) -> None:
    scene.check_in(booking)
    extension = scene.raised(booking, Offer("Wie gewünscht", (replace(PADS, wish_id=wish_id(scene, booking)),)))
    commands.decline(booking.user, extension.id, "", digest_of(extension))
    assert wished(scene, booking)[0].accepted is False
    again = booking_wishes.open_work(booking.user_id, booking.vehicle_id)
    assert [one.key for one in again] == [key(extension, 0), key(before[1], 2), key(before[1], 1)]


def test_set_aside_with_words_that_the_customer_reads(scene: Extending, booking: Booking) -> None:
    pads = wish_id(scene, booking)
    with invalid("words"):
        commands.set_aside(scene.staff, booking.id, pads, "  ")
    commands.set_aside(scene.staff, booking.id, pads, " Halten noch ein Jahr. ")
    found = wished(scene, booking)[0]
    assert (found.state, found.words) == (WishState.SET_ASIDE, "Halten noch ein Jahr.")
    with refused("wish_set_aside"):
        commands.set_aside(scene.staff, booking.id, pads, "Noch einmal")
    commands.change_wishes(booking.user, booking.id, [])  # what is answered stays
    assert states(scene, booking) == [WishState.SET_ASIDE]
    scene.check_in(booking)
    with invalid("items-0"):
        scene.raised(booking, Offer("Doch", (replace(PADS, wish_id=pads),)))
    assert breaches() == []


def test_what_was_taken_back_or_is_offered_is_not_set_aside(scene: Extending, before: Before, booking: Booking) -> None:
    pads, discs = (wish_id(scene, booking, place) for place in (0, 1))
    commands.change_wishes(booking.user, booking.id, [key(before[1], 1)])
    with refused("wish_gone"):
        commands.set_aside(scene.staff, booking.id, pads, "Nein")
    scene.check_in(booking)
    scene.raised(booking, Offer("Wie gewünscht", (replace(DISCS, wish_id=discs),)))
    with refused("wish_taken_up"):
        commands.set_aside(scene.staff, booking.id, discs, "Nein")


def test_only_the_workshops_own_staff_set_aside(scene: Extending, booking: Booking) -> None:
    pads, stranger = wish_id(scene, booking), make_user(Role.WORKSHOP)
    scene.session.commit()
    for person in (stranger, booking.user):
        with pytest.raises(NotFound):
            commands.set_aside(person, booking.id, pads, "Nein")


def test_work_accepted_with_another_booking_is_no_open_wish(scene: Extending, before: Before, booking: Booking) -> None:
    between = scene.again(*before, 0, slot=2)
    assert wishes.undecided([booking.id, between.id]) == {booking.id: 2, between.id: 1}
    scene.check_in(between)
    scene.approved(between, [0], Offer("Fällig", (PADS,)))
    assert states(scene, booking) == [WishState.DONE, WishState.OPEN]
    assert wishes.undecided([booking.id, between.id]) == {booking.id: 1}


# the end


def test_the_wishes_of_a_cancelled_booking_end_and_the_work_is_offered_again(
    scene: Extending, before: Before, booking: Booking
) -> None:
    bookings.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert scene.session.get(Booking, booking.id).status is BookingStatus.CANCELLED
    assert wished(scene, booking) == []
    with refused("booking_over"):
        commands.change_wishes(booking.user, booking.id, [])
    again = scene.again(*before, 0, 1, slot=3)
    assert len(wished(scene, again)) == 2
    assert breaches() == []


def test_another_car_comes_so_its_owner_hears_why_nothing_is_offered(scene: Extending, booking: Booking) -> None:
    other = {"license_plate": "WIT ZZ 9", "make": "Esche", "model": "Kombi", "year": 2021}
    bookings.check_in(scene.staff, booking.id, mileage_km=9, early=True, seen=SeenCar(other, is_other=True))
    found = wished(scene, booking)
    assert [one.state for one in found] == [WishState.SET_ASIDE] * 2
    assert {one.words for one in found} == {wishing.OTHER_CAR}
    assert breaches() == []


def test_the_same_car_written_down_right_keeps_its_wishes(scene: Extending, booking: Booking) -> None:
    right = {"license_plate": "WIT XY 208", "make": "Ahorn", "model": "Kombi", "year": 2020}
    bookings.check_in(scene.staff, booking.id, mileage_km=9, early=True, seen=SeenCar(right, is_other=False))
    assert states(scene, booking) == [WishState.OPEN, WishState.OPEN]


# verify


@pytest.mark.parametrize(
    "break_it",
    [
        lambda one, other: setattr(one, "extension_id", other),
        lambda one, _other: setattr(one, "price", 1),
        lambda one, _other: setattr(one, "quantity", "9"),
        lambda one, _other: setattr(one, "place", 9),
    ],
)
def test_verify_sees_a_wish_that_says_something_else(
    scene: Extending, booking: Booking, break_it: Callable[[Any, Any], None]
) -> None:
    _other, theirs = scene.declined_before(EXHAUST)
    break_it(scene.session.query(ExtensionWish).order_by(ExtensionWish.id).first(), theirs.id)
    scene.session.commit()
    assert "extensions: a wish says what was offered then" in [one.name for one in breaches()]


def test_verify_sees_a_wish_about_another_car(scene: Extending, booking: Booking) -> None:
    scene.session.get(Booking, booking.id).vehicle_id = make_vehicle(booking.user).id
    scene.session.commit()
    found = [one.name for one in breaches()]
    assert "extensions: a wish is about the car and the customer of its booking" in found


def test_verify_sees_a_wish_taken_up_by_a_stranger(scene: Extending, booking: Booking) -> None:
    other = scene.raised(scene.in_workshop(slot=2), OFFER)
    wish = scene.session.query(ExtensionWish).order_by(ExtensionWish.id).first()
    wish.taken_up_by_id, wish.taken_up_place = other.id, 0
    scene.session.commit()
    found = [one.name for one in breaches()]
    assert "extensions: what has taken up a wish is an offer of the same booking, and stands" in found


# today's price


def test_the_catalogue_names_todays_price(scene: Extending) -> None:
    workshop_id, brakes = scene.workshop.id, ServiceType.BRAKE_SERVICE

    def price() -> int:
        scene.session.expire_all()
        return usual_work_named(workshop_id, brakes)["bremsbeläge vorn"].price

    put_work_item(workshop_id, ServiceType.OIL_SERVICE, "Bremsbeläge vorn", 1000)
    assert price() == 1000
    put_work_item(workshop_id, None, "BREMSBELÄGE vorn", 2000)
    assert price() == 2000
    put_work_item(workshop_id, brakes, "Bremsbeläge  vorn", 3000)
    assert price() == 3000
