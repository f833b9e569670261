"""The station tree: hubs and centres at once, the outlets of a centre when it is opened."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from common import clock
from common.http import PageRequest
from stations import queries
from stations.models import Station
from stations.permissions import require
from stations.states import StationLevel


@require_GET
@require("station.read")
def tree(request: PageRequest) -> HttpResponse:
    today = clock.business_date(clock.now())
    return render(
        request, "stations/tree.html", {"tree": queries.tree(Station.objects.visible_to(request.user), on=today)}
    )


@require_GET
@require("station.read")
def branch(request: PageRequest, pk: int) -> HttpResponse:
    """The outlets of one centre (htmx, once, when its <details> opens)."""
    visible = Station.objects.visible_to(request.user)
    centre = get_object_or_404(visible, pk=pk, level=StationLevel.CENTRE)
    outlets = queries.listed(visible.filter(parent=centre), on=clock.business_date(clock.now())).order_by("code")
    return render(request, "stations/_tree_outlets.html", {"outlets": outlets})
