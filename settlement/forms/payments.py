"""Forms of the payments: the bank's answer, why a batch is taken back, and how the bank's files look."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common import text
from settlement.models import BankFileForm
from settlement.services.bank_files import COLUMNS_MAX, ENCODINGS, FIELDS, BankFormFields

_WORDS = re.compile(r"[、,，;；\s]+")
_HEADING_MAX = 40


class ResultForm(forms.Form):
    """A file the bank sent back."""

    file = forms.FileField(
        label=_("The bank's answer"),
        help_text=_("CSV or .xlsx, up to 5 MB. It may come in parts; a file sent twice changes nothing."),
        widget=forms.ClearableFileInput({"accept": ".csv,.txt,.xlsx"}),
    )


class CancelForm(forms.Form):
    """Why a batch is taken back."""

    reason = forms.CharField(label=_("Reason"), max_length=200)

    def clean_reason(self) -> str:
        reason = text.clean(self.cleaned_data["reason"])
        if not reason:
            raise forms.ValidationError(_("Write something that can be read."))
        return reason


class BankForm(forms.Form):
    """Columns of the file (field_1, heading_1 …), its encoding, headings and words of the answer."""

    encoding = forms.ChoiceField(label=_("Encoding of the CSV file"), choices=list(ENCODINGS.items()))
    totals_row = forms.BooleanField(label=_("A last row with the sum"), required=False)
    result_no = forms.CharField(label=_("Column of the payment number"), max_length=_HEADING_MAX)
    result_amount = forms.CharField(label=_("Column of the amount"), max_length=_HEADING_MAX)
    result_state = forms.CharField(label=_("Column of the result"), max_length=_HEADING_MAX)
    result_reason = forms.CharField(label=_("Column of the reason"), max_length=_HEADING_MAX)
    paid_words = forms.CharField(
        label=_("Words for “paid”"), max_length=400, help_text=_("Several with 、 between them.")
    )
    failed_words = forms.CharField(
        label=_("Words for “failed”"),
        max_length=400,
        help_text=_("A row with any other word books nothing and is shown."),
    )

    def __init__(self, *args: Any, form: BankFileForm, **kwargs: Any) -> None:
        kwargs["initial"] = self._initial(form)
        super().__init__(*args, **kwargs)
        offered = [("", "—"), *((name, label) for name, (label, _read) in FIELDS.items())]
        for number in range(1, COLUMNS_MAX + 1):
            place = {"number": number}
            self.fields[f"field_{number}"] = forms.ChoiceField(
                label=_("Column %(number)s") % place, choices=offered, required=False
            )
            self.fields[f"heading_{number}"] = forms.CharField(
                label=_("Heading of column %(number)s") % place, max_length=_HEADING_MAX, required=False
            )

    @staticmethod
    def _initial(form: BankFileForm) -> dict[str, Any]:
        names = ("encoding", "totals_row", "result_no", "result_amount", "result_state", "result_reason")
        initial = {name: getattr(form, name) for name in names}
        for name in ("paid_words", "failed_words"):
            initial[name] = "、".join(getattr(form, name))
        for number, (name, heading) in enumerate(form.columns, 1):
            initial |= {f"field_{number}": name, f"heading_{number}": heading}
        return initial

    @property
    def columns(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The rows of the page's table of columns."""
        return [(self[f"field_{number}"], self[f"heading_{number}"]) for number in range(1, COLUMNS_MAX + 1)]

    @property
    def others(self) -> list[forms.BoundField]:
        return [item for item in self if not item.name.startswith(("field_", "heading_"))]

    def wanted(self) -> BankFormFields:
        """Of a valid form; rows without a field are left out."""
        values = self.cleaned_data
        rows = [(values[f"field_{n}"], values[f"heading_{n}"].strip()) for n in range(1, COLUMNS_MAX + 1)]
        said = {name: value for name, value in values.items() if not name.startswith(("field_", "heading_"))}
        for name in ("paid_words", "failed_words"):
            said[name] = [word for word in _WORDS.split(said[name]) if word]
        return BankFormFields(columns=[row for row in rows if row[0]], **said)
