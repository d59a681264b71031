"""Extensions: the blueprint, and what they do in their neighbours' hooks."""

from flask import Blueprint

blueprint = Blueprint("extensions", __name__)
