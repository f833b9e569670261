"""The pages of divisions: search, one division, terrain, and a list uploaded as a job."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from common.models import Job
from common.services import run_waiting_jobs
from stations import services, tasks
from stations.models import Region
from tests.conftest import NOW, County

pytestmark = pytest.mark.django_db

LIST = (
    "code,name,level,parent_code\n500236000000,奉节县,county,500200000000\n"
    "500236101000,白帝镇,township,500236000000\nx,y,township,500236000000\n"
)


def upload(text: str = LIST, **more: str):
    return {"file": SimpleUploadedFile("list.csv", text.encode()), "edition": "2023", **more}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["丰都县"]),
        ("?q=虎威", ["虎威镇"]),
        ("?q=500230102", ["社坛镇", "明月村民委员会", "大坪村民委员会"]),
        ("?level=township", ["虎威镇", "社坛镇"]),
        ("?q=邻家", []),
        ("?q=邻家&all=1", ["邻家村民委员会"]),
    ],
)
def test_search(county: County, neighbour: County, sign_in, query: str, names: list[str]):
    page = sign_in("officer").get("/regions/" + query).context["page"]
    assert [region.name for region in page] == names


def test_search_by_initials(county: County, sign_in):
    Region.objects.filter(pk="500230101000").update(initials="hwz")
    assert [r.name for r in sign_in("operator").get("/regions/?q=HW").context["page"]] == ["虎威镇"]


def test_a_division_leads_down_and_up(county: County, sign_in):
    shown = sign_in("operator").get("/regions/500230101000/").content.decode()
    assert "丰都县" in shown
    assert "/regions/500230101200/" in shown


@pytest.mark.parametrize("code", ["500230109000", "x", "5002301010001%00", "50023010100", "500230101000-1"])
def test_a_code_that_is_none_is_not_found(county: County, sign_in, code: str):
    assert sign_in("officer").get(f"/regions/{code}/").status_code in (400, 404)


def test_terrain_is_the_county_s_to_set(county: County, neighbour: County, sign_in):
    client = sign_in("officer")
    assert client.post("/regions/500230101000/", {"terrain": "hill"}).status_code == 302
    assert Region.objects.filter(pk__startswith="500230101", terrain="hill").count() == 3
    assert client.post("/regions/500230101000/", {"terrain": "swamp"}).status_code == 422
    assert client.post("/regions/500101101000/", {"terrain": "hill"}).status_code == 404
    assert sign_in("operator").post("/regions/500230101000/", {"terrain": "hill"}).status_code == 404


def test_history_names_what_an_edition_changed(county: County, sign_in, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("code,name,level,parent_code\n500230101000,虎啸镇,township,500230000000\n", encoding="utf-8")
    services.import_divisions(path=path, edition="2024", valid_from=NOW.date(), at=NOW)
    shown = sign_in("officer").get("/regions/500230101000/").content.decode()
    assert "虎威镇" in shown
    assert "虎啸镇" in shown


def test_an_uploaded_list_is_tried_and_then_imported(
    county: County, sign_in, settings, tmp_path, django_capture_on_commit_callbacks
):
    settings.MEDIA_ROOT = tmp_path
    assert tasks.MOST_PROBLEMS
    client = sign_in("admin")
    answer = client.post("/regions/import/", upload(dry_run="on"))
    tried = Job.objects.get()
    assert answer["Location"] == f"/jobs/{tried.pk}/"
    run_waiting_jobs(at=NOW)
    tried.refresh_from_db()
    assert (tried.state, tried.problem_count, tried.result["opened"]) == ("done", 1, 2)
    assert not Region.objects.filter(pk="500236000000").exists()
    assert client.get("/regions/import/").status_code == 200
    assert client.post(f"/regions/import/{tried.pk}/apply/").status_code == 302
    run_waiting_jobs(at=NOW)
    done = Job.objects.latest("pk")
    assert (done.state, done.result["refused"]) == ("done", 1)
    assert done.problems.get().row == 4
    assert Region.objects.filter(pk="500236101000").exists()
    assert client.post(f"/regions/import/{done.pk}/apply/").status_code == 404


def test_a_list_that_is_refused_as_a_whole_says_why(county: County, sign_in, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    sign_in("admin").post("/regions/import/", upload("kode,name\n1,2\n"))
    run_waiting_jobs(at=NOW)
    job = Job.objects.get()
    assert (job.state, job.result["code"]) == ("failed", "header_missing")
    assert "level" in job.message


@pytest.mark.parametrize("change", [{"edition": "soon"}, {"edition": "0000"}, {"valid_from": "x"}, {"file": ""}])
def test_a_bad_upload_form_is_shown_again(county: County, sign_in, change: dict[str, str]):
    assert sign_in("admin").post("/regions/import/", {**upload(), **change}).status_code == 422
    assert not Job.objects.exists()


@pytest.mark.parametrize("who", ["officer", "township", "operator", "auditor", "support"])
def test_only_the_platform_imports_lists(county: County, sign_in, who: str):
    client = sign_in(who)
    assert client.get("/regions/import/").status_code == 403
    assert client.post("/regions/import/", upload()).status_code == 403
    assert client.post("/regions/import/1/apply/").status_code == 403
