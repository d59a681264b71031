"""Vehicles: the blueprint only."""

from flask import Blueprint

blueprint = Blueprint("vehicles", __name__)
