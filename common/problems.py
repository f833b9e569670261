"""RFC 9457 problem details: the one shape of every refusal, as JSON for programs and as a page for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from common.errors import Refused, database_is_away

CONTENT_TYPE = "application/problem+json"


def body(
    request: HttpRequest,
    status: int,
    code: str,
    detail: Any,
    *,
    pointer: str = "",
    errors: Sequence[Mapping[str, Any]] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The problem as a dict; `detail` is a sentence in the reader's language, `pointer` a JSON pointer."""
    problem: dict[str, Any] = {
        "type": f"urn:rural-logistics:problem:{code}",
        "title": _title(status),
        "status": status,
        "detail": str(detail),
        "code": code,
        "instance": request.path,
        "request_id": getattr(request, "request_id", ""),
    }
    if pointer:
        problem["pointer"] = pointer
    if errors:
        problem["errors"] = [{**error, "detail": str(error["detail"])} for error in errors]
    return {**problem, **(extra or {})}


def wants_json(request: HttpRequest) -> bool:
    """Programs talk to /api/; everything else is a person at a browser."""
    return request.path.startswith("/api/")


def response(
    request: HttpRequest,
    status: int,
    code: str,
    detail: Any,
    *,
    pointer: str = "",
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The problem as JSON or as an error page, whichever the caller reads."""
    answer: HttpResponse
    if wants_json(request):
        answer = JsonResponse(
            body(request, status, code, detail, pointer=pointer),
            status=status,
            content_type=CONTENT_TYPE,
            json_dumps_params={"ensure_ascii": False},
        )
    else:
        template = status if status in (400, 403, 404, 413, 429, 500) else 400
        # Without the request: no context processor runs, so the page comes even when the database is away.
        page = {"sentence": detail, "request_id": getattr(request, "request_id", "")}
        answer = HttpResponse(render_to_string(f"errors/{template}.html", page), status=status)
    for name, value in (headers or {}).items():
        answer[name] = value
    return answer


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST_FRAMEWORK's EXCEPTION_HANDLER: every refusal of the API becomes a problem document."""
    request = context["request"]
    headers: dict[str, str] = {}
    if isinstance(exc, Http404):
        exc = drf.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = drf.PermissionDenied()
    if isinstance(exc, Refused):
        status, problem = (
            exc.status,
            body(request, exc.status, exc.code, exc.message, pointer=exc.pointer, extra=exc.extra),
        )
        if "retry_after_s" in exc.extra:
            headers["Retry-After"] = str(exc.extra["retry_after_s"])
    elif isinstance(exc, drf.ValidationError):
        status, problem = (
            400,
            body(request, 400, "invalid", _("The request can't be used as it is."), errors=_flat(exc.detail)),
        )
    elif isinstance(exc, drf.APIException):
        status = exc.status_code
        codes = exc.get_codes()
        problem = body(request, status, codes if isinstance(codes, str) else "invalid", exc.detail)
        if header := getattr(exc, "auth_header", None):
            headers["WWW-Authenticate"] = header
        if wait := getattr(exc, "wait", None):
            headers["Retry-After"] = str(int(wait) + 1)
    elif database_is_away(exc):
        # The database is away or busy beyond its limits. Nothing was stored: the client keeps what it has.
        status = 503
        problem = body(request, 503, "try_later", _("The system is busy. Nothing was lost; send it again in a moment."))
        headers["Retry-After"] = "5"
    else:
        return None
    set_rollback()
    return Response(problem, status=status, headers=headers, content_type=CONTENT_TYPE)


def _flat(detail: Any, pointer: str = "") -> list[dict[str, Any]]:
    """DRF's nested error detail as a flat list of {pointer, code, detail}."""
    if isinstance(detail, Mapping):
        return [e for key, part in detail.items() for e in _flat(part, f"{pointer}/{key}")]
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        return [e for part in detail for e in _flat(part, pointer)]
    return [{"pointer": pointer, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}]


def _title(status: int) -> str:
    return {
        400: _("Can't be read"),
        401: _("Who are you?"),
        403: _("Not allowed"),
        404: _("Not found"),
        409: _("Already different"),
        413: _("Too large"),
        415: _("Unknown format"),
        422: _("Can't be done"),
        429: _("Too often"),
        503: _("Try again later"),
    }.get(status, _("Not accepted"))
