"""What was shown is what is decided, once, by somebody who may; questions; what staff may approve."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from b2c_web import clock
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking
from b2c_web.errors import Conflict
from b2c_web.extensions import commands, queries
from b2c_web.extensions.items import Consent, Item, Offer
from b2c_web.extensions.models import AuthorizationStatus, DecisionRight, Extension, ExtensionStatus, MessageKind
from b2c_web.extensions.queries import digest_of
from b2c_web.extensions.wishes import open_for
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.notifications.rendering import render
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment
from tests.commands.extending import DISCS, OFFER, OIL, PADS, SUMS, Extending, invalid, mark_not_done, refused

Status = ExtensionStatus
FITS = replace(OFFER, items=[PADS, OIL])  # into a limit of 200 EUR


# the customer


def test_ticked_items_are_approved_and_only_they_cost(scene: Extending, booking: Booking, raised: Extension) -> None:
    wish = scene.approve(raised, [2, 0])
    extension = scene.fresh(raised.id)
    assert (extension.status, extension.accepted_items) == (Status.APPROVED, [0, 2])
    assert extension.approved_amount_cents == SUMS[0] + SUMS[2]
    assert (extension.decision_right, extension.decided_by) == (DecisionRight.CUSTOMER, booking.user_id)
    assert extension.shown_digest == digest_of(extension)
    assert extension.authorization_status is AuthorizationStatus.PENDING
    payment = latest_payment(PaymentPurpose.EXTENSION, extension.id)
    assert payment is not None
    assert (payment.id, payment.amount_cents) == (wish.payment_id, SUMS[0] + SUMS[2])
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


def test_only_the_sum_that_the_button_named_is_approved(scene: Extending, booking: Booking, raised: Extension) -> None:
    for named_cents in (SUMS[0] - 1, SUMS[0] + SUMS[1], 0):
        with refused("other_sum"):
            commands.approve(booking.user, raised.id, [0], digest_of(raised), named_cents=named_cents)
    assert scene.fresh(raised.id).status is Status.PENDING
    assert latest_payment(PaymentPurpose.EXTENSION, raised.id) is None
    commands.approve(booking.user, raised.id, [0], digest_of(raised), named_cents=SUMS[0])
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
        lambda: commands.approve_within_limit(scene.staff, extension.id, shown),
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
    found = open_for(vehicle_id, booking.user_id)
    assert [one.name for one in found] == ["Bremsscheiben  VORN", "Wischerblätter", "Motoröl"]
    assert (found[1].price_cents, found[1].booking_number) == (2490, booking.number)
    scene.approved(booking, [0], Offer("Wischer doch", (Item("Wischerblätter", 2490),)))
    assert [one.name for one in open_for(vehicle_id, booking.user_id)] == ["Bremsscheiben  VORN", "Motoröl"]
    assert open_for(None, booking.user_id) == []


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


def test_staff_approve_all_of_it_within_the_limit(scene: Extending, booking: Booking) -> None:
    one = scene.raised(booking, FITS)
    commands.approve_within_limit(scene.staff, one.id, digest_of(one))
    extension = scene.fresh(one.id)
    assert (extension.decision_right, extension.decided_by) == (DecisionRight.STANDING_LIMIT, scene.staff.id)
    assert extension.accepted_items == [0, 1]
    assert booking.standing_limit_used_cents == SUMS[0] + SUMS[2]
    assert queries.limit_left_cents(booking) == 20_000 - SUMS[0] - SUMS[2]
    assert len(scene.mails(Kind.EXTENSION_APPROVED_FOR_YOU)) == 1


def test_never_over_the_limit(scene: Extending, booking: Booking, raised: Extension) -> None:
    """Nor a part of it, which would decline the rest in the customer's name: that stays the customer's to decide."""
    with pytest.raises(Conflict) as over:
        commands.approve_within_limit(scene.staff, raised.id, digest_of(raised))
    assert (over.value.code, over.value.details["left_cents"]) == ("over_limit", 20_000)
    assert scene.fresh(raised.id).status is Status.PENDING
    discs = scene.raised(booking, replace(OFFER, items=[DISCS]))
    commands.approve_within_limit(scene.staff, discs.id, digest_of(discs))
    oil = scene.raised(booking, replace(OFFER, items=[OIL]))
    with refused("over_limit"):
        commands.approve_within_limit(scene.staff, oil.id, digest_of(oil))
    scene.approve(raised, [0, 1, 2])
    assert scene.session.get(Booking, booking.id).standing_limit_used_cents == SUMS[1]


def test_the_database_holds_the_limit(scene: Extending, booking: Booking) -> None:
    with pytest.raises(IntegrityError, match="standing_limit_kept"):
        scene.session.execute(text("UPDATE bookings SET standing_limit_used_cents = standing_limit_cents + 1"))


def test_a_later_return_is_not_for_staff_to_allow(scene: Extending, booking: Booking) -> None:
    later = clock.now_utc() + timedelta(days=4)
    extension = scene.raised(booking, replace(OFFER, new_promised_at=later, delay_reason="Teil fehlt"))
    with refused("needs_customer"):
        commands.approve_within_limit(scene.staff, extension.id, digest_of(extension))


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


def test_the_mail_about_a_consent_names_what_was_not_approved(
    app: Flask, scene: Extending, booking: Booking, raised: Extension
) -> None:
    commands.approve_on_consent(scene.staff, raised.id, [0], digest_of(raised), consent())
    with app.test_request_context():
        told = render(scene.mails(Kind.EXTENSION_APPROVED_FOR_YOU)[0]).text
    approved, left_out = told.split("So haben wir Sie verstanden: nicht freigegeben")
    assert (PADS.name in approved, PADS.name in left_out) == (True, False)
    assert all(item.name in left_out for item in (DISCS, OIL))
    whole = scene.raised(booking)
    commands.approve_on_consent(scene.staff, whole.id, [0, 1, 2], digest_of(whole), consent())
    with app.test_request_context():
        assert "nicht freigegeben" not in render(scene.mails(Kind.EXTENSION_APPROVED_FOR_YOU)[1]).text


@pytest.mark.parametrize(
    ("facts", "field"),
    [({"channel": "telepathy"}, "channel"), ({"name": " "}, "name"), ({"words": ""}, "words")],
)
def test_half_a_consent_is_none(
    scene: Extending, booking: Booking, raised: Extension, facts: dict[str, str], field: str
) -> None:
    with invalid(field):
        commands.approve_on_consent(scene.staff, raised.id, [0], digest_of(raised), consent(**facts))
    with invalid("at"):
        ahead = clock.now_utc() + timedelta(minutes=1)
        commands.approve_on_consent(scene.staff, raised.id, [0], digest_of(raised), consent(at=ahead))
    with invalid("at"):
        before = booking.workshop_checkin_at - timedelta(minutes=1)  # to what nobody had found
        commands.approve_on_consent(scene.staff, raised.id, [0], digest_of(raised), consent(at=before))
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
        mark_not_done(scene.staff, raised.id, [])
    assert bookings.complete_work(scene.staff, booking.id)
    assert scene.fresh(raised.id).authorization_status is AuthorizationStatus.RELEASED


def test_own_decisions_cannot_be_objected_to(scene: Extending, booking: Booking) -> None:
    extension = scene.approved(booking)
    with refused("nothing_to_object"):
        commands.object_to(booking.user, extension.id)
