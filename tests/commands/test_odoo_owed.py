"""What accounting must know is written down in the command that causes it, once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands as bookings
from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking
from b2c_web.bookings.papers import pdf_of
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.odoo.commands import owe, owe_invoice
from b2c_web.odoo.models import OdooSyncStatus, SyncStatus
from b2c_web.payments.gateway import RefundOutcome, RefundResult
from b2c_web.payments.models import Document, Payment, PaymentPurpose, Refund, RefundState
from b2c_web.payments.refunding import record_refund
from tests.commands.scene import Scene, succeed
from tests.factories import make_user
from tests.unit.test_papers import text_of

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session)


def owed(scene: Scene) -> list[tuple[str, Any]]:
    rows = scene.session.query(OdooSyncStatus).order_by(OdooSyncStatus.id)
    return [(row.entity_type, row.entity_id) for row in rows]


def refund_paper(scene: Scene, refund: Refund) -> str:
    """What the document of a refund says, as its customer downloads it."""
    document = scene.session.query(Document).filter_by(purpose_id=refund.id).one()
    booking = scene.session.get_one(Booking, document.booking_id)
    return text_of(pdf_of(booking, document, "de"))


COMES, NEVER_COMES = "Die Gutschrift kommt gesondert", "darum kommt dazu auch keine Gutschrift"


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
    refund = scene.session.query(Refund).one()
    went_back(refund.payment, refund)
    assert owed(scene) == []
    paper = refund_paper(scene, refund)
    assert NEVER_COMES in paper
    assert COMES not in paper


def late_move(scene: Scene, booking: Booking) -> Payment:
    """A move for a fee; the fee is still to be paid."""
    moved = bookings.move(booking.user, booking.id, scene.slots[7].id, scene.slots[9].id, accepted_fee_cents=2500)
    return scene.payment_of(moved.move_id, PaymentPurpose.MOVE_FEE)


def went_back(payment: Payment, refund: Refund | None = None) -> None:
    """The provider says that all of a payment went back; by hand unless it is for a refund of ours."""
    reference = str(refund.id) if refund else None
    result = RefundResult("re_1", None, payment.captured_cents, RefundOutcome.SUCCEEDED, reference, now_utc())
    record_refund(payment.id, result)


def test_the_fee_of_a_move_that_was_not_made_was_never_invoiced(scene: Scene, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.booked()
    before = owed(scene)
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        lost = late_move(scene, booking)
        for slot in scene.slots[7:]:
            slot.is_available = False
        scene.session.commit()
        went_back(succeed(lost), scene.session.query(Refund).one())
        assert lost.refunded_cents == 2500
        assert NEVER_COMES in refund_paper(scene, lost.refunds[0])
        assert owed(scene) == before
        for slot in scene.slots[7:]:
            slot.is_available = True
        scene.session.commit()
        made = succeed(late_move(scene, booking))
    assert owed(scene) == [*before, ("payment", made.id)]


def test_the_fee_of_a_move_that_was_made_is_credited_when_it_goes_back(
    scene: Scene, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        fee = succeed(late_move(scene, booking))
        staff = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
        bookings.cancel_by_staff(staff, booking.id, keep_cents=0, reason="Hebebühne kaputt")
        before = owed(scene)
        went_back(fee)
    (refund,) = fee.refunds
    assert before[3:] == [("payment", fee.id)]
    assert owed(scene) == [*before, ("refund", refund.id)]
    paper = refund_paper(scene, refund)
    assert COMES in paper
    assert NEVER_COMES not in paper
