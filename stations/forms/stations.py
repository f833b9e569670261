"""Forms of the station pages. They read what was typed and offer what fits; the rules are the services' and the
database's, and come back as `Refused` (`show_refusal` puts the sentence beside its field)."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.forms.models import fields_for_model
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from common.errors import Refused
from stations import queries
from stations.models import Organisation, Station
from stations.queries import BuildingGround
from stations.services import CONTACT_FIELDS, REASON_NEEDED, StationFields
from stations.states import Service, StationLevel, StationState

_MODEL_FIELDS = (
    "code", "name", "exception_reason", "host_kind", "address", "contact_name", "contact_phone", "opening_hours",
    "lng", "lat", "daily_capacity", "shelf_slots", "cold_m3", "user_access", "vehicle_access", "dispatch_enabled",
    "tenure", "tenure_until",
)  # fmt: skip


def show_refusal(form: forms.Form, refusal: Refused) -> None:
    """The service's sentence beside the field it points to, or above the form."""
    field = refusal.pointer.strip("/")
    form.add_error(field if field in form.fields else None, str(refusal.message))


def carried_out(
    form: forms.Form, call: Callable[[], Any], show: Callable[[forms.Form, Refused], None] = show_refusal
) -> int:
    """Run a service for a posted form: 0 where it was done, else the status to answer with, the refusal shown."""
    if not form.is_valid():
        return 422
    try:
        call()
    except Refused as refusal:
        show(form, refusal)
        return refusal.status
    return 0


class ContactForm(forms.Form):
    """What a station's own people may change. `version` is the one they saw."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(fields_for_model(Station, CONTACT_FIELDS))
        self.fields["contact_phone"].widget.attrs["inputmode"] = "tel"


class StationForm(forms.Form):
    """Everything a township or county decides about a station.

    Level, township, division and parent fit one another: whatever is chosen above narrows what is offered below, by
    the same code for the page, for its htmx refresh (`_station_place.html`) and for what is sent.
    """

    version = forms.IntegerField(min_value=1, required=False, widget=forms.HiddenInput)
    county = forms.ChoiceField(label=_("County"))
    level = forms.ChoiceField(label=_("Level"))
    township = forms.ChoiceField(label=_("Township"), required=False)
    region_code = forms.ChoiceField(label=_("Division"))
    parent_code = forms.ChoiceField(label=_("Station above"), required=False)
    owner_code = forms.ChoiceField(label=_("Owner"), required=False)
    brands = forms.MultipleChoiceField(label=_("Carriers"), required=False, widget=forms.CheckboxSelectMultiple)
    services = forms.MultipleChoiceField(
        label=_("Services"), required=False, choices=Service.choices, widget=forms.CheckboxSelectMultiple
    )

    PLACE = ("county", "level", "township", "region_code", "parent_code", "exception_reason")
    GROUPS = (
        (_("Facts"), ("code", "name", "host_kind", "owner_code", "address", "tenure", "tenure_until")),
        (_("Contact"), CONTACT_FIELDS),
        (_("Carriers and services"), ("brands", "services")),
        (_("Capacity"), ("daily_capacity", "shelf_slots", "cold_m3")),
        (_("Point on the map"), ("lng", "lat")),
        (_("Access"), ("user_access", "vehicle_access", "dispatch_enabled")),
    )

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(
        self,
        *args: Any,
        ground: BuildingGround,
        carriers: list[Organisation],
        station: Station | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.station = station
        self.fields.update(fields_for_model(Station, _MODEL_FIELDS, widgets=_WIDGETS, help_texts=_HELP))
        self.fields["brands"].choices = [(carrier.code, carrier.name) for carrier in carriers]
        self.fields["owner_code"].choices = [("", "—"), *((o.code, o.name) for o in queries.owners())]
        for name in ("code", "level", "county") if station else ():
            self.fields[name].disabled = True
        self._offer_places(ground)

    # --- places that fit one another ---------------------------------------------------------------

    def _chosen(self, name: str) -> str:
        """What is chosen so far, whether sent, asked for by htmx or stored."""
        if self.is_bound and not self.fields[name].disabled and name in self.data:
            return str(self.data[name])
        return str(self.initial.get(name) or "")

    def _offer_places(self, ground: BuildingGround) -> None:
        station = self.station
        counties = {station.county_code} if station else set(ground.every_county)
        names = {r.code[:6]: r.name for r in queries.counties_named(counties)}
        self.fields["county"].choices = sorted(names.items())
        county = self._one_of("county", list(names))
        self.fields["level"].choices = StationLevel.choices if station else [(v.value, v.label) for v in ground.levels]
        level = self._one_of(
            "level", [value for value, _label in self.fields["level"].choices], default=queries.next_level(county)
        )
        townships = {r.code[:9]: r.name for r in queries.townships_to_build_in(ground, county)}
        if station and station.level != StationLevel.HUB and station.township_code not in townships:
            townships[station.township_code] = station.township_code
        self.fields["township"].choices = sorted(townships.items())
        township = self._one_of("township", sorted(townships))
        if level != StationLevel.OUTLET:
            del self.fields["township"]
            del self.fields["exception_reason"]
        places = queries.places_for(level, county_code=county, township_code=township)
        offered = [(r.code, r.short_name) for r in places if ground.covers(r.code)]
        if station and station.region_id not in dict(offered):
            offered.append((station.region_id, station.region.short_name))
        self.fields["region_code"].choices = offered
        if level == StationLevel.HUB:
            del self.fields["parent_code"]
        else:
            self.fields["parent_code"].choices = self._parents(level, county, township)
        if len(names) == 1:
            self.fields["county"].widget = forms.HiddenInput()
        for name in {"county", "level", "township"} & self.fields.keys():
            self.fields[name].widget.attrs.update(_REFRESH, **{"hx-get": self.refresh_url()})

    def refresh_url(self) -> str:
        if self.station:
            return reverse("stations:station-places", args=[self.station.pk])
        return reverse("stations:station-places")

    def _one_of(self, name: str, allowed: list[str], default: str = "") -> str:
        """The chosen value if it is offered, else the default or the first; it becomes the form's own value."""
        chosen = self._chosen(name)
        if chosen not in allowed:
            chosen = default if default in allowed else next(iter(allowed), "")
        self.initial[name] = chosen
        return chosen

    def _parents(self, level: str, county: str, township: str) -> list[tuple[str, Any]]:
        """The centre of the township comes first; another one needs the reason for the exception."""
        found = list(queries.parents_for(level, county_code=county))
        if self.station and self.station.parent and self.station.parent not in found:
            found.append(self.station.parent)
        if level == StationLevel.CENTRE:
            return [(parent.code, parent.name) for parent in found]
        own = [(p.code, p.name) for p in found if p.township_code == township]
        if own and not self.initial.get("exception_reason") and self.initial.get("parent_code") not in dict(own):
            self.initial["parent_code"] = own[0][0]  # the township changed: its centre comes with it
        other = [(p.code, p.name) for p in found if p.township_code != township]
        groups: list[tuple[str, Any]] = [(str(_("Of this township")), own)] if own else [("", "—")]
        return [*groups, (str(_("Of another township (give the reason)")), other)] if other else groups

    # --- for the page ------------------------------------------------------------------------------

    def place_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.PLACE if name in self.fields and not self[name].is_hidden]

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(str(title), [self[name] for name in names if name in self.fields]) for title, names in self.GROUPS]

    def station_fields(self) -> StationFields:
        """The valid form as the services take it."""
        data = {
            name: value for name, value in self.cleaned_data.items() if name not in ("version", "county", "township")
        }
        data["brands"] = tuple(sorted(data["brands"]))
        data["services"] = tuple(sorted(data["services"]))
        return StationFields(**data)


_REFRESH = {"hx-target": "#place", "hx-include": "#place", "hx-trigger": "change", "hx-swap": "outerHTML"}
_WIDGETS: dict[str, type[forms.Widget] | forms.Widget] = {
    "tenure_until": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    "contact_phone": forms.TextInput(attrs={"inputmode": "tel"}),
}
_HELP: dict[str, Any] = {
    "code": _("2 to 20 capital letters, digits and hyphens. It can't be changed later."),
    "exception_reason": _("Only for an outlet whose centre is in another township."),
    "tenure_until": _("Only for a temporary station."),
    "lng": _("Degrees, WGS 84. Empty: the station is drawn at its division."),
}


class MoveForm(forms.Form):
    """The next step of a station's life. Closing has a page of its own, which counts the parcels first."""

    to_state = forms.ChoiceField(label=_("Next state"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed for a rejection, a rectification and a suspension."),
    )

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(self, *args: Any, next_states: Sequence[StationState], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to_state"].choices = [(state.value, state.label) for state in next_states]
        self.fields["reason"].required = bool(next_states) and REASON_NEEDED.issuperset(next_states)


class ReasonForm(forms.Form):
    """Why something ends."""

    reason = forms.CharField(label=_("Reason"), max_length=400, widget=forms.Textarea(attrs={"rows": 3}))


class EquipmentForm(forms.Form):
    kind = forms.CharField(label=capfirst(_("kind")), max_length=60)
    serial = forms.CharField(label=_("Serial number"), max_length=60)
