"""A policy's two steps: one person drafts, another puts it in force. What is in force only ever ends earlier."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, Refused
from settlement.models import Policy
from settlement.queries import policy_in_the_way
from settlement.rules import CLAMP_MAX, CLAMP_MIN
from settlement.states import PolicyState


@dataclass(frozen=True)
class PolicyFields:
    """What a draft says; rates in yuan a parcel, `valid_until` is the last day (None: until another takes over)."""

    number: str
    name: str
    issuer: str
    rate_plain: Decimal
    rate_hill: Decimal
    rate_mountain: Decimal
    valid_from: date
    valid_until: date | None = None


def draft_policy(*, county_code: str, fields: PolicyFields, by: User, at: datetime) -> Policy:
    """A new draft. Refused "rate_outside_clamp" or "policy_ends_before_it_begins", Conflict "policy_number_taken"."""
    for name in ("rate_plain", "rate_hill", "rate_mountain"):
        rate: Decimal = getattr(fields, name)
        if not rate.is_finite() or not CLAMP_MIN <= rate <= CLAMP_MAX:
            raise Refused("rate_outside_clamp", _("A rate lies between 0.30 and 0.50 yuan."), pointer=f"/{name}")
    if fields.valid_until and fields.valid_until < fields.valid_from:
        raise Refused("policy_ends_before_it_begins", _("The last day lies before the first."), pointer="/valid_until")
    try:
        with transaction.atomic():
            policy = Policy.objects.create(
                county_code=county_code,
                number=fields.number,
                name=fields.name,
                issuer=fields.issuer,
                rate_plain=fields.rate_plain,
                rate_hill=fields.rate_hill,
                rate_mountain=fields.rate_mountain,
                valid_from=fields.valid_from,
                valid_to=fields.valid_until + timedelta(days=1) if fields.valid_until else None,
                created_by=by,
                created_at=at,
            )
            _audit(policy, "policy.drafted", by, at)
    except IntegrityError as taken:
        raise Conflict(
            "policy_number_taken", _("This county has a policy of that number already."), pointer="/number"
        ) from taken
    return policy


def activate_policy(*, policy_id: int, by: User, at: datetime) -> Policy:
    """Put a draft in force; an earlier policy that would reach into it ends the day before, and settlement reads the
    county again. Refused "same_person", Conflict "policy_not_draft" or "policy_overlaps"."""
    try:
        with transaction.atomic():
            policy = Policy.objects.select_for_update().get(pk=policy_id)
            if policy.state != PolicyState.DRAFT:
                raise Conflict("policy_not_draft", _("This policy is in force already."))
            if policy.created_by_id == by.pk:
                raise Refused("same_person", _("Who drafted a policy can't put it in force. Ask a second person."))
            earlier = policy_in_the_way(policy)
            if earlier is not None:
                Policy.objects.filter(pk=earlier.pk).update(valid_to=policy.valid_from)
                _audit(earlier, "policy.ended", by, at, {"valid_to": policy.valid_from.isoformat()})
            policy.state, policy.activated_by, policy.activated_at = PolicyState.ACTIVE, by, at
            policy.save(update_fields=["state", "activated_by", "activated_at"])
            _audit(policy, "policy.activated", by, at)
    except IntegrityError as overlap:
        raise Conflict(
            "policy_overlaps", _("Another policy is in force on some of these days and begins no earlier.")
        ) from overlap
    return policy


def discard_policy(*, policy_id: int, by: User, at: datetime) -> None:
    """Delete a draft. Conflict "policy_not_draft" once it is in force."""
    with transaction.atomic():
        policy = Policy.objects.select_for_update().get(pk=policy_id)
        if policy.state != PolicyState.DRAFT:
            raise Conflict("policy_not_draft", _("This policy is in force already."))
        _audit(policy, "policy.discarded", by, at)
        policy.delete()


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
            "valid_from": str(policy.valid_from),
            "valid_to": str(policy.valid_to or ""),
        },
    )
