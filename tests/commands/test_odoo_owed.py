"""What accounting must know is written down in the command that causes it, once."""

from collections.abc import Callable
from typing import Any

import pytest

from b2c_web.bookings import commands as bookings
from b2c_web.bookings import hooks
from b2c_web.checks import breaches
from b2c_web.odoo.commands import owe, owe_invoice
from b2c_web.odoo.models import OdooSyncStatus, SyncStatus
from b2c_web.payments.models import Refund, RefundState
from tests.commands.scene import Scene

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session)


def owed(scene: Scene) -> list[tuple[str, Any]]:
    rows = scene.session.query(OdooSyncStatus).order_by(OdooSyncStatus.id)
    return [(row.entity_type, row.entity_id) for row in rows]


def test_a_hold_owes_nothing(scene: Scene) -> None:
    scene.book()
    assert owed(scene) == []


def test_a_paid_booking_owes_customer_invoice_and_payment_in_order(scene: Scene) -> None:
    booking = scene.booked()
    payment = scene.payment_of(booking.id)
    assert owed(scene) == [("user", booking.user_id), ("booking", booking.id), ("payment", payment.id)]
    assert {row.status for row in scene.session.query(OdooSyncStatus)} == {SyncStatus.PENDING}


def test_it_is_owed_once_whatever_is_repeated(scene: Scene) -> None:
    booking = scene.booked()
    owe_invoice(booking)
    assert not owe("booking", booking.id)
    assert len(owed(scene)) == 3


def test_a_refund_that_arrived_owes_a_credit_note(scene: Scene) -> None:
    booking = scene.booked()
    bookings.cancel(booking.user, booking.id, accepted_fee_cents=0)
    refund = scene.session.query(Refund).one()
    hooks.refunded(booking)
    assert ("refund", refund.id) not in owed(scene)
    refund.state, refund.payment.refunded_cents = RefundState.SUCCEEDED, refund.amount_cents
    scene.session.flush()
    for _time in range(2):
        hooks.refunded(booking)
    assert owed(scene)[3:] == [("refund", refund.id)]
    assert not [one.name for one in breaches() if one.name.startswith("accounting")]


def test_money_that_came_too_late_was_never_invoiced(scene: Scene, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.book()
    scene.book(5, 7, user_id=booking.user_id)
    scene.pay(booking)
    scene.session.query(Refund).one().state = RefundState.SUCCEEDED
    hooks.refunded(booking)
    assert owed(scene) == []
