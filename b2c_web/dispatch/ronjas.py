"""Which Ronja a booking gets: what a dispatcher can choose from, and giving it another one, if need be by a swap."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from b2c_web import audit
from b2c_web.bookings.availability import read_ronjas
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus, RonjaReservation
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.dispatch.doubts import Holder, holders
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.dispatch.rules import OPEN
from b2c_web.errors import Conflict, Invalid
from b2c_web.flask_extensions import db
from b2c_web.workshops.generation import local_day
from b2c_web.workshops.models import RonjaVehicle
from b2c_web.workshops.rules import RonjaPlan

GONE = _l("Diese Ronja ist schon auf dem Weg oder beim Kunden und lässt sich nicht mehr tauschen.")
NOT_FREE = _l("Diese Ronja ist in der Zeit einer anderen Buchung zugesagt.")
UNUSABLE = _l("Diese Ronja ist in der Zeit nicht einsetzbar.")
CONSTRAINT = "ex_ronja_reservations_overlap"
Plans = Mapping[uuid.UUID, RonjaPlan]  # of the Ronjas that can be planned at all


@dataclass(frozen=True, slots=True)
class Choice:
    """A Ronja for a booking. `takes`: the reservations in its way; `is_swap`: the one in its way can take ours.

    `holder`: who still has it, when it is wanted today.
    """

    ronja: RonjaVehicle
    is_reserved: bool
    is_usable: bool
    takes: list[RonjaReservation]
    is_swap: bool
    holder: Holder | None = None

    @property
    def is_possible(self) -> bool:
        return self.is_reserved or (self.is_usable and (not self.takes or self.is_swap))

    @property
    def free_at(self) -> datetime | None:
        """When the last reservation in the way ends."""
        ends = [one.during.upper for one in self.takes if one.during.upper]
        return max(ends, default=None)


def may_change(booking: Booking) -> bool:
    """Is the Ronja still at the workshop? From the moment a jockey sets out with it, it stays."""
    return booking.status is BookingStatus.CONFIRMED and not _under_way([booking.id])


def choices(booking: Booking) -> list[Choice]:
    """The workshop's Ronjas for this booking by plate; empty when it has no reservation. Seven statements."""
    mine = _reservation(booking.id)
    if mine is None or mine.during.lower is None or mine.during.upper is None:
        return []
    cars = select(RonjaVehicle).where(RonjaVehicle.workshop_id == booking.workshop_id)
    plans = {plan.ronja_id: plan for plan in read_ronjas(booking.workshop_id, mine.during.lower, mine.during.upper)}
    others = _in_the_way(mine)
    swappable = _swappable(mine, others, plans)
    fleet = db.session.scalars(cars.order_by(RonjaVehicle.license_plate)).all()
    is_near = local_day(mine.during.lower) <= today_in(ZONE)
    still_with = holders([car.id for car in fleet], booking.id) if is_near else {}
    found = []
    for car in fleet:
        takes = [one for one in others if one.ronja_id == car.id]
        is_swap = len(takes) == 1 and takes[0].id in swappable
        drives, holder = _drives_until(plans.get(car.id), mine), still_with.get(car.id)
        found.append(Choice(car, car.id == mine.ronja_id, drives, takes, is_swap, holder))
    return found


def _drives_until(plan: RonjaPlan | None, reservation: RonjaReservation) -> bool:
    """Can the Ronja be planned, and is its service not due before that reservation ends?"""
    end = reservation.during.upper
    return plan is not None and end is not None and plan.usable_until >= int(end.timestamp())


def partner_of(booking_id: uuid.UUID, ronja_id: uuid.UUID) -> uuid.UUID | None:
    """The booking that a change to this Ronja would swap with, so that its row can be locked in order."""
    mine = _reservation(booking_id)
    takes = [one for one in _in_the_way(mine) if one.ronja_id == ronja_id] if mine else []
    return takes[0].booking_id if len(takes) == 1 else None


def change_ronja(booking: Booking, ronja_id: uuid.UUID) -> None:
    """Step: the booking, and its open assignment, get another Ronja; one that is promised is swapped when both fit.

    The booking's row, and that of `partner_of`, must be locked. Raises Conflict, Invalid naming `ronja_id`.
    """
    mine = _reservation(booking.id)
    chosen = next((one for one in choices(booking) if one.ronja.id == ronja_id), None)
    if mine is None or chosen is None or not chosen.is_usable:
        raise Invalid(UNUSABLE, field="ronja_id", code="unusable")
    if not may_change(booking):
        raise Conflict(GONE, code="ronja_gone", field="ronja_id")
    if not chosen.is_possible:
        raise Conflict(NOT_FREE, code="ronja_taken", field="ronja_id")
    before = mine.ronja_id
    moves = [(mine, ronja_id), *((other, before) for other in chosen.takes)]
    _exchange(moves)
    for reservation, new_id in moves:
        _follow(reservation.booking_id, new_id)
    audit.record(
        "booking.change_ronja",
        "booking",
        booking.id,
        before={"ronja_id": str(before)},
        after={"ronja_id": str(ronja_id), "swapped_with": [str(one.booking_id) for one in chosen.takes]},
    )


def _exchange(moves: Sequence[tuple[RonjaReservation, uuid.UUID]]) -> None:
    """Two reservations can only change places when the constraint looks at the end, not in between."""
    try:
        db.session.execute(text(f"SET CONSTRAINTS {CONSTRAINT} DEFERRED"))
        for reservation, ronja_id in moves:
            reservation.ronja_id = ronja_id
        db.session.flush()
        db.session.execute(text(f"SET CONSTRAINTS {CONSTRAINT} IMMEDIATE"))
    except IntegrityError as error:
        raise Conflict(NOT_FREE, code="ronja_taken", field="ronja_id") from error


def _follow(booking_id: uuid.UUID, ronja_id: uuid.UUID) -> None:
    """The assignment's Ronja is always the reserved one."""
    db.session.execute(
        update(JockeyAssignment)
        .where(JockeyAssignment.booking_id == booking_id, JockeyAssignment.status.in_(OPEN))
        .values(vehicle_id=ronja_id)
    )


def _reservation(booking_id: uuid.UUID) -> RonjaReservation | None:
    statement = select(RonjaReservation).where(RonjaReservation.booking_id == booking_id)
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def _in_the_way(mine: RonjaReservation) -> list[RonjaReservation]:
    """Reservations of the workshop's other bookings that meet this one's time, whichever Ronja they have."""
    workshop = select(RonjaVehicle.workshop_id).where(RonjaVehicle.id == mine.ronja_id).scalar_subquery()
    statement = (
        select(RonjaReservation)
        .join(RonjaReservation.ronja)
        .where(RonjaVehicle.workshop_id == workshop)
        .where(RonjaReservation.during.overlaps(mine.during), RonjaReservation.booking_id != mine.booking_id)
        .options(joinedload(RonjaReservation.booking))
        .order_by(func.lower(RonjaReservation.during))
    )
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def _swappable(mine: RonjaReservation, others: Sequence[RonjaReservation], plans: Plans) -> set[uuid.UUID]:
    """Those of the others whose Ronja is still here, and whose whole time ours is free and can drive."""
    lowers, uppers = [one.during.lower for one in others], [one.during.upper for one in others]
    if not others or None in lowers or None in uppers:
        return set()
    ours = select(RonjaReservation.during).where(
        RonjaReservation.ronja_id == mine.ronja_id,
        RonjaReservation.id != mine.id,
        RonjaReservation.during.overlaps(Range(min(lowers), max(uppers))),  # type: ignore[type-var]
    )
    taken, under_way = db.session.scalars(ours).all(), _under_way([one.booking_id for one in others])
    return {
        one.id
        for one in others
        if one.booking.status is BookingStatus.CONFIRMED
        and one.booking_id not in under_way
        and _drives_until(plans.get(mine.ronja_id), one)
        and not any(one.during.overlaps(span) for span in taken)
    }


def _under_way(booking_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these bookings for which a jockey has set out with the Ronja."""
    statement = select(JockeyAssignment.booking_id).where(
        JockeyAssignment.booking_id.in_(booking_ids),
        JockeyAssignment.type == AssignmentType.PICKUP,
        JockeyAssignment.status.in_(OPEN),
        JockeyAssignment.status != AssignmentStatus.ASSIGNED,
    )
    return set(db.session.scalars(statement))
