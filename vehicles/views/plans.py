"""A hub's plans: by day, asked for, watched while they are reckoned, looked at, compared, reviewed, issued."""

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.scope import may, scope_of
from vehicles import services
from vehicles.figures import Figures
from vehicles.forms.plans import WAVES, PlanForm
from vehicles.models import Plan
from vehicles.queries.plans import LeftRow, compare, plan_page, plan_progress, plans_of
from vehicles.queries.scope import hub_for
from vehicles.rules import DETOUR
from vehicles.states import PlanState
from vehicles.views.fleet import hub_or_refuse
from vehicles.views.plan_words import curve, figure_rows, map_data, timeline, trip_row
from vehicles.views.tabs import tabs

BACK_DAYS, AHEAD_DAYS = 7, 14
OPEN = (PlanState.SOLVING, PlanState.DRAFT, PlanState.REVIEWED)


def wave_name(wave: str) -> str:
    return str(WAVES.get(wave, wave))


def plan_name(plan: Plan) -> str:
    return _("%(day)s, %(wave)s, version %(version)d") % {
        "day": f"{plan.service_date:%Y-%m-%d}",
        "wave": wave_name(plan.wave),
        "version": plan.version,
    }


def plan_of(request: PageRequest, pk: int, action: str = "plan.read") -> Plan:
    """404 for a plan out of the reader's scope."""
    rows = Plan.objects.visible_to(request.user, action)
    return get_object_or_404(rows.select_related("hub", "job", "base", "made_by", "reviewed_by", "issued_by"), pk=pk)


def makes(request: PageRequest, plan: Plan) -> bool:
    return may(request.user, "plan.make") and scope_of(request.user, "plan.make").covers_station(plan.hub)


@require_GET
@require("plan.read")
def plan_list(request: PageRequest) -> HttpResponse:
    """The days from a week back to two ahead, each with its versions."""
    hub = hub_for(request.user, "plan.read")
    today = clock.business_date(clock.now())
    days: dict[date, list[tuple[Plan, str, Figures]]] = {}
    if hub:
        first, last = today - timedelta(days=BACK_DAYS), today + timedelta(days=AHEAD_DAYS)
        for plan in plans_of(request.user, hub=hub, first=first, last=last):
            row = (plan, wave_name(plan.wave), Figures.from_json(plan.figures))
            days.setdefault(plan.service_date, []).append(row)
    may_make = hub is not None and hub_for(request.user, "plan.make") is not None
    context = {
        "hub": hub,
        "days": [(day, (day - today).days, rows) for day, rows in sorted(days.items(), reverse=True)],
        "actions": [(_("Make a plan"), reverse("vehicles:plan-new"), "add")] if may_make else [],
        "tabs": tabs(request, "plans"),
    }
    return render(request, "vehicles/plans.html", context)


@require_http_methods(["GET", "POST"])
@require("plan.make")
def plan_new(request: PageRequest) -> HttpResponse:
    """Ask for a plan; what is reckoned is then watched on the plan's own page."""
    hub = hub_or_refuse(request, "plan.make")
    at = clock.now()
    today = clock.business_date(at)
    asked = request.POST.get("base") if request.method == "POST" else request.GET.get("base", "")
    known = Plan.objects.visible_to(request.user, "plan.make").filter(hub=hub)
    base = known.filter(pk=int(asked)).first() if asked and asked.isdecimal() and len(asked) < 19 else None
    form = PlanForm(request.POST if request.method == "POST" else None, hub=hub, day=today)
    form.initial = {
        "day": base.service_date if base else today + timedelta(days=1),
        "wave": base.wave if base else "day",
        "seconds": "10",
        "buses": True,
        "members": sorted(form.everybody),
        "base": base.pk if base else None,
    }
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and form.cleaned_data["base"] and base is None:
            form.add_error(None, _("The plan to start from is not there any more."))
        if form.is_valid():
            values = form.cleaned_data
            try:
                plan = services.start_plan(
                    hub=hub,
                    day=values["day"],
                    wave=values["wave"],
                    seconds=int(values["seconds"]),
                    seed=1,
                    buses=values["buses"],
                    members=form.members_asked(),
                    base=base,
                    by=request.user,
                    at=at,
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                return redirect("vehicles:plan", plan.pk)
    context = {
        "form": form,
        "hub": hub,
        "base": base,
        "base_name": plan_name(base) if base else "",
        "breadcrumbs": [(_("Plan"), reverse("vehicles:plans")), (_("Make a plan"), "")],
    }
    return render(request, "vehicles/plan_new.html", context, status=status)


@require_GET
@require("plan.read")
def plan(request: PageRequest, pk: int) -> HttpResponse:
    """While it is reckoned: how it is getting on. Then: what it comes to, its trips, what is left out and why."""
    row = plan_of(request, pk)
    return _solving(request, row) if row.state == PlanState.SOLVING else _page(request, row)


def _crumbs(row: Plan) -> list[tuple[str, str]]:
    return [(_("Plan"), reverse("vehicles:plans")), (plan_name(row), "")]


def _progress(request: PageRequest, row: Plan, at: datetime) -> dict[str, Any]:
    found = plan_progress(row, at)
    return {"plan": row, "progress": found, "curve": curve(found.trace, found.of), "makes": makes(request, row)}


def _solving(request: PageRequest, row: Plan) -> HttpResponse:
    context = _progress(request, row, clock.now()) | {
        "title": plan_name(row),
        "breadcrumbs": _crumbs(row),
        "tabs": tabs(request, "plans"),
    }
    return render(request, "vehicles/plan_solving.html", context)


@require_GET
@require("plan.read")
def plan_progress_part(request: PageRequest, pk: int) -> HttpResponse:
    """The fragment htmx asks for every two seconds; once there is a plan, the page loads anew."""
    row = plan_of(request, pk)
    if row.state != PlanState.SOLVING:
        answer = HttpResponse()
        answer["HX-Redirect"] = reverse("vehicles:plan", args=[row.pk])
        return answer
    return render(request, "vehicles/_plan_progress.html", _progress(request, row, clock.now()))


def _page(request: PageRequest, row: Plan) -> HttpResponse:
    page = plan_page(row)
    editable = page.editable and makes(request, row)
    trips = [trip_row(trip, editable) for trip in page.trips]
    others = Plan.objects.visible_to(request.user).filter(hub=row.hub_id, service_date=row.service_date, wave=row.wave)
    others = others.exclude(pk=row.pk).exclude(state__in=[PlanState.SOLVING, PlanState.DISCARDED]).order_by("-version")
    before = others.filter(state=PlanState.ISSUED).first()
    groups: dict[str, dict[str, list[LeftRow]]] = {}
    for left in page.left:
        groups.setdefault(left.label, {}).setdefault(left.sentence, []).append(left)
    context = {
        "plan": row,
        "title": plan_name(row),
        "page": page,
        "figures": figure_rows(page.figures),
        "rows": trips,
        "timeline": timeline(trips),
        "curve": curve([(float(s), float(y), str(b)) for s, y, b in row.trace], int(row.asked.get("seconds", 0))),
        "left": [
            (label, sum(row.parcels for rows in said.values() for row in rows), list(said.items()))
            for label, said in groups.items()
        ],
        "others": others[:8],
        "before": before,
        "makes": makes(request, row),
        "editable": editable,
        "moved": _moved(request.GET.get("moved", "")),
        "discardable": row.state in OPEN,
        "detour": DETOUR,
        "asked": _asked(row),
        "breadcrumbs": _crumbs(row),
        "tabs": tabs(request, "plans"),
    }
    return render(request, "vehicles/plan.html", context)


def _moved(text: str) -> dict[str, Any]:
    """Of "trip-station-button" in the address: which trip stands open, and where the focus goes."""
    parts = [*text[:60].split("-"), "", "", ""][:3]
    numbers = [int(part) if part.isascii() and part.isdigit() else 0 for part in parts[:2]]
    return {"trip": numbers[0], "station": numbers[1], "by": parts[2]}


def _asked(row: Plan) -> list[tuple[str, Any]]:
    members = row.asked.get("members")
    return [
        (_("Asked for by"), row.made_by.name if row.made_by else "—"),
        (_("Reckoned for"), _("%(count)d s") % {"count": int(row.asked.get("seconds", 0))}),
        (_("Buses"), _("with") if row.asked.get("buses", True) else _("without")),
        (_("Whose parcels"), _(", ").join(members) if members else _("the whole pool")),
        (_("Planned anew from"), plan_name(row.base) if row.base else "—"),
        (_("Reviewed by"), row.reviewed_by.name if row.reviewed_by else "—"),
        (_("Put in force by"), row.issued_by.name if row.issued_by else "—"),
    ]


@require_GET
@require("plan.read")
def plan_map(request: PageRequest, pk: int) -> JsonResponse:
    """What the map draws."""
    row = plan_of(request, pk)
    return JsonResponse(map_data(row, [trip_row(trip, False) for trip in plan_page(row).trips]))


@require_GET
@require("plan.read")
def plan_compare(request: PageRequest, pk: int, other: int) -> HttpResponse:
    """Two plans side by side: figures, and whose parcels ride with another."""
    one, two = plan_of(request, pk), plan_of(request, other)
    found = compare(one, two)
    pairs = []
    for first, second in zip(figure_rows(found.figures[0]), figure_rows(found.figures[1]), strict=True):
        more = None
        if first.number and second.number is not None:
            more = f"{(second.number - first.number) / first.number * 100:+.1f} %"
        pairs.append((first, second, more))
    context = {
        "one": one,
        "two": two,
        "one_name": plan_name(one),
        "two_name": plan_name(two),
        "pairs": pairs,
        "found": found,
        "moved_parcels": sum(row.parcels for row in found.moved),
        "breadcrumbs": [
            (_("Plan"), reverse("vehicles:plans")),
            (plan_name(one), reverse("vehicles:plan", args=[one.pk])),
            (_("Compare"), ""),
        ],
        "tabs": tabs(request, "plans"),
    }
    return render(request, "vehicles/plan_compare.html", context)


def _step(request: PageRequest, pk: int, call: Any, done: str, **values: Any) -> HttpResponse:
    """A plan's next step, then back to its page with the sentence."""
    row = plan_of(request, pk, "plan.make")
    try:
        call(plan_id=row.pk, by=request.user, at=clock.now(), **values)
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    else:
        messages.success(request, done)
    return redirect("vehicles:plan", row.pk)


def seen_of(request: PageRequest) -> int | None:
    """The plan's last change as the page showed it; None where the form doesn't say."""
    text = request.POST.get("seen", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@require_POST
@require("plan.make")
def plan_stop(request: PageRequest, pk: int) -> HttpResponse:
    return _step(request, pk, services.stop_plan, _("The best plan so far is kept; it is here in a moment."))


@require_POST
@require("plan.make")
def plan_review(request: PageRequest, pk: int) -> HttpResponse:
    done = _("The plan is reviewed. Issuing it sends its trips to their drivers.")
    return _step(request, pk, services.review_plan, done, seen=seen_of(request))


@require_POST
@require("plan.make")
def plan_reopen(request: PageRequest, pk: int) -> HttpResponse:
    return _step(request, pk, services.reopen_plan, _("The plan is a draft again and can be changed."))


@require_POST
@require("plan.make")
def plan_issue(request: PageRequest, pk: int) -> HttpResponse:
    return _step(request, pk, services.issue_plan, _("The plan is in force; its trips stand with their drivers."))


@require_POST
@require("plan.make")
def plan_close(request: PageRequest, pk: int) -> HttpResponse:
    return _step(request, pk, services.close_plan, _("The plan is closed."))


@require_POST
@require("plan.make")
def plan_rest(request: PageRequest, pk: int) -> HttpResponse:
    """The rest of the day, with what is on the road: a new version that keeps stops where they are unless it pays."""
    row = plan_of(request, pk, "plan.make")
    try:
        made = services.plan_rest(plan_id=row.pk, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal.message))
        return redirect("vehicles:plan", row.pk)
    return redirect("vehicles:plan", made.pk)


@require_POST
@require("plan.make")
def plan_discard(request: PageRequest, pk: int) -> HttpResponse:
    return _step(request, pk, services.discard_plan, _("The plan is thrown away."))
