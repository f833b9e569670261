"""Reads of policies: a policy as plain data, what it overlaps, the days without one."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from django.db.models import Q

from settlement.models import Policy
from settlement.rules import Factor, Rule
from settlement.states import PolicyState


def factors_of(policy: Policy) -> tuple[Factor, ...]:
    return tuple(Factor(f.kind, f.multiplier, f.key, f.from_value) for f in policy.factors.all())


def rule_of(policy: Policy, factors: Iterable[Factor] | None = None) -> Rule:
    """A policy with its factors (those given, for one that isn't saved) as rules.price takes it."""
    return Rule(
        policy_id=policy.pk or 0,
        number=policy.number,
        rate_delivery=policy.rate_delivery,
        rate_collection=policy.rate_collection,
        clamp_min=policy.clamp_min,
        clamp_max=policy.clamp_max,
        remote_allowance=policy.remote_allowance,
        remote_from_km=policy.remote_from_km,
        entry_volume=policy.entry_volume,
        host_kinds=tuple(policy.host_kinds),
        townships=None if policy.townships is None else tuple(policy.townships),
        factors=factors_of(policy) if factors is None else tuple(factors),
    )


def policy_seal(policy: Policy) -> str:
    """A fingerprint of everything a draft says: what was read is what gets signed, or changed."""
    row = Policy.objects.filter(pk=policy.pk).values().get()
    factors = list(
        policy.factors.order_by("kind", "key", "from_value").values("kind", "key", "from_value", "multiplier")
    )
    said: dict[str, Any] = {"policy": row, "factors": factors}
    return hashlib.sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()[:16]


def overlapping_policy(*, county_code: str, first: date, end: date | None) -> Policy | None:
    """The policy in force that shares days of [first, end) and begins no earlier, so that taking over can't end it."""
    rows = Policy.objects.active().filter(county_code=county_code, valid_from__gte=first)
    if end is not None:
        rows = rows.filter(valid_from__lt=end)
    rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=first), state=PolicyState.ACTIVE)
    return rows.order_by("valid_from").first()


def gaps(*, county_code: str, first: date, end: date | None) -> list[tuple[date, date]]:
    """Spans [from, to) between the first day of any policy and the last on which none would be in force if one held
    from `first` to `end` (exclusive; None: open). A policy without a successor ends nothing: see `open_end`."""
    spans = [(first, end)]
    for row in Policy.objects.active().filter(county_code=county_code):
        last = row.valid_to
        if row.valid_from < first:
            last = min(last or first, first)
        spans.append((row.valid_from, last))
    found: list[tuple[date, date]] = []
    upto: date | None = min(start for start, _last in spans)
    for start, last in sorted(spans, key=lambda span: span[0]):
        if upto is None:
            break
        if start > upto:
            found.append((upto, start))
        upto = None if last is None else max(upto, last)
    return found


def days_after(*, county_code: str, first: date, end: date | None) -> date | None:
    """The first day after which no policy would be in force for good; None if one has no end."""
    rows = Policy.objects.active().filter(county_code=county_code)
    ends = [end, *(row.valid_to for row in rows if row.valid_from >= first)]
    return None if None in ends else max(day for day in ends if day)


@dataclass(frozen=True)
class Overlap:
    """Two policies of the register that share days: from when to when (inclusive, None: open), for which services, in
    which townships (None: the whole county), and how it ends."""

    one: Policy
    other: Policy
    first: date
    last: date | None
    services: tuple[str, ...]
    townships: tuple[str, ...] | None
    outcome: str  # "takes_over" | "refused" | "one_of_two"

    @property
    def covers_something_twice(self) -> bool:
        return bool(self.services) and self.townships != ()


def overlaps(policies: Iterable[Policy]) -> list[Overlap]:
    """Every pair of one county's policies whose days meet. Two in force never do (policy_one_a_day)."""
    found = []
    for one, other in combinations(sorted(policies, key=lambda row: (row.valid_from, row.pk)), 2):
        if one.county_code != other.county_code or (one.valid_to and one.valid_to <= other.valid_from):
            continue
        ends = [row.valid_to for row in (one, other) if row.valid_to]
        drafts = [row for row in (one, other) if row.state == PolicyState.DRAFT]
        outcome = "one_of_two" if len(drafts) == 2 else "takes_over"
        if drafts == [one] or (len(drafts) == 1 and one.valid_from == other.valid_from):
            outcome = "refused"  # the one in force begins no earlier
        elif len(drafts) == 2 and one.valid_from < other.valid_from:
            outcome = "takes_over"
        found.append(
            Overlap(
                one=one,
                other=other,
                first=other.valid_from,
                last=min(ends) - timedelta(days=1) if ends else None,
                services=("outlet_delivery", "outlet_collection")
                if one.rate_collection and other.rate_collection
                else ("outlet_delivery",),
                townships=_common(one.townships, other.townships),
                outcome=outcome,
            )
        )
    return found


def _common(one: list[str] | None, other: list[str] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        wanted = other if one is None else one
        return None if wanted is None else tuple(wanted)
    return tuple(sorted(set(one) & set(other)))
