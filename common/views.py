"""Pages that belong to no business word: error answers, and a person's long-running jobs."""

from collections.abc import Callable

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from common import clock, exports, problems, services
from common.errors import Refused
from common.http import PageRequest
from common.models import Job


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    return problems.response(
        request,
        403,
        "csrf_failed",
        _("The page was open for too long. Go back, reload it and send it again."),
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problems.response(request, 400, "bad_request", _("The request can't be read."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problems.response(request, 403, "not_allowed", _("Your role may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problems.response(
        request, 404, "not_found", _("There is nothing at this address, or it is not yours to see.")
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return problems.response(
        request, 500, "server_error", _("Something broke on our side. Nothing you sent was half-stored.")
    )


@require_GET
def job_list(request: PageRequest) -> HttpResponse:
    jobs = Job.objects.visible_to(request.user).order_by("-id")[:100]
    return render(request, "common/job_list.html", {"jobs": jobs})


@require_GET
def job_detail(request: PageRequest, pk: int) -> HttpResponse:
    """The job with its progress; htmx refreshes the same URL and gets the fragment."""
    row = get_object_or_404(Job.objects.visible_to(request.user), pk=pk)
    template = "common/_job.html" if request.htmx else "common/job_detail.html"
    return render(request, template, {"job": row, "problems": row.problems.order_by("row")[:200]})


@require_POST
def job_cancel(request: PageRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lambda: services.cancel_job(job_id=pk, user=request.user, at=clock.now()))


@require_POST
def job_retry(request: PageRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lambda: services.retry_job(job_id=pk, user=request.user))


def _act(request: HttpRequest, pk: int, action: Callable[[], object]) -> HttpResponse:
    try:
        action()
    except Job.DoesNotExist as missing:
        raise Http404 from missing
    except Refused as refusal:
        return problems.response(request, refusal.status, refusal.code, refusal.message)
    return redirect("common:job", pk=pk)


@require_GET
def job_result(request: PageRequest, pk: int) -> FileResponse:
    row = get_object_or_404(Job.objects.visible_to(request.user), pk=pk)
    if not row.result_file:
        raise Http404
    return FileResponse(row.result_file.open("rb"), as_attachment=True)


@require_GET
def job_problems(request: PageRequest, pk: int) -> StreamingHttpResponse:
    """Every refused row as CSV: row, column, value, reason."""
    row = get_object_or_404(Job.objects.visible_to(request.user), pk=pk)
    lines = row.problems.order_by("row", "id").values_list("row", "column", "value", "code", "detail")
    header = (_("Row"), _("Column"), _("Value"), _("Code"), _("Reason"))
    return exports.csv_response(f"problems-{pk}.csv", header, lines.iterator())
