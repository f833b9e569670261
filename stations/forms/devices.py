"""Forms of the handheld pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from stations import queries
from stations.models import Station
from stations.states import ENDED


class DeviceFilter(forms.Form):
    q = forms.CharField(
        label=_("Handheld, station or holder"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("All")), ("live", _("In use")), ("revoked", _("Shut out"))],
    )


class DeviceForm(forms.Form):
    """A handheld for a station of the reader's, into the hands of somebody who works there or above it."""

    station = forms.ModelChoiceField(
        Station.objects.none(),  # unscoped: nothing
        label=_("Station"),
        empty_label=_("Choose"),
    )
    user = forms.ChoiceField(label=_("Holder"), help_text=_("Who works at the station or at the one above it."))
    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("What is written on it, such as PDA-12."))

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stations = Station.objects.visible_to(by, "device.enrol").exclude(state__in=ENDED)
        self.fields["station"].queryset = stations.order_by("county_code", "township_code", "code")
        self.holders = queries.possible_holders(by)
        self.fields["user"].choices = [
            (str(m.user_id), f"{m.user.name} · {m.get_role_display()} · {m.place}") for m in self.holders
        ]

    def holder(self) -> User:
        return next(m.user for m in self.holders if str(m.user_id) == self.cleaned_data["user"])
