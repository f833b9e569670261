"""Each check finds what it is for, with its numbers and lines, and lets its honest neighbour alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from settlement.definitions import CHECKS, closed_days, opening_minutes, sentence
from settlement.models import CallBack, FraudCase, Hold, Line, Period
from settlement.services import settle
from settlement.services.fraud import draw_calls, look, note_call, rules_in_force
from settlement.states import HoldReason, PeriodState
from stations.models import Station
from tests.conftest import NOW, make_parcel
from tests.settlement.doubts import (
    DAY,
    HOUR,
    MINUTE,
    MORNING,
    SECOND,
    deliver,
    handheld,
    held,
    looked,
    spread,
    waybills,
)
from tests.settlement.people import make_policy
from tests.tracking.scans import fold, record, scan

pytestmark = pytest.mark.django_db
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC).date()


@pytest.fixture(autouse=True)
def policy(county):
    Station.objects.filter(pk=county.o1.pk).update(lng=Decimal("107.700000"), lat=Decimal("29.800000"))
    return make_policy(county)


def only(cases: list[FraudCase], code: str) -> FraudCase:
    assert [case.rule.code for case in cases] == [code], [(case.rule.code, case.numbers) for case in cases]
    assert "%(" not in sentence(cases[0].numbers)
    return cases[0]


def test_an_honest_day_raises_nothing(county):
    deliver(county, spread(MORNING, 12), signed={"lng": 107.7003, "lat": 29.8002, "accuracy_m": 20})
    assert looked(county) == []
    assert Hold.objects.count() == 0


def test_looking_again_raises_nothing_twice(county):
    deliver(county, spread(MORNING, 3), signed={"lng": 107.73, "lat": 29.8, "accuracy_m": 20})
    assert len(looked(county)) == 1
    again = look(at=NOW + HOUR, county_code=county.code)
    assert (again.raised, again.held) == (0, 0)
    deliver(county, spread(MORNING + 5 * MINUTE, 2), signed={"lng": 107.73, "lat": 29.8, "accuracy_m": 20})
    case = only(looked(county, NOW + DAY), "F5")
    assert held(case) == 5, "late scans of the same day join the open case"


def test_many_repeats_are_shown_and_each_parcel_is_paid_once(county):
    numbers = deliver(county, spread(MORNING, 21, 3))
    again = [
        scan("SIGNED_PICKUP", "FD-O1", at + 5 * SECOND, waybill_no=n)
        for n, at in zip(numbers, spread(MORNING, 21, 3), strict=True)
    ]
    record(handheld(county, county.o1, "operator"), *again, at=NOW)
    fold(NOW)
    case = only(looked(county), "F1")
    assert case.numbers["scans"] == 21
    assert Line.objects.count() == 21
    assert held(case) == 0


def test_an_unannounced_waybill_is_held_after_seven_days(county):
    deliver(county, spread(MORNING, 2), announced=False)
    assert looked(county, NOW + 6 * DAY) == []
    case = only(looked(county, NOW + 8 * DAY), "F3")
    assert (case.numbers["scans"], held(case)) == (2, 2)
    assert case.rule.kind == "hard"


def test_a_second_station_is_not_paid(county):
    numbers = deliver(county, [MORNING])
    record(
        handheld(county, county.o3, "operator2"),
        scan("SIGNED_PICKUP", "FD-O3", MORNING + HOUR, waybill_no=numbers[0]),
        at=NOW,
    )
    fold(NOW)
    case = only(looked(county), "F4")
    assert case.station == county.o3
    assert Line.objects.get().station == county.o1
    assert held(case) == 0
    assert len(case.event_ids) == 2


def test_handed_out_far_away(county):
    deliver(county, spread(MORNING, 3), signed={"lng": 107.7188, "lat": 29.8, "accuracy_m": 20})  # 1.8 km
    deliver(county, spread(MORNING + 8 * MINUTE, 3), signed={"lng": 107.7031, "lat": 29.8, "accuracy_m": 20})  # 300 m
    case = only(looked(county), "F5")
    assert (case.numbers["scans"], case.numbers["noted"], held(case)) == (3, 3, 3)
    assert 1750 < case.numbers["far_m"] < 1850


def test_a_door_may_be_further_away_and_a_rough_position_says_nothing(county):
    deliver(county, spread(MORNING, 3), kind="SIGNED_SELF", signed={"lng": 107.7188, "lat": 29.8, "accuracy_m": 20})
    deliver(county, spread(MORNING, 3), signed={"lng": 107.7188, "lat": 29.8, "accuracy_m": 1500})
    assert looked(county) == []


def test_faster_than_any_road(county):
    device = handheld(county, county.o1, "operator")
    Station.objects.filter(pk=county.o1.pk).update(lng=None, lat=None)
    first, second = deliver(county, [MORNING, MORNING + 6 * MINUTE], signed=None)
    third = deliver(county, [MORNING + HOUR], signed={"lng": 107.7, "lat": 29.8, "accuracy_m": 10})[0]
    record(device, scan("SIGNED_PICKUP", "FD-O1", MORNING, waybill_no=first), at=NOW)
    deliver(county, [MORNING + HOUR + 6 * MINUTE], signed={"lng": 108.0, "lat": 29.8, "accuracy_m": 10})
    case = only(looked(county), "F6")
    assert case.numbers["kmh"] > 250
    assert held(case) == 2
    assert Line.objects.get(parcel__waybill_no=third).hold.reason == HoldReason.FRAUD
    assert not Hold.objects.filter(line__parcel__waybill_no=second).exists()


def test_more_in_a_minute_than_hands_can(county):
    deliver(county, [MORNING + place * SECOND for place in range(45)])
    case = only(looked(county), "F7")
    assert (case.numbers["code"], case.numbers["scans"], held(case)) == ("minute", 45, 45)


def test_sixty_with_hardly_a_gap(county):
    times = [MORNING + 59 * SECOND + place * timedelta(milliseconds=30) for place in range(33)]
    times += [MORNING + 60 * SECOND + place * timedelta(milliseconds=30) for place in range(33)]
    deliver(county, times)
    case = only(looked(county), "F7")
    assert (case.numbers["code"], held(case)) == ("gaps", 66)


def test_in_and_out_at_once(county):
    deliver(county, spread(MORNING, 10, 10))
    deliver(county, spread(MORNING + 2 * MINUTE, 5), arrived=20 * SECOND)
    case = only(looked(county), "F8")
    assert (case.numbers["scans"], case.numbers["of"], held(case)) == (5, 15, 5)


def test_one_person_with_very_many_parcels(county):
    buyer, big = ("李四", "13911112222"), ("王五", "13911113333")
    times = spread(NOW - 4 * DAY, 16, 300)
    deliver(county, times, recipients=[buyer] * 16)
    deliver(county, times[:15], recipients=[big] * 15)
    case = only(looked(county), "F9")
    assert (case.numbers["code"], case.numbers["scans"], held(case)) == ("one_recipient", 16, 16)
    assert "139" not in f"{case.subject} {case.numbers}"


def test_parcels_to_who_works_there(county):
    worker = county.people["operator"]
    worker.phone = "13911112222"
    worker.save(update_fields=["phone"])
    deliver(county, spread(MORNING, 6), recipients=[("李四", "13911112222")] * 6)
    case = only(looked(county), "F9")
    assert case.numbers["code"] == "staff"


def test_work_at_night_unless_the_shop_is_open_then(county):
    night = NOW - 12 * HOUR + 2 * HOUR  # 2:00 in Shanghai
    deliver(county, spread(night, 6, 5))
    Station.objects.filter(pk=county.o3.pk).update(opening_hours="18:00-04:00")
    deliver(county, spread(night, 8, 5), outlet="o3", who="operator2")
    case = only(looked(county), "F10")
    assert (case.station, case.numbers["code"], held(case)) == (county.o1, "night", 6)


def test_work_on_a_closed_day(county):
    Station.objects.filter(pk=county.o1.pk).update(opening_hours="08:00-20:00,周五休息")
    deliver(county, spread(MORNING, 6))  # a Friday
    case = only(looked(county), "F10")
    assert case.numbers["code"] == "closed_day"


def test_days_in_a_row_with_far_more_parcels(county):
    for day in range(19, 3, -1):
        deliver(county, spread(MORNING - day * DAY, 4))
    deliver(county, spread(MORNING - 3 * DAY, 20))  # a market day alone
    for day in (2, 1, 0):
        deliver(county, spread(MORNING - day * DAY - 3 * HOUR, 18))
    case = only(looked(county, NOW + DAY), "F11")
    assert case.numbers["days"] == 4
    assert case.numbers["usual"] == 4


def test_a_market_day_alone_is_nothing(county):
    for day in range(19, 0, -1):
        deliver(county, spread(MORNING - day * DAY, 20 if day % 5 == 0 else 4))
    assert looked(county) == []


def test_a_clock_that_runs_backwards(county):
    numbers = waybills(10)
    device = handheld(county, county.o1, "operator")
    hub = handheld(county, county.h1, "hub")
    for place, number in enumerate(numbers):
        make_parcel(county, number, phone=f"1381111{place:04d}")
        record(hub, scan("HUB_IN", "FD-H1", MORNING - 9 * HOUR, waybill_no=number), at=NOW)
        at = MORNING - (HOUR if place % 2 else 0 * HOUR) + place * MINUTE
        record(
            device,
            scan("OUTLET_IN", "FD-O1", MORNING - 5 * HOUR, waybill_no=number, seq=2 * place + 1),
            scan("SIGNED_PICKUP", "FD-O1", at, waybill_no=number, seq=2 * place + 2),
            at=NOW,
        )
    fold(NOW)
    case = only(looked(county), "F12")
    assert (case.numbers["code"], case.numbers["scans"]) == ("backwards", 5)
    assert case.numbers["minutes"] >= 50


def test_a_hubs_handheld_hands_out(county):
    numbers = waybills(6)
    hub = handheld(county, county.h1, "hub")
    for place, number in enumerate(numbers):
        at = MORNING + place * 9 * MINUTE
        record(
            hub,
            scan("HUB_IN", "FD-H1", at - 90 * MINUTE, waybill_no=number),
            scan("OUTLET_IN", "FD-O1", at - HOUR, waybill_no=number),
            scan("SIGNED_PICKUP", "FD-O1", at, waybill_no=number),
            at=NOW,
        )
    fold(NOW)
    case = only(looked(county), "F12")
    assert (case.numbers["code"], case.numbers["scans"]) == ("two_roles", 6)


def test_numbers_that_follow_each_other(county):
    invented = [f"731905531{place:05d}" for place in range(100, 107)]
    deliver(county, spread(MORNING, 7), numbers=invented, upstream=False)
    real = [f"731905532{place:05d}" for place in range(100, 107)]
    deliver(county, spread(MORNING + 3 * MINUTE, 7), numbers=real)
    case = only(looked(county), "F13")
    assert (case.numbers["code"], case.numbers["scans"]) == ("consecutive", 7)
    assert held(case) == 7


def test_numbers_of_no_pattern_and_of_hardly_any_digits(county):
    odd = [f"QX{place * 37:09d}" for place in range(11, 16)]
    deliver(county, spread(MORNING, 5), numbers=odd, upstream=False)
    flat = [f"7311111111{pair}" + "11" for pair in ("11", "12", "21", "31")]
    deliver(county, spread(MORNING, 4), numbers=flat, upstream=False)
    found = {case.numbers["code"] for case in looked(county)}
    assert found == {"faulty", "flat"}


def test_calls_are_drawn_the_same_again_and_judged(county):
    deliver(county, spread(MORNING, 25))
    settle(at=NOW, county_code=county.code)
    assert draw_calls(county_code=county.code, month=NOVEMBER, at=NOW) >= 20, "a new outlet's first twenty"
    assert draw_calls(county_code=county.code, month=NOVEMBER, at=NOW) == 0
    assert looked(county) == []
    for place, call in enumerate(CallBack.objects.order_by("pk")):
        note_call(
            call_id=call.pk, answer="denied" if place < 3 else "confirmed", by=county.people["officer"], at=NOW + HOUR
        )
    case = only(looked(county, NOW + 2 * HOUR), "F14")
    assert held(case) == 0
    assert case.case_lines.count() == 3


def test_a_computed_month_is_left_alone(county):
    deliver(county, spread(MORNING, 3), signed={"lng": 107.73, "lat": 29.8, "accuracy_m": 20})
    settle(at=NOW, county_code=county.code)
    Period.objects.create(county_code=county.code, month=NOVEMBER, state=PeriodState.COMPUTED)
    assert looked(county) == []


def test_every_check_has_its_words_and_starting_numbers(county):
    rules = rules_in_force(county_code=county.code, at=NOW)
    assert list(CHECKS) == [f"F{number}" for number in range(1, 15)]
    assert set(rules) == set(CHECKS)
    for check in CHECKS.values():
        assert all(one.low <= one.start <= one.high for one in check.thresholds), check.code
    assert rules_in_force(county_code=county.code, at=NOW + DAY).keys() == rules.keys()


@pytest.mark.parametrize(
    ("hours", "spans", "closed"),
    [
        ("08:00-20:00", 7, []),
        ("08:00-12:00 14:00-18:00,周日休息", 12, [7]),
        ("18:00-02:00", 8, []),
        ("全天", None, []),
        ("25:00-26:00", None, []),
    ],
)
def test_opening_hours_as_people_write_them(hours, spans, closed):
    read = opening_minutes(hours)
    assert (None if read is None else len(read)) == spans
    assert closed_days(hours) == closed
