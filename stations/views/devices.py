"""Pages of handhelds: the list, enrol (the token is shown once), shut out."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from common import clock
from common.errors import Refused
from common.http import PageRequest
from stations import queries, services
from stations.forms.devices import DeviceFilter, DeviceForm
from stations.forms.people import ReasonForm
from stations.forms.stations import show_refusal
from stations.models import Device
from stations.permissions import require
from stations.scope import may

PAGE_SIZE = 30


@require_GET
@require("device.read")
def devices(request: PageRequest) -> HttpResponse:
    """The filter stands in the URL; htmx asks for the same URL and gets the fragment."""
    form = DeviceFilter(request.GET or None)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = queries.handhelds(request.user, words=chosen.get("q", ""), state=chosen.get("state", ""))
    paginator = Paginator(found, PAGE_SIZE)
    enrols = may(request.user, "device.enrol")
    context = {
        "form": form,
        "page": paginator.get_page(request.GET.get("page")),
        "total": paginator.count,
        "revokes": may(request.user, "device.revoke"),
        "reads_names": may(request.user, "user.read"),
        "enrol_url": reverse("stations:device-new") if enrols else "",
        "actions": [(_("Enrol a handheld"), reverse("stations:device-new"), "add")] if enrols else [],
    }
    return render(request, "stations/_devices.html" if request.htmx else "stations/devices.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@require("device.enrol")
def device_new(request: PageRequest) -> HttpResponse:
    """The answer to a good form is the page with the token: no address leads back to it."""
    form = DeviceForm(request.POST or None, by=request.user, initial={"station": request.GET.get("station")})
    if request.method == "POST" and form.is_valid():
        try:
            device, token = services.enrol_device(
                station=form.cleaned_data["station"],
                user=form.holder(),
                name=form.cleaned_data["name"],
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            return render(request, "stations/devices_token.html", {"device": device, "token": token})
    return render(request, "stations/devices_new.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require("device.revoke")
def device_revoke(request: PageRequest, pk: int) -> HttpResponse:
    device = get_object_or_404(
        Device.objects.visible_to(request.user, "device.revoke").select_related("station", "user"), pk=pk
    )
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.revoke_device(device=device, by=request.user, reason=form.cleaned_data["reason"], at=clock.now())
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("The handheld is shut out."))
            return redirect("stations:devices")
    context = {"form": form, "device": device}
    return render(request, "stations/devices_revoke.html", context, status=422 if form.errors else 200)
