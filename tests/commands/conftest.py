"""What tests of commands share: money that is held for work, and a car in the workshop with an extension."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.db import command_transaction
from b2c_web.extensions.models import Extension
from b2c_web.payments.commands import authorize_payment, ensure_customer, hold_payment
from b2c_web.payments.models import Payment, PaymentPurpose
from tests.commands.extending import Extending
from tests.commands.holding import SUM, Hold
from tests.factories import make_customer
from tests.paying import Provider, Purpose, save_method


@pytest.fixture
def user(session: Any, provider: Provider) -> User:
    user = make_customer()
    session.commit()
    ensure_customer(user.id)
    return user


@pytest.fixture
def hold(work: Purpose, user: User, provider: Provider) -> Hold:
    """189.00 EUR approved, and held or promised."""

    def hold_it(**which: str) -> Payment:
        with command_transaction():
            method = save_method(provider, user, **(which or {"card": "visa"}))
            payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, SUM, method_id=method.id)
        return authorize_payment(payment.id)

    return hold_it


@pytest.fixture
def held(hold: Hold) -> Payment:
    return hold()


@pytest.fixture
def scene(session: Any, frozen_clock: Callable[[datetime], Any]) -> Extending:
    return Extending(session, frozen_clock)


@pytest.fixture
def booking(scene: Extending) -> Booking:
    return scene.in_workshop(standing_limit_cents=20_000)


@pytest.fixture
def raised(scene: Extending, booking: Booking) -> Extension:
    return scene.raised(booking)
