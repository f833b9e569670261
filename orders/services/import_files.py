"""A parcel file's way through the platform: stored, judged in a dry run, confirmed, written, forgotten.

The file is personal data. It lies under MEDIA_ROOT with a random name, no address serves it, and it goes after 90 days
(long enough to settle a dispute about what a carrier announced). Names and phones leave it only masked.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from django.core.files.base import File
from django.db import transaction
from django.db.models import Q
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common import text
from common.errors import Conflict, NotAllowed, Refused
from common.models import Job, JobProblem
from common.services import start_job
from common.states import JobState
from orders import codes
from orders.rules import NOTES, LineProblem, ParcelLine, carrier_key, read_row
from orders.services.import_parcels import ImportResult, import_parcels, import_scope
from orders.services.parcel_files import FileShape, rows_of, shape_of
from stations.models import Organisation

KIND = "orders.import_parcels"
KEPT_FOR = timedelta(days=90)
PROBLEMS_KEPT = 20_000
SAMPLE = 5
NOTE_EXAMPLES = 5


def check_file(*, file: BinaryIO, name: str, limit_bytes: int) -> tuple[FileShape, str]:
    """How the file is to be read and its sha256. Refused for what can't be read at all, its header row included."""
    size = file.seek(0, 2)
    if size > limit_bytes:
        raise Refused(
            "too_large",
            gettext_lazy("The file is larger than %(limit)s MB. Split it.") % {"limit": limit_bytes // 1_048_576},
            pointer="/file",
            status=413,
        )
    if PurePath(name).suffix.lower() not in (".csv", ".txt", ".xlsx"):
        raise Refused(
            "unknown_format",
            gettext_lazy("Only .xlsx workbooks without macros and CSV files can be read."),
            pointer="/file",
            status=415,
        )
    shape = shape_of(file)
    next(rows_of(file, shape), None)  # reads the header
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1_048_576):
        digest.update(block)
    file.seek(0)
    return shape, digest.hexdigest()


def earlier_import(*, user: User, county_code: str, sha256: str) -> Job | None:
    """The user's finished or running import of the very same file, newest first; None if there is none."""
    return (
        Job.objects.visible_to(user)
        .filter(kind=KIND, user=user, county_code=county_code, dry_run=False, params__sha256=sha256)
        .exclude(state__in=[JobState.FAILED, JobState.CANCELLED])
        .order_by("-id")
        .first()
    )


def start_preview(*, user: User, county_code: str, file: File, name: str, sha256: str, at: datetime) -> Job:
    """Store the file and have it judged. NotAllowed without the right in this county."""
    import_scope(user, county_code)
    stored = File(file, name=f"{uuid.uuid4().hex}{PurePath(name).suffix.lower()}")
    shown = text.clean((text.fault(name) and "?") or PurePath(name).name)[:80]
    return start_job(
        kind=KIND,
        title=_("Check of %(name)s") % {"name": shown},
        user=user,
        at=at,
        params={"sha256": sha256, "name": shown, "language": get_language() or "zh-hans"},
        input_file=stored,
        dry_run=True,
        county_code=county_code,
    )


def confirm_import(*, preview_id: int, user: User, update_changed: bool, at: datetime) -> Job:
    """Write what a preview has shown; a second click gets the same job. Conflict if the preview is not done."""
    with transaction.atomic():
        preview = Job.objects.visible_to(user).select_for_update().get(pk=preview_id, kind=KIND, user=user)
        import_scope(user, preview.county_code)
        if not preview.dry_run or preview.state != JobState.DONE or not preview.input_file:
            raise Conflict("preview_not_done", gettext_lazy("Only a finished check can be confirmed."))
        imports = Job.objects.filter(kind=KIND, user=user, params__preview=preview.pk)
        again = imports.exclude(state__in=[JobState.FAILED, JobState.CANCELLED]).first()
        if again is not None:
            return again
        written = start_job(
            kind=KIND,
            title=_("Import of %(name)s") % {"name": preview.params["name"]},
            user=user,
            at=at,
            params={
                **preview.params,
                "preview": preview.pk,
                "update_changed": update_changed,
                "language": get_language() or "zh-hans",
            },
            input_file=preview.input_file,
            county_code=preview.county_code,
        )
        audit(
            actor=user,
            action="parcels.imported",
            entity="job",
            entity_id=written.pk,
            label=preview.params["name"],
            at=at,
            county_code=preview.county_code,
            after={"sha256": preview.params["sha256"], "update_changed": update_changed, **_counts(preview.result)},
        )
    return written


def carry_out(
    *, job: Job, on_progress: Callable[[int], None], on_problems: Callable[[list[JobProblem]], None]
) -> dict[str, Any]:
    """Run an import job: judge (dry run) or write its file. Rights are those of this moment, not of the upload.

    The rows carry the job's created_at: a job taken over after its worker died finds its own rows by it."""
    user = User.objects.active().filter(pk=job.user_id).first()
    if user is None:
        raise NotAllowed(gettext_lazy("Your role may not do this."))
    if not job.input_file:
        raise Refused("file_gone", gettext_lazy("The file was deleted after 90 days. Upload it again."))
    kept = 0
    waiting: list[LineProblem] = []
    sample: list[list[str]] = []
    notes = _Notes()
    refused_before = 0

    def keep(problems: list[LineProblem], *, flush: bool = False) -> None:
        nonlocal kept
        waiting.extend(problems[: max(0, PROBLEMS_KEPT - kept - len(waiting))])
        if waiting and (flush or len(waiting) >= 1000):
            on_problems([_row_of(job, problem) for problem in waiting])
            kept += len(waiting)
            waiting.clear()

    with job.input_file.storage.open(str(job.input_file.name), "rb") as stored:
        file = cast(BinaryIO, stored)
        shape = shape_of(file)

        def lines() -> Iterator[ParcelLine]:
            nonlocal refused_before
            carriers = _carriers()
            for number, cells, extra in rows_of(file, shape):
                line, problems, remarks = read_row(number, cells, carriers, job.created_at)
                if extra:
                    problems = [*problems, LineProblem(number, "", "extra_cells")]
                if problems or line is None:
                    refused_before += 1
                    keep(problems)
                    continue
                for remark in (*remarks, *_odd(line)):
                    notes.add(remark)
                if job.dry_run and len(sample) < SAMPLE:
                    sample.append(_masked(line))
                yield line

        def after_chunk(total: ImportResult, part: ImportResult) -> None:
            keep(part.problems, flush=True)
            for remark in part.notes:
                notes.add(remark)
            on_progress(total.lines + refused_before)

        total = import_parcels(
            county_code=job.county_code,
            lines=lines(),
            at=job.created_at,
            by=user,
            dry_run=job.dry_run,
            update_changed=bool(job.params.get("update_changed")),
            on_chunk=after_chunk,
        )
    keep([], flush=True)
    rows = total.lines + refused_before
    on_progress(rows)
    return {
        "rows": rows,
        "new": total.new,
        "same": total.same,
        "filled": total.filled,
        "updated": total.updated,
        "refused": total.refused + refused_before,
        "encoding": shape.encoding,
        "sure": shape.sure,
        "sample": sample,
        "notes": notes.as_list(),
    }


def forget_old_files(*, at: datetime) -> int:
    """Delete the files of imports older than 90 days; their counts and problems stay. Returns how many went."""
    due = Job.objects.filter(
        Q(kind=KIND) & ~Q(input_file="") & Q(input_file__isnull=False), created_at__lt=at - KEPT_FOR
    )
    gone = 0
    for row in due.order_by("id")[:1000]:
        row.input_file.storage.delete(str(row.input_file.name))
        gone += Job.objects.filter(pk=row.pk).update(input_file="")
    return gone


class _Notes:
    """Remarks by code: how many, and the first few rows."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def add(self, remark: LineProblem) -> None:
        entry = self.found.setdefault(remark.code, {"count": 0, "rows": [], "detail": remark.detail})
        entry["count"] += 1
        if len(entry["rows"]) < NOTE_EXAMPLES:
            entry["rows"].append(remark.row)

    def as_list(self) -> list[dict[str, Any]]:
        return [{"code": code, **self.found[code]} for code in NOTES if code in self.found]


def _carriers() -> dict[str, str]:
    """Codes, full and short names of the carriers in the list of organisations, folded, to their codes."""
    found: dict[str, str] = {}
    for code, name in Organisation.objects.carriers().values_list("code", "name"):
        known = codes.CARRIERS.get(code)
        for said in (code, name, *((known.name, known.short) if known else ())):
            found.setdefault(carrier_key(said), code)
    return found


def _odd(line: ParcelLine) -> list[LineProblem]:
    fault = codes.waybill_fault(line.carrier, line.waybill_no)
    if not fault:
        return []
    names = [codes.CARRIERS[code].short for code in codes.recognise(line.waybill_no)[:3]]
    return [LineProblem(line.row, "waybill", fault, line.waybill_no, {"looks_like": "、".join(names) or "—"})]


def _masked(line: ParcelLine) -> list[str]:
    name = line.recipient if "*" in line.recipient else text.masked_name(line.recipient)
    when = line.collected_at.isoformat() if line.collected_at else ""
    known = codes.CARRIERS.get(line.carrier)
    carrier = known.name if known else line.carrier
    return [str(line.row), carrier, line.waybill_no, name, text.masked_phone(line.phone), line.village_code, when]


def _row_of(job: Job, problem: LineProblem) -> JobProblem:
    return JobProblem(
        job=job,
        row=problem.row,
        column=problem.column_name[:60],
        code=problem.code,
        detail=problem.detail[:400],
        value=problem.value[:200],
    )


def _counts(result: dict[str, Any]) -> dict[str, int]:
    return {name: result.get(name, 0) for name in ("rows", "new", "same", "filled", "updated", "refused")}
