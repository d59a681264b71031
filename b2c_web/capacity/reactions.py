"""What bookings and workshops tell planning, in their own transaction."""

from flask import Flask
from flask_login import current_user

from b2c_web.access import may
from b2c_web.bookings import hooks
from b2c_web.capacity import moves, waiting
from b2c_web.workshops.hooks import room_changed


def register(app: Flask) -> None:
    """Fill their hooks, and let its pages find an open request and the waiting list."""
    hooks.moved.add(moves.end_open_offer)
    hooks.cancelled.add(moves.end_open_offer)
    hooks.places_freed.add(waiting.note_freed)
    hooks.waits_for.add(moves.waiting_for_customer)
    hooks.confirmed.add(waiting.note_confirmed)
    room_changed.add(waiting.note_room)
    app.jinja_env.globals["open_offer_of"] = moves.open_offer_of
    app.jinja_env.globals["has_waited"] = has_waited


def has_waited() -> bool:
    """Is or was the customer at this request on a waiting list?"""
    return may("bookings.own") and waiting.has_entries(current_user)
