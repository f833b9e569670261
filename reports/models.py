"""Service-quality reports as rows that pages read: a month's report in versions, and its numbers by region.

A version is never changed; another computation makes a new one only where a number differs, else it confirms the
newest (its watermark moves). Numbers are append-only (migration 0002).
"""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from reports.definitions import BY_CODE
from reports.states import ReportState
from stations.models import Station
from stations.scope import scope_of

if TYPE_CHECKING:
    from accounts.models import User


class ReportQuerySet(models.QuerySet["Report"]):
    def visible_to(self, user: "User", action: str = "report.read") -> "ReportQuerySet":
        """The reports of the counties a person works in; which regions' numbers is Indicator's question."""
        scope = scope_of(user, action)
        return self if scope.everywhere else self.filter(county_code__in=scope.counties)


class Report(models.Model):
    """One computation of a county's month."""

    county_code = models.CharField(max_length=6)
    month = models.DateField()  # its first day
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=ReportState.choices, default=ReportState.COMPUTED)
    computed_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()  # when the numbers were last found unchanged
    watermark = models.DateTimeField(null=True)  # everything received up to then is in the numbers; null: nothing was
    content_hash = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # null: the clock

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "month", "version"], name="report_version_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="report_month_is_a_first_day"),
            models.CheckConstraint(condition=Q(state__in=ReportState.values), name="report_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.county_code} {self.month:%Y-%m} v{self.version}"


class IndicatorQuerySet(models.QuerySet["Indicator"]):
    def visible_to(self, user: "User", action: str = "report.read") -> "IndicatorQuerySet":
        """County roles read every region; others the county's sums (to compare with) and their own townships."""
        scope = scope_of(user, action)
        if scope.everywhere:
            return self
        inside = Q(report__county_code__in=scope.county_codes)
        if scope.station_counties:
            own = Q(region_code__in=[f"{county}000000" for county in scope.station_counties])
            own |= Q(region_code__in=sorted(_townships(scope.station_ids)))
            inside |= Q(report__county_code__in=scope.station_counties) & own
        return self.filter(inside)


def _townships(station_ids: tuple[int, ...]) -> set[str]:
    return {f"{code}000" for code in Station.objects.filter(pk__in=station_ids).values_list("township_code", flat=True)}


class Indicator(models.Model):
    """One number of a report for the county or a township; a share keeps what it was divided from."""

    report = models.ForeignKey(Report, models.CASCADE, related_name="indicators", db_index=False)
    region_code = models.CharField(max_length=12)  # a county's or township's; "-": township not known
    code = models.CharField(max_length=20)
    unit = models.CharField(max_length=10)
    numerator = models.BigIntegerField()
    denominator = models.BigIntegerField(null=True)
    amount = models.DecimalField(max_digits=14, decimal_places=4, null=True)  # yuan
    extra = models.JSONField(default=dict)  # {"unknown": n}, {"mean_km": …, "p90_km": …}

    objects = IndicatorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "region_code", "code"], name="indicator_once"),
            models.CheckConstraint(condition=Q(code__in=list(BY_CODE)), name="indicator_code_known"),
            models.CheckConstraint(
                condition=Q(denominator__isnull=True) | Q(numerator__lte=models.F("denominator")),
                name="indicator_share_at_most_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.region_code}: {self.numerator}/{self.denominator}"
