"""Once a minute: queue again what is owed and not queued, renew holds, ask about payments nothing was heard of."""

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import and_, func, or_, select

from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Busy
from b2c_web.flask_extensions import db
from b2c_web.owed import queue_again
from b2c_web.payments.gateway import PaymentUnavailable
from b2c_web.payments.models import Payment, PaymentState
from b2c_web.payments.owed import OWED
from b2c_web.payments.renewing import renew_lapsing
from b2c_web.payments.settling import settle_payment
from b2c_web.payments.setup_settling import settle_setup, silent_setups

log = logging.getLogger(__name__)
OWED_AFTER = timedelta(minutes=2)
DEBIT_PAUSE = timedelta(hours=1)  # a debit takes days; its event comes by itself, this only catches a lost one
AT_ONCE = 50


def sweep() -> None:
    """Safe to run at any time, twice too."""
    queue_owed()
    renew_lapsing()
    ask_about_silent()
    ask_about_silent_setups()


def queue_owed() -> int:
    """Queue every owed side effect that has no job; returns how many."""
    return queue_again(OWED, now_utc() - OWED_AFTER)


def ask_about_silent() -> int:
    """Settle payments that may have been paid without our hearing of it; returns how many were asked about."""
    with command_transaction():
        silent = _silent(now_utc())
    return _ask_about(silent, settle_payment)


def ask_about_silent_setups() -> int:
    """Settle pages on which a method may have been saved without our hearing of it; returns how many were asked
    about."""
    with command_transaction():
        silent = silent_setups(_pause(), AT_ONCE)
    return _ask_about(silent, settle_setup)


def _ask_about(silent: Sequence[uuid.UUID], settle: Callable[[uuid.UUID], object]) -> int:
    """One that fails keeps no other from its turn: the first failure is raised at the end."""
    failures = []
    for asked, thing_id in enumerate(silent):
        try:
            settle(thing_id)
        except PaymentUnavailable as error:
            log.warning("the payment provider cannot be reached: %s", error)
            return asked
        except Busy as error:
            log.warning("%s could not be settled: %s", thing_id, error)
        except Exception as failure:
            db.session.rollback()
            log.exception("%s could not be settled", thing_id)
            failures.append(failure)
    if failures:
        raise failures[0]
    return len(silent)


def _pause() -> timedelta:
    return timedelta(minutes=current_app.config["RECONCILE_MINUTES"])


def _silent(now: datetime) -> Sequence[uuid.UUID]:
    """Longest unasked first. A page or a hold is asked about again as soon as its time is over."""
    heard = func.coalesce(Payment.checked_at, Payment.created_at)
    pause = _pause()
    page_over = and_(Payment.checkout_expires_at < now, heard < Payment.checkout_expires_at)
    unpaid = and_(
        Payment.state.in_((PaymentState.CREATED, PaymentState.OPEN)),
        or_(Payment.checkout_expires_at.is_not(None), Payment.stripe_payment_intent_id.is_not(None)),
        or_(heard < now - pause, page_over),
    )
    debit = and_(Payment.state == PaymentState.PROCESSING, heard < now - DEBIT_PAUSE)
    lapsed = and_(
        Payment.state == PaymentState.AUTHORIZED, Payment.capture_before < now, heard < Payment.capture_before
    )
    wanted = select(Payment.id).where(or_(unpaid, debit, lapsed)).order_by(heard).limit(AT_ONCE)
    return db.session.scalars(wanted).all()
