"""Forms of roads and incidents: they read what was typed; the rules are the services' and come back as `Refused`."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from common import text
from stations.models import Station
from vehicles.states import (
    IncidentEffect,
    IncidentKind,
    IncidentState,
    ResponsibleLevel,
    RoadClass,
    RoadSource,
    Surface,
)

# unscoped: empty until the view says which county's
NO_STATION = Station.objects.none()
MONTHS = [("", "—"), *((str(n), str(n)) for n in range(1, 13))]
SLOWER = [("1.50", _("half as long again")), ("2", _("twice as long")), ("4", _("four times as long"))]


class CleanChar(forms.CharField):
    """A text without anything unstorable."""

    def to_python(self, value: Any) -> str:
        return text.clean((super().to_python(value) or "").replace("\x00", ""))


class RoadFilterForm(forms.Form):
    q = CleanChar(label=_("Name of the road"), required=False, max_length=60)
    road_class = forms.ChoiceField(label=_("Class"), required=False, choices=[("", _("All")), *RoadClass.choices])
    seasonal = forms.BooleanField(label=_("Closed in a season"), required=False)


class RoadsImportForm(forms.Form):
    """An extract, or a table of roads entered by hand."""

    county = forms.ChoiceField(label=_("County"))
    source = forms.ChoiceField(
        label=_("What the file is"),
        choices=[(RoadSource.OSM, _("OpenStreetMap extract (.osm.pbf)")), (RoadSource.HAND, _("Table of roads (CSV)"))],
        widget=forms.RadioSelect,
    )
    file = forms.FileField(label=_("File"), widget=forms.ClearableFileInput(attrs={"accept": ".pbf,.csv"}))
    whole_file = forms.BooleanField(
        label=_("Take the whole extract"),
        required=False,
        help_text=_("Otherwise only roads within some 20 km of the county's stations."),
    )
    add = forms.BooleanField(
        label=_("Add the table to the roads there are"),
        required=False,
        help_text=_("Otherwise the table takes their place."),
    )

    def __init__(self, counties: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["county"].choices = counties  # type: ignore[attr-defined]
        if len(counties) == 1:
            self.fields["county"].widget = forms.HiddenInput()
            self.fields["county"].initial = counties[0][0]

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if file.size and file.size > settings.UPLOAD_MAX_BYTES:
            limit = settings.UPLOAD_MAX_BYTES // 1_048_576
            raise forms.ValidationError(_now("The file is bigger than %(limit)d MB.") % {"limit": limit})
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        ending = {RoadSource.OSM: ".pbf", RoadSource.HAND: ".csv"}.get(cleaned.get("source", ""), "")
        file = cleaned.get("file")
        if file and ending and not (file.name or "").lower().endswith(ending):
            self.add_error("file", _now("The file's name should end in %(ending)s.") % {"ending": ending})
        return cleaned


class RoadForm(forms.Form):
    """What is known of a road; `points` only for a new one."""

    name = CleanChar(label=_("Name"), required=False, max_length=120)
    points = CleanChar(
        label=_("Points of the road"),
        max_length=20_000,
        help_text=_("One a line: longitude and latitude, or the code of a station. Two at least."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    road_class = forms.ChoiceField(label=_("Class"), choices=RoadClass.choices, initial=RoadClass.IV)
    surface = forms.ChoiceField(label=_("Surface"), choices=Surface.choices, required=False)
    width_m = forms.DecimalField(
        label=_("Width, m"),
        required=False,
        min_value=0.5,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        help_text=_("Light trucks need 3.5 m."),
    )
    length_m = forms.IntegerField(
        label=_("Length, m"),
        required=False,
        min_value=1,
        max_value=500_000,
        help_text=_("As driven. Empty: along the points."),
    )
    one_way = forms.BooleanField(label=_("One way, in the order of the points"), required=False)
    closed_from = forms.ChoiceField(label=_("Closed every year from month"), choices=MONTHS, required=False)
    closed_to = forms.ChoiceField(label=_("to month"), choices=MONTHS, required=False)
    responsible = forms.ChoiceField(label=_("Who is responsible"), choices=ResponsibleLevel.choices)

    def __init__(self, *args: Any, new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not new:
            del self.fields["points"], self.fields["length_m"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if bool(cleaned.get("closed_from")) != bool(cleaned.get("closed_to")):
            self.add_error("closed_to", _now("A season has a first and a last month."))
        return cleaned

    def cells(self) -> dict[str, str]:
        """As a line of the table (services.road_files.COLUMNS)."""
        found = self.cleaned_data
        return {
            **{key: str(found[key] or "") for key in ("name", "points", "surface", "width_m", "length_m")},
            **{key: str(found[key]) for key in ("closed_from", "closed_to", "responsible")},
            "class": found["road_class"],
            "one_way": "1" if found["one_way"] else "",
        }

    def values(self) -> dict[str, object]:
        """As services.segments.FIELDS."""
        found = self.cleaned_data
        season = [int(found[key]) if found[key] else None for key in ("closed_from", "closed_to")]
        return {
            **{key: found[key] for key in ("name", "road_class", "surface", "one_way", "responsible")},
            "width_cm": round(found["width_m"] * 100) if found["width_m"] else None,
            "closed_from": season[0],
            "closed_to": season[1],
        }


class IncidentFilterForm(forms.Form):
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("All open ones")), *IncidentState.choices]
    )


class ReportForm(forms.Form):
    """Anybody's report. Nothing in it asks who they are."""

    kind = forms.ChoiceField(label=_("What happened?"), choices=IncidentKind.choices, widget=forms.RadioSelect)
    effect = forms.ChoiceField(
        label=_("Can vehicles get through?"), choices=IncidentEffect.choices, widget=forms.RadioSelect
    )
    station = forms.ModelChoiceField(
        label=_("Near which station?"),
        queryset=NO_STATION,
        required=False,
        empty_label=_("I marked it on the map"),
    )
    note = CleanChar(
        label=_("Anything else?"),
        required=False,
        max_length=300,
        help_text=_("Please no names and no telephone numbers."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    lng = forms.FloatField(required=False, widget=forms.HiddenInput, min_value=-180, max_value=180)
    lat = forms.FloatField(required=False, widget=forms.HiddenInput, min_value=-90, max_value=90)
    client_id = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, stations: QuerySet[Station], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["station"].queryset = stations  # type: ignore[attr-defined]


class ConfirmForm(forms.Form):
    segment = forms.ChoiceField(label=_("Which road"), widget=forms.RadioSelect)
    effect = forms.ChoiceField(label=_("Can vehicles get through?"), choices=IncidentEffect.choices)
    slow_factor = forms.ChoiceField(label=_("If slow: the way takes"), choices=SLOWER, initial="2")
    reason = CleanChar(label=_("Remark"), required=False, max_length=300)

    def __init__(self, *args: Any, roads: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["segment"].choices = roads  # type: ignore[attr-defined]
        if roads:
            self.fields["segment"].initial = roads[0][0]


class AssignForm(forms.Form):
    level = forms.ChoiceField(label=_("Who is responsible"), choices=ResponsibleLevel.choices)
    reason = CleanChar(label=_("Remark"), required=False, max_length=300)


class ReasonForm(forms.Form):
    reason = CleanChar(label=_("Reason"), required=False, max_length=300)
