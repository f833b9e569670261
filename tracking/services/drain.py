"""Folds stored uploads into the parcels' registers: claimed a county at a time, safe with any number of workers.

An upload is work until `folded_at` is set. A worker claims some (skipping rows another holds), with a lease and the
attempt counted at the claim, folds them in one transaction and marks them in the same one. A worker that dies leaves
its lease to run out. Folding twice is harmless (docs/fold.md). What can't be folded is found by halving: the one bad
event is set aside with its reason, its neighbours are applied.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import DatabaseError, InterfaceError, connection, transaction

from common import clock, logs, sql
from common.crash import crash_point
from common.errors import database_is_away
from orders.models import Parcel
from orders.services import create_unannounced_parcels
from tracking.models import ScanEvent, SetAside, Upload
from tracking.queue_queries import scans_kept_since
from tracking.rules import BAG_NODES, NO_PARCEL
from tracking.services.set_aside import set_aside_stored

log = logs.get_logger("drain")
FOLD_VERSION = 2  # 2: the origin by key
LEASE = timedelta(seconds=120)
UPLOADS_AT_ONCE = 500
EVENTS_AT_ONCE = 5_000
GIVE_UP_AFTER = 6  # attempts that never came back: the upload kills its worker
# A few thousand fresh events against millions of parcels: always by index. A hash join reads the whole table.
_PLAN = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "max_parallel_workers_per_gather": 0,
    "jit": "off",
}


_LOWEST, _HIGHEST = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"


@dataclass(frozen=True)
class Work:
    """What to fold in one transaction: uploads of one county, or (while halving) only some of their events. All event
    ids lie between `low` and `high`: by these the planner leaves most partitions out."""

    county_code: str
    uploads: tuple[int, ...]
    only: tuple[str, ...] | None = None
    low: str = _LOWEST
    high: str = _HIGHEST

    @property
    def params(self) -> dict[str, Any]:
        return {
            "county": self.county_code,
            "uploads": list(self.uploads),
            "only": list(self.only) if self.only else None,
            "low": self.low,
            "high": self.high,
        }


def fold_waiting(*, at: datetime, county_code: str | None = None, until: datetime | None = None) -> int:
    """Fold what waits, of all counties or one, until nothing is free or it is `until`; returns how many uploads."""
    folded = 0
    while True:
        counties = [
            row["county_code"]
            for row in sql.rows("tracking", "waiting_counties", {"at": at})
            if county_code in (None, row["county_code"])
        ]
        before = folded
        for county in counties:
            claimed = _claim(county, at)
            crash_point("drain.claimed")
            if claimed:
                folded += _fold_claimed(county, claimed, at)
            if until is not None and clock.now() >= until:
                return folded
        if folded == before:
            return folded
        at = max(at, clock.now())


def fold_upload(*, upload_id: int, at: datetime) -> bool:
    """Fold one upload at once, for a person who waits for its effect; False if it must be left to the drain.
    Takes no lease: should a worker hold it, both fold it and get the same rows."""
    upload = Upload.objects.filter(pk=upload_id).first()
    if upload is None:
        return False
    try:
        _apply(_work(upload.county_code, [Claimed(upload.pk, 0, upload.first_event, upload.last_event)]), at)
    except DatabaseError as error:
        log.warning("drain.upload_left", upload=upload_id, error=type(error).__name__)
        return False
    return True


def refold_parcels(*, county_code: str, parcel_ids: Sequence[int], at: datetime) -> int:
    """Fold parcels anew from their stored events (after a change of the fold, or to check it)."""
    with transaction.atomic():
        ids = sorted(set(parcel_ids))
        _pin_plan()
        _lock(Work(county_code, ()), ids)
        return _refold(county_code, ids)


def refold_older(*, at: datetime, batch: int = 2_000) -> int:
    """Refold the parcels that an older version of the fold wrote, batch by batch, each in its own transaction; returns
    how many. Reads the parcels by primary key once: a nightly task, nothing for a page."""
    last, count = 0, 0
    older = Parcel.objects.filter(fold_version__lt=FOLD_VERSION).order_by("pk")
    if kept_since := scans_kept_since():  # before that the scans are gone: the registers are final
        older = older.filter(created_at__gte=kept_since + timedelta(days=31))
    while found := list(older.filter(pk__gt=last).values_list("county_code", "pk")[:batch]):
        for county in sorted({county for county, _pk in found}):
            refold_parcels(county_code=county, parcel_ids=[pk for code, pk in found if code == county], at=at)
        last, count = found[-1][1], count + len(found)
    return count


def replay_set_aside(*, set_aside_id: int, by: object, at: datetime) -> bool:
    """Try again to fold a stored event the drain had set aside; closes it where that works."""
    row = SetAside.objects.get(pk=set_aside_id)
    upload_id = (
        ScanEvent.objects.filter(county_code=row.county_code, event_id=row.event_id)
        .values_list("upload_id", flat=True)
        .first()
    )
    if row.code != "fold_failed" or upload_id is None:
        return False
    try:
        with transaction.atomic():
            _fold(Work(row.county_code, (upload_id,), (row.event_id,)), at)
            SetAside.objects.filter(pk=row.pk, closed_at__isnull=True).update(
                closed_at=at, closed_by=by, close_reason="replayed"
            )
    except DatabaseError:
        return False
    return True


class Claimed(NamedTuple):
    """An upload at work: attempts so far, its lowest and highest event id."""

    id: int
    attempts: int
    first_event: object
    last_event: object


def _work(county_code: str, claimed: Sequence[Claimed]) -> Work:
    lows = [str(one.first_event or _LOWEST) for one in claimed]
    highs = [str(one.last_event or _HIGHEST) for one in claimed]
    return Work(county_code, tuple(one.id for one in claimed), None, min(lows), max(highs))


def _claim(county_code: str, at: datetime) -> list[Claimed]:
    """Uploads leased from `at` on; empty where others hold all."""
    with transaction.atomic():
        rows = sql.rows(
            "tracking",
            "claim_uploads",
            {
                "county": county_code,
                "at": at,
                "lease_until": at + LEASE,
                "uploads": UPLOADS_AT_ONCE,
                "events": EVENTS_AT_ONCE,
            },
        )
    return sorted((Claimed(**row) for row in rows), key=lambda one: one.id)


def _fold_claimed(county_code: str, claimed: list[Claimed], at: datetime) -> int:
    doomed = [one for one in claimed if one.attempts > GIVE_UP_AFTER]
    for one in doomed:
        _give_up(county_code, one.id, at)
    uploads = [one for one in claimed if one.attempts <= GIVE_UP_AFTER]
    if uploads:
        try:
            _fold_halving(_work(county_code, uploads), at)
        except (DatabaseError, InterfaceError) as error:
            if not _blameless(error):
                raise
            # The database was busy or away: free them, uncounted.
            log.warning("drain.try_again", county=county_code, uploads=len(uploads), error=str(error)[:200])
            _free([one.id for one in uploads])
            return len(doomed)
    return len(claimed)


def _blameless(error: Exception) -> bool:
    """Whether the database was busy or away, so that no scan is to blame: connection, deadlock, resources, locks. A
    statement that was cancelled or hit a limit is one that these scans may have made."""
    code = getattr(error.__cause__, "pgcode", None) or ""
    return database_is_away(error) and (not code or code[:2] in ("08", "40", "53", "55") or code.startswith("57P"))


def _fold_halving(work: Work, at: datetime) -> None:
    """Fold whole uploads; on an error fold the halves, down to the one event that can't be."""
    try:
        _apply(work, at)
        return
    except DatabaseError as error:
        if _blameless(error):
            raise
        log.warning(
            "drain.halving",
            county=work.county_code,
            uploads=len(work.uploads),
            error=type(error).__name__,
        )
        failure = type(error).__name__
    if len(work.uploads) > 1:
        middle = len(work.uploads) // 2
        _fold_halving(replace(work, uploads=work.uploads[:middle]), at)
        crash_point("drain.halved")
        _fold_halving(replace(work, uploads=work.uploads[middle:]), at)
        return
    upload_id = work.uploads[0]
    events = ScanEvent.objects.filter(upload_id=upload_id, county_code=work.county_code).order_by("event_id")
    only = tuple(str(event_id) for event_id in events.values_list("event_id", flat=True))
    if len(only) > 1:
        middle = len(only) // 2
        _fold_events(work.county_code, upload_id, only[:middle], at)
        crash_point("drain.halved")
        _fold_events(work.county_code, upload_id, only[middle:], at)
    else:
        _poison(work.county_code, only, failure, at)
    Upload.objects.filter(pk=upload_id, folded_at__isnull=True).update(folded_at=at, lease_until=None)


def _fold_events(county_code: str, upload_id: int, only: tuple[str, ...], at: datetime) -> None:
    try:
        with transaction.atomic():
            _fold(Work(county_code, (upload_id,), only), at)
    except DatabaseError as error:
        if _blameless(error):
            raise
        if len(only) == 1:
            _poison(county_code, only, type(error).__name__, at)
            return
        middle = len(only) // 2
        _fold_events(county_code, upload_id, only[:middle], at)
        _fold_events(county_code, upload_id, only[middle:], at)


def _poison(county_code: str, event_ids: tuple[str, ...], failure: str, at: datetime) -> None:
    for event in ScanEvent.objects.filter(county_code=county_code, event_id__in=event_ids).values(
        "county_code", "event_id", "device_id", "actor_id", "seq", "type", "carrier", "waybill_no", "occurred_at"
    ):
        log.error("drain.poison", county=county_code, event_id=str(event["event_id"]), error=failure)
        set_aside_stored(event=event | {"error": failure}, code="fold_failed", at=at)


def _give_up(county_code: str, upload_id: int, at: datetime) -> None:
    """An upload whose worker died each time: all its events are set aside, so that the rest goes on."""
    with transaction.atomic():
        ids = ScanEvent.objects.filter(county_code=county_code, upload_id=upload_id).values_list("event_id", flat=True)
        _poison(county_code, tuple(str(event_id) for event_id in ids), "worker_died", at)
        Upload.objects.filter(pk=upload_id).update(folded_at=at, lease_until=None)


def _free(uploads: Sequence[int]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE tracking_upload SET lease_until = NULL, attempts = greatest(attempts - 1, 0)"
                " WHERE id = ANY(%s) AND folded_at IS NULL",
                [list(uploads)],
            )
    except DatabaseError:
        connection.close()  # the leases run out by themselves


def _apply(work: Work, at: datetime) -> None:
    """Fold whole uploads and mark them, in one transaction."""
    with transaction.atomic():
        _fold(work, at)
        Upload.objects.filter(pk__in=work.uploads, folded_at__isnull=True).update(folded_at=at, lease_until=None)
        crash_point("drain.marked")
    crash_point("drain.folded")


def _fold(work: Work, at: datetime) -> None:
    """1. Rows for parcels nobody announced. 2. Lock all parcels concerned, in id order. 3. Merge the events that
    name a parcel. 4. Refold the parcels that corrections, bagging or scans of bags concern."""
    _pin_plan()
    special = sql.rows("tracking", "special_events", work.params)
    missing = {(row["carrier"], row["waybill_no"]) for row in special if row["missing"]}
    reaching_back = any(row["corrects"] or row["bag"] for row in special)
    found = _parcels_to_refold(work.county_code, special) if reaching_back else {}
    # A parcel to refold that has no row yet: another drain is about to make it, without knowing of our correction.
    missing |= {key for key, parcel in found.items() if parcel is None}
    if missing:
        create_unannounced_parcels(county_code=work.county_code, keys=missing, at=at)
        with connection.cursor() as cursor:  # an unknown carrier shows here, not at the commit
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        crash_point("drain.announced")
        if None in found.values():
            found = _parcels_to_refold(work.county_code, special)
    again = sorted({parcel for parcel in found.values() if parcel is not None})
    _lock(work, again)
    crash_point("drain.locked")
    named = sql.rows("tracking", "named_events", work.params)
    left_out = [row["event_id"] for row in named]
    sql.run("tracking", "merge", {**work.params, "named": left_out, "version": FOLD_VERSION})
    crash_point("drain.merged")
    if again or named:
        _refold(work.county_code, sorted({*again, *(row["parcel_id"] for row in named)}))
        crash_point("drain.refolded")


def _parcels_to_refold(county_code: str, special: list[dict[str, Any]]) -> dict[tuple[str, str], int | None]:
    """(carrier, waybill) → the parcel's id, None where it has no row that is committed."""
    bagged = [row for row in special if row["type"] in BAG_NODES]
    of_bags = {
        row["bag"] for row in special if row["bag"] and row["waybill_no"] is None and row["type"] not in NO_PARCEL
    }
    rows = sql.rows(
        "tracking",
        "parcels_to_refold",
        {
            "county": county_code,
            "corrections": [row["event_id"] for row in special if row["corrects"]],
            "bags": sorted(of_bags),
            "carriers": [row["carrier"] for row in bagged],
            "waybills": [row["waybill_no"] for row in bagged],
        },
    )
    return {(row["carrier"], row["waybill_no"]): row["id"] for row in rows}


def _lock(work: Work, parcels: list[int]) -> None:
    sql.value("tracking", "lock_parcels", {**work.params, "parcels": parcels})


def _refold(county_code: str, parcels: list[int]) -> int:
    return sql.run("tracking", "refold", {"county": county_code, "parcels": parcels, "version": FOLD_VERSION})


def _pin_plan() -> None:
    """For this transaction only (SET LOCAL), in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT " + ", ".join("set_config(%s, %s, true)" for _ in _PLAN),
            [part for name, value in _PLAN.items() for part in (name, str(value))],
        )
