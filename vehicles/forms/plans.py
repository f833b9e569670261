"""Forms of a plan: what is asked for, and where a stop goes."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from stations.models import Station
from vehicles import rules
from vehicles.models import Trip
from vehicles.queries.fleet import members_on

WAVES = {"day": _("The whole day"), "morning": _("Morning"), "noon": _("From noon on")}
SECONDS = (("10", _("10 seconds: a first look")), ("30", _("30 seconds")), ("60", _("60 seconds: the best plan")))


class PlanForm(forms.Form):
    """A new plan: the day, the wave, how long to reckon, with whom."""

    day = forms.DateField(label=_("Day"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    wave = forms.ChoiceField(
        label=_("Wave"), choices=[(name, WAVES[name]) for name in rules.WAVES], widget=forms.RadioSelect
    )
    seconds = forms.ChoiceField(label=_("How long to reckon"), choices=SECONDS, widget=forms.RadioSelect)
    buses = forms.BooleanField(
        label=_("Use the holds of village buses"), required=False, help_text=_("They drive anyway: cheap on far roads.")
    )
    members = forms.MultipleChoiceField(label=_("Whose parcels"), widget=forms.CheckboxSelectMultiple)
    base = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    fields: dict[str, Any]

    def __init__(self, *args: Any, hub: Station, day: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = {row.organisation.code: row.organisation.name for ahead in (0, 14) for row in _members(hub, day, ahead)}
        self.fields["members"].choices = list(rows.items())
        self.everybody = set(rows)

    def members_asked(self) -> list[str] | None:
        """None: the whole pool, whoever is in it on the day."""
        chosen = set(self.cleaned_data["members"])
        return None if chosen == self.everybody else sorted(chosen)


def _members(hub: Station, day: date, ahead: int) -> Any:
    return members_on(hub.county_code, day + timedelta(days=ahead)).order_by("organisation__name")


class MoveForm(forms.Form):
    """Which trip a stop goes to, and as its how manieth stop."""

    to_trip = forms.TypedChoiceField(label=_("To trip"), coerce=int)
    seq = forms.IntegerField(
        label=_("As stop number"), min_value=1, max_value=500, initial=1, help_text=_("1 is the first after the hub.")
    )
    seen = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    fields: dict[str, Any]

    def __init__(self, *args: Any, trips: list[tuple[Trip, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to_trip"].choices = [(trip.pk, words) for trip, words in trips]
