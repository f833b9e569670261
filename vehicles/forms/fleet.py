"""Forms of vehicles, drivers and members; the services decide."""

from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock
from stations.models import Organisation, Station
from vehicles.models import Driver, Vehicle
from vehicles.queries.fleet import people_who_may_drive
from vehicles.services import DriverFields, VehicleFields
from vehicles.services.drivers import LICENCE_CLASSES
from vehicles.states import DriverDocumentKind, RoadClass, VehicleDocumentKind, VehicleKind, VehicleState

WEEK = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))


def _day_input() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def _whole(label: Any, most: int, **kwargs: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=1, max_value=most, **kwargs)


def _yuan(label: Any, **kwargs: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=Decimal(0), max_value=Decimal(10_000), decimal_places=kwargs.pop("places", 2), **kwargs
    )


class FleetFilter(forms.Form):
    q = forms.CharField(
        label=_("Plate or owner"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=[("", _("All")), *[c for c in VehicleKind.choices if c[0] != VehicleKind.BUS]],
    )
    retired = forms.BooleanField(label=_("Show retired vehicles"), required=False)


class VehicleForm(forms.Form):
    """Everything about a vehicle. `version` is the one that was seen."""

    version = forms.IntegerField(min_value=1, required=False, widget=forms.HiddenInput)
    plate = forms.CharField(label=_("Plate or number"), max_length=20)
    owner = forms.ModelChoiceField(
        Organisation.objects.none(),  # unscoped: nothing
        label=_("Owner"),
        empty_label=_("Choose"),
    )
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[choice for choice in VehicleKind.choices if choice[0] != VehicleKind.BUS]
    )
    payload_kg = _whole(_("Payload, kg"), 20_000)
    volume_l = _whole(_("Room, litres"), 100_000, help_text=_("1 cubic metre is 1000 litres."))
    piece_capacity = _whole(_("Parcels it holds"), 10_000)
    cold = forms.BooleanField(label=_("Has a cold box"), required=False)
    hazard = forms.BooleanField(label=_("May carry dangerous goods"), required=False)
    worst_road = forms.ChoiceField(label=_("Worst road it takes"), choices=RoadClass.choices, initial=RoadClass.BELOW)
    width_cm = _whole(_("Width, cm"), 400, initial=175)
    speed_cap_kmh = _whole(_("Top speed, km/h"), 150, initial=60)
    range_km = _whole(_("Range, km"), 5000, required=False, help_text=_("Empty: one day's driving is no problem."))
    day_cost = _yuan(_("Yuan a day"), help_text=_("What it costs as soon as it drives at all."))
    km_cost = _yuan(_("Yuan a km"), places=4)
    hour_cost = _yuan(_("Yuan an hour"), initial=Decimal(0), help_text=_("The driver's pay."))

    fields: dict[str, Any]

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = Organisation.objects.visible_to(by).filter(is_active=True).order_by("name")

    def values(self) -> VehicleFields:
        cleaned = dict(self.cleaned_data)
        cleaned.pop("version", None)
        return VehicleFields(**cleaned)

    @staticmethod
    def of(vehicle: Vehicle) -> dict[str, Any]:
        names = [name for name in VehicleForm.base_fields if name not in ("owner",)]
        return {name: getattr(vehicle, name) for name in names} | {"owner": vehicle.owner_id}


class _PaperForm(forms.Form):
    """A paper and until when it holds: a day (its end) and, where it matters, an hour."""

    number = forms.CharField(label=_("Number"), max_length=60, required=False)
    expires_on = forms.DateField(label=_("Valid until"), widget=_day_input())
    expires_time = forms.TimeField(
        label=_("Until what hour"),
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text=_("Empty: to the end of the day."),
    )

    @property
    def fields_by_pointer(self) -> dict[str, str]:
        return {"/expires_at": "expires_on"}

    def expires_at(self) -> datetime:
        day, hour = self.cleaned_data["expires_on"], self.cleaned_data.get("expires_time")
        if hour is None:
            return clock.day_span(day)[1]
        start = clock.day_start(day).astimezone(clock.SHANGHAI)
        return start.replace(hour=hour.hour, minute=hour.minute)


class VehiclePaperForm(_PaperForm):
    kind = forms.ChoiceField(label=_("Paper"), choices=VehicleDocumentKind.choices)
    field_order = ("kind", "number", "expires_on", "expires_time")


class DriverPaperForm(_PaperForm):
    kind = forms.ChoiceField(label=_("Paper"), choices=DriverDocumentKind.choices)
    field_order = ("kind", "number", "expires_on", "expires_time")


class VehicleStateForm(forms.Form):
    """To another state, and why."""

    to = forms.ChoiceField(label=_("New state"))
    reason = forms.CharField(label=_("Reason"), max_length=200)

    fields: dict[str, Any]

    def __init__(self, *args: Any, vehicle: Vehicle, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [choice for choice in VehicleState.choices if choice[0] != vehicle.state]


class DriverForm(forms.Form):
    """A driver's facts; `seen` says what the form showed, so that nobody's change is written over."""

    user = forms.ModelChoiceField(
        User.objects.none(),  # unscoped: nothing
        label=_("Person"),
        empty_label=_("Choose"),
        help_text=_("Couriers of the county and people of the hub. Somebody else gets a login under People first."),
    )
    licence_class = forms.ChoiceField(
        label=_("Licence class"),
        choices=[(name, name if name != "-" else _("None")) for name in LICENCE_CLASSES],
        initial="C1",
    )
    employer = forms.ModelChoiceField(
        Organisation.objects.none(),  # unscoped: nothing
        label=_("Employer"),
        required=False,
        empty_label=_("None"),
    )
    usual_vehicle = forms.ModelChoiceField(
        Vehicle.objects.none(),  # unscoped: nothing
        label=_("Usual vehicle"),
        required=False,
        empty_label=_("None"),
    )
    seen = forms.RegexField(r"^[A-Z0-9-]{1,4}\|\d{0,18}\|\d{0,18}$", required=False, widget=forms.HiddenInput)

    fields: dict[str, Any]

    def __init__(self, *args: Any, by: User, hub: Station, driver: Driver | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["employer"].queryset = Organisation.objects.visible_to(by).filter(is_active=True).order_by("name")
        mine = Vehicle.objects.visible_to(by, "fleet.manage").filter(hub=hub).exclude(state=VehicleState.RETIRED)
        self.fields["usual_vehicle"].queryset = mine.order_by("plate")
        self.fields["user"].queryset = people_who_may_drive(hub, clock.now())
        self.fields["user"].label_from_instance = lambda user: f"{user.name} · {user.username}"
        if driver:
            del self.fields["user"]
            self.initial.setdefault("seen", self.token(driver))

    @staticmethod
    def token(driver: Driver) -> str:
        return f"{driver.licence_class}|{driver.employer_id or ''}|{driver.usual_vehicle_id or ''}"

    def values(self) -> DriverFields:
        cleaned = self.cleaned_data
        return DriverFields(cleaned["licence_class"], cleaned.get("employer"), cleaned.get("usual_vehicle"))

    def seen_values(self, driver: Driver) -> DriverFields | None:
        """The driver's own fields where the form showed them; None where it showed something else."""
        if self.cleaned_data.get("seen") != self.token(driver):
            return None
        return DriverFields(driver.licence_class, driver.employer, driver.usual_vehicle)


class ShiftForm(forms.Form):
    """Seven days, each with its hours or free."""

    def __init__(self, *args: Any, driver: Driver, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        have = {shift.weekday: shift for shift in driver.shifts.all()}
        for day, name in enumerate(WEEK):
            for key, label in (("starts", _("from")), ("ends", _("to"))):
                self.fields[f"{key}_{day}"] = forms.TimeField(
                    label=f"{name} {label}",
                    required=False,
                    initial=getattr(have.get(day), key, None),
                    widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
                )

    def rows(self) -> list[tuple[Any, forms.BoundField, forms.BoundField]]:
        return [(name, self[f"starts_{day}"], self[f"ends_{day}"]) for day, name in enumerate(WEEK)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for day in range(7):
            if bool(cleaned.get(f"starts_{day}")) != bool(cleaned.get(f"ends_{day}")):
                self.add_error(f"ends_{day}", _("Both hours, or neither."))
        return cleaned

    def values(self) -> dict[int, tuple[time, time]]:
        cleaned = self.cleaned_data
        return {
            day: (cleaned[f"starts_{day}"], cleaned[f"ends_{day}"]) for day in range(7) if cleaned.get(f"starts_{day}")
        }


class AbsenceForm(forms.Form):
    first_on = forms.DateField(label=_("First day"), widget=_day_input())
    last_on = forms.DateField(label=_("Last day"), widget=_day_input())
    reason = forms.CharField(label=_("Reason"), max_length=120, required=False)


class MemberForm(forms.Form):
    """An organisation that joins the pool."""

    organisation = forms.ModelChoiceField(
        Organisation.objects.none(),  # unscoped: nothing
        label=_("Organisation"),
        empty_label=_("Choose"),
    )
    contract_no = forms.CharField(label=_("Contract number"), max_length=60, required=False)
    joined_on = forms.DateField(label=_("Joins on"), widget=_day_input())

    fields: dict[str, Any]

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organisation"].queryset = Organisation.objects.visible_to(by).carriers().order_by("name")


class LeaveForm(forms.Form):
    left_on = forms.DateField(
        label=_("First day without it"), widget=_day_input(), help_text=_("From this day on its parcels ride alone.")
    )
