"""What every request passes: an id for the logs, and a query string that holds nothing unstorable."""

import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from common import logs, problems, text
from common.errors import Refused, database_is_away

log = logs.get_logger("request")
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Takes X-Request-ID where it is sane, makes one otherwise; returns it and logs one line a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # error pages show it
        token = logs.request_id.set(request_id)
        start = time.perf_counter()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            log.info(
                "request",
                method=request.method,
                path=request.path,  # never the query string: people search by phone
                status=response.status_code,
                ms=round((time.perf_counter() - start) * 1000, 1),
            )
            return response
        finally:
            logs.request_id.reset(token)


class CleanQueryMiddleware:
    """A NUL, a lone surrogate or no UTF-8 in the path or query would be a 500 deep inside: refuse it here."""

    LIMIT = 8192

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if len(query) > self.LIMIT:
            return problems.response(request, 414, "query_too_long", _("The address is too long."))
        for name, values in request.GET.lists():
            for found in (text.fault(name), *(text.fault(value) for value in values)):
                if found or "�" in name or any("�" in value for value in values):
                    return problems.response(
                        request,
                        400,
                        "bad_parameter",
                        _("A parameter of the address holds characters that can't be read."),
                        pointer=f"/{text.clean(name.replace(chr(0), ''))[:40]}",
                    )
        if text.fault(request.path) or "�" in request.path:
            return problems.response(request, 404, "not_found", _("There is nothing at this address."))
        return self.get_response(request)


class RefusalMiddleware:
    """A `Refused` that a page let through becomes its error page; pages with forms catch theirs themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refused):
            return problems.response(
                request, exception.status, exception.code, exception.message, pointer=exception.pointer
            )
        if database_is_away(exception):  # the database is away, or a page asked for more than it may
            return problems.response(
                request,
                503,
                "try_later",
                _("The system is busy. Nothing was lost; try again in a moment."),
                headers={"Retry-After": "5"},
            )
        return None
