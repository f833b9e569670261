"""What each outlet is owed for a month: the list, one outlet's sheet with its answer to it, and both as CSV."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from common import clock, exports
from common.http import PageRequest
from settlement import queries, services
from settlement.forms.statements import StatementFilter, month_choices
from settlement.models import Statement
from settlement.queries.periods import SILENCE_DAYS
from settlement.queries.sheets import Part, Sheet
from settlement.rules import Payable
from settlement.states import HoldReason, PeriodState, StatementState
from settlement.views.tabs import tabs
from stations.models import Station
from stations.permissions import require
from stations.scope import may, scope_of
from stations.states import StationLevel

PAGE, LINES = 30, 20  # rows of outlets; lines of one outlet, each some lines high on a phone
CSV_CHUNK = 500


def _filter(request: PageRequest) -> StatementFilter:
    current = clock.month_of(clock.now())
    asked = {name: request.GET.get(name, "") for name in ("month", "township", "state")}
    return StatementFilter(
        {**asked, "month": asked["month"] or f"{current:%Y-%m}"},
        months=queries.months_with_lines(request.user),
        townships=queries.townships_visible(request.user),
        at=clock.now(),
    )


def outlet_in_scope(request: PageRequest, station_id: int) -> Station:
    """The outlet, 404 if it isn't the user's to see."""
    outlets = Station.objects.visible_to(request.user, "settlement.read").filter(level=StationLevel.OUTLET)
    return get_object_or_404(outlets.select_related("region"), pk=station_id)


# --- all outlets -----------------------------------------------------------------------------------------------------


@require_GET
@require("settlement.read")
def statement_list(request: PageRequest) -> HttpResponse:
    """All outlets in scope with anything in a month; whoever works at a single outlet goes straight to its own."""
    outlets = Station.objects.visible_to(request.user, "settlement.read").filter(level=StationLevel.OUTLET)
    mine = list(outlets.values_list("pk", flat=True)[:2])
    if len(mine) == 1 and not request.GET:
        return redirect("settlement:statement", mine[0], clock.month_of(clock.now()))
    chosen = _filter(request)
    month = chosen.chosen_month
    rows = _rows(request, chosen)
    context = {
        "tabs": tabs(request, "statements"),
        "form": chosen,
        "month": month,
        "rows": rows,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "totals": queries.month_totals(rows),
        "several_funds": len({row.fund.pk for row in rows}) > 1,
        "no_policy": queries.deliveries_without_policy(request.user, month=month),
        "actions": _list_actions(request, chosen) if rows else [],
        "may_draft": may(request.user, "policy.draft"),
        "may_export": bool(rows),
    }
    return render(
        request, "settlement/_statement_list.html" if request.htmx else "settlement/statement_list.html", context
    )


def _rows(request: PageRequest, chosen: StatementFilter) -> list[queries.StatementRow]:
    return queries.statement_rows(
        request.user, month=chosen.chosen_month, township_code=chosen.chosen_township, state=chosen.chosen_state
    )


def _list_actions(request: PageRequest, chosen: StatementFilter) -> list[tuple[str, str, str]]:
    query = f"?month={chosen.chosen_month:%Y-%m}&township={chosen.chosen_township}&state={chosen.chosen_state}"
    return [(_("Download as a table"), reverse("settlement:statements-csv") + query, "download")]


@require_GET
@require("settlement.read")
def statements_csv(request: PageRequest) -> StreamingHttpResponse:
    """The list with its last line; the sums are those of the page."""
    chosen = _filter(request)
    rows = _rows(request, chosen)
    header = (
        *(_("Township"), _("Outlet"), _("Code"), _("Fund"), _("State"), _("Parcels"), _("Sum of the lines, yuan")),
        *(_("Adjustments, yuan"), _("Yuan"), _("Rounding remainder, yuan"), _("Held parcels"), _("Held, yuan")),
    )
    table: list[Sequence[Any]] = [
        (
            *(row.township, row.station.name, row.station.code, row.fund.name),
            row.statement.get_state_display() if row.statement else _("So far"),
            *(row.parcels, row.lines_yuan, row.adjusted_yuan, row.payable.rounded, row.payable.remainder),
            *(row.held_parcels, row.held_yuan),
        )
        for row in rows
    ]
    sums = queries.month_totals(rows)
    table.append(
        (
            *(_("Total"), "", "", "", "", sums.parcels, sums.lines_yuan, sums.adjusted_yuan),
            *(sums.paid, sums.remainder, sums.held_parcels, sums.held_yuan),
        )
    )
    return exports.csv_response(f"statements-{chosen.chosen_month:%Y-%m}.csv", header, table)


# --- one outlet ------------------------------------------------------------------------------------------------------


@require_GET
@require("settlement.read")
def statement(request: PageRequest, station_id: int, month: date) -> HttpResponse:
    """One outlet's month: what it is owed, how that is made up, what is held, and for each line why and on which
    scans."""
    outlet = outlet_in_scope(request, station_id)
    sheet = queries.sheet(request.user, station=outlet, month=month)
    lines = queries.lines_of(request.user, station=outlet, month=month)
    paginator = Paginator(lines, LINES)
    paginator.__dict__["count"] = sheet.lines  # counted with the sums already
    page = paginator.get_page(request.GET.get("page"))
    rows = list(page)
    taken_back = queries.clawbacks_of(rows)
    views = queries.line_views([*rows, *(hold.line for hold in sheet.held)])
    months = month_choices([*queries.months_with_lines(request.user), month], clock.month_of(clock.now()))
    context = {
        "tabs": tabs(request, "statements"),
        "outlet": outlet,
        "month": month,
        "months": [
            (label, reverse("settlement:statement", args=[outlet.pk, key]), key == f"{month:%Y-%m}")
            for key, label in months
        ],
        "sheet": sheet,
        "parts": [_said(part, sheet, request) for part in sheet.parts],
        "so_far": None if sheet.is_stated else _so_far(sheet),
        "deliveries": sum(part.deliveries for part in sheet.parts),
        "collections": sum(part.collections for part in sheet.parts),
        "page": page,
        "line_count": sheet.lines,
        "lines": [(view, taken_back.get(view.line.pk)) for view in views[: len(rows)]],
        "held": [
            (view, hold, ADVICE[HoldReason(hold.reason)])
            for view, hold in zip(views[len(rows) :], sheet.held, strict=True)
        ],
        "actions": _sheet_actions(outlet, month) if not sheet.is_empty else [],
        "breadcrumbs": [
            (_("Subsidy"), f"{reverse('settlement:statements')}?month={month:%Y-%m}"),
            (outlet.name, ""),
        ],
    }
    return render(request, "settlement/_statement.html" if request.htmx else "settlement/statement.html", context)


def _sheet_actions(outlet: Station, month: date) -> list[tuple[str, str, str]]:
    place = [outlet.pk, month]
    return [
        (_("Statement to print (PDF)"), reverse("settlement:statement-pdf", args=place), "print"),
        (_("Spreadsheet"), reverse("settlement:statement-xlsx", args=place), "download"),
        (_("Download as a table"), reverse("settlement:statement-csv", args=place), "download"),
        (_("Ledger"), f"{reverse('settlement:ledger')}?station={outlet.pk}&period={month:%Y-%m}", "list"),
    ]


# What somebody at the outlet can do about a held line.
ADVICE = {
    HoldReason.ALL_TYPED: gettext_lazy(
        "Every scan of this parcel was typed in by hand. The county decides whether it is paid; keep the receipt at "
        "hand. Scan the next parcels with the camera or the handheld."
    ),
    HoldReason.NO_ARRIVAL: gettext_lazy(
        "Nobody scanned this parcel when it arrived at the outlet. The county decides whether it is paid. Scan each "
        "parcel in when it comes."
    ),
    HoldReason.NOT_PASSED_ON: gettext_lazy(
        "The parcel was collected but its handing on was never scanned. As soon as it is scanned elsewhere, it is paid."
    ),
    HoldReason.FRAUD: gettext_lazy("A check found something odd. Answer the question about it; a person decides."),
}


def _so_far(sheet: Sheet) -> str:
    """What happens next to a month without a statement."""
    if sheet.period_state == PeriodState.OPEN:
        if clock.business_date(clock.now()) < clock.next_month(sheet.month):
            return _("So far: the month is still running, and each delivery appears within a minute.")
        return _("The month is over. The county closes it next; then the statement is drawn up.")
    return _("The county has closed this month and draws up the statement.")


def _said(part: Part, sheet: Sheet, request: PageRequest) -> dict[str, Any]:
    """A part with its state's next step and whether the reader answers it."""
    row = part.statement
    answers = bool(
        row
        and sheet.period_state in (PeriodState.COMPUTED, PeriodState.REVIEWED, PeriodState.PUBLICISED)
        and scope_of(request.user, "statement.confirm").covers_station(sheet.outlet)
    )
    return {
        "part": part,
        "statement": row,
        "next": _next(row, sheet) if row else "",
        "may_confirm": bool(answers and row and row.state == StatementState.DRAFT),
        "may_dispute": bool(answers and row and row.state in (StatementState.DRAFT, StatementState.CONFIRMED)),
    }


def _next(row: Statement, sheet: Sheet) -> str:
    """What happens next to a statement, and who does it."""
    if row.state == StatementState.DRAFT:
        day = date_format(clock.business_date(row.computed_at + timedelta(days=SILENCE_DAYS)), "DATE_FORMAT")
        return _(
            "The outlet checks it and confirms or objects. Without an answer it counts as confirmed on %(day)s."
        ) % {"day": day}
    if row.state == StatementState.REVIEWED and sheet.period_state == PeriodState.PUBLICISED and sheet.notice_until:
        return _("It is open to public objections until %(day)s; then the county approves it.") % {
            "day": date_format(sheet.notice_until, "DATE_FORMAT")
        }
    return {
        StatementState.CONFIRMED: _("The township checks it next."),
        StatementState.DISPUTED: _("The outlet objected. The county answers before anything is approved."),
        StatementState.REVIEWED: _("The county publishes it for objections next, then approves it."),
        StatementState.APPROVED: _("The money goes out with the next payment batch."),
        StatementState.IN_BATCH: _("The payment is on its way through the bank."),
        StatementState.PAID: _("The money is in the outlet's account."),
        StatementState.FAILED: _("The bank could not pay it. Check the outlet's account; it goes with the next batch."),
    }[StatementState(row.state)]


def _own(request: PageRequest, pk: int) -> Statement:
    return get_object_or_404(Statement.objects.visible_to(request.user, "statement.confirm"), pk=pk)


@require_POST
@require("statement.confirm")
def statement_confirm(request: PageRequest, pk: int) -> HttpResponse:
    row = _own(request, pk)
    services.confirm_statement(statement_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("Confirmed. The township checks it next."))
    return redirect("settlement:statement", row.station_id, row.period)


@require_POST
@require("statement.confirm")
def statement_dispute(request: PageRequest, pk: int) -> HttpResponse:
    row = _own(request, pk)
    services.dispute_statement(statement_id=row.pk, by=request.user, at=clock.now(), text=request.POST.get("text", ""))
    messages.success(request, _("Your objection was sent. The county answers it."))
    return redirect("settlement:statement", row.station_id, row.period)


@require_GET
@require("settlement.read")
def statement_csv(request: PageRequest, station_id: int, month: date) -> StreamingHttpResponse:
    """Every line with its reasons, scans and seal, then the adjustments; the last row is the sum the page shows."""
    outlet = outlet_in_scope(request, station_id)
    header = (
        *(_("Delivered at"), _("Carrier"), _("Waybill"), _("Service"), _("Rate, yuan"), _("Amount, yuan")),
        *(_("Evidence"), _("Why"), _("Scans"), _("Seal")),
    )
    return exports.csv_response(
        f"statement-{outlet.code}-{month:%Y-%m}.csv", header, _line_rows(request, outlet, month)
    )


def _line_rows(request: PageRequest, outlet: Station, month: date) -> Iterator[Sequence[Any]]:
    sheet = queries.sheet(request.user, station=outlet, month=month)
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
                _("Taken back") if line.is_reversal else line.get_service_display(),
                line.rate,
                line.amount,
                line.get_evidence_class_display(),
                " ".join(view.why),
                " ".join(str(event_id) for event_id in line.evidence),
                bytes(line.line_hash).hex(),
            )
    for row in sheet.adjustments:
        total += row.amount
        yield ("", "", "", row.get_kind_display(), "", row.amount, "", row.reason, "", "")
    yield (_("Total"), "", _("%(count)d parcels") % {"count": parcels}, "", "", total, "", "", "", "")
    paid = sum((part.payable.rounded for part in sheet.parts), Payable(Decimal(0)).rounded)
    yield (_("To be paid"), "", "", "", "", paid, "", "", "", "")
