"""Forms of the outlets' bank accounts. Numbers are never filled in again: what was typed wrong is typed anew."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common import text
from stations.models import Station

_NUMBER = {"inputmode": "numeric", "autocomplete": "off", "maxlength": 48}


class AccountForm(forms.Form):
    """An account of one of the outlets offered; where there is but one, it isn't asked for."""

    station = forms.TypedChoiceField(label=_("Outlet"), coerce=int)
    holder = forms.CharField(
        label=_("Account holder"), max_length=80, help_text=_("Exactly as the bank has it, or the payment comes back.")
    )
    bank = forms.CharField(label=_("Bank and branch"), max_length=120)
    number = forms.CharField(
        label=_("Account number"),
        max_length=48,
        widget=forms.TextInput(_NUMBER),
        help_text=_("8 to 32 digits; spaces don't matter."),
    )

    def __init__(self, *args: Any, stations: list[Station], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stations = {station.pk: station for station in stations}
        self.fields["station"].choices = [(row.pk, f"{row.name}（{row.code}）") for row in stations]  # type: ignore[attr-defined]
        if len(stations) == 1:
            self.fields["station"].widget = forms.HiddenInput()
            self.fields["station"].initial = stations[0].pk

    @property
    def chosen_station(self) -> Station:
        return self.stations[self.cleaned_data["station"]]


class ConfirmAccountForm(forms.Form):
    """The number once more, from the outlet's paper."""

    number = forms.CharField(
        label=_("Account number, from the outlet's paper"),
        max_length=48,
        widget=forms.TextInput(_NUMBER),
        help_text=_("Type it from the bank book or the bank's slip: it must be the one that was entered."),
    )


class AccountFilter(forms.Form):
    """Which outlets: all, those to confirm, those without an account; and a part of the name."""

    SHOW = (
        ("", _("All outlets")),
        ("pending", _("To be confirmed")),
        ("none", _("Without a confirmed account")),
        ("changed", _("Changed in the last 30 days")),
    )
    show = forms.ChoiceField(label=_("Show"), choices=SHOW, required=False)
    q = forms.CharField(label=_("Outlet"), max_length=40, required=False)

    def wanted(self) -> tuple[str, str]:
        """(show, part of the name); nonsense narrows nothing."""
        self.is_valid()
        return self.cleaned_data.get("show") or "", text.clean((self.cleaned_data.get("q") or "").replace("\x00", ""))
