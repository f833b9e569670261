"""Long work as a row: survives a reload, a lost broker message and a killed worker."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.states import OPEN, JobState

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: "User | AnonymousUser") -> "JobQuerySet":
        """A job is its starter's; a job nobody started (the demo's) may be watched by everybody who signed in."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(Q(user=user) | Q(user__isnull=True))

    def of(self, user: "User | AnonymousUser") -> "JobQuerySet":
        """What somebody started: only they stop it or try it again."""
        return self.filter(user=user) if user.is_authenticated else self.none()


class Job(models.Model):
    """One long piece of work with its progress, its problems by row, and its result."""

    kind = models.CharField(max_length=60)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=JobState.choices, default=JobState.WAITING)
    params = models.JSONField(default=dict)
    input_file = models.FileField(upload_to="jobs/%Y/%m/", null=True, blank=True)
    result_file = models.FileField(upload_to="jobs/%Y/%m/", null=True, blank=True)
    result = models.JSONField(default=dict)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=400, blank=True)
    problem_count = models.PositiveIntegerField(default=0)
    dry_run = models.BooleanField(default=False)
    cancel_asked = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="jobs")
    county_code = models.CharField(max_length=6, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=[s.value for s in OPEN]), name="job_open"),
            models.Index(fields=["user", "-id"], name="job_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def percent(self) -> int:
        return min(100, self.done * 100 // self.total) if self.total else (100 if self.state == JobState.DONE else 0)


class JobProblem(models.Model):
    """What was refused: which row, which column, why; the good rest of the file is kept."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="problems")
    row = models.PositiveIntegerField()
    column = models.CharField(max_length=60, blank=True)
    code = models.CharField(max_length=60)
    detail = models.CharField(max_length=400)
    value = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["job", "row"], name="jobproblem_by_job")]

    def __str__(self) -> str:
        return f"{self.job_id}:{self.row} {self.code}"


class Pulse(models.Model):
    """When something that should happen by itself (common/pulse.py) last did."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"
