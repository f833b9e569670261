"""What the counter, the work list and the public page may be sent. Templates draw the counter's form by hand."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from common.text import clean, normal_code
from stations.models import Organisation, Station
from tracking.counter_queries import KINDS
from tracking.definitions import Operation
from tracking.states import Method

SHELF = r"^[A-Z0-9]{1,4}-[A-Z0-9]{1,3}(-[0-9]{1,6})?$"
KIND_WORDS = {
    "coming": _("Should come"),
    "here": _("Here now"),
    "late": _("Waits too long"),
    "hold": _("On hold"),
    "damaged": _("Damaged"),
}


class CodeField(forms.CharField):
    """A scanned or typed code: control characters and spaces out, upper case."""

    def to_python(self, value: object) -> str:
        return normal_code(super().to_python(value) or "")


class ScanForm(forms.Form):
    """One scan at the counter; `operations` are those of the station and the person."""

    operation = forms.ChoiceField()
    code = CodeField(max_length=200, error_messages={"required": _("Scan or type a code.")})
    event_id = forms.UUIDField()
    method = forms.ChoiceField(choices=[(m.value, m.label) for m in (Method.SCAN, Method.TYPED)], required=False)
    carrier = forms.CharField(max_length=16, required=False)
    parcel_id = forms.IntegerField(min_value=1, max_value=2**62, required=False)
    shelf = CodeField(
        max_length=20,
        required=False,
        validators=[RegexValidator(SHELF, _("A shelf is written like 3-2, a pickup code like 3-2-2041."))],
    )
    reason = forms.CharField(max_length=20, required=False)
    trip = CodeField(
        max_length=40,
        required=False,
        validators=[RegexValidator(r"^[A-Z0-9-]{1,40}$", _("A trip is written in letters, digits and dashes."))],
    )
    move = forms.BooleanField(required=False)

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(self, *args: Any, operations: Iterable[Operation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["operation"].choices = [(op.key, op.label) for op in operations]

    def sentence(self) -> str:
        """The first fault as one sentence for the result bar."""
        if "code" in self.errors:
            return str(self.errors["code"][0])
        return next(
            (str(e[0]) for name, e in self.errors.items() if name in ("shelf", "trip")), str(_("Reload the page."))
        )


class UndoForm(forms.Form):
    target = forms.UUIDField()
    event_id = forms.UUIDField()


class SearchForm(forms.Form):
    """Posted, not linked: the last digits of a phone don't belong in an address."""

    text = CodeField(max_length=40)


class StationForm(forms.Form):
    station = forms.ChoiceField()

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(self, *args: Any, stations: Iterable[Station], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["station"].choices = [(str(s.pk), s.name) for s in stations]


class WorkForm(forms.Form):
    """The filters of the work list; what can't be read is left out, a filter is never an error."""

    kind = forms.ChoiceField(label=_("Which parcels"), required=False)
    township = forms.ChoiceField(label=_("Township"), required=False)
    station = forms.ChoiceField(label=_("Station"), required=False)

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(
        self,
        *args: Any,
        townships: Sequence[tuple[str, str]],
        stations: Sequence[Station],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", _("Overview")), *((kind, KIND_WORDS[kind]) for kind in KINDS)]
        self.fields["station"].choices = [("", _("All")), *((str(s.pk), s.name) for s in stations)]
        if townships:
            self.fields["township"].choices = [("", _("All")), *townships]
        else:
            del self.fields["township"]

    def chosen(self, name: str) -> str:
        """A filter's value, "" where it is absent or unknown."""
        self.is_valid()
        return str(self.cleaned_data.get(name, ""))


class AttentionForm(forms.Form):
    """The filters of what needs attention; what can't be read is left out, a filter is never an error."""

    kind = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)
    station = forms.ChoiceField(label=_("Station"), required=False)
    days = forms.TypedChoiceField(
        label=_("Scanned within"),
        required=False,
        coerce=int,
        choices=[(1, _("1 day")), (3, _("3 days")), (7, _("7 days")), (14, _("14 days")), (31, _("31 days"))],
    )
    until = forms.DateField(
        label=_("Up to"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(self, *args: Any, stations: Sequence[Station], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["station"].choices = [("", _("All")), *((str(s.pk), s.name) for s in stations)]

    def chosen(self, name: str) -> Any:
        """A filter's value, None where it is absent or unknown."""
        self.is_valid()
        return self.cleaned_data.get(name) or None


class ReasonForm(forms.Form):
    """Why somebody lets something stand or takes it back: kept with the act, shown to whoever asks."""

    reason = forms.CharField(
        label=_("Why? This is recorded."),
        min_length=2,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Say why in a few words.")},
    )

    def clean_reason(self) -> str:
        """What is left of it: invisible characters say nothing, and composing may lengthen a text."""
        reason = clean(self.cleaned_data["reason"])
        if len(reason) < 2:
            raise forms.ValidationError(_("Say why in a few words."))
        return reason[:120]


class TrackForm(forms.Form):
    """The public page's question."""

    waybill_no = CodeField(
        label=_("Waybill"),
        max_length=60,
        validators=[RegexValidator(r"^[A-Z0-9-]{6,40}$", _("A waybill has 6 to 40 letters and digits."))],
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "inputmode": "text"}),
    )
    phone_tail = CodeField(
        label=_("Last four digits of the recipient's phone"),
        max_length=10,
        validators=[RegexValidator(r"^[0-9]{4}$", _("Four digits."))],
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric", "maxlength": "4"}),
    )
    carrier = forms.ChoiceField(label=_("Carrier"), required=False)

    fields: dict[str, Any]  # a plain Field has no choices

    def __init__(self, *args: Any, carriers: Iterable[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["carrier"].choices = [("", _("Find it by the number")), *((c.code, c.name) for c in carriers)]
