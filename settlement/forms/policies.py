"""The form of a policy's draft."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common import text
from settlement.rules import CLAMP_MAX, CLAMP_MIN


class PolicyForm(forms.Form):
    """What a draft says. Rates in yuan a parcel."""

    number = forms.CharField(label=_("Document number"), max_length=60)
    name = forms.CharField(label=_("Name"), max_length=120)
    issuer = forms.CharField(label=_("Issued by"), max_length=120)
    valid_from = forms.DateField(label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    valid_until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Leave it empty if the policy holds until another takes over."),
    )
    rate_plain = forms.DecimalField(label=_("Plain, yuan a parcel"), max_digits=6, decimal_places=4, initial="0.30")
    rate_hill = forms.DecimalField(label=_("Hills, yuan a parcel"), max_digits=6, decimal_places=4, initial="0.40")
    rate_mountain = forms.DecimalField(
        label=_("Mountains, yuan a parcel"), max_digits=6, decimal_places=4, initial="0.50"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("rate_plain", "rate_hill", "rate_mountain"):
            self.fields[name].widget.attrs.update(min=CLAMP_MIN, max=CLAMP_MAX, step="0.0001", inputmode="decimal")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name in ("number", "name", "issuer"):
            if name in values:
                values[name] = text.clean(values[name])
                if not values[name]:
                    self.add_error(name, _("Write something that can be read."))
        for name in ("valid_from", "valid_until"):
            day = values.get(name)
            if day and not date(2000, 1, 1) <= day <= date(2100, 1, 1):
                self.add_error(name, _("A day between 2000 and 2100."))
        return values
