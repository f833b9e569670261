"""Forms of the proof: which days, which "before", who joins."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vehicles.services.baselines import Entered
from vehicles.services.whatif import MOST_COALITIONS, SECONDS

DAYS = 30
_DATE = {"type": "date"}


def _day(label: Any, **more: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(_DATE, format="%Y-%m-%d"), **more)


class SpanForm(forms.Form):
    """GET: nonsense means the last month."""

    first_on = _day(_("From"), required=False)
    last_on = _day(_("Until"), required=False)
    grain = forms.ChoiceField(
        label=_("Sum up by"),
        choices=(("day", _("by day")), ("week", _("by week")), ("month", _("by month"))),
        required=False,
    )

    def span(self, today: date) -> tuple[date, date, str]:
        """First day, last day, grain."""
        self.is_valid()
        found = getattr(self, "cleaned_data", {})
        last = found.get("last_on") or today + timedelta(days=1)
        first = found.get("first_on") or last - timedelta(days=DAYS)
        if not 0 <= (last - first).days <= 800 or not 2000 <= first.year <= 2200:
            first, last = today - timedelta(days=DAYS), today + timedelta(days=1)
        return first, last, found.get("grain") or "day"


class FreezeForm(forms.Form):
    """What is measured here over a span becomes the "before"."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("For example: before the alliance, spring 2026"))
    first_on = _day(_("First day"))
    last_on = _day(_("Last day"))
    note = forms.CharField(label=_("Remark"), max_length=300, required=False)


class EnterForm(FreezeForm):
    """A "before" that somebody knows from their books: means of one day."""

    vehicles = forms.DecimalField(label=_("Vehicles a day"), max_digits=8, decimal_places=2, min_value=Decimal("0.01"))
    parcels = forms.IntegerField(label=_("Parcels a day"), min_value=1, max_value=10_000_000)
    km = forms.DecimalField(label=_("Kilometres a day"), max_digits=10, decimal_places=1, min_value=Decimal(0))
    yuan = forms.DecimalField(
        label=_("Yuan a day, driving alone"), max_digits=12, decimal_places=2, min_value=Decimal(0)
    )
    load_at_departure = forms.DecimalField(
        label=_("Load at departure, percent"), max_digits=5, decimal_places=2, required=False
    )
    load_km = forms.DecimalField(label=_("Load by kilometre, percent"), max_digits=5, decimal_places=2, required=False)
    empty_return = forms.DecimalField(label=_("Empty return, percent"), max_digits=5, decimal_places=2, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["note"].required = True
        self.fields["note"].help_text = _("Whose numbers these are, and how they were counted.")
        self.order_fields(["name", "first_on", "last_on", *self.fields])

    @property
    def entered(self) -> Entered:
        found = self.cleaned_data

        def share(name: str) -> Decimal | None:
            return None if found[name] is None else found[name] / 100

        return Entered(
            found["vehicles"],
            found["parcels"],
            found["km"],
            found["yuan"],
            share("load_at_departure"),
            share("load_km"),
            share("empty_return"),
        )


class ReckonedForm(forms.Form):
    """Of a finished what-if."""

    name = forms.CharField(label=_("Name"), max_length=80)
    note = forms.CharField(label=_("Remark"), max_length=300, required=False)


class WhatIfForm(forms.Form):
    """The carriers with parcels that day, and how long to reckon."""

    day = _day(_("Day"))
    members = forms.MultipleChoiceField(
        label=_("Who could join"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least two carriers.")},
    )
    buses = forms.BooleanField(label=_("Reckon with buses too"), required=False, initial=True)
    seconds = forms.TypedChoiceField(
        label=_("Seconds for each reckoning"), coerce=int, choices=[(n, str(n)) for n in SECONDS], initial=2
    )
    most = forms.TypedChoiceField(
        label=_("Coalitions for sharing the cost"),
        coerce=int,
        choices=[(n, str(n)) for n in MOST_COALITIONS],
        initial=60,
        help_text=_("With fewer than there are, orders of joining are sampled; the result says so."),
    )

    def __init__(self, *args: Any, carriers: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["members"].choices = list(carriers)  # type: ignore[attr-defined]
