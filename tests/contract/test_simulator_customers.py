"""Customers, their payment methods, and who may ask."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.contract.simulator_process import SimulatorProcess


def test_a_customer_is_made_changed_and_forgotten(client: stripe.StripeClient, customer: Any) -> None:
    client.v1.customers.update(customer.id, {"metadata": {"id": "7", "lang": "de"}, "phone": "+49 231 1"})
    changed = client.v1.customers.update(customer.id, {"metadata": {"lang": ""}, "name": ""})

    assert (changed.email, changed.name, changed.phone) == ("kundin@example.com", None, "+49 231 1")
    assert changed.metadata.to_dict() == {"id": "7"}
    assert [each.id for each in client.v1.customers.list({"email": "kundin@example.com"}).data] == [customer.id]
    assert client.v1.customers.delete(customer.id).deleted is True
    assert client.v1.customers.retrieve(customer.id).deleted is True
    assert client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.customers.update(customer.id, {"name": "X"})
    assert gone.value.code == "resource_missing"


def test_a_wrong_mail_address_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"email": "niemand"})
    assert (refused.value.code, refused.value.param) == ("email_invalid", "email")


def test_methods_are_attached_made_default_and_detached_for_good(client: stripe.StripeClient, customer: Any) -> None:
    method = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    default = {"invoice_settings": {"default_payment_method": method.id}}
    assert client.v1.customers.update(customer.id, default).invoice_settings.default_payment_method == method.id

    changed = client.v1.payment_methods.update(
        method.id, {"billing_details": {"name": "K. Kundin"}, "metadata": {"a": "1"}}
    )
    assert (changed.billing_details.name, changed.metadata["a"], changed.card.brand) == ("K. Kundin", "1", "mastercard")
    assert client.v1.payment_methods.detach(method.id).customer is None

    assert client.v1.customers.payment_methods.list(customer.id).data == []
    assert client.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        client.v1.payment_methods.detach(method.id)


def test_a_declining_card_cannot_be_attached(client: stripe.StripeClient, customer: Any) -> None:
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer.id})
    assert declined.value.code == "card_declined"


def test_methods_are_listed_by_kind(
    simulator: SimulatorProcess, client: stripe.StripeClient, customer: Any, saved_card: Callable[..., str]
) -> None:
    card_id = saved_card()
    account = simulator.control("POST", "payment_methods", customer=customer.id, account="sepa")

    cards = client.v1.customers.payment_methods.list(customer.id, {"type": "card"}).data
    accounts = client.v1.payment_methods.list({"customer": customer.id, "type": "sepa_debit"}).data

    assert [each.id for each in cards] == [card_id]
    assert [(each.id, each.sepa_debit.last4) for each in accounts] == [(account["id"], "3000")]
    assert client.v1.customers.payment_methods.retrieve(customer.id, card_id).id == card_id


@pytest.mark.parametrize("key", ["pk_test_public", "sk_live_real", "nonsense"])
def test_only_test_keys_open_the_api(simulator: SimulatorProcess, key: str) -> None:
    stranger = stripe.StripeClient(key, base_addresses={"api": simulator.url}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError) as refused:
        stranger.v1.customers.list()
    assert refused.value.http_status == 401


def test_without_a_key_nothing_is_answered(simulator: SimulatorProcess) -> None:
    status, text = simulator.request("GET", "/v1/customers")
    assert status == 401
    assert '"type": "invalid_request_error"' in text


def test_what_does_not_exist_is_a_404_in_the_providers_shape(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.retrieve("pi_unknown")
    with pytest.raises(stripe.InvalidRequestError) as unknown_route:
        client.v1.coupons.list()
    assert (missing.value.http_status, missing.value.code, missing.value.param) == (404, "resource_missing", "id")
    assert str(missing.value.user_message) == "No such payment_intent: 'pi_unknown'"
    assert unknown_route.value.http_status == 404


def test_what_cannot_be_expanded_is_named(client: stripe.StripeClient, customer: Any) -> None:
    for path in ("email", "nonsense"):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded") as refused:
            client.v1.customers.retrieve(customer.id, {"expand": [path]})
        assert refused.value.param == "expand"


def test_answers_carry_their_request_id_and_the_version(client: stripe.StripeClient, customer: Any) -> None:
    headers = customer.last_response.headers
    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == stripe.api_version
