"""The public notice: sums without a person, an objection and its receipt, nothing before it is published."""

import csv
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from settlement import services
from settlement.models import Appeal, Period
from settlement.queries.appeals import appeal_of_receipt, receipt_of
from settlement.queries.notice import notice
from settlement.services.lines import adjust
from settlement.states import AdjustmentKind, PeriodState, StatementState
from tests.conftest import NOW, County
from tests.settlement.claims import MONTH, make_hold, make_line, make_period, make_statement
from tests.settlement.people import make_fund

pytestmark = pytest.mark.django_db
FORM = {"station": "", "text": "大池村多算了", "name": "李四光", "phone": "138 1234 1907"}


def page_of(county: County, name: str = "notice") -> str:
    return reverse(f"settlement:{name}", args=[county.code, MONTH])


@pytest.fixture
def published(county):
    """Two parcels at 大池 (0.40 and 0.50), one at 明月 and one held; the notice runs for five days from today."""
    make_line(county)
    make_line(county, amount=Decimal("0.5000"))
    make_line(county, station=county.o3)
    adjust(
        county_code=county.code,
        period=MONTH,
        station_id=county.o1.pk,
        fund_id=make_fund(county).pk,
        kind=AdjustmentKind.CORRECTION,
        amount=Decimal("1.0000"),
        reason="补记",
        source_key="t",
        by=None,
        at=NOW,
    )
    for outlet in (county.o1, county.o3):
        row = make_statement(county, station=outlet, state=StatementState.REVIEWED)
        if outlet == county.o1:
            row.adjusted_yuan, row.payable_yuan, row.held_parcels = Decimal(1), row.payable_yuan + 1, 1
            row.save(update_fields=["adjusted_yuan", "payable_yuan", "held_parcels"])
    make_hold(county)
    today = timezone.localdate()
    make_period(county, publicised_at=timezone.now(), notice_until=today + timedelta(days=5))
    return county


def test_anybody_reads_what_each_outlet_gets(published):
    page = Client().get(page_of(published))
    assert page.status_code == 200
    body = page.content.decode()
    found = page.context["notice"]
    assert [(part.name, part.parcels, part.yuan) for part in found.parts] == [
        ("虎威镇", 2, Decimal("1.90")),
        ("社坛镇", 1, Decimal("0.40")),
    ]
    assert (found.parcels, found.payable) == (3, Decimal("2.30"))
    assert found.lines_yuan + sum(yuan for _kind, yuan in found.adjustments) + found.rounding == found.payable
    row = found.parts[0].rows[0]
    assert (row.lowest, row.highest) == (Decimal("0.4"), Decimal("0.5"))
    for word in ("大池村服务点", "丰交〔2026〕1号", "¥2.30", "提出异议"):
        assert word in body


def test_no_person_stands_in_it(published):
    body = Client().get(page_of(published)).content.decode()
    for person in published.people.values():
        assert person.name not in body
    assert "张三丰" not in body
    assert "1381234" not in body
    assert "7319055" not in body, "no parcel either"


def test_the_table_adds_up_to_the_page(published):
    answer = Client().get(page_of(published, "notice-csv"))
    rows = list(csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))
    assert [row[1] for row in rows[1:-1]] == ["大池村服务点", "明月村服务点"]
    assert sum(Decimal(row[-1]) for row in rows[1:-1]) == Decimal(rows[-1][-1]) == Decimal("2.30")


@pytest.mark.parametrize("state", list(PeriodState))
def test_nothing_is_public_before_it_is_published(published, state):
    Period.objects.update(state=state)
    wanted = 200 if state in ("publicised", "approved", "paying", "closed") else 404
    for name in ("notice", "notice-csv", "notice-object"):
        assert Client().get(page_of(published, name)).status_code == wanted
    listed = Client().get(reverse("settlement:notices", args=[published.code])).content.decode()
    assert (page_of(published) in listed) == (wanted == 200)


def test_another_county_or_nonsense_is_not_found(published, neighbour):
    for code in (neighbour.code, "x", "999999", "500230%00"):
        assert Client().get(f"/settlement/notice/{code}/2026-10/").status_code == 404
    assert Client().get("/settlement/notice/999999/").status_code == 200


def test_the_page_is_read_from_the_cache(published, django_assert_max_num_queries):
    client = Client()
    client.get(page_of(published))
    with django_assert_max_num_queries(2):
        assert client.get(page_of(published)).status_code == 200


def test_an_objection_gets_a_receipt_and_the_receipt_the_answer(published):
    client = Client()
    answer = client.post(page_of(published, "notice-object"), {**FORM, "station": str(published.o1.pk)})
    appeal = Appeal.objects.get()
    receipt = answer.context["receipt"]
    assert (answer.status_code, receipt, appeal.station) == (200, receipt_of(appeal), published.o1)
    assert (appeal.claimant_name, appeal.claimant_phone) == ("李四光", "138 1234 1907")
    look = reverse("settlement:notice-answer")
    assert "尚未答复" in client.post(look, {"receipt": receipt}).content.decode()
    services.decide_appeal(
        appeal_id=appeal.pk, upheld=True, answer="已补记", by=published.people["officer"], at=NOW, amount=Decimal(2)
    )
    page = client.post(look, {"receipt": f" {receipt.lower()} "})
    assert "已补记" in page.content.decode()
    assert "李四光" not in page.content.decode()
    for wrong in ("1", f"{appeal.pk}-AAAAA-AAAAA", f"{appeal.pk + 1}{receipt[-12:]}", "9" * 40, "\x00"):
        assert client.post(look, {"receipt": wrong}).status_code == (422 if wrong == "\x00" else 404), wrong
        assert appeal_of_receipt(wrong) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("text", "\u200b"),
        ("text", "长" * 1001),
        ("name", ""),
        ("phone", "abc"),
        ("phone", "1" * 40),
        ("station", "999999"),
        ("station", "1' OR 1=1"),
        ("text", "a\x00b"),
    ],
)
def test_a_bad_objection_is_not_kept(published, field, value):
    answer = Client().post(page_of(published, "notice-object"), {**FORM, field: value})
    assert answer.status_code == 422
    assert not Appeal.objects.exists()


def test_after_the_last_day_nobody_objects(published):
    Period.objects.update(notice_until=timezone.localdate() - timedelta(days=1))
    client = Client()
    assert "公示期已结束" in client.get(page_of(published, "notice-object")).content.decode()
    answer = client.post(page_of(published, "notice-object"), FORM)
    assert answer.status_code == 422
    assert "公示期已结束" in answer.content.decode()
    assert not Appeal.objects.exists()


def test_one_address_does_not_flood_the_county(published):
    client = Client()
    statuses = [client.post(page_of(published, "notice-object"), FORM).status_code for _n in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert Appeal.objects.count() == 5
    look = reverse("settlement:notice-answer")
    assert [client.post(look, {"receipt": "1-AAAAA-AAAAA"}).status_code for _n in range(22)][-1] == 429


def test_a_month_without_statements_is_empty_not_broken(county):
    assert notice(make_period(county, PeriodState.CLOSED)).payable == 0
    assert Client().get(page_of(county)).status_code == 200
