"""What a handheld asks the server: what became of the numbers it sent, and which parcels its station may expect."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from common import sql
from orders.models import Parcel, ParcelQuerySet, Redirect
from orders.states import ParcelState
from stations.models import Device, Station
from stations.scope import scope_of_station
from tracking.rules import SENTENCES
from tracking.states import Verdict

# --- what became of the numbers -------------------------------------------------------------------------------

NUMBERS_A_PAGE = 500
_UPLOADS_FIRST = NUMBERS_A_PAGE + 100  # each number in an upload of its own, and the ones that reach beyond
APPLIED, PENDING = "applied", "pending"
ACK_STATUSES = (APPLIED, PENDING, *(verdict.value for verdict in Verdict))


@dataclass(frozen=True)
class Ack:
    """What became of one sequence number; `code` and `detail` only where it is not plainly stored."""

    seq: int
    event_id: str | None
    status: str
    code: str | None = None

    @property
    def detail(self) -> str | None:
        return str(SENTENCES[self.code]) if self.code and self.code in SENTENCES else None


@dataclass(frozen=True)
class Acks:
    """The numbers received in (after_seq, up_to] and those missing there, as [from, to] with both ends."""

    after_seq: int
    up_to: int
    results: list[Ack]
    gaps: list[tuple[int, int]]
    highest_contiguous_seq: int
    more: bool


def acks(device: Device, after: int) -> Acks:
    """The next 500 numbers after `after` (-1 for all) that arrived from a device, each with its verdict.

    Reads the device's feed, its own uploads by number, their events and what was set aside: four short statements.
    Only where a number is not found in the next 600 uploads are all the later ones looked at: an old scan that came
    with a much newer one. A number found nowhere is a duplicate: its scan is stored under another sender or number.
    """
    found = sql.rows("tracking", "ack_runs", {"device": device.pk, "after": after, "runs": NUMBERS_A_PAGE + 1})
    if not found:
        return Acks(after, after, [], [], 0, False)
    numbers, gaps, more = _window(found, after)
    highest = found[0]["highest"] or 0
    if not numbers:
        return Acks(after, after, [], [], highest, False)
    results = _verdicts(device, numbers, after)
    return Acks(after, numbers[-1], results, gaps, highest, more)


def _window(runs: Sequence[dict[str, Any]], after: int) -> tuple[list[int], list[tuple[int, int]], bool]:
    """(the numbers of one page, the gaps before and between them, whether more follow)."""
    numbers: list[int] = []
    gaps: list[tuple[int, int]] = []
    expected = max(after + 1, 0 if runs[0]["from_zero"] else 1)
    for run in runs:
        if run["low"] is None:
            break
        room = NUMBERS_A_PAGE - len(numbers)
        if room == 0:
            return numbers, gaps, True
        if run["low"] > expected:
            gaps.append((expected, run["low"] - 1))
        numbers += range(run["low"], min(run["high"] + 1, run["low"] + room))
        if run["high"] > numbers[-1]:
            return numbers, gaps, True
        expected = run["high"] + 1
    return numbers, gaps, False


def _verdicts(device: Device, numbers: Sequence[int], after: int) -> list[Ack]:
    window = {"device": device.pk, "after": after, "upto": numbers[-1]}
    asides = {row["seq"]: row for row in sql.rows("tracking", "ack_asides", window)}

    def stored(uploads: int | None) -> dict[int, dict[str, Any]]:
        params = {**window, "county": device.station.county_code, "uploads": uploads}
        return {row["seq"]: row for row in sql.rows("tracking", "ack_events", params)}

    events = stored(_UPLOADS_FIRST)
    if any(seq not in events and seq not in asides for seq in numbers):
        events = stored(None)
    return [_verdict(seq, events.get(seq), asides.get(seq)) for seq in numbers]


def _verdict(seq: int, event: dict[str, Any] | None, aside: dict[str, Any] | None) -> Ack:
    """An open poison or conflict outweighs the stored event it concerns; a stored event any earlier refusal."""
    if aside and (
        event is None or (aside["open"] and (aside["code"] == "fold_failed" or aside["verdict"] == Verdict.CONFLICT))
    ):
        return Ack(seq, aside["event_id"] or None, aside["verdict"], aside["code"])
    if event:
        return Ack(seq, event["event_id"], APPLIED if event["folded"] else PENDING)
    return Ack(seq, None, Verdict.DUPLICATE.value, "duplicate")


# --- which parcels a station may expect -----------------------------------------------------------------------

EXPECTED = (
    ParcelState.REGISTERED,
    ParcelState.IN_NETWORK,
    ParcelState.AT_HUB,
    ParcelState.IN_TRANSIT,
    ParcelState.AT_CENTRE,
)
CURSOR_GOOD_FOR = timedelta(hours=24)
_CLOCK_SLACK = timedelta(minutes=5)
# xmin and second of the list it belongs to, mark of the stations; a page adds where its list began and where it is
_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,11})\.([0-9a-f]{8})(?:\.([0-9]{1,18}|f)\.([0-9]{1,18})\.([0-9]{1,18}))?")


class BadCursor(ValueError):
    """A cursor that this server never gave out."""


@dataclass(frozen=True)
class Expected:
    """A page of what a station may expect, and of what it no longer should. `next` is this list's next page; once
    there is none, `since` asks for what changes from here on. `full`: the list replaces what the caller had."""

    full: bool
    results: list[Parcel]
    gone: list[Parcel]
    next: str | None
    since: str | None


@dataclass(frozen=True)
class _Cursor:
    upto: int  # the xmin at the list's first page: the next list's beginning
    at: datetime
    mark: str
    since: int | None = None  # of the page's own list; None in a full one
    last: tuple[int, int] | None = None  # (folded_in, id) of the row before the page; folded_in 0 in a full list

    def __str__(self) -> str:
        head = f"{self.upto}.{int(self.at.timestamp())}.{self.mark}"
        if self.last is None:
            return head
        return f"{head}.{'f' if self.since is None else self.since}.{self.last[0]}.{self.last[1]}"


def expected_parcels(*, station: Station, since: str | None, page: str | None, limit: int, at: datetime) -> Expected:
    """A page of the parcels a station may expect: bound for it or for a station below it, registered, in the carriers'
    or the county's network or on the way (EXPECTED), and not yet seen at one of these stations: its last place (S) is
    elsewhere or none. What left the station again is below it or on its way back, and no longer expected.

    Without `since` the whole list; with it what changed. A parcel is stamped with the transaction that wrote it last
    (`folded_in`); `since` is pg_snapshot_xmin of the earlier answer, below which every transaction had ended. So what
    commits late is read by the next call; a row may come twice, none is missed. BadCursor for what can't be read; a
    cursor older than 24 hours, of other stations or of another database cluster begins the whole list anew.
    Indexes: parcel_bound_for (the whole list), parcel_folded_in (the changes).
    """
    scope = scope_of_station(station)
    inside = list(scope.station_ids)
    mark = hashlib.sha256(repr(inside).encode()).hexdigest()[:8]
    oldest, newest = _snapshot()
    asked = since if page is None else page
    given = None if asked is None else _read(asked, paged=page is not None)
    if given and not _usable(given, mark, newest, at):
        given = None
    if given is None:
        here = _Cursor(upto=oldest, at=at, mark=mark)
    elif given.last is None:
        here = _Cursor(upto=oldest, at=at, mark=mark, since=given.upto)
    else:
        here = given
    rows = Parcel.objects.filter(county_code=station.county_code).select_related("station", "destination", "recipient")
    if here.since is None:
        rows = rows.filter(_expected(inside))
        found = list(rows.filter(pk__gt=here.last[1] if here.last else 0).order_by("pk")[: limit + 1])
    else:
        found = list(_changes(rows, station.county_code, inside, here)[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    here_ids = set(inside)
    results = [row for row in found if _is_expected(row, here_ids)]
    gone = [row for row in found if not _is_expected(row, here_ids)]
    following = None
    if more:
        last = found[-1]
        stamp = 0 if here.since is None else last.folded_in or 0
        following = str(_Cursor(here.upto, here.at, mark, here.since, (stamp, last.pk)))
    done = None if more else str(_Cursor(here.upto, here.at, mark))
    return Expected(here.since is None, results, gone, following, done)


def _changes(rows: ParcelQuerySet, county_code: str, inside: list[int], here: _Cursor) -> ParcelQuerySet:
    """What was written since, in the order of writing; parcels redirected to another station too: they are gone."""
    assert here.since is not None
    left = Redirect.objects.filter(county_code=county_code, written_in__gte=here.since, former__in=inside)
    rows = rows.filter(folded_in__gte=here.since).filter(Q(destination__in=inside) | Q(pk__in=left.values("parcel_id")))
    if here.last:
        stamp, pk = here.last
        rows = rows.filter(folded_in__gte=stamp).filter(Q(folded_in__gt=stamp) | Q(pk__gt=pk))
    return rows.order_by("folded_in", "pk")


def _expected(inside: list[int]) -> Q:
    elsewhere = Q(station__isnull=True) | ~Q(station__in=inside)
    return Q(destination__in=inside) & Q(state__in=[state.value for state in EXPECTED]) & elsewhere


def _is_expected(row: Parcel, inside: set[int]) -> bool:
    """The same of a row at hand."""
    return row.state in EXPECTED and row.destination_id in inside and row.station_id not in inside


def _snapshot() -> tuple[int, int]:
    """(every transaction below has ended, none from here on has begun), before the rows are read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint"
            " FROM pg_current_snapshot() AS now"
        )
        oldest, newest = cursor.fetchone()
    return oldest, newest


def _read(text: str, *, paged: bool) -> _Cursor:
    found = _CURSOR.fullmatch(text)
    if found is None or (found.group(4) is not None) != paged:
        raise BadCursor(text)
    upto, second, mark, since, stamp, pk = found.groups()
    at = datetime.fromtimestamp(int(second), UTC)
    if not paged:
        return _Cursor(int(upto), at, mark)
    return _Cursor(int(upto), at, mark, None if since == "f" else int(since), (int(stamp), int(pk)))


def _usable(given: _Cursor, mark: str, newest: int, at: datetime) -> bool:
    fresh = at - CURSOR_GOOD_FOR <= given.at <= at + _CLOCK_SLACK
    return fresh and given.mark == mark and given.upto <= newest
