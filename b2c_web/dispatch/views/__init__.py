"""The dispatcher's day and the jockey's phone."""

from b2c_web.dispatch.views import board, car_back, door, jockey

__all__ = ["board", "car_back", "door", "jockey"]
