"""A workshop with two open days, and what tests do in it: claim, pay, look at the counters."""

import uuid
from datetime import date
from typing import Any

from b2c_web.bookings.availability import Question
from b2c_web.bookings.claim import BookingRequest, book
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import Place
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import now_utc
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.gateway import Outcome, PaymentSnapshot
from b2c_web.payments.models import Payment, PaymentPurpose, Refund
from b2c_web.payments.recording import record
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.generation import refresh_jockey_room
from b2c_web.workshops.models import TimeSlot, WorkshopCapacity
from tests.factories import (
    DORTMUND,
    make_customer,
    make_days,
    make_jockey,
    make_ronja,
    make_services,
    make_shifts,
    make_workshop,
)

FIRST = date(2026, 11, 26)  # Thursday, two days after the frozen Tuesday
PLACE = Place("Am Beispielweg 12", "44137", "Dortmund", DORTMUND["lat"], DORTMUND["lng"])
TOTAL_CENTS = 24900 + 4000 + 3900


class Scene:
    """One workshop with two open days, Ronjas, a jockey on both days, and requests for it."""

    def __init__(
        self,
        session: Any,
        *,
        ronjas: int = 1,
        first: date = FIRST,
        days: int = 2,
        places: int = 4,
        percent: int = 300,
        **slot_facts: Any,
    ) -> None:
        make_services()
        self.session, self.first = session, first
        self.workshop = make_workshop(jockey_overbooking_percent=percent)  # one jockey has the minutes of three
        self.slots = make_days(self.workshop, first, days, places=places, **slot_facts)
        self.ronjas = [make_ronja(self.workshop) for _n in range(ronjas)]
        self.jockey = make_jockey(self.workshop)
        make_shifts([self.jockey], first, days)
        if not slot_facts.keys() & {"jockey_minutes_room", "longest_trip_minutes"}:
            refresh_jockey_room(self.workshop.id, first)
        session.commit()

    def request(self, slot: int = 0, back: int | None = 2, **facts: Any) -> BookingRequest:
        """A midsize car's brake service from Dortmund; `back` None is a drop-off."""
        concierge = back is not None
        question = Question(self.workshop.id, ServiceType.BRAKE_SERVICE, VehicleClass.MIDSIZE, concierge, 23)
        defaults: dict[str, Any] = {
            "user_id": make_customer().id,
            "draft_id": uuid.uuid4(),
            "network": "127.0.0.0/24",
            "question": question,
            "slot_id": self.slots[slot].id,
            "return_slot_id": self.slots[back].id if back is not None else None,
            "place": PLACE,
            "customer_name": "Person am Beispielweg",
            "customer_phone": "+4923021234567",
            "shown_total_cents": TOTAL_CENTS if concierge else TOTAL_CENTS - 3900,
        }
        return BookingRequest(**{**defaults, **facts})

    def book(self, slot: int = 0, back: int | None = 2, **facts: Any) -> Booking:
        """A PENDING booking."""
        return self.session.get(Booking, book(self.request(slot, back, **facts)))

    def pay(self, booking: Booking) -> Payment:
        """The provider says that the booking's money came."""
        payment = self.payment_of(booking.id)
        return succeed(payment)

    def booked(self, slot: int = 0, back: int | None = 2, **facts: Any) -> Booking:
        """A paid booking."""
        booking = self.book(slot, back, **facts)
        self.pay(booking)
        self.session.expire_all()
        return booking

    def payment_of(self, purpose_id: uuid.UUID, purpose: PaymentPurpose = PaymentPurpose.BOOKING) -> Payment:
        return self.session.query(Payment).filter_by(purpose=purpose, purpose_id=purpose_id).one()

    def counts(self) -> tuple[list[int], list[int], list[int]]:
        """Bookings per day, bookings per window, jockey minutes per window."""
        self.session.expire_all()
        days = self.session.query(WorkshopCapacity).order_by(WorkshopCapacity.date)
        slots = self.session.query(TimeSlot).order_by(TimeSlot.start_time).all()
        return (
            [day.current_bookings for day in days],
            [slot.current_bookings for slot in slots],
            [slot.jockey_minutes_taken for slot in slots],
        )


def succeed(payment: Payment) -> Payment:
    """Record, as the webhook would, that all of a payment's money came."""
    snapshot = PaymentSnapshot(
        outcome=Outcome.PAID,
        owner=None,
        amount_cents=payment.amount_cents,
        intent_id=payment.stripe_payment_intent_id or f"pi_{payment.id.hex}",
        charge_id=f"ch_{payment.id.hex}",
        captured_cents=payment.amount_cents,
        charged_at=now_utc(),
    )
    return record(payment.id, snapshot)


def kinds(session: Any) -> list[NotificationKind]:
    return [row.kind for row in session.query(Notification).order_by(Notification.id)]


def refunds(session: Any) -> list[tuple[int, str]]:
    return [(row.amount_cents, row.reason) for row in session.query(Refund).order_by(Refund.id)]
