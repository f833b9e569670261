"""A parcel's way as people read it: corrected, inferred, odd; and custody at a second."""

from datetime import timedelta

import pytest

from tests.conftest import NOW, make_device
from tests.tracking.scans import fold, parcel, record, scan
from tracking.queries import Custody, custody_at, journey, public_journey

pytestmark = pytest.mark.django_db


@pytest.fixture
def handheld(county):
    return make_device(county.h1, county.people["hub"])


def ago(hours: float):
    return NOW - timedelta(hours=hours)


def shape(steps):
    return [(s.node or f"~{s.station_level}", s.voided, s.flags) for s in steps]


def test_a_whole_way_with_a_missing_milestone(handheld, county, django_assert_max_num_queries):
    record(handheld, scan("HUB_IN", "FD-H1", ago(3)), at=ago(3))
    record(handheld, scan("OUTLET_IN", "FD-O1", ago(1.5), pickup_code="1-1-1"), at=ago(1.5))
    record(handheld, scan("SIGNED_PICKUP", "FD-O1", ago(1.2)))
    fold()
    row = parcel()
    with django_assert_max_num_queries(5):
        steps = journey(row, NOW)
    assert shape(steps) == [
        ("HUB_IN", False, ()),
        ("~CENTRE", False, ()),
        ("OUTLET_IN", False, ()),
        ("SIGNED_PICKUP", False, ("late",)),
    ]
    assert steps[0].station_name == county.h1.name
    assert "*" in steps[0].actor
    assert "*" not in journey(row, NOW, full_names=True)[0].actor
    assert steps[1].at is None
    for step in public_journey(row, NOW):
        assert (step.actor, step.event, step.flags) == ("", None, ())


def test_what_looks_wrong_is_said(handheld):
    record(
        handheld,
        scan("OUTLET_IN", "FD-O1", ago(9)),
        scan("HUB_IN", "FD-H1", ago(8)),
        scan("HANDOVER", "FD-H1", ago(7), side="give"),
        scan("LOST", "FD-H1", ago(6)),
        scan("UNLOADED", "FD-C1", ago(5)),
        scan("CANCELLED", "FD-C1", ago(4.5)),
        scan("SIGNED_SELF", "FD-O1", ago(4)),
        scan("SIGNED_AGENT", "FD-O3", ago(3)),
        scan("HELD", "FD-O1", ago(2)),
        at=NOW,
    )
    fold()
    flags = {s.node: {f for f in s.flags if f != "late"} for s in journey(parcel(), NOW) if not s.inferred}
    assert flags == {
        "OUTLET_IN": set(),
        "HUB_IN": {"out_of_order"},
        "HANDOVER": {"no_taker"},
        "LOST": set(),
        "UNLOADED": {"found", "out_of_order"},
        "CANCELLED": {"cancelled_too_late"},
        "SIGNED_SELF": set(),
        "SIGNED_AGENT": {"second_end"},
        "HELD": {"after_end"},
    }
    assert all(step.remarks is not None for step in journey(parcel(), NOW))


def test_a_corrected_scan_stays_in_sight_for_staff_only(handheld):
    wrong = scan("SIGNED_SELF", "FD-O1", ago(2))
    record(handheld, scan("HUB_IN", "FD-H1", ago(3)), wrong)
    record(handheld, scan("CORRECTION", None, waybill_no=None, carrier=None, corrects=wrong["event_id"]))
    fold()
    steps = journey(parcel(), NOW)
    assert [(s.node, s.voided, s.voided_at) for s in steps] == [("HUB_IN", False, None), ("SIGNED_SELF", True, NOW)]
    assert [s.node for s in public_journey(parcel(), NOW)] == ["HUB_IN"]


def test_nothing_is_inferred_for_a_parcel_on_its_way_out(handheld):
    record(handheld, scan("COLLECTED", "FD-O1", ago(3)), scan("UNLOADED", "FD-C1", ago(2)))
    fold()
    assert [s.node for s in journey(parcel(), NOW)] == ["COLLECTED", "UNLOADED"]


def test_a_bags_scans_are_in_the_way_of_what_it_held(handheld, county):
    record(
        handheld,
        scan("BAGGED", "FD-H1", ago(5), bag="B9", waybill_no="PARCEL-1"),
        scan("LOADED", "FD-H1", ago(4), bag="B9", waybill_no=None, carrier=None, trip="T-1"),
    )
    fold()
    steps = journey(parcel("PARCEL-1"), NOW)
    assert [(s.node, "in_bag" in s.flags) for s in steps] == [("BAGGED", False), ("LOADED", True)]
    assert custody_at(parcel("PARCEL-1"), ago(4)) == Custody("actor", county.people["hub"].pk, "T-1")
    assert custody_at(parcel("PARCEL-1"), ago(4.1)) == Custody("", None, None)


def test_custody_survives_a_later_end(handheld, county):
    record(handheld, scan("UNLOADED", "FD-O1", ago(5)), scan("SIGNED_SELF", "FD-O1", ago(1)))
    fold()
    assert custody_at(parcel(), ago(2)) == Custody("station", county.o1.pk, None)
    assert custody_at(parcel(), NOW) == Custody("recipient", None, None)
