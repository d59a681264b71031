"""The pages of planning: month, day, weekly template."""

from b2c_web.capacity.views import month

__all__ = ["month"]
