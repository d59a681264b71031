"""What happens to the right of bookings, in a booking's own transaction. Each takes the Booking."""

from b2c_web.hooks import HookList

confirmed = HookList("bookings.confirmed")
cancelled = HookList("bookings.cancelled")  # any end of a booking that had been confirmed
withdrawn = HookList("bookings.withdrawn")  # it goes on: until staff end it, or home when the work is done
moved = HookList("bookings.moved")
checked_in = HookList("bookings.checked_in")  # the car is in the workshop
ready_for_return = HookList("bookings.ready_for_return")
brought_by_customer = HookList("bookings.brought_by_customer")  # concierge booked, but the car came by itself
rework = HookList("bookings.rework")
return_replanned = HookList("bookings.return_replanned")
collected = HookList("bookings.collected")  # the customer fetched the car at the workshop
refunded = HookList("bookings.refunded")
fee_paid = HookList("bookings.fee_paid")  # the fee of a late move
completing = HookList("bookings.completing")  # the work is about to be completed; a raise refuses it
not_ready_before = HookList("bookings.not_ready_before")  # asked with the Booking: an instant, or None
undecided = HookList("bookings.undecided")  # asked with the Booking: is money of its work still undecided?
drives = HookList("bookings.drives")  # asked with a User and a booking's id: does this person know its trips?
is_driving = HookList("bookings.is_driving")  # asked the same: is this person on one of its trips right now?
on_the_road = HookList("bookings.on_the_road")  # asked with the Booking: does a jockey have its car right now?
tours_of = HookList("bookings.tours_of")  # asked with the Booking: its coming.Tours, in order of time
known_mileage = HookList("bookings.known_mileage")  # asked with the Booking: [(km, instant), ...]
places_freed = HookList("bookings.places_freed")  # with what was given back, a list of counters.Held
other_car = HookList("bookings.other_car")  # another car came than the booked one
open_work = HookList("bookings.open_work")  # asked with a user's and a vehicle's id: [wishes.OpenWork, ...]
wished = HookList("bookings.wished")  # within the claim, with (booking's, user's, vehicle's id, keys of open work)
extra_work_of = HookList("bookings.extra_work_of")  # asked with the Booking: [{name, quantity, sum_cents, done}, ...]
cents_beside = HookList(
    "bookings.cents_beside"
)  # asked with the Booking: cents beside its own that a withdrawal gives back
is_due = HookList("bookings.is_due")  # asked with the Booking: is money for its work owed, or on its way to us?
extra_costs_of = HookList("bookings.extra_costs_of")  # asked with the Booking: its extra_work.ExtraCosts, oldest first
late_refunds_of = HookList("bookings.late_refunds_of")  # asked with the Booking: Refunds of late money for its work
waits_for = HookList("bookings.waits_for")  # asked with bookings' ids: the set of those whose customer is to answer
wishes_of = HookList("bookings.wishes_of")  # asked with the Booking: [{name, quantity, cents as then}, ...]

ALL = (
    confirmed,
    cancelled,
    withdrawn,
    moved,
    checked_in,
    ready_for_return,
    brought_by_customer,
    rework,
    return_replanned,
    collected,
    refunded,
    fee_paid,
    completing,
    not_ready_before,
    undecided,
    drives,
    is_driving,
    on_the_road,
    tours_of,
    places_freed,
    other_car,
    open_work,
    wished,
    extra_work_of,
    cents_beside,
    is_due,
    extra_costs_of,
    late_refunds_of,
    waits_for,
    wishes_of,
)
