"""Every read of the registry that takes more than one table; one module a theme."""

from stations.queries.audit import ENTITIES, audit_entries, audit_lines
from stations.queries.coverage import (
    ServiceRadius,
    TownshipCover,
    cover_by_township,
    distance_km,
    service_radius,
    villages,
)
from stations.queries.history import HistoryStep, history
from stations.queries.people import handhelds, members, possible_holders, region_changes
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
from stations.queries.regions import children, divisions, own_counties
from stations.queries.stations import (
    Listed,
    Tree,
    counties_with_stations,
    listed,
    placed,
    service_words,
    townships_of,
    tree,
)

__all__ = [
    "ENTITIES",
    "BuildingGround",
    "HistoryStep",
    "Listed",
    "ServiceRadius",
    "TownshipCover",
    "Tree",
    "audit_entries",
    "audit_lines",
    "building_ground",
    "children",
    "counties_named",
    "counties_with_stations",
    "cover_by_township",
    "distance_km",
    "divisions",
    "handhelds",
    "history",
    "listed",
    "members",
    "next_level",
    "own_counties",
    "owners",
    "parents_for",
    "placed",
    "places_for",
    "possible_holders",
    "region_changes",
    "service_radius",
    "service_words",
    "townships_of",
    "townships_to_build_in",
    "tree",
    "villages",
]
