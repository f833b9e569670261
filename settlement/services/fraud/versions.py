"""Versions of the checks' thresholds: drafted by one person with a reason, compared dry, put in force by another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock
from common.errors import Conflict, Refused
from settlement.definitions import CHECKS
from settlement.models import FraudRule
from settlement.services.books import move
from settlement.services.fraud.work import find, stage
from settlement.services.holds import reason_given
from settlement.states import RuleState

COMPARED = timedelta(days=31)


@dataclass(frozen=True)
class Comparison:
    """What a draft would have found in the last 31 days of deliveries against the version in force: cases and lines."""

    cases_now: int
    cases_then: int
    more: int  # found by the draft alone
    fewer: int  # found by the version in force alone
    lines_now: int
    lines_then: int


def rules_in_force(*, county_code: str, at: datetime) -> dict[str, FraudRule]:
    """The version in force of every check; a county that has none begins with the starting thresholds."""
    found = {row.code: row for row in FraudRule.objects.filter(county_code=county_code, state=RuleState.ACTIVE)}
    missing = [check for code, check in CHECKS.items() if code not in found]
    if missing:
        known = set(FraudRule.objects.filter(county_code=county_code).values_list("code", flat=True))
        FraudRule.objects.bulk_create(
            [
                FraudRule(
                    county_code=county_code,
                    code=check.code,
                    version=1,
                    kind=check.kind,
                    thresholds=check.start,
                    state=RuleState.ACTIVE,
                    created_at=at,
                    activated_at=at,
                )
                for check in missing
                if check.code not in known
            ],
            ignore_conflicts=True,  # another worker began at the same time
        )
        found = {row.code: row for row in FraudRule.objects.filter(county_code=county_code, state=RuleState.ACTIVE)}
    return found


@transaction.atomic
def draft_rule(
    *, county_code: str, code: str, thresholds: Mapping[str, Decimal], reason: str, by: User, at: datetime
) -> FraudRule:
    """A new version of a check's thresholds. Refused "threshold_out_of_range" or "reason_needed", Conflict
    "rule_drafted" while another draft of it waits, "rule_unchanged" where nothing is different."""
    check = CHECKS[code]
    for one in check.thresholds:
        value = thresholds.get(one.name)
        if value is None or not value.is_finite() or not one.low <= value <= one.high:
            raise Refused(
                "threshold_out_of_range",
                _("Between %(low)s and %(high)s.") % {"low": f"{one.low:f}", "high": f"{one.high:f}"},
                pointer=f"/{one.name}",
            )
    kept = {one.name: f"{thresholds[one.name].normalize():f}" for one in check.thresholds}
    in_force = rules_in_force(county_code=county_code, at=at).get(code)
    if in_force is not None and kept == in_force.thresholds:
        raise Conflict("rule_unchanged", _("These are the numbers in force already."))
    versions = FraudRule.objects.select_for_update().filter(county_code=county_code, code=code).order_by("-version")
    newest = list(versions)
    if any(row.state == RuleState.DRAFT for row in newest):
        raise Conflict("rule_drafted", _("A draft of this check waits already. Decide it first."))
    try:
        with transaction.atomic():
            return FraudRule.objects.create(
                county_code=county_code,
                code=code,
                version=newest[0].version + 1 if newest else 1,
                kind=check.kind,
                thresholds=kept,
                reason=reason_given(reason),
                created_by=by,
                created_at=at,
            )
    except IntegrityError as twice:
        raise Conflict("rule_drafted", _("A draft of this check waits already. Decide it first.")) from twice


@transaction.atomic
def activate_rule(*, rule_id: int, by: User, at: datetime) -> FraudRule:
    """Put a draft in force in the place of the version before. Refused "same_person", Conflict "state_changed"."""
    rule = FraudRule.objects.get(pk=rule_id)
    if rule.created_by_id == by.pk:
        raise Refused("same_person", _("Who drafted it can't put it in force. Ask a second person."))
    before = FraudRule.objects.filter(county_code=rule.county_code, code=rule.code, state=RuleState.ACTIVE).first()
    if before is not None:
        move(before, to=RuleState.RETIRED, by=by, at=at, allowed=[RuleState.ACTIVE])
    move(rule, to=RuleState.ACTIVE, by=by, at=at, allowed=[RuleState.DRAFT], activated_by=by, activated_at=at)
    return rule


@transaction.atomic
def discard_rule(*, rule_id: int, by: User, at: datetime) -> None:
    """Let a draft go: it stays as a retired version that was never in force. Conflict "state_changed"."""
    move(FraudRule.objects.get(pk=rule_id), to=RuleState.RETIRED, by=by, at=at, allowed=[RuleState.DRAFT])


@transaction.atomic
def compare_rule(*, rule: FraudRule, at: datetime) -> Comparison:
    """Run the draft and the version in force over the last 31 days' lines, dry: nothing is raised or held."""
    in_force = rules_in_force(county_code=rule.county_code, at=at).get(rule.code)
    thresholds = in_force.thresholds if in_force else CHECKS[rule.code].start
    since = at - COMPARED
    months = {clock.month_of(since), clock.month_of(at)}
    work = stage(county_code=rule.county_code, months=sorted(months), upto=at, since=since)
    now = {(f.station_id, f.subject): f for f in find(code=rule.code, thresholds=thresholds, work=work)}
    then = {(f.station_id, f.subject): f for f in find(code=rule.code, thresholds=rule.thresholds, work=work)}
    return Comparison(
        cases_now=len(now),
        cases_then=len(then),
        more=len(then.keys() - now.keys()),
        fewer=len(now.keys() - then.keys()),
        lines_now=len({line for f in now.values() for line in f.line_ids}),
        lines_then=len({line for f in then.values() for line in f.line_ids}),
    )
