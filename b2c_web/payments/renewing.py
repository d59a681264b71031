"""Holds that are about to lapse: held anew on the same card, then the old one is released; else a person is told."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Busy
from b2c_web.flask_extensions import db
from b2c_web.payments.holds import escalate, renew_payment
from b2c_web.payments.models import Payment, PaymentMethod, PaymentState
from b2c_web.payments.steps import lock_payment

log = logging.getLogger(__name__)
AT_ONCE = 50


def renew_lapsing() -> int:
    """Start the renewal of every hold that lapses within AUTHORIZATION_RENEWAL_HOURS; returns how many were due.

    Once per hold: it gets one payment that replaces it, or is put before a person. Safe to run at any time.
    """
    with command_transaction():
        lapsing = _lapsing(now_utc())
    for payment_id in lapsing:
        try:
            _renew(payment_id)
        except Busy as error:
            log.warning("the hold of payment %s could not be renewed now: %s", payment_id, error)
    return len(lapsing)


def renewal_begins(now: datetime) -> datetime:
    """A hold that ends before this instant is renewed now."""
    return now + timedelta(hours=current_app.config["AUTHORIZATION_RENEWAL_HOURS"])


def _lapsing(now: datetime) -> Sequence[uuid.UUID]:
    newer = aliased(Payment)
    wanted = select(Payment.id).where(
        Payment.state == PaymentState.AUTHORIZED,
        Payment.capture_before < renewal_begins(now),
        Payment.capture_cents.is_(None),
        Payment.escalated_at.is_(None),
        ~exists().where(newer.replaces_id == Payment.id),
    )
    return db.session.scalars(wanted.order_by(Payment.capture_before).limit(AT_ONCE)).all()


def _renew(payment_id: uuid.UUID) -> None:
    with command_transaction():
        payment = lock_payment(payment_id)
        if payment_id not in _lapsing(now_utc()):
            return
        method = _card_of(payment)
        if method is None:
            escalate(payment, "its card is not saved any more")
        else:
            renew_payment(payment, method)


def _card_of(payment: Payment) -> PaymentMethod | None:
    """The card that holds the money, or the same card when it was typed again meanwhile."""
    method = db.session.get(PaymentMethod, payment.method_id) if payment.method_id else None
    if method is None or method.is_active:
        return method
    again = select(PaymentMethod).filter_by(user_id=payment.user_id, fingerprint=method.fingerprint, is_active=True)
    return db.session.scalar(again) if method.fingerprint else None
