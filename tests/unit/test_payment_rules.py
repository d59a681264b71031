"""Pure decisions about payments."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import force_locale

from b2c_web.payments import hooks, keys, rules
from b2c_web.payments.gateway import Outcome, PaymentDeclined
from b2c_web.payments.models import Payment, PaymentState, Refund, RefundState
from b2c_web.payments.reasons import GENERIC, REASONS, SAME_AS, reason_message

NOW = datetime(2026, 11, 24, 11, 0, 0, 123456, tzinfo=UTC)
State = PaymentState
EVERYTHING = list(itertools.product(State, Outcome))


@pytest.mark.parametrize(("state", "outcome"), EVERYTHING)
def test_money_that_came_stays(state: State, outcome: Outcome) -> None:
    after = rules.next_state(state, outcome)
    if state is State.SUCCEEDED:
        assert after is State.SUCCEEDED
    assert (after is State.SUCCEEDED) == (state is State.SUCCEEDED or outcome is Outcome.PAID)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_given_up_payment_only_comes_back_with_money_on_its_way(outcome: Outcome) -> None:
    after = rules.next_state(State.CANCELLED, outcome)
    expected = {Outcome.PAID: State.SUCCEEDED, Outcome.PROCESSING: State.PROCESSING}
    assert after is expected.get(outcome, State.CANCELLED)


def test_nothing_goes_back_to_waiting() -> None:
    decided = set(State) - {State.CREATED, State.OPEN}
    assert {rules.next_state(state, Outcome.WAITING) for state in decided} == decided


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (timedelta(minutes=45), timedelta(minutes=45)),
        (timedelta(minutes=30), timedelta(minutes=30, seconds=20)),
        (timedelta(minutes=1), timedelta(minutes=30, seconds=20)),
        (timedelta(days=3), timedelta(hours=23, minutes=55)),
        (None, timedelta(hours=23, minutes=55)),
    ],
)
def test_a_page_ends_with_the_hold_within_what_the_provider_allows(
    wanted: timedelta | None, expected: timedelta
) -> None:
    end = rules.page_expiry(NOW, NOW + wanted if wanted else None)
    assert end == (NOW + expected).replace(microsecond=0)


def test_why_no_page_is_opened() -> None:
    waiting = Payment(state=State.CREATED, expires_at=NOW + timedelta(seconds=1))
    assert rules.page_refusal(waiting, NOW) is None
    assert rules.page_refusal(waiting, NOW + timedelta(seconds=1)) == "hold_expired"
    assert rules.page_refusal(Payment(state=State.CREATED), NOW) is None
    assert rules.page_refusal(Payment(state=State.CANCELLED), NOW) == "given_up"


def test_what_is_left_counts_refunds_under_way_and_not_failed_ones() -> None:
    refunds = [
        Refund(amount_cents=100, state=RefundState.SUCCEEDED),
        Refund(amount_cents=200, state=RefundState.PENDING),
        Refund(amount_cents=400, state=RefundState.FAILED),
    ]
    assert rules.refund_left_cents(1000, refunds) == 700


def test_keys_are_the_same_for_the_same_and_different_for_others() -> None:
    thing, other = uuid.uuid4(), uuid.uuid4()
    assert keys.once("refund", thing) == keys.once("refund", thing)
    made = {
        keys.once("refund", thing),
        keys.once("refund", thing, 2),
        keys.once("refund", other),
        keys.repeatable("refund", thing, NOW),
        keys.repeatable("refund", thing, NOW + timedelta(microseconds=1)),
    }
    assert len(made) == 5
    assert keys.digest("a", "b") != keys.digest("ab")
    assert all(len(key) <= 255 for key in made)  # the provider takes no longer ones


def test_every_reason_has_a_sentence_in_both_languages(app: Flask) -> None:
    with app.test_request_context():
        for code in [*REASONS, *SAME_AS, "generic_decline"]:
            german = str(reason_message(code))
            with force_locale("en"):
                english = str(reason_message(code))
            assert german != english, code


@pytest.mark.parametrize(
    "code", ["lost_card", "stolen_card", "fraudulent", "pickup_card", "generic_decline", "x", None]
)
def test_what_the_bank_suspects_is_never_shown(code: str | None) -> None:
    assert reason_message(code) is GENERIC


def given_back(cents: int, minute: int, state: RefundState = RefundState.SUCCEEDED, **facts: str) -> Refund:
    facts = {"reason": "goodwill", "reference": f"at:{minute}", **facts}
    return Refund(id=uuid.uuid4(), amount_cents=cents, state=state, created_at=NOW + timedelta(minutes=minute), **facts)


def test_what_was_given_back_by_hand_makes_good_once_whatever_fails_when() -> None:
    first, second = (given_back(cents, at, RefundState.FAILED) for cents, at in ((3000, 0), (2000, 2)))
    by_hand = given_back(3000, 1, reason=rules.MADE_ELSEWHERE)
    assert rules.owed_again_cents([first, by_hand]) == 0
    assert rules.owed_again_cents([first, by_hand, second]) == 2000
    for failed in (first, second):
        again = given_back(2000, 3, RefundState.PENDING, reference=rules.retry_reference(failed))
        assert rules.owed_again_cents([first, by_hand, second, again]) == 0


def test_what_made_good_for_one_does_not_for_the_next_that_fails() -> None:
    first, second = (given_back(cents, at, RefundState.FAILED) for cents, at in ((3000, 0), (2000, 3)))
    by_hand = given_back(2000, 1, reason=rules.MADE_ELSEWHERE)
    again = given_back(1000, 2, reference=rules.outside_reference(first))
    assert rules.owed_again_cents([first, by_hand]) == 1000
    assert rules.owed_again_cents([first, by_hand, again]) == 0
    assert rules.owed_again_cents([first, by_hand, again, second]) == 2000
    again.state = RefundState.FAILED
    assert rules.owed_again_cents([first, by_hand, again, second]) == 3000


def test_a_decline_carries_its_reason_as_its_message() -> None:
    declined = PaymentDeclined("insufficient_funds", intent_id="pi_1", technical="402")
    assert declined.message is REASONS["insufficient_funds"]
    assert (declined.status, declined.intent_id, str(declined)) == (
        409,
        "pi_1",
        "PaymentDeclined insufficient_funds: 402",
    )


def test_hooks_can_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from b2c_web.payments.models import PaymentPurpose

    def listener(payment: Payment) -> None:
        """Told about money."""

    monkeypatch.setitem(hooks.paid, PaymentPurpose.EXTENSION, listener)
    assert hooks.registered()["payments.paid[EXTENSION]"] == [f"{__name__}.{listener.__qualname__}"]
