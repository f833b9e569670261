"""Issued plans and their trips without a solver: for the pages that only add them up."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from stations.models import Organisation, Station
from tests.conftest import NOW, County
from vehicles.models import Plan, Trip, TripStop, Vehicle, WhatIf
from vehicles.states import PlanState, VehicleKind


def issued_plan(county: County, day: date, version: int = 1, state: PlanState = PlanState.ISSUED) -> Plan:
    return Plan.objects.create(
        county_code=county.code,
        hub=next(s for s in county.stations.values() if s.level == "HUB"),
        service_date=day,
        version=version,
        state=state,
        made_at=NOW,
        issued_at=NOW,
        estimated=True,
    )


def add_vehicle(county: County, plate: str, owner: Organisation) -> Vehicle:
    """100 kg, 1,000 litres."""
    return Vehicle.objects.create(
        county_code=county.code,
        hub=county.h1,
        owner=owner,
        plate=plate,
        kind=VehicleKind.VAN,
        payload_kg=100,
        volume_l=1000,
        piece_capacity=100,
        day_cost=Decimal(150),
        km_cost=Decimal("0.75"),
    )


def add_trip(
    plan: Plan, code: str, vehicle: Vehicle | None, at: datetime, stops: Sequence[Station], **more: object
) -> Trip:
    """Half an hour and 10 km a leg; 20 kg, 100 litres, 10 parcels set down at each stop, 5 kg brought home."""
    each = timedelta(minutes=30)
    count = len(stops)
    trip = Trip.objects.create(
        county_code=plan.county_code,
        hub=plan.hub,
        plan=plan,
        code=code,
        seq=plan.trips.count() + 1,
        starts_at=at,
        departs_at=at,
        ends_at=at + each * (count + 1),
        busy_until=at + each * (count + 1),
        vehicle=vehicle,
        distance_m=10_000 * (count + 1) if vehicle else 0,
        cost=Decimal("200.25") if vehicle else Decimal(6),
        load_g=20_000 * count,
        load_ml=100_000 * count,
        load_pieces=10 * count,
        **more,
    )
    rows = [TripStop(trip=trip, seq=0, station=plan.hub, arrives_at=at, leaves_at=at)]
    rows += [
        TripStop(trip=trip, seq=n, station=station, arrives_at=at + each * n, leaves_at=at + each * n, down_pieces=10)
        for n, station in enumerate(stops, 1)
    ]
    end = at + each * (count + 1)
    rows.append(TripStop(trip=trip, seq=count + 1, station=plan.hub, arrives_at=end, leaves_at=end, up_pieces=0))
    for n, row in enumerate(rows):
        row.distance_m = 10_000 if n else 0
        left = max(0, count - n)
        row.on_board_g, row.on_board_ml, row.on_board_pieces = 20_000 * left, 100_000 * left, 10 * left
    rows[-2].on_board_g, rows[-2].on_board_ml, rows[-2].on_board_pieces = 5000, 25_000, 1
    TripStop.objects.bulk_create(rows)
    return trip


def add_whatif(hub: Station, members: Sequence[str] = ("ZTO", "YTO")) -> WhatIf:
    """Asked for and not begun."""
    asked = {"members": list(members), "seconds": 1, "most": 30, "buses": True, "seed": 1, "wave": "day"}
    return WhatIf.objects.create(
        county_code=hub.county_code, hub=hub, service_date=date(2026, 11, 21), asked=asked, made_at=NOW
    )
