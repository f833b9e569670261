"""Which handhelds still hold scans: the holes in their numbers, a counter that leapt or went back, their clocks."""

from datetime import timedelta

import pytest
from django.db import connection

from common import clock
from common.ids import uuid7
from stations.models import Device
from tests.conftest import County, make_device
from tests.tracking.scans import record, scan
from tracking.models import DeviceFeed
from tracking.undelivered_queries import Need, device_clocks, undelivered

pytestmark = pytest.mark.django_db
URL = "/devices/undelivered/"


def send(device: Device, *seqs: int, at=None, **more) -> None:
    """One upload with a scan for each number."""
    at = at or clock.now()
    events = [scan("HUB_IN", device.station.code, at, seq=seq, event_id=str(uuid7())) for seq in seqs]
    record(device, *events, at=at, **more)


def row_of(county: County, device: Device):
    return next(row for row in undelivered(county.people["officer"], clock.now()) if row.device == device)


@pytest.fixture
def handheld(county: County) -> Device:
    return make_device(county.h1, county.people["hub"], "t-1", "PDA-1")


def test_all_is_well(county, handheld):
    send(handheld, 0, 1, 2)
    row = row_of(county, handheld)
    assert (row.need, row.scans, row.holes, row.contiguous_seq, row.highest_seq) == (Need.NOTHING, 0, [], 2, 2)


def test_holes_are_ranges_and_their_scans_are_counted(county, handheld):
    send(handheld, 1, 2, 5, 9, 10)
    row = row_of(county, handheld)
    assert (row.need, row.scans, row.contiguous_seq, row.highest_seq) == (Need.SCANS, 5, 2, 10)
    assert (row.holes, row.more_holes) == ([(3, 4), (6, 8)], 0)
    send(handheld, 3, 4, 6, 7, 8)
    row = row_of(county, handheld)
    assert (row.need, row.scans, row.contiguous_seq) == (Need.NOTHING, 0, 10)


def test_the_first_scans_can_be_missing_too(county, handheld):
    send(handheld, 4, 5)
    row = row_of(county, handheld)
    assert (row.holes, row.scans, row.contiguous_seq) == ([(1, 3)], 3, 0)


def test_only_the_first_few_holes_are_named(county, handheld):
    send(handheld, *range(1, 20, 2))
    row = row_of(county, handheld)
    assert (row.scans, len(row.holes), row.more_holes) == (9, 5, 4)


def test_a_leap_is_an_alarm_and_no_million_scans(county, handheld):
    send(handheld, 1, 2, 4, 5_000_000)
    row = row_of(county, handheld)
    assert (row.need, row.scans, row.holes, row.leap) == (Need.COUNTER, 1, [(3, 3)], 4_999_995)


def test_a_counter_that_goes_back_is_an_alarm(county, handheld):
    send(handheld, 1, 2, 3, 4)
    send(handheld, 5, 6)
    assert row_of(county, handheld).went_back_at is None
    send(handheld, 2, 3)  # other scans under numbers that have been
    row = row_of(county, handheld)
    assert row.need == Need.COUNTER
    assert row.went_back_at is not None


def test_a_late_upload_into_a_hole_is_no_alarm(county, handheld):
    send(handheld, 1, 2, 7, 8)
    send(handheld, 9)
    send(handheld, 3, 4, 5, 6)
    row = row_of(county, handheld)
    assert (row.need, row.went_back_at) == (Need.NOTHING, None)


def test_the_same_batch_again_is_no_alarm(county, handheld):
    at = clock.now()
    events = [scan("HUB_IN", "FD-H1", at, seq=seq, event_id=str(uuid7())) for seq in (1, 2, 3)]
    for _ in range(3):
        record(handheld, *events, at=at)
    send(handheld, 4)
    record(handheld, *events[:2], at=at)
    assert row_of(county, handheld).need == Need.NOTHING


def test_worst_first_and_the_shut_out_only_with_scans(county, handheld):
    people = county.people
    missing = make_device(county.c1, people["centre"], "t-2", "PDA-2")
    never = make_device(county.o1, people["operator"], "t-3", "PDA-3")
    leapt = make_device(county.o2, people["operator"], "t-4", "PDA-4")
    out_clean = make_device(county.o1, people["operator"], "t-5", "PDA-5")
    out_holding = make_device(county.o1, people["operator"], "t-6", "PDA-6")
    send(handheld, 1)
    send(missing, 1, 4)
    send(leapt, 1, 20_000)
    send(out_clean, 1)
    send(out_holding, 1, 9)
    Device.objects.filter(pk__in=[out_clean.pk, out_holding.pk]).update(revoked_at=clock.now())
    found = undelivered(people["officer"], clock.now())
    assert [row.device.name for row in found] == [d.name for d in (leapt, out_holding, missing, never, handheld)]
    DeviceFeed.objects.filter(device=handheld).update(last_received_at=clock.now() - timedelta(days=4))
    assert row_of(county, handheld).need == Need.SILENT


def test_clocks_at_the_last_upload(county, handheld):
    now = clock.now()
    assert device_clocks([handheld], now) == {}
    send(handheld, 1)
    assert device_clocks([handheld], now)[handheld.pk].behind_s is None
    slow = now - timedelta(hours=3)
    send(handheld, 2, at=slow, device_now=slow, received_at=now)
    found = device_clocks([handheld], now)[handheld.pk]
    assert (round(found.behind_s, -1), found.minutes, found.untrusted) == (10_800, 180, False)
    send(handheld, 3, at=now - timedelta(days=400), device_now=now - timedelta(days=400), received_at=now)
    assert device_clocks([handheld], now)[handheld.pk].untrusted


def test_the_page(county, handheld, sign_in):
    assert "还没有登记" in sign_in("operator").get(URL).content.decode()
    own = make_device(county.o1, county.people["operator"], "t-3", "PDA-77")
    send(own, 1, 2, 5, 30_000)
    page = sign_in("operator").get(URL).content.decode()
    assert "PDA-77" in page
    assert "PDA-1<" not in page  # the hub's
    assert "3–4" in page
    assert 'state-bad">编号异常<' in page
    holding = make_device(county.o1, county.people["operator"], "t-4", "PDA-78")
    send(holding, 1, 4)
    assert 'state-wait">有未上传<' in sign_in("operator").get(URL).content.decode()
    fragment = sign_in("officer").get(URL, {"q": "PDA-77"}, headers={"hx-request": "true"}).content.decode()
    assert "PDA-77" in fragment
    assert "<html" not in fragment
    assert sign_in("officer").get(URL, {"q": "\x00", "page": "x", "state": "?"}).status_code < 500
    assert sign_in("courier").get(URL).status_code == 403
    assert URL in sign_in("operator").get("/devices/").content.decode()
    assert URL in sign_in("operator").get("/worklist/").content.decode()


def test_the_neighbour_sees_nothing(county, neighbour, handheld, sign_in):
    send(handheld, 1, 5)
    assert "PDA-1" not in sign_in(neighbour.people["officer"]).get(URL).content.decode()


def test_it_costs_as_many_queries_for_one_as_for_many(county, sign_in, django_assert_max_num_queries):
    for n in range(12):
        send(make_device(county.h1, county.people["hub"], f"t-{n}", f"PDA-{n}"), 1, 3)
    client = sign_in("officer")
    client.get(URL)
    with django_assert_max_num_queries(9):
        client.get(URL)


def test_millions_of_numbers_stay_two_ends(county, handheld):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_devicefeed (device_id, last_received_at, received)"
            " VALUES (%s, now(), '{[1,9000000000000001)}')",
            [handheld.pk],
        )
    assert row_of(county, handheld).contiguous_seq == 9_000_000_000_000_000
