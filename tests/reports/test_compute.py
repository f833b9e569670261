"""A month of a small county, counted by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from reports.models import Indicator, Report
from reports.services import compute_report
from settlement.services import settle
from stations.models import Station
from tests.conftest import County, make_device, make_parcel
from tests.reports.month import COUNTY_REGION, MONTH, T1, T2, compute, correct, send, the_month
from tests.settlement.people import make_policy

pytestmark = pytest.mark.django_db


def numbers(report: Report, code: str) -> dict[str, tuple]:
    rows = Indicator.objects.filter(report=report, code=code)
    return {row.region_code: (row.numerator, row.denominator) for row in rows}


def test_a_month_by_hand(county):
    the_month(county)
    report = compute(county)
    assert numbers(report, "volume_in") == {COUNTY_REGION: (6, None), T1: (4, None), T2: (2, None)}
    assert numbers(report, "volume_out") == {COUNTY_REGION: (1, None), T1: (1, None), T2: (0, None)}
    assert numbers(report, "delivered") == {COUNTY_REGION: (4, None), T1: (3, None), T2: (1, None)}
    # 1 in time, 2 late, 3 in time, 4 never at an outlet, 5 in time; 6's day has not passed
    assert numbers(report, "village_24h") == {COUNTY_REGION: (3, 5), T1: (2, 4), T2: (1, 1)}
    # known: 1 in time, 2 late, 4 never; 3, 5 and 6 are not known
    assert numbers(report, "on_time_72h") == {COUNTY_REGION: (1, 3), T1: (1, 3), T2: (0, 0)}
    unknown = Indicator.objects.get(report=report, code="on_time_72h", region_code=COUNTY_REGION)
    assert unknown.extra == {"unknown": 3}
    assert numbers(report, "damaged") == {COUNTY_REGION: (1, None), T1: (1, None), T2: (0, None)}
    assert numbers(report, "lost") == {COUNTY_REGION: (1, None), T1: (1, None), T2: (0, None)}
    # four villages; outlets of v1 and v3 scanned
    assert numbers(report, "coverage") == {COUNTY_REGION: (2, 4), T1: (1, 2), T2: (1, 2)}
    assert numbers(report, "stations") == {COUNTY_REGION: (3, 6), T1: (1, 3), T2: (1, 2)}


def test_subsidy_is_the_sum_of_the_lines(county):
    the_month(county)
    make_policy(county)
    settle(at=timezone.now(), county_code=county.code)
    report = compute(county)
    rows = {row.region_code: (row.numerator, row.amount) for row in report.indicators.filter(code="subsidy")}
    assert rows == {
        COUNTY_REGION: (4, Decimal("1.4000")),
        T1: (3, Decimal("0.9000")),
        T2: (1, Decimal("0.5000")),
    }


def test_the_month_begins_at_midnight_in_shanghai(county):
    device = make_device(county.h1, county.people["hub"])
    for number, minute in (("73190553102501", 59), ("73190553102502", 60)):
        make_parcel(county, number)
        at = datetime(2026, 10, 31, 15, 0, tzinfo=UTC) + timedelta(minutes=minute)
        send(device, ("HUB_IN", "FD-H1", at, number))
    assert numbers(compute(county), "volume_in")[COUNTY_REGION] == (1, None)
    assert numbers(compute(county, month=date(2026, 10, 1)), "volume_in")[COUNTY_REGION] == (1, None)


def test_a_second_arrival_is_no_second_parcel(county):
    device = make_device(county.h1, county.people["hub"])
    make_parcel(county, "73190553102501")
    at = datetime(2026, 10, 30, 4, 0, tzinfo=UTC)
    send(device, ("HUB_IN", "FD-H1", at, "73190553102501"))
    send(device, ("HUB_IN", "FD-H1", at + timedelta(days=5), "73190553102501"))
    assert numbers(compute(county), "volume_in")[COUNTY_REGION] == (0, None)


def test_a_corrected_arrival_counts_for_nothing(county):
    device, ids = the_month(county)
    before = numbers(compute(county), "volume_in")[COUNTY_REGION]
    correct(device, ids["73190553102506", "HUB_IN"])
    after = numbers(compute(county), "volume_in")[COUNTY_REGION]
    assert (before[0], after[0]) == (6, 5)


def test_a_parcel_for_nowhere_has_a_row_of_its_own(county):
    device = make_device(county.h1, county.people["hub"])
    send(device, ("HUB_IN", "FD-H1", datetime(2026, 11, 3, 4, 0, tzinfo=UTC), "73190553102509"))  # never announced
    assert numbers(compute(county), "volume_in") == {
        COUNTY_REGION: (1, None),
        T1: (0, None),
        T2: (0, None),
        "-": (1, None),
    }


def test_the_service_radius_is_a_straight_line(county):
    points = {"FD-H1": (107.73, 29.86), "FD-O1": (107.73, 29.95), "FD-O2": (107.73, 30.04)}
    for code, (lng, lat) in points.items():
        Station.objects.filter(code=code).update(lng=lng, lat=lat)
    radius = compute(county).indicators.get(code="radius")
    assert (radius.numerator, radius.denominator) == (2, 3)
    assert radius.extra == {"mean_km": 15.0, "p90_km": 20.0}


def test_a_new_version_only_where_a_number_changed(county):
    device, _ids = the_month(county)
    first = compute(county)
    again = compute(county)
    assert (again.pk, again.version) == (first.pk, 1)
    send(device, ("DAMAGED", "FD-H1", datetime(2026, 11, 9, 4, 0, tzinfo=UTC), "73190553102501"))
    second = compute(county)
    assert second.version == 2
    assert numbers(first, "damaged")[COUNTY_REGION] == (1, None), "the older one stays as it was"
    assert numbers(second, "damaged")[COUNTY_REGION] == (2, None)


def test_numbers_are_never_changed(county):
    report = compute(county)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        report.indicators.update(numerator=9)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        report.delete()


def test_the_neighbours_parcels_stay_out(county: County, neighbour: County):
    the_month(county)
    report = compute_report(county_code=neighbour.code, month=MONTH, at=timezone.now())
    assert {row.numerator for row in report.indicators.all()} == {0}


def test_an_empty_county_has_a_report_of_zeros(county):
    report = compute(county)
    assert report.watermark is None
    assert {row.numerator for row in report.indicators.all()} == {0}
