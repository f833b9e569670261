"""Policies: the register, a draft whose rule is said in sentences and tried on last month's parcels, a second
person's signature."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Conflict, Refused
from common.http import PageRequest
from settlement import queries, services
from settlement.forms.policies import PolicyForm
from settlement.models import Fund, Policy
from settlement.queries.policies import days_after, factors_of, gaps, overlaps, policy_seal
from settlement.queries.policy_preview import preview
from settlement.queries.policy_words import sentences
from settlement.rules import Factor
from settlement.services.policies import fill, policy_faults
from settlement.states import PaidService, PolicyState
from settlement.views.tabs import tabs
from stations.models import Region
from stations.permissions import require
from stations.scope import may, scope_of
from stations.states import RegionLevel


def _townships(county_code: str) -> list[Region]:
    townships = Region.objects.filter(level=RegionLevel.TOWNSHIP, county_code=county_code)  # unscoped: public knowledge
    return list(townships.current().order_by("code"))


def _names(county_code: str) -> dict[str, str]:
    return {row.code[:9]: row.name for row in _townships(county_code)}


def _sentences_of(policy: Policy) -> list[str]:
    return sentences(policy, fund_name=policy.fund.name, townships=_names(policy.county_code))


def _gaps(county: str, first: date, end: date | None) -> dict[str, Any]:
    """Days that would be left without a policy: spans [from, to), and the first day of an open end."""
    if end is not None and end <= first:
        return {}
    return {
        "gaps": gaps(county_code=county, first=first, end=end),
        "nothing_from": days_after(county_code=county, first=first, end=end),
    }


def _gaps_of(policy: Policy) -> dict[str, Any]:
    return _gaps(policy.county_code, policy.valid_from, policy.valid_to)


@require_GET
@require("policy.read")
def policy_list(request: PageRequest) -> HttpResponse:
    """The register: one catalogue of the county's policies, and whether two of them reach for the same parcel."""
    policies = list(
        Policy.objects.visible_to(request.user)
        .select_related("created_by", "activated_by", "fund")
        .order_by("county_code", "-valid_from", "-pk")
    )
    names: dict[str, str] = {}
    for county in {row.county_code for row in policies}:
        names |= _names(county)
    actions = (
        [(_("Draft a policy"), reverse("settlement:policy-new"), "add")] if may(request.user, "policy.draft") else []
    )
    context = {
        "policies": [
            (row, queries.last_day(row), [names.get(code, code) for code in row.townships or ()]) for row in policies
        ],
        "pairs": len(policies) * (len(policies) - 1) // 2,
        "overlaps": [
            (
                row,
                [PaidService(service).label for service in row.services],
                None if row.townships is None else [names.get(code, code) for code in row.townships],
            )
            for row in overlaps(policies)
        ],
        "actions": actions,
        "may_draft": bool(actions),
        "tabs": tabs(request, "policies"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Policies"), "")],
    }
    return render(request, "settlement/policy_list.html", context)


def _form(
    request: PageRequest, county: str, *, policy: Policy | None = None, factors: list[Factor] | None = None
) -> PolicyForm:
    return PolicyForm(
        request.POST if request.method == "POST" else None,
        funds=list(Fund.objects.visible_to(request.user).filter(county_code=county).order_by("-created_at")),
        townships=_townships(county),
        policy=policy,
        factors=factors,
        more=request.POST.get("more", ""),
    )


def _answer(
    request: PageRequest, form: PolicyForm, *, county: str, status: int = 200, policy: Policy | None = None
) -> HttpResponse:
    title = _("Change the draft") if policy else _("Draft a policy")
    return render(
        request,
        "settlement/policy_form.html",
        {
            "form": form,
            "title": title,
            "policy": policy,
            "seen": request.POST.get("seen") or (policy_seal(policy) if policy else ""),
            "no_fund": not form.fields["fund"].choices,  # type: ignore[attr-defined]
            "may_open_fund": may(request.user, "fund.manage"),
            "breadcrumbs": [
                (_("Subsidy"), reverse("settlement:statements")),
                (_("Policies"), reverse("settlement:policies")),
                *([(policy.name, reverse("settlement:policy", args=[policy.pk]))] if policy else []),
                (title, ""),
            ],
            **_said(form, county),
        },
        status=status,
    )


def _said(form: PolicyForm, county: str) -> dict[str, Any]:
    """The sentences for what stands in the form, and the days it would leave without a policy."""
    if not form.is_bound:
        return {"sentences": []}
    form.is_valid()
    said = form.said()
    if said is None or not all(row.is_finite() for row in (said.rate_delivery, said.clamp_min, said.clamp_max)):
        return {"sentences": []}
    draft = fill(Policy(county_code=county), said)
    funds = dict(form.fields["fund"].choices)  # type: ignore[attr-defined]
    return {
        "sentences": sentences(
            draft, factors=said.factors, fund_name=funds.get(said.fund_id, ""), townships=_names(county)
        ),
        **_gaps(county, draft.valid_from, draft.valid_to),
    }


@require_http_methods(["GET", "POST"])
@require("policy.draft")
def policy_new(request: PageRequest) -> HttpResponse:
    """A new draft; `?from=12` begins with what policy 12 says, a new version of it."""
    county = scope_of(request.user, "policy.draft").counties[0]
    model = None
    if request.method == "GET" and request.GET.get("from", "").isascii() and request.GET.get("from", "").isdigit():
        model = Policy.objects.visible_to(request.user).filter(pk=int(request.GET["from"][:15])).first()
    if model is not None:
        known = list(factors_of(model))
        model.number, model.valid_from, model.valid_to = "", clock.next_month(clock.month_of(clock.now())), None
        return _answer(request, _form(request, county, policy=model, factors=known), county=county)
    form = _form(request, county)
    if request.method == "GET":
        return _answer(request, form, county=county)
    if "more" in request.POST:
        return _answer(request, form, county=county, status=200)
    if form.is_valid() and (fields := form.said()) is not None:
        faults = list(policy_faults(county_code=county, fields=fields))
        try:
            if not faults:
                policy = services.draft_policy(county_code=county, fields=fields, by=request.user, at=clock.now())
                messages.success(request, _("The draft is kept. Another person puts it in force."))
                return redirect("settlement:policy", policy.pk)
        except Refused as refusal:
            faults = [refusal]
        for fault in faults:
            form.add_fault(fault)
    return _answer(request, form, county=county, status=422)


@require_http_methods(["GET", "POST"])
@require("policy.draft")
def policy_edit(request: PageRequest, pk: int) -> HttpResponse:
    """Change a draft; what is in force (or was) stays as it is: 409, make a new version."""
    row = get_object_or_404(Policy.objects.visible_to(request.user, "policy.draft"), pk=pk)
    if row.state != PolicyState.DRAFT:
        raise Conflict("policy_in_use", _("This policy is in force and stays as it is. Make a new version of it."))
    county = row.county_code
    form = _form(request, county, policy=row, factors=list(factors_of(row)))
    if request.method == "GET" or "more" in request.POST:
        return _answer(request, form, county=county, policy=row)
    if form.is_valid() and (fields := form.said()) is not None:
        faults = list(policy_faults(county_code=county, fields=fields))
        try:
            if not faults:
                services.change_policy(
                    policy_id=row.pk,
                    fields=fields,
                    by=request.user,
                    at=clock.now(),
                    seen=request.POST.get("seen", ""),
                )
                messages.success(request, _("The draft is kept. Another person puts it in force."))
                return redirect("settlement:policy", row.pk)
        except Refused as refusal:
            if refusal.code in ("policy_in_use", "policy_changed"):
                raise
            faults = [refusal]
        for fault in faults:
            form.add_fault(fault)
    return _answer(request, form, county=county, status=422, policy=row)


@require_GET
@require("policy.draft")
def policy_sentence(request: PageRequest) -> HttpResponse:
    """The sentences for what stands in the form just now; htmx asks after each change."""
    county = scope_of(request.user, "policy.draft").counties[0]
    form = PolicyForm(
        request.GET,
        funds=list(Fund.objects.visible_to(request.user).filter(county_code=county)),
        townships=_townships(county),
    )
    return render(request, "settlement/_sentence.html", _said(form, county))


@require_GET
@require("policy.read")
def policy(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(
        Policy.objects.visible_to(request.user).select_related("created_by", "activated_by", "fund"), pk=pk
    )
    draft = row.state == PolicyState.DRAFT
    in_scope = {
        action: scope_of(request.user, action).covers_county(row.county_code)
        for action in ("policy.activate", "policy.draft")
    }
    actions = []
    if draft and in_scope["policy.draft"]:
        actions.append((_("Change the draft"), reverse("settlement:policy-edit", args=[row.pk]), "edit"))
    if in_scope["policy.draft"]:
        actions.append((_("Copy as a new version"), f"{reverse('settlement:policy-new')}?from={row.pk}", "add"))
    facts = [
        (_("Document number"), row.number),
        (_("Issued by"), row.issuer),
        (_("Paid out of the fund"), str(row.fund)),
        (_("Source of the money"), row.fund.source),
        (_("First day"), date_format(row.valid_from, "DATE_FORMAT")),
        (
            _("Last day"),
            date_format(last, "DATE_FORMAT") if (last := queries.last_day(row)) else _("until another takes over"),
        ),
        (_("Drafted by"), row.created_by.name),
        (_("Put in force by"), row.activated_by.name if row.activated_by else ""),
    ]
    context = {
        "policy": row,
        "sentences": _sentences_of(row),
        "facts": facts,
        "actions": actions,
        "earlier": queries.policy_in_the_way(row) if draft else None,
        "seen": policy_seal(row) if draft else "",
        "may_activate": draft and in_scope["policy.activate"] and row.created_by_id != request.user.pk,
        "may_discard": draft and in_scope["policy.draft"],
        "breadcrumbs": [
            (_("Subsidy"), reverse("settlement:statements")),
            (_("Policies"), reverse("settlement:policies")),
            (row.name, ""),
        ],
        **(_gaps_of(row) if draft else {}),
    }
    return render(request, "settlement/policy.html", context)


@require_GET
@require("policy.read")
def policy_preview(request: PageRequest, pk: int) -> HttpResponse:
    """The policy on last month's parcels of the outlets in scope; the policy's page loads it."""
    row = get_object_or_404(Policy.objects.visible_to(request.user).select_related("fund"), pk=pk)
    at = clock.now()
    month = clock.previous_month(clock.month_of(at))
    context = {
        "policy": row,
        "preview": preview(row, user=request.user, month=month, today=clock.business_date(at)),
        "breadcrumbs": [
            (_("Policies"), reverse("settlement:policies")),
            (row.name, reverse("settlement:policy", args=[row.pk])),
            (_("On last month's parcels"), ""),
        ],
    }
    return render(
        request, "settlement/_policy_preview.html" if request.htmx else "settlement/policy_preview.html", context
    )


@require_POST
@require("policy.activate")
def policy_activate(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Policy.objects.visible_to(request.user, "policy.activate"), pk=pk)
    services.activate_policy(policy_id=row.pk, by=request.user, at=clock.now(), seen=request.POST.get("seen", ""))
    messages.success(request, _("The policy is in force. The lines follow within a minute."))
    return redirect("settlement:policy", row.pk)


@require_POST
@require("policy.draft")
def policy_discard(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Policy.objects.visible_to(request.user, "policy.draft"), pk=pk)
    services.discard_policy(policy_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The draft is gone."))
    return redirect("settlement:policies")
