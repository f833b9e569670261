"""Funds: what they may spend, received, owe and paid, each figure with what it is a part of."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.forms.funds import AppropriationForm, BudgetForm, FundForm
from settlement.models import Fund
from settlement.queries.books import FundMoney, fund_money
from settlement.views.tabs import tabs
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.scope import may, scope_of


def _share(part: Decimal, whole: Decimal) -> str:
    """Percent with one place; "" where there is nothing to be a part of."""
    return f"{part * 100 / whole:.1f}" if whole > 0 else ""


def _bars(money: FundMoney) -> list[dict[str, Any]]:
    """label, yuan, of what, percent: received of the budget; paid and promised of what was received."""
    received, budget = _("of what was received"), _("of the budget")
    return [
        {"label": label, "part": part, "whole": whole, "of": of, "percent": _share(part, whole), "high": part > whole}
        for label, part, whole, of in (
            (_("Received"), money.received, money.budget, budget),
            (_("Paid"), money.paid, money.received, received),
            (_("Promised, not yet paid"), money.committed, money.received, received),
        )
    ]


def _short_by(money: FundMoney) -> Decimal:
    """How much more is promised than there is money for; 0 or less: enough."""
    return money.committed - money.treasury


@require_GET
@require("policy.read")
def fund_list(request: PageRequest) -> HttpResponse:
    funds = Fund.objects.visible_to(request.user).order_by("county_code", "-created_at", "-pk")
    rows = [(fund, money, _short_by(money)) for fund in funds for money in [fund_money(fund)]]
    actions = [(_("Open a fund"), reverse("settlement:fund-new"), "add")] if may(request.user, "fund.manage") else []
    context = {
        "rows": rows,
        "actions": actions,
        "tabs": tabs(request, "funds"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Funds"), "")],
    }
    return render(request, "settlement/fund_list.html", context)


@require_http_methods(["GET", "POST"])
@require("fund.manage")
def fund_new(request: PageRequest) -> HttpResponse:
    form = FundForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            fund = services.create_fund(
                county_code=scope_of(request.user, "fund.manage").counties[0],
                by=request.user,
                at=clock.now(),
                **form.cleaned_data,
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("The fund is open. Enter what was appropriated to it."))
            return redirect("settlement:fund", fund.pk)
    context = {
        "form": form,
        "breadcrumbs": [
            (_("Subsidy"), reverse("settlement:statements")),
            (_("Funds"), reverse("settlement:funds")),
            (_("Open a fund"), ""),
        ],
    }
    return render(request, "settlement/fund_form.html", context, status=422 if request.method == "POST" else 200)


@require_GET
@require("policy.read")
def fund(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Fund.objects.visible_to(request.user), pk=pk)
    return _page(request, row, AppropriationForm(initial={"received_on": clock.business_date(clock.now())}))


@require_http_methods(["POST"])
@require("fund.manage")
def fund_appropriate(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Fund.objects.visible_to(request.user, "fund.manage"), pk=pk)
    form = AppropriationForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            services.appropriate(fund_id=row.pk, by=request.user, at=clock.now(), **form.cleaned_data)
        except Refused as refusal:
            show_refusal(form, refusal)
            status = refusal.status
        else:
            messages.success(request, _("The money is in the books."))
            return redirect("settlement:fund", row.pk)
    return _page(request, row, form, status=status)


@require_http_methods(["GET", "POST"])
@require("fund.manage")
def fund_budget(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Fund.objects.visible_to(request.user, "fund.manage"), pk=pk)
    form = BudgetForm(request.POST if request.method == "POST" else None, initial={"budget": row.budget})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.change_budget(fund_id=row.pk, by=request.user, at=clock.now(), **form.cleaned_data)
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The budget is changed."))
                return redirect("settlement:fund", row.pk)
    context = {
        "form": form,
        "fund": row,
        "breadcrumbs": [
            (_("Funds"), reverse("settlement:funds")),
            (row.name, reverse("settlement:fund", args=[row.pk])),
            (_("Change the budget"), ""),
        ],
    }
    return render(request, "settlement/fund_budget.html", context, status=status)


def _page(request: PageRequest, row: Fund, form: AppropriationForm, status: int = 200) -> HttpResponse:
    money = fund_money(row)
    may_manage = scope_of(request.user, "fund.manage").covers_county(row.county_code)
    context = {
        "actions": [(_("Change the budget"), reverse("settlement:fund-budget", args=[row.pk]), "edit")]
        if may_manage
        else [],
        "fund": row,
        "money": money,
        "bars": _bars(money),
        "short_by": _short_by(money),
        "appropriations": row.appropriations.select_related("by").order_by("-received_on", "-pk"),
        "policies": row.policies.order_by("-valid_from", "-pk"),
        "form": form if may_manage else None,
        "facts": [
            (_("Document number"), row.number),
            (_("Source of the money"), row.source),
            (_("If the money runs short"), row.get_shortfall_display()),
        ],
        "breadcrumbs": [
            (_("Subsidy"), reverse("settlement:statements")),
            (_("Funds"), reverse("settlement:funds")),
            (row.name, ""),
        ],
    }
    return render(request, "settlement/fund.html", context, status=status)
