"""Proposing a clawback, looking for its parcel, waiving one."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common.text import normal_code
from settlement.services.clawbacks import REASON_MAX
from settlement.states import ClawbackCause, ClawbackState


class WaybillForm(forms.Form):
    """Which parcel."""

    waybill = forms.CharField(label=_("Waybill number"), max_length=60)

    def clean_waybill(self) -> str:
        return normal_code(self.cleaned_data["waybill"])


class ProposeForm(forms.Form):
    """Why a paid parcel shall be taken back. What a check found is proposed by the check's case."""

    cause = forms.ChoiceField(
        label=_("Why"), choices=[(c.value, c.label) for c in ClawbackCause if c != ClawbackCause.FRAUD]
    )
    reason = forms.CharField(
        label=_("What happened"),
        max_length=REASON_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The outlet reads this."),
    )
    complaint = forms.CharField(label=_("Number of the complaint"), max_length=80, required=False)


class WaiveForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=REASON_MAX)


class ClawbackFilter(forms.Form):
    """State; it stands in the URL."""

    state = forms.ChoiceField(label=_("State"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["state"].choices = [("", _("All states")), *ClawbackState.choices]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> str:
        return str(self.cleaned_data.get("state", "")) if self.is_valid() else ""
