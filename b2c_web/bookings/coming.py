"""The jockeys' tours of one booking, as its page tells them: who comes, who is at the door, and what was when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from b2c_web.bookings import hooks
from b2c_web.bookings.models import AssignmentType, Booking


class Named(Protocol):
    @property
    def name(self) -> str: ...


class Tour(Protocol):
    """What dispatch knows of a trip that was given to a jockey.

    `expected_at`: at the door, as the message told it; `departed_at`: from the door, with the handover made.
    """

    @property
    def type(self) -> AssignmentType: ...
    @property
    def jockey(self) -> Named: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def expected_at(self) -> datetime | None: ...
    @property
    def arrived_at(self) -> datetime | None: ...
    @property
    def departed_at(self) -> datetime | None: ...
    @property
    def is_coming(self) -> bool: ...


def tours_of(booking: Booking) -> list[Tour]:
    """All tours of a booking, in order of time."""
    return [tour for ask in hooks.tours_of.functions for tour in ask(booking)]


def coming(tours: Sequence[Tour]) -> Tour | None:
    """Rule: the tour whose jockey is on the way to the customer, or at the door."""
    return next((tour for tour in tours if tour.is_coming), None)


def is_late(tour: Tour, now: datetime) -> bool:
    """Rule: was the jockey to be there already?"""
    return tour.arrived_at is None and tour.expected_at is not None and tour.expected_at < now


def fetched_at(tours: Sequence[Tour]) -> datetime | None:
    """Rule: when a jockey drove off with the customer's car."""
    left = [one.departed_at for one in tours if one.type is AssignmentType.PICKUP and one.departed_at]
    return max(left, default=None)


def left_at(tours: Sequence[Tour]) -> datetime | None:
    """Rule: when a jockey last set out to bring the car back."""
    started = [one.started_at for one in tours if one.type is AssignmentType.RETURN and one.started_at]
    return max(started, default=None)
