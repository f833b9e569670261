"""Create and edit stations.

The rules of the tree are constraints of the database (migrations 0001 and 0002), so that they hold whoever writes and
however two writers race. This module tries the write; where a constraint says no, `station_refusals` says which rule
it was in a sentence that names the rows. What no constraint can express (an unknown code, a parent that is closed) is
checked before, with the parents locked.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common import text
from common.errors import Conflict, Refused
from stations.models import Organisation, Region, ServiceOffer, Station, StationBrand, StationTransition
from stations.pinyin import initials
from stations.services import station_refusals as refusals
from stations.states import HostKind, OrganisationKind, Service, StationLevel, StationState, Tenure

CONTACT_FIELDS = ("contact_name", "contact_phone", "opening_hours")  # what a station's own people may change
_MASKS = {"contact_name": text.masked_name, "contact_phone": text.masked_phone}  # the audit can't be erased


@dataclass(frozen=True)
class StationFields:
    """What a person decides about a station; codes name the other rows, so that a file or a form can be one."""

    code: str
    name: str
    level: str
    region_code: str
    parent_code: str = ""
    exception_reason: str = ""
    host_kind: str = HostKind.OTHER
    owner_code: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    address: str = ""
    lng: Decimal | None = None
    lat: Decimal | None = None
    opening_hours: str = "08:00-20:00"
    daily_capacity: int = 0
    shelf_slots: int = 0
    cold_m3: Decimal = Decimal(0)
    user_access: bool = True
    vehicle_access: bool = True
    dispatch_enabled: bool = True
    tenure: str = Tenure.PERMANENT
    tenure_until: date | None = None
    brands: tuple[str, ...] = ()  # carrier codes
    services: tuple[str, ...] = ()


_TEXTS = ("name", "exception_reason", "contact_name", "contact_phone", "address", "opening_hours")
_ROWS = {"region_code": "region", "parent_code": "parent", "owner_code": "owner"}  # our code → the model's key
_SETS = ("brands", "services")
_PLAIN = tuple(f.name for f in dataclasses.fields(StationFields) if f.name not in (*_ROWS, *_SETS))


def fields_of(station: Station) -> StationFields:
    """The station as it stands, e.g. to change one field with dataclasses.replace."""
    return StationFields(
        **{name: getattr(station, name) for name in _PLAIN},
        region_code=station.region_id,
        parent_code=station.parent.code if station.parent else "",
        owner_code=station.owner.code if station.owner else "",
        brands=tuple(sorted(brand.carrier.code for brand in station.brands.select_related("carrier"))),
        services=tuple(sorted(offer.service for offer in station.services.all())),
    )


# --- create -------------------------------------------------------------------------------------------


def create_station(*, fields: StationFields, by: User | None, at: datetime) -> Station:
    """A proposed station. Refused or Conflict points to the field that breaks a rule."""
    with transaction.atomic():
        row = _cleaned(fields)
        station = _insert({"": row}, state=StationState.PROPOSED, reason="", by=by, at=at)[""]
        audit(
            actor=by,
            action="station.created",
            entity="station",
            entity_id=station.pk,
            county_code=station.county_code,
            label=f"{station.code} {station.name}",
            at=at,
            after=_for_audit(
                {f.name: getattr(row, f.name) for f in dataclasses.fields(row) if getattr(row, f.name) != f.default}
            ),
        )
    return station


def create_stations(
    *, rows: Sequence[StationFields], by: User | None, at: datetime, already_open: bool = False
) -> list[Station]:
    """Many stations of any levels in a few statements, all or none, answered in the order given.

    A row may hang on another row of the same call. `already_open`: a county joins with stations that have served for
    years; they start ACTIVE and their first transition says so. Refused or Conflict points to `/<index>/<field>`.
    """
    state = StationState.ACTIVE if already_open else StationState.PROPOSED
    reason = _("In service when the county joined") if already_open else ""
    cleaned: dict[str, StationFields] = {}
    made: dict[str, Station] = {}
    for index, row in enumerate(rows):
        with refusals.pointing_into(f"/{index}"):
            cleaned[f"/{index}"] = _cleaned(row)
    with transaction.atomic():
        for level in StationLevel:  # parents first
            batch = {place: row for place, row in cleaned.items() if row.level == level}
            made |= _insert(batch, state=state, reason=reason, by=by, at=at)
        for county_code in sorted({station.county_code for station in made.values()}):
            codes = [station.code for station in made.values() if station.county_code == county_code]
            audit(
                actor=by,
                action="station.created_many",
                entity="county",
                entity_id=county_code,
                county_code=county_code,
                at=at,
                after={"count": len(codes), "first_codes": codes[:20], "state": state.value},
            )
    return [made[place] for place in cleaned]


def _insert(
    batch: Mapping[str, StationFields], *, state: StationState, reason: str, by: User | None, at: datetime
) -> dict[str, Station]:
    """Stations of one level with their brands, services and first transition; keys are pointers to the rows."""
    known = _Known.named_by(batch.values())
    stations: dict[str, Station] = {}
    for place, row in batch.items():
        with refusals.pointing_into(place):
            stations[place] = known.station(row)
            stations[place].state = state
            refusals.check_place(stations[place])
    try:
        with transaction.atomic():
            Station.objects.bulk_create(stations.values())
    except IntegrityError:
        # a statement of many rows doesn't say which one broke the rule; one by one does
        for place, station in stations.items():
            with refusals.pointing_into(place), refusals.as_sentence(station):
                station.pk = None
                station.save(force_insert=True)
        raise
    for place, row in batch.items():
        known.add_sets(stations[place], brands=row.brands, services=row.services)
    StationBrand.objects.bulk_create(known.new_brands)
    ServiceOffer.objects.bulk_create(known.new_services)
    StationTransition.objects.bulk_create(
        StationTransition(station=station, from_state="", to_state=state, actor=by, reason=reason, at=at)
        for station in stations.values()
    )
    stored = Station.objects.in_bulk([station.pk for station in stations.values()])  # with the generated columns
    return {place: stored[station.pk] for place, station in stations.items()}


# --- edit ---------------------------------------------------------------------------------------------


def edit_station(*, station_id: int, version: int, fields: StationFields, by: User | None, at: datetime) -> Station:
    """Make the station what `fields` says; `version` is the one the person saw.

    Conflict "changed_meanwhile" if somebody saved in between; Refused as in create_station. Code and level are for
    good: scans name the one, the tree stands on the other. The audit keeps the changed fields, before and after.
    """
    with transaction.atomic():
        station = Station.objects.select_for_update(of=("self",)).select_related("parent", "owner").get(pk=station_id)
        if station.version != version:
            raise Conflict(
                "changed_meanwhile",
                _("Somebody else changed this station while you were typing. Compare, then save again."),
            )
        old, new = fields_of(station), _cleaned(fields)
        before, after = _difference(old, new)
        for name in after.keys() & {"code", "level"}:
            raise Refused(f"{name}_is_fixed", _("Code and level of a station can't be changed."), pointer=f"/{name}")
        if not after:
            return station
        known = _Known.named_by([new])
        wanted = known.station(new)
        if after.keys() & {"region_code", "parent_code"}:
            refusals.check_place(wanted)
        values = {name: getattr(wanted, name) for name in (*_PLAIN, *_ROWS.values(), "initials")}
        with refusals.as_sentence(wanted), transaction.atomic():
            Station.objects.filter(pk=station_id, version=version).update(**values, version=F("version") + 1)
        station.brands.exclude(carrier__code__in=new.brands).delete()
        station.services.exclude(service__in=new.services).delete()
        known.add_sets(
            station, brands=set(new.brands) - set(old.brands), services=set(new.services) - set(old.services)
        )
        StationBrand.objects.bulk_create(known.new_brands)
        ServiceOffer.objects.bulk_create(known.new_services)
        audit(
            actor=by,
            action="station.changed",
            entity="station",
            entity_id=station_id,
            county_code=station.county_code,
            label=f"{new.code} {new.name}",
            at=at,
            before=_for_audit(before),
            after=_for_audit(after),
        )
    return Station.objects.get(pk=station_id)


# --- shared -------------------------------------------------------------------------------------------


class _Known:
    """The rows that a batch names by code, read once; the parents locked, so that none is closed meanwhile."""

    def __init__(self) -> None:
        self.regions: Mapping[str, Region] = {}
        self.parents: Mapping[str, Station] = {}
        self.organisations: Mapping[str, Organisation] = {}
        self.new_brands: list[StationBrand] = []
        self.new_services: list[ServiceOffer] = []

    @classmethod
    def named_by(cls, rows: Iterable[StationFields]) -> "_Known":
        rows = list(rows)
        known = cls()
        known.regions = Region.objects.in_bulk({row.region_code for row in rows})
        # FOR NO KEY UPDATE: waits for a closing parent, yet lets scans and other keys point to it
        parents = Station.objects.filter(code__in={row.parent_code for row in rows}).order_by("pk")
        known.parents = {
            p.code: p for p in parents.select_related("region").select_for_update(of=("self",), no_key=True)
        }
        codes = {row.owner_code for row in rows}.union(*(row.brands for row in rows))
        known.organisations = {o.code: o for o in Organisation.objects.filter(code__in=codes)}
        return known

    def station(self, row: StationFields) -> Station:
        """An unsaved station; Refused for codes nobody has and values that can't be stored."""
        if row.region_code not in self.regions:
            raise refusals.unknown("region_code", row.region_code)
        if row.parent_code and row.parent_code not in self.parents:
            raise refusals.unknown("parent_code", row.parent_code)
        if row.owner_code and row.owner_code not in self.organisations:
            raise refusals.unknown("owner_code", row.owner_code)
        station = Station(
            **{name: getattr(row, name) for name in _PLAIN},
            region=self.regions[row.region_code],
            parent=self.parents.get(row.parent_code),
            owner=self.organisations.get(row.owner_code),
            initials=initials(row.name)[:80],
        )
        refusals.check_values(station)
        return station

    def add_sets(self, station: Station, *, brands: Iterable[str], services: Iterable[str]) -> None:
        """Note the brands and services to insert. Refused "unknown_brands" for a code that is no carrier's."""
        for code in sorted(brands):
            carrier = self.organisations.get(code)
            if carrier is None or carrier.kind not in (OrganisationKind.CARRIER, OrganisationKind.POST):
                raise refusals.unknown("brands", code)
            self.new_brands.append(StationBrand(station=station, carrier=carrier))
        for service in sorted(services):
            if service not in Service.values:
                raise refusals.unknown("services", service)
            self.new_services.append(ServiceOffer(station=station, service=service))


def _cleaned(row: StationFields) -> StationFields:
    """Texts without what can't be stored or seen, codes in their normal form, sets sorted and without doubles."""
    for name in (*_TEXTS, "code", "region_code", "parent_code", "owner_code"):
        if fault := text.fault(getattr(row, name)):
            raise Refused(fault, _("The text holds characters that can't be stored."), pointer=f"/{name}")
    if row.level not in StationLevel.values:
        raise refusals.unknown("level", row.level)
    cleaned: dict[str, Any] = {
        **{name: text.clean(getattr(row, name)) for name in _TEXTS},
        **{name: text.normal_code(getattr(row, name)) for name in ("code", *_ROWS)},
        **{name: tuple(sorted(set(getattr(row, name)))) for name in _SETS},
    }
    return dataclasses.replace(row, **cleaned)


def _difference(old: StationFields, new: StationFields) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ: as they were, as they shall be."""
    names = [f.name for f in dataclasses.fields(StationFields) if getattr(old, f.name) != getattr(new, f.name)]
    return {name: getattr(old, name) for name in names}, {name: getattr(new, name) for name in names}


def _for_audit(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON; a person's name and phone masked, because the audit can never be erased."""
    shown: dict[str, Any] = {}
    for name, value in values.items():
        if name in _MASKS:
            value = _MASKS[name](value)
        elif isinstance(value, Decimal | date):
            value = str(value)
        shown[name] = list(value) if isinstance(value, tuple) else value
    return shown
