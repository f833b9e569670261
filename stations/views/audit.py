"""Who changed what in the reader's county."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from common.http import PageRequest
from stations import queries
from stations.forms.audit import AuditFilter
from stations.permissions import require

PAGE_SIZE = 30


@require_GET
@require("audit.read")
def audit(request: PageRequest) -> HttpResponse:
    """The filter stands in the URL; htmx asks for the same URL and gets the fragment."""
    entities = [(value, str(label)) for value, label in queries.ENTITIES.items()]
    form = AuditFilter(request.GET or None, entities=entities)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = queries.audit_entries(
        request.user,
        person=chosen.get("person", ""),
        entity=chosen.get("entity", ""),
        since=chosen.get("since"),
        until=chosen.get("until"),
    )
    paginator = Paginator(found, PAGE_SIZE)
    page = paginator.get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "lines": queries.audit_lines(page), "total": paginator.count}
    return render(request, "stations/_audit.html" if request.htmx else "stations/audit.html", context)
