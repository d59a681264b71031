"""The sum on the customer's page: the order and the approved extra work, and what of it is paid or only reserved."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web import formatting
from b2c_web.bookings import extra_work
from b2c_web.bookings.commands import cancel_by_staff, complete_work, rework
from b2c_web.db import command_transaction
from b2c_web.extensions import commands
from b2c_web.extensions.items import Consent, Item, Offer
from b2c_web.extensions.models import Extension
from b2c_web.extensions.queries import digest_of
from b2c_web.payments.capturing import MAX_TRIES
from b2c_web.payments.commands import capture_held, ensure_customer, make_default, sync_refunds
from b2c_web.payments.gateway import PaymentProviderError, gateway
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment, payments_of
from tests.commands.extending import SUMS, Extending, complete, mark_not_done
from tests.paying import Provider, refund_by_hand, save_method
from tests.views.extending import HTMX, Pages, plain
from tests.views.test_workshop_board import counted

TWO = SUMS[0] + SUMS[1]


@pytest.fixture
def pages(app: Flask, session: Any, frozen_clock: Any, login: Callable[..., FlaskClient], provider: Provider) -> Pages:
    scene = Extending(session, frozen_clock)
    booking = scene.in_workshop(standing_limit_cents=25_000)
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, booking.user, card="visa")
    return Pages(app, scene, login, booking)


def price_panel(pages: Pages) -> str:
    page = plain(pages.customer.get(f"/bookings/{pages.booking_id}"))
    return page.split("Preis und Zahlung")[1].split("Ändern oder stornieren")[0]


def euro(cents: int) -> str:
    return formatting.eur(cents).replace("\u00a0", " ")


def total(pages: Pages, extra_cents: int = 0) -> str:
    return f"Gesamt {euro(pages.booking.total_price + extra_cents)}"


def paid(pages: Pages, extra_cents: int = 0) -> str:
    return f"davon bezahlt {euro(pages.booking.total_price + extra_cents)}"


def test_what_is_only_reserved_stands_in_the_sum_and_is_not_called_paid(pages: Pages) -> None:
    assert total(pages) in price_panel(pages)
    assert "davon" not in price_panel(pages)
    pages.scene.held(pages.booking)
    shown = price_panel(pages)
    assert f"Zusätzlich: Bremsbeläge vorn, Bremsscheiben vorn {euro(TWO)}" in shown
    assert total(pages, TWO) in shown
    assert paid(pages) in shown
    assert f"davon nur reserviert, noch nicht abgebucht {euro(TWO)}" in shown
    assert shown.split("davon")[0].count("Bezahlt") == 0  # the badge would say it of the whole


def test_what_was_taken_is_paid_and_what_was_not_done_costs_nothing(pages: Pages, run_jobs: Any) -> None:
    extension = pages.scene.held(pages.booking)
    mark_not_done(pages.scene.staff, extension.id, [1])
    assert f"Zusätzlich: Bremsbeläge vorn {euro(SUMS[0])}" in price_panel(pages)
    complete_work(pages.scene.staff, pages.booking_id)
    assert f"davon wird gerade abgebucht {euro(SUMS[0])}" in price_panel(pages)
    run_jobs({"payments.capture"})
    shown = price_panel(pages)
    assert total(pages, SUMS[0]) in shown
    assert paid(pages, SUMS[0]) in shown
    assert "reserviert" not in shown
    assert "Bezahlt" in shown


def test_nothing_of_what_is_open_declined_withdrawn_or_released_counts(pages: Pages) -> None:
    extension = pages.raised()
    assert total(pages) in price_panel(pages)
    commands.decline(pages.booking.user, extension.id, "", digest_of(extension))
    withdrawn = pages.raised()
    commands.withdraw_extension(pages.scene.staff, withdrawn.id, "Irrtum")
    undone = pages.scene.held(pages.booking, [0])
    mark_not_done(pages.scene.staff, undone.id, [0])
    objected = pages.raised()
    said = Consent("phone", "Rosa Ahorn", pages.booking.workshop_checkin_at, "Ja.")
    commands.approve_on_consent(pages.scene.staff, objected.id, [0], digest_of(objected), said)
    commands.object_to(pages.booking.user, objected.id)
    shown = price_panel(pages)
    assert total(pages) in shown
    assert "Zusätzlich" not in shown
    assert "davon" not in shown


def test_several_add_up_from_one_statement_and_vat_is_rounded_once_per_document(pages: Pages) -> None:
    for cents in (1111, 2222, 3333):
        pages.scene.held(pages.booking, [0], Offer("Noch etwas", (Item(f"Teil {cents}", cents),)))
    booking = pages.booking
    with counted() as statements:
        costs = extra_work.costs_of(booking)
    assert len(statements) == 1
    facts = extra_work.sum_facts(booking, costs, 19)
    assert [cost.cents for cost in costs] == [1111, 2222, 3333]
    assert facts["sum_cents"] == booking.total_price + 6666
    assert facts["vat_cents"] == round(booking.total_price * 19 / 119) + 177 + 355 + 532
    assert total(pages, 6666) in price_panel(pages)


def test_without_money_held_and_without_money_taken_it_says_so(pages: Pages, provider: Provider) -> None:
    with command_transaction():
        broken = save_method(provider, pages.booking.user, card="insufficient_funds")
    make_default(pages.booking.user, broken.id)
    pages.scene.held(pages.booking)
    assert f"davon freigegeben, noch nicht reserviert {euro(TWO)}" in price_panel(pages)


def test_a_debt_is_open(pages: Pages) -> None:
    extension = pages.scene.held(pages.booking)
    complete_work(pages.scene.staff, pages.booking_id)
    held = payments_of(PaymentPurpose.EXTENSION, extension.id)[0]
    gateway().release(str(held.stripe_payment_intent_id), "release-by-hand")
    capture_held(held.id)
    assert f"davon noch offen {euro(TWO)}" in price_panel(pages)
    rework(pages.scene.staff, pages.booking_id, "Die Bremse quietscht noch.")
    assert f"davon noch offen {euro(TWO)}" in price_panel(pages)
    cancel_by_staff(pages.scene.staff, pages.booking_id, keep_cents=0, reason="Kunde will nicht mehr")
    assert f"davon noch offen {euro(TWO)}" in plain(pages.customer.get(f"/bookings/{pages.booking_id}"))


def test_what_is_asked_for_again_is_taken_and_no_debt_meanwhile(pages: Pages, provider: Provider) -> None:
    extension = pages.scene.held(pages.booking)
    provider.misbehave(
        "error", "/v1/payment_intents/*/capture", status=402, times=None, decline_code="processing_error"
    )
    complete_work(pages.scene.staff, pages.booking_id)
    payment = latest_payment(PaymentPurpose.EXTENSION, extension.id)
    assert payment is not None
    for _try in range(MAX_TRIES - 1):
        with pytest.raises(PaymentProviderError):
            capture_held(payment.id)
    capture_held(payment.id)
    assert f"davon noch offen {euro(TWO)}" in price_panel(pages)
    rework(pages.scene.staff, pages.booking_id, "Die Bremse quietscht noch.")
    assert "noch offen" not in price_panel(pages)
    assert f"davon nur reserviert, noch nicht abgebucht {euro(TWO)}" in price_panel(pages)
    complete_work(pages.scene.staff, pages.booking_id)
    assert f"davon wird gerade abgebucht {euro(TWO)}" in price_panel(pages)


def test_a_mandate_is_agreed_and_holds_nothing(pages: Pages, provider: Provider) -> None:
    with command_transaction():
        account = save_method(provider, pages.booking.user, account="sepa")
    make_default(pages.booking.user, account.id)
    pages.scene.held(pages.booking)
    assert f"davon per Lastschrift zugesagt, noch nicht abgebucht {euro(TWO)}" in price_panel(pages)


def test_what_went_back_of_it_is_said(pages: Pages, run_jobs: Any) -> None:
    extension = pages.scene.held(pages.booking)
    complete(pages.scene, pages.booking, run_jobs)
    payment = latest_payment(PaymentPurpose.EXTENSION, extension.id)
    assert payment is not None
    refund_by_hand(payment, 1000)
    sync_refunds(payment.id)
    assert "10,00 EUR zurück an Sie Erstattet" in price_panel(pages)


def test_the_page_that_is_open_follows(pages: Pages) -> None:
    path = f"/bookings/{pages.booking_id}"
    seen = pages.customer.get(path).text.split("seen=")[1].split('"')[0].split("&")[0]
    assert pages.customer.get(f"{path}?seen={seen}", headers=HTMX).status_code == 204
    extension: Extension = pages.raised()
    pages.scene.approve(extension, [0])
    assert f"Zusätzlich: Bremsbeläge vorn {euro(SUMS[0])}" in plain(
        pages.customer.get(f"{path}?seen={seen}", headers=HTMX)
    )
