"""What a policy changed: before against after, by township, as a page and a table. No advice, only numbers."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from common import clock, exports
from common import services as jobs
from common.errors import NotAllowed
from common.http import PageRequest
from common.models import Job
from common.states import JobState
from settlement.models import Policy
from settlement.queries import effect as queries
from settlement.views.tabs import tabs
from stations.permissions import require
from stations.scope import scope_of

LIMIT_MS = 2000  # a statement; there are two
DAYS = 30


def _counties(request: PageRequest) -> tuple[str, ...]:
    """The counties whose policies the person may judge: townships are compared, so nobody sees only a part."""
    counties = scope_of(request.user, "policy.read").county_codes
    if not counties:
        raise NotAllowed(_("Your role may not do this."))
    return counties


def _policy(request: PageRequest, pk: int) -> Policy:
    rows = Policy.objects.active().visible_to(request.user).filter(county_code__in=_counties(request))
    return get_object_or_404(rows, pk=pk)


def _days(request: PageRequest) -> int:
    wanted = request.GET.get("days", "") or request.POST.get("days", "")
    return next((days for days in queries.LENGTHS if str(days) == wanted), DAYS)


@require_GET
@require("policy.read")
def effect_list(request: PageRequest) -> HttpResponse:
    at = clock.now()
    policies = Policy.objects.active().visible_to(request.user).filter(county_code__in=_counties(request))
    context = {
        "tabs": tabs(request, "effect"),
        "label_of_tabs": _("Subsidy"),
        "policies": [(row, queries.days_measurable(row, at)) for row in policies.order_by("-valid_from", "-pk")],
    }
    return render(request, "settlement/effect_list.html", context)


def _found(request: PageRequest, policy: Policy, days: int) -> Mapping[str, Any] | None:
    """What a job of this person counted, or counted now; TooLong if that takes longer than a page may."""
    wanted = request.GET.get("job", "")
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 12:
        row = (
            Job.objects.visible_to(request.user)
            .filter(pk=int(wanted), kind="settlement.effect", state=JobState.DONE, county_code=policy.county_code)
            .first()
        )
        if row and row.params.get("policy") == policy.pk and row.params.get("days") == days:
            return row.result.get("found")
    return queries.measure_within(policy, days, clock.now(), LIMIT_MS)


@require_GET
@require("policy.read")
def effect(request: PageRequest, pk: int) -> HttpResponse:
    policy, days = _policy(request, pk), _days(request)
    try:
        counted, too_long = _found(request, policy, days), False
    except queries.TooLong:
        counted, too_long = None, True
    found = queries.effect(policy, counted) if counted else None
    address = reverse("settlement:effect-policy", args=[policy.pk])
    job = f"&job={request.GET['job']}" if counted and request.GET.get("job", "").isdigit() else ""
    context = {
        "policy": policy,
        "days": days,
        "lengths": [(_("%(days)d days") % {"days": n}, f"{address}?days={n}", n == days) for n in queries.LENGTHS],
        "too_long": too_long,
        "found": found,
        "places": [place for place in (found.covered, found.others) if place] if found else [],
        "actions": [
            (
                _("Download as a table"),
                f"{reverse('settlement:effect-csv', args=[policy.pk])}?days={days}{job}",
                "download",
            )
        ]
        if found
        else [],
        "breadcrumbs": [
            (_("Subsidy"), reverse("settlement:statements")),
            (_("Effect"), reverse("settlement:effect")),
            (policy.name, ""),
        ],
    }
    return render(request, "settlement/effect.html", context)


@require_GET
@require("policy.read")
def effect_csv(request: PageRequest, pk: int) -> StreamingHttpResponse | HttpResponse:
    policy, days = _policy(request, pk), _days(request)
    try:
        counted = _found(request, policy, days)
    except queries.TooLong:
        return redirect(f"{reverse('settlement:effect-policy', args=[policy.pk])}?days={days}")
    header = (
        _("Township"),
        _("Policy holds here"),
        _("Span"),
        _("Parcels delivered"),
        _("At the outlet within 24 h"),
        _("Arrivals at the hub"),
        _("Villages served"),
        _("Villages"),
        _("Subsidy, yuan"),
        _("Yuan a parcel"),
    )
    words = (_("before"), _("after"))
    rows = queries.rows(queries.effect(policy, counted)) if counted else []
    table = ((name, _("yes") if holds else _("no"), words[span], *rest) for name, holds, span, *rest in rows)
    return exports.csv_response(f"effect-{policy.pk}-{days}.csv", header, table)


@require_POST
@require("policy.read")
def effect_job(request: PageRequest, pk: int) -> HttpResponse:
    """The same comparison as a job, where a page would wait for too long."""
    policy, days = _policy(request, pk), _days(request)
    job = jobs.start_job(
        kind="settlement.effect",
        title=_("Effect of %(policy)s") % {"policy": policy.name},
        user=request.user,
        at=clock.now(),
        params={"policy": policy.pk, "days": days},
        county_code=policy.county_code,
    )
    return redirect("common:job", job.pk)
