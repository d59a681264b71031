"""Saved cards and accounts: kept after a payment, chosen, removed - here first, then at the provider by a job."""

import uuid

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web import audit, jobs
from b2c_web.accounts.models import User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db
from b2c_web.payments.gateway import PaymentRefused, gateway
from b2c_web.payments.jobs import detach_method
from b2c_web.payments.jobs import push_default as push_default_job
from b2c_web.payments.keys import digest, repeatable
from b2c_web.payments.models import CaptureMethod, Payment, PaymentMethod, PaymentState
from b2c_web.payments.setup_gateway import SavedMethod

PROMISED = _l(
    "Mit diesem Konto ist Arbeit zugesagt, die noch nicht abgebucht ist. Löschen können Sie es, sobald sie bezahlt ist."
)


def keep_method(user_id: uuid.UUID, seen: SavedMethod) -> PaymentMethod | None:
    """Step: remember what a customer paid with, when the provider kept it; the first card becomes the default.

    An account becomes it only when the customer says so (`make_default`): by saving one nobody agrees to pay with it.

    The same card typed again replaces the one we had, but not an account that work is promised on. Locks the user.
    Returns None when it was not kept.
    """
    if seen.customer_id is None:
        return None
    lock_user(user_id)
    kept = db.session.scalar(select(PaymentMethod).filter_by(stripe_payment_method_id=seen.id))
    if kept is None:
        kept = PaymentMethod(user_id=user_id, stripe_payment_method_id=seen.id, type=seen.type)
        _replace_same_card(user_id, seen)
        db.session.add(kept)
    _show(kept, seen)
    db.session.flush()
    if kept.is_active and kept.type == "card" and default_of(user_id) is None:
        _choose(kept)
    return kept


def shows(kept: PaymentMethod, seen: SavedMethod) -> bool:
    """Is there nothing to be learnt from what the provider shows of a saved card?"""
    ours = (kept.stripe_payment_method_id, kept.card_last4, kept.card_exp_month, kept.card_exp_year)
    return kept.is_active and ours == (seen.id, seen.last4, seen.exp_month, seen.exp_year)


def remove_method(user: User, method_id: uuid.UUID) -> None:
    """Remove a saved card: gone here at once, detached at the provider by a job. The newest other card takes over.

    Locks the user. Raises NotFound when it is not this user's or was removed before, Conflict while it is an account
    that work is promised on.
    """
    with command_transaction():
        lock_user(user.id)
        method = _own(user.id, method_id)
        if is_promised(method.id):
            raise Conflict(PROMISED, code="method_promised")
        was_default = method.is_default
        _forget(method)
        if was_default:
            _let_newest_be_default(user.id)
        audit.record("payment_method.removed", "payment_method", method.id, before={"label": label(method)})


def make_default(user: User, method_id: uuid.UUID) -> None:
    """Make a saved card the usual one, here and by a job at the provider. Locks the user. Raises NotFound."""
    with command_transaction():
        lock_user(user.id)
        method = _own(user.id, method_id)
        before = default_of(user.id)
        if before is method:
            return
        if before is not None:
            before.is_default = False
            db.session.flush()
        _choose(method)
        audit.record("payment_method.made_default", "payment_method", method.id)


def detach(method_id: uuid.UUID) -> None:
    """Forget a removed card at the provider too. Safe to repeat. Raises PaymentProviderError to be tried again."""
    with command_transaction():
        method = db.session.get_one(PaymentMethod, method_id)
        owed = not method.is_active and method.detached_at is None
        provider_id = method.stripe_payment_method_id
    if not owed:
        return
    gateway().detach_method(provider_id, repeatable("detach", method_id))
    with command_transaction():
        db.session.get_one(PaymentMethod, method_id, with_for_update=True).detached_at = now_utc()


def push_default(user_id: uuid.UUID) -> None:
    """Tell the provider which card is the customer's usual one now. Safe to repeat."""
    with command_transaction():
        method = default_of(user_id)
        customer_id = db.session.get_one(User, user_id).stripe_customer_id
        wish = (method.stripe_payment_method_id, method.updated_at) if method else (None, None)
    if customer_id:
        key = f"{repeatable('default', user_id)}-{digest(*wish)}"  # the minute: a failure is not repeated for a day
        gateway().set_default(customer_id, wish[0], key)
        _note_told(method)


def follow_provider(provider_method_id: str) -> None:
    """A saved card changed at the provider (renewed by the bank, removed by hand): change ours."""
    with command_transaction():
        known = db.session.scalar(select(PaymentMethod.id).filter_by(stripe_payment_method_id=provider_method_id))
    if known is None:
        return
    seen = _look(provider_method_id)
    with command_transaction():
        method = db.session.get_one(PaymentMethod, known)
        lock_user(method.user_id)
        if seen is not None and seen.customer_id:
            _show(method, seen)
            return
        method.is_active = method.is_default = False
        method.detached_at = method.detached_at or now_utc()
        db.session.flush()
        if default_of(method.user_id) is None:
            _let_newest_be_default(method.user_id)


def default_of(user_id: uuid.UUID) -> PaymentMethod | None:
    """The customer's usual card."""
    return db.session.scalar(select(PaymentMethod).filter_by(user_id=user_id, is_default=True))


def is_promised(method_id: uuid.UUID) -> bool:
    """Is work under way that this account's mandate is to pay, and that was not charged yet, nor given up?"""
    wanted = select(Payment.id).where(
        Payment.method_id == method_id,
        Payment.state == PaymentState.AUTHORIZED,
        Payment.hold_asked_at.is_not(None),
        Payment.capture_method == CaptureMethod.AUTOMATIC,
        Payment.capture_given_up_at.is_(None),
    )
    return db.session.scalar(wanted.limit(1)) is not None


def label(method: PaymentMethod) -> str:
    """ "visa 4242"."""
    return f"{method.card_brand or method.type} {method.card_last4 or ''}".strip()


def _look(provider_method_id: str) -> SavedMethod | None:
    try:
        return gateway().look_method(provider_method_id)
    except PaymentRefused as refused:
        if refused.code != "resource_missing":
            raise
        return None


def lock_user(user_id: uuid.UUID) -> None:
    """Step: whatever changes a customer's methods stands in line here; after a payment's row, before a method's.

    The claim locks users first. The two never wait for each other: it touches no payment of the past, and a wish's
    foreign key passes an extension that is locked without its key.
    """
    db.session.execute(select(User.id).filter_by(id=user_id).with_for_update(key_share=True))


def _own(user_id: uuid.UUID, method_id: uuid.UUID) -> PaymentMethod:
    method = db.session.scalar(select(PaymentMethod).filter_by(id=method_id, user_id=user_id, is_active=True))
    if method is None:
        raise NotFound
    return method


def _show(method: PaymentMethod, seen: SavedMethod) -> None:
    method.card_brand, method.card_last4 = seen.brand, seen.last4
    method.card_exp_month, method.card_exp_year = seen.exp_month, seen.exp_year
    method.fingerprint = seen.fingerprint


def _replace_same_card(user_id: uuid.UUID, seen: SavedMethod) -> None:
    if seen.fingerprint is None:
        return
    same = select(PaymentMethod).filter_by(
        user_id=user_id, type=seen.type, fingerprint=seen.fingerprint, is_active=True
    )
    for old in db.session.scalars(same).all():
        if not is_promised(old.id):
            _forget(old)


def _forget(method: PaymentMethod) -> None:
    method.is_active = method.is_default = False
    db.session.flush()
    jobs.defer(detach_method, method_id=str(method.id))


def _let_newest_be_default(user_id: uuid.UUID) -> None:
    cards = select(PaymentMethod).filter_by(user_id=user_id, is_active=True, type="card")
    newest = cards.order_by(PaymentMethod.id.desc())
    method = db.session.scalars(newest.limit(1)).first()
    if method is not None:
        _choose(method)


def _note_told(told: PaymentMethod | None) -> None:
    """Whatever was chosen meanwhile has a job of its own."""
    with command_transaction():
        method = told and db.session.get_one(PaymentMethod, told.id, with_for_update=True, populate_existing=True)
        if method and method.is_default:
            method.default_told_at = now_utc()


def _choose(method: PaymentMethod) -> None:
    method.is_default, method.default_told_at = True, None
    db.session.flush()
    jobs.defer(push_default_job, user_id=str(method.user_id))
