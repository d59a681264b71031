"""A booking's pages: the five steps before it, paying, and everything about it afterwards."""

from b2c_web.bookings.views import car, changes, choosing, contact, desk, mine, papers, paying, returns, summary

__all__ = ["car", "changes", "choosing", "contact", "desk", "mine", "papers", "paying", "returns", "summary"]
