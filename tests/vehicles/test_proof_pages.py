"""Before and after: what the days come to, the frozen before, and who may see and freeze."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from common import clock
from common.errors import NotAllowed, Refused
from stations.models import Organisation
from tests.conftest import NOW, County
from tests.vehicles.rows import add_trip, add_vehicle, add_whatif, issued_plan
from vehicles import services
from vehicles.figures import Figures, Ratio
from vehicles.models import Baseline, Trip
from vehicles.queries.figures import DEFINITIONS, compared, days, trend, vehicles_saved
from vehicles.services import Entered
from vehicles.states import PlanState
from vehicles.views.charts import chart

DAY = date(2026, 11, 20)
SPAN = {"first_on": DAY - timedelta(days=3), "last_on": DAY + timedelta(days=3)}


@pytest.fixture
def driven(county: County, carriers: dict[str, Organisation]) -> list[Trip]:
    """Two trips of one van and a bus-like nothing: 60 kg and 20 kg leave in a van of 100 kg."""
    van = add_vehicle(county, "渝A1", carriers["ZTO"])
    plan, at = issued_plan(county, DAY), clock.day_start(DAY) + timedelta(hours=7)
    return [
        add_trip(plan, "T1", van, at, [county.o1, county.o2, county.o3]),
        add_trip(plan, "T2", van, at + timedelta(hours=4), [county.o1]),
    ]


def test_a_day_s_trips_as_figures(county: County, driven: list[Trip]) -> None:
    [(day, got)] = days(county_code=county.code, **SPAN).items()
    assert day == DAY
    assert (got.days, got.vehicle_days, got.trips, got.buses, got.pieces) == (1, 1, 2, 0, 40)
    assert got.departure == {"weight": Ratio(800, 2000), "volume": Ratio(400, 2000), "pieces": Ratio(40, 200)}
    assert got.binding == "weight"
    # 600, 400, 200 and 50 (0.1 kg) over 10 km each; 200 and 50
    assert got.moving["weight"] == Ratio((600 + 400 + 200 + 50 + 200 + 50) * 10_000, 1000 * 60_000)
    assert got.empty_return == Ratio(0, 20_000)
    assert got.metres == 60_000
    assert got.cost == 4_005_000
    assert got.estimated


def test_what_does_not_count(county: County, driven: list[Trip], neighbour: County) -> None:
    before = days(county_code=county.code, **SPAN)
    van, at = driven[0].vehicle, driven[0].departs_at
    draft = issued_plan(county, DAY, 2, PlanState.DRAFT)
    type(draft).objects.filter(pk=draft.pk).update(issued_at=None)
    add_trip(draft, "D1", van, at, [county.o1])
    replaced = issued_plan(county, DAY, 3, PlanState.SUPERSEDED)
    add_trip(replaced, "S1", van, at, [county.o1])
    add_trip(issued_plan(county, DAY + timedelta(days=9)), "F1", van, at, [county.o1])
    assert days(county_code=county.code, **SPAN) == before
    Trip.objects.filter(code="S1").update(departed_at=at)
    assert days(county_code=county.code, **SPAN)[DAY].trips == 3
    Trip.objects.filter(pk=driven[0].pk).update(state="cancelled")
    assert days(county_code=county.code, **SPAN)[DAY].trips == 2
    assert days(county_code=neighbour.code, **SPAN) == {}


def test_trend_by_week_and_month() -> None:
    by_day = {date(2026, 11, n): Figures(vehicle_days=n) for n in (1, 2, 8, 30)} | {date(2026, 12, 1): Figures()}
    assert [(first, found.days) for first, found in trend(by_day, "week")] == [
        (date(2026, 10, 26), 1),
        (date(2026, 11, 2), 2),
        (date(2026, 11, 30), 2),
    ]
    assert [found.vehicle_days for _first, found in trend(by_day, "month")] == [41, 0]
    assert len(trend(by_day, "day")) == 5


def test_compared_says_what_is_better() -> None:
    before = Figures(vehicle_days=75, pieces=14_000, cost=240_000_000, departure={"volume": Ratio(31, 100)})
    after = Figures(vehicle_days=15, pieces=14_000, cost=49_000_000, departure={"volume": Ratio(82, 100)})
    lines = {line.term.key: line for line in compared(before, after)}
    assert lines["vehicles"].change == Decimal("-0.8")
    assert lines["load_at_departure"].change == Decimal("0.51")
    assert [lines[key].better for key in ("vehicles", "load_at_departure", "yuan_a_parcel", "load_km")] == [
        True, True, True, None,
    ]  # fmt: skip
    assert vehicles_saved(before, after) == pytest.approx(0.8)
    assert [line.before for line in compared(None, after)] == [None] * len(DEFINITIONS)


def test_measured_frozen_and_never_changed(county: County, driven: list[Trip]) -> None:
    values = {"county_code": county.code, **SPAN, "name": "前", "note": "", "by": county.people["officer"], "at": NOW}
    frozen = services.freeze_measured(**values)
    assert Figures.from_json(frozen.figures).trips == 2
    with pytest.raises(DatabaseError), transaction.atomic():
        Baseline.objects.filter(pk=frozen.pk).update(name="改")
    with pytest.raises(DatabaseError), transaction.atomic():
        frozen.delete()
    for change, code in (
        ({"first_on": date(2020, 1, 1), "last_on": date(2020, 1, 2)}, "no_trips"),
        ({"first_on": DAY, "last_on": DAY - timedelta(days=1)}, "span"),
        ({"first_on": date(2020, 1, 1)}, "span"),
    ):
        with pytest.raises(Refused) as refused:
            services.freeze_measured(**{**values, **change})
        assert refused.value.code == code
    with pytest.raises(NotAllowed):
        services.freeze_measured(**{**values, "by": county.people["auditor"]})


ENTERED = Entered(
    Decimal(75), 14_160, Decimal(14_289), Decimal(24_200), Decimal("0.33"), Decimal("0.22"), Decimal("0.7")
)


def test_entered_by_hand_with_its_source(county: County, neighbour: County) -> None:
    values = {"county_code": county.code, **SPAN, "name": "账本", "by": county.people["officer"], "at": NOW}
    frozen = Figures.from_json(services.freeze_entered(entered=ENTERED, note="企业账本", **values).figures)
    assert (frozen.days, frozen.vehicles_a_day, frozen.pieces) == (7, 75, 7 * 14_160)
    assert frozen.load_at_departure.share == 0.33
    assert frozen.empty_return.share == 0.7
    assert round(frozen.yuan_a_parcel or 0, 2) == Decimal("1.71")
    with pytest.raises(Refused) as refused:
        services.freeze_entered(entered=ENTERED, note=" ", **values)
    assert refused.value.code == "note_needed"
    with pytest.raises(Refused) as refused:
        services.freeze_entered(entered=Entered(Decimal(1), 1, Decimal(1), Decimal(1), Decimal(33)), note="x", **values)
    assert refused.value.code == "share"
    with pytest.raises(NotAllowed):
        services.freeze_entered(entered=ENTERED, note="x", **{**values, "by": neighbour.people["officer"]})


def test_the_page_shows_before_after_and_definitions(county: County, driven: list[Trip], sign_in) -> None:
    address = f"/vehicles/figures/?first_on={SPAN['first_on']}&last_on={SPAN['last_on']}&grain=day"
    empty = sign_in("officer").get(address).content.decode()
    assert "40.0 %" in empty
    services.freeze_entered(
        county_code=county.code,
        **SPAN,
        name="账本",
        note="企业账本",
        entered=ENTERED,
        by=county.people["officer"],
        at=NOW,
    )
    body = sign_in("auditor").get(address).content.decode()
    for words in ("账本", "企业账本", "98.7 %", "出发装载率", "空返率", "33.0 %", "只算末端运输", "高于每件 3 元"):
        assert words in body, words
    for odd in (
        "?first_on=x&last_on=y&grain=z",
        "?first_on=0001-01-01",
        "?before=zzz&county=999999",
        "?last_on=9999-12-31",
    ):
        assert sign_in("operator").get(f"/vehicles/figures/{odd}").status_code == 200


def test_freezing_by_the_page(county: County, driven: list[Trip], sign_in) -> None:
    client = sign_in("officer")
    assert client.get("/vehicles/figures/before/").status_code == 200
    sent = {"how": "measured", "m-name": "前", "m-first_on": "2026-11-20", "m-last_on": "2026-11-20"}
    assert client.post("/vehicles/figures/before/", {**sent, "m-last_on": "2026-11-01"}).status_code == 422
    assert client.post("/vehicles/figures/before/", {"how": "?"}).status_code == 422
    assert client.post("/vehicles/figures/before/", sent).status_code == 302
    assert Baseline.objects.get().name == "前"
    by_hand = {
        "e-name": "手",
        "e-first_on": "2026-11-20",
        "e-last_on": "2026-11-20",
        "e-vehicles": "75",
        "e-parcels": "14160",
        "e-km": "14289",
        "e-yuan": "24200",
        "e-load_at_departure": "33",
        "e-note": "账本",
    }
    assert client.post("/vehicles/figures/before/", {"how": "entered", **by_hand, "e-note": ""}).status_code == 422
    assert client.post("/vehicles/figures/before/", {"how": "entered", **by_hand}).status_code == 302
    assert sign_in("operator").get("/vehicles/figures/before/").status_code == 403


def test_what_if_pages(county: County, neighbour: County, sign_in) -> None:
    client = sign_in("officer")
    assert client.get("/vehicles/figures/whatif/new/").status_code == 200
    assert client.get("/vehicles/figures/whatif/new/?day=zz").status_code == 200
    assert client.post("/vehicles/figures/whatif/new/", {"members": "ZTO"}).status_code == 422
    row = add_whatif(county.h1)
    page = f"/vehicles/figures/whatif/{row.pk}/"
    assert client.get(page).status_code == 200
    part = {name: Figures(vehicle_days=n, trips=n, pieces=100).to_json() for name, n in (("ZTO", 3), ("YTO", 2))}
    solved = {name: {"figures": found, "yuan": "300.00"} for name, found in part.items()}
    pool = {"figures": Figures(vehicle_days=2, trips=3, pieces=200).to_json(), "yuan": "400.00"}
    row.result = {
        "order": ["ZTO", "YTO"],
        "solved": {**solved, "YTO+ZTO": pool, "YTO+ZTO|bus": pool},
        "shares": {
            "shares": {"ZTO": "200.00", "YTO": "200.00"},
            "alone": {"ZTO": "300.00", "YTO": "300.00"},
            "total": "400.00",
            "exact": True,
            "orders": 0,
            "coalitions": 3,
            "replaced": 0,
            "split": [["YTO", "ZTO"]],
        },
    }
    row.save()
    body = client.get(page).content.decode()
    for words in ("60.0 %", "中通快递", "200.00", "100.00", "<polyline"):
        assert words in body, words
    assert "全部一起跑，¥400.00" in body
    shares = row.result["shares"] | {"total": "600.00"}
    for split, words in (
        ([["YTO"], ["ZTO"]], "各家单独跑，共 ¥600.00"),
        ([["YTO", "ZTO"], ["ZZ"]], "圆通速递 + 中通快递 一起跑，¥570.00；ZZ 照旧各自单独跑，共 ¥30.00"),
    ):
        members = ["ZTO", "YTO"] + ["ZZ"] * (len(split[0]) > 1)
        row.asked = row.asked | {"members": members}
        row.result = row.result | {"shares": shares | {"split": split, "alone": shares["alone"] | {"ZZ": "30.00"}}}
        row.save()
        body = client.get(page).content.decode()
        assert words in body, words
    assert "<html" not in client.get(page, headers={"HX-Request": "true"}).content.decode()
    assert client.get("/vehicles/figures/whatif/").status_code == 200
    assert client.post(f"{page}freeze/", {"name": ""}).status_code == 302
    assert not Baseline.objects.exists()
    assert client.post(f"{page}freeze/", {"name": "各跑各的"}).status_code == 302
    assert Baseline.objects.get().figures["vehicle_days"] == 5
    assert client.get(f"/vehicles/figures/whatif/{add_whatif(neighbour.nh).pk}/").status_code == 404


def test_found_twice_page(county: County, driven: list[Trip], sign_in) -> None:
    for odd in ("", "?day=2026-11-20", "?day=zzz"):
        assert sign_in("township").get(f"/vehicles/figures/duplicates/{odd}").status_code == 200


def test_a_chart_of_few_or_no_numbers() -> None:
    assert chart("t", "", ["a"], [("s", "one", [1.0])]) is None
    assert chart("t", "", ["a", "b"], [("s", "one", [None, None])]) is None
    drawn = chart("t", "", ["a", "b", "c"], [("s", "one", [0.0, None, 0.0])])
    assert drawn is not None
    assert [len(each.lines) for each in drawn.series] == [2]
    assert chart("t", "%", ["a", "b"], [("s", "one", [0.5, 1.0])], percent=True) is not None
