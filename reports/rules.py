"""Distances on the map."""

from collections.abc import Sequence
from math import asin, ceil, cos, radians, sin, sqrt

EARTH_KM = 6371.0


def distance_km(lng_1: float, lat_1: float, lng_2: float, lat_2: float) -> float:
    """Great-circle distance of two points in degrees (haversine)."""
    d_lat, d_lng = radians(lat_2 - lat_1), radians(lng_2 - lng_1)
    h = sin(d_lat / 2) ** 2 + cos(radians(lat_1)) * cos(radians(lat_2)) * sin(d_lng / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(h)))


def mean_and_p90(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the smallest value that nine in ten don't exceed, to one decimal; (0, 0) for none."""
    if not values:
        return 0.0, 0.0
    ordered = sorted(values)
    return round(sum(ordered) / len(ordered), 1), round(ordered[ceil(len(ordered) * 0.9) - 1], 1)
