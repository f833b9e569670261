"""A policy's way: one person drafts it (and may change the draft), another puts it in force. What is in force only ever
ends earlier; whoever wants it otherwise drafts a new version."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEntry, User
from accounts.services import audit
from common.errors import Conflict, Refused
from settlement.models import Fund, Period, Policy, PolicyFactor
from settlement.queries.policies import overlapping_policy, policy_seal
from settlement.queries.statements import policy_in_the_way
from settlement.rules import CLAMP_MAX, CLAMP_MIN, RATE_MAX, Factor
from settlement.services.lines import lock_county
from settlement.states import BANDS, FactorKind, Grade, PeriodState, PolicyState, ServiceModel
from stations.models import Region
from stations.states import HostKind, RegionLevel, Terrain

KEYS = {FactorKind.TERRAIN: Terrain, FactorKind.MODEL: ServiceModel, FactorKind.GRADE: Grade}
BANDS_MAX = 12  # rows of one kind
MULTIPLIER_MAX = Decimal(10)


@dataclass(frozen=True)
class PolicyFields:
    """What a draft says; rates in yuan a parcel, `valid_until` is the last day (None: until another takes over).
    `townships`: 9-digit codes, None for the whole county; `award_shares`: parts of 1 for the grades A to D."""

    fund_id: int
    number: str
    name: str
    issuer: str
    rate_delivery: Decimal
    valid_from: date
    valid_until: date | None = None
    rate_collection: Decimal | None = None
    clamp_min: Decimal = CLAMP_MIN
    clamp_max: Decimal = CLAMP_MAX
    remote_allowance: Decimal = Decimal(0)
    remote_from_km: Decimal | None = None
    month_cap: Decimal | None = None
    entry_volume: int = 0
    host_kinds: tuple[str, ...] = ()
    townships: tuple[str, ...] | None = None
    clawback_days: int = 90
    award_shares: tuple[Decimal, Decimal, Decimal, Decimal] | None = None
    award_a_limit: Decimal = Decimal("0.45")
    factors: tuple[Factor, ...] = ()


@transaction.atomic
def draft_policy(*, county_code: str, fields: PolicyFields, by: User, at: datetime) -> Policy:
    """A new draft. Refused with the first of `policy_faults`, Conflict "policy_number_taken"."""
    _refuse(county_code, fields)
    policy = Policy(county_code=county_code, created_by=by, created_at=at)
    _write(policy, fields)
    _audit(policy, "policy.drafted", by, at)
    return policy


@transaction.atomic
def change_policy(*, policy_id: int, fields: PolicyFields, by: User, at: datetime, seen: str = "") -> Policy:
    """Change a draft. Conflict "policy_in_use" once it is in force, "policy_changed" if it isn't any more what `seen`
    (queries.policies.policy_seal) was; else as draft_policy."""
    policy = Policy.objects.select_for_update().get(pk=policy_id)
    if policy.state != PolicyState.DRAFT:
        raise Conflict("policy_in_use", _("This policy is in force and stays as it is. Make a new version of it."))
    _unchanged(policy, seen)
    _refuse(policy.county_code, fields)
    _write(policy, fields)
    _audit(policy, "policy.changed", by, at)
    return policy


def activate_policy(*, policy_id: int, by: User, at: datetime, seen: str = "") -> Policy:
    """Put a draft in force; an earlier policy that would reach into it ends the day before, and settlement reads the
    county again. Refused "same_person" for whoever wrote on it, Conflict "policy_not_draft", "policy_changed",
    "policy_overlaps" or "fund_paid_already"."""
    try:
        with transaction.atomic():
            county_code = Policy.objects.values_list("county_code", flat=True).get(pk=policy_id)
            # One at a time in a county: two that meet in the exclusion constraint wait for each other, a deadlock.
            lock_county(county_code=county_code)
            policy = Policy.objects.select_for_update().get(pk=policy_id)
            if policy.state != PolicyState.DRAFT:
                raise Conflict("policy_not_draft", _("This policy is in force already."))
            if by.pk in _writers(policy):
                raise Refused("same_person", _("Who drafted a policy can't put it in force. Ask a second person."))
            _unchanged(policy, seen)
            other = overlapping_policy(county_code=policy.county_code, first=policy.valid_from, end=policy.valid_to)
            if other is not None:
                raise Conflict("policy_overlaps", _overlap(other, policy.valid_from, policy.valid_to))
            earlier = policy_in_the_way(policy)
            if earlier is not None:
                _refuse_another_fund(policy, earlier)
                Policy.objects.filter(pk=earlier.pk).update(valid_to=policy.valid_from)
                _audit(earlier, "policy.ended", by, at, {"valid_to": policy.valid_from.isoformat()})
            policy.state, policy.activated_by, policy.activated_at = PolicyState.ACTIVE, by, at
            policy.save(update_fields=["state", "activated_by", "activated_at"])
            _audit(policy, "policy.activated", by, at)
    except IntegrityError as overlap:  # somebody put another one in force between the look and the write
        raise Conflict(
            "policy_overlaps", _("Another policy is in force on some of these days and begins no earlier.")
        ) from overlap
    return policy


def _refuse_another_fund(policy: Policy, earlier: Policy) -> None:
    """What one fund paid is set off in that fund: months that are settled don't change theirs, or both would pay."""
    settled = Period.objects.filter(county_code=policy.county_code, month__gte=policy.valid_from.replace(day=1))
    if earlier.fund_id != policy.fund_id and settled.exclude(state=PeriodState.OPEN).exists():
        raise Conflict(
            "fund_paid_already",
            _("A month on these days is frozen or paid out of another fund. Let the policy begin after it."),
            pointer="/valid_from",
        )


def discard_policy(*, policy_id: int, by: User, at: datetime) -> None:
    """Delete a draft. Conflict "policy_not_draft" once it is in force, "policy_in_use" if a line names it."""
    with transaction.atomic():
        policy = Policy.objects.select_for_update().get(pk=policy_id)
        if policy.state != PolicyState.DRAFT:
            raise Conflict("policy_not_draft", _("This policy is in force already."))
        _audit(policy, "policy.discarded", by, at)
        try:
            policy.delete()
        except ProtectedError as used:
            raise Conflict(
                "policy_in_use", _("This policy is in force and stays as it is. Make a new version of it.")
            ) from used


def policy_faults(*, county_code: str, fields: PolicyFields) -> Iterator[Refused]:
    """Everything a draft can't say, each with the field it stands in."""
    yield from _rate_faults(fields)
    yield from _span_faults(county_code, fields)
    yield from _reach_faults(county_code, fields)
    yield from _award_faults(fields)
    for kind in FactorKind:
        yield from _factor_faults(kind, [factor for factor in fields.factors if factor.kind == kind])


def _between(value: Decimal | None, low: Decimal, high: Decimal) -> bool:
    return value is not None and value.is_finite() and low <= value <= high


def _rate_faults(fields: PolicyFields) -> Iterator[Refused]:
    for name in ("clamp_min", "clamp_max"):
        if not _between(getattr(fields, name), Decimal(0), RATE_MAX):
            yield Refused("rate_out_of_range", _("Between 0 and 2 yuan."), pointer=f"/{name}")
            return
    if fields.clamp_min > fields.clamp_max:
        yield Refused("clamp_upside_down", _("The most lies below the least."), pointer="/clamp_max")
    for name in ("rate_delivery", "rate_collection"):
        rate: Decimal | None = getattr(fields, name)
        if rate is None and name == "rate_collection":
            continue
        if rate is None or not rate.is_finite() or not 0 < rate <= RATE_MAX:
            yield Refused("rate_out_of_range", _("More than 0, at most 2 yuan a parcel."), pointer=f"/{name}")
        elif rate > fields.clamp_max:
            yield Refused(
                "rate_above_clamp",
                _("The base rate %(rate)s lies above the most a parcel may get, %(most)s yuan.")
                % {"rate": _plain(rate), "most": _plain(fields.clamp_max)},
                pointer=f"/{name}",
            )
    if (fields.remote_from_km is None) != (not fields.remote_allowance):
        yield Refused(
            "remote_incomplete",
            _("The allowance and the distance belong together: fill in both or neither."),
            pointer="/remote_allowance" if fields.remote_from_km is not None else "/remote_from_km",
        )
    elif not _between(fields.remote_allowance, Decimal(0), RATE_MAX):
        yield Refused("rate_out_of_range", _("Between 0 and 2 yuan."), pointer="/remote_allowance")
    if fields.remote_from_km is not None and not _between(fields.remote_from_km, Decimal(0), Decimal(1000)):
        yield Refused("distance_out_of_range", _("Between 0 and 1000 km."), pointer="/remote_from_km")
    if fields.month_cap is not None and not _between(fields.month_cap, Decimal("0.01"), Decimal(10**8)):
        yield Refused("cap_out_of_range", _("More than 0, at most 100,000,000 yuan."), pointer="/month_cap")


def _span_faults(county_code: str, fields: PolicyFields) -> Iterator[Refused]:
    if fields.valid_until and fields.valid_until < fields.valid_from:
        yield Refused("policy_ends_before_it_begins", _("The last day lies before the first."), pointer="/valid_until")
        return
    end = _end(fields)
    other = overlapping_policy(county_code=county_code, first=fields.valid_from, end=end)
    if other is not None:
        yield Refused("policy_overlaps", _overlap(other, fields.valid_from, end), pointer="/valid_from")


def _reach_faults(county_code: str, fields: PolicyFields) -> Iterator[Refused]:
    if not Fund.objects.filter(pk=fields.fund_id, county_code=county_code).exists():
        yield Refused("fund_unknown", _("This county has no such fund."), pointer="/fund")
    if fields.townships is not None:
        known = Region.objects.filter(
            level=RegionLevel.TOWNSHIP, county_code=county_code, code__in=[f"{code}000" for code in fields.townships]
        )
        if not fields.townships:
            yield Refused("area_empty", _("Choose at least one township, or the whole county."), pointer="/townships")
        elif len(set(known.values_list("code", flat=True))) != len(set(fields.townships)):
            yield Refused("area_unknown", _("A township of this county, please."), pointer="/townships")
    if not set(fields.host_kinds) <= set(HostKind.values):
        yield Refused("host_unknown", _("A kind of host from the list, please."), pointer="/host_kinds")
    if not 0 <= fields.entry_volume <= 10**6:
        yield Refused("volume_out_of_range", _("Between 0 and 1,000,000 parcels."), pointer="/entry_volume")
    if not 0 <= fields.clawback_days <= 3650:
        yield Refused("days_out_of_range", _("Between 0 and 3650 days."), pointer="/clawback_days")


def _award_faults(fields: PolicyFields) -> Iterator[Refused]:
    shares = fields.award_shares or ()
    if any(not _between(share, Decimal(0), Decimal(1)) for share in (*shares, fields.award_a_limit)):
        yield Refused("share_out_of_range", _("Between 0 and 100 percent."), pointer="/award_shares")
    elif list(shares) != sorted(shares, reverse=True):
        yield Refused("shares_upside_down", _("A better grade gets no less than a worse one."), pointer="/award_shares")


def _factor_faults(kind: FactorKind, factors: list[Factor]) -> Iterator[Refused]:
    pointer = f"/{kind.value}"
    if any(not _between(f.multiplier, Decimal("0.000001"), MULTIPLIER_MAX) for f in factors):
        yield Refused("multiplier_out_of_range", _("A multiplier lies above 0 and at most at 10."), pointer=pointer)
    if len(factors) > BANDS_MAX:
        yield Refused("too_many_bands", _("At most 12 rows."), pointer=pointer)
    if kind in BANDS:
        starts = [factor.from_value for factor in factors]
        if any(start is None or not _between(start, Decimal(0), Decimal(10**7)) for start in starts):
            yield Refused("band_out_of_range", _("A band begins between 0 and 10,000,000."), pointer=pointer)
        wrong = any(factor.key for factor in factors)
    else:
        starts = [factor.key for factor in factors]  # type: ignore[misc]
        wrong = any(f.key not in KEYS[kind].values or f.from_value is not None for f in factors)
    if wrong:
        yield Refused("factor_unknown", _("A word from the list, please."), pointer=pointer)
    if len(set(starts)) != len(starts):
        yield Refused("band_twice", _("Two rows begin at the same value."), pointer=pointer)


def _refuse(county_code: str, fields: PolicyFields) -> None:
    for fault in policy_faults(county_code=county_code, fields=fields):
        raise fault


def fill(policy: Policy, fields: PolicyFields) -> Policy:
    """The row as `fields` say, not saved; its factors stay in `fields`."""
    values: dict[str, Any] = {name: getattr(fields, name) for name in asdict(fields)}
    for name in ("factors", "valid_until"):
        values.pop(name)
    for name, value in values.items():
        setattr(policy, name, list(value) if isinstance(value, tuple) else value)
    policy.valid_to = _end(fields)
    return policy


def _write(policy: Policy, fields: PolicyFields) -> None:
    fill(policy, fields)
    try:
        with transaction.atomic():
            policy.save()
    except IntegrityError as taken:
        raise Conflict(
            "policy_number_taken", _("This county has a policy of that number already."), pointer="/number"
        ) from taken
    policy.factors.all().delete()
    PolicyFactor.objects.bulk_create(
        PolicyFactor(policy=policy, kind=f.kind, key=f.key, from_value=f.from_value, multiplier=f.multiplier)
        for f in fields.factors
    )


def _end(fields: PolicyFields) -> date | None:
    return fields.valid_until + timedelta(days=1) if fields.valid_until else None


def _overlap(other: Policy, first: date, end: date | None) -> str:
    """Which policy, and on which days: "Overlaps policy “2026 Q4” from … to …"."""
    first = max(first, other.valid_from)
    last = min((day for day in (end, other.valid_to) if day), default=None)
    values = {"name": other.name, "number": other.number, "first": date_format(first, "DATE_FORMAT")}
    if last is None:
        return _("Overlaps policy “%(name)s” (%(number)s) from %(first)s on.") % values
    values["last"] = date_format(last - timedelta(days=1), "DATE_FORMAT")
    return _("Overlaps policy “%(name)s” (%(number)s) from %(first)s to %(last)s.") % values


def _unchanged(policy: Policy, seen: str) -> None:
    if seen and seen != policy_seal(policy):
        raise Conflict("policy_changed", _("Somebody changed this draft since you opened it. Look at it again."))


def _writers(policy: Policy) -> set[int | None]:
    """Everybody whose hand is in the draft: who only changed it later may not put it in force either."""
    trail = AuditEntry.objects.filter(
        entity="policy", entity_id=str(policy.pk), action__in=["policy.drafted", "policy.changed"]
    )
    return {policy.created_by_id, *trail.values_list("actor_id", flat=True)}


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _audit(policy: Policy, action: str, by: User, at: datetime, after: dict[str, str] | None = None) -> None:
    audit(
        actor=by,
        action=action,
        entity="policy",
        entity_id=policy.pk,
        label=str(policy),
        at=at,
        county_code=policy.county_code,
        after=after
        or {
            "rate_delivery": str(policy.rate_delivery),
            "rate_collection": str(policy.rate_collection or ""),
            "valid_from": str(policy.valid_from),
            "valid_to": str(policy.valid_to or ""),
        },
    )
