"""Compare our records with the provider's, list every difference, and mend what is safe.

Safe is what only brings our records up to what the provider did, closes a page, releases a hold that nobody wants, or
repeats a call that is done once.
Everything else - money that nobody asked for, money that is gone - is for a person.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select, union
from sqlalchemy.orm import selectinload

from b2c_web import audit
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Busy
from b2c_web.flask_extensions import db
from b2c_web.payments import comparing, hooks
from b2c_web.payments.capturing import capture_held
from b2c_web.payments.comparing import Difference, Kind, OurPayment, OurPayments, OurRefund
from b2c_web.payments.disputing import tell_dispute, untold_disputes
from b2c_web.payments.gateway import PaymentRefused, PaymentSnapshot, RefundResult, gateway
from b2c_web.payments.keys import repeatable
from b2c_web.payments.models import Payment, PaymentState, Refund, RefundState
from b2c_web.payments.refunding import run_refund, sync_refunds
from b2c_web.payments.rules import is_made_outside
from b2c_web.payments.settling import settle_payment
from b2c_web.payments.setup_models import MethodSetup
from b2c_web.payments.setup_settling import settle_setup

log = logging.getLogger(__name__)
USUAL_WINDOW = timedelta(days=2)
DUE_AFTER = timedelta(minutes=10)
# what may have happened at the provider long after the payment was written here
UNSETTLED = (PaymentState.OPEN, PaymentState.PROCESSING, PaymentState.AUTHORIZED)


def reconcile(fix: bool = False, since: datetime | None = None) -> list[Difference]:
    """Every difference between our payments since `since` (default: two days ago) and the provider's.

    `fix`: mends what is safe; a difference that is gone afterwards comes back `mended`. Raises
    PaymentProviderError when the provider cannot be asked.
    """
    start = since or now_utc() - USUAL_WINDOW
    found = list(_compare(start))
    if not fix or not found:
        return found
    for difference in found:
        _mend(difference)
    left = list(_compare(start))
    return [replace(difference, mended=difference not in left) for difference in found]


def put_before_a_person(differences: list[Difference]) -> None:
    """Tell about what nobody but a person can decide, once per difference; the audit log remembers which."""
    with command_transaction():
        for difference in differences:
            if difference.mended or difference.kind in MENDS or _is_told(difference):
                continue
            audit.record("payments.difference", "difference", _name_of(difference), after={"text": str(difference)})
            facts = {"payment_id": str(difference.payment_id), "provider_id": difference.provider_id}
            hooks.give_up("payments.reconcile", facts, str(difference))


def _name_of(difference: Difference) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, str(replace(difference, mended=False)))


def _is_told(difference: Difference) -> bool:
    told = select(audit.AuditEntry.id).filter_by(entity_type="difference", entity_id=_name_of(difference))
    return db.session.scalar(told.limit(1)) is not None


def _compare(since: datetime) -> Iterator[Difference]:
    intents = list(gateway().recent_intents(since))
    checkouts = list(gateway().recent_checkouts(since))
    refunds = list(gateway().recent_refunds(since))
    named = {seen.owner.payment_id for seen in (*intents, *checkouts) if seen.owner}
    touched = {result.intent_id for result in refunds if result.intent_id}
    ours = _our_payments(since, named, touched)
    yield from comparing.compare_money(ours, intents)
    yield from comparing.compare_holds(ours, intents)
    yield from comparing.compare_pages(ours, checkouts)
    yield from comparing.compare_refunds(ours, refunds)
    yield from _compare_setups(since)
    listed = {seen.intent_id for seen in intents}
    yield from _compare_one_by_one(ours, listed, refunds)
    yield from untold_disputes(since)


def _compare_setups(since: datetime) -> Iterator[Difference]:
    setups = list(gateway().recent_setups(since))
    named = [seen.setup_id for seen in setups if seen.setup_id]
    with command_transaction():
        rows = db.session.execute(select(MethodSetup.id, MethodSetup.state).where(MethodSetup.id.in_(named)))
        ours = {row.id: row.state for row in rows}
    yield from comparing.compare_setups(ours, setups)


def _compare_one_by_one(
    ours: OurPayments, listed: set[str | None], refunds: list[RefundResult]
) -> Iterator[Difference]:
    """What we have and no list showed is asked for alone: the lists only reach back to `since`."""
    shown = {result.id for result in refunds} | {result.reference for result in refunds}
    for payment in ours.values():
        if payment.state is PaymentState.SUCCEEDED and payment.intent_id not in listed:
            yield from comparing.compare_one_charge(payment, _look(payment.intent_id))
        if payment.state is PaymentState.AUTHORIZED and payment.intent_id and payment.intent_id not in listed:
            yield from comparing.compare_one_hold(payment, _look(payment.intent_id))
        if any(refund.provider_id not in shown and str(refund.id) not in shown for refund in payment.refunds):
            theirs = _refunds_of(payment.intent_id)
            alone = {payment.id: payment}
            yield from comparing.compare_refunds(alone, [each for each in theirs if each.id not in shown])
            yield from comparing.refunds_missing_there(payment, theirs, now_utc() - DUE_AFTER)


def _look(intent_id: str | None) -> PaymentSnapshot | None:
    try:
        return gateway().look(intent_id=intent_id) if intent_id else None
    except PaymentRefused:
        return None


def _refunds_of(intent_id: str | None) -> list[RefundResult]:
    try:
        return gateway().refunds_of(intent_id) if intent_id else []
    except PaymentRefused:
        return []


def _our_payments(since: datetime, named: set[uuid.UUID], touched: set[str]) -> OurPayments:
    """Each part of the union has its own index; one WHERE with OR would read every payment there ever was."""
    wanted = union(
        select(Payment.id).where(Payment.created_at >= since),
        select(Payment.id).where(Payment.id.in_(named)),
        select(Payment.id).where(Payment.stripe_payment_intent_id.in_(touched)),
        select(Payment.id).where(Payment.state.in_(UNSETTLED)),
        select(Refund.payment_id).where(Refund.state == RefundState.PENDING),
    )
    with command_transaction():
        statement = select(Payment).where(Payment.id.in_(wanted)).options(selectinload(Payment.refunds))
        return {row.id: _copied(row) for row in db.session.scalars(statement)}


def _copied(row: Payment) -> OurPayment:
    asked_before = now_utc() - DUE_AFTER
    return OurPayment(
        id=row.id,
        state=row.state,
        captured_cents=row.captured_cents,
        intent_id=row.stripe_payment_intent_id,
        checkout_id=row.stripe_checkout_session_id,
        page_asked_for=row.checkout_expires_at is not None,
        refunds=tuple(
            OurRefund(each.id, each.state, each.amount_cents, each.stripe_refund_id, each.created_at)
            for each in row.refunds
            if not is_made_outside(each)
        ),
        capture_due=row.capture_asked_at is not None
        and row.capture_asked_at < asked_before
        and row.capture_given_up_at is None,
    )


def _settle(difference: Difference) -> None:
    if difference.payment_id is not None:
        settle_payment(difference.payment_id)


def _sync_refunds(difference: Difference) -> None:
    if difference.payment_id is not None:
        sync_refunds(difference.payment_id)


def _close_page(difference: Difference) -> None:
    """The page of a payment that is over, or one that no payment knows: nobody shall pay on it."""
    key = repeatable("expire", difference.payment_id or uuid.UUID(int=0)) + (difference.provider_id or "")[-12:]
    gateway().expire_checkout(difference.provider_id or "", key)
    _settle(difference)


def _release(difference: Difference) -> None:
    """A hold of a payment that was given up, or that holds its money on another card already."""
    key = repeatable("release", difference.payment_id or uuid.UUID(int=0)) + (difference.provider_id or "")[-12:]
    gateway().release(difference.provider_id or "", key)
    _settle(difference)


def _capture(difference: Difference) -> None:
    if difference.payment_id is not None:
        capture_held(difference.payment_id)


def _settle_setup(difference: Difference) -> None:
    settle_setup(uuid.UUID(difference.provider_id or ""))


def _tell_dispute(difference: Difference) -> None:
    if difference.payment_id is not None:
        tell_dispute(difference.payment_id, difference.provider_id or "")


def _ask_again(difference: Difference) -> None:
    """A refund that never reached the provider."""
    run_refund(uuid.UUID(difference.provider_id or ""))


MENDS: dict[Kind, Callable[[Difference], None]] = {
    Kind.CHARGE_MISSING_HERE: _settle,
    Kind.HOLD_MISSING_HERE: _settle,
    Kind.HOLD_GONE_THERE: _settle,
    Kind.HOLD_NOT_WANTED: _release,
    Kind.CAPTURE_NOT_DONE: _capture,
    Kind.PAGE_OVER_THERE: _settle,
    Kind.PAGE_UNKNOWN_HERE: _settle,
    Kind.PAGE_OPEN_THERE: _close_page,
    Kind.REFUND_MISSING_HERE: _sync_refunds,
    Kind.REFUND_DIFFERS: _sync_refunds,
    Kind.REFUND_NOT_ASKED: _ask_again,
    Kind.METHOD_MISSING_HERE: _settle_setup,
    Kind.DISPUTE_UNTOLD: _tell_dispute,
}


def _mend(difference: Difference) -> None:
    if difference.kind not in MENDS:
        return
    try:
        MENDS[difference.kind](difference)
    except Busy as error:
        log.warning("could not mend %s: %s", difference, error)
