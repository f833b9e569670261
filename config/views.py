"""The first page, and the numbers for Prometheus."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import REGISTRY

from accounts.middleware import public
from common import net
from config.navigation import ENTRIES
from stations.scope import may
from tracking.metrics import ScanStream

REGISTRY.register(ScanStream())


def home(request: HttpRequest) -> HttpResponse:
    """Send people where their day begins: the first entry of their navigation."""
    for _label, name, action, _icon in ENTRIES:
        if may(request.user, action):
            return redirect(reverse(name))
    return render(request, "no_role.html")


@public("the API's description holds no data")
@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI from our own files; drf-spectacular's own page has inline scripts, which the CSP forbids."""
    return render(request, "api_docs.html")


@public("numbers only, and only to a scraper on this machine")
def metrics(request: HttpRequest) -> HttpResponse:
    if not net.is_loopback(request):
        raise Http404
    return ExportToDjangoView(request)
