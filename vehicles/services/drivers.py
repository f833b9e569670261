"""Who drives and when: drivers with licence, papers, shifts and absences; and the organisations in the pool."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common import clock
from common.errors import Conflict, Refused
from common.text import clean, fault
from stations.models import Organisation, Station
from vehicles.models import Absence, Driver, DriverDocument, Member, Shift, Trip, Vehicle
from vehicles.services.fleet import check_paper, paper_taken
from vehicles.states import RUNNING, DriverDocumentKind, VehicleState

LICENCE_CLASSES = ("A1", "A2", "A3", "B1", "B2", "C1", "C2", "C5", "D", "E", "F", "-")


@dataclass(frozen=True)
class DriverFields:
    """What somebody enters about a driver."""

    licence_class: str
    employer: Organisation | None = None
    usual_vehicle: Vehicle | None = None

    def plain(self) -> dict[str, Any]:
        return {
            "licence_class": self.licence_class,
            "employer": self.employer.code if self.employer else "",
            "usual_vehicle": self.usual_vehicle.plate if self.usual_vehicle else "",
        }


def _check(fields: DriverFields, hub: Station) -> None:
    if fields.licence_class not in LICENCE_CLASSES:
        raise Refused("licence_unknown", _("Choose a licence class."), pointer="/licence_class")
    usual = fields.usual_vehicle
    if usual and (usual.hub_id != hub.pk or usual.state == VehicleState.RETIRED):
        raise Refused("vehicle_elsewhere", _("This vehicle doesn't start from this hub."), pointer="/usual_vehicle")


@transaction.atomic
def add_driver(*, hub: Station, user: User, fields: DriverFields, by: User | None, at: datetime) -> Driver:
    """Somebody with a login becomes a driver of the hub. Refused with the field, Conflict "drives_already"."""
    _check(fields, hub)
    try:
        with transaction.atomic():
            driver = Driver.objects.create(
                county_code=hub.county_code,
                hub=hub,
                user=user,
                licence_class=fields.licence_class,
                employer=fields.employer,
                usual_vehicle=fields.usual_vehicle,
            )
    except IntegrityError as taken:
        raise Conflict("drives_already", _("This person drives for the county already."), pointer="/user") from taken
    _trace(driver, "driver.added", by, at, after=fields.plain())
    return driver


@transaction.atomic
def change_driver(*, driver_id: int, seen: DriverFields, fields: DriverFields, by: User, at: datetime) -> Driver:
    """Other facts about a driver; `seen` is what the form showed. Conflict "changed_meanwhile", "driver_ended"."""
    driver = Driver.objects.select_for_update(of=("self",)).select_related("hub").get(pk=driver_id)
    if driver.ended_on:
        raise Conflict("driver_ended", _("This person drives no more."))
    _check(fields, driver.hub)
    done = Driver.objects.filter(
        pk=driver_id, licence_class=seen.licence_class, employer=seen.employer, usual_vehicle=seen.usual_vehicle
    ).update(licence_class=fields.licence_class, employer=fields.employer, usual_vehicle=fields.usual_vehicle)
    if not done:
        raise Conflict("changed_meanwhile", _("Somebody changed this driver meanwhile. Look again."))
    if seen != fields:
        _trace(driver, "driver.changed", by, at, before=seen.plain(), after=fields.plain())
    driver.refresh_from_db()
    return driver


@transaction.atomic
def end_driver(*, driver_id: int, by: User, at: datetime) -> Driver:
    """Somebody stops driving today. Conflict "driver_on_the_road" while a live trip is theirs, "driver_ended"."""
    driver = Driver.objects.select_for_update().get(pk=driver_id)
    if driver.ended_on:
        raise Conflict("driver_ended", _("This person drives no more."))
    trip = Trip.objects.filter(driver=driver, live=True, state__in=RUNNING).order_by("departs_at").first()
    if trip:
        raise Conflict(
            "driver_on_the_road",
            _("Trip %(code)s is theirs. Give it to another driver first.") % {"code": trip.code},
        )
    driver.ended_on = clock.business_date(at)
    driver.save(update_fields=["ended_on"])
    _trace(driver, "driver.ended", by, at)
    return driver


@transaction.atomic
def set_shifts(*, driver_id: int, shifts: Mapping[int, tuple[time, time]], by: User | None, at: datetime) -> None:
    """The week of a driver, 0 is Monday; days not named are free. Refused "shift_backwards" with the day."""
    driver = Driver.objects.select_for_update().get(pk=driver_id)
    for weekday, (starts, ends) in shifts.items():
        if not 0 <= weekday <= 6:
            raise Refused("weekday_unknown", _("A week has seven days."), pointer="/weekday")
        if ends <= starts:
            raise Refused(
                "shift_backwards",
                _("A shift ends after it starts, on the same day."),
                pointer=f"/ends_{weekday}",
            )
    driver.shifts.all().delete()
    Shift.objects.bulk_create(
        Shift(driver=driver, weekday=weekday, starts=starts, ends=ends)
        for weekday, (starts, ends) in sorted(shifts.items())
    )
    after = {str(day): f"{a:%H:%M}–{b:%H:%M}" for day, (a, b) in sorted(shifts.items())}
    _trace(driver, "driver.shifts", by, at, after=after)


@transaction.atomic
def add_absence(
    *, driver_id: int, first_on: date, last_on: date, by: User | None, at: datetime, reason: str = ""
) -> Absence:
    """Days a driver is away, both included. Refused "absence_backwards", "absence_too_long", Conflict
    "absent_already"."""
    driver = Driver.objects.select_for_update().get(pk=driver_id)
    if fault(reason):
        raise Refused(fault(reason), _("This text can't be stored."), pointer="/reason")
    if last_on < first_on:
        raise Refused("absence_backwards", _("The last day is before the first."), pointer="/last_on")
    if (last_on - first_on).days > 366 or abs((first_on - clock.business_date(at)).days) > 732:
        raise Refused("absence_too_long", _("At most a year, and not further than two years away."), pointer="/last_on")
    if driver.absences.filter(first_on__lte=last_on, last_on__gte=first_on).exists():
        raise Conflict("absent_already", _("Some of these days are entered already."), pointer="/first_on")
    row = Absence.objects.create(driver=driver, first_on=first_on, last_on=last_on, reason=clean(reason)[:120])
    _trace(driver, "driver.absent", by, at, after={"first_on": f"{first_on}", "last_on": f"{last_on}"})
    return row


@transaction.atomic
def remove_absence(*, driver_id: int, absence_id: int, by: User, at: datetime) -> None:
    """They work on those days after all. Conflict "absence_gone" if somebody took it out already."""
    driver = Driver.objects.select_for_update().get(pk=driver_id)
    row = driver.absences.filter(pk=absence_id).first()
    if row is None:
        raise Conflict("absence_gone", _("These days were taken out already."))
    before = {"first_on": f"{row.first_on}", "last_on": f"{row.last_on}"}
    row.delete()
    _trace(driver, "driver.present", by, at, before=before)


@transaction.atomic
def add_driver_document(
    *, driver_id: int, kind: str, expires_at: datetime, by: User | None, at: datetime, number: str = ""
) -> DriverDocument:
    """A paper of a driver; the one that expires last counts. Refused "kind_unknown", "expires_too_far", Conflict
    "document_taken"."""
    driver = Driver.objects.get(pk=driver_id)
    check_paper(kind, DriverDocumentKind.values, number, expires_at, at)
    try:
        with transaction.atomic():
            row = DriverDocument.objects.create(
                driver=driver, kind=kind, number=clean(number)[:60], expires_at=expires_at
            )
    except IntegrityError as taken:
        raise paper_taken() from taken
    _trace(driver, "driver.document", by, at, after={"kind": kind, "expires_at": expires_at.isoformat()})
    return row


@transaction.atomic
def add_member(
    *, hub: Station, organisation: Organisation, joined_on: date, by: User | None, at: datetime, contract_no: str = ""
) -> Member:
    """An organisation joins the county's pool. Refused "joined_too_far", Conflict "member_already"."""
    if fault(contract_no):
        raise Refused(fault(contract_no), _("This text can't be stored."), pointer="/contract_no")
    if abs((joined_on - clock.business_date(at)).days) > 3660:
        raise Refused("joined_too_far", _("Not further than ten years away."), pointer="/joined_on")
    try:
        with transaction.atomic():
            member = Member.objects.create(
                county_code=hub.county_code,
                hub=hub,
                organisation=organisation,
                contract_no=clean(contract_no)[:60],
                joined_on=joined_on,
            )
    except IntegrityError as taken:
        raise Conflict("member_already", _("It is a member already."), pointer="/organisation") from taken
    _trace_member(member, "member.joined", by, at, after={"joined_on": f"{joined_on}"})
    return member


@transaction.atomic
def end_member(*, member_id: int, left_on: date, by: User, at: datetime) -> Member:
    """It leaves; `left_on` is the first day it isn't a member any more. Refused "left_before_joining", Conflict
    "member_left"."""
    member = Member.objects.select_for_update().get(pk=member_id)
    if member.left_on:
        raise Conflict("member_left", _("It has left already."))
    if left_on <= member.joined_on:
        raise Refused("left_before_joining", _("After the day it joined."), pointer="/left_on")
    if left_on.year > at.year + 10:
        raise Refused("joined_too_far", _("Not further than ten years away."), pointer="/left_on")
    member.left_on = left_on
    member.save(update_fields=["left_on"])
    _trace_member(member, "member.left", by, at, after={"left_on": f"{left_on}"})
    return member


def _trace(
    driver: Driver,
    action: str,
    by: User | None,
    at: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit(
        actor=by,
        action=action,
        entity="driver",
        entity_id=driver.pk,
        label=driver.user.username,  # a login, not a name
        at=at,
        county_code=driver.county_code,
        before=before,
        after=after,
    )


def _trace_member(member: Member, action: str, by: User | None, at: datetime, *, after: dict[str, Any]) -> None:
    audit(
        actor=by,
        action=action,
        entity="member",
        entity_id=member.pk,
        label=member.organisation.name,
        at=at,
        county_code=member.county_code,
        after=after,
    )
