"""What staff may approve, what they must not begin, and what completion charges."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web import live
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.commands import complete_work
from b2c_web.bookings.models import BookingStatus
from b2c_web.bookings.returning import return_options
from b2c_web.db import command_transaction
from b2c_web.extensions import commands
from b2c_web.extensions.items import Offer
from b2c_web.extensions.models import AuthorizationStatus, DecisionRight, Extension, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from b2c_web.extensions.views import completion
from b2c_web.formatting import day_window, moment
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments.commands import capture_held, ensure_customer, make_default
from b2c_web.payments.gateway import gateway
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import payments_of
from tests.commands.extending import DISCS, OFFER, OIL, PADS, SUMS, Extending, mark_not_done
from tests.paying import Provider, save_method
from tests.views.extending import HTMX, Pages, plain

TWO = SUMS[0] + SUMS[1]
TWO_ITEMS = replace(OFFER, items=[PADS, DISCS])


@pytest.fixture
def pages(app: Flask, session: Any, frozen_clock: Any, login: Callable[..., FlaskClient], provider: Provider) -> Pages:
    scene = Extending(session, frozen_clock)
    booking = scene.in_workshop(standing_limit_cents=25_000)
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, booking.user, card="visa")
    return Pages(app, scene, login, booking)


def approve(pages: Pages, extension: Extension, step: str, **fields: Any) -> Any:
    given = {"item": [0, 1], "shown": digest_of(extension), "amount_cents": TWO, **fields}
    return pages.by_staff(
        f"/workshop/extensions/{extension.id}/{step}", f"/workshop/extensions/{extension.id}/withdrawal", **given
    )


CONSENT = {"channel": "phone", "name": "Rosa Ahorn", "at": "2026-11-24T12:00", "words": "Ja, bitte machen."}


def test_within_the_limit_staff_approve_all_of_it_and_see_what_is_left(pages: Pages) -> None:
    extension = pages.scene.raised(pages.booking, TWO_ITEMS)
    at_work = f"/workshop/extensions/{extension.id}"
    assert "250,00 EUR übrig" in plain(pages.staff.get(at_work))
    page = pages.staff.get(f"{at_work}/limit-approval")
    assert 'name="item"' not in page.text
    assert "Vom Rahmen bleiben danach 11,10 EUR." in plain(page)
    assert "238,90 EUR im Rahmen freigeben" in plain(page)
    assert approve(pages, extension, "limit-approval").location == at_work
    extension = pages.extensions()[0]
    assert (extension.decision_right, extension.accepted_items) == (DecisionRight.STANDING_LIMIT, [0, 1])
    assert "kann gemacht werden" in plain(pages.staff.get(at_work))
    assert len(pages.scene.mails(NotificationKind.EXTENSION_APPROVED_FOR_YOU)) == 1
    assert "im Rahmen freigegeben" in plain(pages.customer.get(f"/extensions/{extension.id}"))


def test_never_over_the_limit_and_the_page_says_what_to_do_then(pages: Pages) -> None:
    extension = pages.raised()
    at_work = f"/workshop/extensions/{extension.id}"
    ways = "Er entscheidet selbst, oder Sie ziehen das Angebot zurück und senden es in zweien."
    for page in (pages.staff.get(at_work), pages.staff.get(f"{at_work}/limit-approval")):
        assert "310,86 EUR sind mehr als die 250,00 EUR, die vom Rahmen des Kunden übrig sind. " in plain(page)
        assert ways in plain(page)
        assert f'href="{at_work}/withdrawal"' in page.text
        assert "im Rahmen freigeben</button>" not in page.text
    answer = approve(pages, extension, "limit-approval", amount_cents=sum(SUMS))
    assert answer.status_code == 409
    assert "mehr, als der Kunde ohne Rückfrage erlaubt hat" in plain(answer)
    assert pages.extensions()[0].status is ExtensionStatus.PENDING


def test_within_the_limit_never_more_is_approved_than_the_button_named(pages: Pages) -> None:
    """A page from when single items could be ticked: its button named their sum."""
    extension = pages.scene.raised(pages.booking, TWO_ITEMS)
    answer = approve(pages, extension, "limit-approval", item=[0], amount_cents=SUMS[0])
    assert answer.status_code == 422
    assert "Freigegeben wird das ganze Angebot, 238,90 EUR. Stimmt das so?" in plain(answer)
    assert pages.extensions()[0].status is ExtensionStatus.PENDING


def test_ticks_that_the_button_did_not_name_are_shown_first(pages: Pages) -> None:
    extension = pages.raised()
    answer = approve(pages, extension, "consent", item=[0], **CONSENT)
    assert answer.status_code == 422
    assert "Angekreuzt sind 89,90 EUR. Stimmt das so?" in plain(answer)
    assert 'name="amount_cents" value="8990"' in answer.text
    assert pages.extensions()[0].status is ExtensionStatus.PENDING


def test_the_button_follows_the_ticks(pages: Pages) -> None:
    path = f"/workshop/extensions/{pages.raised().id}/consent?sum=1"
    part = pages.staff.get(f"{path}&item=0&item=1", headers=HTMX)
    assert "Zustimmung zu 238,90 EUR festhalten" in plain(part)
    assert "Bitte ankreuzen" in plain(pages.staff.get(path, headers=HTMX))


def test_nothing_ticked_is_asked_for(pages: Pages) -> None:
    answer = approve(pages, pages.raised(), "consent", item=[], amount_cents=0, **CONSENT)
    assert answer.status_code == 409
    assert "Bitte kreuzen Sie mindestens eine Position an." in plain(answer)


def test_a_consent_is_recorded_with_who_how_when_and_what(pages: Pages) -> None:
    extension = pages.raised()
    assert "Anrufen" in plain(pages.staff.get(f"/workshop/extensions/{extension.id}/consent"))
    assert approve(pages, extension, "consent", **CONSENT).status_code == 303
    page = plain(pages.staff.get(f"/workshop/extensions/{extension.id}"))
    assert "Rosa Ahorn am Telefon" in page
    assert "„Ja, bitte machen.“" in page
    assert pages.extensions()[0].decision_right is DecisionRight.RECORDED_CONSENT


@pytest.mark.parametrize("missing", ["name", "at", "words"])
def test_a_consent_without_its_facts_is_none(pages: Pages, missing: str) -> None:
    extension = pages.raised()
    answer = approve(pages, extension, "consent", **{**CONSENT, missing: ""})
    assert answer.status_code == 422
    assert "error-summary" in answer.text
    if missing != "name":
        assert 'value="Rosa Ahorn"' in answer.text
    assert pages.extensions()[0].status is ExtensionStatus.PENDING


def test_a_consent_cannot_come_from_tomorrow(pages: Pages) -> None:
    answer = approve(pages, pages.raised(), "consent", **{**CONSENT, "at": "2030-01-01T12:00"})
    assert answer.status_code == 422
    assert "nicht in der Zukunft" in plain(answer)


def test_staff_see_the_answer_without_reloading(pages: Pages) -> None:
    extension = pages.raised()
    path = f"/workshop/extensions/{extension.id}"
    version = pages.staff.get(path).text.split("?v=")[1].split('"')[0]
    assert pages.staff.get(f"{path}?v={version}", headers=HTMX).status_code == 204
    commands.decline(pages.booking.user, extension.id, "Zu teuer", digest_of(extension))
    news = pages.staff.get(f"{path}?v={version}", headers=HTMX)
    assert news.status_code == 200
    assert news.text.lstrip().startswith("<div") or "<html" not in news.text
    assert "Der Kunde hat abgelehnt. Zu teuer" in plain(news)
    assert live.version_of(1) != live.version_of(2)


def test_withdrawing_needs_a_reason(pages: Pages) -> None:
    extension = pages.raised()
    path = f"/workshop/extensions/{extension.id}/withdrawal"
    assert pages.by_staff(path, words=" ").status_code == 422
    assert pages.by_staff(path, words="Doch noch gut").location == f"/workshop/extensions/{extension.id}"
    assert "Doch noch gut" in plain(pages.staff.get(f"/workshop/extensions/{extension.id}"))
    assert pages.by_staff(path, words="Noch einmal").status_code == 409


def test_once_the_car_is_ready_the_booking_says_so_before_what_was_decided(pages: Pages) -> None:
    def head() -> str:
        return plain(pages.customer.get(f"/bookings/{pages.booking_id}")).split("Verlauf")[0]

    extension = pages.raised()
    assert "Mehr zu tun an Ihrem Auto" in head()
    commands.decline(pages.booking.user, extension.id, "", digest_of(extension))
    bookings.complete_work(pages.scene.staff, pages.booking_id)
    assert "Ihr Auto ist fertig" in head()
    assert "Mehr zu tun an Ihrem Auto" not in head()


def test_completion_waits_for_an_open_offer_and_offers_to_withdraw_it(pages: Pages) -> None:
    extension = pages.raised()
    page = pages.staff.get(pages.completion)
    assert "Ein Angebot über 310,86 EUR ist noch offen" in plain(page)
    assert "Fertig melden," not in plain(page)
    refused = pages.by_staff(pages.completion, amount_cents="0")
    assert refused.status_code == 409
    assert "wartet noch auf den Kunden" in plain(refused)
    away = f"/workshop/extensions/{extension.id}/withdrawal?then=completion"
    assert away in page.text
    assert pages.by_staff(away, words="Keine Antwort").location == pages.completion
    assert pages.by_staff(pages.completion, amount_cents="0").status_code == 303
    assert pages.booking.status is BookingStatus.READY_FOR_RETURN


def test_completion_charges_what_was_approved(pages: Pages, run_jobs: Callable[..., list[str]]) -> None:
    extension = pages.scene.held(pages.booking)
    page = plain(pages.staff.get(pages.completion))
    assert "Fertig melden, 238,90 EUR werden eingezogen" in page
    assert "Motoröl" not in page
    assert pages.by_staff(pages.completion, amount_cents=TWO).status_code == 303
    run_jobs({"payments.capture"})
    assert pages.extensions()[0].captured_amount_cents == TWO
    assert pages.booking.status is BookingStatus.READY_FOR_RETURN
    assert "238,90 EUR sind abgebucht" in plain(pages.customer.get(f"/extensions/{extension.id}"))


def test_what_was_not_done_is_not_charged(pages: Pages, run_jobs: Callable[..., list[str]]) -> None:
    extension = pages.scene.held(pages.booking)
    undone = f"{extension.id}:1"
    part = pages.staff.get(f"{pages.completion}?sum=1&not_done={undone}", headers=HTMX)
    assert "Fertig melden, 89,90 EUR werden eingezogen" in plain(part)
    stale = pages.by_staff(pages.completion, not_done=undone, amount_cents=TWO)
    assert stale.status_code == 422
    assert "Eingezogen würden 89,90 EUR. Stimmt das so?" in plain(stale)
    assert pages.booking.service_completed_at is None
    assert pages.by_staff(pages.completion, not_done=undone, amount_cents=SUMS[0]).status_code == 303
    run_jobs({"payments.capture"})
    assert pages.extensions()[0].captured_amount_cents == SUMS[0]
    page = plain(pages.customer.get(f"/extensions/{extension.id}"))
    assert "nicht gemacht" in page
    assert "Enthält 14,35 EUR MwSt." in page  # of what was charged, not of what was approved
    for beside in (pages.customer.get(f"/bookings/{pages.booking_id}"), car_page(pages)):
        line = plain(beside).split("Abgebucht")[0]
        assert line.rfind("89,90 EUR") > line.rfind("238,90 EUR")
        assert f"Nicht gemacht: {extension.items[1]['name']}" in plain(beside)


@pytest.mark.parametrize("why", ["not begun", "still pending"])
def test_a_refused_completion_changes_nothing(pages: Pages, why: str) -> None:
    extension = pages.scene.held(pages.booking)
    if why == "not begun":
        pages.booking.work_started_at = None
        pages.scene.session.commit()
    else:
        pages.scene.raised(pages.booking, Offer("Auch das Öl.", (OIL,)))
    undone = f"{extension.id}:1"
    refused = pages.by_staff(pages.completion, not_done=undone, amount_cents=SUMS[0])
    assert refused.status_code == 409
    assert pages.scene.fresh(extension.id).not_done_items == []
    assert "Nicht gemacht" not in plain(pages.customer.get(f"/bookings/{pages.booking_id}"))
    entries = pages.scene.session.query(AuditEntry).filter_by(action="extension.not_done")
    assert entries.count() == 0


def test_nothing_is_marked_once_it_is_settling(pages: Pages) -> None:
    """Somebody else was quicker: what they completed stays, and who comes second is not told that it was noted."""
    settling = pages.scene.held(pages.booking)
    undone = pages.scene.held(pages.booking, (0,), Offer("Auch das Öl.", (OIL,)))
    mark_not_done(pages.scene.staff, undone.id, [0])
    assert pages.by_staff(pages.completion, not_done=f"{undone.id}:0", amount_cents=TWO).status_code == 303
    assert pages.scene.fresh(settling.id).authorization_status is AuthorizationStatus.CAPTURING
    assert pages.by_staff(pages.completion, amount_cents=0).status_code == 409
    assert pages.scene.fresh(undone.id).not_done_items == [0]


def test_a_box_that_is_not_ticked_does_not_read_as_not_done(pages: Pages) -> None:
    extension = pages.scene.held(pages.booking)
    page = pages.staff.get(pages.completion)
    legend = page.text.split("<legend", 1)[1].split("</legend>")[0]
    assert "Nicht gemacht? Bitte ankreuzen – das wird nicht berechnet." in legend
    labels = re.findall(r'<label for="undone-[^>]*>(.*?)</label>', page.text, flags=re.DOTALL)
    assert labels == [extension.items[index]["name"] for index in (0, 1)]
    with pages.staff.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "Not done? Please tick it – it will not be charged." in plain(pages.staff.get(pages.completion))


def test_completing_a_second_time_asks_nothing(pages: Pages, run_jobs: Callable[..., list[str]]) -> None:
    pages.scene.held(pages.booking)
    assert pages.by_staff(pages.completion, amount_cents=TWO).status_code == 303
    for settled in (False, True):
        if settled:
            run_jobs({"payments.capture"})
        again = pages.by_staff(pages.completion, amount_cents=TWO)
        assert again.status_code == 409
        assert "Stimmt das so?" not in plain(again)
        assert plain(again).count("Fertig melden geht hier nicht.") == 1
        assert "Zurück zum Auto" in plain(again)
    assert pages.booking.status is BookingStatus.READY_FOR_RETURN
    nothing_due = pages.by_staff(pages.completion, amount_cents=0)
    assert nothing_due.status_code == 409
    assert "Fertig melden geht hier nicht." not in plain(nothing_due)  # the command's own refusal says it
    assert "Der Stand dieser Buchung hat sich geändert." in plain(nothing_due)
    assert "Zurück zum Auto" in plain(nothing_due)


def test_of_an_approved_offer_only_the_approved_work_is_named(pages: Pages) -> None:
    extension = pages.scene.held(pages.booking, (0,))
    wanted, refused = (extension.items[index]["name"] for index in (0, 1))
    for beside in (pages.customer.get(f"/bookings/{pages.booking_id}"), car_page(pages)):
        page = plain(beside).split("Was geschah")[0]
        assert f"{wanted} 89,90 EUR" in page
        assert f"Nicht freigegeben: {refused}" in page
        assert f"{wanted}, {refused}" not in page


def car_page(pages: Pages) -> Any:
    return pages.staff.get(f"/workshop/bookings/{pages.booking_id}")


def test_what_was_charged_is_not_charged_when_the_car_comes_back(
    pages: Pages, run_jobs: Callable[..., list[str]]
) -> None:
    pages.scene.held(pages.booking)
    assert pages.by_staff(pages.completion, amount_cents=TWO).status_code == 303
    run_jobs({"payments.capture"})
    bookings.rework(pages.scene.staff, pages.booking_id, "Die Bremse quietscht noch.")
    page = plain(pages.staff.get(pages.completion))
    assert "238,90" not in page
    assert "nicht gemacht" not in page
    assert pages.by_staff(pages.completion, amount_cents=0).status_code == 303
    assert pages.booking.status is BookingStatus.READY_FOR_RETURN


def test_an_open_debt_is_no_card_to_be_typed(pages: Pages, provider: Provider) -> None:
    extension = pages.scene.held(pages.booking)
    bookings.complete_work(pages.scene.staff, pages.booking_id)
    held = payments_of(PaymentPurpose.EXTENSION, extension.id)[0]
    gateway().release(str(held.stripe_payment_intent_id), "release-by-hand")
    capture_held(held.id)
    assert pages.booking.status is BookingStatus.READY_FOR_RETURN
    page = plain(pages.customer.get(f"/extensions/{extension.id}"))
    assert "Der Betrag ließ sich nicht einziehen und ist noch offen" in page
    assert "auf der Zahlungsseite" not in page
    assert "Noch nicht beginnen" not in plain(pages.staff.get(f"/workshop/extensions/{extension.id}"))


def test_a_mandate_holds_nothing_and_nobody_says_so(pages: Pages, provider: Provider) -> None:
    with command_transaction():
        account = save_method(provider, pages.booking.user, account="sepa")
    make_default(pages.booking.user, account.id)
    extension = pages.scene.held(pages.booking)
    for client, path in ((pages.customer, "/extensions"), (pages.staff, "/workshop/extensions")):
        page = plain(client.get(f"{path}/{extension.id}"))
        assert "per Lastschrift" in page
        assert "Betrag ist reserviert" not in page
    car = plain(pages.staff.get(f"/workshop/bookings/{pages.booking_id}"))
    booking = plain(pages.customer.get(f"/bookings/{pages.booking_id}"))
    history = car.split("Was geschah")[1]
    for named in ("Punkte Bremsbeläge vorn, Bremsscheiben vorn, Motoröl", "Summe 310,86 EUR", "Freigegeben 238,90 EUR"):
        assert named in history
    for shown in (car.split("Was geschah")[0], history, booking):
        assert "Lastschrift zugesagt" in shown
        assert "Reserviert" not in shown
    bookings.complete_work(pages.scene.staff, pages.booking_id)
    taken = plain(pages.staff.get(f"/workshop/bookings/{pages.booking_id}")).split("Was geschah")[1]
    assert "Lastschrift zugesagt Wird abgebucht" in taken
    assert "Reserviert" not in taken


def test_the_car_and_the_booking_show_it(pages: Pages) -> None:
    extension = pages.raised()
    car = pages.staff.get(f"/workshop/bookings/{pages.booking_id}", follow_redirects=True)
    assert f"/workshop/extensions/{extension.id}" in car.text
    booking = pages.customer.get(f"/bookings/{pages.booking_id}")
    assert "Ansehen und entscheiden" in plain(booking)
    assert f"/extensions/{extension.id}" in booking.text


def test_what_is_approved_while_staff_press_the_button_is_not_charged_unseen(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = pages.scene
    scene.held(pages.booking, (0,))
    other = scene.raised(pages.booking, Offer("Auch das Öl.", (OIL,)))

    def complete_late(*args: Any) -> bool:
        monkeypatch.undo()
        commands.authorize_now(scene.approve(other, (0,)))
        return complete_work(*args)

    monkeypatch.setattr(completion, "complete_work", complete_late)
    answer = pages.by_staff(pages.completion, amount_cents=SUMS[0])
    assert answer.status_code == 409
    assert "Eingezogen würden jetzt 161,86 EUR. Stimmt das so?" in plain(answer)
    assert "Bitte prüfen Sie" not in plain(answer)
    assert 'name="amount_cents" value="16186"' in answer.text
    assert pages.booking.service_completed_at is None
    assert pages.by_staff(pages.completion, amount_cents=16186).status_code == 303
    assert pages.booking.service_completed_at is not None


@pytest.mark.parametrize("end", ["declined", "withdrawn"])
def test_what_was_not_agreed_promises_no_new_time(pages: Pages, end: str) -> None:
    later = pages.booking.estimated_return_time + timedelta(days=1)
    offered = replace(TWO_ITEMS, new_promised_at=later, delay_reason="Teil fehlt")
    extension = pages.scene.raised(pages.booking, offered)
    path = f"/workshop/extensions/{extension.id}"
    assert f"Neue Zusage: {moment(later)} Uhr.".replace("\u00a0", " ") in plain(pages.staff.get(path))
    if end == "declined":
        commands.decline(pages.booking.user, extension.id, "", digest_of(extension))
    else:
        commands.withdraw_extension(pages.scene.staff, extension.id, "Doppelt")
    assert "Neue Zusage" not in plain(pages.staff.get(path))


@pytest.mark.parametrize(("back", "words"), [(None, "Ihr Auto ist nun bis"), (2, "Wir bringen Ihr Auto nun")])
def test_once_approved_the_page_says_the_new_time(pages: Pages, back: int | None, words: str) -> None:
    booking = pages.scene.in_workshop(back=back, user_id=pages.booking.user_id)
    later = {"new_promised_at": booking.estimated_return_time + timedelta(days=1)}
    if back:
        later = {"new_return_slot_id": return_options(booking)[-1].slot_id}
    extension = pages.scene.raised(booking, replace(TWO_ITEMS, delay_reason="Teil fehlt", **later))
    path = f"/extensions/{extension.id}"
    assert words not in plain(pages.customer.get(path))
    pages.scene.approve(extension)
    promised = pages.scene.fresh(extension.id).new_promised_at
    shown = (promised - timedelta(hours=2), promised) if back else (promised,)
    when = (day_window if back else moment)(*shown).replace("\u00a0", " ")
    assert f"{words} {when}" in plain(pages.customer.get(path))
