"""A paper names the method of the payment that it is about, not the one that the booking was paid with."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web import clock
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking
from b2c_web.bookings.papers import pdf_of
from b2c_web.payments.commands import settle_payment
from b2c_web.payments.gateway import RefundOutcome, RefundResult
from b2c_web.payments.models import Document, DocumentKind, Payment, PaymentPurpose
from b2c_web.payments.queries import documents_of
from b2c_web.payments.refunding import record_refund
from tests.commands.extending import Extending, complete, payments, saver
from tests.commands.scene import Scene, succeed
from tests.commands.trips import CAR, Trips
from tests.paying import Provider
from tests.unit.test_papers import text_of

VISA, MASTERCARD, DEBIT = "Visa mit den Endziffern 4242", "Mastercard mit den Endziffern 4444", "SEPA-Lastschrift"
NAMED = (VISA, MASTERCARD, DEBIT)


def told(booking: Booking) -> list[tuple[DocumentKind, int, list[str]]]:
    """What each of a booking's papers is about, how much it says, and which methods it names."""
    found = []
    for one in documents_of(booking.id):
        words = text_of(pdf_of(booking, one, "de"))
        found.append((one.kind, one.gross_cents, [name for name in NAMED if name in words]))
    return found


def goes_back(payment: Payment) -> None:
    """The provider says that all of a payment went back, by hand."""
    facts = payment.captured_cents, RefundOutcome.SUCCEEDED, None, clock.now_utc()
    record_refund(payment.id, RefundResult(f"re_{payment.id.hex}", None, *facts))


def paid_with(scene: Scene, booking: Booking, label: str) -> Payment:
    payment = scene.payment_of(booking.id)
    payment.method_label = label
    scene.session.commit()
    return payment


def test_extra_work_that_was_debited_names_the_debit(session: Any, provider: Provider, run_jobs: Any) -> None:
    scene = Extending.of_now(session)
    booking = scene.in_workshop()
    price = paid_with(scene, booking, "visa 4242")
    saver(provider, booking.user)(account="sepa")
    extension = scene.held(booking)
    complete(scene, booking, run_jobs)
    provider.process.advance(700)
    extra = settle_payment(payments(extension)[-1].id)
    goes_back(extra)
    goes_back(price)
    session.expire_all()
    price_cents, extra_cents = price.captured_cents, extra.captured_cents
    assert told(session.get(Booking, booking.id)) == [
        (DocumentKind.RECEIPT, price_cents, [VISA]),
        (DocumentKind.RECEIPT, extra_cents, [DEBIT]),
        (DocumentKind.REFUND, extra_cents, [DEBIT]),
        (DocumentKind.REFUND, price_cents, [VISA]),
    ]


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_the_fee_of_a_late_move_names_what_the_fee_was_paid_with(
    session: Any, frozen_clock: Callable[..., Any], is_known: bool
) -> None:
    scene = Scene(session)
    booking = scene.booked()
    paid_with(scene, booking, "visa 4242")
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        slots = scene.slots
        moved = bookings.move(booking.user, booking.id, slots[7].id, slots[9].id, accepted_fee_cents=2500)
        fee = succeed(scene.payment_of(moved.move_id, PaymentPurpose.MOVE_FEE))
        fee.method_label = "mastercard 4444" if is_known else None
        session.commit()
        goes_back(fee)
    named = [MASTERCARD] if is_known else []
    assert told(booking)[1:] == [(DocumentKind.FEE, 2500, named), (DocumentKind.REFUND, 2500, named)]


def test_a_kept_fee_names_no_method(session: Any, frozen_clock: Callable[..., Any]) -> None:
    scene = Scene(session)
    booking = scene.booked()
    paid_with(scene, booking, "visa 4242")
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        bookings.cancel(booking.user, booking.id, accepted_fee_cents=2500)
    assert told(booking)[1:] == [(DocumentKind.FEE, 2500, [])]


@pytest.mark.usefixtures("frozen_clock")
def test_a_receipt_that_was_given_out_does_not_change(session: Any, frozen_clock: Callable[..., Any]) -> None:
    trips = Trips(session, frozen_clock, ronjas=2)
    booking = trips.booked()
    receipt = session.query(Document).filter_by(kind=DocumentKind.RECEIPT).one()
    before = pdf_of(booking, receipt, "de")
    bookings.move(booking.user, booking.id, trips.slots[5].id, trips.slots[7].id, accepted_fee_cents=0)
    booking.customer_name, booking.pickup_address = "Rosa Eiche", "Musterweg 9"
    bookings.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR, early=True, brought=True)
    session.expire_all()
    assert pdf_of(booking, receipt, "de") == before
    assert "Do, 26. Nov." in text_of(before)
