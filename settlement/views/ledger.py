"""The ledger: postings with their balance, from an entry to its lines and their scans, and as CSV."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from common import clock, exports
from common.http import PageRequest
from settlement import queries
from settlement.forms.ledger import LedgerFilter
from settlement.models import JournalEntry, Posting
from settlement.queries import ledger as books
from settlement.states import Account
from settlement.views.tabs import tabs
from stations.models import Station
from stations.permissions import require
from stations.states import StationLevel

PAGE, LINES = 40, 20


def _filter(request: PageRequest) -> LedgerFilter:
    outlets = Station.objects.visible_to(request.user, "settlement.read").filter(level=StationLevel.OUTLET)
    return LedgerFilter(
        {name: request.GET.get(name, "") for name in LedgerFilter.base_fields},
        outlets=list(outlets.order_by("township_code", "code").values_list("pk", "name")),
        months=queries.months_with_lines(request.user),
        at=clock.now(),
    )


@require_GET
@require("settlement.read")
def ledger(request: PageRequest) -> HttpResponse:
    """Postings, newest first, with the balance after each; for a county's people the trial balance and last night's
    check besides."""
    chosen = _filter(request)
    rows = chosen.narrowed.of(books.postings(request.user))
    totals = books.book_totals(rows)
    paginator = Paginator(rows.select_related("entry", "station", "fund").order_by("-pk"), PAGE)
    paginator.__dict__["count"] = totals.count  # counted with the sums already
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "tabs": tabs(request, "ledger"),
        "form": chosen,
        "page": page,
        "rows": books.with_balance(list(page), rows),
        "totals": totals,
        "actions": [(_("Download as a table"), f"{reverse('settlement:ledger-csv')}?{_query(request)}", "download")]
        if totals.count
        else [],
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Ledger"), "")],
    }
    if request.htmx:
        return render(request, "settlement/_ledger.html", context)
    context["balances"] = books.trial_balances(request.user)
    context["checks"] = [
        (check, books.finding_sentences(check.findings)) for check in books.newest_checks(request.user)
    ]
    return render(request, "settlement/ledger.html", context)


def _query(request: PageRequest) -> str:
    kept = request.GET.copy()
    kept.pop("page", None)
    return kept.urlencode()


@require_GET
@require("settlement.read")
def ledger_csv(request: PageRequest) -> StreamingHttpResponse:
    """Every posting the page is narrowed to, oldest first, then debit, credit and balance."""
    rows = _filter(request).narrowed.of(books.postings(request.user))
    header = (
        *(_("Booked at"), _("Kind"), _("Source"), _("Ledger account"), _("Fund"), _("Outlet"), _("Code")),
        *(_("For the month"), _("Debit, yuan"), _("Credit, yuan"), _("Balance, yuan"), _("Note")),
    )
    totals = books.book_totals(rows)

    def table() -> Iterator[Sequence[Any]]:
        balance = Decimal(0)
        found = rows.select_related("entry", "station", "fund").order_by("pk")
        for row in found.iterator(chunk_size=1000):
            balance += row.amount
            yield (
                date_format(timezone.localtime(row.entry.at), "Y-m-d H:i:s"),
                *(books.kind_label(row.entry.kind), row.entry.source_key, row.get_account_display(), row.fund.name),
                *((row.station.name, row.station.code) if row.station else ("", "")),
                f"{row.period:%Y-%m}" if row.period else "",
                *(row.amount if row.amount > 0 else "", -row.amount if row.amount < 0 else "", balance),
                row.entry.note,
            )
        yield (_("Total"), *[""] * 7, totals.debit, totals.credit, totals.balance, "")

    return exports.csv_response("ledger.csv", header, table())


@require_GET
@require("settlement.read")
def ledger_entry(request: PageRequest, pk: int) -> HttpResponse:
    """One entry: its postings, and the lines behind the accrual that was chosen (or the only one), with their scans."""
    entry = get_object_or_404(books.entries(request.user).select_related("by", "reverses"), pk=pk)
    everything = books.postings(request.user).filter(entry=entry)
    totals = books.book_totals(everything)
    shown = everything.select_related("station", "fund").order_by("pk")
    chosen = _chosen(request, entry, everything)
    if chosen:  # a run's entry has two postings an outlet: then only this outlet's
        shown = shown.filter(station=chosen.station_id, period=chosen.period)
    page = Paginator(shown, PAGE).get_page(None if chosen else request.GET.get("page"))
    context: dict[str, Any] = {
        "tabs": tabs(request, "ledger"),
        "entry": entry,
        "kind": books.kind_label(entry.kind),
        "postings": page,
        "page": page,
        "posting_count": totals.count,
        "whole": not totals.balance,
        "has_lines": entry.kind in books.WITH_LINES,
        "chosen": chosen,
        "lines": [],
        "breadcrumbs": [
            (_("Subsidy"), reverse("settlement:statements")),
            (_("Ledger"), reverse("settlement:ledger")),
            (entry.source_key, ""),
        ],
    }
    if chosen:
        lines = books.lines_of_posting(request.user, chosen)
        found = Paginator(lines, LINES).get_page(request.GET.get("page"))
        rows = list(found)
        taken_back = queries.clawbacks_of(rows)
        context |= {
            "page": found,
            "month": chosen.period,
            "line_count": found.paginator.count,
            "lines": [(view, taken_back.get(view.line.pk)) for view in queries.line_views(rows)],
        }
    return render(request, "settlement/_lines.html" if request.htmx else "settlement/ledger_entry.html", context)


def _chosen(request: PageRequest, entry: JournalEntry, postings: QuerySet[Posting]) -> Posting | None:
    """The accrual whose lines are asked for, or the only one there is."""
    if entry.kind not in books.WITH_LINES:
        return None
    accruals = postings.filter(account=Account.ACCRUED).select_related("station").order_by("pk")
    asked = request.GET.get("posting", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 19:
        return accruals.filter(pk=int(asked)).first()
    found = list(accruals[:2])
    return found[0] if len(found) == 1 else None
