"""What people type about trips: a day, a driver, a reason, a check; and what a phone posts as an act."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from common import text
from tracking.states import Method
from vehicles.models import Driver
from vehicles.services.checks import Item
from vehicles.services.driving import PROBLEMS


class DayForm(forms.Form):
    day = forms.DateField(
        label=gettext_lazy("Day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),  # the only form a browser reads
    )


class AssignForm(forms.Form):
    driver = forms.ChoiceField(label=gettext_lazy("Driver"))

    def __init__(self, *args: Any, drivers: Sequence[Driver], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["driver"].choices = [  # type: ignore[attr-defined]
            (str(d.pk), f"{d.user.name} · {d.licence_class}") for d in drivers
        ]


class ReasonForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}))


class CustodyForm(forms.Form):
    """Who had a parcel at a second of the trip's day."""

    waybill = forms.CharField(label=gettext_lazy("Waybill, or its last digits"), max_length=40)
    time = forms.TimeField(
        label=gettext_lazy("Time"),
        widget=forms.TimeInput(attrs={"type": "time", "step": "1"}, format="%H:%M:%S"),
        input_formats=["%H:%M:%S", "%H:%M"],
    )

    def clean_waybill(self) -> str:
        return text.normal_code(self.cleaned_data["waybill"])


class CheckForm(forms.Form):
    """The check before departure: each item that somebody must look at is all right, or says what is wrong."""

    seal_no = forms.CharField(label=gettext_lazy("Seal number"), max_length=40, required=False)

    def __init__(self, *args: Any, items: Sequence[Item], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.items = [item for item in items if item.judged is None]
        good, bad = pgettext_lazy("check", "All right"), pgettext_lazy("check", "Not so")
        for item in self.items:
            self.fields[f"ok-{item.key}"] = forms.ChoiceField(
                label=item.label,
                choices=[("yes", good), ("no", bad)],
                widget=forms.RadioSelect,
                error_messages={"required": gettext_lazy("Look at it, then say how it is.")},
            )
            self.fields[f"note-{item.key}"] = forms.CharField(
                label=gettext_lazy("What is wrong"), max_length=200, required=False
            )

    def rows(self) -> Iterator[tuple[Item, forms.BoundField, forms.BoundField]]:
        """(item, its two choices, its note) for the page."""
        for item in self.items:
            yield item, self[f"ok-{item.key}"], self[f"note-{item.key}"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for item in self.items:
            if data.get(f"ok-{item.key}") == "no" and not data.get(f"note-{item.key}"):
                self.add_error(f"note-{item.key}", _("Say what is wrong."))
        return data

    def answers(self) -> dict[str, str]:
        """Key → "" or what is wrong."""
        data = self.cleaned_data
        return {item.key: data[f"note-{item.key}"] if data[f"ok-{item.key}"] == "no" else "" for item in self.items}


ACTS = ("arrive", "leave", "scan", "unload_all", "load_all", "problem", "give", "take", "undo")


class ActForm(forms.Form):
    """One act of a driver, as the phone posts it. Times it can't read count as not given."""

    act = forms.ChoiceField(choices=[(act, act) for act in ACTS])
    event_id = forms.UUIDField()
    occurred_at = forms.CharField(required=False, max_length=40)
    device_now = forms.CharField(required=False, max_length=40)
    method = forms.ChoiceField(choices=Method.choices, required=False)
    code = forms.CharField(required=False, max_length=200)
    carrier = forms.CharField(required=False, max_length=16)
    stop = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    force = forms.BooleanField(required=False)
    reason = forms.ChoiceField(choices=[(one.key, one.label) for one in PROBLEMS], required=False)
    to = forms.CharField(required=False, max_length=40)
    target = forms.UUIDField(required=False)
    lng = forms.FloatField(required=False, min_value=-180, max_value=180)
    lat = forms.FloatField(required=False, min_value=-90, max_value=90)
    accuracy_m = forms.FloatField(required=False, min_value=0, max_value=1_000_000)

    def clean_code(self) -> str:
        return text.normal_code(self.cleaned_data["code"])

    def _time(self, name: str) -> datetime | None:
        try:
            found = datetime.fromisoformat(self.cleaned_data[name])
        except ValueError:
            return None
        return found if found.tzinfo is not None else None

    def clean_occurred_at(self) -> datetime | None:
        return self._time("occurred_at")

    def clean_device_now(self) -> datetime | None:
        return self._time("device_now")
