"""Forms of doubts: the filter of the list, a station's answer, a decision, thresholds of a check."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from settlement.definitions import CHECKS, Check
from settlement.states import CallAnswer, CaseState


class CaseFilter(forms.Form):
    """Cases by state and check."""

    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Open ones")), *CaseState.choices, ("all", _("All"))]
    )
    rule = forms.ChoiceField(
        label=_("Check"),
        required=False,
        choices=[("", _("All")), *((code, check.name) for code, check in CHECKS.items() if check.finds)],
    )


class AnswerForm(forms.Form):
    """What the station says, with one of its own photos if it likes."""

    text = forms.CharField(
        label=_("How was it?"), max_length=1000, widget=forms.Textarea(attrs={"rows": 4}), strip=True
    )
    photo = forms.ChoiceField(label=_("Photo from the handheld"), required=False)

    def __init__(self, *args: Any, photos: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["photo"].choices = [("", _("None")), *photos]  # type: ignore[attr-defined]
        if not photos:
            del self.fields["photo"]


class DecisionForm(forms.Form):
    """Pay, refuse, or wait another seven days for the station."""

    verdict = forms.ChoiceField(label=_("Decision"), widget=forms.RadioSelect)
    reason = forms.CharField(label=_("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}), strip=True)

    def __init__(self, *args: Any, may_extend: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("pay", _("Pay: it is explained")), ("refuse", _("Refuse: nothing is paid for these parcels"))]
        if may_extend:
            choices.append(("extend", _("Give the station seven more days")))
        self.fields["verdict"].choices = choices  # type: ignore[attr-defined]


class ThresholdsForm(forms.Form):
    """One number field a threshold, and why they change."""

    def __init__(self, *args: Any, check: Check, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in check.thresholds:
            self.fields[one.name] = forms.DecimalField(
                label=str(one.label),
                max_digits=12,
                decimal_places=3,
                min_value=one.low,
                max_value=one.high,
                help_text=_("Between %(low)s and %(high)s; start: %(start)s")
                % {
                    "low": f"{one.low.normalize():f}",
                    "high": f"{one.high.normalize():f}",
                    "start": check.start[one.name],
                },
                widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
            )
        self.fields["reason"] = forms.CharField(label=_("Why the numbers change"), max_length=200, strip=True)


class CallForm(forms.Form):
    """What the recipient said."""

    answer = forms.ChoiceField(label=_("Answer"), choices=CallAnswer.choices)
