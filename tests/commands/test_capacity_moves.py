"""Moving with consent: asked by staff, decided by the customer alone, carried out by the same claim as any move."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.audit import AuditEntry
from b2c_web.bookings.commands import cancel, move_by_staff
from b2c_web.bookings.models import Booking, BookingMove, BookingStatus, MoveState
from b2c_web.bookings.places import PlaceTaken
from b2c_web.capacity import move_asking, moves
from b2c_web.capacity.alternatives import alternatives_for
from b2c_web.capacity.move_models import MoveOffer, MoveOfferState
from b2c_web.checks import breaches
from b2c_web.dispatch.commands import start_pickup
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.models import Payment, PaymentPurpose
from tests.commands.scene import Scene
from tests.factories import make_customer, make_user

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=2)


@pytest.fixture
def staff(scene: Scene) -> User:
    user = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    scene.session.commit()
    return user


def asked(scene: Scene, staff: User, booking: Booking, **facts: Any) -> MoveOffer:
    return scene.session.get(MoveOffer, move_asking.ask_to_move(staff, booking.id, **facts))


def message(scene: Scene, booking: Booking, kind: NotificationKind = NotificationKind.MOVE_ASKED) -> Notification:
    return scene.session.query(Notification).filter_by(booking_id=booking.id, kind=kind).one()


def token_of(scene: Scene, booking: Booking) -> str:
    return message(scene, booking).context["link_path"].removeprefix("/move/")


def noted(scene: Scene, action: str) -> tuple[str | None, str]:
    """The request's state before and after, as the audit log has it."""
    entry = scene.session.query(AuditEntry).filter_by(action=action).one()
    return entry.before["state"], entry.after["state"]


def test_asking_changes_nothing_and_mails_three_windows(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    before = scene.counts()
    offer = asked(scene, staff, booking, reason=" Hebebühne wird geprüft ")
    assert scene.counts() == before
    assert offer.state is MoveOfferState.ASKED
    assert offer.expires_at == booking.pickup_time - timedelta(minutes=23)
    context = message(scene, booking).context
    assert context["reason"] == "Hebebühne wird geprüft"
    assert [one["slot_id"] for one in context["options"]] == [str(slot.id) for slot in scene.slots[5:8]]
    assert all(one["return_slot_id"] for one in context["options"])


def test_the_token_is_kept_as_a_hash_only(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    offer = asked(scene, staff, booking)
    token = token_of(scene, booking)
    assert moves.offer_by_token(token).id == offer.id
    assert re.fullmatch(r"[0-9a-f]{64}", offer.token_hash)
    assert token not in str([getattr(offer, column.name) for column in MoveOffer.__table__.columns])
    with pytest.raises(NotFound):
        moves.offer_by_token(token[:-1])


def test_saying_yes_moves_by_the_claim_without_a_fee(scene: Scene, staff: User) -> None:
    """Also so late that a move of the customer's own would cost and a new booking would be refused."""
    booking = scene.booked()
    with clock.frozen(booking.pickup_time - timedelta(hours=4)):
        offer = asked(scene, staff, booking, same_day=True)
        choice = moves.shown(offer).options[-1]
        assert choice.start - clock.now_utc() < timedelta(hours=24) or choice.start.date() > booking.pickup_time.date()
        moves.accept(offer.id, choice.pair)
        scene.session.expire_all()
        assert (booking.slot_id, booking.return_slot_id) == choice.pair
        assert offer.state is MoveOfferState.MOVED
        assert offer.ended_at == clock.now_utc()
        assert breaches() == []
    assert scene.session.query(Payment).filter_by(purpose=PaymentPurpose.MOVE_FEE).count() == 0
    assert scene.session.query(BookingMove).filter_by(booking_id=booking.id).one().state is MoveState.DONE
    assert message(scene, booking, NotificationKind.BOOKING_MOVED)
    assert noted(scene, "booking.move_asked") == (None, "ASKED")
    assert noted(scene, "booking.move_accepted") == ("ASKED", "MOVED")


def test_the_answer_ends_the_link(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    offer = asked(scene, staff, booking)
    pair = moves.shown(offer).options[0].pair
    moves.accept(offer.id, pair)
    for again in (lambda: moves.accept(offer.id, pair), lambda: moves.decline(offer.id)):
        with pytest.raises(moves.OfferEnded):
            again()
    assert not moves.shown(offer).is_open
    assert moves.shown(offer).options == []


def test_saying_no_is_recorded_and_leaves_the_date(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    slot_id, before = booking.slot_id, scene.counts()
    offer = asked(scene, staff, booking)
    moves.decline(offer.id)
    assert offer.state is MoveOfferState.DECLINED
    assert (booking.slot_id, scene.counts()) == (slot_id, before)
    assert [one.id for one in move_asking.asked_moves(scene.workshop.id)] == [offer.id]
    assert noted(scene, "booking.move_declined") == ("ASKED", "DECLINED")


def test_a_window_gone_meanwhile_changes_nothing_and_others_are_offered(scene: Scene, staff: User) -> None:
    booking = scene.booked(0, None)
    offer = asked(scene, staff, booking, same_day=True)
    gone = moves.shown(offer).options[0]
    slot = next(one for one in scene.slots if one.id == gone.slot_id)
    slot.max_bookings, slot_id = slot.current_bookings, booking.slot_id
    scene.session.commit()
    with pytest.raises(PlaceTaken):
        moves.accept(offer.id, gone.pair)
    scene.session.expire_all()
    shown = moves.shown(offer)
    assert (shown.is_open, booking.slot_id) == (True, slot_id)
    assert len(shown.options) == 3
    assert gone.pair not in [one.pair for one in shown.options]
    moves.accept(offer.id, shown.options[0].pair)
    assert breaches() == []


def test_after_72_hours_it_is_over_and_may_be_asked_again(scene: Scene, staff: User, session: Any) -> None:
    booking = scene.booked(5, None)
    with clock.frozen(clock.now_utc() - timedelta(hours=73)):
        offer = asked(scene, staff, booking, same_day=True)
        pair = moves.shown(offer).options[0].pair
    with pytest.raises(moves.OfferEnded):
        moves.accept(offer.id, pair)
    assert moves.end_old_offers() == 1
    session.expire_all()
    assert offer.state is MoveOfferState.ENDED
    assert asked(scene, staff, booking, same_day=True).state is MoveOfferState.ASKED


def test_who_is_on_the_way_to_is_no_longer_moved_by_the_link(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    offer = asked(scene, staff, booking)
    pair = moves.shown(offer).options[0].pair
    pickup = scene.session.query(JockeyAssignment).filter_by(booking_id=booking.id).one()
    with clock.frozen(booking.pickup_time - timedelta(minutes=23)):
        start_pickup(pickup.id)
        with pytest.raises(moves.OfferEnded):
            moves.accept(offer.id, pair)
    scene.session.expire_all()
    assert pickup.status is AssignmentStatus.EN_ROUTE_TO_PICKUP
    assert breaches() == []


def test_a_customer_who_was_not_there_can_answer_while_a_window_can_be_promised(scene: Scene, staff: User) -> None:
    booking = scene.booked(0, None)
    with clock.frozen(booking.pickup_time + timedelta(hours=1)):
        booking.no_show_at, booking.new_date_until = clock.now_utc(), clock.now_utc() + timedelta(hours=24)
        scene.session.commit()
        offer = asked(scene, staff, booking)
        assert offer.expires_at == scene.slots[7].start_time - timedelta(hours=3)


def test_after_a_no_show_the_answer_comes_while_the_booking_lives(scene: Scene, staff: User) -> None:
    booking = scene.booked(0, None)
    with clock.frozen(booking.pickup_time + timedelta(hours=1)):
        booking.no_show_at, booking.new_date_until = clock.now_utc(), clock.now_utc() + timedelta(hours=5)
        scene.session.commit()
        assert asked(scene, staff, booking).expires_at == booking.new_date_until


def test_the_answer_comes_before_the_last_window_that_is_offered(scene: Scene, staff: User) -> None:
    """The date that stands is on the second day, what is free on the first."""
    booking = scene.booked(7, None)
    for slot in (*scene.slots[3:7], *scene.slots[8:]):
        slot.is_available = False
    scene.session.commit()
    offer = asked(scene, staff, booking)
    assert offer.expires_at == scene.slots[2].start_time - timedelta(hours=3)
    assert message(scene, booking).context["asked_until"] == offer.expires_at.isoformat()
    with clock.frozen(offer.expires_at - timedelta(seconds=1)):
        assert [one.slot_id for one in moves.shown(offer).options] == [scene.slots[2].id]
    with clock.frozen(offer.expires_at):
        assert not moves.shown(offer).is_open


@pytest.mark.parametrize("minutes_before", [82, 23, -5])
def test_too_late_to_ask_by_mail_is_a_case_for_the_phone(scene: Scene, staff: User, minutes_before: int) -> None:
    """Also when the jockey should be under way already: 23 minutes before the window."""
    booking = scene.booked()
    with clock.frozen(booking.pickup_time - timedelta(minutes=minutes_before)), pytest.raises(Conflict) as refused:
        move_asking.ask_to_move(staff, booking.id)
    assert refused.value.code == "too_late_to_ask"
    assert "rufen Sie an: 02302 1234567." in str(refused.value.message)
    assert scene.session.query(MoveOffer).count() == 0


def test_an_hour_is_enough_to_ask_by_mail(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    with clock.frozen(booking.pickup_time - timedelta(minutes=83)):
        assert asked(scene, staff, booking).expires_at == clock.now_utc() + timedelta(hours=1)


def test_asking_anew_after_it_ran_out_needs_no_job(scene: Scene, staff: User) -> None:
    booking = scene.booked(5, None)
    with clock.frozen(clock.now_utc() - timedelta(hours=73)):
        first = asked(scene, staff, booking, same_day=True)
    second = asked(scene, staff, booking, same_day=True)
    assert (first.state, second.state) == (MoveOfferState.ENDED, MoveOfferState.ASKED)


def test_nobody_is_asked_twice_at_once(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    asked(scene, staff, booking)
    with pytest.raises(Conflict) as refused:
        move_asking.ask_to_move(staff, booking.id)
    assert refused.value.code == "already_asked"


def by_staff(booking: Booking, scene: Scene, staff: User) -> None:
    move_by_staff(staff, booking.id, scene.slots[6].id, scene.slots[8].id)


def by_cancelling(booking: Booking, _scene: Scene, _staff: User) -> None:
    cancel(booking.user, booking.id, accepted_fee_cents=0)


@pytest.mark.parametrize("change", [by_staff, by_cancelling])
def test_another_change_of_the_booking_ends_the_request(
    scene: Scene, staff: User, change: Callable[[Booking, Scene, User], None]
) -> None:
    booking = scene.booked()
    offer = asked(scene, staff, booking)
    change(booking, scene, staff)
    scene.session.expire_all()
    assert offer.state is MoveOfferState.ENDED
    with pytest.raises(moves.OfferEnded):
        moves.decline(offer.id)


def test_a_car_that_is_under_way_is_not_moved(scene: Scene, staff: User) -> None:
    booking = scene.booked(0, None)
    offer = asked(scene, staff, booking)
    booking.status = BookingStatus.IN_WORKSHOP
    scene.session.commit()
    with pytest.raises(moves.OfferEnded):
        moves.accept(offer.id, (scene.slots[5].id, None))
    assert moves.end_old_offers() == 1
    with pytest.raises(Conflict):
        move_asking.ask_to_move(staff, booking.id)


def test_who_may_ask_and_why_not(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    stranger = make_user(Role.WORKSHOP)
    scene.session.commit()
    for person in (stranger, booking.user):
        with pytest.raises(NotFound):
            move_asking.ask_to_move(person, booking.id)
    with pytest.raises(Invalid):
        move_asking.ask_to_move(staff, booking.id, "x" * 301)
    with pytest.raises(NotFound):
        move_asking.ask_to_move(staff, uuid.uuid4())


def test_with_nothing_free_nobody_is_asked(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    for slot in scene.slots[5:]:
        slot.is_available = False
    scene.session.commit()
    with pytest.raises(Conflict) as refused:
        move_asking.ask_to_move(staff, booking.id)
    assert refused.value.code == "nothing_free"
    assert scene.session.query(MoveOffer).count() == 0


def test_the_bookings_own_places_count_as_free(session: Any) -> None:
    """One Ronja, taken by the booking itself: it could still go to a window that overlaps its own."""
    scene = Scene(session, ronjas=1)
    booking = scene.booked(0, 2)
    starts = [one.start for one in alternatives_for(booking, same_day=True)]
    assert scene.slots[1].start_time in starts


def test_the_sent_copy_does_not_keep_the_link(
    scene: Scene, staff: User, run_jobs: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from b2c_web.notifications import sending
    from b2c_web.notifications.models import NotificationStatus

    class Post:
        outcome = NotificationStatus.SENT

        def __init__(self) -> None:
            self.letters: list[Any] = []

        def deliver(self, letter: Any) -> None:
            self.letters.append(letter)

    post = Post()
    monkeypatch.setattr(sending, "mailer", lambda: post)
    booking = scene.booked()
    asked(scene, staff, booking)
    token = token_of(scene, booking)
    run_jobs()
    letter = next(one for one in post.letters if token in one.text)
    assert f"/move/{token}" in letter.html
    kept = message(scene, booking)
    assert kept.status is NotificationStatus.SENT
    assert token not in f"{kept.context}{kept.body_text}{kept.body_html}"
    assert f"/bookings/{booking.id}" in str(kept.body_html)


def test_another_customer_cannot_open_the_request(scene: Scene, staff: User) -> None:
    booking = scene.booked()
    offer = asked(scene, staff, booking)
    other = make_customer()
    scene.session.commit()
    assert moves.offer_of_customer(booking.user, offer.id).id == offer.id
    assert moves.open_offer_of(booking) is not None
    with pytest.raises(NotFound):
        moves.offer_of_customer(other, offer.id)
