"""Money goes back once, and never more than came."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.contract.conftest import MakeSession
from tests.contract.simulator_process import SimulatorProcess


@pytest.fixture
def paid(simulator: SimulatorProcess, make_session: MakeSession) -> Callable[..., str]:
    """The PaymentIntent's id of a paid session over 249.00 EUR."""

    def pay(**how: Any) -> str:
        session = make_session(payment_method_types=["card", "sepa_debit"])
        return str(simulator.pay(session.id, **how)["session"]["payment_intent"])

    return pay


def test_refunds_add_up_to_what_was_paid_and_stop_there(client: stripe.StripeClient, paid: Callable[..., str]) -> None:
    intent_id = paid()

    first = client.v1.refunds.create({"payment_intent": intent_id, "amount": 22400, "metadata": {"fee": "2500"}})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as too_much:
        client.v1.refunds.create({"payment_intent": intent_id, "amount": 2501})
    rest = client.v1.refunds.create({"payment_intent": intent_id, "reason": "requested_by_customer"})
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.refunds.create({"payment_intent": intent_id})

    assert (first.status, first.amount, first.metadata["fee"]) == ("succeeded", 22400, "2500")
    assert (too_much.value.http_status, too_much.value.param) == (400, "amount")
    assert rest.amount == 2500
    assert again.value.code == "charge_already_refunded"
    charge = client.v1.charges.retrieve(first.charge)
    assert (charge.refunded, charge.amount_refunded) == (True, 24900)
    assert [refund.id for refund in charge.refunds.data] == [rest.id, first.id]
    listed = client.v1.refunds.list({"payment_intent": intent_id})
    assert [refund.id for refund in listed.data] == [rest.id, first.id]
    assert client.v1.refunds.retrieve(first.id).amount == 22400


def test_what_was_not_paid_cannot_be_refunded(
    simulator: SimulatorProcess, client: stripe.StripeClient, paid: Callable[..., str]
) -> None:
    failed, processing = paid(card="declined"), paid(account="sepa")
    for intent_id in (failed, processing):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
            client.v1.refunds.create({"payment_intent": intent_id})
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v1.refunds.create({"payment_intent": "pi_unknown"})
    assert (unknown.value.http_status, unknown.value.code) == (404, "resource_missing")


def test_a_refund_of_a_debit_is_pending_first(
    simulator: SimulatorProcess, client: stripe.StripeClient, paid: Callable[..., str]
) -> None:
    intent_id = paid(account="sepa")
    simulator.advance(601)
    refund = client.v1.refunds.create({"payment_intent": intent_id, "amount": 1000})
    assert refund.status == "pending"

    simulator.advance(60)

    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert len(client.v1.events.list({"type": "refund.updated"}).data) == 1


def test_a_refund_can_come_back(
    simulator: SimulatorProcess, client: stripe.StripeClient, paid: Callable[..., str]
) -> None:
    intent_id = paid(card="refund_fails")
    refund = client.v1.refunds.create({"payment_intent": intent_id})
    assert refund.status == "succeeded"

    simulator.advance(60)

    refund = client.v1.refunds.retrieve(refund.id, {"expand": ["charge"]})
    assert (refund.status, refund.charge.amount_refunded, refund.charge.refunded) == ("failed", 0, False)
