"""The pages of planning: month, day, weekly template."""

from b2c_web.capacity.views import day, month, template

__all__ = ["day", "month", "template"]
