"""The customer decides: signed in and by the mailed link, with ticks, questions, payment, and links that have ended."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.bookings.commands import complete_work
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.extensions import commands
from b2c_web.extensions.items import Consent
from b2c_web.extensions.models import AuthorizationStatus, DecisionRight, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments.commands import ensure_customer, sync_refunds
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment
from tests.commands.extending import OFFER, SUMS, complete
from tests.factories import make_customer
from tests.paying import Provider, refund_by_hand, save_method
from tests.views.browsing import send as send_form
from tests.views.extending import HTMX, Pages, plain

Doors = Callable[[Pages], tuple[str, Callable[..., Any], FlaskClient]]


def account(pages: Pages) -> tuple[str, Callable[..., Any], FlaskClient]:
    return f"/extensions/{pages.extensions()[-1].id}", pages.by_customer, pages.customer


def link(pages: Pages) -> tuple[str, Callable[..., Any], FlaskClient]:
    return f"/e/{pages.scene.token()}", pages.by_link, pages.stranger


both = pytest.mark.parametrize("door", [account, link], ids=["account", "link"])


@both
def test_nothing_is_ticked_until_the_customer_ticks(pages: Pages, door: Doors) -> None:
    pages.raised()
    path, _send, client = door(pages)
    page = client.get(path)
    assert page.status_code == 200
    assert 'name="item"' in page.text
    assert " checked" not in page.text.split('id="decision"')[1].split("</form>")[0]
    assert "Auswahl prüfen" in plain(page)
    assert "4,5 × 15,99 EUR" in plain(page)
    everything = client.get(f"{path}?all=1").text.split('id="decision"')[1].split("</form>")[0]
    assert everything.count(" checked") == 3


@both
def test_the_sum_follows_the_ticks(pages: Pages, door: Doors) -> None:
    pages.raised()
    path, _send, client = door(pages)
    bar = client.get(f"{path}/sum?item=0&item=2", headers=HTMX)
    assert "161,86 EUR freigeben" in plain(bar)
    assert f'value="{SUMS[0] + SUMS[2]}"' in bar.text
    assert "Bitte ankreuzen" in plain(client.get(f"{path}/sum", headers=HTMX))
    assert "89,90 EUR" in plain(client.get(f"{path}/sum?item=0&item=99&item=x", headers=HTMX))


@both
def test_what_the_button_named_is_approved(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, client = door(pages)
    amount = SUMS[0] + SUMS[1]
    answer = send(f"{path}/approval", item=[0, 1], shown=digest_of(extension), amount_cents=amount)
    assert answer.status_code == 303
    extension = pages.extensions()[0]
    assert (extension.status, extension.approved_amount_cents) == (ExtensionStatus.APPROVED, amount)
    assert extension.decision_right is DecisionRight.CUSTOMER
    page = plain(client.get(path))
    assert "238,90 EUR" in page
    assert "nicht gewünscht" in page


@both
def test_without_script_the_choice_is_shown_before_it_counts(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, _client = door(pages)
    review = send(f"{path}/approval", item=[0, 1], shown=digest_of(extension))
    assert review.status_code == 200
    assert "238,90 EUR freigeben" in plain(review)
    assert pages.extensions()[0].status is ExtensionStatus.PENDING
    assert f'value="{digest_of(extension)}"' in review.text


@both
def test_a_tick_after_the_sum_is_never_approved_silently(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, _client = door(pages)
    answer = send(f"{path}/approval", item=[0, 1, 2], shown=digest_of(extension), amount_cents=SUMS[0])
    assert "310,86 EUR freigeben" in plain(answer)
    assert pages.extensions()[0].status is ExtensionStatus.PENDING


@both
def test_nothing_ticked_is_explained(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, _client = door(pages)
    answer = send(f"{path}/approval", shown=digest_of(extension), amount_cents=0)
    assert answer.status_code == 422
    assert "Was sollen wir machen? Bitte kreuzen Sie an" in plain(answer)


@both
def test_a_tick_that_belongs_to_no_item_approves_nothing(pages: Pages, door: Doors) -> None:
    extension, (path, send, _client) = pages.raised(), door(pages)
    for ticked in ([9], [0, 9]):
        answer = send(f"{path}/approval?all=1", item=ticked, shown=digest_of(extension), amount_cents=SUMS[0])
        assert (answer.status_code, "Diese Position gibt es hier nicht" in plain(answer)) == (409, True)
    assert pages.extensions()[0].status is ExtensionStatus.PENDING


@both
def test_numbers_that_nobody_can_read_approve_nothing(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, _client = door(pages)
    endless = "9" * 5000
    answer = send(f"{path}/approval", item=endless, shown=digest_of(extension), amount_cents=endless)
    assert answer.status_code == 422
    assert pages.extensions()[0].status is ExtensionStatus.PENDING


@both
def test_a_get_never_decides(pages: Pages, door: Doors) -> None:
    pages.raised()
    path, _send, client = door(pages)
    for step in ("", "/sum", "?item=0&amount_cents=8990", "/approval", "/refusal", "/question"):
        assert client.get(f"{path}{step}").status_code in (200, 404, 405)
    assert pages.extensions()[0].status is ExtensionStatus.PENDING


@both
def test_declining_keeps_the_reason(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, client = door(pages)
    answer = send(f"{path}/refusal", shown=digest_of(extension), reason="too_expensive", words="Später vielleicht")
    assert answer.status_code == 303
    extension = pages.extensions()[0]
    assert (extension.status, extension.decline_reason) == (
        ExtensionStatus.DECLINED,
        "Zu teuer. Später vielleicht",
    )
    assert "Davon machen wir nichts, und es kostet Sie nichts." in plain(client.get(path))


@both
def test_a_question_reaches_the_workshop_and_its_answer_the_customer(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, client = door(pages)
    assert send(f"{path}/question", words="").status_code == 422
    assert send(f"{path}/question", words="Hält das noch bis Mai?").status_code == 303
    at_work = f"/workshop/extensions/{extension.id}"
    assert "Hält das noch bis Mai?" in plain(pages.staff.get(at_work))
    assert pages.by_staff(f"{at_work}/answer", words="").status_code == 422
    assert pages.by_staff(f"{at_work}/answer", words="Eher nicht.").status_code == 303
    assert "Eher nicht." in plain(client.get(path))


@both
def test_after_the_decision_what_was_asked_and_answered_stays(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, client = door(pages)
    send(f"{path}/question", words="Wie lange halten sie noch?")
    commands.answer(pages.scene.staff, extension.id, "Höchstens 500 km.")
    send(f"{path}/refusal", shown=digest_of(extension))
    outcome = client.get(path)
    page = plain(outcome)
    assert page.index("Abgelehnt") < page.index("Fragen und Antworten Sie") < page.index("Höchstens 500 km.")
    assert "Wie lange halten sie noch?" in page
    assert f'action="{path}/question"' not in outcome.text  # to read only


@both
def test_what_was_withdrawn_is_not_approved_and_says_so(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, _client = door(pages)
    pages.by_staff(f"/workshop/extensions/{extension.id}/withdrawal", words="Falsch gemessen")
    answer = send(f"{path}/approval", item=[0], shown=digest_of(extension), amount_cents=SUMS[0])
    assert answer.status_code == (409 if door is account else 410)
    assert "zurückgezogen" in plain(answer)
    assert pages.extensions()[0].approved_amount_cents == 0


def test_what_was_replaced_leads_to_the_new_one(pages: Pages) -> None:
    old = pages.raised()
    path, send, _client = account(pages)
    new = pages.scene.raised(pages.booking, replace(OFFER, urgent=True), replaces=old.id)
    answer = send(f"{path}/approval", item=[0], shown=digest_of(old), amount_cents=SUMS[0])
    assert answer.status_code == 409
    assert f"/extensions/{new.id}" in answer.text
    assert [one.status for one in pages.extensions()] == [ExtensionStatus.CANCELLED, ExtensionStatus.PENDING]


def test_what_was_not_shown_is_not_approved(pages: Pages) -> None:
    pages.raised()
    path, send, _client = account(pages)
    answer = send(f"{path}/approval", item=[0], shown="something else", amount_cents=SUMS[0])
    assert answer.status_code == 409
    assert "nicht mehr aktuell" in plain(answer)


def test_a_decision_is_final(pages: Pages) -> None:
    extension = pages.raised()
    path, send, _client = account(pages)
    assert send(f"{path}/refusal", shown=digest_of(extension)).status_code == 303
    for step in ("approval", "refusal", "question"):
        fields = {"item": [0], "shown": digest_of(extension), "amount_cents": SUMS[0], "words": "x"}
        assert send(f"{path}/{step}", **fields).status_code == 409, step
    assert pages.extensions()[0].status is ExtensionStatus.DECLINED


def test_a_link_ends_kindly(pages: Pages, app: Flask) -> None:
    extension = pages.raised()
    path, send, client = link(pages)
    with pages.scene.later(hours=73):
        late = client.get(path)
        assert late.status_code == 410
        assert "nur drei Tage" in plain(late)
    send(f"{path}/refusal", shown=digest_of(extension))
    outcome = client.get(path)  # for who decided
    assert "Abgelehnt" in plain(outcome)
    assert f'href="/bookings/{pages.booking_id}"' in outcome.text
    elsewhere = app.test_client().get(path)
    assert elsewhere.status_code == 410
    assert "schon entschieden" in plain(elsewhere)
    assert "Bremsbeläge" not in elsewhere.text
    with pages.scene.later(hours=2):
        assert client.get(path).status_code == 410
    assert client.get("/e/made-up").status_code == 404


def test_a_link_is_kept_out_of_caches_and_search_engines(pages: Pages) -> None:
    pages.raised()
    path, _send, client = link(pages)
    headers = client.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"


def test_a_link_opens_nothing_else(pages: Pages) -> None:
    extension = pages.raised()
    _path, _send, client = link(pages)
    for path in (
        f"/extensions/{extension.id}",
        f"/bookings/{pages.booking_id}",
        f"/workshop/extensions/{extension.id}",
    ):
        assert client.get(path).status_code in (302, 303), path


def test_somebody_elses_extension_does_not_exist(app: Flask, pages: Pages, login: Callable[..., FlaskClient]) -> None:
    extension, other, person = pages.raised(), app.test_client(), make_customer()
    pages.scene.session.commit()
    login(person, on=other)
    path = f"/extensions/{extension.id}"
    for step in ("", "/sum", "/objection", "/payment"):
        assert other.get(f"{path}{step}").status_code == 404, step
    whole = {"item": [0], "shown": digest_of(extension), "amount_cents": SUMS[0], "words": "x"}
    for fields in (whole, {"item": [7]}, {}):
        for step in ("approval", "refusal", "question", "payment", "payment/page", "payment/account", "objection"):
            assert send_form(other, f"{path}/{step}", "/account", **fields).status_code == 404, (step, fields)
    assert pages.extensions()[0].status is ExtensionStatus.PENDING
    assert pages.customer.get(f"/extensions/{uuid.uuid4()}").status_code == 404


def approve_all(pages: Pages) -> Any:
    extension = pages.extensions()[-1]
    path = f"/extensions/{extension.id}"
    total = extension.total_amount
    return pages.by_customer(f"{path}/approval", item=[0, 1, 2], shown=digest_of(extension), amount_cents=total)


def test_without_a_card_the_customer_is_led_to_the_payment(pages: Pages) -> None:
    pages.raised()
    assert approve_all(pages).location.endswith("/payment")
    extension = pages.extensions()[0]
    assert extension.authorization_status in (AuthorizationStatus.REQUIRES_ACTION, AuthorizationStatus.FAILED)
    page = pages.customer.get(f"/extensions/{extension.id}/payment")
    assert "310,86 EUR auf der Zahlungsseite bestätigen" in plain(page)
    assert "Noch nicht beginnen" in plain(pages.staff.get(f"/workshop/extensions/{extension.id}"))


def test_by_the_link_nobody_sees_or_adds_a_card(pages: Pages) -> None:
    extension = pages.raised()
    path, send, client = link(pages)
    decided = {"item": [0], "shown": digest_of(extension), "amount_cents": SUMS[0]}
    assert send(f"{path}/approval", **decided).status_code == 303
    outcome = client.get(path)
    assert f'href="/extensions/{extension.id}/payment"' in outcome.text
    assert "Anmelden und 89,90 EUR bestätigen" in plain(outcome)
    assert send(f"{path}/payment/page").status_code == 404
    assert "/login" in client.get(f"/extensions/{extension.id}/payment").location


def test_the_payment_page_holds_the_money(pages: Pages, provider: Provider, login: Callable[..., FlaskClient]) -> None:
    pages.raised()
    approve_all(pages)
    extension = pages.extensions()[0]
    with pages.scene.at(datetime.now(UTC)):  # the provider's clock is not ours: its pages end within a day
        login(pages.booking.user, on=pages.customer)
        answer = pages.by_customer(f"/extensions/{extension.id}/payment/page")
        assert answer.status_code == 303, plain(answer)
        assert answer.location.startswith(provider.process.url)
        payment = latest_payment(PaymentPurpose.EXTENSION, extension.id)
        assert payment is not None
        provider.pay(payment)
        assert pages.customer.get(f"/extensions/{extension.id}/payment/return").status_code == 303
        assert pages.extensions()[0].authorization_status is AuthorizationStatus.AUTHORIZED
        assert "Der Betrag ist reserviert" in plain(pages.customer.get(f"/extensions/{extension.id}"))
    assert "kann gemacht werden" in plain(pages.staff.get(f"/workshop/extensions/{extension.id}"))


def test_another_saved_card_can_be_tried(pages: Pages, provider: Provider) -> None:
    ensure_customer(pages.booking.user_id)
    with command_transaction():
        save_method(provider, pages.booking.user, card="insufficient_funds")
    pages.raised()
    assert approve_all(pages).location.endswith("/payment")
    with command_transaction():
        other = save_method(provider, pages.booking.user, card="visa")
    path = f"/extensions/{pages.extensions()[0].id}"
    page = pages.customer.get(f"{path}/payment")
    assert str(other.id) in page.text
    assert pages.by_customer(f"{path}/payment").status_code == 422
    answer = pages.by_customer(f"{path}/payment", method=str(other.id))
    assert answer.location == path
    assert "Der Betrag ist reserviert" in plain(pages.customer.get(path))


def test_money_that_went_back_stands_beside_the_receipt(pages: Pages, provider: Provider, run_jobs: Any) -> None:
    ensure_customer(pages.booking.user_id)
    with command_transaction():
        save_method(provider, pages.booking.user, card="visa")
    pages.raised()
    approve_all(pages)
    complete(pages.scene, pages.booking, run_jobs)
    payment = latest_payment(PaymentPurpose.EXTENSION, pages.extensions()[0].id)
    assert payment is not None
    refund_by_hand(payment, 1000)
    sync_refunds(payment.id)
    page = pages.customer.get(f"/bookings/{pages.booking_id}")
    assert "Beleg über 310,86 EUR" in plain(page)
    assert "Erstattung 10,00 EUR" in plain(page)


def test_somebody_elses_card_is_not_taken(pages: Pages, provider: Provider) -> None:
    pages.raised()
    approve_all(pages)
    path = f"/extensions/{pages.extensions()[0].id}/payment"
    assert pages.by_customer(path, method=str(uuid.uuid4())).status_code == 422


def test_nobody_pays_twice(pages: Pages) -> None:
    extension = pages.raised()
    assert pages.customer.get(f"/extensions/{extension.id}/payment").status_code == 303
    answer = pages.by_customer(f"/extensions/{extension.id}/payment/page")
    assert answer.location == f"/extensions/{extension.id}"


def test_a_recorded_consent_can_be_objected_to(pages: Pages) -> None:
    extension = pages.raised()
    said = Consent("phone", "Rosa Ahorn", now_utc(), "Ja, machen Sie das.")
    commands.approve_on_consent(pages.scene.staff, extension.id, [0, 1], digest_of(extension), said)
    path = f"/extensions/{extension.id}"
    page = plain(pages.customer.get(path))
    assert "Ja, machen Sie das." in page
    assert "ich widerspreche" in page
    assert "238,90 EUR" in plain(pages.customer.get(f"{path}/objection"))
    assert pages.by_customer(f"{path}/objection").status_code == 303
    assert "widersprochen" in plain(pages.customer.get(path))
    assert "Nichts davon machen" in plain(pages.staff.get(f"/workshop/extensions/{extension.id}"))
    car = f"/workshop/bookings/{pages.booking_id}"
    for client, place, in_history in (
        (pages.customer, f"/bookings/{pages.booking_id}", 0),
        (pages.staff, car, 2),
        (pages.staff, f"{car}/completion", 0),
    ):
        shown = plain(client.get(place))
        assert ("Widersprochen" in shown, shown.count("Freigegeben")) == (True, in_history), place
    offered = ", ".join(item["name"] for item in extension.items[:2])
    assert f"Widerspruch, nicht machen: {offered} " in plain(pages.staff.get("/workshop"))
    assert pages.by_customer(f"{path}/objection").status_code == 409
    assert len(pages.scene.mails(NotificationKind.EXTENSION_STAFF_ALERT)) == 1


def test_what_was_declined_is_offered_again_at_the_cars_next_booking(pages: Pages) -> None:
    extension = pages.raised()
    _path, send, client = account(pages)
    send(f"/extensions/{extension.id}/approval", item=[0], shown=digest_of(extension), amount_cents=SUMS[0])
    again = pages.by_customer(f"/bookings/{pages.booking_id}/again").location
    draft = "/".join(again.split("/")[:3])
    page = plain(client.get(f"{draft}/service"))
    assert "Beim letzten Mal noch offen" in page
    assert "Bremsscheiben vorn damals 149,00 EUR ( 2 × 74,50 EUR )" in page
    assert "Motoröl" in page
    assert "Bremsbeläge vorn" not in page


def test_what_was_approved_and_not_done_is_offered_again_in_these_words(pages: Pages) -> None:
    pages.scene.approved(pages.booking, [0, 1])
    complete_work(pages.scene.staff, pages.booking_id)  # the money never came
    again = pages.by_customer(f"/bookings/{pages.booking_id}/again").location
    page = plain(pages.customer.get(f"{'/'.join(again.split('/')[:3])}/service"))
    assert "Bremsbeläge vorn damals 89,90 EUR, freigegeben am Di, 24. Nov., aber nicht gemacht" in page
    assert "Motoröl 5W-30 damals 71,96 EUR ( 4,5 × 15,99 EUR ), abgelehnt am Di, 24. Nov." in page


@both
def test_a_question_leaves_the_ticks_as_they_are(pages: Pages, door: Doors) -> None:
    pages.raised()
    path, send, client = door(pages)
    answer = send(f"{path}/question", words="Muss das sein?", item=[0, 2])
    assert answer.status_code == 303
    ticks = client.get(answer.location).text.split('id="decision"')[1].split("</form>")[0]
    assert ticks.count(" checked") == 2


def test_a_page_whose_link_ended_elsewhere_says_so_and_asks_no_more(pages: Pages) -> None:
    extension = pages.raised()
    path = f"/e/{pages.scene.token()}"
    pages.by_customer(f"/extensions/{extension.id}/refusal", shown=digest_of(extension))
    answer = pages.stranger.get(f"{path}?v=old", headers=HTMX)
    assert answer.status_code == 200
    assert "Dieser Link ist zu Ende" in plain(answer)
    assert f'href="{path}"' in answer.text
    assert "hx-get" not in answer.text
    assert pages.stranger.get(path).status_code == 410


def test_after_an_objection_both_pages_say_that_nothing_is_charged(pages: Pages) -> None:
    extension = pages.raised()
    given = Consent("phone", "Kim Beispiel", now_utc(), "Ja, bitte.")
    commands.approve_on_consent(pages.scene.staff, extension.id, [0], digest_of(extension), given)
    path = f"/extensions/{extension.id}"
    assert pages.by_customer(f"{path}/objection").status_code == 303
    customer, staff = plain(pages.customer.get(path)), plain(pages.staff.get(f"/workshop{path}"))
    for page in (customer, staff):
        assert "Widersprochen, davon wird nichts abgebucht" in page
        assert "MwSt. (19" not in page
    assert "Freigegeben" not in customer
    assert "Freigegeben" not in staff
