"""A car arrives at the workshop: checked in, with what was found: which car it is, its mileage, where its keys are."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings import hooks, lifecycle, messages
from b2c_web.bookings.access import lock_as_workshop
from b2c_web.bookings.models import Booking
from b2c_web.bookings.naming import SeenCar, set_seen_car, set_vehicle
from b2c_web.bookings.rules import ArrivalDoubt, BookingAction, MileageDoubt, arrival_doubts, mileage_doubt
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid
from b2c_web.flask_extensions import db
from b2c_web.formatting import kilometres, moment
from b2c_web.notifications.models import NotificationKind

DOUBTS = {
    MileageDoubt.LOWER: _l("Am %(at)s waren es schon %(known)s. Stimmt die Zahl, dann bestätigen Sie sie."),
    MileageDoubt.HIGHER: _l("Am %(at)s waren es erst %(known)s. Stimmt die Zahl, dann bestätigen Sie sie."),
}
# what has to be said with a yes, by the field that says it
UNSAID: dict[ArrivalDoubt, tuple[str, Any]] = {
    ArrivalDoubt.EARLY: ("early", _l("Bitte bestätigen: Das Auto ist vor seinem Termin da.")),
    ArrivalDoubt.BROUGHT: ("brought", _l("Bitte bestätigen: Der Kunde hat das Auto selbst gebracht.")),
}


@dataclass(frozen=True, slots=True)
class KnownMileage:
    km: int
    at: datetime


def check_in(
    staff: User,
    booking_id: uuid.UUID,
    *,
    mileage_km: int,
    car: dict[str, Any] | None = None,
    seen: SeenCar | None = None,
    keys_at: str = "",
    parked_at: str = "",
    mileage_confirmed: bool = True,
    early: bool = False,
    brought: bool = False,
) -> None:
    """The car is in the workshop: IN_WORKSHOP. `car` (license_plate, make, model, year, vin) names one not named yet,
    `seen` says that the car differs from the booked one.

    `early` and `brought` are the yes to a car that comes before its booked day, or without the jockey that was
    booked; the audit log keeps it. A concierge car that the customer brought drops its trips and Ronja and refunds
    the concierge price. A pickup that is still running ends: the car has arrived. Raises Conflict, and Invalid naming
    the field: its code is "mileage_doubt" for a strange mileage that nobody confirmed, "early" or "brought" for what
    nobody said.
    """
    if mileage_km < 0:
        raise Invalid(_l("Der Kilometerstand kann nicht negativ sein."), field="mileage_km")
    with command_transaction():
        booking = lock_as_workshop(staff, booking_id)
        doubts = arrival_doubts(booking, _booked_on(booking), today_in(ZONE))
        _need_said(doubts, {ArrivalDoubt.EARLY: early, ArrivalDoubt.BROUGHT: brought})
        _name_car(booking, car, seen)
        if not mileage_confirmed:
            ask_back(booking, mileage_km)
        facts: dict[str, Any] = {"mileage_km": mileage_km, "keys_at": keys_at, "parked_at": parked_at}
        facts["new_date_until"] = None  # whoever was not there has come after all
        lifecycle.advance(booking, BookingAction.CHECK_IN, workshop_checkin_at=now_utc(), **facts)
        _note_said(booking, doubts)
        brought = ArrivalDoubt.BROUGHT in doubts
        back_cents = lifecycle.drop_concierge(booking) if brought else 0
        hooks.checked_in(booking)
        messages.send(NotificationKind.IN_WORKSHOP, booking, brought=brought, refund_cents=back_cents)


def _name_car(booking: Booking, car: dict[str, Any] | None, seen: SeenCar | None) -> None:
    if seen is not None:
        set_seen_car(booking, seen)
    set_vehicle(booking, car)


def _booked_on(booking: Booking) -> date:
    return booking.slot.start_time.astimezone(ZONE).date()


def _need_said(doubts: list[ArrivalDoubt], said: dict[ArrivalDoubt, bool]) -> None:
    unsaid = next((doubt for doubt in doubts if not said[doubt]), None)
    if unsaid is not None:
        field, words = UNSAID[unsaid]
        raise Invalid(words, field=field, code=field)


def _note_said(booking: Booking, doubts: list[ArrivalDoubt]) -> None:
    """The yes to what was unusual, by whoever checks in."""
    for doubt in doubts:
        noted = {"confirmed": True, "booked_for": _booked_on(booking).isoformat()}
        audit.record(f"booking.{UNSAID[doubt][0]}", "booking", booking.id, before={"confirmed": False}, after=noted)


def last_mileage(booking: Booking) -> KnownMileage | None:
    """The newest mileage of the booking's car that somebody wrote down, at a door or at a check-in."""
    known = [KnownMileage(*fact) for ask in hooks.known_mileage.functions for fact in ask(booking)]
    checked_in = (
        select(Booking.mileage_km, Booking.workshop_checkin_at)
        .where(Booking.vehicle_id == booking.vehicle_id)
        .where(Booking.mileage_km.is_not(None), Booking.workshop_checkin_at.is_not(None))
        .order_by(Booking.workshop_checkin_at.desc())
        .limit(1)
    )
    if booking.vehicle_id is not None:
        known += [KnownMileage(km, at) for km, at in db.session.execute(checked_in)]  # type: ignore[arg-type]
    return max(known, key=lambda one: one.at, default=None)


def ask_back(booking: Booking, mileage_km: int) -> None:
    """Step: a mileage that nobody confirmed. Raises Invalid with the code "mileage_doubt" when it is strange."""
    known = last_mileage(booking)
    doubt = mileage_doubt(mileage_km, known.km, (now_utc() - known.at).days) if known else None
    if known and doubt:
        words = DOUBTS[doubt] % {"at": moment(known.at), "known": kilometres(known.km)}
        raise Invalid(words, field="mileage_km", code="mileage_doubt")
