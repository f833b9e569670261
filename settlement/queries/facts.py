"""What townships entered about outlets: what holds on a day, and since when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from settlement.models import OutletFact
from settlement.states import FactKind
from stations.models import Station


def facts_on(station_ids: Iterable[int], day: date) -> dict[int, dict[str, OutletFact]]:
    """For each outlet the newest entry of each kind that holds on `day`."""
    found: dict[int, dict[str, OutletFact]] = {}
    rows = OutletFact.objects.filter(station__in=list(station_ids), valid_from__lte=day)
    for fact in rows.order_by("station_id", "kind", "-valid_from").distinct("station_id", "kind"):
        found.setdefault(fact.station_id, {})[fact.kind] = fact
    return found


@dataclass(frozen=True)
class OutletRow:
    """An outlet with its grade, distance and density today; None where nobody entered one; how many are to come."""

    station: Station
    grade: OutletFact | None
    distance: OutletFact | None
    density: OutletFact | None
    coming: int


def outlet_rows(stations: Iterable[Station], *, day: date) -> list[OutletRow]:
    """The outlets as given, in two queries."""
    rows = list(stations)
    ids = [row.pk for row in rows]
    facts = facts_on(ids, day)
    coming: dict[int, int] = {}
    for station_id in OutletFact.objects.filter(station__in=ids, valid_from__gt=day).values_list(
        "station_id", flat=True
    ):
        coming[station_id] = coming.get(station_id, 0) + 1
    return [
        OutletRow(
            row,
            grade=own.get(FactKind.GRADE),
            distance=own.get(FactKind.DISTANCE),
            density=own.get(FactKind.DENSITY),
            coming=coming.get(row.pk, 0),
        )
        for row in rows
        for own in [facts.get(row.pk, {})]
    ]
