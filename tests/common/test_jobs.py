"""Jobs: run, report, stop, retry; a dead worker's job is taken over; nobody sees another's."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from common import clock, services
from common.errors import Conflict, Refused
from common.models import Job, JobProblem
from common.states import JobState
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
KIND = "test.work"


@pytest.fixture
def kind(monkeypatch):
    """Registers a function for the kind of these tests."""

    def register(function):
        monkeypatch.setitem(services.KINDS, KIND, function)

    return register


def start(user, **more) -> Job:
    return services.start_job(kind=KIND, title="试做", user=user, at=NOW, **more)


def test_a_job_runs_reports_and_keeps_its_problems(county, kind):
    def work(progress):
        progress.step(1, 2, "第一步")
        progress.problems([JobProblem(job=progress.job, row=3, column="waybill", code="bad", detail="不对")])
        return {"rows": 2, "message": "好了"}

    kind(work)
    job = start(county.people["operator"])
    assert services.run_waiting_jobs(at=NOW) == 1
    job.refresh_from_db()
    assert (job.state, job.result, job.message, job.problem_count) == (JobState.DONE, {"rows": 2}, "好了", 1)
    assert services.run_waiting_jobs(at=NOW) == 0


def test_a_refusal_becomes_its_sentence_and_a_crash_a_neutral_one(county, kind):
    def refuse(progress):
        raise Refused("no_good", "这个文件不行")

    kind(refuse)
    job = start(county.people["operator"])
    services.run_waiting_jobs(at=NOW)
    job.refresh_from_db()
    assert (job.state, job.message, job.result["code"]) == (JobState.FAILED, "这个文件不行", "no_good")

    kind(lambda progress: 1 / 0)
    services.retry_job(job_id=job.pk, user=county.people["operator"])
    services.run_waiting_jobs(at=NOW)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "zero" not in job.message


def test_a_dead_workers_job_is_taken_over_three_times_at_most(county, kind):
    kind(lambda progress: {})
    job = start(county.people["operator"])
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, attempts=1, lease_until=clock.now() - timedelta(seconds=1)
    )
    assert services.run_waiting_jobs(at=clock.now()) == 1
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.DONE, 2)
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, attempts=3, lease_until=NOW - timedelta(days=1))
    assert services.run_waiting_jobs(at=clock.now()) == 0
    job.refresh_from_db()
    assert job.state == JobState.FAILED


def test_stop_and_try_again(county, kind):
    user = county.people["operator"]
    job = start(user)
    services.cancel_job(job_id=job.pk, user=user, at=NOW)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    with pytest.raises(Conflict):
        services.cancel_job(job_id=job.pk, user=user, at=NOW)
    services.retry_job(job_id=job.pk, user=user)
    kind(lambda progress: {})
    assert services.run_waiting_jobs(at=NOW) == 1
    with pytest.raises(Conflict):
        services.retry_job(job_id=job.pk, user=user)


def test_pages_show_ones_own_jobs_only(county, kind, sign_in):
    kind(lambda progress: {})
    job = start(county.people["operator"])
    mine, other = sign_in("operator"), sign_in("operator2")
    assert "试做" in mine.get("/jobs/").content.decode()
    assert mine.get(f"/jobs/{job.pk}/").status_code == 200
    assert mine.get(f"/jobs/{job.pk}/", headers={"HX-Request": "true"}).status_code == 200
    assert mine.get(f"/jobs/{job.pk}/problems.csv").status_code == 200
    assert "试做" not in other.get("/jobs/").content.decode()
    for path in ("", "problems.csv", "result/"):
        assert other.get(f"/jobs/{job.pk}/{path}").status_code == 404
    assert other.post(f"/jobs/{job.pk}/cancel/").status_code == 404
    assert mine.post(f"/jobs/{job.pk}/cancel/").status_code == 302


def test_nobodys_job_is_watched_by_all_and_stopped_by_none(county, sign_in):
    job = services.start_job(kind=KIND, title="演示", user=None, at=NOW)
    client = sign_in("operator")
    page = client.get(f"/jobs/{job.pk}/")
    assert page.status_code == 200
    assert f"/jobs/{job.pk}/cancel/" not in page.content.decode()
    assert client.post(f"/jobs/{job.pk}/cancel/").status_code == 404
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED)
    assert client.post(f"/jobs/{job.pk}/retry/").status_code == 404
    job.refresh_from_db()
    assert (job.state, job.cancel_asked) == (JobState.FAILED, False)


def test_migrations_are_complete():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
