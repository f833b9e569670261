"""What changed with a policy: the same number of days before and after its first day, by township; where it holds in
some townships only, the others are the comparison (difference in differences)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import OperationalError, transaction
from psycopg2.errors import QueryCanceled

from common import clock, sql
from settlement.models import Policy

LENGTHS = (14, 30, 60, 90, 180)  # days a page may ask for
FEW = 30  # below this many cases a share says nothing


@dataclass(frozen=True)
class Counts:
    """A place in a span: parcels delivered at outlets; villages, and those with an outlet that delivered; arrivals at
    the hub whose 24 h have passed, and those that reached the outlet in them; subsidy in yuan."""

    parcels: int = 0
    villages: int = 0
    covered: int = 0
    due: int = 0
    made: int = 0
    yuan: Decimal = Decimal(0)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))

    @property
    def timely(self) -> Decimal | None:
        """Percent."""
        return Decimal(self.made) * 100 / self.due if self.due else None

    @property
    def coverage(self) -> Decimal | None:
        """Percent."""
        return Decimal(self.covered) * 100 / self.villages if self.villages else None

    @property
    def cost(self) -> Decimal | None:
        """Yuan a parcel."""
        return self.yuan / self.parcels if self.parcels else None

    @property
    def few(self) -> bool:
        return self.parcels < FEW


@dataclass(frozen=True)
class Pair:
    """A place before and after. Changes: parcels in percent, shares in percentage points, cost in yuan a parcel."""

    name: str
    code: str
    treated: bool
    before: Counts
    after: Counts

    @property
    def parcels(self) -> Decimal | None:
        if not self.before.parcels:
            return None
        return Decimal(self.after.parcels - self.before.parcels) * 100 / self.before.parcels

    @property
    def timely(self) -> Decimal | None:
        return _less(self.after.timely, self.before.timely)

    @property
    def coverage(self) -> Decimal | None:
        return _less(self.after.coverage, self.before.coverage)

    @property
    def cost(self) -> Decimal | None:
        return _less(self.after.cost, self.before.cost)

    @property
    def few(self) -> bool:
        return self.before.few or self.after.few


@dataclass(frozen=True)
class Effect:
    """Both spans, [first, end) each; `others` and `differences` are None where the policy holds everywhere."""

    days: int
    before_from: date
    changed_on: date
    after_end: date
    townships: list[Pair]
    covered: Pair
    others: Pair | None
    differences: dict[str, Decimal | None] | None

    @property
    def last_day(self) -> date:
        return self.after_end - timedelta(days=1)


def days_measurable(policy: Policy, at: datetime) -> int:
    """For how many whole days the policy has been in force by now."""
    end = clock.business_date(at)
    if policy.valid_to:
        end = min(end, policy.valid_to)
    return max((end - policy.valid_from).days, 0)


def counts(county_code: str, first: date, end: date, at: datetime) -> list[dict[str, Any]]:
    """A county's townships in [first, end); one statement."""
    params = {
        "county_code": county_code,
        "start": clock.day_start(first),
        "end": clock.day_start(end),
        "month": first.replace(day=1),
        "at": at,
    }
    # the planner takes the materialised halves for a handful of rows and would join them row by row
    with transaction.atomic(), sql.local_settings(enable_nestloop="off"):
        return sql.rows("settlement", "effect", params)


def measure(policy: Policy, days: int, at: datetime) -> dict[str, Any] | None:
    """The rows of both spans as plain data (a job keeps them); None before the policy's first whole day is over."""
    days = min(days, days_measurable(policy, at))
    if days < 1:
        return None
    start, change = policy.valid_from - timedelta(days=days), policy.valid_from
    end = change + timedelta(days=days)
    spans = {
        "before": counts(policy.county_code, start, change, at),
        "after": counts(policy.county_code, change, end, at),
    }
    return {
        "days": days,
        "at": at.isoformat(),
        **{name: [{**row, "yuan": str(row["yuan"])} for row in rows] for name, rows in spans.items()},
    }


def measure_within(policy: Policy, days: int, at: datetime, limit_ms: int) -> dict[str, Any] | None:
    """The same, unless a statement takes longer than `limit_ms`: then TooLong, and a job is the way."""
    try:
        with transaction.atomic(), sql.local_settings(statement_timeout=limit_ms):
            return measure(policy, days, at)
    except OperationalError as cut:
        if isinstance(cut.__cause__, QueryCanceled):
            raise TooLong from cut
        raise


class TooLong(Exception):
    """The page would wait for too long."""


def effect(policy: Policy, found: Mapping[str, Any]) -> Effect:
    """What `measure` found, put side by side."""
    before, after = ({row["township"]: row for row in found[name]} for name in ("before", "after"))
    places = [
        Pair(
            row["name"],
            code,
            policy.townships is None or code in policy.townships,
            _counts(before.get(code, {})),
            _counts(row),
        )
        for code, row in after.items()
    ]
    covered = _total([place for place in places if place.treated], True)
    rest = [place for place in places if not place.treated]
    others = _total(rest, False) if rest else None
    days = found["days"]
    return Effect(
        days,
        policy.valid_from - timedelta(days=days),
        policy.valid_from,
        policy.valid_from + timedelta(days=days),
        places,
        covered,
        others,
        {
            name: _less(getattr(covered, name), getattr(others, name))
            for name in ("parcels", "timely", "coverage", "cost")
        }
        if others
        else None,
    )


def rows(found: Effect) -> Iterable[Sequence[Any]]:
    """The table as a file: a row a township and span, every share with its two numbers."""
    for place in found.townships:
        for span, count in ((0, place.before), (1, place.after)):
            yield (
                place.name,
                int(place.treated),
                span,
                count.parcels,
                count.made,
                count.due,
                count.covered,
                count.villages,
                count.yuan,
                "" if count.cost is None else f"{count.cost:.4f}",
            )


def _counts(row: Mapping[str, Any]) -> Counts:
    names = ("parcels", "villages", "covered", "due", "made")
    return Counts(**{name: int(row.get(name, 0)) for name in names}, yuan=Decimal(row.get("yuan", "0")))


def _total(places: Sequence[Pair], treated: bool) -> Pair:
    return Pair(
        "",
        "",
        treated,
        sum((place.before for place in places), Counts()),
        sum((place.after for place in places), Counts()),
    )


def _less(after: Decimal | None, before: Decimal | None) -> Decimal | None:
    return None if after is None or before is None else after - before
