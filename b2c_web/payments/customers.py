"""Our customers at the provider: one each, made when it is first needed."""

import uuid

from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.payments.gateway import PaymentUncertain, gateway
from b2c_web.payments.keys import digest, once, repeatable


def ensure_customer(user_id: uuid.UUID, instead_of: str | None = None) -> str:
    """The customer's id at the provider, made in three steps when there is none. Raises PaymentProviderError.

    `instead_of`: the id of one that the provider does not know any more.
    """
    with command_transaction():
        user = db.session.get_one(User, user_id)
        if user.stripe_customer_id:
            return user.stripe_customer_id
        email, name = user.email, user.name
    made = _make(user_id, email, name, once("customer", user_id, digest(email, name, instead_of)))
    with command_transaction():
        user = db.session.get_one(User, user_id, with_for_update=True, populate_existing=True)
        user.stripe_customer_id = user.stripe_customer_id or made
        return user.stripe_customer_id


def _make(user_id: uuid.UUID, email: str, name: str | None, key: str) -> str:
    """A failure of the provider's own is repeated for its key, for a day: then the running minute makes another one.

    A customer too many at the provider harms nobody; one who cannot pay for a day does.
    """
    try:
        return gateway().create_customer(user_id=user_id, email=email, name=name, key=key)
    except PaymentUncertain as error:
        if not error.answered:
            raise
        again = f"{key}-{repeatable('customer', user_id)}"
        return gateway().create_customer(user_id=user_id, email=email, name=name, key=again)


def forget_customer(user_id: uuid.UUID, customer_id: str) -> str:
    """The provider does not know `customer_id` any more: drop it, unless it was replaced meanwhile. Returns it."""
    with command_transaction():
        user = db.session.get_one(User, user_id, with_for_update=True, populate_existing=True)
        if user.stripe_customer_id == customer_id:
            user.stripe_customer_id = None
    return customer_id
