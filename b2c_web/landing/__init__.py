"""Landing: the blueprint only."""

from flask import Blueprint

blueprint = Blueprint("landing", __name__)
