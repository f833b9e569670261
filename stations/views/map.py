"""The map of stations: points on an empty ground, and the same as a table for whoever can't see it."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from common.http import PageRequest
from stations import queries
from stations.models import Station
from stations.permissions import require


@require_GET
@require("station.read")
def station_map(request: PageRequest) -> HttpResponse:
    stations = queries.placed(Station.objects.visible_to(request.user))
    return render(request, "stations/map.html", {"stations": list(stations)})


@require_GET
@require("station.read")
def map_points(request: PageRequest) -> JsonResponse:
    """Stations and township labels with longitude and latitude in degrees (WGS 84); texts, never HTML."""
    visible = Station.objects.visible_to(request.user)
    stations = [
        {
            "name": station.name,
            "level": station.level,
            "words": f"{station.get_level_display()} · {station.get_state_display()}",
            "state": station.state,
            "lng": float(station.x),
            "lat": float(station.y),
            "exact": station.lng is not None,
            "url": reverse("stations:station", args=[station.pk]),
        }
        for station in queries.placed(visible)
        if station.x is not None and station.y is not None
    ]
    townships = [
        {"name": region.name, "lng": float(region.lng), "lat": float(region.lat)}
        for region in queries.townships_of(visible)
        if region.lng is not None and region.lat is not None and not region.code.endswith("000000")
    ]
    response = JsonResponse({"stations": stations, "townships": townships})
    response["Cache-Control"] = "private, no-store"
    return response
