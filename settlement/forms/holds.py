"""The filter of held parcels, and the decision about some of them."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from settlement.services.holds import BULK_MAX, REASON_MAX
from settlement.states import HoldOutcome, HoldReason
from stations.models import Region

STATES = [("", _("Waiting for a decision")), ("closed", _("Decided"))]


class HoldFilter(forms.Form):
    """Reason, township, outlet, open or decided; all stand in the URL."""

    reason = forms.ChoiceField(label=_("Why held"), required=False)
    township = forms.ChoiceField(label=_("Township"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False, choices=STATES)
    station = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(self, *args: Any, townships: Iterable[Region], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = list(townships)
        self.fields["reason"].choices = [("", _("All reasons")), *HoldReason.choices]
        self.fields["township"].choices = [("", _("All townships")), *((row.code, row.name) for row in rows)]
        if len(rows) < 2:
            del self.fields["township"]

    def value(self, name: str) -> Any:
        """What was asked for, None where nothing or nonsense was."""
        self.is_valid()
        return self.cleaned_data.get(name) or None


class DecideHoldsForm(forms.Form):
    """Which held parcels, whether they are paid, and why."""

    ids = forms.TypedMultipleChoiceField(coerce=int, choices=())
    outcome = forms.ChoiceField(choices=[(o.value, o.label) for o in (HoldOutcome.RELEASED, HoldOutcome.REFUSED)])
    reason = forms.CharField(max_length=REASON_MAX, label=_("Reason"))

    def __init__(self, *args: Any, offered: Iterable[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ids"].choices = [(pk, pk) for pk in list(offered)[:BULK_MAX]]  # type: ignore[attr-defined]
