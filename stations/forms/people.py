"""Forms of the people pages. They offer what the reader may hand out; the services decide."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.roles import AT_COUNTY, AT_ORGANISATION, AT_STATION, AT_TOWNSHIP, Role
from stations.models import Organisation, Region, Station
from stations.scope import memberships_of, scope_of
from stations.services import grantable_roles
from stations.states import ENDED, RegionLevel


class PeopleFilter(forms.Form):
    q = forms.CharField(
        label=_("Name or user name"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("All")), *Role.choices])
    ended = forms.BooleanField(label=_("Show ended roles"), required=False)


class RoleForm(forms.Form):
    """A role and its place; only the places that one of the offered roles needs are asked for."""

    role = forms.ChoiceField(label=_("Role"))
    station = forms.ModelChoiceField(
        Station.objects.none(),  # unscoped: nothing
        label=_("Station"),
        required=False,
        empty_label=_("Choose"),
        help_text=_("For couriers and station operators."),
    )
    township = forms.ModelChoiceField(
        Region.objects.none(),  # unscoped: nothing
        label=_("Township"),
        required=False,
        empty_label=_("Choose"),
        help_text=_("For township managers."),
    )
    organisation = forms.ModelChoiceField(
        Organisation.objects.none(),  # unscoped: nothing
        label=_("Carrier"),
        required=False,
        empty_label=_("Choose"),
        help_text=_("For people of a carrier."),
    )
    county = forms.RegexField(
        r"^[0-9]{6}([0-9]{6})?$",
        label=_("County code"),
        required=False,
        help_text=_("6 digits, such as 500230."),
    )

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        roles = grantable_roles(by)
        self.fields["role"].choices = [(role.value, role.label) for role in roles]
        self.own_counties = sorted({m.county_code for m in memberships_of(by) if m.county_code})
        everywhere = scope_of(by, "user.manage").everywhere
        stations = Station.objects.visible_to(by, "user.manage").exclude(state__in=ENDED)
        townships = (
            Region.objects.visible_to(by)
            .current()
            .filter(county_code__in=self.own_counties, level=RegionLevel.TOWNSHIP)
        )
        self._offer("station", roles, AT_STATION, stations.order_by("township_code", "code"))
        self._offer("township", roles, AT_TOWNSHIP, townships.order_by("code"))
        self._offer("organisation", roles, AT_ORGANISATION, Organisation.objects.visible_to(by).carriers())
        if not (everywhere and set(roles) & {*AT_COUNTY, *AT_ORGANISATION}):
            del self.fields["county"]

    def _offer(self, name: str, roles: list[Role], needing: tuple[Role, ...], rows: Any) -> None:
        if set(roles) & set(needing):
            self.fields[name].queryset = rows
        else:
            del self.fields[name]

    def place(self) -> dict[str, Any]:
        """The keyword arguments of `services.give_role` that say where."""
        role, cleaned = self.cleaned_data["role"], self.cleaned_data
        if role in AT_STATION:
            return {"station": cleaned.get("station")}
        if role in AT_TOWNSHIP:
            return {"region": cleaned.get("township")}
        if role in AT_COUNTY or role in AT_ORGANISATION:
            code = cleaned.get("county") or next(iter(self.own_counties), "")
            county = Region.objects.visible_to(self.by).current().filter(pk=code[:6] + "000000").first()
            return {"region": county, "organisation": cleaned.get("organisation")}
        return {}

    @property
    def fields_by_pointer(self) -> dict[str, str]:
        """Where a service's pointer belongs: its `region` is asked for as township or county."""
        role = self.cleaned_data.get("role", "")
        return {"/region": "township" if role in AT_TOWNSHIP else "county"}


class PersonForm(RoleForm):
    """A new person with their first role."""

    username = forms.RegexField(
        r"^[\w.@+-]{2,60}$",
        label=_("User name"),
        help_text=_("Letters, digits and . @ + - _; they sign in with it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label=_("Person's name"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    phone = forms.RegexField(
        r"^[0-9+ -]{6,20}$",
        label=_("Phone"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    field_order = ("username", "name", "phone", "role", "station", "township", "organisation", "county")


class ReasonForm(forms.Form):
    """Why something is taken away or given back."""

    reason = forms.CharField(label=_("Reason"), max_length=200)
