"""Pages are for people who signed in: a view is open to others only if it says so with `@public`."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation

PUBLIC_ATTRIBUTE = "public_reason"


def public(reason: str) -> Callable[[Any], Any]:
    """Mark a view as open to anyone, with the reason; the architecture test lists every one."""

    def mark(view: Any) -> Any:
        setattr(view, PUBLIC_ATTRIBUTE, reason)
        return view

    return mark


def public_reason(view: Any) -> str:
    """The reason a view is public, "" where it is not; looks through class-based views and decorators."""
    for candidate in (view, getattr(view, "view_class", None), getattr(view, "cls", None)):
        if reason := str(getattr(candidate, PUBLIC_ATTRIBUTE, "")):
            return reason
    return ""


class SignedInMiddleware:
    """Redirects strangers to sign-in, people with a first password to change it; sets the person's language. What only
    signed-in callers get no cache keeps: after a sign-out the browser's Back must not show a recipient."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if getattr(request, "answer_is_personal", False) and not answer.has_header("Cache-Control"):
            answer["Cache-Control"] = "private, no-store"
        return answer

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        request.answer_is_personal = not public_reason(view)  # type: ignore[attr-defined]  # for __call__
        if request.path.startswith("/api/") or public_reason(view):
            return None  # the API has its own authentication, which denies by default
        if not request.user.is_authenticated:
            if request.headers.get("HX-Request"):
                return HttpResponse(status=401, headers={"HX-Redirect": redirect_to_login(request.path).url})
            return redirect_to_login(request.get_full_path())
        if request.user.language and "django_language" not in request.COOKIES:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = request.user.language
        name = request.resolver_match.view_name if request.resolver_match else ""
        if request.user.must_change_password and name not in ("accounts:password", "accounts:sign-out"):
            return redirect("accounts:password")
        return None
