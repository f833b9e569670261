"""The fold told by examples; tests/tracking/test_properties.py asks the same of made-up days."""

from datetime import timedelta

import pytest
from django.db import connection

from benchmarks.journeys import row_of
from orders.models import Parcel
from tests.conftest import NOW, make_device
from tests.tracking.journeys import agree, stored_events
from tests.tracking.scans import WAYBILL, event_id, fold, parcel, record, scan
from tracking import services
from tracking.fold import fold_parcel
from tracking.models import ScanEvent, SetAside, Upload
from tracking.states import RULES, Node

pytestmark = pytest.mark.django_db


@pytest.fixture
def handhelds(county):
    return [
        make_device(county.h1, county.people["hub"], token="t-a"),
        make_device(county.h1, county.people["courier"], token="t-b"),
    ]


def test_sql_knows_the_same_cells_as_the_table(handhelds):
    """Each node alone, at each level, gives in SQL what tracking/states.py says."""
    n = 0
    for node in Node:
        if node == Node.CORRECTION:
            continue
        for station in ("FD-H1", "FD-C1", "FD-O1"):
            for side in ("give", "take") if node == Node.HANDOVER else (None,):
                n += 1
                more = {"bag": "B1"} if node in (Node.BAGGED, Node.UNBAGGED) else {}
                record(
                    handhelds[0],
                    scan(
                        node,
                        station,
                        waybill_no=f"NODE{n:04}",
                        side=side,
                        trip="T9",
                        reason="why",
                        pickup_code="7",
                        **more,
                    ),
                )
    fold()
    assert Parcel.objects.count() == n - 6  # DEPARTED and ARRIVED touch no parcel
    agree()
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT type, rank FROM tracking_scanevent")
        assert all(RULES[Node(kind)].rank == rank for kind, rank in cursor.fetchall())


def test_a_correction_voids_and_its_correction_brings_back(handhelds):
    a, b = handhelds
    arrival = scan("HUB_IN", "FD-H1", NOW - timedelta(hours=2))
    signed = scan("SIGNED_SELF", "FD-O1", NOW - timedelta(hours=1))
    record(a, arrival, signed)
    fold()
    before = row_of(parcel())
    undo = scan("CORRECTION", None, waybill_no=None, carrier=None, corrects=signed["event_id"])
    record(b, undo)
    fold()
    assert parcel().state == "delivered"  # another handheld has no right to correct
    undo = {**undo, "event_id": event_id()}
    record(a, undo)
    fold()
    assert (parcel().state, parcel().t_at) == ("at_hub", None)
    redo = scan("CORRECTION", None, waybill_no=None, carrier=None, corrects=undo["event_id"])
    record(a, redo)
    fold()
    assert row_of(parcel()) == before
    record(a, scan("CORRECTION", None, waybill_no=None, carrier=None, corrects=redo["event_id"]))  # level 3: ignored
    fold()
    assert row_of(parcel()) == before
    agree()


def test_a_correction_may_come_before_its_scan(handhelds, county):
    arrival = scan("OUTLET_IN", "FD-O1")
    sender = services.sender_for_user(county.people["operator"], county.o1)
    undo = scan("CORRECTION", "FD-O1", waybill_no=None, carrier=None, corrects=arrival["event_id"])
    services.record_scans(sender=sender, batch_id=None, device_now=None, events=[undo], received_at=NOW)
    fold()
    record(handhelds[0], arrival)
    fold()
    assert parcel().state == "registered"
    agree()


def test_a_bag_carries_its_parcels(handhelds, county):
    a, _b = handhelds
    hours = [NOW - timedelta(hours=n) for n in range(9, 0, -1)]
    record(
        a,
        scan("BAGGED", "FD-H1", hours[0], bag="B1", waybill_no="PARCEL-1"),
        scan("BAGGED", "FD-H1", hours[0], bag="B1", waybill_no="PARCEL-2"),
        scan("UNBAGGED", "FD-C1", hours[4], bag="B1", waybill_no="PARCEL-2"),
    )
    fold()
    record(a, scan("UNLOADED", "FD-O1", hours[6], bag="B1", waybill_no=None, carrier=None))
    record(a, scan("LOADED", "FD-H1", hours[1], bag="B1", waybill_no=None, carrier=None, trip="T-1"))
    record(a, scan("UNLOADED", "FD-C1", hours[2], bag="B1", waybill_no=None, carrier=None))
    fold()
    assert (parcel("PARCEL-1").state, parcel("PARCEL-1").station_id) == ("at_outlet", county.o1.pk)
    assert (parcel("PARCEL-2").state, parcel("PARCEL-2").station_id) == ("at_centre", county.c1.pk)
    agree()


def test_as_of_any_second(handhelds, county):
    a, _b = handhelds
    record(
        a,
        scan("HUB_IN", "FD-H1", NOW - timedelta(hours=3)),
        scan("LOADED", "FD-H1", NOW - timedelta(hours=2), trip="T-7"),
        scan("UNLOADED", "FD-C1", NOW - timedelta(hours=1)),
    )
    events = stored_events()

    def custody(at):
        r = fold_parcel("ZTO", WAYBILL, events, at)
        return r.custodian_kind, r.c_ref, r.c_trip

    assert custody(NOW - timedelta(hours=4)) == ("", None, None)
    assert custody(NOW - timedelta(hours=2, seconds=1)) == ("station", county.h1.pk, None)
    assert custody(NOW - timedelta(hours=1, seconds=1)) == ("actor", county.people["hub"].pk, "T-7")
    assert custody(NOW) == ("station", county.c1.pk, None)


def test_cancelled_only_before_anyone_had_it(handhelds):
    a, _b = handhelds
    record(a, scan("CANCELLED", None, NOW - timedelta(hours=1)))
    fold()
    assert parcel().state == "cancelled"
    record(a, scan("COLLECTED", "FD-H1", NOW - timedelta(hours=2)))
    fold()
    assert parcel().state == "in_network"
    agree()


def test_lost_is_not_the_end(handhelds):
    a, _b = handhelds
    record(a, scan("LOST", "FD-H1", NOW - timedelta(hours=1)))
    fold()
    assert (parcel().state, parcel().station_id) == ("lost", None)
    record(a, scan("HUB_IN", "FD-H1", NOW))
    fold()
    assert parcel().state == "at_hub"


def test_a_poison_is_found_set_aside_and_can_be_replayed(handhelds):
    """One stored event that no parcel row can hold: its neighbours are applied, it waits with its reason."""
    a, _b = handhelds
    for n in range(3):
        record(a, *(scan("HUB_IN", "FD-H1", waybill_no=f"GOOD-{n}-{m}") for m in range(4)))
    bad = ScanEvent.objects.filter(waybill_no="GOOD-1-2")
    bad.update(waybill_no="not a waybill")
    assert fold() == 3
    assert Parcel.objects.filter(state="at_hub").count() == 11
    kept = SetAside.objects.get()
    assert (kept.code, kept.verdict) == ("fold_failed", "invalid")
    assert not Upload.objects.filter(folded_at=None).exists()
    assert not services.replay_set_aside(set_aside_id=kept.pk, by=a.user, at=NOW)
    ScanEvent.objects.filter(waybill_no="not a waybill").update(waybill_no="GOOD-1-2")
    assert services.replay_set_aside(set_aside_id=kept.pk, by=a.user, at=NOW)
    assert Parcel.objects.filter(state="at_hub").count() == 12
    kept.refresh_from_db()
    assert kept.closed_at == NOW


def test_an_upload_whose_worker_died_is_taken_over_when_its_lease_ends(handhelds):
    a, _b = handhelds
    receipt = record(a, scan("HUB_IN", "FD-H1"))
    upload = Upload.objects.filter(pk=receipt.upload_id)
    upload.update(lease_until=NOW + timedelta(seconds=120), attempts=1)  # claimed, then killed
    assert services.fold_waiting(at=NOW + timedelta(seconds=60)) == 0
    assert services.fold_waiting(at=NOW + timedelta(seconds=121)) == 1
    assert parcel().state == "at_hub"
    assert upload.get().attempts == 2


def test_an_upload_that_kills_every_worker_is_set_aside(handhelds):
    a, _b = handhelds
    receipt = record(a, scan("HUB_IN", "FD-H1"))
    Upload.objects.filter(pk=receipt.upload_id).update(attempts=6)
    record(a, scan("HUB_IN", "FD-H1", waybill_no="ANOTHER-1"))
    assert fold() == 2
    assert SetAside.objects.get().code == "fold_failed"
    assert parcel("ANOTHER-1").state == "at_hub"
