"""Which handhelds still hold scans: the numbers missing between those that came, worst first."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from common import clock
from common.http import PageRequest
from stations.forms.devices import DeviceFilter
from stations.permissions import require
from stations.scope import may
from tracking.undelivered_queries import Need, device_clocks, undelivered

PAGE_SIZE = 30


@require_GET
@require("device.read")
def page(request: PageRequest) -> HttpResponse:
    form = DeviceFilter(request.GET or None)
    chosen = form.cleaned_data if form.is_valid() else {}
    at = clock.now()
    found = undelivered(request.user, at, words=chosen.get("q", ""), state=chosen.get("state", ""))
    paginator = Paginator(found, PAGE_SIZE)
    shown = paginator.get_page(request.GET.get("page"))
    clocks = device_clocks([row.device for row in shown], at)
    holding = [row for row in found if row.scans]
    context = {
        "form": form,
        "page": shown,
        "total": paginator.count,
        "rows": [(row, clocks.get(row.device.pk)) for row in shown],
        "missing": sum(row.scans for row in holding),
        "holding": len(holding),
        "odd": sum(row.need == Need.COUNTER for row in found),
        "silent": sum(row.need == Need.SILENT for row in found),
        "reads_names": may(request.user, "user.read"),
        "filtered": any(chosen.values()),
    }
    template = "tracking/_undelivered.html" if request.htmx else "tracking/undelivered.html"
    return render(request, template, context)
