"""Sign-in, sign-out, one's own password and language."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services
from accounts.forms import LanguageForm, PasswordForm, SignInForm
from accounts.middleware import public
from common import clock, net, problems
from common.errors import Refused
from common.http import PageRequest


@method_decorator(never_cache, name="dispatch")
@public("people sign in here")
class SignIn(LoginView):
    form_class = SignInForm
    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        response = super().form_valid(form)
        if user.language:
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, samesite="Lax")
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if settings.DEMO and (settings.DEMO_LAN or net.is_loopback(self.request)):
            context["demo_logins"] = services.demo_logins()
        return context


def locked_out(request: HttpRequest, credentials: dict[str, Any], *args: object, **kwargs: object) -> HttpResponse:
    """AXES_LOCKOUT_CALLABLE: too many wrong passwords for this name from this address."""
    return problems.response(
        request,
        429,
        "locked_out",
        _("Too many wrong passwords. Wait 15 minutes, or ask your administrator for a new one."),
        headers={"Retry-After": "900"},
    )


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("accounts:sign-in")


@never_cache
@require_http_methods(["GET", "POST"])
def password(request: PageRequest) -> HttpResponse:
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not request.user.check_password(form.cleaned_data["current"]):
            form.add_error("current", _("The present password is wrong."))
        else:
            try:
                services.set_password(
                    user=request.user,
                    password=form.cleaned_data["new"],
                    at=clock.now(),
                    by=request.user,
                    must_change=False,
                )
            except Refused as weak:
                form.add_error("new", str(weak.message))
            else:
                request.user.refresh_from_db()
                update_session_auth_hash(request, request.user)
                messages.success(request, _("Your password is changed."))
                return redirect("home")
    return render(request, "accounts/password.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@public("the sign-in page has a language switch")
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language and return to the page one came from."""
    form = LanguageForm(request.POST)
    target = request.POST.get("next", "/")
    here = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    response = HttpResponseRedirect(target if here and target.startswith("/") else "/")
    if form.is_valid():
        chosen = form.cleaned_data["language"]
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, chosen, max_age=31_536_000, samesite="Lax")
        if request.user.is_authenticated:
            services.set_language(user=request.user, language=chosen)
    return response
