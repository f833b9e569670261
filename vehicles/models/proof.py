"""What shows that it pays: a frozen "before", and what-if reckonings of who joins."""

from django.db import models
from django.db.models import F, Q

from common.models import Job
from stations.models import Station
from vehicles.models.scoped import BY, OfProof
from vehicles.states import BaselineSource


class Baseline(models.Model):
    """A county's "before", frozen: rows are added, never changed; the newest counts."""

    county_code = models.CharField(max_length=6)
    name = models.CharField(max_length=80)
    source = models.CharField(max_length=8, choices=BaselineSource.choices)
    first_on = models.DateField()
    last_on = models.DateField()
    figures = models.JSONField()  # figures.Figures: numerators and denominators
    note = models.CharField(max_length=300, blank=True)
    frozen_by = models.ForeignKey(**BY)
    frozen_at = models.DateTimeField()

    objects: "OfProof[Baseline]" = OfProof.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(last_on__gte=F("first_on")), name="baseline_span")]
        indexes = [models.Index(fields=["county_code", "-frozen_at"], name="baseline_newest")]

    def __str__(self) -> str:
        return self.name


class WhatIf(models.Model):
    """Who joins: each carrier alone and subsets pooled, with buses and without, and the cost shared (Shapley)."""

    county_code = models.CharField(max_length=6)
    hub = models.ForeignKey(Station, models.PROTECT, related_name="+")
    service_date = models.DateField()
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    asked = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    made_by = models.ForeignKey(**BY)
    made_at = models.DateTimeField()

    objects: "OfProof[WhatIf]" = OfProof.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index(fields=["county_code", "-made_at"], name="whatif_newest")]

    def __str__(self) -> str:
        return f"{self.county_code} {self.service_date}"
