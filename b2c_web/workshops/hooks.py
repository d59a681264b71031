"""What happens to the right of workshops, in the transaction of the command that changed something."""

from b2c_web.hooks import HookList

room_changed = HookList("workshops.room_changed")  # with the workshop's id; days, windows, shifts, jockeys or Ronjas

ALL = (room_changed,)
