"""What a rate depends on at an outlet, and where its money goes."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from common.fields import EncryptedTextField
from settlement.models.scoped import OfStation
from settlement.states import FactKind, Grade
from stations.models import Station
from stations.states import Terrain


class OutletFact(models.Model):
    """What a township entered about an outlet, from a day after it was entered until the next of its kind: so that no
    line that is written ever rested on something else. Append-only."""

    county_code = models.CharField(max_length=6)
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=FactKind.choices)
    grade = models.CharField(max_length=1, choices=Grade.choices, blank=True)
    value = models.DecimalField(max_digits=9, decimal_places=2, null=True)  # km; persons a km²
    valid_from = models.DateField(_("from"))
    reason = models.CharField(_("reason"), max_length=200)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()

    objects: "OfStation[OutletFact]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["station", "kind", "valid_from"], name="outletfact_once_a_day"),
            models.CheckConstraint(
                condition=Q(kind=FactKind.GRADE, grade__in=Grade.values, value__isnull=True)
                | Q(kind__in=[FactKind.DISTANCE, FactKind.DENSITY], grade="", value__gte=0, value__lte=10**6),
                name="outletfact_grade_or_value",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.station_id} {self.kind} {self.grade or self.value} from {self.valid_from}"


class OutletMonth(models.Model):
    """What a month's rates of an outlet rest on besides dated facts: kept when the month's first line is priced, so
    that a recomputation years later finds the same. `volume` is the outlet's in `volume_month`, the last month that
    was closed then; both null for an outlet without one (the policy's entry volume counts). Append-only."""

    county_code = models.CharField(max_length=6)
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)
    month = models.DateField()
    terrain = models.CharField(max_length=10, choices=Terrain.choices)
    volume = models.PositiveIntegerField(null=True)  # parcels
    volume_month = models.DateField(null=True)
    kept_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["county_code", "station", "month"], name="outletmonth_once")]

    def __str__(self) -> str:
        return f"{self.station_id} {self.month:%Y-%m}"


class OutletAccount(models.Model):
    """A bank account of an outlet: entered by one person, confirmed by another; the newest confirmed one counts."""

    county_code = models.CharField(max_length=6)
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    holder = models.CharField(_("account holder"), max_length=80)
    bank = models.CharField(_("bank and branch"), max_length=120)
    number = EncryptedTextField()
    tail = models.CharField(max_length=4)  # the last digits, for people
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    objects: "OfStation[OutletAccount]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | (Q(confirmed_by__isnull=False, confirmed_at__isnull=False) & ~Q(confirmed_by=F("entered_by"))),
                name="account_takes_two_people",
            )
        ]

    def __str__(self) -> str:
        return f"{self.station_id} …{self.tail}"
