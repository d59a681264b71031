"""Raising, asking, deciding: what was shown is what is decided, once, by somebody who may."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.returning import replan_return, return_options
from b2c_web.checks import breaches
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.extensions import commands, queries
from b2c_web.extensions.deciders import LinkEnded
from b2c_web.extensions.items import Consent, Item, Offer
from b2c_web.extensions.models import (
    AuthorizationStatus,
    DecisionRight,
    Extension,
    ExtensionLink,
    ExtensionStatus,
    MessageKind,
)
from b2c_web.extensions.queries import digest_of
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.payments.models import Payment, PaymentPurpose
from b2c_web.payments.queries import latest_payment
from tests.commands.extending import DISCS, OFFER, PADS, SUMS, Extending
from tests.factories import make_customer, make_user

Status = ExtensionStatus


@pytest.fixture
def scene(session: Any, frozen_clock: Callable[[datetime], Any]) -> Extending:
    return Extending(session, frozen_clock)


@pytest.fixture
def booking(scene: Extending) -> Booking:
    return scene.in_workshop(standing_limit_cents=20_000)


@pytest.fixture
def raised(scene: Extending, booking: Booking) -> Extension:
    return scene.raised(booking)


def refused(code: str) -> Any:
    return pytest.raises(Conflict, check=lambda error: error.code == code)


def invalid(field: str) -> Any:
    return pytest.raises(Invalid, check=lambda error: error.details["field"] == field)


# raising


def test_what_is_raised_waits_for_the_customer(scene: Extending, raised: Extension) -> None:
    assert (raised.status, raised.authorization_status) == (Status.PENDING, AuthorizationStatus.NONE)
    assert raised.total_amount == sum(SUMS)
    assert raised.items[2] == {
        "name": "Motoröl",
        "description": "5W-30",
        "price": 1599,
        "quantity": "4.5",
        "media": [],
    }
    assert (raised.vat_rate_percent, raised.raised_by) == (19, scene.staff.id)
    mail = scene.mails(Kind.EXTENSION_RAISED)[0]
    assert mail.recipient == scene.session.get(Booking, raised.booking_id).user.email
    assert [item["sum_cents"] for item in mail.context["extension_items"]] == list(SUMS)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"description": "  "}, "description"),
        ({"items": ()}, "items"),
        ({"items": (PADS, replace(DISCS, name=" "))}, "items-1"),
        ({"items": (replace(PADS, price_cents=0),)}, "items-0"),
        ({"items": (replace(PADS, quantity=Decimal("0.0001")),)}, "items-0"),
        ({"items": (replace(PADS, quantity=Decimal("1.2345")),)}, "items-0"),
        ({"items": (replace(PADS, price_cents=1, quantity=Decimal("0.4")),)}, "items-0"),
        ({"items": (replace(PADS, quantity=Decimal(400)),)}, "items"),
        ({"delay_reason": "Teil fehlt"}, "new_return_slot_id"),
        ({"media": (uuid.uuid4(),)}, "media"),
        ({"items": (replace(PADS, media=(uuid.uuid4(),)),)}, "items-0"),
    ],
)
def test_what_cannot_be_offered_is_refused_by_its_field(
    scene: Extending, booking: Booking, changes: dict[str, Any], field: str
) -> None:
    with invalid(field):
        commands.raise_extension(scene.staff, booking.id, replace(OFFER, **changes))
    assert queries.of_booking(booking.id) == []


def test_a_new_time_needs_its_reason(scene: Extending, booking: Booking) -> None:
    later = clock.now_utc() + timedelta(days=4)
    with invalid("delay_reason"):
        commands.raise_extension(scene.staff, booking.id, replace(OFFER, new_promised_at=later))
    past = replace(OFFER, new_promised_at=clock.now_utc(), delay_reason="Teil fehlt")
    with invalid("new_promised_at"):
        commands.raise_extension(scene.staff, booking.id, past)


def test_only_while_the_car_is_in_the_workshop(scene: Extending) -> None:
    booking = scene.booked(back=None)
    with refused("not_in_workshop"):
        commands.raise_extension(scene.staff, booking.id, OFFER)


def test_other_workshops_and_customers_do_not_find_it(scene: Extending, booking: Booking, raised: Extension) -> None:
    stranger, customer = make_user(Role.WORKSHOP), make_customer()
    shown = digest_of(raised)
    for act in (
        lambda: commands.raise_extension(stranger, booking.id, OFFER),
        lambda: commands.raise_extension(booking.user, booking.id, OFFER),
        lambda: commands.withdraw_extension(stranger, raised.id, "x"),
        lambda: commands.approve(customer, raised.id, [0], shown),
        lambda: commands.approve(scene.staff, raised.id, [0], shown),
        lambda: commands.decline(customer, raised.id, "", shown),
        lambda: commands.approve_within_limit(stranger, raised.id, [0], shown),
        lambda: commands.approve_within_limit(booking.user, raised.id, [0], shown),
        lambda: commands.save_draft(stranger, booking.id, {}),
        lambda: queries.visible_extension(stranger, raised.id),
        lambda: queries.visible_extension(customer, raised.id),
        lambda: commands.approve(booking.user, uuid.uuid4(), [0], shown),
    ):
        with pytest.raises(NotFound):
            act()
    assert queries.visible_extension(booking.user, raised.id).id == raised.id


def test_a_draft_survives_and_goes_when_it_is_sent(scene: Extending, booking: Booking) -> None:
    commands.save_draft(scene.staff, booking.id, {"description": "Belä"})
    commands.save_draft(scene.staff, booking.id, {"description": "Beläge"})
    draft = queries.draft_of(booking.id)
    assert draft is not None and draft.content == {"description": "Beläge"}
    scene.raised(booking)
    assert queries.draft_of(booking.id) is None
    commands.save_draft(scene.staff, booking.id, {"description": "x"})
    commands.drop_draft(scene.staff, booking.id)
    assert queries.draft_of(booking.id) is None


def test_correcting_withdraws_and_keeps_the_history(scene: Extending, booking: Booking, raised: Extension) -> None:
    shown = digest_of(raised)
    second = scene.raised(booking, replace(OFFER, items=(PADS,)), replaces=raised.id)
    before, after = queries.of_booking(booking.id)
    assert (before.status, before.replaced_by_id, after.replaces_id) == (Status.CANCELLED, second.id, raised.id)
    with pytest.raises(Conflict) as late:
        commands.approve(booking.user, raised.id, [0], shown)
    assert (late.value.code, late.value.details["replaced_by"]) == ("replaced", second.id)
    assert scene.fresh(second.id).status is Status.PENDING
    assert scene.session.query(Payment).filter_by(purpose=PaymentPurpose.EXTENSION).count() == 0


def test_only_what_waits_can_be_corrected(scene: Extending, booking: Booking) -> None:
    decided = scene.approved(booking)
    with refused("decided"):
        scene.raised(booking, replaces=decided.id)
    assert len(queries.of_booking(booking.id)) == 1


def test_withdrawing_needs_a_reason_and_tells_the_customer(scene: Extending, raised: Extension) -> None:
    with invalid("words"):
        commands.withdraw_extension(scene.staff, raised.id, " ")
    commands.withdraw_extension(scene.staff, raised.id, "Doppelt erfasst")
    extension = scene.fresh(raised.id)
    assert (extension.status, extension.withdraw_reason) == (Status.CANCELLED, "Doppelt erfasst")
    assert scene.mails(Kind.EXTENSION_WITHDRAWN)[0].context["words"] == "Doppelt erfasst"
    with refused("withdrawn"):
        scene.approve(extension)
    with refused("withdrawn"):
        commands.withdraw_extension(scene.staff, raised.id, "noch einmal")


# the link


def test_the_mailed_link_opens_this_extension_until_it_is_decided(scene: Extending, raised: Extension) -> None:
    token = scene.token()
    link = commands.open_link(token)
    assert link.extension_id == raised.id
    commands.approve(link, raised.id, [1], digest_of(raised))
    extension = scene.fresh(raised.id)
    customer = scene.session.get(Booking, extension.booking_id).user_id
    assert (extension.decision_channel, extension.decided_by) == ("mail_link", customer)
    with pytest.raises(LinkEnded) as ended:
        commands.open_link(token)
    assert ended.value.details["extension_id"] == raised.id
    with refused("decided"):
        commands.decline(link, raised.id, "", digest_of(extension))


def test_only_the_hash_of_a_link_is_kept(scene: Extending, raised: Extension) -> None:
    kept = scene.session.query(ExtensionLink).one()
    assert scene.token() not in kept.token_hash
    assert len(kept.token_hash) == 64


def test_a_link_ends_after_72_hours(scene: Extending, raised: Extension) -> None:
    token = scene.token()
    link = commands.open_link(token)
    with scene.later(hours=71, minutes=59):
        commands.open_link(token)
    with scene.later(hours=72):
        with pytest.raises(LinkEnded):
            commands.open_link(token)
        with pytest.raises(LinkEnded):
            commands.approve(link, raised.id, [0], digest_of(raised))
    assert scene.fresh(raised.id).status is Status.PENDING


def test_a_link_opens_no_other_extension(scene: Extending, booking: Booking, raised: Extension) -> None:
    link = commands.open_link(scene.token())
    other = scene.raised(booking, Offer("Wischer", (Item("Wischerblätter", 2490),)))
    with pytest.raises(NotFound):
        commands.approve(link, other.id, [0], digest_of(other))
    with pytest.raises(LinkEnded):
        commands.open_link("a token that nobody made")


# deciding


def test_ticked_items_are_approved_and_only_they_cost(scene: Extending, booking: Booking, raised: Extension) -> None:
    payment_id = scene.approve(raised, [2, 0])
    extension = scene.fresh(raised.id)
    assert (extension.status, extension.accepted_items) == (Status.APPROVED, [0, 2])
    assert extension.approved_amount_cents == SUMS[0] + SUMS[2]
    assert (extension.decision_right, extension.decided_by) == (DecisionRight.CUSTOMER, booking.user_id)
    assert extension.shown_digest == digest_of(extension)
    assert extension.authorization_status is AuthorizationStatus.PENDING
    payment = latest_payment(PaymentPurpose.EXTENSION, extension.id)
    assert payment is not None
    assert (payment.id, payment.amount_cents) == (payment_id, SUMS[0] + SUMS[2])
    assert scene.session.get(Booking, booking.id).standing_limit_used_cents == 0
    entry = scene.session.query(AuditEntry).filter_by(action="extension.approve").one()
    assert entry.before == {"status": "PENDING"}
    assert entry.after["accepted_items"] == [0, 2]
    assert entry.after["right"] == "CUSTOMER"


@pytest.mark.parametrize(("ticks", "code"), [([], "nothing_ticked"), ([3], "unknown_item"), ([-1], "unknown_item")])
def test_wrong_ticks_are_refused(scene: Extending, raised: Extension, ticks: list[int], code: str) -> None:
    with refused(code):
        scene.approve(raised, ticks)
    assert scene.fresh(raised.id).status is Status.PENDING


def test_a_tick_twice_counts_once(scene: Extending, raised: Extension) -> None:
    scene.approve(raised, [0, 0])
    assert scene.fresh(raised.id).approved_amount_cents == SUMS[0]


def test_only_what_was_shown_is_decided(scene: Extending, booking: Booking, raised: Extension) -> None:
    with refused("not_shown"):
        commands.approve(booking.user, raised.id, [0], "of another page")
    with refused("not_shown"):
        commands.decline(booking.user, raised.id, "", "of another page")
    assert scene.fresh(raised.id).status is Status.PENDING


@pytest.mark.parametrize("column", ["description", "total_amount", "items", "urgent", "vat_rate_percent"])
def test_everything_shown_is_in_the_digest(raised: Extension, column: str) -> None:
    before = digest_of(raised)
    changed = {
        "description": "anders",
        "total_amount": raised.total_amount + 1,
        "items": [{**raised.items[0], "price": 1}, *raised.items[1:]],
        "urgent": True,
        "vat_rate_percent": 7,
    }
    setattr(raised, column, changed[column])
    assert digest_of(raised) != before


def test_a_decision_is_final(scene: Extending, booking: Booking) -> None:
    extension = scene.approved(booking)
    shown = digest_of(extension)
    for act in (
        lambda: commands.approve(booking.user, extension.id, [2], shown),
        lambda: commands.decline(booking.user, extension.id, "", shown),
        lambda: commands.withdraw_extension(scene.staff, extension.id, "x"),
        lambda: commands.ask(booking.user, extension.id, "Warum?"),
        lambda: commands.approve_within_limit(scene.staff, extension.id, [0], shown),
    ):
        with refused("decided"):
            act()


def test_declining_keeps_the_reason_and_costs_nothing(scene: Extending, booking: Booking, raised: Extension) -> None:
    commands.decline(booking.user, raised.id, " Zu teuer ", digest_of(raised))
    extension = scene.fresh(raised.id)
    assert (extension.status, extension.decline_reason) == (Status.DECLINED, "Zu teuer")
    assert latest_payment(PaymentPurpose.EXTENSION, raised.id) is None
    assert [item.accepted for item in queries.view_of(raised.id).items] == [False] * 3


def test_what_was_declined_stays_on_the_cars_record(scene: Extending, booking: Booking) -> None:
    scene.approved(booking, [0])
    wipers = Offer("Wischer", (Item("Wischerblätter", 2490), Item("Bremsscheiben  VORN", 7000)))
    second = scene.raised(booking, wipers)
    commands.decline(booking.user, second.id, "", digest_of(second))
    vehicle_id = scene.session.get(Booking, booking.id).vehicle_id
    found = queries.declined_for(vehicle_id)
    assert [one.name for one in found] == ["Bremsscheiben  VORN", "Wischerblätter", "Motoröl"]
    assert (found[1].price_cents, found[1].booking_number) == (2490, booking.number)
    scene.approved(booking, [0], Offer("Wischer doch", (Item("Wischerblätter", 2490),)))
    assert [one.name for one in queries.declined_for(vehicle_id)] == ["Bremsscheiben  VORN", "Motoröl"]
    assert queries.declined_for(None) == []


def test_a_question_is_answered_before_the_decision(scene: Extending, booking: Booking, raised: Extension) -> None:
    link = commands.open_link(scene.token())
    with invalid("words"):
        commands.ask(link, raised.id, "  ")
    commands.ask(link, raised.id, "Hält es noch bis zum Sommer?")
    asked = scene.mails(Kind.EXTENSION_QUESTION)[0]
    assert (asked.recipient, asked.context["words"]) == (scene.workshop.email, "Hält es noch bis zum Sommer?")
    commands.answer(scene.staff, raised.id, "Nein, höchstens 2.000 km.")
    answered = scene.mails(Kind.EXTENSION_ANSWERED)[0]
    assert (answered.recipient, answered.context["words"]) == (booking.user.email, "Nein, höchstens 2.000 km.")
    assert commands.open_link(scene.token(Kind.EXTENSION_ANSWERED)).extension_id == raised.id
    said = [(one.kind, one.words) for one in queries.view_of(raised.id).messages]
    assert said == [
        (MessageKind.QUESTION, "Hält es noch bis zum Sommer?"),
        (MessageKind.ANSWER, "Nein, höchstens 2.000 km."),
    ]


# staff


def test_staff_approve_within_the_limit(scene: Extending, booking: Booking, raised: Extension) -> None:
    commands.approve_within_limit(scene.staff, raised.id, [0, 2], digest_of(raised))
    extension = scene.fresh(raised.id)
    assert (extension.decision_right, extension.decided_by) == (DecisionRight.STANDING_LIMIT, scene.staff.id)
    assert booking.standing_limit_used_cents == SUMS[0] + SUMS[2]
    assert queries.limit_left_cents(booking) == 20_000 - SUMS[0] - SUMS[2]
    assert len(scene.mails(Kind.EXTENSION_APPROVED_FOR_YOU)) == 1


def test_never_over_the_limit(scene: Extending, booking: Booking, raised: Extension) -> None:
    with pytest.raises(Conflict) as over:
        commands.approve_within_limit(scene.staff, raised.id, [0, 1], digest_of(raised))
    assert (over.value.code, over.value.details["left_cents"]) == ("over_limit", 20_000)
    assert scene.fresh(raised.id).status is Status.PENDING
    commands.approve_within_limit(scene.staff, raised.id, [1], digest_of(raised))
    second = scene.raised(booking)
    with refused("over_limit"):
        commands.approve_within_limit(scene.staff, second.id, [2], digest_of(second))
    scene.approve(second, [0, 1, 2])
    assert scene.session.get(Booking, booking.id).standing_limit_used_cents == SUMS[1]


def test_the_database_holds_the_limit(scene: Extending, booking: Booking) -> None:
    with pytest.raises(IntegrityError, match="standing_limit_kept"):
        scene.session.execute(text("UPDATE bookings SET standing_limit_used_cents = standing_limit_cents + 1"))


def test_a_later_return_is_not_for_staff_to_allow(scene: Extending, booking: Booking) -> None:
    later = clock.now_utc() + timedelta(days=4)
    extension = scene.raised(booking, replace(OFFER, new_promised_at=later, delay_reason="Teil fehlt"))
    with refused("needs_customer"):
        commands.approve_within_limit(scene.staff, extension.id, [0], digest_of(extension))


def consent(**facts: Any) -> Consent:
    given = {"channel": "phone", "name": "Person am Beispielweg", "at": clock.now_utc(), "words": "Ja, machen Sie."}
    return Consent(**{**given, **facts})


def test_a_recorded_consent_says_who_when_and_how(scene: Extending, booking: Booking, raised: Extension) -> None:
    commands.approve_on_consent(scene.staff, raised.id, [0, 1, 2], digest_of(raised), consent())
    view = queries.view_of(raised.id)
    assert (view.decision_right, view.decision_channel) == (DecisionRight.RECORDED_CONSENT, "phone")
    assert view.consent is not None
    assert (view.consent.words, view.consent.staff_name) == ("Ja, machen Sie.", scene.staff.name)
    assert view.consent.may_object
    told = scene.mails(Kind.EXTENSION_APPROVED_FOR_YOU)[0]
    assert (told.recipient, told.context["consent"]["channel"]) == (booking.user.email, "phone")
    assert booking.standing_limit_used_cents == 0


@pytest.mark.parametrize(
    ("facts", "field"),
    [({"channel": "telepathy"}, "channel"), ({"name": " "}, "name"), ({"words": ""}, "words")],
)
def test_half_a_consent_is_none(scene: Extending, raised: Extension, facts: dict[str, str], field: str) -> None:
    with invalid(field):
        commands.approve_on_consent(scene.staff, raised.id, [0], digest_of(raised), consent(**facts))
    with invalid("at"):
        ahead = clock.now_utc() + timedelta(minutes=1)
        commands.approve_on_consent(scene.staff, raised.id, [0], digest_of(raised), consent(at=ahead))
    assert scene.fresh(raised.id).status is Status.PENDING


def test_the_customer_objects_until_the_work_is_done(scene: Extending, booking: Booking, raised: Extension) -> None:
    commands.approve_on_consent(scene.staff, raised.id, [0, 1], digest_of(raised), consent())
    commands.object_to(booking.user, raised.id)
    extension = scene.fresh(raised.id)
    assert extension.authorization_status is AuthorizationStatus.RELEASED
    assert extension.not_done_items == [0, 1]
    assert len(scene.mails(Kind.EXTENSION_STAFF_ALERT)) == 1
    with refused("nothing_to_object"):
        commands.object_to(booking.user, raised.id)
    with refused("unknown_item"):
        commands.mark_not_done(scene.staff, raised.id, [])
    assert bookings.complete_work(scene.staff, booking.id)
    assert scene.fresh(raised.id).authorization_status is AuthorizationStatus.RELEASED


def test_own_decisions_cannot_be_objected_to(scene: Extending, booking: Booking) -> None:
    extension = scene.approved(booking)
    with refused("nothing_to_object"):
        commands.object_to(booking.user, extension.id)


# the return


def delayed(scene: Extending, booking: Booking) -> tuple[Extension, uuid.UUID]:
    slot_id = return_options(booking)[-1].slot_id
    offer = replace(OFFER, new_return_slot_id=slot_id, delay_reason="Die Scheiben kommen morgen.")
    return scene.raised(booking, offer), slot_id


def test_the_return_moves_with_the_consent(scene: Extending) -> None:
    booking = scene.in_workshop(back=2)
    extension, slot_id = delayed(scene, booking)
    assert booking.return_slot_id != slot_id
    scene.approve(extension)
    moved = scene.session.get(Booking, booking.id, populate_existing=True)
    assert moved.return_slot_id == slot_id
    assert moved.estimated_return_time == scene.fresh(extension.id).new_promised_at
    assert breaches() == []


def test_declined_the_return_stays(scene: Extending) -> None:
    booking = scene.in_workshop(back=2)
    before = booking.return_slot_id
    extension, _slot_id = delayed(scene, booking)
    commands.decline(booking.user, extension.id, "", digest_of(extension))
    assert scene.session.get(Booking, booking.id, populate_existing=True).return_slot_id == before


def test_when_the_window_is_gone_nothing_is_approved(scene: Extending) -> None:
    booking = scene.in_workshop(back=2)
    extension, slot_id = delayed(scene, booking)
    scene.session.execute(text("UPDATE time_slots SET jockey_minutes_room = 0 WHERE id = :id"), {"id": slot_id})
    scene.session.commit()
    with refused("return_gone"):
        scene.approve(extension)
    still = scene.fresh(extension.id)
    assert (still.status, still.authorization_status) == (Status.PENDING, AuthorizationStatus.NONE)
    assert latest_payment(PaymentPurpose.EXTENSION, extension.id) is None


def test_a_later_return_chosen_meanwhile_stays(scene: Extending) -> None:
    booking = scene.in_workshop(back=2)
    early, late = (window.slot_id for window in return_options(booking)[-2:])
    offer = replace(OFFER, new_return_slot_id=early, delay_reason="Die Scheiben kommen morgen.")
    extension = scene.raised(booking, offer)
    replan_return(booking.user, booking.id, late)
    scene.approve(extension)
    assert scene.session.get(Booking, booking.id, populate_existing=True).return_slot_id == late


def test_only_windows_that_can_be_promised_are_offered(scene: Extending) -> None:
    concierge, drop_off = scene.in_workshop(back=2), scene.in_workshop()
    slot_id = concierge.slot_id
    with invalid("new_return_slot_id"):
        scene.raised(concierge, replace(OFFER, new_return_slot_id=slot_id, delay_reason="Teil fehlt"))
    with invalid("new_return_slot_id"):
        later = clock.now_utc() + timedelta(days=4)
        scene.raised(concierge, replace(OFFER, new_promised_at=later, delay_reason="Teil fehlt"))
    with invalid("new_promised_at"):
        scene.raised(drop_off, replace(OFFER, new_return_slot_id=slot_id, delay_reason="Teil fehlt"))


def test_who_fetches_the_car_gets_a_new_time(scene: Extending, booking: Booking) -> None:
    later = booking.estimated_return_time + timedelta(days=1)
    extension = scene.raised(booking, replace(OFFER, new_promised_at=later, delay_reason="Teil fehlt"))
    scene.approve(extension)
    assert scene.session.get(Booking, booking.id, populate_existing=True).estimated_return_time == later


# reminders


def test_the_customer_is_asked_again_then_staff_are_told(scene: Extending, raised: Extension, run_jobs: Any) -> None:
    names = {"extensions.remind_customer", "extensions.tell_staff"}
    with scene.later(minutes=59):
        assert run_jobs(names) == []
    with scene.later(minutes=60):
        assert run_jobs(names) == ["extensions.remind_customer"]
    assert commands.open_link(scene.token(Kind.EXTENSION_REMINDER)).extension_id == raised.id
    with scene.later(minutes=120):
        assert run_jobs(names) == ["extensions.tell_staff"]
    alert = scene.mails(Kind.EXTENSION_STAFF_ALERT)[0]
    assert (alert.recipient, alert.context["waiting_hours"]) == (scene.workshop.email, 2)


def test_nobody_is_reminded_of_what_is_decided(
    scene: Extending, booking: Booking, raised: Extension, run_jobs: Any
) -> None:
    commands.decline(booking.user, raised.id, "", digest_of(raised))
    with scene.later(hours=3):
        run_jobs({"extensions.remind_customer", "extensions.tell_staff"})
    assert scene.mails(Kind.EXTENSION_REMINDER) == scene.mails(Kind.EXTENSION_STAFF_ALERT) == []


# the end


def test_work_is_not_completed_while_one_waits(scene: Extending, booking: Booking, raised: Extension) -> None:
    with pytest.raises(Conflict) as waits:
        bookings.complete_work(scene.staff, booking.id)
    assert (waits.value.code, waits.value.details["extension_id"]) == ("extension_pending", raised.id)
    assert scene.session.get(Booking, booking.id, populate_existing=True).service_completed_at is None
    commands.withdraw_extension(scene.staff, raised.id, "Keine Antwort")
    assert bookings.complete_work(scene.staff, booking.id)


def test_approved_and_never_held_is_not_done_and_not_charged(scene: Extending, booking: Booking) -> None:
    extension = scene.approved(booking)
    assert bookings.complete_work(scene.staff, booking.id)
    ended = scene.fresh(extension.id)
    assert (ended.status, ended.authorization_status) == (Status.APPROVED, AuthorizationStatus.RELEASED)
    assert ended.not_done_items == ended.accepted_items
    assert scene.session.get(Booking, booking.id).status is BookingStatus.READY_FOR_RETURN
    assert breaches() == []


def test_nothing_is_raised_or_decided_after_completion(scene: Extending, booking: Booking) -> None:
    extension = scene.approved(booking)
    bookings.complete_work(scene.staff, booking.id)
    with refused("not_in_workshop"):
        scene.raised(booking)
    with refused("not_in_workshop"):
        commands.mark_not_done(scene.staff, extension.id, [0])


def test_the_end_of_the_booking_cancels_what_waits(scene: Extending, booking: Booking, raised: Extension) -> None:
    approved = scene.approved(booking)
    bookings.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Motorschaden")
    assert scene.fresh(raised.id).status is Status.CANCELLED
    assert scene.fresh(raised.id).withdraw_reason == "booking_ended"
    ended = scene.fresh(approved.id)
    assert (ended.status, ended.authorization_status) == (Status.APPROVED, AuthorizationStatus.RELEASED)
    with pytest.raises(LinkEnded):
        commands.open_link(scene.token())


def test_what_is_not_done_must_have_been_accepted(scene: Extending, booking: Booking) -> None:
    extension = scene.approved(booking, [0, 1])
    with refused("unknown_item"):
        commands.mark_not_done(scene.staff, extension.id, [2])
    commands.mark_not_done(scene.staff, extension.id, [1])
    assert queries.view_of(extension.id).due_cents == SUMS[0]
    commands.mark_not_done(scene.staff, extension.id, [])
    assert queries.view_of(extension.id).due_cents == SUMS[0] + SUMS[1]
