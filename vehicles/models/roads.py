"""The county's roads: one edition of a graph at a time, what blocks it, and the matrices reckoned from it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stations.models import Station
from vehicles.models.scoped import BY, OfCounty
from vehicles.states import (
    IncidentEffect,
    IncidentKind,
    IncidentState,
    ResponsibleLevel,
    RoadClass,
    RoadSource,
    Surface,
)

_OPEN = [IncidentState.REPORTED, IncidentState.CONFIRMED, IncidentState.ASSIGNED]


class RoadEdition(models.Model):
    """A road graph as it was brought in. A county has one that is current; a newer one takes its place whole."""

    county_code = models.CharField(max_length=6)
    name = models.CharField(_("name"), max_length=80)
    source = models.CharField(max_length=4, choices=RoadSource.choices)
    attribution = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(**BY)
    current = models.BooleanField(default=False)
    digest = models.CharField(max_length=64, blank=True)  # of nodes and segments, not of incidents

    objects: "OfCounty[RoadEdition]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code"], condition=Q(current=True), name="roadedition_one_current")
        ]

    def __str__(self) -> str:
        return self.name


class RoadNode(models.Model):
    """A junction or an end of a segment."""

    edition = models.ForeignKey(RoadEdition, models.CASCADE, related_name="nodes")
    ref = models.BigIntegerField()  # OSM's, or counted by hand
    lng = models.FloatField()
    lat = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edition", "ref"], name="roadnode_once")]

    def __str__(self) -> str:
        return str(self.ref)


class RoadSegment(models.Model):
    """A stretch of road between two nodes; both ways unless `one_way`."""

    county_code = models.CharField(max_length=6)
    edition = models.ForeignKey(RoadEdition, models.CASCADE, related_name="segments")
    way = models.BigIntegerField(null=True)  # OSM's: incidents find it again in the next edition
    source = models.ForeignKey(RoadNode, models.CASCADE, related_name="+")
    target = models.ForeignKey(RoadNode, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=120, blank=True)
    road_class = models.CharField(_("class"), max_length=1, choices=RoadClass.choices)
    surface = models.CharField(_("surface"), max_length=8, choices=Surface.choices, blank=True)
    width_cm = models.PositiveSmallIntegerField(_("width, cm"), null=True, blank=True)
    length_m = models.PositiveIntegerField(_("length, m"))
    one_way = models.BooleanField(_("one way"), default=False)
    closed_from = models.PositiveSmallIntegerField(_("closed from month"), null=True, blank=True)  # 11 … 3 goes over
    closed_to = models.PositiveSmallIntegerField(_("to month"), null=True, blank=True)
    responsible = models.CharField(
        _("responsible"), max_length=8, choices=ResponsibleLevel.choices, default=ResponsibleLevel.COUNTY
    )

    objects: "OfCounty[RoadSegment]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(road_class__in=RoadClass.values), name="segment_class_known"),
            models.CheckConstraint(condition=Q(responsible__in=ResponsibleLevel.values), name="segment_level_known"),
            models.CheckConstraint(
                condition=Q(closed_from__isnull=True, closed_to__isnull=True)
                | Q(closed_from__range=(1, 12), closed_to__range=(1, 12)),
                name="segment_season_whole",
            ),
        ]
        indexes = [models.Index(fields=["edition", "way"], name="segment_of_way")]

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"


class RoadIncident(models.Model):
    """Something in the way, from the report until the road is open again. `way` and the point find its segment."""

    county_code = models.CharField(max_length=6)
    segment = models.ForeignKey(RoadSegment, models.SET_NULL, null=True, blank=True, related_name="incidents")
    way = models.BigIntegerField(null=True)
    station = models.ForeignKey(Station, models.PROTECT, null=True, blank=True, related_name="+")  # reported near it
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    kind = models.CharField(_("what happened"), max_length=10, choices=IncidentKind.choices)
    effect = models.CharField(_("effect"), max_length=6, choices=IncidentEffect.choices)
    slow_factor = models.DecimalField(_("times slower"), max_digits=4, decimal_places=2, default=2)
    note = models.CharField(_("note"), max_length=300, blank=True)
    responsible = models.CharField(_("responsible"), max_length=8, choices=ResponsibleLevel.choices, blank=True)
    state = models.CharField(max_length=10, choices=IncidentState.choices, default=IncidentState.REPORTED)
    reported_by = models.ForeignKey(**BY)  # null: a villager, without signing in
    reported_at = models.DateTimeField()
    client_id = models.UUIDField(null=True, unique=True)  # a report sent twice is one
    ended_at = models.DateTimeField(null=True)

    objects: "OfCounty[RoadIncident]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=IncidentState.values), name="incident_state_known"),
            models.CheckConstraint(condition=Q(slow_factor__gte=1), name="incident_slows"),
        ]
        indexes = [
            models.Index(fields=["county_code", "-reported_at"], condition=Q(state__in=_OPEN), name="incident_open"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.reported_at:%m-%d %H:%M}"


class MatrixCache(models.Model):
    """Times and distances between stops, by the hash of graph, stops and mode: a copy that may be thrown away."""

    key = models.CharField(primary_key=True, max_length=64)
    county_code = models.CharField(max_length=6)
    size = models.PositiveIntegerField()
    seconds = models.BinaryField()  # int32, row by row, zlib
    metres = models.BinaryField()
    more = models.JSONField(default=dict)  # what was not reached and how far stops stand from the road
    made_at = models.DateTimeField()
    used_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["county_code", "used_at"], name="matrix_oldest")]

    def __str__(self) -> str:
        return self.key[:12]
