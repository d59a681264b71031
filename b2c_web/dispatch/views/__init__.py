"""The dispatcher's day and the jockey's phone."""

from b2c_web.dispatch.views import jockey

__all__ = ["jockey"]
