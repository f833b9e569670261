"""The nightly look: every check in force over the lines of the months that aren't computed yet.

A finding is known by its check, outlet and subject, whatever the version: looking again raises nothing twice, and adds
to an open case only the lines that are new. A case that was decided stays decided: lines found later under the same
subject make a new case. Reading goes first and takes no lock; the county is locked for the writing alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from common import clock, logs, sql
from settlement.definitions import ANSWER_DAYS, CHECKS
from settlement.models import CaseLine, FraudCase, FraudRule
from settlement.services.fraud.calls import draw_calls
from settlement.services.fraud.versions import rules_in_force
from settlement.services.fraud.work import Finding, find, months_to_look_at, stage
from settlement.services.lines import lock_county
from settlement.states import OPEN_CASES
from stations.queries import counties_with_stations

log = logs.get_logger("settlement")
WORK_MEM = "64MB"


@dataclass(frozen=True)
class Looked:
    """What a look did: cases raised, lines newly held, lines drawn for a call."""

    raised: int = 0
    held: int = 0
    drawn: int = 0

    def __add__(self, other: "Looked") -> "Looked":
        return Looked(self.raised + other.raised, self.held + other.held, self.drawn + other.drawn)


def look(*, at: datetime, county_code: str | None = None, since: datetime | None = None) -> Looked:
    """Run the checks of a county (of all, one transaction each); `since`: only over deliveries from then on."""
    result = Looked()
    for code in [county_code] if county_code else counties_with_stations():
        result += _look_at(code, at, since)
    return result


@transaction.atomic
def _look_at(county_code: str, at: datetime, since: datetime | None) -> Looked:
    months = months_to_look_at(county_code)
    if not months:
        return Looked()
    rules = rules_in_force(county_code=county_code, at=at)
    with sql.local_settings(work_mem=WORK_MEM):
        drawn = sum(draw_calls(county_code=county_code, month=month, at=at) for month in months)
        work = stage(county_code=county_code, months=months, upto=at, since=since)
        found = {
            code: find(code=code, thresholds=rules[code].thresholds, work=work) for code in CHECKS if code in rules
        }
        lock_county(county_code=county_code)
        raised = held = 0
        for code, findings in found.items():
            if findings:
                new, kept = _raise(rules[code], findings, at)
                raised, held = raised + new, held + kept
    if raised:
        log.info("looked", county=county_code, raised=raised, held=held)
    return Looked(raised, held, drawn)


def _raise(rule: FraudRule, findings: Sequence[Finding], at: datetime) -> tuple[int, int]:
    """Cases for what was found, their lines and holds; (cases raised, lines newly held)."""
    of_check = FraudCase.objects.filter(county_code=rule.county_code, rule__code=rule.code)
    wanted = _as_yet_undecided(rule, findings)
    before = set(of_check.values_list("station_id", "subject"))
    FraudCase.objects.bulk_create(
        [
            FraudCase(
                county_code=rule.county_code,
                rule=rule,
                station_id=one.station_id,
                subject=one.subject[:80],
                numbers=one.numbers,
                event_ids=one.event_ids,
                raised_at=at,
                answer_by=clock.business_date(at) + timedelta(days=ANSWER_DAYS),
            )
            for one in wanted
            if (one.station_id, one.subject[:80]) not in before
        ],
        batch_size=500,
    )
    ids = {
        (station, subject): pk
        for pk, station, subject in of_check.filter(state__in=OPEN_CASES).values_list("pk", "station_id", "subject")
    }
    pairs = [
        (ids[key], line)
        for one in wanted
        if (key := (one.station_id, one.subject[:80])) in ids
        for line in one.line_ids
    ]
    held = 0
    if pairs:
        held = sql.run(
            "settlement",
            "fraud_case_lines",
            {
                "county_code": rule.county_code,
                "cases": [case for case, _line in pairs],
                "lines": [line for _case, line in pairs],
                "holds": CHECKS[rule.code].holds,
                "at": at,
            },
        )
    return len({(one.station_id, one.subject[:80]) for one in wanted} - before), held


def _as_yet_undecided(rule: FraudRule, findings: Sequence[Finding]) -> list[Finding]:
    """The findings without what a decided case of the same subject already dealt with; lines that came after it get a
    subject of their own ("… +2")."""
    decided: dict[tuple[int, str], list[int]] = {}
    cases = FraudCase.objects.filter(county_code=rule.county_code, rule__code=rule.code).exclude(state__in=OPEN_CASES)
    for pk, station, subject in cases.values_list("pk", "station_id", "subject"):
        decided.setdefault((station, subject.partition(" +")[0]), []).append(pk)
    if not decided:
        return list(findings)
    wanted = []
    for one in findings:
        before = decided.get((one.station_id, one.subject[:80]))
        if before is None:
            wanted.append(one)
            continue
        dealt_with = set(CaseLine.objects.filter(case_id__in=before).values_list("line_id", flat=True))
        rest = [line for line in one.line_ids if line not in dealt_with]
        if rest:
            wanted.append(replace(one, subject=f"{one.subject[:76]} +{len(before) + 1}", line_ids=rest))
    return wanted
