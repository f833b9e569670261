"""The lines to look at, staged once, and one check run over them. Inside a transaction; nothing is written for good."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from common import clock, sql, text
from orders.codes import CARRIERS
from settlement.definitions import CHECKS, closed_days, opening_minutes
from settlement.models import Line, Period
from settlement.states import PeriodState
from stations.models import Membership, Station
from stations.states import StationLevel

HISTORY = timedelta(days=35)  # of an outlet's past that the checks compare with
# numbers of parcels a carrier may have: its own patterns and the odd or older ones, as one regular expression
_PATTERNS = {code: f"^(?:{row.strict.pattern}|{row.wider.pattern})$" for code, row in CARRIERS.items()}


@dataclass(frozen=True)
class Finding:
    """What a check found at one outlet: its numbers, the scans compared, the lines it is about."""

    station_id: int
    subject: str
    numbers: dict[str, Any]
    event_ids: list[UUID]
    line_ids: list[int]


@dataclass(frozen=True)
class Work:
    """What was staged: the parameters all checks share. `lines`: how many they may find something in."""

    county_code: str
    params: Mapping[str, Any]
    lines: int


def months_to_look_at(county_code: str) -> list[date]:
    """The months with lines whose statements aren't computed yet, by line_by_statement."""
    months = set(Line.objects.filter(county_code=county_code).order_by().values_list("period", flat=True).distinct())
    done = Period.objects.filter(county_code=county_code).exclude(state__in=[PeriodState.OPEN, PeriodState.FROZEN])
    return sorted(months - set(done.values_list("month", flat=True)))


def stage(*, county_code: str, months: Sequence[date], upto: datetime, since: datetime | None = None) -> Work:
    """Fill the temporary table fraud_work with the lines of these months (since an instant of their delivery) and the
    weeks before, for comparison."""
    first = since or (clock.day_start(min(months)) if months else upto)
    history_from = first - HISTORY
    params: dict[str, Any] = {
        "county_code": county_code,
        "months": list(months),
        "since": since,
        "history_from": history_from,
        "first_month": clock.month_of(history_from),
        "upto": upto,
    }
    with connection.cursor() as db:
        db.execute("DROP TABLE IF EXISTS pg_temp.fraud_work")
        db.execute(
            "CREATE TEMP TABLE fraud_work ON COMMIT DROP AS\n" + sql.statement("settlement", "fraud_work"), params
        )
        db.execute("ANALYZE fraud_work")
        db.execute("SELECT count(*), min(at) FROM fraud_work WHERE fresh")
        lines, earliest = db.fetchone()
    params["from"] = min(earliest, first) if earliest else first
    params["frozen_month"] = _last_frozen(county_code)
    params |= _opening(county_code) | _staff(county_code, upto)
    params["carriers"], params["patterns"] = list(_PATTERNS), list(_PATTERNS.values())
    return Work(county_code, params, lines)


def find(*, code: str, thresholds: Mapping[str, str], work: Work) -> list[Finding]:
    """What a check with these thresholds finds in the staged lines."""
    if not CHECKS[code].finds:
        return []
    # a version from before a threshold existed takes the one to start with
    params = {**work.params, **CHECKS[code].start, **thresholds}
    rows = sql.rows("settlement", f"fraud_{code.lower()}", params)
    return [Finding(**{**row, "numbers": json.loads(row["numbers"])}) for row in rows]  # Django leaves jsonb as text


def _last_frozen(county_code: str) -> date | None:
    frozen = Period.objects.filter(county_code=county_code, state=PeriodState.FROZEN)
    return frozen.order_by("-month").values_list("month", flat=True).first()


def _opening(county_code: str) -> dict[str, list[int]]:
    """The opening hours of the county's outlets, read: spans of minutes since Monday, and weekdays of rest."""
    spans: list[tuple[int, int, int]] = []
    rest: list[tuple[int, int]] = []
    outlets = Station.objects.filter(county_code=county_code, level=StationLevel.OUTLET)
    for pk, hours in outlets.values_list("pk", "opening_hours"):
        spans += [(pk, low, high) for low, high in opening_minutes(hours) or []]
        rest += [(pk, day) for day in closed_days(hours)]
    return {
        "open_stations": [row[0] for row in spans],
        "open_from": [row[1] for row in spans],
        "open_to": [row[2] for row in spans],
        "closed_stations": [row[0] for row in rest],
        "closed_days": [row[1] for row in rest],
    }


def _staff(county_code: str, at: datetime) -> dict[str, list[Any]]:
    """Masked phones of those who work at the county's outlets, as recipients' are kept."""
    members = Membership.objects.current(at).filter(
        station__county_code=county_code, station__level=StationLevel.OUTLET
    )
    pairs = set(members.values_list("station_id", "user__phone"))
    outlets = Station.objects.filter(county_code=county_code, level=StationLevel.OUTLET)
    pairs |= set(outlets.values_list("pk", "contact_phone"))
    known = sorted((pk, text.masked_phone(phone)) for pk, phone in pairs if phone)
    return {"staff_stations": [pk for pk, _phone in known], "staff_phones": [phone for _pk, phone in known]}
