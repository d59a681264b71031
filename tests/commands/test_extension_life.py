"""The return that moves with the consent, reminders, and how an extension ends with its booking."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from b2c_web import clock
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.returning import replan_return, return_options
from b2c_web.checks import breaches
from b2c_web.errors import Conflict
from b2c_web.extensions import commands, queries
from b2c_web.extensions.deciders import LinkEnded
from b2c_web.extensions.items import Consent
from b2c_web.extensions.jobs import sweep_unanswered
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionLink, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from b2c_web.notifications.models import Notification, NotificationStatus
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.notifications.rendering import render
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment
from tests.commands.extending import OFFER, PADS, SUMS, Extending, invalid, mark_not_done, refused

Status = ExtensionStatus


def consent() -> Consent:
    return Consent("phone", "Person am Beispielweg", clock.now_utc(), "Ja, machen Sie.")


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


def test_before_the_agreed_time_nobody_is_promised_the_car_until_the_work_is_done(scene: Extending) -> None:
    booking = scene.in_workshop(back=2)
    earlier = [window.slot_id for window in return_options(booking)[:-1]]
    extension, _slot_id = delayed(scene, booking)
    assert return_options(booking)[0].slot_id == earlier[0]  # asked, not agreed
    scene.approve(extension)
    booking = scene.session.get(Booking, booking.id, populate_existing=True)
    assert return_options(booking) == []
    with pytest.raises(PlaceTaken):
        replan_return(booking.user, booking.id, earlier[0])
    bookings.complete_work(scene.staff, booking.id)
    booking = scene.session.get(Booking, booking.id, populate_existing=True)
    assert earlier[0] in {window.slot_id for window in return_options(booking)}


def test_what_the_customer_objected_to_takes_no_time(scene: Extending) -> None:
    booking = scene.in_workshop(back=2)
    extension, _slot_id = delayed(scene, booking)
    commands.approve_on_consent(scene.staff, extension.id, [0], digest_of(extension), consent())
    assert return_options(booking) == []
    commands.object_to(booking.user, extension.id)
    assert return_options(booking) != []


def test_after_an_objection_the_workshop_hears_that_the_later_return_stays(scene: Extending) -> None:
    booking = scene.in_workshop(back=2)
    extension, slot_id = delayed(scene, booking)
    commands.approve_on_consent(scene.staff, extension.id, [0], digest_of(extension), consent())
    commands.object_to(booking.user, extension.id)
    booking = scene.session.get(Booking, booking.id, populate_existing=True)
    assert booking.return_slot_id == slot_id
    alert = scene.mails(Kind.EXTENSION_STAFF_ALERT)[0]
    assert alert.context["later_return"] == booking.estimated_return_time.isoformat()
    assert "Die Rückgabe bleibt vorerst bei" in render(alert).text
    plain = scene.raised(booking)
    commands.approve_on_consent(scene.staff, plain.id, [0], digest_of(plain), consent())
    commands.object_to(booking.user, plain.id)
    assert scene.mails(Kind.EXTENSION_STAFF_ALERT)[1].context["later_return"] is None


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


@pytest.mark.parametrize("back", [2, None])
@pytest.mark.parametrize("decide", ["customer", "consent"])
def test_mails_say_of_a_later_return_what_the_page_says(
    app: Flask, scene: Extending, back: int | None, decide: str
) -> None:
    booking = scene.in_workshop(back=back)
    later = booking.estimated_return_time + timedelta(days=1)
    promise = (
        {"new_promised_at": later} if back is None else {"new_return_slot_id": return_options(booking)[-1].slot_id}
    )
    extension = scene.raised(booking, replace(OFFER, delay_reason="Teil fehlt", **promise))
    if decide == "customer":
        scene.approve(extension)
    else:
        commands.approve_on_consent(scene.staff, extension.id, [0], digest_of(extension), consent())
    decided = Kind.EXTENSION_DECIDED if decide == "customer" else Kind.EXTENSION_APPROVED_FOR_YOU
    said = "Ihr Auto ist dann bis Fr, 27. Nov., 14:00 Uhr fertig."
    if back is not None:
        said = "Wir bringen Ihr Auto dann Fr, 27. Nov., 16–18\u00a0Uhr."
    with app.test_request_context():
        for kind in (Kind.EXTENSION_RAISED, decided):
            told = render(scene.mails(kind)[0]).text.replace("\n", " ")
            assert said in told, kind
            assert ("bis Fr, 27. Nov." in told) == (back is None)


def test_a_later_return_that_was_chosen_meanwhile_is_the_one_that_is_told(app: Flask, scene: Extending) -> None:
    booking = scene.in_workshop(back=2)
    extension = scene.raised(
        booking, replace(OFFER, delay_reason="Teil fehlt", new_return_slot_id=return_options(booking)[0].slot_id)
    )
    replan_return(booking.user, booking.id, return_options(booking)[-1].slot_id)
    scene.approve(extension)
    with app.test_request_context():
        assert "Wir bringen Ihr Auto dann Fr, 27. Nov., 16–18" in render(scene.mails(Kind.EXTENSION_DECIDED)[0]).text


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


JOBS = {"extensions.remind_customer", "extensions.tell_staff"}
LOSE_THEM = text("UPDATE procrastinate_jobs SET status = 'aborted' WHERE task_name = ANY(:names)")


def test_what_a_lost_job_should_have_said_is_said_once(scene: Extending, raised: Extension) -> None:
    scene.session.execute(LOSE_THEM, {"names": list(JOBS)})
    scene.session.commit()
    untold = "extensions: the workshop knows of each that nobody answered"
    for minutes, counts in ((61, (0, 0)), (63, (1, 0)), (121, (1, 0)), (151, (1, 1)), (600, (1, 1))):
        with scene.later(minutes=minutes):
            assert (untold in [one.name for one in breaches()]) is (minutes == 151)
            sweep_unanswered()
            mails = scene.mails(Kind.EXTENSION_REMINDER), scene.mails(Kind.EXTENSION_STAFF_ALERT)
            assert tuple(map(len, mails)) == counts, minutes
            assert untold not in [one.name for one in breaches()]


def test_what_a_job_said_the_sweep_does_not_say_again(scene: Extending, raised: Extension, run_jobs: Any) -> None:
    links = scene.session.query(ExtensionLink).filter_by(extension_id=raised.id)
    with scene.later(minutes=123):
        assert sorted(run_jobs(JOBS)) == sorted(JOBS)
        before = links.count()
        sweep_unanswered()
    assert links.count() == before
    assert len(scene.mails(Kind.EXTENSION_REMINDER)) == len(scene.mails(Kind.EXTENSION_STAFF_ALERT)) == 1


def test_an_offer_that_nobody_can_be_told_of_keeps_no_other_from_its_turn(
    scene: Extending, raised: Extension, caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = scene.in_workshop(slot=1), scene.in_workshop(slot=2)
    for booking in (broken, other):
        scene.raised(booking)
    broken.user.email = "one@example.test,two@example.test"
    scene.session.commit()
    with scene.later(minutes=180), pytest.raises(ValueError, match="exactly one mail address"):
        sweep_unanswered()
    reminded = {one.booking_id for one in scene.mails(Kind.EXTENSION_REMINDER)}
    assert reminded == {raised.booking_id, other.id}
    assert len(scene.mails(Kind.EXTENSION_STAFF_ALERT)) == 3
    offered = scene.session.query(Extension).filter_by(booking_id=broken.id).one()
    assert f"remind failed for {offered.id}" in caplog.messages


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
        mark_not_done(scene.staff, extension.id, [0])


def test_the_end_of_the_booking_cancels_what_waits(scene: Extending, booking: Booking, raised: Extension) -> None:
    approved = scene.approved(booking, offer=replace(OFFER, description="Und noch etwas."))
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
        mark_not_done(scene.staff, extension.id, [2])
    mark_not_done(scene.staff, extension.id, [1])
    assert queries.view_of(extension.id).due_cents == SUMS[0]
    mark_not_done(scene.staff, extension.id, [])
    assert queries.view_of(extension.id).due_cents == SUMS[0] + SUMS[1]


# what is told


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_message_can_be_written(scene: Extending, booking: Booking, run_jobs: Any, language: str) -> None:
    """One of each kind, with the facts that the commands give."""
    booking.user.language = language
    scene.session.commit()
    replaced = scene.raised(booking)
    asked = scene.raised(booking, replace(OFFER, urgent=True), replaces=replaced.id)
    commands.ask(booking.user, asked.id, "Warum?")
    commands.answer(scene.staff, asked.id, "Darum.")
    with scene.later(hours=2):
        run_jobs({"extensions.remind_customer", "extensions.tell_staff"})
    commands.authorize_now(scene.approve(asked))
    declined, withdrawn, said = (scene.raised(booking, replace(OFFER, description=f"Befund {n}")) for n in range(3))
    limit = scene.raised(booking, replace(OFFER, items=[PADS]))
    commands.decline(booking.user, declined.id, "Zu teuer", digest_of(declined))
    commands.withdraw_extension(scene.staff, withdrawn.id, "Doppelt erfasst")
    commands.approve_within_limit(scene.staff, limit.id, digest_of(limit))
    commands.approve_on_consent(scene.staff, said.id, [0], digest_of(said), consent())
    commands.object_to(booking.user, said.id)
    run_jobs({"notifications.send"})
    told = [mail for mail in scene.session.query(Notification) if mail.kind.value.startswith("EXTENSION_")]
    assert {mail.kind.value for mail in told} == {kind.value for kind in Kind if kind.value.startswith("EXTENSION_")}
    assert {mail.status for mail in told} == {NotificationStatus.KEPT}
    assert all(mail.language == ("de" if mail.recipient == scene.workshop.email else language) for mail in told)
