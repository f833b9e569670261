"""What each outlet is owed for a month: the list, one outlet's lines with their why, and both as CSV."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from common import clock, exports
from common.http import PageRequest
from settlement import queries
from settlement.forms.statements import StatementFilter, month_choices
from settlement.rules import Payable
from stations.models import Station
from stations.permissions import require
from stations.scope import may
from stations.states import StationLevel

PAGE, LINES = 30, 20  # rows of outlets; lines of one outlet, each some lines high on a phone
CSV_CHUNK = 500


def _filter(request: PageRequest) -> StatementFilter:
    current = clock.month_of(clock.now())
    return StatementFilter(
        {"month": request.GET.get("month") or f"{current:%Y-%m}", "township": request.GET.get("township", "")},
        months=queries.months_with_lines(request.user),
        townships=queries.townships_visible(request.user),
        at=clock.now(),
    )


def _outlet(request: PageRequest, station_id: int) -> Station:
    outlets = Station.objects.visible_to(request.user, "settlement.read").filter(level=StationLevel.OUTLET)
    return get_object_or_404(outlets.select_related("region"), pk=station_id)


@require_GET
@require("settlement.read")
def statement_list(request: PageRequest) -> HttpResponse:
    """All outlets in scope with lines in a month; whoever works at a single outlet goes straight to its own."""
    outlets = Station.objects.visible_to(request.user, "settlement.read").filter(level=StationLevel.OUTLET)
    mine = list(outlets.values_list("pk", flat=True)[:2])
    if len(mine) == 1 and not request.GET:
        return redirect("settlement:statement", mine[0], clock.month_of(clock.now()))
    chosen = _filter(request)
    month = chosen.chosen_month
    rows = queries.statements(request.user, month=month, township_code=chosen.chosen_township)
    actions = []
    if rows:
        address = reverse("settlement:statements-csv")
        query = f"?month={month:%Y-%m}&township={chosen.chosen_township}"
        actions.append((_("Download as a table"), address + query, "download"))
    if may(request.user, "policy.read"):
        actions.append((_("Policies"), reverse("settlement:policies"), "list"))
    context = {
        "form": chosen,
        "month": month,
        "rows": rows,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "totals": queries.month_totals(rows),
        "no_policy": queries.deliveries_without_policy(request.user, month=month),
        "actions": actions,
        "may_draft": may(request.user, "policy.draft"),
    }
    return render(
        request, "settlement/_statement_list.html" if request.htmx else "settlement/statement_list.html", context
    )


@require_GET
@require("settlement.read")
def statements_csv(request: PageRequest) -> StreamingHttpResponse:
    chosen = _filter(request)
    month = chosen.chosen_month
    rows = queries.statements(request.user, month=month, township_code=chosen.chosen_township)
    header = (_("Township"), _("Outlet"), _("Code"), _("Parcels"), _("Yuan"), _("Rounding remainder, yuan"))
    table: list[Sequence[Any]] = [
        (row.township, row.station.name, row.station.code, row.parcels, row.payable.rounded, row.payable.remainder)
        for row in rows
    ]
    totals = queries.month_totals(rows)
    table.append((_("Total"), "", "", totals.parcels, totals.paid, totals.remainder))
    return exports.csv_response(f"statements-{month:%Y-%m}.csv", header, table)


@require_GET
@require("settlement.read")
def statement(request: PageRequest, station_id: int, month: date) -> HttpResponse:
    """One outlet's month: what it is owed, and for each line the parcel, the reason and the scans."""
    outlet = _outlet(request, station_id)
    lines = queries.lines_of(request.user, station=outlet, month=month)
    totals = queries.totals(request.user, station=outlet, month=month)
    page = Paginator(lines, LINES).get_page(request.GET.get("page"))
    months = month_choices([*queries.months_with_lines(request.user), month], clock.month_of(clock.now()))
    context = {
        "outlet": outlet,
        "month": month,
        "months": [
            (label, reverse("settlement:statement", args=[outlet.pk, key]), key == f"{month:%Y-%m}")
            for key, label in months
        ],
        "totals": totals,
        "page": page,
        "lines": queries.line_views(page),
        "actions": [
            (
                _("Download as a table"),
                reverse("settlement:statement-csv", args=[outlet.pk, month]),
                "download",
            )
        ]
        if totals.lines
        else [],
        "breadcrumbs": [
            (_("Subsidy"), f"{reverse('settlement:statements')}?month={month:%Y-%m}"),
            (outlet.name, ""),
        ],
    }
    return render(request, "settlement/_statement.html" if request.htmx else "settlement/statement.html", context)


@require_GET
@require("settlement.read")
def statement_csv(request: PageRequest, station_id: int, month: date) -> StreamingHttpResponse:
    """Every line with its reasons, scans and seal; the last row is the sum that the page shows."""
    outlet = _outlet(request, station_id)
    header = (
        _("Delivered at"),
        _("Carrier"),
        _("Waybill"),
        _("Kind"),
        _("Rate, yuan"),
        _("Amount, yuan"),
        _("Why"),
        _("Scans"),
        _("Seal"),
    )
    return exports.csv_response(
        f"statement-{outlet.code}-{month:%Y-%m}.csv", header, _line_rows(request, outlet, month)
    )


def _line_rows(request: PageRequest, outlet: Station, month: date) -> Iterator[Sequence[Any]]:
    lines = queries.lines_of(request.user, station=outlet, month=month)
    parcels, total = 0, Decimal(0)
    for start in range(0, len(ids := list(lines.values_list("pk", flat=True))), CSV_CHUNK):
        for view in queries.line_views(lines.filter(pk__in=ids[start : start + CSV_CHUNK])):
            line = view.line
            parcels += -1 if line.is_reversal else 1
            total += line.amount
            yield (
                date_format(timezone.localtime(line.effective_at), "Y-m-d H:i:s"),
                view.parcel.carrier.name,
                view.parcel.waybill_no,
                _("Taken back") if line.is_reversal else _("Delivery"),
                line.rate,
                line.amount,
                " ".join(view.why),
                " ".join(str(event_id) for event_id in line.evidence),
                bytes(line.line_hash).hex(),
            )
    payable = Payable(total)
    yield (_("Total"), "", _("%(count)d parcels") % {"count": parcels}, "", "", total, "", "", "")
    yield (_("To be paid"), "", "", "", "", payable.rounded, "", "", "")
