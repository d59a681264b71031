"""Whatever people do, in whatever order: after each step `flask verify`'s checks find nothing.

Hypothesis drives random books, payments (in time, late, twice), expiries, moves, cancellations, withdrawals, work and
capacity edits, on days of which some have a change of the clock.
"""

import uuid
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.bookings import commands, lifecycle
from b2c_web.bookings.claim import book
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.returning import replan_return
from b2c_web.bookings.rules import cancellation_terms, move_terms
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import DomainError
from b2c_web.flask_extensions import db
from b2c_web.payments.gateway import RefundOutcome, RefundResult
from b2c_web.payments.models import Payment, PaymentPurpose, Refund
from b2c_web.payments.refunding import record_refund
from b2c_web.workshops import commands as workshops
from b2c_web.workshops.models import JockeyShift, VehicleStatus
from tests.commands.scene import Scene, succeed
from tests.conftest import rolled_back
from tests.factories import make_customer, make_user

# the first day of each scene, three days ahead of its noon: summer, and both changes of the clock
FIRST_DAYS = (date(2026, 11, 26), date(2026, 10, 24), date(2027, 3, 27))
CAR = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2020}
DAYS = 3
slots = st.integers(0, DAYS * 5 - 1)
picks = st.integers(0, 50)


class Promises(RuleBasedStateMachine):
    """One workshop, two Ronjas, one jockey, a handful of places; nobody may ever be promised twice."""

    app: Flask

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.bookings: list[uuid.UUID] = []

    @initialize(first=st.sampled_from(FIRST_DAYS), places=st.integers(1, 2))
    def open_workshop(self, first: date, places: int) -> None:
        self.session = self.stack.enter_context(rolled_back(self.app))
        self.now = datetime(first.year, first.month, first.day, 11, tzinfo=UTC) - timedelta(days=2)
        self.hold_clock()
        self.scene = Scene(self.session, ronjas=2, first=first, days=DAYS, weekends=True, places=places, percent=167)
        self.staff = make_user(Role.WORKSHOP, workshop_id=self.scene.workshop.id)
        self.customers = [make_customer() for _n in range(3)]
        self.session.commit()

    def hold_clock(self) -> None:
        clock._frozen_at = self.now

    def teardown(self) -> None:
        clock._frozen_at = None
        self.stack.close()

    def attempt(self, act: Any) -> Any:
        """A refusal is fine; it must have changed nothing, which the invariant sees."""
        try:
            return act()
        except DomainError:
            return None

    def pick(self, number: int) -> Booking:
        return self.session.get(Booking, self.bookings[number % len(self.bookings)], populate_existing=True)

    @rule(who=picks, slot=slots, hours=st.integers(1, 8), concierge=st.booleans())
    def book(self, who: int, slot: int, hours: int, concierge: bool) -> None:
        back = (slot + hours) % len(self.scene.slots) if concierge else None
        customer = self.customers[who % 3]
        request = self.scene.request(slot, back, user_id=customer.id)
        booking_id = self.attempt(lambda: book(request))
        if booking_id and booking_id not in self.bookings:
            self.bookings.append(booking_id)

    @precondition(lambda self: self.bookings)
    @rule(number=picks, times=st.integers(1, 2))
    def pay(self, number: int, times: int) -> None:
        payment = self.scene.payment_of(self.pick(number).id)
        for _n in range(times):
            succeed(payment)

    @rule(minutes=st.sampled_from([10, 31, 600, 1440]))
    def wait(self, minutes: int) -> None:
        """Time passes; the worker's sweep comes every minute."""
        self.now += timedelta(minutes=minutes)
        self.hold_clock()
        for booking_id in self.bookings:
            commands.expire_hold(booking_id)
            commands.end_no_show(booking_id)

    @precondition(lambda self: self.bookings)
    @rule(number=picks)
    def give_up(self, number: int) -> None:
        booking = self.pick(number)
        self.attempt(lambda: commands.give_up(booking.user, booking.id))

    @precondition(lambda self: self.bookings)
    @rule(number=picks)
    def cancel(self, number: int) -> None:
        booking = self.pick(number)
        fee = cancellation_terms(booking, now_utc(), self.app.config).fee_cents
        self.attempt(lambda: commands.cancel(booking.user, booking.id, accepted_fee_cents=fee))

    @precondition(lambda self: self.bookings)
    @rule(number=picks)
    def withdraw(self, number: int) -> None:
        booking = self.pick(number)
        self.attempt(lambda: commands.withdraw(booking.user, booking.id))

    @precondition(lambda self: self.bookings)
    @rule(number=picks, slot=slots, hours=st.integers(1, 8), pays=st.booleans())
    def move(self, number: int, slot: int, hours: int, pays: bool) -> None:
        booking = self.pick(number)
        fee = move_terms(booking, now_utc(), self.app.config).fee_cents
        back = self.scene.slots[(slot + hours) % len(self.scene.slots)].id if booking.include_concierge else None
        to = self.scene.slots[slot].id
        self.attempt(lambda: commands.move(booking.user, booking.id, to, back, accepted_fee_cents=fee))
        waiting = self.session.query(Payment).filter_by(purpose=PaymentPurpose.MOVE_FEE).all()
        if pays:
            for payment in waiting:
                succeed(payment)

    @precondition(lambda self: self.bookings)
    @rule(number=picks, works=st.booleans())
    def check_in_and_work(self, number: int, works: bool) -> None:
        booking = self.pick(number)
        if booking.status is BookingStatus.CONFIRMED:
            self.attempt(
                lambda: commands.check_in(self.staff, booking.id, mileage_km=1, car=CAR, early=True, brought=True)
            )
        if works:
            self.attempt(lambda: commands.start_work(self.staff, booking.id, unasked=True))
            self.attempt(lambda: commands.complete_work(self.staff, booking.id))

    @precondition(lambda self: self.bookings)
    @rule(number=picks, keep=st.one_of(st.just(0), st.integers(0, 30000)))
    def cancel_by_staff(self, number: int, keep: int) -> None:
        booking = self.pick(number)
        self.attempt(
            lambda: commands.cancel_by_staff(
                self.staff, booking.id, keep_cents=keep, reason="Die Werkstatt muss diesen Auftrag leider absagen, " * 3
            )
        )

    @precondition(lambda self: self.bookings)
    @rule(number=picks, outcome=st.sampled_from([RefundOutcome.SUCCEEDED, RefundOutcome.FAILED]))
    def refunds_arrive_or_come_back(self, number: int, outcome: RefundOutcome) -> None:
        for refund in self.session.query(Refund).all():
            result = RefundResult(f"re_{refund.id.hex}", None, refund.amount_cents, outcome, str(refund.id), now_utc())
            record_refund(refund.payment_id, result)

    @precondition(lambda self: self.bookings)
    @rule(number=picks)
    def miss_the_pickup(self, number: int) -> None:
        with suppress(DomainError), command_transaction():
            booking = lock_booking(self.pick(number).id)
            lifecycle.no_show(booking)

    @precondition(lambda self: self.bookings)
    @rule(number=picks, slot=slots)
    def replan_return(self, number: int, slot: int) -> None:
        booking = self.pick(number)
        self.attempt(lambda: replan_return(self.staff, booking.id, self.scene.slots[slot].id))

    @precondition(lambda self: self.bookings)
    @rule(number=picks, slot=slots, hours=st.integers(1, 8))
    def move_by_staff(self, number: int, slot: int, hours: int) -> None:
        booking = self.pick(number)
        back = self.scene.slots[(slot + hours) % len(self.scene.slots)].id if booking.include_concierge else None
        self.attempt(lambda: commands.move_by_staff(self.staff, booking.id, self.scene.slots[slot].id, back))

    @precondition(lambda self: self.bookings)
    @rule(number=picks)
    def collect(self, number: int) -> None:
        booking = self.pick(number)
        self.attempt(lambda: commands.collect(self.staff, booking.id))

    @rule(slot=slots, places=st.integers(0, 3))
    def edit_slot(self, slot: int, places: int) -> None:
        self.attempt(lambda: workshops.set_slot_maximum(self.scene.slots[slot].id, places))

    @rule(day=st.integers(0, DAYS - 1), places=st.integers(0, 6), closed=st.booleans())
    def edit_day(self, day: int, places: int, closed: bool) -> None:
        workshop_id, on = self.scene.workshop.id, self.scene.first + timedelta(days=day)
        self.attempt(lambda: workshops.set_day_maximum(workshop_id, on, places))
        change = workshops.close_day if closed else workshops.open_day
        self.attempt(lambda: change(workshop_id, on))

    @rule(ronja=st.integers(0, 1), status=st.sampled_from([VehicleStatus.AVAILABLE, VehicleStatus.MAINTENANCE]))
    def edit_ronja(self, ronja: int, status: VehicleStatus) -> None:
        self.attempt(lambda: workshops.set_ronja_status(self.scene.ronjas[ronja].id, status))

    @rule(day=st.integers(0, DAYS - 1))
    def cut_shift(self, day: int) -> None:
        """A jockey is sick: what was promised stays promised and is counted as short."""
        shifts = self.session.query(JockeyShift).order_by(JockeyShift.starts_at).all()
        if day < len(shifts):
            self.attempt(lambda: workshops.remove_shift(shifts[day].id))

    @invariant()
    def nothing_is_broken(self) -> None:
        if hasattr(self, "scene"):
            db.session.rollback()
            assert breaches() == []


def test_promises_hold_whatever_people_do(app: Flask) -> None:
    machine = type("PromisesOfThisApp", (Promises,), {"app": app})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
