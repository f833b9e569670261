"""Reads of policies: a policy as plain data, what it overlaps, the days without one."""

import hashlib
import json
from datetime import date
from typing import Any

from django.db.models import Q

from settlement.models import Policy
from settlement.rules import Factor, Rule
from settlement.states import PolicyState


def rule_of(policy: Policy) -> Rule:
    """A policy with its factors as rules.price takes it."""
    return Rule(
        policy_id=policy.pk,
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
        factors=tuple(Factor(f.kind, f.multiplier, f.key, f.from_value) for f in policy.factors.all()),
    )


def policy_seal(policy: Policy) -> str:
    """A fingerprint of everything a draft says: what was read is what gets signed, or changed."""
    row = Policy.objects.filter(pk=policy.pk).values().get()
    factors = list(
        policy.factors.order_by("kind", "key", "from_value").values("kind", "key", "from_value", "multiplier")
    )
    said: dict[str, Any] = {"policy": row, "factors": factors}
    return hashlib.sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()[:16]


def overlapping_policy(*, county_code: str, first: date, end: date | None, without: int | None = None) -> Policy | None:
    """The policy in force that shares days of [first, end) and begins no earlier, so that taking over can't end it."""
    rows = Policy.objects.active().filter(county_code=county_code, valid_from__gte=first)
    if end is not None:
        rows = rows.filter(valid_from__lt=end)
    rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=first), state=PolicyState.ACTIVE)
    return rows.exclude(pk=without).order_by("valid_from").first()
