"""Before and after, who joins, what is there twice."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import NotAllowed, Refused
from common.http import PageRequest
from stations.forms.stations import show_refusal
from stations.models import Station
from stations.permissions import require
from stations.scope import may, scope_of
from vehicles import services
from vehicles.figures import PRICE_YUAN, Figures, Ratio
from vehicles.forms.proof import EnterForm, FreezeForm, ReckonedForm, SpanForm, WhatIfForm
from vehicles.models import Baseline, WhatIf
from vehicles.queries import duplicates as twice
from vehicles.queries import figures as queries
from vehicles.queries import whatif as joined
from vehicles.queries.demand import demand
from vehicles.queries.scope import hub_for
from vehicles.services.whatif import LEFT_YUAN
from vehicles.states import BaselineSource, Reason
from vehicles.views.charts import Chart, chart
from vehicles.views.tabs import tabs

NOTHING = "—"
MOST_ROWS = 200
TERMS = queries.TERMS


def _county(request: PageRequest, action: str = "proof.read") -> str:
    """The county of the address if it is theirs, else their first."""
    counties = scope_of(request.user, action).counties
    if not counties:
        raise NotAllowed(_("Your role may not do this."))
    wanted = request.GET.get("county", "")
    return wanted if wanted in counties else counties[0]


def _hub(request: PageRequest) -> Station:
    hub = hub_for(request.user, "proof.make")
    if hub is None:
        raise NotAllowed(_("There is no county hub in your scope."))
    return hub


def _page(request: PageRequest, **more: Any) -> dict[str, Any]:
    return {"tabs": tabs(request, "figures"), "label_of_tabs": _("Vehicles"), **more}


def _crumbs(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(_("Figures"), reverse("vehicles:figures")), *more]


# --- before and after ---


@require_GET
@require("proof.read")
def figures(request: PageRequest) -> HttpResponse:
    """The frozen "before" beside the days asked for, each figure with its definition; and the trend."""
    county, today = _county(request), clock.business_date(clock.now())
    form = SpanForm(request.GET or None)
    first_on, last_on, grain = form.span(today)
    by_day = queries.days(county_code=county, first_on=first_on, last_on=last_on)
    after = queries.sum_of(by_day.values()) if by_day else None
    baselines = queries.baselines(request.user, county)
    before = _chosen(request, baselines)
    old = Figures.from_json(before.figures) if before else None
    trend = queries.trend(by_day, grain)
    actions = []
    if may(request.user, "proof.make"):
        actions = [
            (_("Reckon who joins"), reverse("vehicles:whatif-new"), "people"),
            (_("Freeze a before"), reverse("vehicles:baseline-freeze"), "shelf"),
        ]
    actions += [
        (_("What-ifs"), reverse("vehicles:whatifs"), "chart"),
        (_("Found twice"), reverse("vehicles:duplicates"), "warning"),
    ]
    context = _page(
        request,
        form=SpanForm({"first_on": first_on, "last_on": last_on, "grain": grain}),
        lines=[_line(line, old, after, before) for line in queries.compared(old, after)],
        before=before,
        baselines=baselines,
        after=after,
        saved_words=_saved(old, after),
        load_words=shown(TERMS["load_at_departure"], after.load_at_departure) if after else NOTHING,
        yuan_words=shown(TERMS["yuan_a_parcel"], after.yuan_a_parcel) if after else NOTHING,
        inverted=after.inverted() if after else False,
        price=PRICE_YUAN,
        left=[(Reason(code).label if code in Reason.values else code, n) for code, n in after.left.items()]
        if after
        else [],
        trend=[(_period(start, grain), found, _cells(found)) for start, found in reversed(trend)],
        terms=queries.DEFINITIONS,
        charts=_charts(trend, grain),
        first_on=first_on,
        last_on=last_on,
        actions=actions,
    )
    return render(request, "vehicles/figures.html", context)


def _saved(old: Figures | None, new: Figures | None) -> str:
    saved = queries.vehicles_saved(old, new) if old and new else None
    return _percent(saved)


def _chosen(request: PageRequest, baselines: list[Baseline]) -> Baseline | None:
    wanted = request.GET.get("before", "")
    return next((row for row in baselines if str(row.pk) == wanted), baselines[0] if baselines else None)


def _line(line: queries.Line, old: Figures | None, new: Figures | None, before: Baseline | None) -> dict[str, Any]:
    by_hand = before is not None and before.source == BaselineSource.ENTERED
    return {
        "term": line.term,
        "before": shown(line.term, line.before),
        "before_parts": _parts(line.term, old, by_hand=by_hand),
        "after": shown(line.term, line.after),
        "after_parts": _parts(line.term, new),
        "change": _change(line),
        "better": line.better,
    }


def shown(term: queries.Term, value: Ratio | Decimal | None) -> str:
    """58.1 %, 14.2, 0.35 or a dash."""
    if isinstance(value, Ratio):
        return f"{Decimal(value.amount) * 100 / value.of:.1f} %" if value.of else NOTHING
    if value is None:
        return NOTHING
    return f"{value:.2f}" if term.unit is queries.Unit.YUAN or value < 10 else f"{value:.1f}"


def _parts(term: queries.Term, found: Figures | None, *, by_hand: bool = False) -> str:
    """What was divided by what; of a share typed by hand nothing stands behind it."""
    if found is None or (by_hand and term.unit is queries.Unit.SHARE):
        return ""
    if term.parts is None:
        ratios = found.departure if term.key == "load_at_departure" else found.moving
        return _("; ").join(
            f"{DIMENSIONS[name]()} {Decimal(ratio.amount) * 100 / ratio.of:.1f} % ({_amounts(term, name, ratio)})"
            for name, ratio in ratios.items()
            if ratio.of and name in DIMENSIONS
        )
    above, below = term.above(found), term.below(found)
    if not below:
        return ""
    return f"{above:,.0f} {term.parts[0]} ÷ {below:,.0f} {term.parts[1]}"


DIMENSIONS = {
    "weight": lambda: _("weight"),
    "volume": lambda: _("volume"),
    "pieces": lambda: _("parcels"),
}
_UNITS = {"weight": (10_000, "t"), "volume": (1000, "m³"), "pieces": (1, "")}  # of a figure's whole numbers


def _amounts(term: queries.Term, name: str, ratio: Ratio) -> str:
    """3.1 ÷ 9.8 t; by kilometre 310 ÷ 980 t·km."""
    size, unit = _UNITS[name]
    far = term.key == "load_km"
    above, below = (Decimal(n) / size / (1000 if far else 1) for n in (ratio.amount, ratio.of))
    words = f"{unit}·km" if far and unit else _("parcel-km") if far else unit
    digits = 0 if below >= 100 else 1
    return f"{above:,.{digits}f} ÷ {below:,.{digits}f} {words}".strip()


def _change(line: queries.Line) -> str:
    if line.change is None:
        return NOTHING
    sign = "+" if line.change > 0 else "−" if line.change < 0 else "±"
    size = abs(line.change) * 100
    if line.term.unit is queries.Unit.SHARE:
        return _("%(change)s points") % {"change": f"{sign}{size:.1f}"}
    return f"{sign}{size:.1f} %"


def _cells(found: Figures) -> list[str]:
    return [shown(term, term.value(found)) for term in queries.DEFINITIONS]


def _period(start: date, grain: str) -> str:
    if grain == "month":
        return f"{start:%Y-%m}"
    return _("week of %(day)s") % {"day": f"{start:%m-%d}"} if grain == "week" else f"{start:%m-%d}"


def _charts(trend: list[tuple[date, Figures]], grain: str) -> list[Chart]:
    labels = [f"{start:%Y-%m}" if grain == "month" else f"{start:%m-%d}" for start, _found in trend]
    found = [each for _start, each in trend]
    drawn = (
        chart(
            _("Load"),
            "%",
            labels,
            [
                (_("At departure"), "one", [each.load_at_departure.share for each in found]),
                (_("By kilometre"), "two", [each.load_km.share for each in found]),
            ],
            percent=True,
        ),
        chart(
            _("Vehicles a day"),
            "",
            labels,
            [(_("Vehicles a day"), "one", [_tenth(each.vehicles_a_day) for each in found])],
        ),
    )
    return [each for each in drawn if each]


def _tenth(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


@require_http_methods(["GET", "POST"])
@require("proof.make")
def baseline_freeze(request: PageRequest) -> HttpResponse:
    """Measured over a span, or entered by hand: two forms on one page; `how` says which was sent."""
    county, today = _hub(request).county_code, clock.business_date(clock.now())
    how = request.POST.get("how", "")
    start = {"first_on": today - timedelta(days=30), "last_on": today}
    measured = FreezeForm(request.POST if how == "measured" else None, initial=start, prefix="m")
    entered = EnterForm(request.POST if how == "entered" else None, initial=start, prefix="e")
    status = 200
    form: FreezeForm | None = {"measured": measured, "entered": entered}.get(how) if request.method == "POST" else None
    if request.method == "POST":
        status = 422
        if form is not None and form.is_valid():
            names = ("first_on", "last_on", "name", "note")
            values = {name: form.cleaned_data[name] for name in names} | {"by": request.user, "at": clock.now()}
            try:
                if isinstance(form, EnterForm):
                    services.freeze_entered(county_code=county, entered=form.entered, **values)
                else:
                    services.freeze_measured(county_code=county, **values)
            except Refused as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("Frozen. From now on everything is compared with it."))
                return redirect("vehicles:figures")
    context = _page(
        request, measured=measured, entered=entered, breadcrumbs=_crumbs((_("Freeze a before"), "")), hub=_hub(request)
    )
    return render(request, "vehicles/baseline_freeze.html", context, status=status)


# --- who joins ---


@require_GET
@require("proof.read")
def whatifs(request: PageRequest) -> HttpResponse:
    rows = list(
        WhatIf.objects.visible_to(request.user)
        .filter(county_code=_county(request))
        .select_related("job", "made_by")
        .order_by("-made_at")[:50]
    )
    context = _page(
        request,
        rows=[(row, joined.found(row)) for row in rows],
        actions=[(_("Reckon who joins"), reverse("vehicles:whatif-new"), "people")]
        if may(request.user, "proof.make")
        else [],
        breadcrumbs=_crumbs((_("What-ifs"), "")),
    )
    return render(request, "vehicles/whatifs.html", context)


@require_http_methods(["GET", "POST"])
@require("proof.make")
def whatif_new(request: PageRequest) -> HttpResponse:
    """The carriers with parcels on the day are ticked already."""
    hub, at = _hub(request), clock.now()
    day = _day(request.POST.get("day") or request.GET.get("day"), clock.business_date(at) + timedelta(days=1))
    waiting = Counter(
        parcel.carrier for parcel in demand(hub=hub, day=day, wave="day", at=at).parcels if parcel.carrier
    )
    names = joined.names_of(list(waiting))
    carriers = [
        (code, _("%(name)s, %(count)d parcels") % {"name": names[code], "count": count})
        for code, count in waiting.most_common()
    ]
    form = WhatIfForm(
        request.POST or None, carriers=carriers, initial={"day": day, "members": [code for code, _name in carriers]}
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = services.start_whatif(hub=hub, seed=1, by=request.user, at=at, **form.cleaned_data)
            except Refused as refusal:
                show_refusal(form, refusal)
            else:
                return redirect("vehicles:whatif", pk=row.pk)
    context = _page(
        request,
        form=form,
        nobody=len(carriers) < 2,
        day=day,
        breadcrumbs=_crumbs((_("What-ifs"), reverse("vehicles:whatifs")), (_("Reckon who joins"), "")),
    )
    return render(request, "vehicles/whatif_new.html", context, status=status)


def _day(text: str | None, otherwise: date) -> date:
    try:
        day = parse_date((text or "")[:10])
    except ValueError:
        day = None
    return day if day is not None and 2000 <= day.year <= 2100 else otherwise


@require_GET
@require("proof.read")
def whatif(request: PageRequest, pk: int) -> HttpResponse:
    """While the job runs htmx asks for the fragment again."""
    row = get_object_or_404(WhatIf.objects.visible_to(request.user).select_related("job", "hub"), pk=pk)
    found = joined.found(row)
    context = _page(
        request,
        row=row,
        job=row.job,
        found=found,
        carriers=len(row.asked["members"]),
        chart=_chart(found) if found else None,
        curve=_curve(found) if found else [],
        left_yuan=LEFT_YUAN,
        form=ReckonedForm(initial={"name": _("Each alone, %(day)s") % {"day": row.service_date}})
        if found and may(request.user, "proof.make")
        else None,
        breadcrumbs=_crumbs((_("What-ifs"), reverse("vehicles:whatifs")), (f"{row.service_date}", "")),
    )
    return render(request, "vehicles/_whatif.html" if request.htmx else "vehicles/whatif.html", context)


def _curve(found: joined.Found) -> list[dict[str, Any]]:
    """The table's lines, in words."""
    lines = []
    for point in found.points:
        here, buses = point.without, point.with_buses if point.joined else None
        terms = {name: shown(TERMS[name], TERMS[name].value(here)) if here else NOTHING for name in _CURVE}
        lines.append(
            {
                "point": point,
                "names": _(", ").join(point.names) if point.joined <= 2 else f"+ {point.names[-1]}",
                "share": f"{point.parcels_share:.0%}",
                "vehicles": here.vehicle_days if here else NOTHING,
                "saved": _percent(point.saved_without if point.joined else None),
                "with_buses": buses.vehicle_days if buses else NOTHING,
                "saved_buses": _percent(point.saved_with if buses else None),
                "trips": here.trips if here else NOTHING,
                "load": terms["load_at_departure"],
                "load_km": terms["load_km"],
                "km": f"{here.km:.0f}" if here else NOTHING,
                "yuan": terms["yuan_a_parcel"],
                "left": here.left_pieces if here else NOTHING,
            }
        )
    return lines


_CURVE = ("load_at_departure", "load_km", "yuan_a_parcel")


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share * 100:.1f} %"


def _chart(found: joined.Found) -> Chart | None:
    labels = [str(point.joined) for point in found.points]

    def vehicles(figures: Figures | None) -> float | None:
        return float(figures.vehicle_days) if figures else None

    series = [(_("Roads alone"), "one", [vehicles(point.without) for point in found.points])]
    if any(point.with_buses for point in found.points[1:]):
        series.append((_("With buses"), "two", [vehicles(point.with_buses) for point in found.points]))
    return chart(_("Vehicles a day, by carriers joined"), "", labels, series)


@require_POST
@require("proof.make")
def whatif_freeze(request: PageRequest, pk: int) -> HttpResponse:
    """The plans of each alone become the county's "before"."""
    row = get_object_or_404(WhatIf.objects.visible_to(request.user, "proof.make"), pk=pk)
    form = ReckonedForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give it a name of at most 80 characters."))
        return redirect("vehicles:whatif", pk=pk)
    try:
        services.freeze_reckoned(whatif=row, by=request.user, at=clock.now(), **form.cleaned_data)
    except Refused as refusal:
        messages.error(request, str(refusal.message))
        return redirect("vehicles:whatif", pk=pk)
    messages.success(request, _("Frozen. From now on everything is compared with it."))
    return redirect("vehicles:figures")


# --- found twice ---


@require_GET
@require("proof.read")
def duplicates(request: PageRequest) -> HttpResponse:
    county = _county(request)
    day = _day(request.GET.get("day"), clock.business_date(clock.now()))
    near = twice.near_outlets(request.user, county)
    routes = twice.parallel_routes(county_code=county, day=day)
    context = _page(
        request,
        near=near[:MOST_ROWS],
        near_count=len(near),
        routes=routes[:MOST_ROWS],
        route_count=len(routes),
        near_m=twice.NEAR_M,
        shared_stops=twice.SHARED_STOPS,
        day=day,
        breadcrumbs=_crumbs((_("Found twice"), "")),
    )
    return render(request, "vehicles/duplicates.html", context)
