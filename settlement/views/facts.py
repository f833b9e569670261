"""What an outlet's rates depend on: a township's table, an outlet's history, a new dated entry."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.forms.facts import FactFilter, FactForm
from settlement.models import OutletFact
from settlement.queries import townships_visible
from settlement.queries.facts import outlet_rows
from settlement.views.tabs import tabs
from stations.forms.stations import show_refusal
from stations.models import Station
from stations.permissions import require
from stations.scope import scope_of
from stations.states import ENDED, StationLevel

PAGE = 50


def _outlets(request: PageRequest, action: str = "settlement.read") -> QuerySet[Station]:
    return Station.objects.visible_to(request.user, action).filter(level=StationLevel.OUTLET)


@require_GET
@require("settlement.read")
def facts(request: PageRequest) -> HttpResponse:
    """A township's outlets; whoever works at a single outlet goes straight to its own page."""
    mine = list(_outlets(request).values_list("pk", flat=True)[:2])
    if len(mine) == 1:
        return redirect("settlement:fact", mine[0])
    chosen = FactFilter(request.GET or {}, townships=townships_visible(request.user))
    outlets = _outlets(request).filter(township_code=chosen.chosen).exclude(state__in=ENDED).order_by("code")
    page = Paginator(outlets, PAGE).get_page(request.GET.get("page"))
    context = {
        "form": FactFilter({"township": chosen.chosen}, townships=townships_visible(request.user)),
        "page": page,
        "rows": outlet_rows(page, day=clock.business_date(clock.now())),
        "enter_ids": set(_outlets(request, "fact.enter").values_list("pk", flat=True)),
        "tabs": tabs(request, "facts"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Outlet facts"), "")],
    }
    return render(request, "settlement/_fact_list.html" if request.htmx else "settlement/fact_list.html", context)


@require_GET
@require("settlement.read")
def fact(request: PageRequest, station_id: int) -> HttpResponse:
    """One outlet: what holds today and everything that was ever entered."""
    outlet = get_object_or_404(_outlets(request).select_related("region"), pk=station_id)
    today = clock.business_date(clock.now())
    may_enter = scope_of(request.user, "fact.enter").covers_station(outlet)
    history = OutletFact.objects.visible_to(request.user).filter(station=outlet).select_related("entered_by")
    context = {
        "outlet": outlet,
        "row": outlet_rows([outlet], day=today)[0],
        "today": today,
        "history": history.order_by("-valid_from", "-pk")[:200],
        "actions": [(_("Enter a new value"), reverse("settlement:fact-new", args=[outlet.pk]), "edit")]
        if may_enter
        else [],
        "breadcrumbs": [
            (_("Subsidy"), reverse("settlement:statements")),
            (_("Outlet facts"), reverse("settlement:facts")),
            (outlet.name, ""),
        ],
    }
    return render(request, "settlement/fact.html", context)


@require_http_methods(["GET", "POST"])
@require("fact.enter")
def fact_new(request: PageRequest, station_id: int) -> HttpResponse:
    outlet = get_object_or_404(_outlets(request, "fact.enter"), pk=station_id)
    at = clock.now()
    form = FactForm(request.POST if request.method == "POST" else None, today=clock.business_date(at))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.enter_fact(station_id=outlet.pk, by=request.user, at=at, **form.cleaned_data)
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Entered. It holds from the day you named."))
                return redirect("settlement:fact", outlet.pk)
    context = {
        "form": form,
        "outlet": outlet,
        "cancel_url": reverse("settlement:fact", args=[outlet.pk]),
        "breadcrumbs": [
            (_("Outlet facts"), reverse("settlement:facts")),
            (outlet.name, reverse("settlement:fact", args=[outlet.pk])),
            (_("Enter a new value"), ""),
        ],
    }
    return render(request, "settlement/fact_form.html", context, status=status)
