"""On the phone: the card is declined, an account is saved and chosen instead, charged when the work is done; and the
account whose debit comes back.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.extensions import checks as extension_checks
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.operations.models import FailedOperation
from b2c_web.payments import checks as payment_checks
from b2c_web.payments.commands import reconcile
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState
from b2c_web.payments.queries import payments_of
from tests.browser import test_extension
from tests.browser.inspecting import Inspector, looks_at
from tests.browser.person import Person, text
from tests.browser.test_extension import Garage

garage = test_extension.garage
Auth = AuthorizationStatus
WORKS, COMES_BACK = "DE89 3704 0044 0532 0130 00", "DE62 3704 0044 0532 0130 01"
SUM = "439,98 EUR"
DEBIT_SECONDS = 601


@pytest.fixture
def declined(garage: Garage) -> Garage:
    """Two items are approved, and the bank declines the saved card."""
    garage.raise_offer()
    phone = garage.rosa.page
    garage.site.simulator.control("POST", "faults", kind="decline", decline_code="insufficient_funds")
    garage.rosa.go(f"/extensions/{garage.extension().id}")
    for item, ticked in enumerate(("189,99 EUR", SUM)):
        phone.locator(f"label[for=item-{item}]").click()
        expect(phone.locator("#sum-bar button")).to_have_text(f"{ticked} freigeben")
    phone.locator("#sum-bar button").click()
    phone.wait_for_url(re.compile("/payment$"))
    return garage


def save_account(garage: Garage, iban: str) -> None:
    """From the payment of the work to the provider's page and back."""
    phone = garage.rosa.page
    phone.get_by_role("button", name="SEPA-Konto hinterlegen").click()
    phone.wait_for_url(f"{garage.site.simulator.url}/**")
    expect(phone.locator("body")).to_contain_text("Hier fließt kein Geld")
    expect(phone.locator("body")).to_contain_text("SEPA-Lastschriftmandat")
    phone.fill("input[name=holder]", "Rosa Ahorn")
    phone.fill("input[name=iban]", iban)
    phone.get_by_role("button", name="Konto speichern (Demo)").click()
    phone.wait_for_url(re.compile(r"/payment\?method="))


def say_yes(garage: Garage) -> None:
    phone = garage.rosa.page
    phone.get_by_role("button", name="Ja, damit zahlen, wenn die Arbeit fertig ist").click()
    expect(phone.locator("#outcome")).to_contain_text("per Lastschrift ein, sobald die Arbeit fertig ist")


def complete(garage: Garage) -> None:
    tablet = garage.bella.page
    garage.bella.go(f"/workshop/bookings/{garage.booking_id}/completion")
    tablet.get_by_role("button", name=f"Fertig melden, {SUM} werden eingezogen").click()
    tablet.wait_for_url(re.compile(f"/workshop/bookings/{garage.booking_id}$"))
    garage.site.work()


def money(garage: Garage) -> tuple[AuthorizationStatus, BookingStatus]:
    extension_id = garage.extension().id
    with garage.site.data() as session:
        extension = session.get(Extension, extension_id)
        return extension.authorization_status, session.get(Booking, garage.booking_id).status


def payments(garage: Garage) -> list[tuple[PaymentState, int]]:
    extension_id = garage.extension().id
    with garage.site.data():
        found: list[Payment] = list(payments_of(PaymentPurpose.EXTENSION, extension_id))
        return [(one.state, one.captured_cents) for one in found]


def nothing_is_wrong(garage: Garage) -> None:
    with garage.site.data():
        assert reconcile() == []
        # the site's booking is made by hand and was never paid, so that only the checks of this part count
        checks = (*payment_checks.CHECKS, *extension_checks.CHECKS)
        assert [found for found in (check() for check in checks) if found.count] == []


def test_an_account_pays_after_the_card_was_declined(declined: Garage) -> None:
    phone, tablet = declined.rosa.page, declined.bella.page
    expect(phone.locator("h1")).to_have_text(f"Womit möchten Sie {SUM} zahlen?")
    said = text(phone.locator("main"))
    for words in ("nicht genug Geld", "können wir sofort beginnen", "kann zurückkommen", "bucht nichts ab"):
        assert words in said, words
    save_account(declined, WORKS)
    expect(phone.locator("body")).to_contain_text("3000 ist gespeichert. Abgebucht ist nichts.")
    expect(phone.locator("input[name=method]:checked + label")).to_contain_text("3000")
    assert money(declined)[0] is Auth.FAILED
    say_yes(declined)
    assert money(declined) == (Auth.AUTHORIZED, BookingStatus.IN_WORKSHOP)
    expect(tablet.locator("#begin")).to_contain_text("kann gemacht werden")  # without reloading
    complete(declined)
    assert money(declined) == (Auth.PROCESSING, BookingStatus.READY_FOR_RETURN)
    expect(phone.locator("#outcome")).to_contain_text("Ihre Bank verarbeitet die Zahlung")  # without reloading
    declined.site.simulator.advance(DEBIT_SECONDS)
    declined.site.work()
    assert money(declined) == (Auth.CAPTURED, BookingStatus.READY_FOR_RETURN)
    assert payments(declined) == [(PaymentState.FAILED, 0), (PaymentState.SUCCEEDED, 43998)]
    declined.rosa.go(f"/extensions/{declined.extension().id}")
    expect(phone.locator("#outcome")).to_contain_text("439,98 EUR sind abgebucht")
    nothing_is_wrong(declined)


def test_an_account_whose_debit_comes_back_is_an_open_debt(declined: Garage) -> None:
    save_account(declined, COMES_BACK)
    say_yes(declined)
    complete(declined)
    assert money(declined) == (Auth.PROCESSING, BookingStatus.READY_FOR_RETURN)
    declined.site.simulator.advance(DEBIT_SECONDS)
    declined.site.work()
    assert money(declined) == (Auth.FAILED, BookingStatus.READY_FOR_RETURN)
    with declined.site.data() as session:
        debts = session.query(FailedOperation).filter_by(operation="payments.debt").all()
        assert [debt.payload["amount_cents"] for debt in debts] == [43998]
    declined.rosa.go(f"/extensions/{declined.extension().id}")
    expect(declined.rosa.page.locator("#outcome")).to_contain_text("ist noch offen. Wir melden uns bei Ihnen.")
    nothing_is_wrong(declined)


@looks_at("extensions.payment")
def test_the_pages_where_it_is_chosen(declined: Garage) -> None:
    looking = Inspector(declined.rosa)
    looking.look()
    declined.rosa.page.set_viewport_size({"width": 390, "height": 844})
    save_account(declined, WORKS)
    looking.look()
    looking.look_at(urlsplit(declined.rosa.page.url).path, "/account/cards")


def test_without_script_an_account_is_saved_on_the_account_page(meet: Callable[..., Person]) -> None:
    plain = meet(javascript=False)
    plain.is_signed_in()
    page = plain.page
    plain.go("/account/cards")
    page.get_by_role("button", name="SEPA-Konto hinterlegen").click()
    page.fill("input[name=holder]", "Rosa Ahorn")
    page.fill("input[name=iban]", WORKS)
    page.get_by_role("button", name="Konto speichern (Demo)").click()
    page.wait_for_url(re.compile("/account/cards$"))
    assert "3000 ist gespeichert. Abgebucht ist nichts." in text(page.locator("body"))
    assert "Mandat" in text(page.locator("main"))
