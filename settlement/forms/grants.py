"""Forms of grants: a scheme's numbers, a claim's invoices, what an inspection found, what is granted."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from common import text
from settlement.models import Fund, GrantClaim
from settlement.services import ProofFields, SchemeFields
from settlement.states import Finding, Grade, GrantKind, GrantState, ProofKind
from stations.models import Region, Station

ROWS, MOST_ROWS = 4, 20
_DATE = {"type": "date"}
_CUT = re.compile(r"[\s,;/，；、]+")


class PercentsField(forms.CharField):
    """Several percentages in one line, "100 80 60 0", as fractions of 1."""

    def __init__(self, *, size: int | None = None, **kwargs: Any) -> None:
        self.size = size
        super().__init__(max_length=120, **kwargs)

    def clean(self, value: Any) -> tuple[Decimal, ...]:
        words = [word.rstrip("%％") for word in _CUT.split(super().clean(value)) if word]
        try:
            shares = tuple(_fraction(Decimal(word)) for word in words)
        except InvalidOperation as nonsense:
            raise forms.ValidationError(_("Percentages with spaces between them, such as 100 80 60 0.")) from nonsense
        if self.size and len(shares) != self.size:
            raise forms.ValidationError(_("%(size)d percentages, please.") % {"size": self.size})
        return shares


def _fraction(percent: Decimal) -> Decimal:
    """Percent with at most 2 decimals as a fraction of 1."""
    if not percent.is_finite() or not 0 <= percent <= 100 or percent != percent.quantize(Decimal("0.01")):
        raise InvalidOperation
    return percent / 100


class PercentField(forms.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=100, max_digits=5, decimal_places=2, **kwargs)
        self.widget.attrs.update(inputmode="decimal")

    def clean(self, value: Any) -> Decimal:
        return (super().clean(value) or Decimal(0)) / 100


class YuanField(forms.DecimalField):
    """Yuan and fen; digits may be grouped."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=Decimal("0.01"), max_digits=12, decimal_places=2, **kwargs)
        self.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        plain = value.replace(",", "").replace("，", "") if isinstance(value, str) else value
        return super().to_python(plain)


class CleanTextMixin:
    """Texts without characters that nobody sees; an empty one is none."""

    cleaned_data: dict[str, Any]

    def clean_texts(self, *names: str) -> None:
        for name in names:
            if name in self.cleaned_data:
                self.cleaned_data[name] = text.clean(self.cleaned_data[name])
                if not self.cleaned_data[name]:
                    self.add_error(name, _("Write something that can be read."))  # type: ignore[attr-defined]


class SchemeForm(CleanTextMixin, forms.Form):
    """A grant scheme, as a document says it. Percentages and yuan."""

    fund: forms.ModelChoiceField = forms.ModelChoiceField(label=_("Fund"), queryset=None)
    document = forms.CharField(label=_("Document number"), max_length=60)
    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Granted for"), choices=GrantKind.choices)
    share = PercentField(label=_("At most, % of the investment"), initial="50")
    cap = YuanField(label=_("At most, yuan a station"))
    valid_from = forms.DateField(label=_("Applications from"), widget=forms.DateInput(attrs=_DATE))
    valid_until = forms.DateField(label=_("Applications until"), widget=forms.DateInput(attrs=_DATE))
    bonus = PercentField(label=_("Bonus in some townships, %"), required=False, initial="0")
    bonus_townships = forms.MultipleChoiceField(
        label=_("Townships with the bonus"), required=False, widget=forms.CheckboxSelectMultiple
    )
    grade_shares = PercentsField(
        label=_("Paid by grade A, B, C, D, %"), size=4, initial="100 80 60 0", help_text=_("Four numbers.")
    )
    instalments = PercentsField(
        label=_("Instalments, %"), initial="30 30 30 10", help_text=_("Together 100, up to twelve numbers.")
    )
    instalment_months = forms.IntegerField(
        label=_("Months from one instalment to the next"), min_value=0, max_value=36, initial=12
    )
    sample_shares = PercentsField(
        label=_("Inspected on the spot: hubs, centres, outlets, %"),
        size=3,
        initial="100 35 5",
        help_text=_("Three numbers."),
    )
    rectify_months = forms.IntegerField(label=_("Months to put faults right"), min_value=1, max_value=12, initial=3)

    def __init__(self, *args: Any, funds: QuerySet[Fund], townships: QuerySet[Region], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fund"].queryset = funds  # type: ignore[attr-defined]
        self.fields["bonus_townships"].choices = [(row.pk[:9], row.name) for row in townships]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        super().clean()
        self.clean_texts("document", "name")
        for name in ("valid_from", "valid_until"):
            day = self.cleaned_data.get(name)
            if day and not date(2000, 1, 1) <= day <= date(2100, 1, 1):
                self.add_error(name, _("A day between 2000 and 2100."))
        return self.cleaned_data

    def scheme_fields(self) -> SchemeFields:
        values = dict(self.cleaned_data)
        fund = values.pop("fund")
        values["bonus_townships"] = tuple(values["bonus_townships"])
        return SchemeFields(fund_id=fund.pk, **values)


class ClaimForm(CleanTextMixin, forms.Form):
    """A claim: the station, what it is about, and rows of invoices with the machines on them."""

    station: forms.ModelChoiceField = forms.ModelChoiceField(label=_("Station"), queryset=None)
    note = forms.CharField(
        label=_("What was built or bought"), max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, stations: QuerySet[Station], rows: int = ROWS, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["station"].queryset = stations  # type: ignore[attr-defined]
        self.row_count = rows
        for n in range(rows):
            self.fields[f"number_{n}"] = forms.CharField(
                label=_("Invoice number"),
                max_length=60,
                required=n == 0,
                widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text"}),
            )
            self.fields[f"yuan_{n}"] = YuanField(label=_("Yuan, with tax"), required=n == 0)
            self.fields[f"what_{n}"] = forms.CharField(label=_("What for"), max_length=120, required=False)
            self.fields[f"serials_{n}"] = forms.CharField(
                label=_("Serial numbers of machines"),
                max_length=600,
                required=False,
                help_text=_("With spaces between them.") if n == 0 else "",
            )

    @property
    def rows(self) -> list[list[forms.BoundField]]:
        return [[self[f"{name}_{n}"] for name in ("number", "yuan", "what", "serials")] for n in range(self.row_count)]

    def clean(self) -> dict[str, Any]:
        super().clean()
        self.clean_texts("note")
        for n in range(self.row_count):
            number, yuan = self.cleaned_data.get(f"number_{n}"), self.cleaned_data.get(f"yuan_{n}")
            others = self.cleaned_data.get(f"what_{n}") or self.cleaned_data.get(f"serials_{n}")
            if (yuan or others) and not number and f"number_{n}" not in self.errors:
                self.add_error(f"number_{n}", _("The invoice's number, please."))
            if number and not yuan and f"yuan_{n}" not in self.errors:
                self.add_error(f"yuan_{n}", _("The invoice's amount, please."))
        return self.cleaned_data

    def proofs(self) -> list[ProofFields]:
        found: list[ProofFields] = []
        for n in range(self.row_count):
            number = self.cleaned_data.get(f"number_{n}")
            if not number:
                continue
            what = self.cleaned_data[f"what_{n}"]
            found.append(ProofFields(ProofKind.INVOICE, number, what, self.cleaned_data[f"yuan_{n}"]))
            serials = [word for word in _CUT.split(self.cleaned_data[f"serials_{n}"]) if word]
            found += [ProofFields(ProofKind.SERIAL, serial, what) for serial in serials]
        return found


class InspectForm(forms.Form):
    """What an inspection found of each invoice and machine, and what follows."""

    outcome = forms.ChoiceField(label=_("What follows"), widget=forms.RadioSelect)
    grade = forms.ChoiceField(label=_("Grade, if accepted"), choices=[("", _("none")), *Grade.choices], required=False)
    finding = forms.CharField(
        label=_("What was seen"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, claim: GrantClaim, late: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(GrantState.ACCEPTED, _("Acceptance passed")), (GrantState.REJECTED, _("Reject"))]
        if late:
            choices = choices[1:]
        if claim.state == GrantState.SAMPLED:
            choices.insert(1, (GrantState.RECTIFYING, _("To be put right")))
        self.fields["outcome"].choices = choices  # type: ignore[attr-defined]
        self.claim_proofs = list(claim.proofs.all())
        for proof in self.claim_proofs:
            self.fields[f"finding_{proof.pk}"] = forms.ChoiceField(
                label=_("Found"), choices=Finding.choices, initial=proof.finding or Finding.FOUND
            )
            self.fields[f"remark_{proof.pk}"] = forms.CharField(
                label=_("Remark"), max_length=200, required=False, initial=proof.remark
            )

    @property
    def rows(self) -> list[tuple[Any, forms.BoundField, forms.BoundField]]:
        return [(proof, self[f"finding_{proof.pk}"], self[f"remark_{proof.pk}"]) for proof in self.claim_proofs]

    def findings(self) -> dict[int, tuple[str, str]]:
        return {
            proof.pk: (self.cleaned_data[f"finding_{proof.pk}"], self.cleaned_data[f"remark_{proof.pk}"])
            for proof in self.claim_proofs
        }


class AuditForm(forms.Form):
    """What is granted."""

    grade = forms.ChoiceField(label=_("Grade"), choices=Grade.choices)
    amount = YuanField(label=_("Granted, yuan"))
    note = forms.CharField(
        label=_("How it was audited"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, claim: GrantClaim, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if claim.grade:
            del self.fields["grade"]  # the inspection's stands


class ReasonForm(forms.Form):
    """One sentence of why."""

    reason = forms.CharField(label=_("Reason"), min_length=2, max_length=300)


class NoteForm(forms.Form):
    """What was looked at before an instalment is asked for."""

    note = forms.CharField(label=_("What was looked at"), min_length=2, max_length=300)
