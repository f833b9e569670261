"""What the ledger is narrowed to; all of it stands in the URL."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common import clock
from settlement.forms.statements import month_choices
from settlement.queries.ledger import KINDS, Narrowed
from settlement.states import Account


class LedgerFilter(forms.Form):
    """Account, outlet, month booked, month it is for, kind."""

    account = forms.ChoiceField(label=_("Ledger account"), required=False)
    station = forms.ChoiceField(label=_("Outlet"), required=False)
    month = forms.ChoiceField(label=_("Booked in"), required=False)
    period = forms.ChoiceField(label=_("For the month"), required=False)
    kind = forms.ChoiceField(label=_("Kind"), required=False)

    def __init__(self, *args: Any, outlets: list[tuple[int, str]], months: list[date], at: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        any_month = [("", _("Any month")), *month_choices(months, clock.month_of(at))]
        choices: dict[str, list[tuple[Any, Any]]] = {
            "account": [("", _("All accounts")), *Account.choices],
            "station": [("", _("All outlets")), *((str(pk), name) for pk, name in outlets)],
            "month": any_month,
            "period": any_month,
            "kind": [("", _("Every kind")), *KINDS.items()],
        }
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]

    @property
    def narrowed(self) -> Narrowed:
        """What was asked for; nonsense in a field narrows nothing."""
        self.is_valid()
        asked = self.cleaned_data
        return Narrowed(
            account=asked.get("account", ""),
            station_id=int(asked["station"]) if asked.get("station") else None,
            booked=clock.parse_month(asked["month"]) if asked.get("month") else None,
            period=clock.parse_month(asked["period"]) if asked.get("period") else None,
            kind=asked.get("kind", ""),
        )
