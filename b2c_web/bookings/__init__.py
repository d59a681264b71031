"""Bookings: the blueprint only."""

from flask import Blueprint

blueprint = Blueprint("bookings", __name__)
