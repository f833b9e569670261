"""Every read of the registry that takes more than one table; one module a theme."""

from stations.queries.coverage import (
    ServiceRadius,
    TownshipCover,
    cover_by_township,
    distance_km,
    service_radius,
    villages,
    villages_without_outlet,
)
from stations.queries.history import HistoryStep, history
from stations.queries.places import (
    BuildingGround,
    building_ground,
    counties_named,
    next_level,
    owners,
    parents_for,
    places_for,
    townships_to_build_in,
)
from stations.queries.stations import Tree, listed, placed, service_words, townships_of, tree

__all__ = [
    "BuildingGround",
    "HistoryStep",
    "ServiceRadius",
    "TownshipCover",
    "Tree",
    "building_ground",
    "counties_named",
    "cover_by_township",
    "distance_km",
    "history",
    "listed",
    "next_level",
    "owners",
    "parents_for",
    "placed",
    "places_for",
    "service_radius",
    "service_words",
    "townships_of",
    "townships_to_build_in",
    "tree",
    "villages",
    "villages_without_outlet",
]
