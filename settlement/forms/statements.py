"""The filter of the statements: month, township and state."""

from datetime import date
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from common import clock
from settlement.states import StatementState
from stations.models import Region


def month_choices(months: list[date], current: date) -> list[tuple[str, str]]:
    """("2026-11", "2026年11月") for the months with lines and the current one, newest first."""
    return [
        (f"{month:%Y-%m}", date_format(month, "YEAR_MONTH_FORMAT"))
        for month in sorted({*months, current}, reverse=True)
    ]


class StatementFilter(forms.Form):
    """Month, township and state; all stand in the URL."""

    month = forms.ChoiceField(label=_("Month"), required=False)
    township = forms.ChoiceField(label=_("Township"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("Any state")), *StatementState.choices])

    def __init__(self, *args: Any, months: list[date], townships: list[Region], at: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        current = clock.month_of(at)
        self.fields["month"].choices = month_choices(months, current)  # type: ignore[attr-defined]
        self.fields["township"].choices = [  # type: ignore[attr-defined]
            ("", _("All townships")),
            *((region.code, region.name) for region in townships),
        ]
        self.current = current

    @property
    def chosen_month(self) -> date:
        """The month asked for, this month where none or nonsense was."""
        asked = self.cleaned_data.get("month") if self.is_valid() else None
        return clock.parse_month(asked) if asked else self.current  # type: ignore[return-value]

    @property
    def chosen_township(self) -> str:
        return str(self.cleaned_data.get("township", "")) if self.is_valid() else ""

    @property
    def chosen_state(self) -> str:
        return str(self.cleaned_data.get("state", "")) if self.is_valid() else ""
