"""Payments' side effects and their clock. Each is safe to run twice; commands are imported late, they defer these."""

import logging
import uuid

from flask import current_app

from b2c_web.clock import now_utc
from b2c_web.jobs import job, periodic

log = logging.getLogger(__name__)
RECONCILE_BEAT_MINUTES = 5


@job("payments.refund")
def refund(refund_id: str) -> None:
    from b2c_web.payments.refunding import run_refund

    run_refund(uuid.UUID(refund_id))


@job("payments.authorize")
def authorize(payment_id: str) -> None:
    from b2c_web.payments.authorizing import authorize_payment

    authorize_payment(uuid.UUID(payment_id))


@job("payments.capture")
def capture(payment_id: str) -> None:
    from b2c_web.payments.capturing import capture_held

    capture_held(uuid.UUID(payment_id))


@job("payments.close_checkout")
def close_checkout(payment_id: str) -> None:
    from b2c_web.payments.closing import close_payment

    close_payment(uuid.UUID(payment_id))


@job("payments.close_setup")
def close_setup(setup_id: str) -> None:
    from b2c_web.payments.setup_settling import close_setup as close

    close(uuid.UUID(setup_id))


@job("payments.handle_event")
def handle_event(event_id: str) -> None:
    from b2c_web.payments.events import handle_event as handle

    handle(event_id)


@job("payments.detach_method")
def detach_method(method_id: str) -> None:
    from b2c_web.payments.methods import detach

    detach(uuid.UUID(method_id))


@job("payments.push_default")
def push_default(user_id: str) -> None:
    from b2c_web.payments.methods import push_default as push

    push(uuid.UUID(user_id))


@periodic("payments.sweep", cron="* * * * *")
def sweep() -> None:
    """Ask about payments that nothing was heard of, renew holds, queue again what is owed and not queued."""
    from b2c_web.payments.sweeping import sweep as look_after

    look_after()


@periodic("payments.reconcile", cron=f"*/{RECONCILE_BEAT_MINUTES} * * * *")
def reconcile() -> None:
    """Compare with the provider every RECONCILE_MINUTES (rounded up to whole beats) and mend what is safe."""
    from b2c_web.payments.gateway import PaymentUnavailable
    from b2c_web.payments.reconciliation import put_before_a_person
    from b2c_web.payments.reconciliation import reconcile as compare

    beats = -(-current_app.config["RECONCILE_MINUTES"] // RECONCILE_BEAT_MINUTES)
    if int(now_utc().timestamp()) // 60 // RECONCILE_BEAT_MINUTES % beats:
        return
    try:
        found = compare(fix=True)
    except PaymentUnavailable as error:
        log.warning("the payment provider cannot be asked: %s", error)
        return
    for difference in found:
        log.warning("payments differ: %s", difference)
    put_before_a_person(found)
