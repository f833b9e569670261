"""The checks: their monthly figures and versions, a draft and its dry comparison; the calls to recipients."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement.definitions import CHECKS, Check
from settlement.forms.fraud import CallForm, ThresholdsForm
from settlement.models import CallBack, FraudRule
from settlement.queries import fraud as reads
from settlement.services import fraud as services
from settlement.states import CallAnswer, RuleState
from settlement.views.tabs import county_of, tabs
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.scope import scope_of


def _county(request: PageRequest, action: str) -> str:
    """The county the person works for; 404 below a county."""
    if code := county_of(request, action):
        return code
    raise Http404


def _month(request: PageRequest) -> date:
    return clock.parse_month(request.GET.get("month", "")) or clock.month_of(clock.now())


def _crumbs(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(_("Doubts"), reverse("settlement:cases")), *more]


@require_GET
@require("fraud.read")
def rules(request: PageRequest) -> HttpResponse:
    """Every check with the numbers in force and how often it was right in a month."""
    county_code, month = _county(request, "fraud.read"), _month(request)
    drafts = FraudRule.objects.visible_to(request.user, "fraud.read").filter(state=RuleState.DRAFT)
    context = {
        "figures": [(row, _numbers(row.check, row.rule)) for row in reads.check_figures(county_code, month)],
        "drafts": {row.code: row for row in drafts.filter(county_code=county_code)},
        "month": month,
        "before": clock.previous_month(month),
        "after": clock.next_month(month) if clock.next_month(month) <= clock.month_of(clock.now()) else None,
        "tabs": tabs(request, "cases"),
        "breadcrumbs": _crumbs((_("Checks"), "")),
    }
    return render(request, "settlement/fraud_rules.html", context)


def _numbers(check: Check, rule: FraudRule | None) -> list[tuple[Any, str]]:
    kept = {**check.start, **(rule.thresholds if rule else {})}
    return [(one.label, kept[one.name]) for one in check.thresholds]


@require_GET
@require("fraud.read")
def rule(request: PageRequest, code: str) -> HttpResponse:
    """One check: its versions, a waiting draft with its dry comparison, and the form for a new one."""
    county_code = _county(request, "fraud.read")
    check = CHECKS.get(code)
    if check is None:
        raise Http404
    user = request.user
    may_draft = bool(check.thresholds) and scope_of(user, "fraud.draft").covers_county(county_code)
    versions = list(
        FraudRule.objects.visible_to(user, "fraud.read")
        .filter(county_code=county_code, code=code)
        .select_related("created_by", "activated_by")
        .order_by("-version")
    )
    draft = next((row for row in versions if row.state == RuleState.DRAFT), None)
    in_force = next((row for row in versions if row.state == RuleState.ACTIVE), None)
    context = {
        "check": check,
        "versions": [(row, _numbers(check, row)) for row in versions],
        "draft": draft,
        "comparison": services.compare_rule(rule=draft, at=clock.now()) if draft else None,
        "may_activate": draft is not None
        and draft.created_by_id != user.pk
        and scope_of(user, "fraud.activate").covers_county(county_code),
        "may_discard": draft is not None and may_draft,
        "form": ThresholdsForm(check=check, initial={**check.start, **(in_force.thresholds if in_force else {})})
        if may_draft and draft is None
        else None,
        "tabs": tabs(request, "cases"),
        "breadcrumbs": _crumbs((_("Checks"), reverse("settlement:fraud-rules")), (str(check.name), "")),
    }
    return render(request, "settlement/fraud_rule.html", context)


@require_POST
@require("fraud.draft")
def rule_draft(request: PageRequest, code: str) -> HttpResponse:
    county_code = _county(request, "fraud.draft")
    check = CHECKS.get(code)
    if check is None or not check.thresholds:
        raise Http404
    form = ThresholdsForm(request.POST, check=check)
    if form.is_valid():
        values = dict(form.cleaned_data)
        try:
            services.draft_rule(
                county_code=county_code,
                code=code,
                reason=values.pop("reason"),
                thresholds=values,
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("The draft is kept. Another person puts it in force."))
            return redirect("settlement:fraud-rule", code)
    context = {
        "check": check,
        "form": form,
        "tabs": tabs(request, "cases"),
        "breadcrumbs": _crumbs((_("Checks"), reverse("settlement:fraud-rules")), (str(check.name), "")),
    }
    return render(request, "settlement/fraud_rule.html", context, status=422)


@require_POST
@require("fraud.activate")
def rule_activate(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(FraudRule.objects.visible_to(request.user, "fraud.activate"), pk=pk)
    services.activate_rule(rule_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The new numbers are in force from the next look on."))
    return redirect("settlement:fraud-rule", row.code)


@require_POST
@require("fraud.draft")
def rule_discard(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(FraudRule.objects.visible_to(request.user, "fraud.draft"), pk=pk)
    services.discard_rule(rule_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The draft is gone."))
    return redirect("settlement:fraud-rule", row.code)


@require_GET
@require("fraud.read")
def calls(request: PageRequest) -> HttpResponse:
    """A month's sample to call, as a sheet to print."""
    county_code, month = _county(request, "fraud.read"), _month(request)
    drawn = CallBack.objects.visible_to(request.user, "fraud.read").filter(county_code=county_code, period=month)
    context = {
        "month": month,
        "months": reads.called_months([county_code]),
        "calls": reads.call_sheet(drawn),
        "figures": reads.call_figures(drawn),
        "answers": CallAnswer.choices,
        "may_note": scope_of(request.user, "fraud.decide").covers_county(county_code),
        "tabs": tabs(request, "cases"),
        "breadcrumbs": _crumbs((_("Calls to recipients"), "")),
    }
    return render(request, "settlement/fraud_calls.html", context)


@require_POST
@require("fraud.decide")
def call_note(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(CallBack.objects.visible_to(request.user, "fraud.decide"), pk=pk)
    form = CallForm(request.POST)
    if form.is_valid():
        services.note_call(call_id=row.pk, answer=form.cleaned_data["answer"], by=request.user, at=clock.now())
    else:
        messages.error(request, _("Choose one of the answers."))
    return redirect(f"{reverse('settlement:fraud-calls')}?month={row.period:%Y-%m}#call-{row.pk}")
