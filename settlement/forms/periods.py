"""What a person may say on a month's pages: filters of its statements, a reason, which statements are in order."""

from collections.abc import Iterable
from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from settlement.forms.statements import month_choices
from settlement.states import StatementState
from stations.models import Region

FLAGS = (
    ("any", _("With any mark")),
    ("none", _("Without a mark")),
    ("change", _("Far from last month")),
    ("class_b", _("Weaker scans")),
    ("typed", _("Typed in")),
    ("held", _("Parcels held back")),
    ("negative", _("Negative sum")),
    ("new_outlet", _("First month")),
    ("closed", _("Closed in the month")),
    ("no_account", _("No bank account")),
    ("cap", _("Above the cap")),
    ("shortfall", _("Cut: the fund is short")),
)


class PeriodFilter(forms.Form):
    """Which of a month's statements to show; what isn't a choice is left out, not refused."""

    township = forms.ChoiceField(label=_("Township"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("Any state")), *StatementState.choices])
    flag = forms.ChoiceField(label=_("Mark"), required=False, choices=[("", _("All")), *FLAGS])

    def __init__(self, *args: object, townships: Iterable[Region], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["township"].choices = [  # type: ignore[attr-defined]
            ("", _("All townships")),
            *((row.code, row.name) for row in townships),
        ]

    def chosen(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name, ""))


class MonthFilter(forms.Form):
    """Which month."""

    month = forms.ChoiceField(label=_("Month"), required=False)

    def __init__(self, *args: object, months: Iterable[date], at_month: date, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["month"].choices = month_choices([*months, at_month], at_month)  # type: ignore[attr-defined]

    @property
    def chosen(self) -> str:
        self.is_valid()
        return str(self.cleaned_data.get("month", ""))


class ReasonForm(forms.Form):
    """Why a computed month goes a step back."""

    reason = forms.CharField(label=_("Reason"), max_length=300, strip=True)
