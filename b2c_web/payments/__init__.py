"""Payments: the blueprint only."""

from flask import Blueprint

blueprint = Blueprint("payments", __name__)
