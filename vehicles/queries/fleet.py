"""Which vehicles can drive on a day, from when to when, with whom; and why the others can't.

A vehicle's window of a day is what is left of its driver's shift once papers that run out during the day have cut it:
one whose inspection expires at noon drives until noon. Drivers are given to vehicles so that as many vehicles as
possible drive, then so that drivers keep their usual one, then so that long shifts are used.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from scipy.optimize import linear_sum_assignment

from accounts.models import User
from accounts.roles import Role
from common import clock
from stations.models import Membership, Station
from vehicles import rules
from vehicles.models import Driver, DriverDocument, Member, Vehicle, VehicleDocument
from vehicles.states import DriverDocumentKind, VehicleDocumentKind, VehicleKind, VehicleState

DAY_S = 86_400
NEVER = 10**6  # in the matching: this driver may not drive this vehicle
OTHER = 2_000  # a vehicle that isn't the driver's usual one; less than one more vehicle without a driver costs


@dataclass(frozen=True)
class Usable:
    """A vehicle of the hub on a day. `reasons`: why it doesn't drive at all; `notes`: what cuts its window."""

    vehicle: Vehicle
    window: tuple[int, int]  # seconds after midnight: earliest departure, latest return
    driver: Driver | None
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    driverless: bool = False  # it could drive, if somebody drove it

    @property
    def usable(self) -> bool:
        return not self.reasons


@dataclass(frozen=True)
class Paper:
    """The newest paper of a kind; `expires_at` None: required and not there."""

    kind: str
    label: str
    expires_at: datetime | None
    required: bool

    @property
    def until(self) -> str:
        """The last day it holds; with the hour where it isn't the day's end."""
        if self.expires_at is None:
            return ""
        local = self.expires_at.astimezone(clock.SHANGHAI)
        if (local.hour, local.minute) == (0, 0):
            return f"{local - timedelta(seconds=1):%Y-%m-%d}"
        return f"{local:%Y-%m-%d %H:%M}"

    def state(self, at: datetime) -> str:
        """ "missing", "expired", "soon" (within rules.PAPER_WARNING_DAYS) or "valid"."""
        if self.expires_at is None:
            return "missing"
        if self.expires_at <= at:
            return "expired"
        return "soon" if self.expires_at <= at + timedelta(days=rules.PAPER_WARNING_DAYS) else "valid"


@dataclass(frozen=True)
class _Span:
    """What papers and shifts leave of a day."""

    start: int
    end: int
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def papers_of_vehicle(vehicle: Vehicle, documents: Iterable[VehicleDocument]) -> list[Paper]:
    needed = set(rules.VEHICLE_PAPERS.get(vehicle.kind, ()))
    if vehicle.kind == VehicleKind.TRUCK and vehicle.payload_kg > rules.HEAVY_PAYLOAD_KG:
        needed.add(VehicleDocumentKind.PERMIT)
    return _papers(VehicleDocumentKind, needed, {(row.kind, row.expires_at) for row in documents})


def papers_of_driver(driver: Driver, documents: Iterable[DriverDocument]) -> list[Paper]:
    """The papers every driver needs; what a vehicle asks for beyond them: `missing_for`."""
    needed = {DriverDocumentKind.SAFETY.value}
    if driver.licence_class != "-":
        needed.add(DriverDocumentKind.LICENCE)
    return _papers(DriverDocumentKind, needed, {(row.kind, row.expires_at) for row in documents})


def _papers(
    kinds: type[VehicleDocumentKind] | type[DriverDocumentKind], needed: set[str], found: set[tuple[str, datetime]]
) -> list[Paper]:
    newest: dict[str, datetime] = {}
    for kind, expires_at in found:
        newest[kind] = max(expires_at, newest.get(kind, expires_at))
    return [
        Paper(kind.value, str(kind.label), newest.get(kind), kind.value in needed)
        for kind in kinds
        if kind.value in needed or kind.value in newest
    ]


def licences_for(vehicle: Vehicle) -> tuple[str, ...]:
    """The licence classes that may drive it; empty: none is asked for."""
    if vehicle.kind == VehicleKind.VAN:
        return rules.LIGHT_LICENCES
    if vehicle.kind == VehicleKind.TRUCK:
        return rules.HEAVY_LICENCES if vehicle.payload_kg > rules.HEAVY_PAYLOAD_KG else rules.LIGHT_LICENCES
    if vehicle.kind == VehicleKind.TRIKE and vehicle.speed_cap_kmh > rules.WALKING_TRIKE_KMH:
        return rules.TRIKE_LICENCES
    return ()


def papers_for(vehicle: Vehicle) -> tuple[str, ...]:
    """What this vehicle asks of its driver beyond what every driver has."""
    asked = []
    if vehicle.kind == VehicleKind.TRUCK and vehicle.payload_kg > rules.HEAVY_PAYLOAD_KG:
        asked.append(DriverDocumentKind.QUALIFICATION.value)
    if vehicle.kind == VehicleKind.DRONE:
        asked.append(DriverDocumentKind.PILOT.value)
    if vehicle.cold:
        asked.append(DriverDocumentKind.COLD.value)
    if vehicle.hazard:
        asked.append(DriverDocumentKind.HAZARD.value)
    return tuple(asked)


def _cut(papers: Iterable[Paper], day: date, start: int, end: int) -> _Span:
    """A window cut by papers that run out on the day; reasons where nothing is left."""
    begins, until = clock.day_span(day)
    reasons, notes = [], []
    for paper in papers:
        what = {"paper": paper.label}
        if paper.expires_at is None:
            if paper.required:
                reasons.append(_("%(paper)s: not entered") % what)
        elif paper.expires_at <= begins:
            reasons.append(_("%(paper)s: expired on %(day)s") % {**what, "day": paper.until})
        elif paper.expires_at < until:
            left = int((paper.expires_at - begins).total_seconds())
            when = {**what, "time": f"{paper.expires_at.astimezone(clock.SHANGHAI):%H:%M}"}
            if left <= start:
                reasons.append(_("%(paper)s: expires at %(time)s, before work begins") % when)
            else:
                notes.append(_("%(paper)s expires: back by %(time)s") % when)
                end = min(end, left)
    return _Span(start, end, tuple(reasons), tuple(notes))


def driver_day(driver: Driver, day: date) -> _Span:
    """When a driver works on a day, in seconds after midnight; reasons where they don't. Wants `shifts`, `absences`
    and `documents` prefetched where many are asked about."""
    if driver.ended_on and driver.ended_on <= day:
        return _Span(0, 0, (_("Drives no more"),), ())
    if not driver.user.is_active:
        return _Span(0, 0, (_("Shut out of the platform"),), ())
    away = next((a for a in driver.absences.all() if a.first_on <= day <= a.last_on), None)
    if away:
        return _Span(0, 0, (_("Away until %(day)s") % {"day": f"{away.last_on:%Y-%m-%d}"},), ())
    shift = next((s for s in driver.shifts.all() if s.weekday == day.weekday()), None)
    if shift is None:
        return _Span(0, 0, (_("No shift on this weekday"),), ())
    start = shift.starts.hour * 3600 + shift.starts.minute * 60
    end = shift.ends.hour * 3600 + shift.ends.minute * 60
    return _cut(papers_of_driver(driver, driver.documents.all()), day, start, end)


def missing_for(driver: Driver, vehicle: Vehicle, *, at: datetime) -> list[str]:
    """Why this driver may not drive this vehicle at an instant, in words; empty: they may. Says nothing of shifts."""
    reasons = []
    classes = licences_for(vehicle)
    if classes and driver.licence_class not in classes:
        reasons.append(
            _("Licence class %(has)s; this vehicle needs %(needs)s")
            % {"has": driver.licence_class, "needs": "/".join(classes)}
        )
    asked = set(papers_for(vehicle))
    rows = {(row.kind, row.expires_at) for row in driver.documents.all()}
    papers = [
        *papers_of_driver(driver, driver.documents.all()),
        *(p for p in _papers(DriverDocumentKind, asked, rows) if p.kind in asked),
    ]
    for paper in {p.kind: p for p in papers}.values():
        if paper.state(at) == "missing":
            reasons.append(_("%(paper)s: not entered") % {"paper": paper.label})
        elif paper.state(at) == "expired":
            reasons.append(_("%(paper)s: expired") % {"paper": paper.label})
    return reasons


def barred(vehicle: Vehicle, *, at: datetime) -> list[str]:
    """Why a vehicle may not leave at an instant, by itself (no driver asked about); empty: it may."""
    reasons = []
    if vehicle.state != VehicleState.IN_SERVICE:
        reasons.append(str(vehicle.get_state_display()))
    for paper in papers_of_vehicle(vehicle, vehicle.documents.all()):
        if paper.state(at) == "missing":
            reasons.append(_("%(paper)s: not entered") % {"paper": paper.label})
        elif paper.state(at) == "expired":
            reasons.append(_("%(paper)s: expired") % {"paper": paper.label})
    return reasons


def drivers_of(hub: Station, day: date) -> list[Driver]:
    """Those who drive from a hub on a day or later, with everything `driver_day` reads."""
    rows = Driver.objects.filter(hub=hub).filter(Q(ended_on__isnull=True) | Q(ended_on__gt=day))
    return list(rows.select_related("user").prefetch_related("documents", "shifts", "absences").order_by("pk"))


def usable_vehicles(hub: Station, day: date) -> list[Usable]:
    """Every vehicle of the hub that isn't retired, with its window and driver, or with the reasons why it stays."""
    rows = Vehicle.objects.filter(hub=hub).exclude(state=VehicleState.RETIRED).select_related("owner")
    vehicles = list(rows.prefetch_related("documents").order_by("kind", "plate"))
    drivers = [(driver, driver_day(driver, day)) for driver in drivers_of(hub, day)]
    working = [(driver, span) for driver, span in drivers if not span.reasons]
    alone: dict[int, _Span] = {}
    for vehicle in vehicles:
        span = _cut(papers_of_vehicle(vehicle, vehicle.documents.all()), day, 0, DAY_S)
        if vehicle.state != VehicleState.IN_SERVICE:
            span = _Span(span.start, span.end, (str(vehicle.get_state_display()), *span.reasons), span.notes)
        alone[vehicle.pk] = span
    seeking = [v for v in vehicles if v.kind not in rules.UNMANNED and not alone[v.pk].reasons]
    given = _matched(seeking, working, alone, day)
    found = []
    for vehicle in vehicles:
        span = alone[vehicle.pk]
        match = given.get(vehicle.pk)
        if span.reasons:
            found.append(Usable(vehicle, (0, 0), None, span.reasons, span.notes))
        elif vehicle.kind in rules.UNMANNED:
            found.append(Usable(vehicle, (span.start, span.end), None, (), span.notes))
        elif match is None:
            why = _why_nobody(vehicle, working, drivers, day)
            found.append(Usable(vehicle, (0, 0), None, (why,), span.notes, driverless=True))
        else:
            driver, own = match
            window = (max(span.start, own.start), min(span.end, own.end))
            found.append(Usable(vehicle, window, driver, (), (*span.notes, *own.notes)))
    return found


def without_people(row: Usable) -> Usable:
    """The same without saying who drives: for a carrier, which sees its vehicles and not the hub's people."""
    reasons = (_("No driver on this day"),) if row.driverless else row.reasons
    return replace(row, driver=None, reasons=reasons)


def _pair(vehicle: Vehicle, driver: Driver, span: _Span, alone: _Span, day: date) -> _Span | None:
    """The window of a driver on a vehicle; None where they may not, or no time is left."""
    classes = licences_for(vehicle)
    if classes and driver.licence_class not in classes:
        return None
    asked = set(papers_for(vehicle))
    rows = {(row.kind, row.expires_at) for row in driver.documents.all()}
    more = [p for p in _papers(DriverDocumentKind, asked, rows) if p.kind in asked]
    cut = _cut(more, day, span.start, min(span.end, alone.end))
    if cut.reasons or cut.end <= max(span.start, alone.start):
        return None
    return _Span(cut.start, cut.end, (), tuple(dict.fromkeys((*span.notes, *cut.notes))))


def _matched(
    vehicles: list[Vehicle], drivers: list[tuple[Driver, _Span]], alone: dict[int, _Span], day: date
) -> dict[int, tuple[Driver, _Span]]:
    """Vehicle → its driver: the most vehicles, then usual ones, then the longest hours (an assignment by cost)."""
    if not vehicles or not drivers:
        return {}
    cost = np.full((len(vehicles), len(drivers)), NEVER, dtype=np.int64)
    spans: dict[tuple[int, int], _Span] = {}
    for row, vehicle in enumerate(vehicles):
        for column, (driver, span) in enumerate(drivers):
            pair = _pair(vehicle, driver, span, alone[vehicle.pk], day)
            if pair is None:
                continue
            spans[row, column] = pair
            minutes = (pair.end - pair.start) // 60
            cost[row, column] = (0 if driver.usual_vehicle_id == vehicle.pk else OTHER) + 1440 - minutes
    rows, columns = linear_sum_assignment(cost)
    return {
        vehicles[r].pk: (drivers[c][0], spans[r, c])
        for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
        if (r, c) in spans
    }


def _why_nobody(
    vehicle: Vehicle, working: list[tuple[Driver, _Span]], drivers: list[tuple[Driver, _Span]], day: date
) -> str:
    """The sentence for a vehicle that has no driver on a day."""
    usual = next(((d, s) for d, s in drivers if d.usual_vehicle_id == vehicle.pk), None)
    if usual and usual[1].reasons:
        return _("No driver: %(name)s, %(reason)s") % {"name": usual[0].user.name, "reason": usual[1].reasons[0]}
    if not working:
        return _("No driver works on this day")
    begins = clock.day_start(day)
    at = {driver.pk: begins + timedelta(seconds=span.start) for driver, span in working}
    if all(missing_for(driver, vehicle, at=at[driver.pk]) for driver, _span in working):
        return _("No driver on this day has the licence and papers for it")
    return _("All drivers on this day have another vehicle")


def members_on(county_code: str, day: date) -> QuerySet[Member]:
    """The organisations whose parcels the pool carries on a day."""
    rows = Member.objects.filter(county_code=county_code, joined_on__lte=day)
    return rows.filter(Q(left_on__isnull=True) | Q(left_on__gt=day)).select_related("organisation")


def people_who_may_drive(hub: Station, at: datetime) -> QuerySet[User]:
    """Couriers of the county and the hub's own people who don't drive for it yet."""
    held = Membership.objects.current(at).filter(county_code=hub.county_code)
    held = held.filter(Q(role=Role.COURIER) | Q(role=Role.STATION_OPERATOR, station=hub))
    taken = Driver.objects.filter(county_code=hub.county_code, ended_on__isnull=True).values("user")
    return User.objects.filter(pk__in=held.values("user"), is_active=True).exclude(pk__in=taken).order_by("name", "pk")
