"""What the plan's pages show: its trips and stops, what is left out and why, how it is getting on, how two differ."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Prefetch, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from common.models import Job
from stations.models import Station
from vehicles.figures import Figures
from vehicles.models import Plan, PlanChange, PlanParcel, Trip, TripStop
from vehicles.queries.reason_sentences import sentence
from vehicles.reasons import Reason as Found
from vehicles.states import Direction, PlanState, Reason

SAID_ONCE = 12  # moved stations a comparison lists by name


@dataclass(frozen=True)
class LeftRow:
    """Parcels of one station that ride on no trip for one and the same reason."""

    reason: Reason
    label: str
    sentence: str
    station: Station
    direction: str
    parcels: int
    weight_g: int


@dataclass(frozen=True)
class PlanPage:
    """A plan with everything its page shows. `change`: the last one, handed back as `seen` by whoever edits."""

    plan: Plan
    trips: Sequence[Trip]  # with `stop_rows` (in order, with stations), vehicle, driver, departure
    left: list[LeftRow]
    figures: Figures
    carried: int
    in_scope: int
    change: int
    undoable: PlanChange | None

    @property
    def left_count(self) -> int:
        return self.in_scope - self.carried

    @property
    def editable(self) -> bool:
        return self.plan.state == PlanState.DRAFT


@dataclass(frozen=True)
class PlanProgress:
    """A plan that is being reckoned: seconds and cost so far, and each improvement as (seconds, yuan, found by)."""

    plan: Plan
    job: Job | None
    seconds: int
    of: int
    cost: Decimal | None
    trace: list[tuple[float, float, str]]

    @property
    def running(self) -> bool:
        return self.plan.state == PlanState.SOLVING and bool(self.job and self.job.is_open)

    @property
    def gone(self) -> bool:
        """Its worker has given up and left no draft: stop_plan makes one of the best so far."""
        return self.plan.state == PlanState.SOLVING and not self.running

    @property
    def percent(self) -> int:
        return min(100, self.seconds * 100 // self.of) if self.of else 0


def plans_of(user: User, *, hub: Station, first: date, last: date) -> QuerySet[Plan]:
    """A hub's plans by day, newest version first; thrown away ones not among them."""
    return (
        Plan.objects.visible_to(user)
        .filter(hub=hub, service_date__range=(first, last))
        .exclude(state=PlanState.DISCARDED)
        .select_related("job", "made_by", "issued_by", "hub")
        .order_by("-service_date", "wave", "-version")
    )


def last_change(plan: Plan) -> int:
    """The id of the newest change, 0 before the first."""
    return plan.changes.order_by("-pk").values_list("pk", flat=True).first() or 0


def station_names(station_ids: Iterable[int]) -> dict[str, str]:
    """Code → name."""
    return dict(Station.objects.filter(pk__in=list(station_ids)).values_list("code", "name"))


def plan_page(plan: Plan) -> PlanPage:
    """A handful of queries, however many trips."""
    stops = TripStop.objects.select_related("station").order_by("seq")
    trips = list(
        plan.trips.select_related("vehicle", "vehicle__owner", "driver__user", "departure__line")
        .prefetch_related(Prefetch("stops", stops, to_attr="stop_rows"))
        .order_by("departs_at", "seq")
    )
    counts = plan.parcels.aggregate(all=Count("pk"), carried=Count("trip"))
    return PlanPage(
        plan=plan,
        trips=trips,
        left=left_rows(plan),
        figures=Figures.from_json(plan.figures),
        carried=counts["carried"],
        in_scope=counts["all"],
        change=last_change(plan),
        undoable=plan.changes.filter(undone=False).order_by("-pk").first(),
    )


def left_rows(plan: Plan) -> list[LeftRow]:
    """By reason, the largest first."""
    rows = list(
        plan.parcels.filter(trip__isnull=True).values_list("reason", "detail", "station_id", "direction", "weight_g")
    )
    stations = Station.objects.in_bulk({row[2] for row in rows})
    names = {station.code: station.name for station in stations.values()}
    groups: dict[tuple[str, str, int, str], list[int]] = {}
    details: dict[tuple[str, str, int, str], dict[str, Any]] = {}
    for reason, detail, station_id, direction, weight in rows:
        key = (reason, repr(detail), station_id, direction)
        groups.setdefault(key, []).append(weight)
        details[key] = detail
    found = [
        LeftRow(
            reason=Reason(key[0]),
            label=str(Reason(key[0]).label),
            sentence=reason_words(key[0], details[key], names),
            station=stations[key[2]],
            direction=key[3],
            parcels=len(weights),
            weight_g=sum(weights),
        )
        for key, weights in groups.items()
    ]
    totals = Counter()  # type: Counter[str]
    for row in found:
        totals[row.reason] += row.parcels
    return sorted(found, key=lambda row: (-totals[row.reason], row.reason, -row.parcels, row.station.code))


def reason_words(reason: str, detail: dict[str, Any], names: dict[str, str]) -> str:
    """The sentence of a parcel that is left out."""
    why = detail.get("why")
    if why:
        return _why(why)
    return sentence(Found.of_detail(reason, detail), names)


def _why(why: str) -> str:
    """What no plan could change."""
    words = {
        "carrier": _("Its carrier is not a member of the pool on that day."),
        "held": _("It is on hold: settle that first."),
        "no_truck": _("Announced, but no truck of its carrier comes within this wave any more."),
        "suspended": _("The station is suspended."),
        "closed": _("The station is not in service."),
        "no_dispatch": _("The station takes no part in dispatch."),
        "no_access": _("No vehicle may drive up to the station."),
        "rests": _("The station rests on that weekday."),
    }
    return words[why]


def plan_progress(plan: Plan, at: datetime) -> PlanProgress:
    job = plan.job
    began = job.started_at if job and job.started_at else None
    of = int(plan.asked.get("seconds", 0))
    seconds = min(of, max(0, int((at - began) / timedelta(seconds=1)))) if began else 0
    trace = [(float(second), float(cost), str(by)) for second, cost, by in plan.trace]  # a chart's points
    return PlanProgress(plan, job, seconds, of, plan.cost, trace)


@dataclass(frozen=True)
class Moved:
    """A station whose goods another vehicle carries in the second plan."""

    station: Station
    direction: str
    parcels: int
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """Two plans side by side."""

    one: Plan
    other: Plan
    figures: tuple[Figures, Figures]
    same_parcels: int  # in both, on the same vehicle or bus, or left out in both
    moved: list[Moved]
    newly_left: int  # carried in the first, left out in the second
    newly_carried: int
    only_one: int  # in the scope of the first alone
    only_other: int


def compare(one: Plan, other: Plan) -> Comparison:
    """Parcel by parcel: what rides with whom."""
    before, after = _riders(one), _riders(other)
    both = before.keys() & after.keys()
    shifts = Counter[tuple[int, str, str, str]]()
    same = newly_left = newly_carried = 0
    for pk in both:
        (station, direction, was), (_station, _direction, now) = before[pk], after[pk]
        if was == now:
            same += 1
            continue
        newly_left += not now
        newly_carried += not was
        shifts[station, direction, was, now] += 1
    stations = Station.objects.in_bulk({key[0] for key in shifts})
    moved = [
        Moved(stations[station], direction, count, was or _("left out"), now or _("left out"))
        for (station, direction, was, now), count in sorted(shifts.items(), key=lambda item: -item[1])
    ]
    return Comparison(
        one=one,
        other=other,
        figures=(Figures.from_json(one.figures), Figures.from_json(other.figures)),
        same_parcels=same,
        moved=moved,
        newly_left=newly_left,
        newly_carried=newly_carried,
        only_one=len(before.keys() - after.keys()),
        only_other=len(after.keys() - before.keys()),
    )


def _riders(plan: Plan) -> dict[int, tuple[int, str, str]]:
    """Parcel → station, direction, and the vehicle's plate or the bus's line ("" where it is left out)."""
    names = {
        pk: plate or line for pk, plate, line in plan.trips.values_list("pk", "vehicle__plate", "departure__line__name")
    }
    rows = plan.parcels.values_list("parcel_id", "station_id", "direction", "trip_id")
    return {pk: (station, direction, names.get(trip, "") if trip else "") for pk, station, direction, trip in rows}


def parcels_of_trip(trip: Trip) -> QuerySet[PlanParcel]:
    """The manifest's rows, by station and waybill."""
    return trip.parcels.select_related("parcel", "station").order_by("station__code", "direction", "parcel__waybill_no")


def down_and_up(rows: Iterable[PlanParcel]) -> tuple[int, int]:
    """How many go down and how many come up."""
    found = Counter(row.direction for row in rows)
    return found[Direction.DOWN], found[Direction.UP]
