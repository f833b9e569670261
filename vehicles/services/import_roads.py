"""Bringing in a county's roads.

1. The file is read outside the transaction (road_files.py): an OpenStreetMap extract, or a CSV entered by hand.
2. A new edition: what the file leaves open of a road (width, surface, season) stays as the edition before had it; roads
   entered by hand stay when an extract comes (road_merge.py). If the county has just that already, nothing is written.
3. Nodes and segments go in, the new edition takes the place of the old one, open incidents find their segment again: by
   the road's number, else the nearest one. The old edition's segments go; its row stays as history.
4. Or the roads of a CSV are added to those there are (`add_roads`): no new edition.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate, pairwise
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, Refused
from vehicles.models import MatrixCache, RoadEdition, RoadIncident, RoadNode, RoadSegment
from vehicles.queries import roads as reads
from vehicles.services.road_files import Roads, RowProblem, Step, Way, length_of, read_csv, read_osm
from vehicles.services.road_merge import digest_of, joined, least_way, line, stored, under
from vehicles.states import OPEN_INCIDENTS, RoadSource

OSM_CREDIT = "© OpenStreetMap contributors, ODbL"
FAR_M = 200.0  # an incident farther from every road of the new edition has none
BATCH = 5000


@dataclass
class RoadsImported:
    """What came of it. `unchanged`: the county had just these roads."""

    edition: RoadEdition | None = None
    unchanged: bool = False
    segments: int = 0
    metres: int = 0
    left_out: int = 0
    by_hand: int = 0  # roads kept from the edition before
    incidents_kept: int = 0
    incidents_lost: int = 0
    problems: list[RowProblem] = field(default_factory=list)

    @property
    def message(self) -> str:
        if self.unchanged:
            return _("The county has these roads already: nothing was written.")
        said = [
            _("%(segments)d segments, %(km).1f km; %(left_out)d ways left out, %(refused)d lines refused.")
            % {
                "segments": self.segments,
                "km": self.metres / 1000,
                "left_out": self.left_out,
                "refused": len(self.problems),
            }
        ]
        if self.by_hand:
            said.append(_("%(count)d roads entered by hand were kept.") % {"count": self.by_hand})
        if self.incidents_kept or self.incidents_lost:
            said.append(
                _("%(kept)d open incidents found their road again, %(lost)d did not.")
                % {"kept": self.incidents_kept, "lost": self.incidents_lost}
            )
        return " ".join(said)


def import_roads(
    *,
    county_code: str,
    path: Path,
    source: str,
    name: str,
    by: User | None,
    at: datetime,
    whole_file: bool = False,
    add: bool = False,
    step: Step | None = None,
) -> RoadsImported:
    """Import an extract (source "osm"; only what touches the county unless `whole_file`) or a CSV ("hand"; `add`: to
    the roads there are). One transaction; safe to run again. Refused "no_roads", "no_stations", those of road_files."""
    if source == RoadSource.OSM:
        within = None if whole_file else reads.box_around(county_code)
        if within is None and not whole_file:
            raise Refused("no_stations", _("No station of the county has a point yet: nobody knows where to cut."))
        found = read_osm(path, within=within, step=step)
    else:
        found = read_csv(path, stations=reads.station_points(county_code), step=step)
    if not found.ways:
        detail = found.problems[0].detail if found.problems else ""
        raise Refused("no_roads", _("No road of the file can be used here.") + f" {detail}", pointer="/file")
    if add:
        return add_roads(county_code=county_code, found=found, name=name, by=by, at=at)
    return replace_roads(county_code=county_code, found=found, source=source, name=name, by=by, at=at, step=step)


def replace_roads(
    *,
    county_code: str,
    found: Roads,
    source: str,
    name: str,
    by: User | None,
    at: datetime,
    step: Step | None = None,
) -> RoadsImported:
    """Make roads that were read the county's current edition. Conflict "import_running"."""
    with transaction.atomic():
        lock_roads(county_code)
        before = reads.current_edition(county_code)
        result = RoadsImported(left_out=found.left_out, problems=found.problems)
        if before and source == RoadSource.OSM:
            found, result.by_hand = under(found, stored(before))
        found.ways = [_measured(way, found) for way in found.ways]
        digest = digest_of(found)
        if before and before.digest == digest:
            result.unchanged, result.edition = True, before
            return result
        if before:
            RoadEdition.objects.filter(pk=before.pk).update(current=False)
        edition = _new_edition(county_code, source, name, found, digest, by, at)
        _write(edition, found, result, step)
        _carry_incidents(edition, result)
        if before:
            _empty(before)
        MatrixCache.objects.filter(county_code=county_code).delete()
        _note(edition, "roads.imported", result, by, at)
    result.edition = edition
    return result


def add_roads(*, county_code: str, found: Roads, name: str, by: User | None, at: datetime) -> RoadsImported:
    """Add roads entered by hand to those there are; one that stands there already, point by point, isn't doubled."""
    with transaction.atomic():
        lock_roads(county_code)
        edition = reads.current_edition(county_code) or _new_edition(
            county_code, RoadSource.HAND, name, Roads(), "", by, at
        )
        result = RoadsImported(edition=edition, problems=found.problems)
        present = stored(edition)
        drawn = {line(way, present.nodes) for way in present.ways if way.ref < 0}
        least = least_way(edition)
        placed = joined(present.nodes, found)
        nodes = {**present.nodes, **placed.nodes}
        fresh = [way for way in placed.ways if line(way, nodes) not in drawn]
        placed.ways = [_measured(replace(w, ref=least - i), placed) for i, w in enumerate(fresh, start=1)]
        if not placed.ways:
            result.unchanged = True
            return result
        placed.nodes = {ref: placed.nodes[ref] for way in placed.ways for ref in way.nodes}
        _write(edition, placed, result, None)
        refresh_digest(edition)
        _note(edition, "roads.added", result, by, at)
    return result


def refresh_digest(edition: RoadEdition) -> None:
    """After any change of its segments: whatever was reckoned on the old roads isn't found any more."""
    edition.digest = digest_of(stored(edition))
    edition.save(update_fields=["digest"])


def lock_roads(county_code: str) -> None:
    """One writer of a county's roads at a time, to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('vehicles.roads'), %s::int)", [int(county_code)])
        if not cursor.fetchone()[0]:
            raise Conflict("import_running", _("The county's roads are being changed just now. Try again in a moment."))


def _measured(way: Way, found: Roads) -> Way:
    """With its length: the whole metres its segments will have, so that what was stored reads back the same."""
    while (metres := sum(_lengths(way, found))) != way.length_m:  # a metre more for each stretch under one, at most
        way = replace(way, length_m=metres)
    return way


def _lengths(way: Way, found: Roads) -> list[int]:
    """Whole metres of each stretch, one at least: the road's length shared out as the straight lines are long."""
    straight = length_of([found.nodes[ref] for ref in way.nodes])
    total = sum(straight)
    length = total if way.length_m is None else way.length_m
    ends = [0]
    for upto in accumulate(straight):
        ends.append(max(ends[-1] + 1, round(length * upto / total) if total else 0))
    return [b - a for a, b in pairwise(ends)]


def _new_edition(
    county_code: str, source: str, name: str, found: Roads, digest: str, by: User | None, at: datetime
) -> RoadEdition:
    return RoadEdition.objects.create(
        county_code=county_code,
        name=name[:80],
        source=source,
        attribution=OSM_CREDIT if any(way.ref > 0 for way in found.ways) else "",
        made_at=at,
        made_by=by,
        current=True,
        digest=digest,
    )


def _write(edition: RoadEdition, found: Roads, result: RoadsImported, step: Step | None) -> None:
    """Insert the nodes that aren't there and all segments."""
    known = set(edition.nodes.values_list("ref", flat=True))
    used = {ref for way in found.ways for ref in way.nodes} - known
    fresh = [RoadNode(edition=edition, ref=ref, lng=found.nodes[ref][0], lat=found.nodes[ref][1]) for ref in used]
    RoadNode.objects.bulk_create(fresh, batch_size=BATCH)
    node_id = dict(edition.nodes.values_list("ref", "pk"))
    total = sum(len(way.nodes) - 1 for way in found.ways)
    batch: list[RoadSegment] = []
    for segment in _segments(edition, found, node_id):
        batch.append(segment)
        result.segments += 1
        result.metres += segment.length_m
        if len(batch) == BATCH:
            RoadSegment.objects.bulk_create(batch)
            batch = []
            if step:
                step(result.segments, total)
    RoadSegment.objects.bulk_create(batch)


def _segments(edition: RoadEdition, found: Roads, node_id: dict[int, int]) -> Iterator[RoadSegment]:
    for way in found.ways:
        first, last = way.season or (None, None)
        for (source, target), metres in zip(pairwise(way.nodes), _lengths(way, found), strict=True):
            yield RoadSegment(
                county_code=edition.county_code,
                edition=edition,
                way=way.ref,
                source_id=node_id[source],
                target_id=node_id[target],
                name=way.name,
                road_class=way.road_class,
                surface=way.surface,
                width_cm=way.width_cm,
                length_m=metres,
                one_way=way.one_way,
                closed_from=first,
                closed_to=last,
                responsible=way.responsible,
            )


def _carry_incidents(edition: RoadEdition, result: RoadsImported) -> None:
    """Open incidents to the new edition: the nearest segment of the same road, else of any within FAR_M."""
    rows = RoadIncident.objects.select_for_update().filter(county_code=edition.county_code, state__in=OPEN_INCIDENTS)
    for incident in rows.order_by("pk"):
        near: list[reads.NearRoad] = []
        if incident.lng is not None and incident.lat is not None:
            if incident.way is not None and incident.way > 0:
                near = reads.nearest_roads(edition, incident.lng, incident.lat, limit=1, way=incident.way)
            near = near or reads.nearest_roads(edition, incident.lng, incident.lat, limit=1, within_m=FAR_M)
        incident.segment = near[0].segment if near else None
        incident.way = near[0].segment.way if near else incident.way
        incident.save(update_fields=["segment", "way"])
        result.incidents_kept += bool(near)
        result.incidents_lost += not near


def _empty(edition: RoadEdition) -> None:
    """Segments and nodes of a replaced edition; past incidents keep their point."""
    RoadIncident.objects.filter(segment__edition=edition).update(segment=None)
    segments, nodes = edition.segments.order_by(), edition.nodes.order_by()
    segments._raw_delete(segments.db)
    nodes._raw_delete(nodes.db)


def _note(edition: RoadEdition, action: str, result: RoadsImported, by: User | None, at: datetime) -> None:
    audit(
        actor=by,
        actor_label="" if by else "import_roads",
        action=action,
        entity="roadedition",
        entity_id=edition.pk,
        label=edition.name,
        county_code=edition.county_code,
        at=at,
        after={"segments": result.segments, "metres": result.metres, "source": edition.source},
    )
