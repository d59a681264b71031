"""Saving a card or an account without paying, in three steps: our wish is written, the provider opens a page where the
customer saves it, and what was saved becomes ours, exactly once, whoever tells of it first."""

import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from b2c_web.accounts.models import User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Busy, Conflict
from b2c_web.flask_extensions import db
from b2c_web.payments.customers import ensure_customer, forget_customer
from b2c_web.payments.gateway import PaymentProviderError, PaymentRefused, PaymentUncertain, gateway
from b2c_web.payments.keys import digest, once, repeatable
from b2c_web.payments.queries import setup_of
from b2c_web.payments.rules import page_expiry
from b2c_web.payments.setup_gateway import SetupOrder, SetupSnapshot
from b2c_web.payments.setup_models import MethodKind, MethodSetup, SetupState
from b2c_web.payments.setup_settling import LIVE, close_later, live_setup, lock_setup, settle_setup

PAGE_LASTS = timedelta(hours=1)
LEFT_AT_LEAST = timedelta(minutes=5)  # less than this, and the customer gets a new page
REPLACED = _l("Inzwischen ist eine neuere Seite dafür geöffnet. Bitte versuchen Sie es noch einmal.")


@dataclass(frozen=True)
class Wish:
    """Where the browser goes afterwards (`?setup=` and our id is added to `success_url`), and in which language."""

    success_url: str
    cancel_url: str
    language: str

    def back(self, setup_id: uuid.UUID) -> str:
        return f"{self.success_url}?setup={setup_id}"


@dataclass(frozen=True)
class _Begun:
    setup_id: uuid.UUID
    kind: MethodKind
    expires_at: datetime
    has_page: bool


def open_setup(user: User, kind: MethodKind, wish: Wish) -> str:
    """Where to send the customer to save a card or an account: the provider's page, the same one again while it is
    open and the wish is the same. A page of another wish is closed. Nothing is charged, whatever is saved there.

    Raises PaymentProviderError when the provider does not answer (calling again finds the page that an unheard answer
    may have opened), Busy when rows stay locked, Conflict when another tab was quicker.
    """
    begun = _begin(user.id, kind, wish)
    if begun.has_page:
        address = _known_page(begun.setup_id, wish)
        if address is not None:
            return address
        begun = _begin(user.id, kind, wish)
    return _record_page(begun.setup_id, _ask_for_page(user.id, begun, wish))


def _begin(user_id: uuid.UUID, kind: MethodKind, wish: Wish) -> _Begun:
    """First step. Locks the user."""
    now, mark = now_utc(), digest(wish)
    with command_transaction():
        setup = live_setup(user_id, kind)
        if setup is not None and (setup.wish != mark or setup.expires_at < now + LEFT_AT_LEAST):
            close_later(setup)
            setup = None
        if setup is None:
            ends_at = page_expiry(now, now + PAGE_LASTS)
            setup = MethodSetup(user_id=user_id, kind=kind, wish=mark, expires_at=ends_at)
            db.session.add(setup)
        setup.checked_at = now
        db.session.flush()
        return _Begun(setup.id, kind, setup.expires_at, has_page=setup.checkout_url is not None)


def _known_page(setup_id: uuid.UUID, wish: Wish) -> str | None:
    """The page that is open, or the way back when the method is saved already; None when it is over."""
    with suppress(PaymentProviderError):  # unanswered: the customer may reach the page although we do not
        settle_setup(setup_id)
    with command_transaction():
        setup = db.session.get_one(MethodSetup, setup_id)
        return wish.back(setup_id) if setup.state is SetupState.SAVED else setup.checkout_url


def _ask_for_page(user_id: uuid.UUID, begun: _Begun, wish: Wish) -> SetupSnapshot:
    """Second step. What the provider refuses for a reason that we can mend is mended and asked once more."""
    customer_id = ensure_customer(user_id)
    try:
        return gateway().open_setup(_order(customer_id, begun, wish))
    except PaymentRefused as refused:
        if refused.param == "expires_at":
            begun = _with_new_end(begun)
        elif refused.param == "customer":
            customer_id = ensure_customer(user_id, instead_of=forget_customer(user_id, customer_id))
        else:
            raise
        return gateway().open_setup(_order(customer_id, begun, wish))
    except PaymentUncertain as error:
        if error.answered:
            _with_new_end(begun)
        raise


def _order(customer_id: str, begun: _Begun, wish: Wish) -> SetupOrder:
    with force_locale(wish.language):
        note = _("Hier speichern Sie nur. Belasten dürfen wir später nur, was Sie buchen oder freigeben.")
    return SetupOrder(
        setup_id=begun.setup_id,
        customer_id=customer_id,
        kind=begun.kind,
        note=note,
        success_url=wish.back(begun.setup_id),
        cancel_url=wish.cancel_url,
        language=wish.language,
        expires_at=begun.expires_at,
        key=once("setup", begun.setup_id, digest(customer_id, begun.expires_at, note)),
    )


def _with_new_end(begun: _Begun) -> _Begun:
    """A later end makes it another request with another key, for what was refused or failed under the old one."""
    with command_transaction():
        setup = lock_setup(begun.setup_id)
        now = now_utc()
        setup.expires_at = max(page_expiry(now, now + PAGE_LASTS), begun.expires_at + timedelta(seconds=1))
        return replace(begun, expires_at=setup.expires_at)


def _record_page(setup_id: uuid.UUID, page: SetupSnapshot) -> str:
    """Third step. Returns the page that counts: of two that two requests opened the first; the other is closed.
    One that was given up meanwhile is closed by a job.
    """
    with command_transaction():
        setup = lock_setup(setup_id)
        is_second = setup.stripe_checkout_session_id not in (None, page.checkout_id)
        if not is_second:
            setup.stripe_checkout_session_id = page.checkout_id
            if setup.state in LIVE:
                setup.state, setup.checkout_url = SetupState.OPEN, page.page_url
            elif setup.state is SetupState.ENDED and setup.closed_at is None:
                close_later(setup)
        address = setup.checkout_url
    if is_second and page.checkout_id:
        gateway().expire_setup(page.checkout_id, repeatable("expire", setup_id))
    if address is None:
        raise Conflict(REPLACED, code="setup_replaced")
    return address


def hear_of_setup(user: User, setup_id: uuid.UUID) -> MethodSetup:
    """The customer is back from the page: what became of it, as far as the provider says so now; the webhook or the
    sweep tell the rest. Raises NotFound for another customer's.
    """
    with command_transaction():
        setup = setup_of(user, setup_id)
    with suppress(Busy):
        return settle_setup(setup_id)
    return setup
