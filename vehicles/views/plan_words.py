"""A plan's figures, timeline, curve and map as the pages draw them: plain numbers become words and points here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from common import clock
from vehicles import rules
from vehicles.figures import PRICE_YUAN, Figures, Ratio
from vehicles.models import Plan, Trip, TripStop

NOTHING = "—"
LINE_H = 26
TIME_W, NAME_W = 1000, 130


@dataclass(frozen=True)
class Shown:
    """A figure: the value, what it was divided out of, and whether it rests on estimated distances or raises a flag."""

    label: str
    value: str
    note: str = ""
    estimated: bool = False
    flag: str = ""
    number: Decimal | None = None  # for comparing


def _percent(ratio: Ratio) -> str:
    return NOTHING if ratio.share is None else f"{ratio.share * 100:.1f} %"


def _plain(number: float | Decimal) -> str:
    return f"{number:,.1f}".removesuffix(".0")


def _load(amount: int, dimension: str) -> str:
    """A load of the problem's units in words."""
    if dimension == "weight":
        return _("%(number)s kg") % {"number": _plain(amount * rules.WEIGHT_G / 1000)}
    if dimension == "volume":
        return _("%(number)s litres") % {"number": _plain(amount * rules.VOLUME_ML / 1000)}
    return _("%(number)s parcels") % {"number": _plain(amount)}


def dimension_name(dimension: str | None) -> str:
    return {"weight": _("weight"), "volume": _("volume"), "pieces": _("number of parcels")}.get(dimension or "", "")


def figure_rows(figures: Figures) -> list[Shown]:
    """In the order of the page; each with its numerator and denominator."""
    load, moving, home = figures.load_at_departure, figures.load_km, figures.empty_return
    binding = figures.binding or "weight"
    each, km_each = figures.yuan_a_parcel, figures.km_a_parcel
    inverted = figures.inverted()
    km = f"{figures.km:,.1f} km"
    return [
        Shown(
            _("Load at departure"),
            _percent(load),
            _("%(load)s of %(room)s; fullest by %(what)s")
            % {"load": _load(load.amount, binding), "room": _load(load.of, binding), "what": dimension_name(binding)}
            if load.of
            else "",
            number=_decimal(load.share),
        ),
        Shown(
            _("Load by kilometre"),
            _percent(moving),
            _("load × km ÷ room × km"),
            figures.estimated,
            number=_decimal(moving.share),
        ),
        Shown(
            _("Empty return"),
            _percent(home),
            _("%(empty)s km of %(all)s km homeward")
            % {"empty": _plain(home.amount / 1000), "all": _plain(home.of / 1000)},
            figures.estimated,
            number=_decimal(home.share),
        ),
        Shown(
            _("Km a parcel"),
            NOTHING if km_each is None else f"{km_each:.3f} km",
            _("%(km)s over %(count)d parcels") % {"km": km, "count": figures.pieces},
            figures.estimated,
            number=km_each,
        ),
        Shown(
            _("Yuan a parcel"),
            NOTHING if each is None else _("%(number)s yuan") % {"number": f"{each:.2f}"},
            _("%(yuan)s yuan over %(count)d parcels") % {"yuan": f"{figures.yuan:,.2f}", "count": figures.pieces},
            figures.estimated,
            _("More than the %(price)s yuan it brings in") % {"price": PRICE_YUAN} if inverted else "",
            each,
        ),
        Shown(
            _("Vehicles"),
            str(figures.vehicle_days),
            _("and %(count)d bus departures") % {"count": figures.buses},
            number=Decimal(figures.vehicle_days),
        ),
        Shown(_("Trips"), str(figures.trips), km, figures.estimated, number=Decimal(figures.trips)),
        Shown(
            _("Parcels carried"),
            str(figures.pieces),
            _("%(count)d of them by bus") % {"count": figures.bus_pieces},
            number=Decimal(figures.pieces),
        ),
        Shown(
            _("Left out"),
            str(figures.left_pieces),
            _("of %(count)d in scope") % {"count": figures.pieces + figures.left_pieces},
            number=Decimal(figures.left_pieces),
        ),
    ]


def _decimal(share: float | None) -> Decimal | None:
    return None if share is None else Decimal(f"{share:.6f}")


def hour(at: datetime) -> str:
    return f"{at.astimezone(clock.SHANGHAI):%H:%M}"


def trip_name(trip: Trip) -> str:
    """What people call it: the plate, or the line of the bus."""
    if trip.vehicle:
        return trip.vehicle.plate
    return trip.departure.line.name if trip.departure else trip.code


@dataclass(frozen=True)
class TripRow:
    """A trip with what its card says."""

    trip: Trip
    name: str
    hours: str
    stops: Sequence[TripStop]  # all but the hub's
    fill: str  # "78 %" on its own fullest dimension
    fill_of: str
    down: int
    up: int
    movable: bool


def trip_row(trip: Trip, editable: bool) -> TripRow:
    stops = [stop for stop in trip.stop_rows if stop.station_id != trip.hub_id]  # type: ignore[attr-defined]
    if trip.vehicle:
        room = (trip.vehicle.payload_kg * 1000, trip.vehicle.volume_l * 1000, trip.vehicle.piece_capacity)
    elif trip.departure:
        room = (trip.departure.hold_kg * 1000, trip.departure.hold_l * 1000, trip.departure.hold_pieces)
    else:
        room = (0, 0, 0)
    loads = (trip.load_g, trip.load_ml, trip.load_pieces)
    names = ("weight", "volume", "pieces")
    shares = [(load / most, name) for load, most, name in zip(loads, room, names, strict=True) if most]
    share, name = max(shares, default=(0.0, ""))
    return TripRow(
        trip,
        trip_name(trip),
        f"{hour(trip.departs_at)}–{hour(trip.ends_at)}",
        stops,
        f"{share * 100:.0f} %",
        dimension_name(name),
        sum(stop.down_pieces for stop in stops),
        sum(stop.up_pieces for stop in stops),
        editable and not trip.locked,
    )


def timeline(rows: Sequence[TripRow]) -> dict[str, Any] | None:
    """Trips as bars, one line a vehicle, hours below; points of an SVG 1000 wide."""
    if not rows:
        return None
    first = (
        min(row.trip.starts_at for row in rows).astimezone(clock.SHANGHAI).replace(minute=0, second=0, microsecond=0)
    )
    last = max(row.trip.ends_at for row in rows)
    span = max(3600.0, (last - first).total_seconds())
    wide = TIME_W - NAME_W - 10

    def x(at: datetime) -> float:
        return round(NAME_W + wide * (at - first).total_seconds() / span, 1)

    lines: dict[str, int] = {}
    bars = []
    for row in rows:
        key = row.name if row.trip.vehicle else f"{row.name} {hour(row.trip.departs_at)}"
        line = lines.setdefault(key, len(lines))
        left = x(row.trip.departs_at)
        bars.append(
            {
                "x": f"{left}",
                "y": line * LINE_H + 4,
                "w": f"{max(3.0, round(x(row.trip.ends_at) - left, 1))}",
                "pk": row.trip.pk,
                "bus": row.trip.vehicle is None,
                "words": f"{row.name} {row.hours}",
            }
        )
    hours = []
    step = max(1, round(span / 3600 / 12))
    for count in range(0, int(span // 3600) + 1, step):
        hours.append(
            {"x": f"{round(NAME_W + wide * count * 3600 / span, 1)}", "words": f"{(first.hour + count) % 24:02d}"}
        )
    return {
        "bars": bars,
        "names": [{"y": line * LINE_H + 18, "words": name} for name, line in lines.items()],
        "hours": hours,
        "height": len(lines) * LINE_H + 26,
        "foot": len(lines) * LINE_H + 20,
        "bottom": len(lines) * LINE_H + 4,
    }


def curve(trace: Sequence[tuple[float, float, str]], seconds: int) -> dict[str, Any] | None:
    """The cost of the best plan over time as steps: points of an SVG 320 by 90."""
    if not trace:
        return None
    low, high = min(step[1] for step in trace), max(step[1] for step in trace)
    until = max(float(seconds), trace[-1][0], 1.0)
    spread = (high - low) or 1.0

    def point(at: float, yuan: float) -> str:
        return f"{8 + 304 * min(at, until) / until:.1f},{10 + 66 * (high - yuan) / spread:.1f}"

    points, before = [], trace[0][1]
    for at, yuan, _by in trace:
        points += [point(at, before), point(at, yuan)]
        before = yuan
    points.append(point(until, before))
    return {"points": " ".join(points), "high": f"{high:,.0f}", "low": f"{low:,.0f}", "steps": len(trace)}


def map_data(plan: Plan, rows: Sequence[TripRow]) -> dict[str, Any]:
    """The hub, the stations and each trip's stops in order, for the map."""

    def spot(stop: TripStop) -> list[float] | None:
        station = stop.station
        return None if station.lat is None or station.lng is None else [float(station.lat), float(station.lng)]

    trips = []
    for number, row in enumerate(rows):
        points = [spot(stop) for stop in row.trip.stop_rows]  # type: ignore[attr-defined]
        trips.append(
            {
                "id": row.trip.pk,
                "name": row.name,
                "words": _("%(hours)s, %(count)d stops") % {"hours": row.hours, "count": len(row.stops)},
                "bus": row.trip.vehicle is None,
                "colour": number,
                "points": [point for point in points if point],
                "stops": [
                    {
                        "at": point,
                        "name": stop.station.name,
                        "words": _("%(hour)s: %(down)d down, %(up)d up")
                        % {"hour": hour(stop.arrives_at), "down": stop.down_pieces, "up": stop.up_pieces},
                    }
                    for stop in row.stops
                    if (point := spot(stop))
                ],
            }
        )
    hub = plan.hub
    here = [float(hub.lat), float(hub.lng)] if hub.lat is not None and hub.lng is not None else None
    return {"hub": {"at": here, "name": hub.name}, "trips": trips, "url": reverse("vehicles:plan", args=[plan.pk])}
