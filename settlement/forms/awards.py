"""The form of a year's award."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from settlement.forms.grants import PercentField, PercentsField, YuanField
from settlement.models import Fund
from settlement.services import RoundFields
from settlement.states import Indicator
from stations.states import StationLevel

USUAL = {
    Indicator.VOLUME: 30,
    Indicator.EVIDENCE: 20,
    Indicator.DAYS: 20,
    Indicator.CLEAN: 15,
    Indicator.SPEED: 15,
}
_DATE = {"type": "date"}


class RoundForm(forms.Form):
    """Who takes part, what counts for how much, and what there is to share."""

    level = forms.ChoiceField(
        label=_("Among"),
        choices=[(level.value, level.label) for level in (StationLevel.OUTLET, StationLevel.CENTRE)],
    )
    fund: forms.ModelChoiceField = forms.ModelChoiceField(label=_("Fund"), queryset=None)
    first_day = forms.DateField(label=_("First day"), widget=forms.DateInput(attrs=_DATE))
    last_day = forms.DateField(label=_("Last day"), widget=forms.DateInput(attrs=_DATE))
    pot = YuanField(label=_("Sum to share out, yuan"), required=False)
    yuan_per_point = YuanField(label=_("or yuan a point"), required=False, help_text=_("Fill in one of the two."))
    a_limit = PercentField(label=_("At most graded A, % of all"), initial="45")
    a_from = forms.DecimalField(label=_("A from, points"), min_value=0, max_value=100, decimal_places=2, initial=80)
    b_from = forms.DecimalField(label=_("B from, points"), min_value=0, max_value=100, decimal_places=2, initial=60)
    c_from = forms.DecimalField(label=_("C from, points"), min_value=0, max_value=100, decimal_places=2, initial=40)
    shares = PercentsField(
        label=_("Paid by grade A, B, C, D, %"), size=4, initial="100 80 60 0", help_text=_("Four numbers.")
    )

    def __init__(self, *args: Any, funds: QuerySet[Fund], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fund"].queryset = funds  # type: ignore[attr-defined]
        self.fields["first_day"].initial = date(today.year - 1, 1, 1)
        self.fields["last_day"].initial = date(today.year - 1, 12, 31)
        for indicator in Indicator:
            self.fields[f"weight_{indicator}"] = forms.DecimalField(
                label=_("Points: %(indicator)s") % {"indicator": indicator.label},
                min_value=0,
                max_value=100,
                decimal_places=2,
                initial=USUAL[indicator],
            )

    def clean(self) -> dict[str, Any]:
        super().clean()
        for name in ("first_day", "last_day"):
            day = self.cleaned_data.get(name)
            if day and not date(2000, 1, 1) <= day <= date(2100, 1, 1):
                self.add_error(name, _("A day between 2000 and 2100."))
        return self.cleaned_data

    def round_fields(self) -> RoundFields:
        values = self.cleaned_data
        return RoundFields(
            fund_id=values["fund"].pk,
            year=values["first_day"].year,
            level=values["level"],
            first_day=values["first_day"],
            last_day=values["last_day"],
            weights={indicator.value: Decimal(values[f"weight_{indicator}"]) for indicator in Indicator},
            pot=values["pot"],
            yuan_per_point=values["yuan_per_point"],
            a_limit=values["a_limit"],
            grade_from=(values["a_from"], values["b_from"], values["c_from"]),
            shares=values["shares"],
        )
