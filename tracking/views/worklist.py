"""The work list: what should come, what is here, what waits too long; by township for the county, then by station."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from common import clock
from common.http import PageRequest
from orders.models import Parcel
from stations.models import Station
from stations.permissions import require
from stations.scope import may, scope_of
from stations.states import StationLevel
from tracking import counter_queries as queries
from tracking.forms import KIND_WORDS, WorkForm
from tracking.states import Node

PAGE_SIZE = 30
_LEVEL_ORDER = {StationLevel.HUB: 0, StationLevel.CENTRE: 1, StationLevel.OUTLET: 2}


@dataclass(frozen=True)
class Line:
    """A row of the table: its counts, each with the address of the parcels behind it."""

    name: str
    level: str
    url: str
    cells: list[tuple[str, str, int, str]]  # (kind, its words, count, url)


@require("worklist.read")
@require_GET
def page(request: PageRequest) -> HttpResponse:
    at = clock.now()
    stations = _stations(request)
    by_township = bool(scope_of(request.user, "worklist.read").county_codes)
    townships = _townships(stations) if by_township else []
    form = WorkForm(request.GET, townships=townships, stations=stations)
    kind, township, station = form.chosen("kind"), form.chosen("township"), form.chosen("station")
    if township:
        stations = [s for s in stations if s.township_code == township]
    if station:
        stations = [s for s in stations if str(s.pk) == station]
    parcels = Parcel.objects.visible_to(request.user, "worklist.read").filter(
        county_code__in=scope_of(request.user, "worklist.read").counties
    )
    context: dict[str, Any] = {
        "form": form,
        "kind": kind,
        "kind_words": KIND_WORDS.get(kind, ""),
        "reads_devices": may(request.user, "device.read"),
    }
    if kind:
        found = queries.work_of_kind(parcels, kind, [s.pk for s in stations], at)
        paginator = Paginator(
            found.select_related("carrier", "station", "destination").order_by("last_scan_at", "id"), PAGE_SIZE
        )
        shown = paginator.get_page(request.GET.get("page"))
        for parcel in shown.object_list:  # two words more for the template
            vars(parcel)["since"] = queries.key_time(parcel.s_k)
            vars(parcel)["hold_words"] = (
                Node(parcel.h_node).label if parcel.on_hold and parcel.h_node in Node.values else ""
            )
        context |= {"page": shown, "total": paginator.count}
    else:
        rows = queries.work_by_station(parcels, stations, at)
        grouped = by_township and not township and not station
        lines = _by_township(rows, stations) if grouped else [_line(row, f"station={row.key}") for row in rows]
        sums = queries.WorkRow("", "", "")
        for row in rows:
            sums.add(row)
        context |= {"lines": lines, "sums": _line(sums, _kept(township, station)), "grouped": grouped}
        context |= {"heads": list(KIND_WORDS.values())}
    template = "tracking/_worklist.html" if request.htmx else "tracking/worklist.html"
    return render(request, template, context)


def _stations(request: PageRequest) -> list[Station]:
    """Stations that work or still hold parcels, hub first, then by township."""
    rows = Station.objects.visible_to(request.user, "worklist.read").in_service().select_related("region__parent")
    return sorted(rows, key=lambda s: (s.level != StationLevel.HUB, s.township_code, _LEVEL_ORDER[s.level], s.code))  # type: ignore[index]


def _townships(stations: list[Station]) -> list[tuple[str, str]]:
    """(code, name) in the order of the stations; the hub's county stands for itself."""
    named: dict[str, str] = {}
    for station in stations:
        named.setdefault(station.township_code, _township_name(station))
    return list(named.items())


def _township_name(station: Station) -> str:
    if station.level == StationLevel.HUB:
        return station.name
    region = station.region if station.level == StationLevel.CENTRE else station.region.parent
    return region.name if region else station.region.name


def _by_township(rows: list[queries.WorkRow], stations: list[Station]) -> list[Line]:
    """One line a township."""
    lines = []
    by_key = {row.key: row for row in rows}
    for code, group in groupby(stations, key=lambda s: s.township_code):
        members = list(group)
        total = queries.WorkRow(code, _township_name(members[0]), "")
        for member in members:
            total.add(by_key[str(member.pk)])
        lines.append(_line(total, f"township={code}"))
    return lines


def _line(row: queries.WorkRow, kept: str) -> Line:
    cells = [(kind, str(KIND_WORDS[kind]), number, f"?kind={kind}&{kept}") for kind, number in row.cells()]
    return Line(row.name or _("All"), str(dict(StationLevel.choices).get(row.level, "")), f"?{kept}", cells)


def _kept(township: str, station: str) -> str:
    return f"township={township}&station={station}"
