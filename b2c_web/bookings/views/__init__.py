"""A booking's pages: the wizard before it, paying, and everything about it afterwards."""

from b2c_web.bookings.views import changes, mine, papers, paying, summary, wizard

__all__ = ["changes", "mine", "papers", "paying", "summary", "wizard"]
