"""How long money takes and what waits: for the county."""

from datetime import date, timedelta
from decimal import Decimal

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from common import clock
from common.http import PageRequest
from settlement.forms.periods import MonthFilter
from settlement.queries import periods as reads
from settlement.queries import timeliness
from settlement.views.tabs import county_of, tabs
from stations.models import Station
from stations.permissions import require

PAGE, MONTHS = 30, 12


def span(value: timedelta | Decimal | float | None) -> str:
    """A time (or seconds) as one says it: minutes below two hours, hours below two days, then days."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    minutes = max(0, round(seconds / 60))
    if minutes < 120:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(seconds / 3600)
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = round(seconds / 86400)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


@require_GET
@require("settlement.read")
def ageing(request: PageRequest) -> HttpResponse:
    """What waits how long, oldest first, with alarms; each month's pace; one month's by outlet."""
    county = county_of(request)
    if not county:
        raise Http404
    at = clock.now()
    months = reads.months_of(county, at)
    current = clock.month_of(at)
    asked = request.GET.get("month") or f"{current:%Y-%m}"
    form = MonthFilter({"month": asked}, months=months, at_month=current)
    month = clock.parse_month(form.chosen) or current
    whole, outlets = timeliness.accrual_lags(county, month)
    context = {
        "form": form,
        "month": month,
        "whole": _row(whole),
        "page": Paginator(_outlet_rows(request, county, month, outlets), PAGE).get_page(request.GET.get("page")),
        "queues": timeliness.queues(county, at),
        "paces": [
            {
                "month": pace.month,
                "approval": span(pace.approval),
                "money": span(pace.money),
                "last_money": span(pace.last_money),
            }
            for pace in timeliness.month_paces(county, months[:MONTHS])
        ],
        "tabs": tabs(request, "ageing"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Waiting times"), "")],
    }
    return render(request, "settlement/_ageing_outlets.html" if request.htmx else "settlement/ageing.html", context)


def _row(lag: timeliness.Lag | None) -> dict[str, object] | None:
    if lag is None:
        return None
    return {
        "parcels": lag.parcels,
        "delivered": span(lag.delivered_p50),
        "delivered_most": span(lag.delivered_p95),
        "received": span(lag.received_p50),
        "received_most": span(lag.received_p95),
    }


def _outlet_rows(
    request: PageRequest, county: str, month: date, lags: dict[int, timeliness.Lag]
) -> list[dict[str, object]]:
    """The slowest outlet first."""
    names = {row.pk: row for row in Station.objects.visible_to(request.user, "settlement.read").filter(pk__in=lags)}
    paid = timeliness.paid_after(county, month)
    slowest = sorted(lags.values(), key=lambda lag: -(lag.delivered_p95 or 0))
    return [
        {**(_row(lag) or {}), "station": names[lag.station_id], "money": span(paid.get(lag.station_id))}
        for lag in slowest
        if lag.station_id in names
    ]
