"""Jobs: start, run, report progress, cancel, retry. A row is the promise; Celery only rings.

An app registers what a kind does (`@job("stations.import_divisions")` in its tasks.py). The function gets a
`Progress` and must be safe to run again from the start: a job whose worker died is taken over once its lease ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.base import File
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from common import bell, clock, logs
from common.errors import Conflict, Refused
from common.models import Job, JobProblem
from common.states import ENDED, OPEN, JobState

log = logs.get_logger("jobs")
LEASE = timedelta(minutes=2)
MAX_ATTEMPTS = 3
KINDS: dict[str, Callable[["Progress"], Mapping[str, Any] | None]] = {}


def job(kind: str) -> Callable[[Callable[["Progress"], Mapping[str, Any] | None]], Any]:
    """Register the function that carries out jobs of `kind`; what it returns becomes `Job.result`."""

    def register(function: Callable[["Progress"], Mapping[str, Any] | None]) -> Any:
        KINDS[kind] = function
        return function

    return register


class Cancelled(Exception):
    """Raised inside a job's function at the next progress call after somebody asked to stop it."""


@dataclass
class Progress:
    """What a running job sees of itself. Progress is written on a connection of its own, so that it shows at
    once even while the work stands in one long transaction."""

    job: Job
    _own: Any = None

    def _execute(self, sql: str, params: list[Any]) -> tuple[Any, ...] | None:
        if not connection.in_atomic_block:
            target = connection
        else:
            self._own = self._own or connection.copy()
            target = self._own
        with target.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchone()

    def step(self, done: int, total: int | None = None, message: object = "") -> None:
        """Set done (of total), renew the lease; raises Cancelled if a person asked to stop."""
        row = self._execute(
            "UPDATE common_job SET done = %s, total = COALESCE(%s, total), message = COALESCE(NULLIF(%s, ''), message),"
            " lease_until = %s WHERE id = %s RETURNING cancel_asked",
            [done, total, str(message)[:400], clock.now() + LEASE, self.job.pk],
        )
        if row and row[0]:
            raise Cancelled

    def problems(self, found: list[JobProblem]) -> None:
        """Keep refused rows; also counts them on the job."""
        JobProblem.objects.bulk_create(found, batch_size=1000)
        Job.objects.filter(pk=self.job.pk).update(problem_count=F("problem_count") + len(found))

    def close(self) -> None:
        if self._own is not None:
            self._own.close()


def start_job(
    *,
    kind: str,
    title: str,
    user: Any,
    at: datetime,
    params: Mapping[str, Any] | None = None,
    input_file: File | None = None,
    dry_run: bool = False,
    county_code: str = "",
) -> Job:
    """Write the row and ring the worker once it is committed; a lost ring costs at most ten seconds."""
    row = Job.objects.create(
        kind=kind,
        title=title,
        user=user,
        params=dict(params or {}),
        input_file=input_file,
        dry_run=dry_run,
        county_code=county_code,
        created_at=at,
    )
    transaction.on_commit(lambda: bell.ring("common.tasks.run_waiting_jobs"))
    return row


def run_waiting_jobs(*, at: datetime, limit: int = 20) -> int:
    """Claim and run open jobs one after another; returns how many ran. Several workers may do this at once."""
    ran = 0
    while ran < limit and (claimed := _claim(at=clock.now() if ran else at)):
        _run(claimed)
        ran += 1
    return ran


def _claim(*, at: datetime) -> Job | None:
    with transaction.atomic():
        free = Q(state=JobState.WAITING) | Q(state=JobState.RUNNING, lease_until__lt=at)
        row = Job.objects.select_for_update(skip_locked=True).filter(free).order_by("id").first()
        if row is None:
            return None
        if row.attempts >= MAX_ATTEMPTS or (row.cancel_asked and row.state == JobState.RUNNING):
            _finish(
                row,
                JobState.CANCELLED if row.cancel_asked else JobState.FAILED,
                _("The worker died on it."),
                at,
            )
            return _claim(at=at)
        row.state, row.attempts, row.started_at = JobState.RUNNING, row.attempts + 1, at  # counted at claim
        row.lease_until, row.done, row.problem_count = at + LEASE, 0, 0
        row.save(update_fields=["state", "attempts", "started_at", "lease_until", "done", "problem_count"])
        row.problems.all().delete()
        return row


def _run(row: Job) -> None:
    progress = Progress(row)
    language = row.params.get("language", "zh-hans")
    with override(language):
        try:
            function = KINDS[row.kind]
            result = function(progress) or {}
        except Cancelled:
            _finish(row, JobState.CANCELLED, _("Stopped on request."), clock.now())
        except Refused as refusal:
            row.result = {"code": refusal.code, **refusal.extra}
            _finish(row, JobState.FAILED, refusal.message, clock.now())
        except Exception:
            log.exception("job.failed", job=row.pk, kind=row.kind)
            _finish(
                row,
                JobState.FAILED,
                _("It broke off unexpectedly. Nothing half-done was kept; try again."),
                clock.now(),
            )
        else:
            row.result = dict(result)
            _finish(row, JobState.DONE, row.result.pop("message", ""), clock.now())
        finally:
            progress.close()


def _finish(row: Job, state: JobState, message: Any, at: datetime) -> None:
    """Compare-and-set: a job taken over meanwhile is not ended by its first runner."""
    values: dict[str, Any] = {
        "state": state,
        "message": str(message)[:400],
        "finished_at": at,
        "result": row.result,
        "result_file": row.result_file.name if row.result_file else None,
    }
    Job.objects.filter(pk=row.pk, attempts=row.attempts, state__in=OPEN).update(**values)


def cancel_job(*, job_id: int, user: Any, at: datetime) -> Job:
    """Ask a job to stop: at once if it waits, at its next step if it runs. Conflict if it has ended."""
    with transaction.atomic():
        row = Job.objects.of(user).select_for_update().get(pk=job_id)
        if row.state in ENDED:
            raise Conflict("job_ended", _("The job has ended already."))
        row.cancel_asked = True
        if row.state == JobState.WAITING:
            row.state, row.finished_at = JobState.CANCELLED, at
        row.save(update_fields=["cancel_asked", "state", "finished_at"])
    return row


def revive_job(*, job_id: int) -> bool:
    """Put a job of the system back in line if it failed or was stopped; whether it had to be."""
    with transaction.atomic():
        revived = Job.objects.filter(pk=job_id, state__in=(JobState.FAILED, JobState.CANCELLED)).update(
            state=JobState.WAITING, cancel_asked=False, attempts=0, message=""
        )
        if revived:
            transaction.on_commit(lambda: bell.ring("common.tasks.run_waiting_jobs"))
    return bool(revived)


def retry_job(*, job_id: int, user: Any) -> Job:
    """Put a failed or cancelled job back in line with the same input. Conflict if it is open or done."""
    with transaction.atomic():
        row = Job.objects.of(user).select_for_update().get(pk=job_id)
        if row.state not in (JobState.FAILED, JobState.CANCELLED):
            raise Conflict("job_not_ended", _("Only a job that failed or was stopped can be tried again."))
        row.state, row.cancel_asked, row.attempts, row.message = JobState.WAITING, False, 0, ""
        row.save(update_fields=["state", "cancel_asked", "attempts", "message"])
        transaction.on_commit(lambda: bell.ring("common.tasks.run_waiting_jobs"))
    return row
