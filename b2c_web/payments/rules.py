"""Pure decisions about payments: the state table, when a page ends, what may be refunded."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from b2c_web.payments.gateway import Outcome, PaymentSnapshot
from b2c_web.payments.models import Payment, PaymentState, Refund, RefundState

State = PaymentState

# The provider gives a page no shorter life than 30 minutes and none above 24 hours. The margin covers the time that
# our request travels and the difference of the two clocks.
SHORTEST_PAGE = timedelta(minutes=30, seconds=20)
LONGEST_PAGE = timedelta(hours=23, minutes=55)

MADE_ELSEWHERE = "made_at_provider"  # the reason of a refund that somebody made at the provider by hand
OUTSIDE = "outside:"  # begins the reference of a refund that the provider did not make; then the failed one's id

UNPAID = (State.CREATED, State.OPEN)
NOT_CAPTURED = "capture_failed"  # as the reason of a no: held it still is

# the bank's word for: not without the customer
CUSTOMER_WANTED = ("authentication_required", "authentication_not_handled")

# (our state, what the provider says) -> our new state. What is not here changes nothing: events come twice, late and
# out of order. Money that arrived always counts, also for a payment that was given up; a hold on one is released.
TRANSITIONS: dict[tuple[PaymentState, Outcome], PaymentState] = {
    **{(state, Outcome.PAID): State.SUCCEEDED for state in State if state is not State.SUCCEEDED},
    **{(state, Outcome.WAITING): State.OPEN for state in UNPAID},
    **{(state, Outcome.ACTION_NEEDED): State.OPEN for state in UNPAID},
    **{(state, Outcome.CLOSED): State.CANCELLED for state in (*UNPAID, State.AUTHORIZED, State.PROCESSING)},
    # a mandate (AUTHORIZED, nothing held) is charged at the end; a card's hold never becomes one of these two
    **{(state, Outcome.FAILED): State.FAILED for state in (*UNPAID, State.PROCESSING, State.AUTHORIZED)},
    **{
        (state, Outcome.PROCESSING): State.PROCESSING
        for state in (*UNPAID, State.CANCELLED, State.FAILED, State.AUTHORIZED)
    },
    **{(state, Outcome.AUTHORIZED): State.AUTHORIZED for state in (*UNPAID, State.PROCESSING, State.FAILED)},
}


def next_state(state: PaymentState, outcome: Outcome) -> PaymentState:
    """The state after the provider said `outcome`; the same when it is no news."""
    return TRANSITIONS.get((state, outcome), state)


def heard(payment: Payment, seen: PaymentSnapshot) -> Outcome:
    """What the provider's word means for this payment: a saved card whose bank wants the customer waits for a page."""
    waits = seen.outcome is Outcome.FAILED and not payment.by_mandate and payment.state in UNPAID
    if waits and seen.failure_code in CUSTOMER_WANTED:
        return Outcome.ACTION_NEEDED
    return seen.outcome


def is_old_news(payment: Payment, seen: PaymentSnapshot) -> bool:
    """Is this about another attempt than the one the payment follows now (a declined card before its page, say)?"""
    if seen.checkout_id is not None:
        return False
    return payment.stripe_payment_intent_id not in (None, seen.intent_id)


def page_expiry(now: datetime, wanted_until: datetime | None) -> datetime:
    """When a payment page made now ends: with the hold, but within what the provider allows. Whole seconds."""
    end = max(wanted_until or now + LONGEST_PAGE, now + SHORTEST_PAGE)
    return min(end, now + LONGEST_PAGE).replace(microsecond=0)


def page_refusal(payment: Payment, now: datetime) -> str | None:
    """Why no payment page may be opened: "given_up", "hold_expired", "asking" (a saved card first), or None."""
    if payment.state not in UNPAID:
        return "given_up"
    if payment.state is State.CREATED and payment.hold_asked_at is not None:
        return "asking"
    if payment.expires_at is not None and payment.expires_at <= now:
        return "hold_expired"
    return None


def refund_left_cents(captured_cents: int, refunds: list[Refund]) -> int:
    """What can still be given back, with the refunds that are under way counted."""
    return captured_cents - sum(refund.amount_cents for refund in refunds if refund.state is not RefundState.FAILED)


def retry_reference(failed: Refund) -> str:
    """The reference of the one refund that is made when this one failed and is tried again."""
    return f"retry:{failed.id}"


def outside_reference(failed: Refund) -> str:
    """The reference of the one refund that a person made past the provider when this one failed."""
    return f"{OUTSIDE}{failed.id}"


def owed_again_cents(refunds: Sequence[Refund]) -> int:
    """What failed to go back and nobody has made good: neither in its place, nor by hand at the provider since.

    All of a payment's refunds together, since one made by hand names none of them: what one made in place of a failed
    one fell short of that, was made good by hand, and makes good nothing else. What was replaced is owed no more. At
    least 0.
    """
    made = {refund.reference: refund for refund in refunds}
    failed = [one for one in refunds if one.state is RefundState.FAILED and one.replaced_at is None]
    in_place = {one.id: made.get(retry_reference(one)) or made.get(outside_reference(one)) for one in failed}
    since = min((one.created_at for one in failed), default=None)
    by_hand = [one for one in refunds if one.reason == MADE_ELSEWHERE and one.state is not RefundState.FAILED]
    good = sum(one.amount_cents for one in by_hand if since and one.created_at >= since)
    good -= sum(one.amount_cents - again.amount_cents for one in failed if (again := in_place[one.id]))
    return max(0, sum(one.amount_cents for one in failed if in_place[one.id] is None) - max(0, good))


def is_made_outside(refund: Refund) -> bool:
    """Not by the provider, which therefore knows nothing of it."""
    return refund.reference.startswith(OUTSIDE)
