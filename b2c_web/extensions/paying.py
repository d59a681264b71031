"""The customer pays for an approved extension when the usual card did not do: on a page, or with another one."""

import uuid
from contextlib import suppress

from flask_babel import force_locale
from flask_babel import gettext as _

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.db import command_transaction
from b2c_web.errors import Busy
from b2c_web.extensions import money, rules
from b2c_web.extensions.access import lock_for_decider
from b2c_web.extensions.models import Extension
from b2c_web.extensions.refusing import refuse
from b2c_web.payments.authorizing import HoldWish, authorize_payment, wish_of
from b2c_web.payments.checkout import open_checkout
from b2c_web.payments.models import Payment, PaymentState
from b2c_web.payments.queries import latest_payment
from b2c_web.payments.setup_models import MethodKind
from b2c_web.payments.setups import Wish, open_setup


def authorize_now(wish: HoldWish) -> None:
    """Ask the provider at once, with no transaction open. A silent provider is no error here: the job goes on."""
    with suppress(Busy):
        authorize_payment(wish.payment_id, wish.first)


def pay_link(customer: User, extension_id: uuid.UUID, *, success_url: str, cancel_url: str, language: str) -> str:
    """The address of a payment page that holds the money, when the bank wants the customer or the card was declined.

    Calls the provider. Raises Conflict when there is nothing to pay (any more), PaymentProviderError.
    """
    with command_transaction():
        booking, extension = _unpaid(customer, extension_id)
        payment_id = _page_payment(booking, extension).id
        number = booking.number
    with force_locale(language):
        description = _("Auftragserweiterung %(number)s", number=number)
    return open_checkout(
        payment_id, description=description, success_url=success_url, cancel_url=cancel_url, language=language
    )


def choose_method(customer: User, extension_id: uuid.UUID, method_id: uuid.UUID) -> HoldWish:
    """Try another saved card or account of the customer's. Returns the wish, for `authorize_now`.

    Raises Conflict when there is nothing to pay (any more), NotFound for a method that is not the customer's.
    """
    with command_transaction():
        booking, extension = _unpaid(customer, extension_id)
        return wish_of(money.hold(extension, booking, method_id=method_id))


def account_page(customer: User, extension_id: uuid.UUID, wish: Wish) -> str:
    """The address of a page that saves a SEPA account, to be chosen here afterwards: by saving nothing is charged.

    Calls the provider. Raises Conflict when there is nothing to pay (any more), PaymentProviderError.
    """
    with command_transaction():
        _unpaid(customer, extension_id)
    return open_setup(customer, MethodKind.ACCOUNT, wish)


def _unpaid(customer: User, extension_id: uuid.UUID) -> tuple[Booking, Extension]:
    booking, extension = lock_for_decider(customer, extension_id)
    refuse(rules.work_refusal(booking))
    if not rules.needs_customer_for_money(extension):
        refuse(rules.Refusal.NOTHING_TO_PAY)
    return booking, extension


def _page_payment(booking: Booking, extension: Extension) -> Payment:
    """The attempt that waits for the customer on a page, or a new one."""
    last = latest_payment(money.PURPOSE, extension.id)
    if last is not None and last.state is PaymentState.OPEN and last.checkout_url:
        return last
    return money.hold(extension, booking, on_page=True)
