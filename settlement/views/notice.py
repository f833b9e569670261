"""The public notice: what a month's subsidy comes to, outlet by outlet, and how anybody may object to it. Nobody's
name, phone or account stands here."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.middleware import public
from common import clock, exports, limits, net
from common.errors import Refused
from settlement import services
from settlement.forms.appeals import ObjectForm, ReceiptForm
from settlement.models import Period
from settlement.queries import appeals as receipts
from settlement.queries import notice as reads

HOUR_S, DAY_S = 3600, 86_400
PER_ADDRESS, PER_COUNTY = 5, 200  # objections in an hour from one address; in a day to one county's notices
RECEIPTS = 20  # looked up in an hour from one address


def _published(county_code: str, month: date) -> Period:
    period = reads.published_month(county_code, month)
    if period is None:
        raise Http404
    return period


@public("anybody may read which months were published")
@require_GET
def notice_list(request: HttpRequest, county_code: str) -> HttpResponse:
    today = clock.business_date(clock.now())
    context = {
        "county": reads.county_name(county_code),
        "county_code": county_code,
        "months": [(period, reads.open_for_objections(period, today)) for period in reads.published(county_code)],
        "hide_sign_in": True,
    }
    return render(request, "settlement/notice_list.html", context)


@public("the law wants the payments published; the page names no person")
@require_GET
def notice(request: HttpRequest, county_code: str, month: date) -> HttpResponse:
    period = _published(county_code, month)
    context = {
        "period": period,
        "county_code": county_code,
        "notice": reads.notice(period),
        "open": reads.open_for_objections(period, clock.business_date(clock.now())),
        "hide_sign_in": True,
    }
    return render(request, "settlement/notice.html", context)


@public("the published notice as a table")
@require_GET
def notice_csv(request: HttpRequest, county_code: str, month: date) -> StreamingHttpResponse:
    found = reads.notice(_published(county_code, month))
    header = (
        _("Township"),
        _("Outlet"),
        _("Fund"),
        _("Parcels"),
        _("Lowest rate, yuan"),
        _("Highest rate, yuan"),
        _("Sum of the lines"),
        _("Adjustments"),
        _("Yuan"),
    )
    rows: list[Sequence[Any]] = [
        (
            part.name,
            row.outlet,
            row.fund,
            row.parcels,
            row.lowest,
            row.highest,
            row.lines_yuan,
            row.adjusted_yuan,
            row.payable_yuan,
        )
        for part in found.parts
        for row in part.rows
    ]
    rows.append((_("Total"), "", "", found.parcels, "", "", found.lines_yuan, "", found.payable))
    return exports.csv_response(f"notice-{county_code}-{month:%Y-%m}.csv", header, rows)


@public("anybody may object to a notice")
@never_cache
@require_http_methods(["GET", "POST"])
def notice_object(request: HttpRequest, county_code: str, month: date) -> HttpResponse:
    """The objection's form; afterwards its receipt, shown once and standing in no address."""
    period = _published(county_code, month)
    outlets = list(dict.fromkeys((row.station_id, row.outlet) for row in reads.notice(period).rows))
    initial = {"station": request.GET.get("outlet", "")}
    form = ObjectForm(request.POST if request.method == "POST" else None, outlets=outlets, initial=initial)
    context = {
        "period": period,
        "county": reads.county_name(county_code),
        "county_code": county_code,
        "form": form,
        "open": reads.open_for_objections(period, clock.business_date(clock.now())),
        "receipt": "",
        "refusal": "",
        "hide_sign_in": True,
    }
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                _spend(request, county_code)
                appeal = services.open_appeal(
                    county_code=county_code,
                    period=month,
                    station_id=int(data["station"]) if data["station"] else None,
                    text=data["text"],
                    claimant_name=data["name"],
                    claimant_phone=data["phone"],
                    at=clock.now(),
                )
            except Refused as refusal:
                context["refusal"], status = str(refusal.message), refusal.status
            else:
                context["receipt"], status = receipts.receipt_of(appeal), 200
    return render(request, "settlement/notice_object.html", context, status=status)


def _spend(request: HttpRequest, county_code: str) -> None:
    message = _("Too many objections came from here. Try again in an hour, or call the county office.")
    limits.spend(f"objection:{net.client_ip(request)}", limit=PER_ADDRESS, window_s=HOUR_S, message=message)
    limits.spend(f"objection:{county_code}", limit=PER_COUNTY, window_s=DAY_S, message=message)


@public("whoever objected reads the answer under a number nobody can guess")
@never_cache
@require_http_methods(["GET", "POST"])
def notice_answer(request: HttpRequest) -> HttpResponse:
    """Posted, so that the receipt stands in no address and no log."""
    form = ReceiptForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form, "appeal": None, "refusal": "", "hide_sign_in": True}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                message = _("Too many tries. Wait an hour.")
                limits.spend(f"receipt:{net.client_ip(request)}", limit=RECEIPTS, window_s=HOUR_S, message=message)
            except Refused as refusal:
                context["refusal"], status = str(refusal.message), refusal.status
            else:
                context["appeal"] = receipts.appeal_of_receipt(form.cleaned_data["receipt"])
                context["refusal"] = "" if context["appeal"] else _("There is no objection of that number.")
                status = 200 if context["appeal"] else 404
    return render(request, "settlement/notice_answer.html", context, status=status)
