"""Dashboard: the blueprint only."""

from flask import Blueprint

blueprint = Blueprint("dashboard", __name__)
