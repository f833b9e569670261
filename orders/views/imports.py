"""The import: upload, the check's findings, confirm, what was written."""

from datetime import datetime

from django.conf import settings
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock, exports
from common.errors import Refused
from common.http import PageRequest
from common.models import Job
from common.states import JobState
from orders import queries, services
from orders.forms import ConfirmForm, ImportForm
from orders.rules import TEMPLATE_HEADER
from stations.permissions import require

SHOWN_PROBLEMS = 100


@require_http_methods(["GET", "POST"])
@require("order.import")
def import_page(request: PageRequest) -> HttpResponse:
    """Upload a file: it is checked first, nothing is written."""
    counties = queries.import_counties(request.user)
    form = ImportForm(counties, request.POST or None, request.FILES or None)
    status, refusal, earlier = 200, None, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            file, county = form.cleaned_data["file"], form.cleaned_data["county"]
            try:
                _shape, sha256 = services.check_file(
                    file=file.file, name=file.name, limit_bytes=settings.UPLOAD_MAX_BYTES
                )
                earlier = services.earlier_import(user=request.user, county_code=county, sha256=sha256)
                if earlier is None or "again" in request.POST:
                    started = services.start_preview(
                        user=request.user, county_code=county, file=file, name=file.name, sha256=sha256, at=clock.now()
                    )
                    return redirect("orders:import-job", pk=started.pk)
                status = 200
            except Refused as refused:
                status, refusal = refused.status, refused
                form.add_error("file", str(refused.message))
    context = {
        "form": form,
        "refusal": refusal,
        "earlier": earlier,
        "imports": queries.own_imports(request.user, services.KIND)[:10],
    }
    return render(request, "orders/import.html", context, status=status)


@require_GET
@require("order.import")
def import_job(request: PageRequest, pk: int) -> HttpResponse:
    """A check or an import of one's own: its progress, then what it found; htmx refreshes the same address."""
    job = get_object_or_404(queries.own_imports(request.user, services.KIND), pk=pk)
    result = job.result if job.state == JobState.DONE else {}
    context = {
        "job": job,
        "result": result,
        "sample": [_sample(row) for row in result.get("sample", [])],
        "problems": job.problems.order_by("row", "id")[:SHOWN_PROBLEMS] if not job.is_open else [],
        "form": ConfirmForm(),
        "written": _written(request, job),
        "changed": job.dry_run and job.problems.filter(code="changed").exists(),
        "will_write": sum(result.get(name, 0) for name in ("new", "filled")),
    }
    return render(request, "orders/_import_job.html" if request.htmx else "orders/import_job.html", context)


def _sample(row: list[str]) -> dict[str, object]:
    number, carrier, waybill, name, phone, village, when = row
    collected_at: datetime | None = parse_datetime(when) if when else None
    return {
        "number": number,
        "carrier": carrier,
        "waybill": waybill,
        "name": name,
        "phone": phone,
        "village": village,
        "collected_at": collected_at,
    }


def _written(request: PageRequest, job: Job) -> Job | None:
    """The import that a check was confirmed into."""
    if not job.dry_run:
        return None
    return queries.own_imports(request.user, services.KIND).filter(params__preview=job.pk).first()


@require_POST
@require("order.import")
def import_confirm(request: PageRequest, pk: int) -> HttpResponse:
    form = ConfirmForm(request.POST)
    form.is_valid()
    try:
        started = services.confirm_import(
            preview_id=pk,
            user=request.user,
            update_changed=form.cleaned_data.get("update_changed", False),
            at=clock.now(),
        )
    except Job.DoesNotExist as missing:
        raise Http404 from missing
    return redirect("orders:import-job", pk=started.pk)


@require_GET
@require("order.import")
def import_template(request: PageRequest) -> StreamingHttpResponse:
    """A CSV to fill in: the header and one example row."""
    village = queries.example_village(request.user)
    example = ("中通", "73190553102532", "张三", "138****1907", village, "2026-11-20 08:30", "600")
    return exports.csv_response("parcel-template.csv", TEMPLATE_HEADER, [example])
