"""Held parcels as people read them: why, on which scans, and what the outlet can do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from accounts.models import User
from settlement.models import CaseLine, Hold
from settlement.queries.statements import LineView, line_views
from settlement.states import OPEN_CASES, HoldReason


@dataclass(frozen=True)
class HoldView:
    """A held parcel; `case_id` names the open case that decides it, if one does."""

    hold: Hold
    line: LineView
    advice: str
    case_id: int | None

    @property
    def decidable(self) -> bool:
        """Whether a person may release or refuse it here."""
        return self.hold.closed_at is None and self.hold.reason != HoldReason.FRAUD and self.case_id is None


@dataclass(frozen=True)
class HeldSum:
    """How many parcels are held for one reason, and what they would be worth in yuan."""

    reason: str
    label: str
    parcels: int
    yuan: Decimal


def holds(
    user: User, *, closed: bool = False, reason: str = "", township_code: str = "", station_id: int | None = None
) -> QuerySet[Hold]:
    """The holds in scope, oldest delivery first (decided ones: last decision first)."""
    rows = Hold.objects.visible_to(user).filter(closed_at__isnull=not closed)
    if reason:
        rows = rows.filter(reason=reason)
    if township_code:
        rows = rows.filter(station__township_code=township_code[:9])
    if station_id:
        rows = rows.filter(station_id=station_id)
    rows = rows.select_related("line", "station", "closed_by")
    return rows.order_by("-closed_at", "pk") if closed else rows.order_by("line__effective_at", "pk")


def held_sums(rows: QuerySet[Hold]) -> list[HeldSum]:
    """Those holds by reason, in the order of HoldReason."""
    found = {
        row["reason"]: row
        for row in rows.order_by().values("reason").annotate(parcels=Count("pk"), yuan=Sum("line__amount"))
    }
    return [
        HeldSum(reason.value, str(reason.label), found[reason]["parcels"], found[reason]["yuan"])
        for reason in HoldReason
        if reason in found
    ]


def hold_views(rows: Iterable[Hold]) -> list[HoldView]:
    """Holds with their parcels, scans and open cases; the caller has checked their scope."""
    holds_ = list(rows)
    cases = dict(
        CaseLine.objects.filter(line_id__in=[row.line_id for row in holds_], case__state__in=OPEN_CASES).values_list(
            "line_id", "case_id"
        )
    )
    views: dict[int, LineView] = {}
    for county in {row.county_code for row in holds_}:
        for view in line_views(row.line for row in holds_ if row.county_code == county):
            views[view.line.pk] = view
    return [HoldView(row, views[row.line_id], advice(row.reason), cases.get(row.line_id)) for row in holds_]


def advice(reason: str) -> str:
    """What an outlet can do about a held parcel."""
    if reason == HoldReason.ALL_TYPED:
        return _("Scan the label instead of typing the number. For this parcel, show the county what proves it.")
    if reason == HoldReason.NO_ARRIVAL:
        return _(
            "If the handheld still holds the scan of the arrival, let it send. Else show the county what proves it."
        )
    if reason == HoldReason.NOT_PASSED_ON:
        return _("Hand the parcel to the driver with a scan; it counts once it was scanned on its way.")
    return _("Answer the question of the check; the county then decides.")
