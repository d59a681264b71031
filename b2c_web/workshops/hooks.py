"""What others want to know of a workshop's capacity, in the transaction that changes it."""

from b2c_web.hooks import HookList

# (workshop_id, first day, last day): maxima, windows or days between two local dates were changed by staff
capacity_changed = HookList("workshops.capacity_changed")

ALL = (capacity_changed,)
