"""The dispatcher's day and the jockey's phone."""

from b2c_web.dispatch.views import board, door, jockey

__all__ = ["board", "door", "jockey"]
