"""Forms of lines and timetables: they read what was typed; the rules are the services' and come back as `Refused`."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from common import text
from stations.models import Organisation, Station
from vehicles.models import Departure, LineService, TransitLine, TransitStop
from vehicles.services import CallFields, Hold, LineFields
from vehicles.states import LineKind, ShareRole

# unscoped: empty until the view says what the person may choose from
NO_CALENDAR = LineService.objects.none()
# unscoped: the same
NOBODY = Organisation.objects.none()
MORE_ROWS = 3  # empty rows under those that are filled
MOST_ROWS = 40
_TIME = re.compile(r"([0-9]{1,2})[:：]([0-5][0-9])")
WEEKDAYS = (
    (0, _("Mon")), (1, _("Tue")), (2, _("Wed")), (3, _("Thu")), (4, _("Fri")), (5, _("Sat")), (6, _("Sun")),
)  # fmt: skip


class CleanChar(forms.CharField):
    """A text without anything unstorable."""

    def to_python(self, value: Any) -> str:
        return text.clean((super().to_python(value) or "").replace("\x00", ""))


class ClockField(CleanChar):
    """08:10 as seconds after midnight; after midnight 24:30."""

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        match = _TIME.fullmatch(typed)
        if match is None or int(match[1]) > 35:
            raise forms.ValidationError(_("Write the time as 08:10; half past midnight is 24:30."), code="bad_time")
        return int(match[1]) * 3600 + int(match[2]) * 60


def plain(number: Decimal) -> str:
    """Without the zeros behind, and never as 6E+1."""
    return f"{number.normalize():f}"


def _date(label: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))


class LineFilterForm(forms.Form):
    q = CleanChar(label=_("Line or its number"), required=False, max_length=60)
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All")), *LineKind.choices])


class LineForm(forms.Form):
    """The split is typed in percent; the service wants parts of one."""

    version = forms.IntegerField(min_value=1, required=False, widget=forms.HiddenInput)
    code = CleanChar(label=_("Line number"), max_length=80)
    name = CleanChar(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Kind"), choices=LineKind.choices, initial=LineKind.INTEGRATED)
    operator = forms.ModelChoiceField(label=_("Operator"), queryset=NOBODY, required=False)
    contract_no = CleanChar(label=_("Contract number"), max_length=60, required=False)
    liability = CleanChar(
        label=_("Who answers for loss and damage"), max_length=300, required=False, widget=forms.Textarea({"rows": 2})
    )
    tariff = forms.DecimalField(
        label=_("Tariff, yuan a parcel"), min_value=0, max_value=9999, max_digits=8, decimal_places=4, initial=0
    )
    safety_items = forms.CharField(
        label=_("Safety items"),
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 4}),
        help_text=_("One a line. The driver ticks each before departure."),
    )
    is_active = forms.BooleanField(label=_("In operation"), required=False, initial=True)

    def __init__(self, *args: Any, user: Any, line: TransitLine | None = None, **kwargs: Any) -> None:
        if line is not None:
            kwargs["initial"] = {
                **{
                    name: getattr(line, name) for name in ("version", "code", "name", "kind", "operator", "contract_no")
                },
                **{name: getattr(line, name) for name in ("liability", "is_active")},
                "tariff": plain(line.tariff),
                "safety_items": "\n".join(line.safety_items),
                **{f"share_{one.role}": plain(one.share * 100) for one in line.shares.all()},
            }
        super().__init__(*args, **kwargs)
        operators = Organisation.objects.visible_to(user).filter(is_active=True).order_by("name")
        cast(forms.ModelChoiceField, self.fields["operator"]).queryset = operators
        for role in ShareRole:
            self.fields[f"share_{role}"] = forms.DecimalField(
                label=role.label, required=False, min_value=0, max_value=100, max_digits=5, decimal_places=2
            )

    @property
    def share_fields(self) -> list[forms.BoundField]:
        return [self[f"share_{role}"] for role in ShareRole]

    @property
    def own_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if not field.name.startswith("share_")]

    def line_fields(self) -> LineFields:
        said = self.cleaned_data
        shares = {role.value: said[f"share_{role}"] / Decimal(100) for role in ShareRole if said[f"share_{role}"]}
        items = tuple(said["safety_items"].replace("\x00", "").splitlines())
        plain = {
            name: said[name] for name in ("code", "name", "kind", "operator", "contract_no", "liability", "tariff")
        }
        return LineFields(**plain, safety_items=items, shares=shares, is_active=said["is_active"])


class HoldForm(forms.Form):
    """The room for parcels; all zero: the departure carries none."""

    kg = forms.IntegerField(label=_("Hold, kg"), min_value=0, max_value=20_000, initial=0)
    litres = forms.IntegerField(label=_("Hold, litres"), min_value=0, max_value=100_000, initial=0)
    pieces = forms.IntegerField(label=_("Hold, parcels"), min_value=0, max_value=10_000, initial=0)
    cold = forms.BooleanField(label=_("Can keep goods cold"), required=False)

    def hold(self) -> Hold:
        return Hold(**{name: self.cleaned_data[name] for name in ("kg", "litres", "pieces", "cold")})


def hold_of(departure: Departure) -> dict[str, Any]:
    """A departure's room as initial values."""
    return {
        "kg": departure.hold_kg,
        "litres": departure.hold_l,
        "pieces": departure.hold_pieces,
        "cold": departure.cold,
    }


class DepartureEditForm(HoldForm):
    starts = ClockField(label=_("Leaves the first stop at"), max_length=6)
    calendar = forms.ModelChoiceField(label=_("Runs by the calendar"), queryset=NO_CALENDAR)
    headsign = CleanChar(label=_("Headed for"), max_length=120, required=False)

    field_order = ("starts", "calendar", "headsign", "kg", "litres", "pieces", "cold")

    def __init__(self, *args: Any, calendars: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ModelChoiceField, self.fields["calendar"]).queryset = calendars


class DeparturesForm(HoldForm):
    """New departures: several starts, the same calls. A row: a stop, the minutes after the start, the minutes there."""

    starts = CleanChar(
        label=_("Leaves the first stop at"), max_length=400, help_text=_("Several: 08:10 10:10 14:30"),
        widget=forms.TextInput({"inputmode": "text"}),
    )  # fmt: skip
    calendar = forms.ModelChoiceField(label=_("Runs by the calendar"), queryset=NO_CALENDAR)
    direction = forms.TypedChoiceField(
        label=_("Direction"), coerce=int, choices=[(0, _("Out of the county seat")), (1, _("Back to the county seat"))]
    )

    field_order = ("starts", "calendar", "direction", "kg", "litres", "pieces", "cold")

    def __init__(
        self,
        *args: Any,
        calendars: Any,
        stations: Sequence[Station],
        stops: Sequence[TransitStop],
        rows: Sequence[tuple[str, int, int]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ModelChoiceField, self.fields["calendar"]).queryset = calendars
        self.by_key: dict[str, Station | TransitStop] = {}
        for stop in stops:
            self.by_key |= {stop.stop_id: stop, stop.name: stop}
        for station in stations:
            self.by_key |= {station.code: station, station.name: station}
        self.offered = [f"{one.code} {one.name}" for one in stations] + [
            f"{one.stop_id} {one.name}" for one in stops if one.station_id is None
        ]
        sent = sum(1 for name in self.data if str(name).startswith("stop_")) if self.is_bound else 0
        self.size = min(max(len(rows) + MORE_ROWS, sent, 5), MOST_ROWS)
        for at in range(self.size):
            said = rows[at] if at < len(rows) else ("", None, None)
            self.fields[f"stop_{at}"] = CleanChar(
                label=_("Bus stop"),
                required=False,
                initial=said[0],
                max_length=220,
                widget=forms.TextInput({"list": "stops", "autocomplete": "off"}),
            )
            for name, label, value in (
                ("after", _("Minutes after the start"), said[1]),
                ("dwell", _("Stands, minutes"), said[2]),
            ):
                self.fields[f"{name}_{at}"] = forms.IntegerField(
                    label=label, required=False, min_value=0, max_value=2160, initial=value
                )

    @property
    def own_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.field_order]

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField, forms.BoundField]]:
        return [(self[f"stop_{at}"], self[f"after_{at}"], self[f"dwell_{at}"]) for at in range(self.size)]

    def clean_starts(self) -> list[int]:
        words = re.split(r"[\s,，、;；]+", self.cleaned_data["starts"].strip())
        return [ClockField().clean(word) for word in words if word]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        self.calls: list[tuple[Station | TransitStop, int, int]] = []
        for at in range(self.size):
            typed = said.get(f"stop_{at}", "")
            if not typed:
                continue
            found = self.by_key.get(typed) or self.by_key.get(typed.split(" ")[0])
            after = said.get(f"after_{at}")
            if found is None:
                self.add_error(f"stop_{at}", _("There is no such stop. Choose one from the list."))
            elif after is None and self.calls and f"after_{at}" not in self.errors:
                self.add_error(f"after_{at}", _("When does it get there?"))
            else:
                self.calls.append((found, (after or 0) * 60, (said.get(f"dwell_{at}") or 0) * 60))
        return said

    def call_fields(self) -> list[CallFields]:
        return [CallFields(place, after, dwell) for place, after, dwell in self.calls]


class CalendarForm(forms.Form):
    service_id = CleanChar(label=_("Name of the calendar"), max_length=80)
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Runs on"), coerce=int, choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple, required=False
    )
    start_on = _date(_("First day"))
    end_on = _date(_("Last day"))

    def days(self) -> list[bool]:
        return [day in self.cleaned_data["weekdays"] for day, _label in WEEKDAYS]


class ExceptionForm(forms.Form):
    on = _date(_("Day"))
    runs = forms.ChoiceField(
        label=_("On that day"),
        choices=[("no", _("It doesn't run")), ("yes", _("It runs")), ("weekday", _("As the weekday says"))],
    )

    def wanted(self) -> bool | None:
        return {"no": False, "yes": True}.get(self.cleaned_data["runs"])


class StopFilterForm(forms.Form):
    q = CleanChar(label=_("Stop or station"), required=False, max_length=60)
    only = forms.ChoiceField(
        label=_("Show"), required=False, choices=[("", _("All")), ("unlinked", _("Without a station"))]
    )


class StopLinkForm(forms.Form):
    station = CleanChar(
        label=_("Station at this stop"),
        required=False,
        max_length=120,
        help_text=_("Empty: no station stands here."),
        widget=forms.TextInput({"list": "stations", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, stations: Sequence[Station], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by_key = {key: one for one in stations for key in (one.code, one.name)}

    def clean_station(self) -> Station | None:
        typed = self.cleaned_data["station"]
        found = self.by_key.get(typed) or self.by_key.get(typed.split(" ")[0])
        if typed and found is None:
            raise forms.ValidationError(_("There is no such station. Choose one from the list."), code="no_station")
        return found


class FeedForm(forms.Form):
    county = forms.ChoiceField(label=_("County"))
    file = forms.FileField(
        label=_("Timetable file"),
        help_text=_("A zip in the GTFS format, as bus companies publish it; up to 64 MB unpacked."),
        widget=forms.ClearableFileInput({"accept": ".zip,application/zip"}),
    )
    dry_run = forms.BooleanField(label=_("Only check it, store nothing"), required=False)

    def __init__(self, counties: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["county"]).choices = counties
        if len(counties) == 1:
            self.fields["county"].widget = forms.HiddenInput()
            self.fields["county"].initial = counties[0][0]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.UPLOAD_MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than we take."), code="too_large")
        return file
