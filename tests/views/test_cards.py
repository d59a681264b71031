"""A customer's saved cards: shown, chosen, removed here and at the provider; nobody sees another's."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.payments.commands import add_payment, settle_payment
from b2c_web.payments.gateway import gateway
from b2c_web.payments.models import PaymentMethod, PaymentPurpose
from b2c_web.payments.queries import methods_of
from tests.factories import make_customer, make_user
from tests.paying import Provider, Purpose, open_page
from tests.views.browsing import send, token_on

PAGE = "/account/cards"


@pytest.fixture
def user(session: Any) -> User:
    return make_customer()


def _pay_with(user: User, provider: Provider, session: Any, card: str) -> PaymentMethod:
    until = clock.now_utc() + timedelta(minutes=30)
    payment = add_payment(PaymentPurpose.BOOKING, Purpose().id, user.id, 28800, until)
    session.commit()
    open_page(payment)
    provider.pay(payment, card=card)
    settle_payment(payment.id)
    return max(methods_of(user), key=lambda method: method.id)


@pytest.fixture
def cards(user: User, provider: Provider, purpose: Purpose, session: Any) -> list[PaymentMethod]:
    """A visa, the default, and a mastercard."""
    return [_pay_with(user, provider, session, card) for card in ("visa", "mastercard")]


def test_saved_cards_are_shown_without_more_than_is_needed(
    client: FlaskClient, login: Any, user: User, cards: list[PaymentMethod]
) -> None:
    page = login(user).get(PAGE).text
    assert "Visa\u00a0••••\u00a04242" in page and "Mastercard\u00a0••••\u00a04444" in page
    assert "2 Zahlungsarten sind gespeichert." in page
    assert f"gültig bis 12/{cards[0].card_exp_year}" in page
    assert cards[0].stripe_payment_method_id not in page
    assert page.index("Zuerst</span>") < page.index("Mastercard")


def test_without_cards_the_page_says_how_one_gets_there(login: Any, user: User, session: Any) -> None:
    session.commit()
    page = login(user).get(PAGE).text
    assert "Noch keine Karte" in page and "Termin buchen" in page
    english = login(user)
    with english.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "No card yet" in english.get(PAGE).text


def test_another_card_becomes_the_first_one_at_the_provider_too(
    login: Any, user: User, cards: list[PaymentMethod], session: Any, run_jobs: Any
) -> None:
    client = login(user)
    token = token_on(client, PAGE)
    answer = client.post(f"{PAGE}/{cards[1].id}/default", data={"csrf_token": token})
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert [each.is_default for each in cards] == [False, True]
    assert "Diese Zahlungsart nehmen wir ab jetzt zuerst." in client.get(PAGE).text
    run_jobs({"payments.push_default"})
    customer = _customer(user)
    assert customer["invoice_settings"]["default_payment_method"] == cards[1].stripe_payment_method_id


def _customer(user: User) -> dict[str, Any]:
    api = gateway()._client  # type: ignore[attr-defined]
    return dict(api.customers.retrieve(str(user.stripe_customer_id)).to_dict())


def test_removing_asks_first_and_detaches_at_the_provider(
    login: Any, user: User, cards: list[PaymentMethod], run_jobs: Any
) -> None:
    client = login(user)
    path = f"{PAGE}/{cards[0].id}/removal"
    asked = client.get(path).text
    assert "Visa\u00a0••••\u00a04242 löschen?" in asked and "Endgültig löschen" in asked
    assert len(methods_of(user)) == 2
    answer = send(client, path)
    assert (answer.status_code, answer.location) == (303, PAGE)
    page = client.get(PAGE).text
    assert "ist gelöscht, bei uns und beim Zahlungsdienst." in page
    assert "Eine Zahlungsart ist gespeichert." in page
    assert [(each.id, each.is_default) for each in methods_of(user)] == [(cards[1].id, True)]
    run_jobs({"payments.detach_method", "payments.push_default"})
    assert [each.id for each in gateway().list_methods(str(user.stripe_customer_id))] == [
        cards[1].stripe_payment_method_id
    ]
    assert cards[0].detached_at is not None
    assert client.get(path).status_code == 404


def test_removal_outlives_a_provider_that_is_away(
    login: Any, user: User, cards: list[PaymentMethod], provider: Provider, run_jobs: Any
) -> None:
    client = login(user)
    assert send(client, f"{PAGE}/{cards[1].id}/removal").status_code == 303
    provider.misbehave("drop", "/v1/payment_methods")
    with pytest.raises(Exception, match="PaymentUncertain"):
        run_jobs({"payments.detach_method"})
    assert cards[1].detached_at is None
    run_jobs({"payments.detach_method"})
    assert cards[1].detached_at is not None


def test_a_card_typed_in_again_after_removal_is_saved_again(
    login: Any, user: User, cards: list[PaymentMethod], provider: Provider, session: Any, run_jobs: Any
) -> None:
    send(login(user), f"{PAGE}/{cards[0].id}/removal")
    run_jobs({"payments.detach_method"})
    again = _pay_with(user, provider, session, "visa")
    assert again.id != cards[0].id
    assert {each.id for each in methods_of(user)} == {again.id, cards[1].id}


def test_nobody_touches_anothers_card(login: Any, user: User, cards: list[PaymentMethod], session: Any) -> None:
    stranger = make_customer()
    session.commit()
    client = login(stranger)
    assert "4242" not in client.get(PAGE).text
    token = token_on(client, "/account")
    for path in (f"{PAGE}/{cards[1].id}/default", f"{PAGE}/{cards[1].id}/removal"):
        assert client.post(path, data={"csrf_token": token}).status_code == 404
    assert client.get(f"{PAGE}/{cards[1].id}/removal").status_code == 404
    assert [each.is_active for each in cards] == [True, True]


def test_cards_are_for_signed_in_customers_and_posts_need_their_token(
    client: FlaskClient, login: Any, user: User, cards: list[PaymentMethod], session: Any
) -> None:
    assert client.get(PAGE).status_code in (302, 303)
    signed_in = login(user)
    assert signed_in.post(f"{PAGE}/{cards[1].id}/default").status_code == 400
    assert signed_in.post(f"{PAGE}/{cards[1].id}/removal").status_code in (400, 422)
    assert [each.is_active for each in cards] == [True, True]
    staff = make_user(Role.WORKSHOP)
    session.commit()
    assert login(staff).get(PAGE).status_code == 404
