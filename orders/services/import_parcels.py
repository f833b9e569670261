"""Parcels announced in a file (or by the demo county) become rows: 5,000 a transaction, each row once.

A row's key is (county, carrier, waybill, leg 1). A run that was killed starts again from the first row: what it wrote
already carries its `at` as created_at and counts as new, everything else is found as it stands. One chunk:
1. Python judges each line against the county's villages, outlets and the sender's scope (read once);
2. COPY into a temp table and one INSERT … ON CONFLICT DO NOTHING (sql/import_new.sql);
3. lines that were there already are compared with their rows, decrypted: same, changed, or known from scans only;
4. what may be filled in or updated goes through a second COPY and one UPDATE (sql/fill_parcels.sql), audited by row.
"""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common import clock, fields, sql, text
from common.errors import NotAllowed
from orders.models import Parcel
from orders.rules import COLUMNS, LineProblem, ParcelLine, phone_tail
from orders.states import TERMINAL, GoodsClass
from stations.models import Organisation, Region, Station, StationBrand
from stations.scope import Scope, scope_of
from stations.states import RegionLevel, StationLevel

CHUNK = 5_000
KEPT = 1_000  # problems and notes that a result carries itself; `on_chunk` sees all
_LINE_COLUMNS = (
    "row_no int, carrier text, waybill_no text, village text, destination bigint, collected_at timestamptz,"
    " weight_g int, volume_ml int, goods text, name bytea, phone bytea, name_masked text, phone_masked text,"
    " phone_tail text"
)
_FILL_COLUMNS = _LINE_COLUMNS.replace("row_no int, carrier text, waybill_no text", "parcel_id bigint")
_DEADLOCK = "40P01"


@dataclass
class ImportResult:
    """Rows by what became of them, and what there is to say about single rows."""

    lines: int = 0
    new: int = 0
    same: int = 0  # already there with this content
    filled: int = 0  # known from scans only until now
    updated: int = 0  # other content taken over
    refused: int = 0
    problems: list[LineProblem] = field(default_factory=list)
    notes: list[LineProblem] = field(default_factory=list)

    def add(self, part: "ImportResult") -> None:
        for name in ("lines", "new", "same", "filled", "updated", "refused"):
            setattr(self, name, getattr(self, name) + getattr(part, name))
        self.problems += part.problems[: max(0, KEPT - len(self.problems))]
        self.notes += part.notes[: max(0, KEPT - len(self.notes))]


def import_parcels(
    *,
    county_code: str,
    lines: Iterable[ParcelLine],
    at: datetime,
    by: User | None,
    dry_run: bool = False,
    update_changed: bool = False,
    on_chunk: Callable[[ImportResult, ImportResult], None] | None = None,
    chunk_size: int = CHUNK,
) -> ImportResult:
    """Write (or in a dry run only judge) the lines, whose `row` must be unique; `on_chunk(total, chunk)` after each
    5,000. `by` None is the system, which may everywhere. NotAllowed for a person without the right in this county."""
    scope = import_scope(by, county_code) if by is not None else None
    judge = _Judge(county_code, scope, at)
    total = ImportResult()
    pending = iter(lines)
    while chunk := list(islice(pending, chunk_size)):
        part = _with_another_try(
            lambda good, judged: _write_chunk(judge, good, judged, by, dry_run, update_changed), *judge.sort_out(chunk)
        )
        total.add(part)
        if on_chunk is not None:
            on_chunk(total, part)
    return total


def import_scope(user: User, county_code: str) -> Scope:
    """Where the person may import. NotAllowed without the right anywhere in this county."""
    scope = scope_of(user, "order.import")
    if not (scope.everywhere or county_code in scope.counties):
        raise NotAllowed(_("Your role may not do this."))
    return scope


def _with_another_try(write: Callable[..., ImportResult], good: list[Any], judged: ImportResult) -> ImportResult:
    """A chunk that lost a deadlock (against the fold, say) is written again, unless the caller's transaction is it."""
    for attempt in range(3):
        part = ImportResult(
            lines=judged.lines, refused=judged.refused, problems=[*judged.problems], notes=[*judged.notes]
        )
        try:
            return write(good, part)
        except OperationalError as lost:
            last = attempt == 2 or connection.in_atomic_block
            if last or getattr(lost.__cause__, "pgcode", "") != _DEADLOCK:
                raise
    raise AssertionError("unreachable")


# --- 1. which lines can be used ----------------------------------------------------------------------------


class _Judge:
    """The county's villages and stations, read once, and which keys the file has named so far."""

    def __init__(self, county_code: str, scope: Scope | None, at: datetime) -> None:
        self.county_code, self.at, self.scope = county_code, at, scope
        self.everywhere = scope is None or scope.covers_county(county_code)
        self.station_ids = frozenset(scope.station_ids) if scope else frozenset()
        self.own_carriers = {carrier for county, carrier in scope.carriers if county == county_code} if scope else set()
        self.carriers = set(Organisation.objects.carriers().values_list("code", flat=True))
        today = clock.business_date(at)
        self.regions: dict[str, tuple[str, bool]] = {
            code: (level, valid_to is not None and valid_to <= today)
            for code, level, valid_to in Region.objects.of_county(county_code).values_list("code", "level", "valid_to")
        }
        self.outlets: dict[str, list[tuple[int, str]]] = {}
        self.centres: dict[str, int] = {}
        working = Station.objects.active().filter(county_code=county_code).order_by("code")
        for pk, code, level, region in working.values_list("pk", "code", "level", "region_id"):
            if level == StationLevel.OUTLET:
                self.outlets.setdefault(region[:12], []).append((pk, code))
            elif level == StationLevel.CENTRE:
                self.centres.setdefault(region[:9], pk)
        shared = [pk for several in self.outlets.values() if len(several) > 1 for pk, _code in several]
        self.brands = set(StationBrand.objects.filter(station__in=shared).values_list("station", "carrier__code"))
        self.first_row: dict[tuple[str, str], int] = {}

    def sort_out(self, chunk: Sequence[ParcelLine]) -> tuple[list[tuple[ParcelLine, int | None]], ImportResult]:
        """The usable lines with their destination, and a result that holds the others' problems."""
        foreign = {line.village_code for line in chunk} - self.regions.keys()
        known_elsewhere = set(Region.objects.filter(code__in=foreign).values_list("code", flat=True)) if foreign else ()
        good: list[tuple[ParcelLine, int | None]] = []
        judged = ImportResult(lines=len(chunk))
        for line in chunk:
            problem, destination = self._judge(line, known_elsewhere)
            if problem is None:
                good.append((line, destination))
                if destination is None:
                    judged.notes.append(LineProblem(line.row, "village", "nowhere", line.village_code))
                elif not line.station_code and line.village_code[:12] not in self.outlets:
                    judged.notes.append(LineProblem(line.row, "village", "no_outlet", line.village_code))
            else:
                judged.problems.append(problem)
                judged.refused += 1
        return good, judged

    def _judge(self, line: ParcelLine, known_elsewhere: Iterable[str]) -> tuple[LineProblem | None, int | None]:
        def bad(column: str, code: str, value: str, **args: Any) -> tuple[LineProblem, None]:
            return LineProblem(line.row, column, code, value, args), None

        if line.carrier not in self.carriers:
            return bad("carrier", "unknown_carrier", line.carrier)
        if not text.CODE.fullmatch(line.waybill_no):
            return bad("waybill", "waybill_form", line.waybill_no)
        key = (line.carrier, line.waybill_no)
        if self.first_row.setdefault(key, line.row) != line.row:
            return bad("waybill", "twice_in_file", line.waybill_no, first=self.first_row[key])
        village = line.village_code
        if village not in self.regions:
            return bad("village", "other_county" if village in known_elsewhere else "unknown_village", village)
        level, closed = self.regions[village]
        if level not in (RegionLevel.VILLAGE, RegionLevel.NATURAL_VILLAGE):
            return bad("village", "not_a_village", village)
        if closed:
            return bad("village", "village_closed", village)
        outlets = self.outlets.get(village[:12], [])
        if line.station_code:
            outlets = [outlet for outlet in outlets if outlet[1] == line.station_code]
            if not outlets:
                return bad("station", "unknown_station", line.station_code)
        elif len(outlets) > 1:
            branded = [outlet for outlet in outlets if (outlet[0], line.carrier) in self.brands]
            if len(branded) != 1:
                codes = ", ".join(code for _pk, code in outlets[:5])
                return bad("village", "outlet_ambiguous", village, outlets=codes)
            outlets = branded
        destination = outlets[0][0] if outlets else self.centres.get(village[:9])
        if not self.covers(line.carrier, destination):
            return bad("village" if line.carrier not in self.own_carriers else "carrier", "out_of_scope", village)
        return None, destination

    def covers(self, carrier: str, destination: int | None) -> bool:
        """Whether the sender may announce a parcel of this carrier for this station."""
        return self.everywhere or carrier in self.own_carriers or destination in self.station_ids


# --- 2. to 4. a chunk, in one transaction --------------------------------------------------------------------


def _write_chunk(
    judge: _Judge,
    good: list[tuple[ParcelLine, int | None]],
    part: ImportResult,
    by: User | None,
    dry_run: bool,
    update_changed: bool,
) -> ImportResult:
    with transaction.atomic():
        written = set() if dry_run else _insert(judge, good)
        rest = [(line, destination) for line, destination in good if line.row not in written]
        there = _already_there(judge.county_code, rest)
        fills: list[tuple[Any, ...]] = []
        for line, destination in rest:
            row = there.get((line.carrier, line.waybill_no))
            if row is None:  # a dry run's new line
                part.new += 1
                continue
            _compare(judge, line, destination, row, part, fills, by, dry_run, update_changed)
        part.new += len(written)
        if fills and not dry_run:
            _copy("orders_fill", _FILL_COLUMNS, fills)
            sql.run("orders", "fill_parcels", {"county_code": judge.county_code})
    return part


def _insert(judge: _Judge, good: list[tuple[ParcelLine, int | None]]) -> set[int]:
    if not good:
        return set()
    _copy(
        "orders_line",
        _LINE_COLUMNS,
        (
            (
                line.row, line.carrier, line.waybill_no, line.village_code, destination, line.collected_at,
                line.weight_g, line.volume_ml, line.goods_class or GoodsClass.NORMAL,
                *_person(line.recipient, line.phone),
            )
            for line, destination in good
        ),
    )  # fmt: skip
    version = Parcel._meta.get_field("fold_version").default
    rows = sql.rows("orders", "import_new", {"county_code": judge.county_code, "at": judge.at, "fold_version": version})
    return {row["row_no"] for row in rows}


def _already_there(
    county_code: str, rest: list[tuple[ParcelLine, int | None]]
) -> dict[tuple[str, str], dict[str, Any]]:
    if not rest:
        return {}
    rows = sql.rows(
        "orders",
        "parcels_already_there",
        {
            "county_code": county_code,
            "carriers": [line.carrier for line, _destination in rest],
            "waybills": [line.waybill_no for line, _destination in rest],
        },
    )
    return {(row["carrier"], row["waybill_no"]): row for row in rows}


def _compare(
    judge: _Judge,
    line: ParcelLine,
    destination: int | None,
    row: dict[str, Any],
    part: ImportResult,
    fills: list[tuple[Any, ...]],
    by: User | None,
    dry_run: bool,
    update_changed: bool,
) -> None:
    """What to do with a line whose parcel exists: nothing, fill it in, update it, or refuse it."""
    if not row["announced"]:
        part.filled += 1
        village = (line.village_code, destination)
        cargo = (line.weight_g, line.volume_ml, line.goods_class or GoodsClass.NORMAL)
        fills.append((row["id"], *village, line.collected_at, *cargo, *_person(line.recipient, line.phone)))
        return
    if row["created_at"] == judge.at:  # an earlier, killed run of this very import wrote it
        part.new += 1
        return
    old_name, old_phone = fields.decrypt(bytes(row["name"] or b"")), fields.decrypt(bytes(row["phone"] or b""))
    name, phone = _unmasked(line.recipient, old_name), _unmasked(line.phone, old_phone)
    collected_at = line.collected_at or row["collected_at"]  # an empty cell says nothing
    weight_g, volume_ml = line.weight_g or row["weight_g"], line.volume_ml or row["volume_ml"]
    goods = line.goods_class or row["goods_class"]
    differing = [
        column
        for column, new, old in (
            ("recipient", name, old_name),
            ("phone", phone, old_phone),
            ("village", line.village_code, row["village_id"]),
            ("collected_at", collected_at, row["collected_at"]),
            ("weight_g", weight_g, row["weight_g"]),
            ("volume_l", volume_ml, row["volume_ml"]),
            ("goods", goods, row["goods_class"]),
        )
        if new != old
    ]
    if not differing:
        part.same += 1
        return
    if not judge.covers(line.carrier, row["destination_id"]):
        _refuse(part, LineProblem(line.row, "waybill", "out_of_scope", line.waybill_no))
        return
    named = ", ".join(str(COLUMNS[column][0]) for column in differing)
    ended = row["state"] in TERMINAL
    if ended or not update_changed:
        code = "parcel_ended" if ended else "changed"
        _refuse(part, LineProblem(line.row, "waybill", code, line.waybill_no, {"columns": named}))
        return
    part.updated += 1
    if "village" not in differing:
        destination = row["destination_id"]
    fills.append(
        (row["id"], line.village_code, destination, collected_at, weight_g, volume_ml, goods, *_person(name, phone)),
    )
    if not dry_run:
        audit(
            actor=by,
            action="parcel.updated_by_import",
            entity="parcel",
            entity_id=row["id"],
            label=f"{line.carrier} {line.waybill_no}",
            at=judge.at,
            county_code=judge.county_code,
            before=_said(old_name, old_phone, row["village_id"], row["collected_at"]),
            after=_said(name, phone, line.village_code, collected_at),
        )


def _refuse(part: ImportResult, problem: LineProblem) -> None:
    part.refused += 1
    part.problems.append(problem)


def _said(name: str, phone: str, village: str | None, collected_at: datetime | None) -> dict[str, Any]:
    return {
        "recipient": text.masked_name(name),
        "phone": text.masked_phone(phone),
        "village": village or "",
        "collected_at": collected_at.isoformat() if collected_at else "",
    }


def _unmasked(new: str, old: str) -> str:
    """The old text where the new one only masks it: 138****1907 doesn't replace 13812341907."""
    if "*" not in new or len(new) != len(old):
        return new
    return old if all(said in ("*", known) for said, known in zip(new, old, strict=True)) else new


def _person(name: str, phone: str) -> tuple[bytes, bytes, str, str, str]:
    masked_name = name if "*" in name else text.masked_name(name)
    return fields.encrypt(name), fields.encrypt(phone), masked_name, text.masked_phone(phone), phone_tail(phone)


# --- COPY ------------------------------------------------------------------------------------------------------

_ESCAPED = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return _ESCAPED.sub(lambda found: _ESCAPES[found.group()], value) if _ESCAPED.search(value) else value
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _copy(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """COPY rows into a temp table of the caller's transaction, emptied first."""
    data = io.StringIO("".join("\t".join(map(_cell, row)) + "\n" for row in rows))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} ({columns}) ON COMMIT DELETE ROWS")
        cursor.execute(f"TRUNCATE {table}")
        cursor.cursor.copy_expert(f"COPY {table} FROM STDIN", data)
        cursor.execute(f"ANALYZE {table}")
