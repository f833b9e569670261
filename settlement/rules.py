"""The subsidy's arithmetic, as plain calculation: what a parcel is worth at an outlet, and why.

amount = base rate × the factors that fit, plus the remote-area allowance, kept between the policy's clamps, rounded
half up to 4 places once, at the end. Every step leaves a row in `reasons`, which is what a line keeps and what
`reason_sentences` says to people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from common import money
from settlement.states import FactorKind, PaidService, ServiceModel
from stations.states import Terrain

CLAMP_MIN = Decimal("0.3000")  # yuan a parcel; a policy may name another band inside RATE_MAX
CLAMP_MAX = Decimal("0.5000")
RATE_MAX = Decimal("2.0000")


@dataclass(frozen=True)
class Factor:
    """× `multiplier` for the word `key`, or from the value `from_value` on until the next band."""

    kind: str
    multiplier: Decimal
    key: str = ""
    from_value: Decimal | None = None


@dataclass(frozen=True)
class Rule:
    """A policy as plain data. Yuan a parcel; `townships` None: the whole county; `host_kinds` empty: every host."""

    policy_id: int
    number: str
    rate_delivery: Decimal
    rate_collection: Decimal | None = None
    clamp_min: Decimal = CLAMP_MIN
    clamp_max: Decimal = CLAMP_MAX
    remote_allowance: Decimal = Decimal(0)
    remote_from_km: Decimal | None = None
    entry_volume: int = 0
    host_kinds: tuple[str, ...] = ()
    townships: tuple[str, ...] | None = None
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True)
class OutletFacts:
    """What a price depends on at an outlet on a day. `volume`: parcels in its last closed month `volume_month`, None
    for an outlet without one; None or "" where nobody entered a fact."""

    village: str
    township_code: str
    host_kind: str
    terrain: str
    volume: int | None = None
    volume_month: date | None = None
    distance_km: Decimal | None = None
    density: Decimal | None = None
    grade: str = ""


@dataclass(frozen=True)
class Price:
    """What one parcel is worth: the base rate, the amount (4 places) and the steps from one to the other."""

    rate: Decimal
    amount: Decimal
    reasons: tuple[Mapping[str, Any], ...]


def price(rule: Rule, facts: OutletFacts, service: str, model: str) -> Price | None:
    """The price of one parcel served at an outlet; None if the policy doesn't pay for it there."""
    base = rule.rate_collection if service == PaidService.OUTLET_COLLECTION else rule.rate_delivery
    if base is None or not eligible(rule, facts):
        return None
    reasons: list[dict[str, Any]] = [
        {"code": "base", "service": service, "rate": str(money.line_yuan(base)), "policy": rule.number}
    ]
    amount = base
    for kind in FactorKind:
        factors = [factor for factor in rule.factors if factor.kind == kind]
        if factors:
            value, said = _value(kind, rule, facts, model)
            multiplier = _multiplier(factors, value)
            amount *= multiplier
            reasons.append({"code": kind.value, "value": said, "factor": f"{multiplier.normalize():f}"})
            if kind == FactorKind.TIER and facts.volume_month:
                reasons[-1]["month"] = f"{facts.volume_month:%Y-%m}"
            if kind == FactorKind.TERRAIN:
                reasons[-1]["village"] = facts.village
    if rule.remote_from_km is not None and facts.distance_km is not None and facts.distance_km >= rule.remote_from_km:
        amount += rule.remote_allowance
        reasons.append(
            {"code": "remote", "value": _plain(facts.distance_km), "yuan": str(money.line_yuan(rule.remote_allowance))}
        )
    clamped = min(max(amount, rule.clamp_min), rule.clamp_max)
    if money.line_yuan(clamped) != money.line_yuan(amount):  # 0.5000001 by a factor of six places is no clamp
        reasons.append(
            {"code": "clamp", "was": str(money.line_yuan(amount)), "to": str(money.line_yuan(clamped))},
        )
    return Price(money.line_yuan(base), money.line_yuan(clamped), tuple(reasons))


def eligible(rule: Rule, facts: OutletFacts) -> bool:
    """Whether the policy pays this outlet at all."""
    return (not rule.host_kinds or facts.host_kind in rule.host_kinds) and (
        rule.townships is None or facts.township_code in rule.townships
    )


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _value(kind: str, rule: Rule, facts: OutletFacts, model: str) -> tuple[Decimal | str | None, Any]:
    """What a factor looks at, and how it is kept in the reason (null: nobody entered it)."""
    if kind == FactorKind.TIER:
        volume = rule.entry_volume if facts.volume is None else facts.volume
        return Decimal(volume), volume
    if kind == FactorKind.TERRAIN:
        return facts.terrain, facts.terrain
    if kind == FactorKind.MODEL:
        return model, model
    if kind == FactorKind.GRADE:
        return facts.grade or None, facts.grade or None
    number = facts.distance_km if kind == FactorKind.DISTANCE else facts.density
    return number, None if number is None else _plain(number)


def _multiplier(factors: list[Factor], value: Decimal | str | None) -> Decimal:
    if value is None:
        return Decimal(1)
    if isinstance(value, str):
        return next((factor.multiplier for factor in factors if factor.key == value), Decimal(1))
    bands = [factor for factor in factors if factor.from_value is not None and factor.from_value <= value]
    return max(bands, key=lambda factor: factor.from_value or 0).multiplier if bands else Decimal(1)


@dataclass(frozen=True)
class Payable:
    """A sum of lines as it will stand on a statement: 2 places, and what rounding leaves over."""

    exact: Decimal

    @property
    def rounded(self) -> Decimal:
        return money.statement_yuan(self.exact)

    @property
    def remainder(self) -> Decimal:
        return money.line_yuan(self.exact - self.rounded)


def reason_sentences(reasons: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why a line has its amount, one sentence a step, in the reader's language."""
    return [said for reason in reasons if (said := _sentence(reason))]


def _sentence(reason: Mapping[str, Any]) -> str:
    code = reason.get("code")
    if code == "base":
        return _("%(service)s: base rate %(rate)s yuan under policy %(policy)s.") % {
            "service": PaidService(reason["service"]).label,
            "rate": reason["rate"],
            "policy": reason["policy"],
        }
    if code == "remote":
        return _("Remote: %(value)s km from the township, plus %(yuan)s yuan.") % reason
    if code == "clamp":
        return _("%(was)s yuan lies outside the policy's bounds: %(to)s yuan.") % reason
    if code == FactorKind.TERRAIN and "rate" in reason:  # as lines said it before there were factors
        return _("%(terrain)s, %(rate)s yuan: %(village)s counts as %(terrain)s under policy %(policy)s.") % {
            "terrain": Terrain(reason["terrain"]).label,
            "rate": reason["rate"],
            "village": reason["village"],
            "policy": reason["policy"],
        }
    if code in FactorKind.values:
        return _factor_sentence(FactorKind(code), reason)
    return ""


def _factor_sentence(kind: FactorKind, reason: Mapping[str, Any]) -> str:
    values = {"value": reason["value"], "factor": reason["factor"], **reason}
    if reason["value"] is None:
        return _("%(kind)s: nobody entered it, × 1.") % {"kind": kind.label}
    if kind == FactorKind.TIER:
        if reason.get("month"):
            return _("Volume: %(value)s parcels in %(month)s, × %(factor)s.") % values
        return _("Volume: new outlet, counted as %(value)s parcels, × %(factor)s.") % values
    if kind == FactorKind.TERRAIN:
        values["value"] = Terrain(reason["value"]).label
        return _("Terrain: %(village)s counts as %(value)s, × %(factor)s.") % values
    if kind == FactorKind.MODEL:
        values["value"] = ServiceModel(reason["value"]).label
        return _("%(value)s: × %(factor)s.") % values
    if kind == FactorKind.GRADE:
        return _("Quality grade %(value)s: × %(factor)s.") % values
    if kind == FactorKind.DISTANCE:
        return _("Distance: %(value)s km to the township, × %(factor)s.") % values
    return _("Density: %(value)s persons a km², × %(factor)s.") % values
