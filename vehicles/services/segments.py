"""One road by hand: a new one, or what is known of one that is there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from vehicles.models import RoadSegment
from vehicles.queries import roads as reads
from vehicles.services.import_roads import RoadsImported, add_roads, lock_roads, refresh_digest
from vehicles.services.road_files import Roads, hand_way

FIELDS = ("name", "road_class", "surface", "width_cm", "one_way", "closed_from", "closed_to", "responsible")


def add_road(*, county_code: str, cells: Mapping[str, str], name: str, by: User, at: datetime) -> RoadsImported:
    """A road as a line of the table would say it (road_files.COLUMNS). `name`: of the edition, where it is the first.
    Refused with the column as the pointer."""
    way, points = hand_way(cells, stations=reads.station_points(county_code), ref=-1)
    refs: dict[tuple[float, float], int] = {}
    nodes = tuple(refs.setdefault(point, -len(refs) - 1) for point in points)
    found = Roads({ref: point for point, ref in refs.items()}, [replace(way, nodes=nodes)])
    return add_roads(county_code=county_code, found=found, name=name, by=by, at=at)


def change_road(*, segment: RoadSegment, values: Mapping[str, object], by: User, at: datetime) -> int:
    """Set FIELDS of the whole road a segment belongs to; returns how many segments. Conflict "import_running"."""
    chosen = {key: values[key] for key in FIELDS if key in values}
    with transaction.atomic():
        lock_roads(segment.county_code)
        before = {key: getattr(segment, key) for key in chosen}
        changed = reads.way_segments(segment).update(**chosen)
        refresh_digest(segment.edition)
        audit(
            actor=by,
            action="road.changed",
            entity="roadsegment",
            entity_id=segment.pk,
            label=segment.name,
            county_code=segment.county_code,
            at=at,
            before=before,
            after=dict(chosen),
        )
    return changed
