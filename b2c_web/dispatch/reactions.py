"""What a booking's life means for its trips. Registered in bookings' hooks, runs in the booking's transaction."""

from b2c_web.bookings import hooks
from b2c_web.bookings.models import AssignmentType, Booking
from b2c_web.clock import now_utc
from b2c_web.dispatch import car_back, planning
from b2c_web.dispatch.models import CancelReason
from b2c_web.dispatch.queries import reserved_ronja
from b2c_web.dispatch.replanning import is_due

PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN


def assign_pickup(booking: Booking) -> None:
    """Confirmed: the PICKUP is given to a jockey, with the reserved Ronja."""
    planning.assign(booking, PICKUP)


def end_all(booking: Booking) -> None:
    """Cancelled before the pickup: nobody drives."""
    for kind in AssignmentType:
        planning.end_open(booking, kind, CancelReason.BOOKING_CANCELLED)


def plan_pickup_again(booking: Booking) -> None:
    """Moved: the pickup is planned anew, for its new window and Ronja."""
    planning.end_open(booking, PICKUP, CancelReason.REDISPATCHED)
    planning.assign(booking, PICKUP)


def end_running_pickup(booking: Booking) -> None:
    """Checked in: the car has arrived, and its jockey is free, whatever is still to be pressed."""
    planning.finish_pickup(booking)


def assign_return(booking: Booking) -> None:
    """The work is done, or staff ended it with the car here: the RETURN is made from its trip's plan."""
    planning.assign(booking, RETURN)


def end_pickup(booking: Booking) -> None:
    """The customer brought the car: nobody picks it up."""
    planning.end_open(booking, PICKUP, CancelReason.BOOKING_CANCELLED)


def take_return_back(booking: Booking) -> None:
    """Rework: the return waits until the work is done again. The car is here, also after a return that failed."""
    car_back.is_here(booking)
    planning.end_open(booking, RETURN, CancelReason.REDISPATCHED)


def plan_return_again(booking: Booking) -> None:
    """A new return window: the RETURN is planned anew, once the car is ready."""
    planning.end_open(booking, RETURN, CancelReason.REDISPATCHED)
    if is_due(booking, RETURN):
        planning.assign(booking, RETURN)


def end_trips(booking: Booking) -> None:
    """The customer collects the car at the workshop and brings the Ronja."""
    planning.finish_pickup(booking)
    planning.end_open(booking, RETURN, CancelReason.BOOKING_CANCELLED)
    ronja_id = reserved_ronja(booking.id)
    if ronja_id is not None:
        planning.ronja_home(ronja_id, now_utc())


def register() -> None:
    """Fill the bookings' hooks. Doing it twice changes nothing."""
    hooks.confirmed.add(assign_pickup)
    hooks.cancelled.add(end_all)
    hooks.moved.add(plan_pickup_again)
    hooks.checked_in.add(end_running_pickup)
    hooks.ready_for_return.add(assign_return)
    hooks.brought_by_customer.add(end_pickup)
    hooks.rework.add(take_return_back)
    hooks.return_replanned.add(plan_return_again)
    hooks.collected.add(end_trips)
