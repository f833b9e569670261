"""A policy said in sentences, as one would tell it on the phone: the same for a draft being typed and one in force."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from common import money
from settlement.models import Policy
from settlement.queries.policies import rule_of
from settlement.queries.statements import last_day
from settlement.rules import Factor, OutletFacts, Rule, price
from settlement.states import BANDS, FactorKind, Grade, PaidService, ServiceModel
from stations.states import HostKind, Terrain


def sentences(
    policy: Policy,
    *,
    factors: Iterable[Factor] | None = None,
    fund_name: str = "",
    townships: Mapping[str, str] | None = None,
) -> list[str]:
    """The rule, one sentence a thought. `factors` for a policy that isn't saved; `townships`: names by 9 digits."""
    rule = rule_of(policy, factors)
    said = [_base(policy, rule)]
    said += [_factor(kind, rule) for kind in FactorKind if any(f.kind == kind for f in rule.factors)]
    if any(factor.kind == FactorKind.TIER for factor in rule.factors):
        said.append(
            _("Until its first month is closed, an outlet counts as %(count)s parcels a month.")
            % {"count": rule.entry_volume}
        )
    if rule.remote_from_km is not None and rule.remote_allowance:
        values = {"km": plain(rule.remote_from_km), "yuan": plain(rule.remote_allowance)}
        said.append(_("From %(km)s km to the township on, each parcel earns %(yuan)s yuan more.") % values)
    values = {"least": plain(rule.clamp_min), "most": plain(rule.clamp_max)}
    said.append(_("No parcel gets less than %(least)s or more than %(most)s yuan.") % values)
    said.append(_example(rule))
    if policy.month_cap is not None:
        said.append(_("An outlet gets at most %(yuan)s yuan a month.") % {"yuan": plain(policy.month_cap)})
    said.append(_who(rule, townships or {}))
    if policy.award_shares:
        shares = _(", ").join(
            f"{label} {plain(Decimal(share) * 100)}%"
            for label, share in zip(Grade.labels, policy.award_shares, strict=True)
        )
        values = {"shares": shares, "limit": plain(Decimal(policy.award_a_limit) * 100)}
        said.append(
            _("Of the yearly award the grades get: %(shares)s; at most %(limit)s%% of the outlets are graded A.")
            % values
        )
    said.append(
        _("A payment can be taken back within %(days)s days after the delivery.") % {"days": policy.clawback_days}
    )
    if fund_name:
        said.append(_("The money comes from “%(fund)s”.") % {"fund": fund_name})
    return said


def plain(value: Decimal) -> str:
    """A number without zeros at its end and without an exponent."""
    return f"{Decimal(value).normalize():f}"


def _base(policy: Policy, rule: Rule) -> str:
    last = last_day(policy)
    values = {
        "first": date_format(policy.valid_from, "DATE_FORMAT"),
        "last": date_format(last, "DATE_FORMAT") if last else "",
        "delivery": plain(rule.rate_delivery),
        "collection": plain(rule.rate_collection) if rule.rate_collection is not None else "",
    }
    span = _("From %(first)s to %(last)s") % values if last else _("From %(first)s on") % values
    if rule.rate_collection is None:
        rest = _(
            ", each parcel delivered at a village outlet earns the outlet %(delivery)s yuan; collecting earns nothing."
        )
    else:
        rest = _(
            ", each parcel delivered at a village outlet earns the outlet %(delivery)s yuan, "
            "each collected from a sender %(collection)s yuan."
        )
    return span + rest % values


def _factor(kind: FactorKind, rule: Rule) -> str:
    factors = [factor for factor in rule.factors if factor.kind == kind]
    if kind in BANDS:
        known = sorted(factors, key=lambda factor: factor.from_value or 0)
        if (known[0].from_value or 0) > 0:
            known.insert(0, Factor(kind, Decimal(1), from_value=Decimal(0)))
        rows = [
            _("from %(value)s × %(times)s")
            % {"value": plain(factor.from_value or Decimal(0)), "times": plain(factor.multiplier)}
            for factor in known
        ]
    else:
        words = {FactorKind.TERRAIN: Terrain, FactorKind.MODEL: ServiceModel, FactorKind.GRADE: Grade}[kind]
        times = {factor.key: factor.multiplier for factor in factors}
        rows = [f"{label} × {plain(times.get(key, Decimal(1)))}" for key, label in words.choices]
    units = {
        FactorKind.TIER: _("By the outlet's parcels in its last closed month: %(rows)s."),
        FactorKind.DISTANCE: _("By the kilometres to the township: %(rows)s."),
        FactorKind.DENSITY: _("By the persons a km²: %(rows)s."),
        FactorKind.TERRAIN: _("By the terrain: %(rows)s."),
        FactorKind.MODEL: _("By the way of serving: %(rows)s."),
        FactorKind.GRADE: _("By the outlet's quality grade: %(rows)s; without a grade × 1."),
    }
    return units[kind] % {"rows": _(", ").join(rows)}


def _example(rule: Rule) -> str:
    """What it comes to: a new outlet in each terrain, a parcel picked up."""
    township = rule.townships[0] if rule.townships else ""
    host = rule.host_kinds[0] if rule.host_kinds else ""
    rows = []
    for terrain, label in Terrain.choices:
        facts = OutletFacts(village="", township_code=township, host_kind=host, terrain=terrain)
        found = price(rule, facts, PaidService.OUTLET_DELIVERY, ServiceModel.PICKUP)
        if found:
            rows.append(
                _("%(terrain)s %(yuan)s yuan") % {"terrain": label, "yuan": plain(money.line_yuan(found.amount))}
            )
    return _("For a parcel picked up at a new outlet without a grade that comes to: %(rows)s.") % {
        "rows": _(", ").join(rows)
    }


def _who(rule: Rule, townships: Mapping[str, str]) -> str:
    hosts = _(", ").join(str(HostKind(kind).label) for kind in rule.host_kinds)
    places = _(", ").join(townships.get(code, code) for code in rule.townships or ())
    if hosts and places:
        return _("Only outlets at %(hosts)s in %(places)s are paid.") % {"hosts": hosts, "places": places}
    if hosts:
        return _("Only outlets at %(hosts)s are paid, in the whole county.") % {"hosts": hosts}
    if places:
        return _("Only outlets in %(places)s are paid.") % {"places": places}
    return _("Every village outlet of the county is paid.")
