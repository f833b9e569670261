"""The registry: divisions, organisations, the three-level station tree, who works where, handhelds.

What can be a constraint is one. A station's parent is checked by composite foreign keys over generated columns
(migration 0002): (parent, level above) and, for an outlet, (parent, township of its village).
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from accounts.roles import AT_COUNTY, AT_ORGANISATION, AT_STATION, AT_TOWNSHIP, EVERYWHERE, Role
from stations.scope import scope_of
from stations.states import (
    IN_SERVICE,
    EquipmentState,
    HostKind,
    OrganisationKind,
    RegionChangeKind,
    RegionLevel,
    Service,
    StationLevel,
    StationState,
    Tenure,
    Terrain,
)

if TYPE_CHECKING:
    from accounts.models import User


class RegionQuerySet(models.QuerySet["Region"]):
    def visible_to(self, user: "User") -> "RegionQuerySet":
        """The division list is public knowledge: every role reads all of it."""
        return self if scope_of(user, "region.read") else self.none()

    def current(self) -> "RegionQuerySet":
        return self.filter(valid_to__isnull=True)

    def of_county(self, county_code: str) -> "RegionQuerySet":
        return self.filter(county_code=county_code)

    def villages(self) -> "RegionQuerySet":
        return self.filter(level=RegionLevel.VILLAGE)


class Region(models.Model):
    """A division of the dated list. 12 digits = county 6 (GB/T 2260) + township 3 + village 3; natural villages
    append a local suffix. A division that vanishes from a newer edition is closed, never deleted."""

    code = models.CharField(primary_key=True, max_length=16)
    name = models.CharField(_("name"), max_length=80)
    level = models.CharField(_("level"), max_length=16, choices=RegionLevel.choices)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children", db_index=False)
    county_code = models.GeneratedField(
        expression=Left("code", 6), output_field=models.CharField(max_length=6), db_persist=True
    )
    province_name = models.CharField(max_length=40, blank=True)
    prefecture_name = models.CharField(max_length=40, blank=True)
    initials = models.CharField(max_length=80, blank=True)  # pinyin initials of the name, lower case
    urban_rural = models.CharField(max_length=3, blank=True)  # NBS class, 220 = village
    terrain = models.CharField(_("terrain"), max_length=10, choices=Terrain.choices, default=Terrain.PLAIN)
    population = models.PositiveIntegerField(_("population"), null=True)
    lng = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    lat = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    point_source = models.CharField(max_length=60, blank=True)
    edition = models.CharField(max_length=20)  # of the list that last named it, e.g. "2023"
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)  # exclusive; null while it stands in the newest list

    objects = RegionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(level__in=RegionLevel.values), name="region_level_known"),
            models.CheckConstraint(condition=Q(code__regex=r"^\d{12}[0-9A-Z]{0,4}$"), name="region_code_digits"),
            models.CheckConstraint(
                condition=Q(level=RegionLevel.COUNTY, parent__isnull=True)
                | (~Q(level=RegionLevel.COUNTY) & Q(parent__isnull=False)),
                name="region_only_counties_are_roots",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")), name="region_valid_span"
            ),
            models.CheckConstraint(
                condition=Q(lng__isnull=True, lat__isnull=True)
                | Q(lng__isnull=False, lng__range=(-180, 180), lat__isnull=False, lat__range=(-90, 90)),
                name="region_point_on_earth",
            ),
        ]
        indexes = [
            models.Index(fields=["parent", "code"], name="region_children"),
            models.Index(fields=["county_code", "level"], name="region_county_level"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def short_name(self) -> str:
        """The name as people say it: without 村民委员会 / 居民委员会."""
        for suffix in ("村民委员会", "居民委员会", "社区居委会", "村委会", "居委会"):
            if self.name.endswith(suffix) and len(self.name) > len(suffix):
                stem = self.name[: -len(suffix)]
                if stem.endswith(("村", "社区")):
                    return stem
                return stem + ("村" if suffix.startswith("村") else "社区")
        return self.name


class RegionChange(models.Model):
    """What an edition changed of a division: opened, renamed, moved, closed, reopened."""

    region = models.ForeignKey(Region, models.PROTECT, related_name="changes")
    edition = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=RegionChangeKind.choices)
    before = models.CharField(max_length=120, blank=True)
    after = models.CharField(max_length=120, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.region_id} {self.kind} {self.edition}"


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def visible_to(self, user: "User") -> "OrganisationQuerySet":
        """Organisations are names on a list: whoever reads stations reads them."""
        return self if scope_of(user, "station.read") else self.none()

    def carriers(self) -> "OrganisationQuerySet":
        return self.filter(kind__in=[OrganisationKind.CARRIER, OrganisationKind.POST], is_active=True)


class Organisation(models.Model):
    """A carrier, bus company, cooperative, shop owner …; `code` is what scans and files name it by."""

    code = models.CharField(_("code"), max_length=16, unique=True)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=12, choices=OrganisationKind.choices)
    is_active = models.BooleanField(default=True)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(code__regex=r"^[A-Z0-9-]{2,16}$"), name="organisation_code_form"),
            models.CheckConstraint(condition=Q(kind__in=OrganisationKind.values), name="organisation_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name


class StationQuerySet(models.QuerySet["Station"]):
    def visible_to(self, user: "User", action: str = "station.read") -> "StationQuerySet":
        """The only door: the stations in the scope of those of the user's roles that may `action`."""
        return scope_of(user, action).filter_stations(self)

    def below(self, station: "Station") -> "StationQuerySet":
        """The subtree of a station, itself included. Three levels, so no tree library."""
        return self.filter(Q(pk=station.pk) | Q(parent=station.pk) | Q(parent__parent=station.pk))

    def in_service(self) -> "StationQuerySet":
        return self.filter(state__in=IN_SERVICE)

    def active(self) -> "StationQuerySet":
        return self.filter(state=StationState.ACTIVE)


class Station(models.Model):
    """A county hub, township centre or village outlet."""

    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=80)
    level = models.CharField(_("level"), max_length=6, choices=StationLevel.choices)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    region = models.ForeignKey(Region, models.PROTECT, related_name="stations", verbose_name=_("division"))
    county_code = models.GeneratedField(
        expression=Left("region_id", 6), output_field=models.CharField(max_length=6), db_persist=True
    )
    township_code = models.GeneratedField(
        expression=Left("region_id", 9), output_field=models.CharField(max_length=9), db_persist=True
    )
    exception_reason = models.CharField(_("reason for a centre of another township"), max_length=200, blank=True)
    initials = models.CharField(max_length=80, blank=True)
    host_kind = models.CharField(_("host"), max_length=20, choices=HostKind.choices, default=HostKind.OTHER)
    owner = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="stations", verbose_name=_("owner")
    )
    contact_name = models.CharField(_("contact"), max_length=40, blank=True)
    contact_phone = models.CharField(_("hotline"), max_length=20, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    lng = models.DecimalField(_("longitude"), max_digits=9, decimal_places=6, null=True, blank=True)
    lat = models.DecimalField(_("latitude"), max_digits=9, decimal_places=6, null=True, blank=True)
    opening_hours = models.CharField(_("opening hours"), max_length=120, blank=True, default="08:00-20:00")
    daily_capacity = models.PositiveIntegerField(_("parcels a day"), default=0)
    shelf_slots = models.PositiveIntegerField(_("shelf slots"), default=0)
    cold_m3 = models.DecimalField(_("cold storage, m³"), max_digits=6, decimal_places=1, default=0)
    user_access = models.BooleanField(_("people may come"), default=True)
    vehicle_access = models.BooleanField(_("vehicles may come"), default=True)
    dispatch_enabled = models.BooleanField(_("takes part in dispatch"), default=True)
    tenure = models.CharField(_("tenure"), max_length=10, choices=Tenure.choices, default=Tenure.PERMANENT)
    tenure_until = models.DateField(_("until"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=StationState.choices, default=StationState.PROPOSED)
    version = models.PositiveIntegerField(default=1)  # of the row: an edit names the one it saw
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(level__in=StationLevel.values), name="station_level_known"),
            models.CheckConstraint(condition=Q(state__in=StationState.values), name="station_state_known"),
            models.CheckConstraint(condition=Q(host_kind__in=HostKind.values), name="station_host_known"),
            models.CheckConstraint(
                condition=Q(level=StationLevel.HUB, parent__isnull=True)
                | (~Q(level=StationLevel.HUB) & Q(parent__isnull=False)),
                name="station_level_has_its_parent",
            ),
            models.CheckConstraint(
                condition=Q(tenure=Tenure.PERMANENT, tenure_until__isnull=True)
                | Q(tenure=Tenure.TEMPORARY, tenure_until__isnull=False),
                name="station_tenure_has_its_end",
            ),
            models.CheckConstraint(
                condition=Q(lng__isnull=True, lat__isnull=True)
                | Q(lng__isnull=False, lng__range=(-180, 180), lat__isnull=False, lat__range=(-90, 90)),
                name="station_point_on_earth",
            ),
            models.CheckConstraint(condition=Q(code__regex=r"^[A-Z0-9-]{2,20}$"), name="station_code_form"),
            models.CheckConstraint(condition=Q(cold_m3__gte=0), name="station_cold_not_negative"),
        ]
        indexes = [
            models.Index(fields=["county_code", "level", "state"], name="station_county_level"),
            models.Index(fields=["county_code", "township_code"], name="station_township"),
        ]

    def __str__(self) -> str:
        return self.name


class StationBrand(models.Model):
    """A carrier whose parcels the station handles: outlets are shared across brands."""

    station = models.ForeignKey(Station, models.CASCADE, related_name="brands")
    carrier = models.ForeignKey(Organisation, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["station", "carrier"], name="stationbrand_once")]

    def __str__(self) -> str:
        return f"{self.station} · {self.carrier}"


class ServiceOffer(models.Model):
    """A service the station offers: one point, many functions."""

    station = models.ForeignKey(Station, models.CASCADE, related_name="services")
    service = models.CharField(max_length=20, choices=Service.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["station", "service"], name="serviceoffer_once"),
            models.CheckConstraint(condition=Q(service__in=Service.values), name="serviceoffer_known"),
        ]

    def __str__(self) -> str:
        return f"{self.station} · {self.get_service_display()}"


class Equipment(models.Model):
    """A piece of equipment by serial number: handheld, scale, shelf, freezer, locker bank …"""

    station = models.ForeignKey(Station, models.PROTECT, related_name="equipment")
    kind = models.CharField(_("kind"), max_length=60)
    serial = models.CharField(_("serial number"), max_length=60)
    state = models.CharField(_("state"), max_length=10, choices=EquipmentState.choices, default=EquipmentState.WORKING)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "serial"], name="equipment_serial_once"),
            models.CheckConstraint(condition=Q(state__in=EquipmentState.values), name="equipment_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.serial}"


class StationTransition(models.Model):
    """One step of a station's life, written by the statement that made it."""

    station = models.ForeignKey(Station, models.PROTECT, related_name="transitions")
    from_state = models.CharField(max_length=12, choices=StationState.choices, blank=True)
    to_state = models.CharField(max_length=12, choices=StationState.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=400, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["station", "-at"], name="stationtransition_history")]

    def __str__(self) -> str:
        return f"{self.station_id}: {self.from_state} → {self.to_state}"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self, at: datetime) -> "MembershipQuerySet":
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=at))

    def visible_to(self, user: "User") -> "MembershipQuerySet":
        return scope_of(user, "user.read").filter_memberships(self)


class Membership(models.Model):
    """A user holds a role at a station, in a township or county, or for an organisation in a county."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    county_code = models.CharField(max_length=6, blank=True)  # "" only for those who stand above counties
    station = models.ForeignKey(Station, models.PROTECT, null=True, blank=True, related_name="memberships")
    region = models.ForeignKey(Region, models.PROTECT, null=True, blank=True, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, blank=True, related_name="memberships")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=AT_STATION, station__isnull=False, region__isnull=True, organisation__isnull=True)
                | Q(
                    role__in=AT_TOWNSHIP,
                    region__isnull=False,
                    station__isnull=True,
                    organisation__isnull=True,
                )
                | Q(role__in=AT_COUNTY, region__isnull=False, station__isnull=True, organisation__isnull=True)
                | Q(
                    role__in=AT_ORGANISATION,
                    organisation__isnull=False,
                    region__isnull=False,
                    station__isnull=True,
                )
                | Q(role__in=EVERYWHERE, organisation__isnull=True, region__isnull=True, station__isnull=True),
                name="membership_tied_as_its_role_asks",
            ),
            models.UniqueConstraint(
                fields=["user", "role", "station", "region", "organisation"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="membership_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"

    @property
    def place(self) -> str:
        """Where the role holds, by name; "" for those who stand above counties."""
        parts = [str(part) for part in (self.organisation, self.station or self.region) if part]
        return " · ".join(parts)


class DeviceQuerySet(models.QuerySet["Device"]):
    def visible_to(self, user: "User", action: str = "device.read") -> "DeviceQuerySet":
        scope = scope_of(user, action)
        return scope.filter_by_station(self, "station_id", "station__county_code")

    def live(self) -> "DeviceQuerySet":
        return self.filter(revoked_at__isnull=True)


class Device(models.Model):
    """A handheld enrolled at a station in a person's hands. Only a keyed digest of its token is stored."""

    name = models.CharField(_("name"), max_length=60)
    station = models.ForeignKey(Station, models.PROTECT, related_name="devices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="devices")
    token_digest = models.CharField(max_length=64, unique=True)
    enrolled_at = models.DateTimeField()
    enrolled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    revoke_reason = models.CharField(max_length=200, blank=True)
    last_seen_at = models.DateTimeField(null=True)  # written at most once a minute

    objects = DeviceQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
