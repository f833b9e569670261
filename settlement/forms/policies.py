"""The form of a policy's draft: fields, and for each kind of band (volume, distance, density) a table of rows."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from common import text
from common.errors import Refused
from settlement.forms.numbers import PlainDecimalField, multiplier_field, rate_field, yuan_field
from settlement.models import Fund, Policy
from settlement.queries import last_day
from settlement.rules import CLAMP_MAX, CLAMP_MIN, Factor
from settlement.services.policies import BANDS_MAX, KEYS, PolicyFields
from settlement.states import BANDS, FactorKind, Grade
from stations.models import Region
from stations.states import HostKind

WHOLE_COUNTY, CHOSEN = "county", "chosen"
BAND_PLACES = {FactorKind.TIER: 0, FactorKind.DISTANCE: 1, FactorKind.DENSITY: 1}
BAND_LABELS = {
    FactorKind.TIER: _("From parcels a month"),
    FactorKind.DISTANCE: _("From km"),
    FactorKind.DENSITY: _("From persons a km²"),
}
SHARES = [f"share_{grade}" for grade in Grade.values]
BLANK_ROWS = 2  # open for typing where the browser runs no script


class BandForm(forms.Form):
    """One row: × multiplier from a value on. All rows of a kind have the same names: removing one is leaving it out."""

    def __init__(self, *args: Any, kind: FactorKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.fields["from"] = PlainDecimalField(
            label=BAND_LABELS[kind], least="0", most="1000000", decimal_places=BAND_PLACES[kind], required=False
        )
        self.fields["times"] = multiplier_field(label=_("Multiplier"), required=False)

    def add_prefix(self, field_name: str) -> str:
        return f"{self.kind.value}_{field_name}"

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and (values.get("from") is None) != (values.get("times") is None):
            self.add_error(
                "from" if values.get("from") is None else "times", _("Fill in both, or leave the row empty.")
            )
        return values


class BandTable:
    """The rows of one kind."""

    def __init__(self, kind: FactorKind, data: QueryDict | None, factors: list[Factor], more: bool) -> None:
        self.kind = kind
        self.label = kind.label
        self.faults: list[Any] = []
        bound: list[BandForm] = []
        if data is None:
            found = sorted((f for f in factors if f.kind == kind), key=lambda f: f.from_value or 0)
            bound = [self._row(n, initial={"from": f.from_value, "times": f.multiplier}) for n, f in enumerate(found)]
        else:
            typed = zip_longest(data.getlist(f"{kind.value}_from"), data.getlist(f"{kind.value}_times"), fillvalue="")
            for start, times in list(typed)[: BANDS_MAX + 1]:
                if start.strip() or times.strip():
                    said = {f"{kind.value}_from": start, f"{kind.value}_times": times}
                    bound.append(self._row(len(bound), said))
        self.filled = bound
        blank = max(BLANK_ROWS - len(bound) if data is None else 1, 1) + (2 if more else 0)
        self.rows = bound + [self._row(len(bound) + n) for n in range(min(blank, BANDS_MAX - len(bound)))]

    def _row(self, number: int, data: Mapping[str, str] | None = None, initial: Any = None) -> BandForm:
        return BandForm(data, kind=self.kind, initial=initial, auto_id=f"id_{number}_%s", use_required_attribute=False)

    def is_valid(self) -> bool:
        return all(row.is_valid() for row in self.filled)

    def factors(self) -> list[Factor]:
        """Of the rows that can be read."""
        return [
            Factor(self.kind.value, row.cleaned_data["times"], from_value=row.cleaned_data["from"])
            for row in self.filled
            if row.is_bound and row.is_valid() and row.cleaned_data.get("times") is not None
        ]


class PolicyForm(forms.Form):
    """What a draft says. Rates in yuan a parcel, shares in percent."""

    number = forms.CharField(label=_("Document number"), max_length=60)
    name = forms.CharField(label=_("Name"), max_length=120)
    issuer = forms.CharField(label=_("Issued by"), max_length=120)
    fund = forms.TypedChoiceField(label=_("Paid out of the fund"), coerce=int)
    valid_from = forms.DateField(
        label=_("First day"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    valid_until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=_("Leave it empty if the policy holds until another takes over."),
    )
    rate_delivery = rate_field(label=_("Base rate of a delivery, yuan a parcel"), initial="0.3")
    rate_collection = rate_field(
        label=_("Base rate of a collection, yuan a parcel"),
        required=False,
        help_text=_("Empty: collections are not paid for."),
    )
    clamp_min = rate_field(label=_("No parcel gets less than, yuan"), least="0", initial=CLAMP_MIN)
    clamp_max = rate_field(label=_("No parcel gets more than, yuan"), least="0", initial=CLAMP_MAX)
    remote_allowance = rate_field(label=_("Remote-area allowance, yuan a parcel"), least="0", required=False)
    remote_from_km = PlainDecimalField(
        label=_("paid from this distance to the township on, km"),
        least="0",
        most="1000",
        decimal_places=1,
        required=False,
    )
    month_cap = yuan_field(
        label=_("Cap per outlet and month, yuan"), most="100000000", required=False, help_text=_("Empty: no cap.")
    )
    entry_volume = forms.IntegerField(
        label=_("A new outlet counts as, parcels a month"),
        min_value=0,
        max_value=10**6,
        initial=0,
        required=False,
        help_text=_("Until its first month is closed; decides its volume tier."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    clawback_days = forms.IntegerField(
        label=_("Days in which a payment can be taken back"),
        min_value=0,
        max_value=3650,
        initial=90,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    host_kinds = forms.MultipleChoiceField(
        label=_("Only outlets at"),
        choices=HostKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: every outlet."),
    )
    area = forms.ChoiceField(
        label=_("Area"),
        choices=[(WHOLE_COUNTY, _("The whole county")), (CHOSEN, _("Only these townships"))],
        initial=WHOLE_COUNTY,
        widget=forms.RadioSelect,
    )
    townships = forms.MultipleChoiceField(label=_("Townships"), required=False, widget=forms.CheckboxSelectMultiple)
    award_a_limit = PlainDecimalField(
        label=_("At most this share of the outlets is graded A, percent"),
        least="0",
        most="100",
        decimal_places=2,
        initial="45",
        required=False,
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        funds: list[Fund],
        townships: list[Region],
        policy: Policy | None = None,
        factors: list[Factor] | None = None,
        more: str = "",
    ) -> None:
        known = list(factors or [])
        super().__init__(data, initial=initial_of(policy, known) if policy else None, use_required_attribute=False)
        self.fields["fund"].choices = [(fund.pk, str(fund)) for fund in funds]  # type: ignore[attr-defined]
        self.fields["townships"].choices = [(row.code[:9], row.name) for row in townships]  # type: ignore[attr-defined]
        for kind, words in KEYS.items():
            for key, label in words.choices:
                self.fields[f"{kind.value}_{key}"] = multiplier_field(label=label, required=False)
        for name, grade in zip(SHARES, Grade.labels, strict=True):
            self.fields[name] = PlainDecimalField(
                label=_("Grade %(grade)s, percent") % {"grade": grade},
                least="0",
                most="100",
                decimal_places=2,
                required=False,
            )
        self.bands = [BandTable(kind, data, known, more == kind.value) for kind in BANDS]

    def words(self) -> list[tuple[str, list[forms.BoundField]]]:
        """For each kind that goes by words: its name and its inputs."""
        return [
            (str(kind.label), [self[f"{kind.value}_{key}"] for key in words.values]) for kind, words in KEYS.items()
        ]

    def shares(self) -> list[forms.BoundField]:
        return [self[name] for name in SHARES]

    def is_valid(self) -> bool:
        rows = [table.is_valid() for table in self.bands]
        return super().is_valid() and all(rows)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name in ("number", "name", "issuer"):
            if name in values:
                values[name] = text.clean(values[name])
                if not values[name]:
                    self.add_error(name, _("Write something that can be read."))
        for name in ("valid_from", "valid_until"):
            day = values.get(name)
            if day and not date(2000, 1, 1) <= day <= date(2100, 1, 1):
                self.add_error(name, _("A day between 2000 and 2100."))
        given = [name for name in SHARES if values.get(name) is not None]
        if given and len(given) < len(SHARES) and not any(name in self.errors for name in SHARES):
            for name in set(SHARES) - set(given):
                self.add_error(name, _("All four grades, or none."))
        if values.get("area") == CHOSEN and not values.get("townships") and "townships" not in self.errors:
            self.add_error("townships", _("Choose at least one township, or the whole county."))
        return values

    def said(self) -> PolicyFields | None:
        """What can be read so far; None without a first day, a rate and bounds."""
        values = self.cleaned_data
        if any(values.get(name) is None for name in ("valid_from", "rate_delivery", "clamp_min", "clamp_max")):
            return None
        shares = [values[name] / 100 for name in SHARES if values.get(name) is not None]
        limit = values.get("award_a_limit")
        words = [
            Factor(kind.value, values[f"{kind.value}_{key}"], key=key)
            for kind, known in KEYS.items()
            for key in known.values
            if values.get(f"{kind.value}_{key}") is not None
        ]
        return PolicyFields(
            fund_id=values.get("fund") or 0,
            award_shares=tuple(shares) if len(shares) == len(SHARES) else None,  # type: ignore[arg-type]
            award_a_limit=Decimal("0.45") if limit is None else limit / 100,
            townships=tuple(values.get("townships") or ()) if values.get("area") == CHOSEN else None,
            host_kinds=tuple(values.get("host_kinds") or ()),
            remote_allowance=values.get("remote_allowance") or Decimal(0),
            entry_volume=values.get("entry_volume") or 0,
            clawback_days=90 if values.get("clawback_days") is None else values["clawback_days"],
            factors=(*words, *(factor for table in self.bands for factor in table.factors())),
            number=values.get("number") or "",
            name=values.get("name") or "",
            issuer=values.get("issuer") or "",
            valid_from=values["valid_from"],
            valid_until=values.get("valid_until"),
            rate_delivery=values["rate_delivery"],
            rate_collection=values.get("rate_collection"),
            clamp_min=values["clamp_min"],
            clamp_max=values["clamp_max"],
            remote_from_km=values.get("remote_from_km"),
            month_cap=values.get("month_cap"),
        )

    def add_fault(self, fault: Refused) -> None:
        """What a service refused, beside the field it points to."""
        name = fault.pointer.strip("/")
        tables = {table.kind.value: table for table in self.bands}
        if name in tables:
            tables[name].faults.append(fault.message)
            self.add_error(None, _("Please correct the fields marked below."))
        else:
            name = SHARES[0] if name == "award_shares" else name
            self.add_error(name if name in self.fields else None, fault.message)


def initial_of(policy: Policy, factors: list[Factor]) -> dict[str, Any]:
    """A policy as the form shows it."""
    names = (
        *("number", "name", "issuer", "valid_from", "rate_delivery", "rate_collection", "clamp_min", "clamp_max"),
        *("remote_from_km", "month_cap", "entry_volume", "clawback_days", "host_kinds"),
    )
    shares = zip(SHARES, policy.award_shares or [], strict=False)
    return {
        **{name: getattr(policy, name) for name in names},
        "fund": policy.fund_id,
        "valid_until": last_day(policy),
        "remote_allowance": policy.remote_allowance or None,
        "area": WHOLE_COUNTY if policy.townships is None else CHOSEN,
        "townships": policy.townships or [],
        "award_a_limit": policy.award_a_limit * 100,
        **{name: share * 100 for name, share in shares},
        **{f"{factor.kind}_{factor.key}": factor.multiplier for factor in factors if factor.key},
    }
