"""Grades, distances and densities of outlets: dated, with a reason, never for days that were earned already."""

import threading
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse

from common import clock
from common.errors import Conflict, Refused
from settlement.models import OutletFact
from settlement.queries.facts import facts_on
from settlement.services import enter_fact
from tests.conftest import NOW

TODAY = date(2026, 11, 20)  # NOW in Shanghai
TOMORROW = TODAY + timedelta(days=1)


def enter(county, at: datetime = NOW, **values) -> OutletFact:
    row = {"kind": "grade", "grade": "B", "valid_from": TOMORROW, "reason": "月度检查"}
    station = values.pop("station", county.o1)
    return enter_fact(station_id=station.pk, by=county.people["township"], at=at, **{**row, **values})


@pytest.mark.django_db
def test_a_fact_holds_from_its_day_until_the_next(county):
    enter(county)
    enter(county, grade="A", valid_from=TOMORROW + timedelta(days=9))
    enter(county, kind="distance", grade="", value=Decimal("12.50"))
    held = facts_on([county.o1.pk, county.o2.pk], TOMORROW + timedelta(days=8))
    assert set(held) == {county.o1.pk}
    assert held[county.o1.pk]["grade"].grade == "B"
    assert held[county.o1.pk]["distance"].value == Decimal("12.50")
    assert facts_on([county.o1.pk], TODAY) == {}
    assert facts_on([county.o1.pk], TOMORROW + timedelta(days=9))[county.o1.pk]["grade"].grade == "A"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"valid_from": TODAY}, "valid_too_early"),
        ({"valid_from": TODAY - timedelta(days=40)}, "valid_too_early"),
        ({"valid_from": TODAY + timedelta(days=400)}, "valid_too_late"),
        ({"grade": "E"}, "grade_unknown"),
        ({"grade": ""}, "grade_unknown"),
        ({"kind": "moon"}, "fact_kind_unknown"),
        ({"kind": "distance"}, "value_out_of_range"),
        ({"kind": "distance", "value": Decimal("NaN")}, "value_out_of_range"),
        ({"kind": "distance", "value": Decimal("Infinity")}, "value_out_of_range"),
        ({"kind": "distance", "value": Decimal(-1)}, "value_out_of_range"),
        ({"kind": "distance", "value": Decimal(1001)}, "value_out_of_range"),
        ({"kind": "density", "value": Decimal("0.001")}, "value_out_of_range"),
        ({"reason": " "}, "reason_missing"),
    ],
)
def test_what_cannot_be_entered(county, values, code):
    with pytest.raises(Refused) as refused:
        enter(county, **values)
    assert refused.value.code == code
    assert not OutletFact.objects.exists()


@pytest.mark.django_db
def test_the_day_is_shanghais(county):
    late = datetime.fromisoformat("2026-11-20T16:30:00+00:00")  # half past midnight on the 21st there
    with pytest.raises(Refused, match="valid_too_early"):
        enter(county, at=late, valid_from=TOMORROW)
    assert enter(county, at=late, valid_from=TOMORROW + timedelta(days=1))


@pytest.mark.django_db
def test_only_outlets_have_facts(county):
    with pytest.raises(Refused, match="not_an_outlet"):
        enter(county, station=county.c1)


@pytest.mark.django_db(transaction=True)
def test_one_a_day_and_kind_when_two_enter_at_once(county):
    gate, answers = threading.Barrier(2), []

    def write(grade: str) -> None:
        gate.wait()
        try:
            enter(county, grade=grade)
            answers.append("in")
        except Conflict as refused:
            answers.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[grade]) for grade in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["fact_taken", "in"]


def later(days: int = 1) -> str:
    return (clock.business_date(clock.now()) + timedelta(days=days)).isoformat()


@pytest.mark.django_db
def test_the_township_enters_and_the_outlet_reads(county, sign_in):
    township = sign_in("township")
    values = {"kind": "grade", "grade": "C", "value": "", "valid_from": later(), "reason": "三次投诉属实"}
    address = reverse("settlement:fact-new", args=[county.o1.pk])
    assert township.post(address, values).status_code == 302
    assert township.post(address, values).status_code == 409, "the same once more"
    assert OutletFact.objects.count() == 1
    answer = sign_in("operator").get(reverse("settlement:facts"))
    assert answer.url == reverse("settlement:fact", args=[county.o1.pk])
    page = sign_in("operator").get(answer.url).content.decode()
    assert "三次投诉属实" in page
    assert "未生效" in page
    assert reverse("settlement:fact-new", args=[county.o1.pk]) not in page
    rows = township.get(reverse("settlement:facts")).context["rows"]
    assert {row.station.code: row.coming for row in rows} == {"FD-O1": 1, "FD-O2": 0}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("grade", "E"),
        ("grade", ""),
        ("kind", "moon"),
        ("valid_from", "2026-02-30"),
        ("valid_from", "2020-01-01"),
        ("valid_from", "9999-12-31"),
        ("reason", ""),
        ("reason", "\u200b"),
        ("reason", "长" * 201),
    ],
)
def test_a_bad_entry_says_which_field(county, sign_in, field, value):
    values = {"kind": "grade", "grade": "C", "valid_from": later(), "reason": "检查", field: value}
    answer = sign_in("township").post(reverse("settlement:fact-new", args=[county.o1.pk]), values)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["", "NaN", "1e3", "-1", "1,5", "9" * 60, "1001"])
def test_a_bad_number_says_so(county, sign_in, value):
    values = {"kind": "distance", "value": value, "valid_from": later(), "reason": "测量"}
    answer = sign_in("township").post(reverse("settlement:fact-new", args=[county.o1.pk]), values)
    assert answer.status_code == 422
    assert "value" in answer.context["form"].errors


@pytest.mark.django_db
def test_the_wrong_role_the_next_township_and_the_neighbour(county, neighbour, sign_in):
    address = reverse("settlement:fact-new", args=[county.o1.pk])
    for who in ("operator", "officer", "clerk", "approver", "auditor"):
        assert sign_in(who).get(address).status_code == 403
    assert sign_in("township").get(reverse("settlement:fact-new", args=[county.o3.pk])).status_code == 404
    assert sign_in("township").get(reverse("settlement:fact", args=[county.o3.pk])).status_code == 404
    assert sign_in("operator").get(reverse("settlement:fact", args=[county.o2.pk])).status_code == 404
    stranger = sign_in(neighbour.people["officer"])
    assert stranger.get(reverse("settlement:fact", args=[county.o1.pk])).status_code == 404
    assert sign_in("officer").get(reverse("settlement:facts"), {"township": "x' OR 1"}).status_code == 200
