"""A customer saves a SEPA account or a card on the account page, or an account for work that waits for its payment."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.payments.commands import add_payment, ensure_customer, hold_payment, open_checkout
from b2c_web.payments.gateway import gateway
from b2c_web.payments.models import PaymentPurpose, PaymentState
from b2c_web.payments.queries import latest_payment, methods_of
from b2c_web.payments.setup_models import MethodSetup, SetupState
from tests.commands.extending import Extending
from tests.factories import make_customer
from tests.paying import PAGE, Provider, Purpose, save_method
from tests.views.browsing import send, token_on
from tests.views.extending import Pages, plain

Login = Callable[..., FlaskClient]
LIST = "/account/cards"


@pytest.fixture
def user(session: Any, provider: Provider) -> User:
    user = make_customer()
    session.commit()
    return user


def newest(session: Any) -> MethodSetup:
    session.expire_all()
    found = session.scalars(select(MethodSetup).order_by(MethodSetup.id.desc())).first()
    assert found is not None
    return found


def saved_on(provider: Provider, setup: MethodSetup, **how: Any) -> str:
    """The customer fills in the page; where the browser goes then."""
    answer = provider.process.pay(str(setup.stripe_checkout_session_id), **(how or {"account": "sepa"}))
    parts = urlsplit(answer["url"])
    return f"{parts.path}?{parts.query}"


def in_english(client: FlaskClient) -> FlaskClient:
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    return client


# the account page


def test_an_account_is_saved_and_shown_with_its_mandate(
    login: Login, user: User, provider: Provider, session: Any
) -> None:
    client = login(user)
    assert "Noch keine Karte" in client.get(LIST).text
    answer = send(client, f"{LIST}/new", LIST, kind="sepa_debit")
    assert answer.status_code == 303 and answer.location.startswith(provider.process.url)
    setup = newest(session)
    assert answer.location == setup.checkout_url
    back = saved_on(provider, setup)
    answer = client.get(back)
    assert (answer.status_code, answer.location) == (303, LIST)
    page = plain(client.get(LIST))
    assert "SEPA-Lastschrift •••• 3000 ist gespeichert. Abgebucht ist nichts." in page
    (method,) = methods_of(user)
    assert f"Mandat {method.mandate_reference}" in page
    assert "Die Buchung selbst zahlen Sie mit Karte." in page
    assert provider.count("payment_intent") == 0


def test_a_card_is_saved_in_english(login: Login, user: User, provider: Provider, session: Any) -> None:
    client = in_english(login(user))
    page = plain(client.get(LIST))
    assert "Add a SEPA account" in page and "A direct debit can come back" in page
    send(client, f"{LIST}/new", LIST, kind="card")
    setup = newest(session)
    hosted = plain_text(provider, setup)
    assert "Nothing is charged today" in hosted and "Later we may only charge what you book or approve." in hosted
    client.get(saved_on(provider, setup, card="visa"))
    assert "Visa •••• 4242 is saved. Nothing has been charged." in plain(client.get(LIST))


def plain_text(provider: Provider, setup: MethodSetup) -> str:
    return provider.process.request("GET", f"/c/pay/{setup.stripe_checkout_session_id}")[1].replace("\u00a0", " ")


@pytest.mark.parametrize("kind", ["", "paypal", "sepa_debit; drop"])
def test_a_kind_that_there_is_not_is_refused(login: Login, user: User, provider: Provider, kind: str) -> None:
    answer = send(login(user), f"{LIST}/new", LIST, kind=kind)
    assert answer.status_code == 422
    assert provider.count("checkout.session") == 0


def test_coming_back_without_having_saved(login: Login, user: User, provider: Provider, session: Any) -> None:
    client = login(user)
    send(client, f"{LIST}/new", LIST, kind="sepa_debit")
    setup = newest(session)
    client.get(f"{LIST}/return?setup={setup.id}")
    assert "Die Bestätigung steht noch aus." in plain(client.get(LIST))
    provider.process.advance(3700)
    client.get(f"{LIST}/return?setup={setup.id}")
    assert "Gespeichert wurde nichts." in plain(client.get(LIST))
    for junk in ("", "?setup=", "?setup=made-up"):
        assert client.get(f"{LIST}/return{junk}").location == LIST


def test_coming_back_while_the_provider_is_silent(login: Login, user: User, provider: Provider, session: Any) -> None:
    client = login(user)
    send(client, f"{LIST}/new", LIST, kind="sepa_debit")
    back = saved_on(provider, newest(session))
    provider.misbehave("drop", "/v1/checkout/sessions", method="GET")
    assert client.get(back).status_code == 303
    assert "Die Bestätigung steht noch aus." in plain(client.get(LIST))
    client.get(back)
    assert "ist gespeichert" in plain(client.get(LIST))


def test_a_silent_provider_is_said_kindly_and_the_next_try_works(login: Login, user: User, provider: Provider) -> None:
    client = login(user)
    provider.misbehave("drop", "/v1/checkout/sessions")
    answer = send(client, f"{LIST}/new", LIST, kind="sepa_debit")
    assert answer.status_code == 503 and "Der Zahlungsdienst antwortet gerade nicht." in plain(answer)
    assert send(client, f"{LIST}/new", LIST, kind="sepa_debit").status_code == 303
    assert provider.count("checkout.session") == 1


def test_nobody_comes_back_from_another_persons_page(
    app: Flask, login: Login, user: User, provider: Provider, session: Any
) -> None:
    send(login(user), f"{LIST}/new", LIST, kind="sepa_debit")
    setup = newest(session)
    back = saved_on(provider, setup)
    stranger = make_customer()
    session.commit()
    client = login(stranger, on=app.test_client())
    assert client.get(back).status_code == 404
    assert (methods_of(stranger), methods_of(user), newest(session).state) == ([], [], SetupState.OPEN)


def test_an_account_can_come_first_and_be_removed(login: Login, user: User, provider: Provider, run_jobs: Any) -> None:
    ensure_customer(user.id)
    with command_transaction():
        save_method(provider, user, card="visa")
        account = save_method(provider, user, account="sepa")
    client = login(user)
    send(client, f"{LIST}/{account.id}/default", LIST)
    page = client.get(LIST)
    assert "Diese Zahlungsart nehmen wir ab jetzt zuerst." in plain(page)
    assert page.text.index("3000") < page.text.index("4242")
    assert send(client, f"{LIST}/{account.id}/removal").status_code == 303
    run_jobs({"payments.detach_method", "payments.push_default"})
    left = [each.type for each in gateway().list_methods(str(user.stripe_customer_id))]
    assert left == ["card"]


def test_an_account_that_work_is_promised_on_stays(
    login: Login, user: User, provider: Provider, work: Purpose, run_jobs: Any
) -> None:
    ensure_customer(user.id)
    with command_transaction():
        account = save_method(provider, user, account="sepa")
        hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, 10_000, method_id=account.id)
    with clock.frozen(clock.now_utc() + timedelta(seconds=6)):
        run_jobs({"payments.authorize"})
    answer = send(login(user), f"{LIST}/{account.id}/removal")
    assert answer.status_code == 409
    assert "Löschen können Sie es, sobald sie bezahlt ist." in plain(answer)
    assert [each.id for each in methods_of(user)] == [account.id]


def test_a_booking_is_never_offered_an_account(user: User, provider: Provider, purpose: Purpose, session: Any) -> None:
    """It could not confirm in time: neither a saved account nor a new one is on the page, whatever comes first."""
    ensure_customer(user.id)
    with command_transaction():
        account = save_method(provider, user, account="sepa")
        until = clock.now_utc() + timedelta(minutes=30)
        payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, 28800, until)
    assert account.is_default
    open_checkout(payment.id, **PAGE)
    path = f"/c/pay/{payment.stripe_checkout_session_id}"
    page = provider.process.request("GET", path)[1]
    assert 'name="iban"' not in page and "3000" not in page
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    taken = provider.process.request("POST", path, f"saved={account.stripe_payment_method_id}", form)
    assert taken[0] == 422
    assert payment.state is PaymentState.OPEN


# work that waits for its payment


@pytest.fixture
def pages(app: Flask, session: Any, login: Login, provider: Provider) -> Pages:
    """A car in the workshop; the provider's clock is not ours, so that everything happens now."""
    first = clock.now_utc().date() + timedelta(days=2)
    while first.weekday() > 4:
        first += timedelta(days=1)
    scene = Extending(session, clock.frozen, first=first)
    return Pages(app, scene, login, scene.in_workshop())


@pytest.fixture
def declined(pages: Pages, provider: Provider, login: Login) -> Extension:
    """Approved on a card that the bank refuses."""
    booking = pages.booking
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, booking.user, card="fails_later")
    extension = pages.scene.held(booking)
    assert extension.authorization_status is AuthorizationStatus.FAILED
    login(booking.user, on=pages.customer)
    return extension


def test_a_declined_card_leads_to_an_account_that_is_asked_about_again(
    pages: Pages, declined: Extension, provider: Provider, session: Any
) -> None:
    path = f"/extensions/{declined.id}"
    assert "Andere Zahlungsart nehmen" in plain(pages.customer.get(path))
    words = plain(pages.customer.get(f"{path}/payment"))
    assert "Womit möchten Sie 238,90 EUR zahlen?" in words
    for said in ("erst, wenn die freigegebene Arbeit fertig ist", "kann zurückkommen", "können wir sofort beginnen"):
        assert said in words
    answer = pages.by_customer(f"{path}/payment/account")
    assert answer.status_code == 303 and answer.location.startswith(provider.process.url)
    answer = pages.customer.get(saved_on(provider, newest(session)))
    account = next(each for each in methods_of(pages.booking.user) if each.type == "sepa_debit")
    assert answer.location == f"{path}/payment?method={account.id}"
    page = pages.customer.get(answer.location)
    assert "SEPA-Lastschrift •••• 3000 ist gespeichert. Abgebucht ist nichts." in plain(page)
    assert re.search(rf'<input[^>]*checked[^>]*value="{account.id}"', page.text)
    fresh = pages.scene.fresh(declined.id)
    assert fresh.authorization_status is AuthorizationStatus.FAILED  # saving says nothing
    assert provider.count("charge") == 1  # the declined one
    assert pages.by_customer(f"{path}/payment", method=str(account.id)).location == path
    fresh = pages.scene.fresh(declined.id)
    assert (fresh.authorization_status, fresh.by_mandate) == (AuthorizationStatus.AUTHORIZED, True)
    assert "per Lastschrift ein, sobald die Arbeit fertig ist" in plain(pages.customer.get(path))
    assert "kann gemacht werden" in plain(pages.staff.get(f"/workshop/extensions/{declined.id}"))
    payment = latest_payment(PaymentPurpose.EXTENSION, declined.id)
    assert payment is not None and payment.authorized_cents == 0


def test_a_saved_account_is_offered_and_the_wrong_one_is_not_taken(
    pages: Pages, declined: Extension, provider: Provider, session: Any
) -> None:
    stranger = make_customer()
    session.commit()
    ensure_customer(stranger.id)
    with command_transaction():
        mine = save_method(provider, pages.booking.user, account="sepa")
        theirs = save_method(provider, stranger, account="sepa")
    path = f"/extensions/{declined.id}/payment"
    page = pages.customer.get(f"{path}?method={theirs.id}").text
    assert f'value="{mine.id}"' in page and f'value="{theirs.id}"' not in page
    assert pages.by_customer(path, method=str(theirs.id)).status_code == 422
    assert pages.by_customer(path, method=str(mine.id)).status_code == 303


def test_nobody_elses_extension_and_nobody_elses_page(
    app: Flask, pages: Pages, declined: Extension, provider: Provider, login: Login, session: Any
) -> None:
    stranger = make_customer()
    session.commit()
    client = login(stranger, on=app.test_client())
    path = f"/extensions/{declined.id}/payment/account"
    assert client.post(path, data={"csrf_token": token_on(client, "/account/profile")}).status_code == 404
    send(client, f"{LIST}/new", LIST, kind="sepa_debit")
    theirs = newest(session)
    saved_on(provider, theirs)
    assert client.get(f"{path}/return?setup={theirs.id}").status_code == 404
    assert pages.customer.get(f"{path}/return?setup={theirs.id}").status_code == 404
    assert pages.customer.get(f"{path}/return").location == f"/extensions/{declined.id}/payment"
    assert "sepa_debit" not in {each.type for each in methods_of(pages.booking.user)}


def test_there_is_no_page_for_what_is_paid_already(
    pages: Pages, declined: Extension, provider: Provider, session: Any
) -> None:
    with command_transaction():
        card = save_method(provider, pages.booking.user, card="visa")
    path = f"/extensions/{declined.id}"
    pages.by_customer(f"{path}/payment/account")
    back = saved_on(provider, newest(session))
    pages.by_customer(f"{path}/payment", method=str(card.id))
    assert pages.by_customer(f"{path}/payment/account").location == path
    answer = pages.customer.get(back)  # what was saved meanwhile is kept, and nothing more is asked
    assert pages.customer.get(answer.location).location == path
    payment = latest_payment(PaymentPurpose.EXTENSION, declined.id)
    assert payment is not None and payment.method_id == card.id
    assert {each.type for each in methods_of(pages.booking.user)} == {"card", "sepa_debit"}


def test_the_bank_wants_the_customer_who_takes_the_account_instead(
    pages: Pages, provider: Provider, login: Login
) -> None:
    booking = pages.booking
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, booking.user, card="authenticate_always")
        account = save_method(provider, booking.user, account="sepa")
    extension = pages.scene.held(booking)
    assert extension.authorization_status is AuthorizationStatus.REQUIRES_ACTION
    login(booking.user, on=pages.customer)
    path = f"/extensions/{extension.id}/payment"
    assert pages.by_customer(f"{path}/page").status_code == 303  # the payment page is open, and left
    assert pages.by_customer(path, method=str(account.id)).status_code == 303
    fresh = pages.scene.fresh(extension.id)
    assert (fresh.authorization_status, fresh.by_mandate) == (AuthorizationStatus.AUTHORIZED, True)
