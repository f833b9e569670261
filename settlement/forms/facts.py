"""The form of a dated fact of an outlet, and the filter of their list."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common import text
from settlement.forms.numbers import PlainDecimalField
from settlement.states import FactKind, Grade
from stations.models import Region


class FactForm(forms.Form):
    """A grade or a number, from a day on, with the reason."""

    kind = forms.ChoiceField(label=_("What"), choices=FactKind.choices, widget=forms.RadioSelect)
    grade = forms.ChoiceField(
        label=_("Grade"),
        choices=[("", "—"), *Grade.choices],
        required=False,
        help_text=_("Only for the quality grade: A is best."),
    )
    value = PlainDecimalField(
        label=_("Number"),
        least="0",
        most="100000",
        decimal_places=2,
        required=False,
        help_text=_("Only for distance (km) and density (persons a km²)."),
    )
    valid_from = forms.DateField(
        label=_("Holds from"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    reason = forms.CharField(label=_("Reason"), max_length=200)

    def __init__(self, data: Any = None, *, today: date) -> None:
        tomorrow = today + timedelta(days=1)
        super().__init__(data, initial={"kind": FactKind.GRADE, "valid_from": tomorrow})
        self.fields["valid_from"].widget.attrs["min"] = tomorrow.isoformat()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "reason" in values:
            values["reason"] = text.clean(values["reason"])
            if not values["reason"]:
                self.add_error("reason", _("Write down why."))
        kind = values.get("kind")
        if kind == FactKind.GRADE and not values.get("grade") and "grade" not in self.errors:
            self.add_error("grade", _("A grade from A to D, please."))
        if kind in (FactKind.DISTANCE, FactKind.DENSITY) and values.get("value") is None and "value" not in self.errors:
            self.add_error("value", _("A number, please."))
        return values


class FactFilter(forms.Form):
    """The township shown."""

    township = forms.ChoiceField(label=_("Township"), required=False)

    def __init__(self, data: Any, *, townships: list[Region]) -> None:
        super().__init__(data)
        self.fields["township"].choices = [(row.code[:9], row.name) for row in townships]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> str:
        """Nine digits; the first of the list if none or a senseless one was asked for."""
        known = [code for code, _name in self.fields["township"].choices]  # type: ignore[attr-defined]
        asked = self.data.get("township", "")
        return asked if asked in known else next(iter(known), "")
