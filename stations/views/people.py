"""Pages of people: who works where; add, give a role, new password, shut out, end a role."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from common import clock
from common.errors import Refused
from common.http import PageRequest
from stations import queries, services
from stations.forms.people import PeopleFilter, PersonForm, ReasonForm, RoleForm
from stations.models import Membership
from stations.permissions import require
from stations.scope import may

PAGE_SIZE = 30


@require_GET
@require("user.read")
def people(request: PageRequest) -> HttpResponse:
    """The filter stands in the URL; htmx asks for the same URL and gets the fragment."""
    form = PeopleFilter(request.GET or None)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = queries.members(
        request.user,
        words=chosen.get("q", ""),
        role=chosen.get("role", ""),
        ended=bool(chosen.get("ended")),
    )
    paginator = Paginator(found, PAGE_SIZE)
    adds = may(request.user, "user.manage")
    context = {
        "form": form,
        "page": paginator.get_page(request.GET.get("page")),
        "total": paginator.count,
        "now": clock.now(),
        "actions": [(_("Add a person"), reverse("stations:person-new"), "add")] if adds else [],
    }
    return render(request, "stations/_people.html" if request.htmx else "stations/people.html", context)


@require_GET
@require("user.read")
def person(request: PageRequest, pk: int) -> HttpResponse:
    """One person's roles, and what the reader may do about them."""
    return render(request, "stations/people_person.html", _person_context(request, _person(request, pk)))


@never_cache
@require_http_methods(["GET", "POST"])
@require("user.manage")
def person_new(request: PageRequest) -> HttpResponse:
    form = PersonForm(request.POST or None, by=request.user)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            user, password = services.add_person(
                username=cleaned["username"],
                name=cleaned["name"],
                phone=cleaned["phone"],
                role=cleaned["role"],
                by=request.user,
                at=clock.now(),
                **form.place(),
            )
        except Refused as refusal:
            _show(form, refusal)
        else:
            return _password_page(request, user, password, _("%(name)s is added.") % {"name": user.name})
    return render(request, "stations/people_new.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require("user.manage")
def person_role(request: PageRequest, pk: int) -> HttpResponse:
    """One more role for somebody."""
    user = _person(request, pk)
    form = RoleForm(request.POST or None, by=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            services.give_role(
                user=user, role=form.cleaned_data["role"], by=request.user, at=clock.now(), **form.place()
            )
        except Refused as refusal:
            _show(form, refusal)
        else:
            messages.success(request, _("The role is given."))
            return redirect("stations:person", pk=pk)
    context = {"form": form, "person": user}
    return render(request, "stations/people_role.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
@require("user.manage")
def person_password(request: PageRequest, pk: int) -> HttpResponse:
    """A new temporary password, shown once: the answer is the page itself, so that no address leads back to it."""
    user = _person(request, pk)
    password = services.reset_password(user=user, by=request.user, at=clock.now())
    return _password_page(request, user, password, _("The password is new; the old one no longer works."))


@require_http_methods(["GET", "POST"])
@require("user.manage")
def person_active(request: PageRequest, pk: int) -> HttpResponse:
    """Shut a person out, or let them in again."""
    user = _person(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.set_person_active(
                user=user,
                active=not user.is_active,
                by=request.user,
                reason=form.cleaned_data["reason"],
                at=clock.now(),
            )
        except Refused as refusal:
            _show(form, refusal)
        else:
            messages.success(request, _("They are shut out.") if user.is_active else _("They may sign in again."))
            return redirect("stations:person", pk=pk)
    context = {"form": form, "person": user}
    return render(request, "stations/people_active.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require("user.manage")
def membership_end(request: PageRequest, pk: int) -> HttpResponse:
    """Take one role away."""
    row = get_object_or_404(
        Membership.objects.visible_to(request.user).select_related("user", "station", "region", "organisation"), pk=pk
    )
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.end_membership(membership=row, by=request.user, reason=form.cleaned_data["reason"], at=clock.now())
        except Refused as refusal:
            _show(form, refusal)
        else:
            messages.success(request, _("The role is ended."))
            return redirect("stations:person", pk=row.user_id)
    context = {"form": form, "membership": row}
    return render(request, "stations/people_end.html", context, status=422 if form.errors else 200)


def _person(request: PageRequest, pk: int) -> User:
    """404 for somebody who never held a role in the reader's scope."""
    row = Membership.objects.visible_to(request.user).filter(user=pk).select_related("user").first()
    if row is None:
        raise Http404
    return row.user


def _person_context(request: PageRequest, user: User) -> dict[str, object]:
    now = clock.now()
    rows = list(
        Membership.objects.visible_to(request.user)
        .filter(user=user)
        .select_related("station", "region", "organisation")
        .order_by("-ended_at", "pk")
    )
    manages = may(request.user, "user.manage") and services.manages(by=request.user, user=user)
    return {
        "person": user,
        "rows": [
            (row, row.ended_at is None or row.ended_at > now, manages and services.may_grant(request.user, row))
            for row in rows
        ],
        "manages": manages,
        "is_self": user.pk == request.user.pk,
    }


def _password_page(request: PageRequest, user: User, password: str, sentence: str) -> HttpResponse:
    context = {"person": user, "password": password, "sentence": sentence}
    return render(request, "stations/people_password.html", context)


def _show(form: RoleForm | ReasonForm, refusal: Refused) -> None:
    """The service's sentence beside the field it points to, or above the form."""
    moved = form.fields_by_pointer if isinstance(form, RoleForm) else {}
    name = moved.get(refusal.pointer, refusal.pointer.strip("/"))
    form.add_error(name if name in form.fields else None, str(refusal.message))
