"""What is held is taken once, never above what was approved; a mandate is charged once and may fail later."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.payments.capturing import MAX_TRIES
from b2c_web.payments.commands import (
    cancel_payment,
    capture_held,
    hold_payment,
    reconcile,
    retry_capture,
    settle_payment,
)
from b2c_web.payments.gateway import PaymentProviderError, PaymentUnavailable, PaymentUncertain, gateway
from b2c_web.payments.holds import owe
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState
from b2c_web.payments.simulator.webhooks import signature
from b2c_web.payments.sweeping import sweep
from tests.commands.holding import CAPTURES, DONE, INTENTS, SUM, Hold, booked, breaches, done, taken
from tests.conftest import TEST_SETTINGS
from tests.paying import Provider, Purpose


def test_what_was_done_is_taken_and_the_rest_released(held: Payment, provider: Provider, work: Purpose, session: Any):
    capture_held(done(held).id)
    assert (held.state, held.captured_cents, held.authorized_cents) == (PaymentState.SUCCEEDED, DONE, 0)
    assert (work.told, taken(provider), booked(session)) == (["authorized", "paid"], [DONE], [DONE])
    assert gateway().refunds_of(str(held.stripe_payment_intent_id)) == []
    assert (work.given_up, reconcile(), breaches()) == ([], [], {})


def test_the_job_takes_it(held: Payment, work: Purpose, run_jobs: Any) -> None:
    done(held)
    assert run_jobs({"payments.capture"}) == ["payments.capture"]
    assert held.state is PaymentState.SUCCEEDED


def test_nothing_done_releases_all(held: Payment, provider: Provider, work: Purpose, run_jobs: Any) -> None:
    done(held, 0)
    run_jobs({"payments.capture", "payments.close_checkout"})
    assert (held.state, held.authorized_cents, taken(provider)) == (PaymentState.CANCELLED, 0, [])


@pytest.mark.parametrize("cents", [SUM + 1, -1])
def test_never_above_what_was_approved(held: Payment, provider: Provider, cents: int) -> None:
    with pytest.raises(ValueError, match="cannot be captured"):
        done(held, cents)
    assert held.capture_cents is None


def test_the_database_refuses_more_than_was_approved(held: Payment, session: Any) -> None:
    with pytest.raises(Exception, match="ck_payments_capture_within_amount"):
        session.execute(text("UPDATE payments SET capture_cents = amount_cents + 1, capture_asked_at = now()"))


def test_the_same_wish_again_changes_nothing_and_another_is_refused(held: Payment, session: Any, work: Purpose) -> None:
    done(held)
    done(held)
    jobs = session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'payments.capture'"))
    assert jobs == 1
    with pytest.raises(Conflict) as refused:
        done(held, SUM)
    assert (refused.value.code, held.capture_cents) == ("capture_asked", DONE)
    capture_held(held.id)
    done(held)
    assert (held.state, held.captured_cents) == (PaymentState.SUCCEEDED, DONE)


def test_what_is_not_held_cannot_be_taken(work: Purpose, user: User, provider: Provider) -> None:
    with command_transaction():
        payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, SUM)
    with pytest.raises(Conflict) as refused:
        done(payment)
    assert refused.value.code == "payment_not_held"


def test_a_capture_under_way_cannot_be_given_up(held: Payment, work: Purpose) -> None:
    done(held)
    with command_transaction():
        cancel_payment(held)
    assert held.state is PaymentState.AUTHORIZED
    assert capture_held(held.id).state is PaymentState.SUCCEEDED


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "delay", "milliseconds": 1400, "when": "after"},
        {"kind": "delay", "milliseconds": 1400},
        {"kind": "error", "status": 500},
        {"kind": "error", "status": 500, "stored": False},
        {"kind": "error", "status": 429},
        {"kind": "error", "status": 402},
    ],
    ids=["dropped after acting", "acted, too slow", "too slow", "broken", "broken once", "too many", "declined"],
)
def test_whatever_goes_wrong_it_is_taken_once(
    held: Payment, provider: Provider, work: Purpose, session: Any, app: Any, fault: dict[str, Any]
) -> None:
    provider.connect(app, PAYMENT_TIMEOUT_SECONDS=1)
    done(held)
    provider.misbehave(path=CAPTURES, **fault)
    with pytest.raises(PaymentProviderError):
        capture_held(held.id)
    _until_answered(held)
    assert (held.state, held.captured_cents) == (PaymentState.SUCCEEDED, DONE)
    assert (taken(provider), booked(session), work.told) == ([DONE], [DONE], ["authorized", "paid"])
    assert (reconcile(), breaches()) == ([], {})


def _until_answered(payment: Payment) -> None:
    """As the queue does: a slow first request may still be under way, which is uncertain as well."""
    for _attempt in range(5):
        try:
            capture_held(payment.id)
            return
        except PaymentUncertain as error:
            assert error.code == "in_progress"
            time.sleep(0.5)
    raise AssertionError("no answer")


def test_events_twice_late_and_in_the_opposite_order_take_it_once(
    held: Payment, provider: Provider, work: Purpose, session: Any, client: Any, run_jobs: Any
) -> None:
    provider.sent()
    provider.events("out_of_order", times=4)
    done(held)
    capture_held(held.id)
    assert set(provider.deliver(client)) == {200}
    assert set(provider.deliver(client, withheld=True)) <= {200}
    run_jobs({"payments.handle_event"})
    assert (held.state, work.told, booked(session)) == (PaymentState.SUCCEEDED, ["authorized", "paid"], [DONE])


def test_killed_after_the_provider_took_it_the_webhook_records_it(
    held: Payment, provider: Provider, work: Purpose, client: Any, run_jobs: Any
) -> None:
    done(held)
    provider.misbehave("drop", CAPTURES)
    with pytest.raises(PaymentUncertain):
        capture_held(held.id)
    provider.deliver(client)
    run_jobs()
    assert (held.state, held.captured_cents, work.told[-1]) == (PaymentState.SUCCEEDED, DONE, "paid")
    assert taken(provider) == [DONE]


def test_a_capture_whose_job_was_lost_is_queued_again(
    held: Payment, provider: Provider, work: Purpose, session: Any, run_jobs: Any
) -> None:
    run_jobs({"payments.push_default"})
    done(held)
    session.execute(text("DELETE FROM procrastinate_jobs"))
    session.commit()
    with clock.frozen(clock.now_utc() + timedelta(minutes=6)):
        assert breaches() == {"payments: no captures that nobody asks the provider for": 1}
        sweep()
        run_jobs({"payments.capture"})
    assert (held.state, taken(provider)) == (PaymentState.SUCCEEDED, [DONE])


def test_a_capture_that_fails_and_fails_goes_before_a_person_who_has_it_tried_again(
    app: Flask, held: Payment, provider: Provider, work: Purpose, session: Any
) -> None:
    done(held)
    provider.misbehave("error", CAPTURES, status=402, times=None, decline_code="processing_error")
    for _attempt in range(MAX_TRIES - 1):
        with pytest.raises(PaymentProviderError):
            capture_held(held.id)
    assert (capture_held(held.id).state, held.failure_code) == (PaymentState.AUTHORIZED, "capture_failed")
    assert [operation for operation, _facts, _error in work.given_up] == ["payments.capture"]
    assert work.told == ["authorized", "failed"]
    capture_held(held.id)
    sweep()
    provider.behave()
    assert (capture_held(held.id).state, taken(provider)) == (PaymentState.AUTHORIZED, [])
    retry = ["payments", "retry-capture", str(held.id)]
    assert app.test_cli_runner().invoke(args=retry).output == "AUTHORIZED\n"
    assert capture_held(held.id).state is PaymentState.SUCCEEDED
    assert (work.told, taken(provider), booked(session)) == (["authorized", "failed", "paid"], [DONE], [DONE])
    with pytest.raises(Conflict):
        retry_capture(held.id)
    refused = app.test_cli_runner().invoke(args=retry)
    assert (refused.exit_code, "Nothing to do" in refused.output) == (1, True)


def test_a_capture_given_up_can_be_released(held: Payment, provider: Provider, work: Purpose, run_jobs: Any) -> None:
    done(held)
    provider.misbehave("error", CAPTURES, status=429, times=MAX_TRIES)
    for _attempt in range(MAX_TRIES - 1):
        with pytest.raises(PaymentUnavailable):
            capture_held(held.id)
    capture_held(held.id)
    with command_transaction():
        cancel_payment(held)
    run_jobs({"payments.close_checkout"})
    assert (held.state, held.authorized_cents, taken(provider)) == (PaymentState.CANCELLED, 0, [])


def test_a_hold_that_is_gone_cannot_be_taken_and_is_told(held: Payment, provider: Provider, work: Purpose) -> None:
    done(held)
    gateway().release(str(held.stripe_payment_intent_id), "release-by-hand")
    assert capture_held(held.id).state is PaymentState.CANCELLED
    assert (work.told, taken(provider)) == (["authorized", "closed"], [])


# a mandate


def test_a_mandate_is_charged_when_the_work_is_done(
    hold: Hold, provider: Provider, work: Purpose, session: Any
) -> None:
    payment = hold(account="sepa")
    assert capture_held(done(payment).id).state is PaymentState.PROCESSING
    assert (work.told, payment.captured_cents) == (["authorized", "processing"], 0)
    provider.process.advance(700)
    settle_payment(payment.id)
    assert (payment.state, payment.captured_cents) == (PaymentState.SUCCEEDED, DONE)
    assert (work.told[-1], work.given_up, booked(session)) == ("paid", [], [DONE])
    assert (reconcile(), breaches()) == ([], {})


def test_a_mandate_that_fails_later_is_told_once_and_is_a_debt_when_the_purpose_says_so(
    hold: Hold, provider: Provider, work: Purpose
) -> None:
    payment = hold(account="sepa_fails")
    capture_held(done(payment).id)
    provider.process.advance(700)
    settle_payment(payment.id)
    settle_payment(payment.id)
    assert (payment.state, work.told) == (PaymentState.FAILED, ["authorized", "processing", "failed"])
    assert work.given_up == []
    owe(payment)
    assert [(operation, facts["amount_cents"]) for operation, facts, _error in work.given_up] == [
        ("payments.debt", DONE)
    ]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "delay", "milliseconds": 1400, "when": "after"},
        {"kind": "error", "status": 500},
        {"kind": "error", "status": 429},
    ],
    ids=["dropped after acting", "acted, too slow", "broken", "too many"],
)
def test_a_mandate_is_charged_once_whatever_goes_wrong(
    hold: Hold, provider: Provider, work: Purpose, app: Any, fault: dict[str, Any]
) -> None:
    provider.connect(app, PAYMENT_TIMEOUT_SECONDS=1)
    payment = done(hold(account="sepa"))
    provider.misbehave(path=INTENTS, **fault)
    with pytest.raises(PaymentProviderError):
        capture_held(payment.id)
    _until_answered(payment)
    assert (payment.state, provider.count("payment_intent")) == (PaymentState.PROCESSING, 1)
    assert work.told == ["authorized", "processing"]


def test_a_mandate_given_up_before_the_end_costs_nothing(
    hold: Hold, provider: Provider, work: Purpose, run_jobs: Any
) -> None:
    payment = hold(account="sepa")
    with command_transaction():
        cancel_payment(payment)
    run_jobs()
    assert (payment.state, provider.count("payment_intent")) == (PaymentState.CANCELLED, 0)


def test_a_dispute_goes_before_a_person_once(held: Payment, work: Purpose, client: Any, run_jobs: Any) -> None:
    capture_held(done(held).id)
    dispute = {"id": "dp_1", "object": "dispute", "payment_intent": held.stripe_payment_intent_id}
    for number in (1, 2):
        event = {"id": f"evt_{number}", "type": "charge.dispute.created", "data": {"object": dispute}}
        payload = json.dumps(event).encode()
        signed = signature(TEST_SETTINGS["STRIPE_WEBHOOK_SECRET"], payload, int(time.time()))
        sent = client.post("/payments/webhook", data=payload, headers={"Stripe-Signature": signed})
        assert sent.status_code == 200
    run_jobs({"payments.handle_event"})
    assert [(operation, facts["dispute"]) for operation, facts, _error in work.given_up] == [
        ("payments.dispute", "dp_1")
    ]


# side by side with the provider
