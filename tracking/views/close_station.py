"""The page that closes a station: it says first what still stands in the way."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from common import clock
from common.errors import Refused
from common.http import PageRequest
from stations.forms.stations import ReasonForm, show_refusal
from stations.models import Station
from stations.permissions import require
from tracking import services
from tracking.services.close_station import parcels_in_custody


@require_http_methods(["GET", "POST"])
@require("station.life")
def page(request: PageRequest, pk: int) -> HttpResponse:
    station = get_object_or_404(Station.objects.visible_to(request.user, "station.life"), pk=pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.close_station(
                    station_id=pk, by=request.user, reason=form.cleaned_data["reason"], at=clock.now()
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("%(station)s is closed.") % {"station": station.name})
                return redirect("stations:station", pk=pk)
    context = {"form": form, "station": station, "held": parcels_in_custody(station).count()}
    return render(request, "stations/station_close.html", context, status=status)
