"""Objecting to a notice or a clawback, reading the answer, deciding."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from settlement.models import Statement
from settlement.services.appeals import TEXT_MAX
from settlement.states import AppealState


class ObjectForm(forms.Form):
    """What anybody may write about a notice; name and phone are kept encrypted."""

    station = forms.ChoiceField(label=_("About"), required=False)
    text = forms.CharField(
        label=_("What is wrong"), max_length=TEXT_MAX, widget=forms.Textarea(attrs={"rows": 5, "maxlength": TEXT_MAX})
    )
    name = forms.CharField(label=_("Your name"), max_length=40, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    phone = forms.RegexField(
        r"^\+?[0-9][0-9 -]{5,19}$",
        label=_("Your phone"),
        error_messages={"invalid": _("A phone number, please.")},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
        help_text=_("Only the county's settlement office sees your name and phone."),
    )

    def __init__(self, *args: Any, outlets: Iterable[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["station"].choices = [  # type: ignore[attr-defined]
            ("", _("The notice as a whole")),
            *((str(pk), name) for pk, name in outlets),
        ]


class ReceiptForm(forms.Form):
    receipt = forms.CharField(label=_("Receipt number"), max_length=40, help_text=_("As in 12-ABCDE-FGHJK"))


class TextForm(forms.Form):
    """An outlet's objection to a clawback."""

    text = forms.CharField(
        label=_("What is wrong"), max_length=TEXT_MAX, widget=forms.Textarea(attrs={"rows": 4, "maxlength": TEXT_MAX})
    )


class DecideForm(forms.Form):
    """The answer to an objection, and what it is worth."""

    verdict = forms.ChoiceField(
        label=_("Your decision"),
        choices=[("upheld", _("Upheld")), ("rejected", _("Not upheld"))],
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("Answer"),
        max_length=TEXT_MAX,
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": TEXT_MAX}),
        help_text=_("Whoever objected reads this; name nobody."),
    )
    amount = forms.DecimalField(
        label=_("Added to the outlet's next month, yuan"),
        required=False,
        max_digits=10,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text=_("With a minus if the outlet got too much. Leave it empty if the sum stays."),
    )
    statement = forms.ChoiceField(label=_("For the statement of"), required=False)

    def __init__(
        self, *args: Any, with_amount: bool = True, statements: Iterable[Statement] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        rows = list(statements)
        if not with_amount:
            del self.fields["amount"]
        if not with_amount or not rows:
            del self.fields["statement"]
        else:
            self.fields["statement"].choices = [  # type: ignore[attr-defined]
                ("", _("Choose")),
                *((str(row.pk), f"{row.station.name} · {row.fund.name}") for row in rows),
            ]


class AppealFilter(forms.Form):
    """State; it stands in the URL."""

    state = forms.ChoiceField(label=_("State"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["state"].choices = [("", _("All states")), *AppealState.choices]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> str:
        return str(self.cleaned_data.get("state", "")) if self.is_valid() else ""
