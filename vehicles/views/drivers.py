"""Drivers with papers, shifts and absences; and the members of the pool."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Conflict, Refused
from common.http import PageRequest
from stations.forms.stations import carried_out, show_refusal
from stations.permissions import require
from stations.scope import may, scope_of
from vehicles import services
from vehicles.forms.fleet import AbsenceForm, DriverForm, DriverPaperForm, LeaveForm, MemberForm, ShiftForm
from vehicles.models import Driver, Member
from vehicles.queries.fleet import papers_of_driver
from vehicles.queries.scope import hub_for
from vehicles.views.fleet import driver_word, hub_or_refuse, show_paper_refusal
from vehicles.views.tabs import tabs


def _manages(request: PageRequest) -> bool:
    return may(request.user, "fleet.manage") and hub_for(request.user, "fleet.manage") is not None


@require_GET
@require("fleet.read")
def drivers(request: PageRequest) -> HttpResponse:
    """Who drives, with what, and who is there today."""
    rows = (
        Driver.objects.visible_to(request.user, "fleet.read")
        .filter(ended_on__isnull=True)
        .select_related("user", "employer", "usual_vehicle")
        .prefetch_related("documents", "shifts", "absences")
        .order_by("employer__name", "user__name", "pk")
    )
    now = clock.now()
    found = []
    for driver in rows:
        papers = [(p, p.state(now)) for p in papers_of_driver(driver, driver.documents.all())]
        found.append((driver, driver_word(driver), [(p, state) for p, state in papers if state != "valid"]))
    context = {
        "rows": found,
        "actions": [(_("Add a driver"), reverse("vehicles:driver-new"), "add")] if _manages(request) else [],
        "tabs": tabs(request, "drivers"),
    }
    return render(request, "vehicles/drivers.html", context)


def _driver(request: PageRequest, pk: int, action: str = "fleet.read") -> Driver:
    rows = Driver.objects.visible_to(request.user, action)
    return get_object_or_404(rows.select_related("user", "employer", "usual_vehicle", "hub"), pk=pk)


@require_GET
@require("fleet.read")
def driver(request: PageRequest, pk: int) -> HttpResponse:
    return _page(request, _driver(request, pk))


def _page(request: PageRequest, row: Driver, status: int = 200, **shown: forms.Form) -> HttpResponse:
    now = clock.now()
    manages = (
        row.ended_on is None and _manages(request) and scope_of(request.user, "fleet.manage").covers_station(row.hub)
    )
    tone, word = driver_word(row)
    context = {
        "driver": row,
        "tone": tone,
        "word": word,
        "papers": [(p, p.state(now)) for p in papers_of_driver(row, row.documents.all())],
        "absences": row.absences.filter(last_on__gte=clock.business_date(now)).order_by("first_on"),
        "facts": [
            (_("User name"), row.user.username),
            (_("Employer"), row.employer.name if row.employer else "—"),
            (_("Licence class"), row.licence_class if row.licence_class != "-" else _("None")),
            (_("Usual vehicle"), row.usual_vehicle.plate if row.usual_vehicle else "—"),
            (_("Starts from"), row.hub.name),
        ],
        "manages": manages,
        "shifts": shown.get("shifts") or ShiftForm(driver=row),
        "paper_form": shown.get("paper") or DriverPaperForm(),
        "absence_form": shown.get("absence") or AbsenceForm(),
        "actions": [(_("Change"), reverse("vehicles:driver-edit", args=[row.pk]), "edit")] if manages else [],
        "breadcrumbs": [(_("Drivers"), reverse("vehicles:drivers")), (row.user.name, "")],
        "tabs": tabs(request, "drivers"),
    }
    return render(request, "vehicles/driver.html", context, status=status)


@require_http_methods(["GET", "POST"])
@require("fleet.manage")
def driver_new(request: PageRequest) -> HttpResponse:
    hub = hub_or_refuse(request, "fleet.manage")
    form = DriverForm(request.POST if request.method == "POST" else None, by=request.user, hub=hub)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = services.add_driver(
                    hub=hub, user=form.cleaned_data["user"], fields=form.values(), by=request.user, at=clock.now()
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The driver is entered. Licence, training and shifts come next."))
                return redirect("vehicles:driver", row.pk)
    context = {
        "form": form,
        "title": _("Add a driver"),
        "back": reverse("vehicles:drivers"),
        "breadcrumbs": [(_("Drivers"), reverse("vehicles:drivers")), (_("Add a driver"), "")],
    }
    return render(request, "vehicles/vehicle_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@require("fleet.manage")
def driver_edit(request: PageRequest, pk: int) -> HttpResponse:
    row = _driver(request, pk, "fleet.manage")
    posted = request.POST if request.method == "POST" else None
    initial = {"licence_class": row.licence_class, "employer": row.employer_id, "usual_vehicle": row.usual_vehicle_id}
    form = DriverForm(posted, by=request.user, hub=row.hub, driver=row, initial=initial)
    status = 200
    if posted is not None:
        status = 422
        if form.is_valid():
            try:
                seen = form.seen_values(row)
                if seen is None:
                    raise Conflict("changed_meanwhile", _("Somebody changed this driver meanwhile. Look again."))
                services.change_driver(
                    driver_id=row.pk, seen=seen, fields=form.values(), by=request.user, at=clock.now()
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The driver is changed."))
                return redirect("vehicles:driver", row.pk)
    context = {
        "form": form,
        "title": _("Change %(name)s") % {"name": row.user.name},
        "back": reverse("vehicles:driver", args=[row.pk]),
        "breadcrumbs": [
            (_("Drivers"), reverse("vehicles:drivers")),
            (row.user.name, reverse("vehicles:driver", args=[row.pk])),
            (_("Change"), ""),
        ],
    }
    return render(request, "vehicles/vehicle_form.html", context, status=status)


@require_POST
@require("fleet.manage")
def driver_paper(request: PageRequest, pk: int) -> HttpResponse:
    row = _driver(request, pk, "fleet.manage")
    form = DriverPaperForm(request.POST)

    def enter() -> None:
        services.add_driver_document(
            driver_id=row.pk,
            kind=form.cleaned_data["kind"],
            number=form.cleaned_data["number"],
            expires_at=form.expires_at(),
            by=request.user,
            at=clock.now(),
        )

    if status := carried_out(form, enter, show_paper_refusal):
        return _page(request, row, status, paper=form)
    messages.success(request, _("The paper is entered."))
    return redirect("vehicles:driver", row.pk)


@require_POST
@require("fleet.manage")
def driver_shifts(request: PageRequest, pk: int) -> HttpResponse:
    row = _driver(request, pk, "fleet.manage")
    form = ShiftForm(request.POST, driver=row)

    def keep() -> None:
        services.set_shifts(driver_id=row.pk, shifts=form.values(), by=request.user, at=clock.now())

    if status := carried_out(form, keep):
        return _page(request, row, status, shifts=form)
    messages.success(request, _("The shifts are kept."))
    return redirect("vehicles:driver", row.pk)


@require_POST
@require("fleet.manage")
def driver_absence(request: PageRequest, pk: int) -> HttpResponse:
    row = _driver(request, pk, "fleet.manage")
    form = AbsenceForm(request.POST)

    def enter() -> None:
        services.add_absence(driver_id=row.pk, by=request.user, at=clock.now(), **form.cleaned_data)

    if status := carried_out(form, enter):
        return _page(request, row, status, absence=form)
    messages.success(request, _("The absence is entered."))
    return redirect("vehicles:driver", row.pk)


def _act(request: PageRequest, address: str, pk: int | None, done: str, call: Any, **values: Any) -> HttpResponse:
    """A button's service, then back to where it stood, with its sentence or the refusal's."""
    try:
        call(by=request.user, at=clock.now(), **values)
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    else:
        messages.success(request, done)
    return redirect(address, pk) if pk is not None else redirect(address)


@require_POST
@require("fleet.manage")
def absence_remove(request: PageRequest, pk: int, absence_id: int) -> HttpResponse:
    row = _driver(request, pk, "fleet.manage")
    done = _("The absence is taken out.")
    return _act(
        request, "vehicles:driver", row.pk, done, services.remove_absence, driver_id=row.pk, absence_id=absence_id
    )


@require_POST
@require("fleet.manage")
def driver_end(request: PageRequest, pk: int) -> HttpResponse:
    row = _driver(request, pk, "fleet.manage")
    done = _("%(name)s drives no more.") % {"name": row.user.name}
    return _act(request, "vehicles:driver", row.pk, done, services.end_driver, driver_id=row.pk)


@require_http_methods(["GET", "POST"])
@require("fleet.read")
def members(request: PageRequest) -> HttpResponse:
    """Who is in the pool; the same page takes a new member in."""
    manages = _manages(request)
    status, form = 200, None
    if request.method == "POST":
        hub = hub_or_refuse(request, "fleet.manage")
        form, status = MemberForm(request.POST, by=request.user), 422
        if form.is_valid():
            try:
                services.add_member(hub=hub, by=request.user, at=clock.now(), **form.cleaned_data)
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The member is in the pool."))
                return redirect("vehicles:members")
    rows = Member.objects.visible_to(request.user, "fleet.read").select_related("organisation")
    today = clock.business_date(clock.now())
    context = {
        "rows": [
            (row, row.joined_on <= today and (row.left_on is None or row.left_on > today))
            for row in rows.order_by("left_on", "joined_on", "organisation__name")
        ],
        "manages": manages,
        "form": form or (MemberForm(by=request.user, initial={"joined_on": today}) if manages else None),
        "today": today,
        "tabs": tabs(request, "members"),
    }
    return render(request, "vehicles/members.html", context, status=status)


@require_http_methods(["GET", "POST"])
@require("fleet.manage")
def member_leave(request: PageRequest, pk: int) -> HttpResponse:
    rows = Member.objects.visible_to(request.user, "fleet.manage").select_related("organisation")
    row = get_object_or_404(rows, pk=pk)
    today = clock.business_date(clock.now())
    form = LeaveForm(request.POST if request.method == "POST" else None, initial={"left_on": today})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.end_member(member_id=row.pk, by=request.user, at=clock.now(), **form.cleaned_data)
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("%(name)s leaves the pool.") % {"name": row.organisation.name})
                return redirect("vehicles:members")
    context = {
        "form": form,
        "title": _("%(name)s leaves the pool") % {"name": row.organisation.name},
        "back": reverse("vehicles:members"),
        "breadcrumbs": [(_("Members"), reverse("vehicles:members")), (row.organisation.name, "")],
    }
    return render(request, "vehicles/vehicle_form.html", context, status=status)
