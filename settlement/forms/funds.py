"""Forms of a fund: opening one, and money received into it."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common import text
from settlement.forms.numbers import yuan_field
from settlement.states import ShortfallRule


class _Cleaned(forms.Form):
    """Texts without invisible characters."""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name, value in list(values.items()):
            if isinstance(value, str) and isinstance(self.fields[name], forms.CharField):
                values[name] = text.clean(value)
                if not values[name]:
                    self.add_error(name, _("Write something that can be read."))
        return values


class FundForm(_Cleaned):
    """A new fund."""

    name = forms.CharField(label=_("Name"), max_length=120)
    number = forms.CharField(label=_("Document number"), max_length=60)
    source = forms.CharField(label=_("Source of the money"), max_length=120)
    budget = yuan_field(label=_("Budget, yuan"), most="1000000000")
    shortfall = forms.ChoiceField(
        label=_("If the money runs short"),
        choices=ShortfallRule.choices,
        initial=ShortfallRule.QUEUE,
        widget=forms.RadioSelect,
    )


class BudgetForm(_Cleaned):
    """Another budget, and why."""

    budget = yuan_field(label=_("Budget, yuan"), most="1000000000")
    reason = forms.CharField(label=_("Reason"), max_length=200)


class AppropriationForm(_Cleaned):
    """Money received, by a document."""

    document = forms.CharField(label=_("Document"), max_length=50)
    amount = yuan_field(label=_("Amount, yuan"), most="1000000000")
    received_on = forms.DateField(
        label=_("Received on"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def clean_received_on(self) -> date:
        day: date = self.cleaned_data["received_on"]
        if day < date(2000, 1, 1):
            raise forms.ValidationError(_("A day after 2000."))
        return day
