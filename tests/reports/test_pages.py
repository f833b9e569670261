"""The report's pages: each number leads to as many parcels as it says, and nobody sees another county's."""

import csv
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from common import clock
from common.models import Job
from common.services import run_waiting_jobs
from reports import tasks
from reports.definitions import DEFINITIONS, Source
from reports.models import Report
from settlement.services import settle
from tests.conftest import make_parcel
from tests.reports.month import COUNTY_REGION, END, T1, compute, correct, send, the_month
from tests.settlement.people import make_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def november(county):
    county.__dict__["handheld"], county.__dict__["ids"] = the_month(county)
    make_policy(county)
    settle(at=END, county_code=county.code)
    return county


def drill(report, code, region=COUNTY_REGION, part="num") -> str:
    return reverse("reports:drill", args=[report.pk, code, region, part])


def test_each_number_leads_to_what_it_counted(november, sign_in):
    report, client = compute(november), sign_in("officer")
    for number in report.indicators.all():
        definition = next(one for one in DEFINITIONS if one.code == number.code)
        if definition.source is Source.RADIUS:
            continue
        parts = {"num": number.numerator}
        if definition.denominator:
            parts["den"] = number.denominator
        if definition.unknown:
            parts["unknown"] = number.extra["unknown"]
        for part, stored in parts.items():
            context = client.get(drill(report, number.code, number.region_code, part)).context
            counts = (number.code, number.region_code, part, context["stored"], context["counted"], context["readable"])
            assert counts == (number.code, number.region_code, part, stored, stored, stored)


def test_a_number_that_would_be_another_by_now_says_so(november, sign_in):
    report, client = compute(november), sign_in("officer")
    late = END + timedelta(hours=2)
    make_parcel(november, "73190553102510")
    send(november.__dict__["handheld"], ("HUB_IN", "FD-H1", late, "73190553102510"))
    page = client.get(drill(report, "volume_in"))
    assert page.context["counted"] == 6, "what came after the watermark is not in it"
    correct(november.__dict__["handheld"], november.__dict__["ids"]["73190553102506", "HUB_IN"], late)
    page = client.get(drill(report, "volume_in"))
    assert page.context["counted"] == 5
    assert "报告生成后数据有变化，现在应为 5。" in page.content.decode()


def test_the_page_names_the_townships_that_are_too_small(november, sign_in):
    report = compute(november)
    page = sign_in("officer").get(reverse("reports:report", args=[report.pk])).content.decode()
    assert "丰都县2026年11月农村寄递物流服务质量通报" in page
    assert "一、总体情况" in page
    assert "样本不足" in page
    assert "另有 3 件揽收时间不明" in page
    assert "60.0 %" in page, "three of five to the village in time"
    assert "3/5" in page


def test_a_township_sees_itself_and_the_sums(november, sign_in):
    report = compute(november)
    client = sign_in("township")
    table = client.get(reverse("reports:report", args=[report.pk])).context["table"]
    assert table.county.region_code == COUNTY_REGION
    assert [row.region_code for row in [*table.ranked, *table.few]] == [T1]
    assert client.get(drill(report, "volume_in", T1)).context["readable"] == 4
    context = client.get(drill(report, "volume_in")).context
    assert (context["counted"], context["readable"]) == (6, 4)
    assert client.get(drill(report, "volume_in", "500230102000")).status_code == 404


@pytest.mark.parametrize(
    ("who", "answer"),
    [
        ("operator", 200),
        ("township", 200),
        ("officer", 200),
        ("clerk", 200),
        ("approver", 200),
        ("auditor", 200),
        ("support", 200),
        ("courier", 403),
        ("carrier", 403),
        ("admin", 403),
    ],
)
def test_who_reads_reports(november, sign_in, who, answer):
    report, client = compute(november), sign_in(who)
    for address in (
        reverse("reports:list"),
        reverse("reports:report", args=[report.pk]),
        reverse("reports:report-csv", args=[report.pk]),
        drill(report, "volume_in"),
    ):
        assert client.get(address).status_code == answer
    computing = client.post(reverse("reports:compute"), {"month": f"{clock.month_of(timezone.now()):%Y-%m}"})
    assert computing.status_code == (302 if who == "officer" else 403)


def test_the_neighbour_sees_nothing(november, neighbour, sign_in):
    report = compute(november)
    client = sign_in(neighbour.people["officer"])
    assert client.get(reverse("reports:list")).context["reports"] == []
    for address in (
        reverse("reports:report", args=[report.pk]),
        reverse("reports:report-csv", args=[report.pk]),
        drill(report, "volume_in"),
    ):
        assert client.get(address).status_code == 404


def test_the_table_has_every_number(november, sign_in):
    report = compute(november)
    answer = sign_in("officer").get(reverse("reports:report-csv", args=[report.pk]))
    table = list(csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))
    assert len(table) - 1 == report.indicators.count()
    assert ["丰都县", COUNTY_REGION, "24 小时到村率", "3", "5", "60.0", "", "", "", ""] in table


def test_a_month_is_computed_as_a_job(county, sign_in):
    client = sign_in("officer")
    month = clock.month_of(timezone.now())
    client.post(reverse("reports:compute"), {"month": f"{month:%Y-%m}"})
    assert "job-" in client.get(reverse("reports:list")).content.decode()
    run_waiting_jobs(at=timezone.now())
    job = Job.objects.get()
    assert (job.state, job.message) == ("done", "第 1 版已生成。")
    report = Report.objects.get()
    assert (report.month, report.by) == (month, county.people["officer"])
    client.post(reverse("reports:compute"), {"month": "1999-01"})
    assert Job.objects.count() == 1


def test_the_clock_computes_the_current_month_of_every_county(county, neighbour):
    tasks.compute_current()
    months = Report.objects.filter(month=clock.month_of(timezone.now()))
    assert set(months.values_list("county_code", flat=True)) == {county.code, neighbour.code}


@pytest.mark.parametrize(
    "path",
    [
        "volume_in/500230000000/den",
        "volume_in/500230000000/all",
        "nothing/500230000000/num",
        "volume_in/x/num",
        "radius/500230000000/num",
        "volume_in/%00/num",
        "came_in/500230000000/num",
    ],
)
def test_a_number_that_is_not_there(november, sign_in, path):
    report = compute(november)
    assert sign_in("officer").get(f"/reports/{report.pk}/{path}/").status_code in (400, 404)


def test_the_page_takes_few_queries(november, sign_in, django_assert_max_num_queries):
    report, client = compute(november), sign_in("officer")
    for address in (reverse("reports:report", args=[report.pk]), reverse("reports:list")):
        client.get(address)
        with django_assert_max_num_queries(12):
            assert client.get(address).status_code == 200
