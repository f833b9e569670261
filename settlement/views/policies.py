"""Policies: the list, a draft whose rule is said in a sentence, a second person's signature."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import queries, services
from settlement.forms.policies import PolicyForm
from settlement.models import Policy
from settlement.states import PolicyState
from stations.permissions import require
from stations.scope import may, scope_of


def sentence(*, valid_from: date, last_day: date | None, plain: Decimal, hill: Decimal, mountain: Decimal) -> str:
    """The rule as one would say it: from when, for what, how much where."""
    values = {
        "first": date_format(valid_from, "DATE_FORMAT"),
        "last": date_format(last_day, "DATE_FORMAT") if last_day else "",
        "plain": f"{plain.normalize():f}",
        "hill": f"{hill.normalize():f}",
        "mountain": f"{mountain.normalize():f}",
    }
    span = _("From %(first)s to %(last)s") % values if last_day else _("From %(first)s on") % values
    return (
        span
        + _(
            ", each parcel delivered at a village outlet earns the outlet %(plain)s yuan in the plain, "
            "%(hill)s yuan in hills and %(mountain)s yuan in mountains."
        )
        % values
    )


def _sentence_of(policy: Policy) -> str:
    return sentence(
        valid_from=policy.valid_from,
        last_day=queries.last_day(policy),
        plain=policy.rate_plain,
        hill=policy.rate_hill,
        mountain=policy.rate_mountain,
    )


@require_GET
@require("policy.read")
def policy_list(request: PageRequest) -> HttpResponse:
    policies = Policy.objects.visible_to(request.user).select_related("created_by", "activated_by")
    actions = (
        [(_("Draft a policy"), reverse("settlement:policy-new"), "add")] if may(request.user, "policy.draft") else []
    )
    context = {
        "policies": [(row, queries.last_day(row)) for row in policies.order_by("county_code", "-valid_from", "-pk")],
        "actions": actions,
        "may_draft": bool(actions),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Policies"), "")],
    }
    return render(request, "settlement/policy_list.html", context)


@require_http_methods(["GET", "POST"])
@require("policy.draft")
def policy_new(request: PageRequest) -> HttpResponse:
    form = PolicyForm(request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                policy = services.draft_policy(
                    county_code=scope_of(request.user, "policy.draft").counties[0],
                    fields=services.PolicyFields(**form.cleaned_data),
                    by=request.user,
                    at=clock.now(),
                )
            except Refused as refusal:
                field = refusal.pointer.strip("/")
                form.add_error(field if field in form.fields else None, refusal.message)
            else:
                messages.success(request, _("The draft is kept. Another person puts it in force."))
                return redirect("settlement:policy", policy.pk)
        status = 422
    context = {
        "form": form,
        "breadcrumbs": [(_("Policies"), reverse("settlement:policies")), (_("Draft a policy"), "")],
    }
    return render(request, "settlement/policy_form.html", context, status=status)


@require_GET
@require("policy.draft")
def policy_sentence(request: PageRequest) -> HttpResponse:
    """The sentence for what stands in the form just now; htmx asks after each change."""
    form = PolicyForm(request.GET)
    form.is_valid()
    values: dict[str, Any] = form.cleaned_data
    names = ("valid_from", "rate_plain", "rate_hill", "rate_mountain")
    said = ""
    if all(values.get(name) is not None for name in names) and all(values[name].is_finite() for name in names[1:]):
        said = sentence(
            valid_from=values["valid_from"],
            last_day=values.get("valid_until"),
            plain=values["rate_plain"],
            hill=values["rate_hill"],
            mountain=values["rate_mountain"],
        )
    return render(request, "settlement/_sentence.html", {"sentence": said})


@require_GET
@require("policy.read")
def policy(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Policy.objects.visible_to(request.user).select_related("created_by", "activated_by"), pk=pk)
    draft = row.state == PolicyState.DRAFT
    in_scope = {
        action: scope_of(request.user, action).covers_county(row.county_code)
        for action in ("policy.activate", "policy.draft")
    }
    facts = [
        (_("Document number"), row.number),
        (_("Issued by"), row.issuer),
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
        "sentence": _sentence_of(row),
        "facts": facts,
        "earlier": queries.policy_in_the_way(row) if draft else None,
        "may_activate": draft and in_scope["policy.activate"] and row.created_by_id != request.user.pk,
        "may_discard": draft and in_scope["policy.draft"],
        "breadcrumbs": [(_("Policies"), reverse("settlement:policies")), (row.name, "")],
    }
    return render(request, "settlement/policy.html", context)


@require_POST
@require("policy.activate")
def policy_activate(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Policy.objects.visible_to(request.user, "policy.activate"), pk=pk)
    services.activate_policy(policy_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The policy is in force. The lines follow within a minute."))
    return redirect("settlement:policy", row.pk)


@require_POST
@require("policy.draft")
def policy_discard(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Policy.objects.visible_to(request.user, "policy.draft"), pk=pk)
    services.discard_policy(policy_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The draft is gone."))
    return redirect("settlement:policies")
