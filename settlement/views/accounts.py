"""Bank accounts: an outlet enters its own, the clerk confirms it from paper, everybody sees where one is missing."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.forms.accounts import AccountFilter, AccountForm, ConfirmAccountForm
from settlement.models import OutletAccount
from settlement.queries.payments import (
    account_holders,
    changed_accounts,
    current_accounts,
    pending_accounts,
    same_number,
)
from settlement.services.accounts import looks_mistyped, normal_number
from settlement.views.tabs import tabs
from stations.forms.stations import show_refusal
from stations.models import Station
from stations.permissions import require
from stations.scope import may, scope_of

PAGE = 50


@dataclass(frozen=True)
class OutletRow:
    """An outlet with the account that counts, the one waiting for confirmation, and what is odd about them."""

    station: Station
    account: OutletAccount | None
    pending: OutletAccount | None
    changed: bool
    shared_with: list[Station]
    may_confirm: bool


@require_GET
@require("payment.read")
def account_list(request: PageRequest) -> HttpResponse:
    form = AccountFilter(request.GET)
    show, part = form.wanted()
    everybody = _outlet_rows(request)
    rows = [row for row in everybody if _wanted(row, show) and part in row.station.name]
    context = {
        "form": form,
        "rows": rows,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "outlets": len(everybody),
        "confirmed": sum(row.account is not None for row in everybody),
        "pending": sum(row.pending is not None for row in everybody),
        "none": sum(row.account is None for row in everybody),
        "changed": [row for row in everybody if row.changed],
        "several": len(everybody) > 1,
        "may_enter": may(request.user, "account.enter"),
        "full_names": may(request.user, "account.enter") or may(request.user, "account.confirm"),
        "tabs": tabs(request, "accounts"),
        "actions": [(_("Enter an account"), reverse("settlement:account-new"), "add")]
        if may(request.user, "account.enter")
        else [],
    }
    return render(request, "settlement/_account_list.html" if request.htmx else "settlement/account_list.html", context)


def _wanted(row: OutletRow, show: str) -> bool:
    return {
        "pending": row.pending is not None,
        "none": row.account is None,
        "changed": row.changed,
    }.get(show, True)


def _outlet_rows(request: PageRequest) -> list[OutletRow]:
    """Those to confirm first, then those without an account, then by code."""
    now = clock.now()
    outlets = account_holders(Station.objects.visible_to(request.user, "payment.read"))
    counties = scope_of(request.user, "payment.read").counties
    current: dict[int, OutletAccount] = {}
    changed: dict[int, OutletAccount] = {}
    shared: dict[int, list[Station]] = {}
    waiting = pending_accounts(OutletAccount.objects.visible_to(request.user, "payment.read"))
    for county in counties:
        current |= current_accounts(county)
        changed |= changed_accounts(county, now)
        if scope_of(request.user, "account.confirm").covers_county(county):
            shared |= same_number(waiting, county)
    pending = {row.station_id: row for row in waiting}
    confirms = scope_of(request.user, "account.confirm")
    rows = [
        OutletRow(
            station=station,
            account=current.get(station.pk),
            pending=(one := pending.get(station.pk)),
            changed=station.pk in changed,
            shared_with=shared.get(one.pk, []) if one else [],
            may_confirm=bool(one and confirms.covers_station(station) and one.entered_by_id != request.user.pk),
        )
        for station in outlets.order_by("code")
    ]
    return sorted(rows, key=lambda row: (row.pending is None, row.account is not None, row.station.code))


@require_http_methods(["GET", "POST"])
@require("account.enter")
def account_new(request: PageRequest) -> HttpResponse:
    outlets = account_holders(Station.objects.visible_to(request.user, "account.enter"))
    asked = request.GET.get("station", "")
    form = AccountForm(
        request.POST or None,
        stations=list(outlets.order_by("code")),
        initial={"station": asked} if asked.isdigit() and len(asked) < 12 else None,
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            try:
                services.enter_account(
                    station=form.chosen_station,
                    holder=values["holder"],
                    bank=values["bank"],
                    number=values["number"],
                    by=request.user,
                    at=clock.now(),
                )
            except Refused as refusal:
                show_refusal(form, refusal)
            else:
                if looks_mistyped(normal_number(values["number"])):
                    messages.warning(
                        request,
                        _("The check digit of this card number doesn't fit. Please compare it with the card."),
                    )
                messages.success(request, _("The account is kept. The settlement clerk confirms it with your paper."))
                return redirect("settlement:accounts")
    context: dict[str, Any] = {
        "form": form,
        "station": next(iter(form.stations.values())) if len(form.stations) == 1 else None,
        "breadcrumbs": [(_("Bank accounts"), reverse("settlement:accounts")), (_("Enter an account"), "")],
    }
    return render(request, "settlement/account_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@require("account.confirm")
def account_confirm(request: PageRequest, pk: int) -> HttpResponse:
    accounts = OutletAccount.objects.visible_to(request.user, "account.confirm")
    account = get_object_or_404(accounts.select_related("station", "entered_by"), pk=pk)
    form = ConfirmAccountForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.confirm_account(
                    account_id=account.pk, by=request.user, at=clock.now(), number=form.cleaned_data["number"]
                )
            except Refused as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("The account is confirmed. Payments go there from now on."))
                return redirect("settlement:accounts")
    before = current_accounts(account.county_code).get(account.station_id)
    context = {
        "account": account,
        "before": before if before and before.pk != account.pk else None,
        "shared_with": same_number([account], account.county_code)[account.pk],
        "form": form,
        "breadcrumbs": [(_("Bank accounts"), reverse("settlement:accounts")), (account.station.name, "")],
    }
    return render(request, "settlement/account_confirm.html", context, status=status)
