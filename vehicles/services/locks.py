"""What dispatchers locked in the plan that is planned anew: whole trips, and stops that stay with their vehicle. And
the lock of a hub, under which versions and trips are numbered and plans are issued."""

from dataclasses import dataclass, field

from django.db import connection

from vehicles.models import Plan, PlanParcel, Trip, TripStop
from vehicles.queries.demand import ON_THE_ROAD
from vehicles.states import TripState

Hold = tuple[str, int] | tuple[()]  # ("vehicle", id), ("departure", id), or nothing


def lock_hub(hub_id: int) -> None:
    """For this transaction: numbering and issuing go one after another, hub by hub. Two that met in an exclusion
    constraint would deadlock otherwise."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('vehicles.plans'), %s)", [hub_id])


@dataclass(frozen=True)
class Locks:
    """`trips` stay as they are; `stop_of` says whom a parcel stays with. What is on the road already is no lock."""

    trips: list[Trip] = field(default_factory=list)
    parcels_of: dict[int, list[int]] = field(default_factory=dict)  # of each of these trips
    stations_of: dict[int, list[int]] = field(default_factory=dict)  # in the order of its stops
    stop_of: dict[int, Hold] = field(default_factory=dict)  # by parcel

    @property
    def parcels(self) -> set[int]:
        return {pk for parcels in self.parcels_of.values() for pk in parcels}


def locks_of(base: Plan | None) -> Locks:
    if base is None:
        return Locks()
    over = (*ON_THE_ROAD, TripState.CANCELLED)
    trips = list(base.trips.filter(locked=True).exclude(state__in=over).select_related("vehicle").order_by("starts_at"))
    ids = [trip.pk for trip in trips]
    parcels_of: dict[int, list[int]] = {pk: [] for pk in ids}
    for trip_id, parcel_id in PlanParcel.objects.filter(plan=base, trip__in=ids).values_list("trip_id", "parcel_id"):
        parcels_of[trip_id].append(parcel_id)
    stations_of: dict[int, list[int]] = {pk: [] for pk in ids}
    for trip_id, station_id in (
        TripStop.objects.filter(trip__in=ids).order_by("trip_id", "seq").values_list("trip_id", "station_id")
    ):
        stations_of[trip_id].append(station_id)
    return Locks(trips, parcels_of, stations_of, _held(base, over))


def _held(base: Plan, over: tuple[str, ...]) -> dict[int, Hold]:
    stops = TripStop.objects.filter(trip__plan=base, trip__locked=False, locked=True).exclude(trip__state__in=over)
    found: dict[int, Hold] = {}
    for trip_id, station_id, vehicle_id, departure_id in stops.values_list(
        "trip_id", "station_id", "trip__vehicle_id", "trip__departure_id"
    ):
        hold: Hold = ("vehicle", vehicle_id) if vehicle_id is not None else ("departure", departure_id)
        for pk in PlanParcel.objects.filter(plan=base, trip=trip_id, station=station_id).values_list(
            "parcel_id", flat=True
        ):
            found[pk] = hold
    return found
