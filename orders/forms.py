"""What people type or choose: the list's filter, a file, a reason."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from common import text
from orders.queries import FilterChoices, ParcelFilter
from orders.states import ParcelState


class _CleanChar(forms.CharField):
    """A text without anything unstorable."""

    def to_python(self, value: Any) -> str:
        return text.clean((super().to_python(value) or "").replace("\x00", ""))


def _offer(form: forms.Form, name: str, choices: list[Any]) -> None:
    cast(forms.ChoiceField, form.fields[name]).choices = choices


class ParcelSearchForm(forms.Form):
    """The list's filter. A value that makes no sense narrows nothing: an address is not a form one must correct."""

    q = _CleanChar(label=_("Number, last 4 digits of the phone, or pick-up code"), required=False, max_length=40)
    state = forms.ChoiceField(label=_("State"), required=False)
    carrier = forms.ChoiceField(label=_("Carrier"), required=False)
    township = forms.ChoiceField(label=_("Township"), required=False)
    station = forms.TypedChoiceField(label=_("Station"), required=False, coerce=int, empty_value=None)
    flag = forms.ChoiceField(label=_("Condition"), required=False)
    created_from = forms.DateField(
        label=_("Announced from"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    created_to = forms.DateField(
        label=_("Announced until"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, data: Any, choices: FilterChoices) -> None:
        super().__init__(data)
        everything = [("", _("All"))]
        _offer(self, "state", [*everything, *ParcelState.choices])
        _offer(self, "carrier", [*everything, *choices.carriers])
        _offer(self, "flag", [*everything, ("on_hold", _("On hold")), ("damaged", _("Damaged"))])
        self.fields["q"].widget.attrs["autocomplete"] = "off"
        for name, offered in (("township", choices.townships), ("station", choices.stations)):
            if offered:
                _offer(self, name, [*everything, *offered])
            elif name == "station" and str(data.get("station", "")).isdigit() and len(data["station"]) <= 12:
                _offer(self, name, [(data["station"], "")])  # set by a link; rows are scoped anyway
                self.fields[name].widget = forms.HiddenInput()
            else:
                del self.fields[name]

    def wanted(self) -> ParcelFilter:
        self.is_valid()
        said = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        return ParcelFilter(**said)


class ImportForm(forms.Form):
    """A file, and the county where a person works in several."""

    county = forms.ChoiceField(label=_("County"))
    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV (UTF-8 or GB18030) or .xlsx, up to 64 MB. Nothing is stored before you have seen the check."),
        widget=forms.ClearableFileInput({"accept": ".csv,.txt,.xlsx"}),
    )

    def __init__(self, counties: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "county", counties)
        if len(counties) == 1:
            self.fields["county"].widget = forms.HiddenInput()
            self.fields["county"].initial = counties[0][0]


class ConfirmForm(forms.Form):
    update_changed = forms.BooleanField(
        label=_("Update parcels that were imported before with other content"), required=False
    )


class RevealForm(forms.Form):
    """Why somebody needs a name and a phone, in their words: the audit keeps it."""

    reason = _CleanChar(
        label=_("Why do you need it?"),
        help_text=_("For example: call about pick-up; the address is unclear; answer a complaint."),
        min_length=2,
        max_length=200,
        error_messages={"required": _("Say why you need to see it."), "min_length": _("Say why you need to see it.")},
    )
