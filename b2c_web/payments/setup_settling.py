"""What became of a page that saves a card or an account: webhook, return page, sweep, reconciliation all end here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select

from b2c_web import audit, jobs
from b2c_web.accounts.models import User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.payments.closing import ON_ITS_WAY
from b2c_web.payments.gateway import PaymentUncertain, gateway
from b2c_web.payments.jobs import close_setup as close_setup_job
from b2c_web.payments.keys import repeatable
from b2c_web.payments.methods import keep_method, label, lock_user
from b2c_web.payments.setup_gateway import SetupOutcome, SetupSnapshot
from b2c_web.payments.setup_models import MethodKind, MethodSetup, SetupState

LIVE = (SetupState.CREATED, SetupState.OPEN)


@dataclass(frozen=True)
class _Known:
    """What we know of a setup's whereabouts, read before the provider is called with no transaction open."""

    setup_id: uuid.UUID
    state: SetupState
    checkout_id: str | None
    customer_id: str | None
    expires_at: datetime
    checked_at: datetime | None
    closed: bool


def settle_setup(setup_id: uuid.UUID) -> MethodSetup:
    """Bring a setup up to date with the provider; returns it. What was saved is kept exactly once, whoever is first.

    Raises PaymentProviderError when the provider cannot be asked, Busy when rows stay locked, NotFound.
    """
    known = _whereabouts(setup_id)
    if known.state is SetupState.SAVED:
        return _now(setup_id)
    seen = _ask(known)
    if seen is not None:
        return record_setup(setup_id, seen)
    return _unheard_of(setup_id, over=known.expires_at + ON_ITS_WAY < now_utc())


def close_setup(setup_id: uuid.UUID) -> None:
    """Close the page of a setup that was given up, and record what won. Safe to repeat.

    Raises PaymentProviderError to be tried again, also while a page may still be on its way.
    """
    known = _whereabouts(setup_id)
    if known.state is not SetupState.ENDED or known.closed:
        return
    seen = _ask(known)
    if seen is not None and seen.checkout_id and seen.outcome is SetupOutcome.WAITING:
        seen = gateway().expire_setup(seen.checkout_id, repeatable("expire", setup_id))
    if seen is not None:
        record_setup(setup_id, seen)
        return
    if known.checked_at is not None and known.checked_at > now_utc() - ON_ITS_WAY:
        raise PaymentUncertain("the page may still be on its way", code="in_progress")
    _unheard_of(setup_id, over=True)


def record_setup(setup_id: uuid.UUID, seen: SetupSnapshot) -> MethodSetup:
    """Record what the provider said, in one transaction. Safe to repeat: what was saved once and removed since stays
    removed. Locks user, then setup. Raises ValueError when `seen` is another setup's.
    """
    with command_transaction():
        setup = lock_setup(setup_id)
        customer_id = db.session.get_one(User, setup.user_id).stripe_customer_id
        if seen.setup_id != setup.id:
            raise ValueError(f"{seen.checkout_id} does not belong to setup {setup.id}")
        setup.checked_at = now_utc()
        setup.stripe_checkout_session_id = setup.stripe_checkout_session_id or seen.checkout_id
        if setup.state is not SetupState.SAVED:
            _note(setup, seen, customer_id)
    return setup


def _note(setup: MethodSetup, seen: SetupSnapshot, customer_id: str | None) -> None:
    """A page that was given up and on which the customer was quicker counts. What is attached to nobody, or to
    somebody else, is not kept."""
    kept = seen.method.customer_id if seen.method else None
    if seen.outcome is SetupOutcome.SAVED and kept is not None and kept == seen.customer_id == customer_id:
        _save(setup, seen)
    elif seen.outcome is not SetupOutcome.WAITING:
        _end(setup)
        setup.closed_at = now_utc()
    elif setup.state in LIVE:
        setup.state, setup.checkout_url = SetupState.OPEN, seen.page_url


def _save(setup: MethodSetup, seen: SetupSnapshot) -> None:
    kept = keep_method(setup.user_id, seen.method) if seen.method else None
    if kept is None:
        return
    kept.mandate_reference = seen.mandate if kept.type == MethodKind.ACCOUNT else None
    setup.state, setup.method_id, setup.saved_at = SetupState.SAVED, kept.id, now_utc()
    setup.checkout_url = setup.closed_at = None
    db.session.flush()
    audit.record("payment_method.saved", "payment_method", kept.id, after={"label": label(kept)}, actor="provider")


def _end(setup: MethodSetup) -> None:
    setup.state, setup.checkout_url = SetupState.ENDED, None


def close_later(setup: MethodSetup) -> None:
    """Step: give a setup up; its page is closed by a job, unless the customer is quicker."""
    _end(setup)
    db.session.flush()
    jobs.defer(close_setup_job, setup_id=str(setup.id))


def live_setup(user_id: uuid.UUID, kind: MethodKind) -> MethodSetup | None:
    """Step: the customer's live setup of this kind, locked after the user."""
    lock_user(user_id)
    wanted = select(MethodSetup).where(MethodSetup.user_id == user_id, MethodSetup.kind == kind)
    locked = wanted.where(MethodSetup.state.in_(LIVE)).with_for_update().execution_options(populate_existing=True)
    return db.session.scalar(locked)


def lock_setup(setup_id: uuid.UUID) -> MethodSetup:
    """Step: the setup, fresh, with user and setup locked in this order. Raises NotFound."""
    user_id = db.session.scalar(select(MethodSetup.user_id).filter_by(id=setup_id))
    if user_id is None:
        raise NotFound
    lock_user(user_id)
    return db.session.get_one(MethodSetup, setup_id, with_for_update=True, populate_existing=True)


def silent_setups(pause: timedelta, most: int) -> Sequence[uuid.UUID]:
    """Live setups to ask the provider about, the longest unasked first: nothing was heard, or the page is over."""
    heard, now = func.coalesce(MethodSetup.checked_at, MethodSetup.created_at), now_utc()
    news = or_(heard < MethodSetup.expires_at, MethodSetup.expires_at < now - ON_ITS_WAY)
    over = and_(MethodSetup.expires_at < now, news)
    wanted = select(MethodSetup.id).where(MethodSetup.state.in_(LIVE), or_(heard < now - pause, over))
    return db.session.scalars(wanted.order_by(heard).limit(most)).all()


def _whereabouts(setup_id: uuid.UUID) -> _Known:
    with command_transaction():
        setup = db.session.get(MethodSetup, setup_id)
        if setup is None:
            raise NotFound
        customer_id = db.session.get_one(User, setup.user_id).stripe_customer_id
        return _Known(
            setup_id=setup.id,
            state=setup.state,
            checkout_id=setup.stripe_checkout_session_id,
            customer_id=customer_id,
            expires_at=setup.expires_at,
            checked_at=setup.checked_at,
            closed=setup.closed_at is not None,
        )


def _ask(known: _Known) -> SetupSnapshot | None:
    """The page at the provider; one whose id got lost with an answer is found among the customer's."""
    if known.checkout_id:
        return gateway().look_setup(known.checkout_id)
    return gateway().find_setup(known.customer_id, known.setup_id) if known.customer_id else None


def _unheard_of(setup_id: uuid.UUID, *, over: bool) -> MethodSetup:
    """Nobody at the provider knows a page: when its time is over, none can come any more."""
    with command_transaction():
        setup = lock_setup(setup_id)
        setup.checked_at = now_utc()
        if over and setup.state is not SetupState.SAVED:
            _end(setup)
            setup.closed_at = now_utc()
    return setup


def _now(setup_id: uuid.UUID) -> MethodSetup:
    with command_transaction():
        return db.session.get_one(MethodSetup, setup_id)
