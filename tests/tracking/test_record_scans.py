"""The way in: stored once, whatever is sent how often; bad input is test_bad_scans.py's."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from stations.models import Organisation
from tests.conftest import NOW, make_device
from tests.tracking.scans import event_id, fold, parcel, record, scan
from tracking import services
from tracking.models import ScanEvent, SetAside, Upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def handheld(county):
    return make_device(county.h1, county.people["hub"])


def test_a_parcels_whole_way(handheld, county):
    first = record(
        handheld,
        scan("COLLECTED", "FD-H1", NOW - timedelta(hours=9), seq=1),
        scan("HUB_IN", "FD-H1", NOW - timedelta(hours=8), seq=2),
        scan("LOADED", "FD-H1", NOW - timedelta(hours=7), seq=3, trip="T-1"),
    )
    assert (first.accepted, first.exceptions, first.highest_contiguous_seq) == (3, [], 3)
    assert fold() == 1
    row = parcel()
    assert (row.state, row.station_id, row.custodian_kind, row.c_trip) == ("in_transit", county.h1.pk, "actor", "T-1")
    assert (row.announced, row.origin_id, row.c_ref) == (False, county.h1.pk, county.people["hub"].pk)
    record(
        handheld,
        scan("OUTLET_IN", "FD-O1", NOW - timedelta(hours=2), seq=5, pickup_code="3-2-17"),
        scan("HELD", "FD-O1", NOW - timedelta(hours=1), seq=6, reason="no money"),
    )
    fold()
    row = parcel()
    assert (row.state, row.station_id, row.pickup_code, row.on_hold) == ("at_outlet", county.o1.pk, "3-2-17", True)
    last = record(handheld, scan("SIGNED_PICKUP", "FD-O1", NOW, seq=4, pickup_code="3-2-17"))
    assert last.highest_contiguous_seq == 6
    fold()
    row = parcel()
    assert (row.state, row.t_node, row.t_at, row.on_hold) == ("delivered", "SIGNED_PICKUP", NOW, False)
    assert (row.custodian_kind, row.last_scan_at, row.t_station_id) == ("recipient", NOW, county.o1.pk)


def test_a_resend_is_a_duplicate_and_harmless(handheld):
    events = [scan("HUB_IN", "FD-H1", seq=1), scan("LOADED", "FD-H1", seq=2)]
    record(handheld, *events)
    again = record(handheld, *reversed(events), at=NOW + timedelta(hours=1))
    assert again.accepted == 0
    assert again.upload_id is None
    assert [(e.index, e.status, e.code) for e in again.exceptions] == [
        (0, "duplicate", "duplicate"),
        (1, "duplicate", "duplicate"),
    ]
    assert ScanEvent.objects.count() == 2
    work = Upload.objects.filter(folded_at=None).get()  # the second upload is no work
    assert (work.event_count, work.first_seq, work.last_seq) == (2, 1, 2)
    assert Upload.objects.exclude(pk=work.pk).get().duplicates == 2
    assert ScanEvent.objects.first().effective_at == NOW  # resending never changes it


def test_a_batch_sent_again_costs_one_look_up(handheld, django_assert_num_queries):
    events = [scan("HUB_IN", "FD-H1", seq=n) for n in range(1, 13)]
    batch_id = uuid4()
    record(handheld, *events, batch_id=batch_id)
    sender = services.sender_for_device(handheld)
    with django_assert_num_queries(1):
        again = services.record_scans(
            sender=sender, batch_id=batch_id, device_now=None, events=events, received_at=NOW + timedelta(hours=1)
        )
    assert [(e.status, e.code) for e in again.exceptions] == 12 * [("duplicate", "duplicate")]
    assert (again.accepted, again.highest_contiguous_seq) == (0, 12)
    assert Upload.objects.count() == 1
    other = record(handheld, *events, scan("LOADED", "FD-H1", seq=13), batch_id=batch_id)  # its number is no reason
    assert (other.accepted, [e.status for e in other.exceptions]) == (1, 12 * ["duplicate"])


def test_a_batch_with_an_invalid_scan_is_looked_at_again(handheld):
    events = [scan("HUB_IN", "FD-H1", seq=n) for n in range(1, 13)] + [scan("HUB_IN", "FD-H1", seq=13, carrier="LATER")]
    batch_id = uuid4()
    first = record(handheld, *events, batch_id=batch_id)
    assert [(e.index, e.code) for e in first.exceptions] == [(12, "carrier_unknown")]
    Organisation.objects.create(code="LATER", name="后来的快递", kind="carrier")
    assert record(handheld, *events, batch_id=batch_id).accepted == 1


def test_a_scan_whose_statement_is_cancelled_is_found_and_set_aside(handheld):
    """A statement timeout is not the database being away: these scans made the statement."""
    record(handheld, scan("HUB_IN", "FD-H1", seq=1), scan("HUB_IN", "FD-H1", seq=2, waybill_no="SLOW-000001"))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.waybill_no = 'SLOW-000001' THEN RAISE EXCEPTION 'cancelled' USING ERRCODE = '57014'; END IF;"
            " RETURN NEW; END $$;"
            "CREATE TRIGGER slow BEFORE UPDATE ON orders_parcel FOR EACH ROW EXECUTE FUNCTION pg_temp.slow()"
        )
    fold()
    assert parcel().state == "at_hub"
    assert SetAside.objects.get().code == "fold_failed"


def test_the_good_rest_is_kept(handheld):
    answer = record(
        handheld,
        scan("HUB_IN", "FD-H1", seq=1),
        scan("HUB_IN", "FD-H1", seq=2, waybill_no="no"),
        scan("NO_SUCH_NODE", "FD-H1", seq=3),
        "text",
    )
    assert (answer.accepted, answer.highest_contiguous_seq) == (1, 3)
    assert [(e.index, e.code, e.pointer) for e in answer.exceptions] == [
        (1, "code_format", "/events/1/waybill_no"),
        (2, "unknown_type", "/events/2/type"),
        (3, "not_an_object", "/events/3"),
    ]
    assert SetAside.objects.count() == 3


def test_a_device_names_stations_below_its_own_only(county, neighbour):
    device = make_device(county.c1, county.people["centre"], token="t2")
    answer = record(
        device,
        scan("OUTLET_IN", "FD-O1"),
        scan("OUTLET_IN", "FD-O3"),
        scan("OUTLET_IN", "WZ-O1"),
        scan("OUTLET_IN", "NOWHERE"),
        scan("OUTLET_IN", "FD-H1"),
    )
    assert answer.accepted == 1
    assert {e.code for e in answer.exceptions} == {"station_not_yours"}
    assert len({e.detail for e in answer.exceptions}) == 1


def test_a_person_sends_for_their_station(county):
    sender = services.sender_for_user(county.people["operator"], county.o1)
    assert sender.may_correct
    answer = services.record_scans(
        sender=sender, batch_id=None, device_now=None, events=[scan("OUTLET_IN", "FD-O1")], received_at=NOW
    )
    assert answer.accepted == 1
    assert answer.highest_contiguous_seq is None
    assert services.fold_upload(upload_id=answer.upload_id, at=NOW)
    assert parcel().state == "at_outlet"
    assert fold() == 0


def test_clocks(handheld):
    """effective_at by docs/fold.md: within 120 s the device's word, else moved by the offset, never in the future."""
    ids = [event_id() for _ in range(5)]
    record(handheld, {**scan("HUB_IN", "FD-H1", NOW - timedelta(hours=10)), "event_id": ids[0]})  # ten hours old
    record(
        handheld,
        {**scan("HUB_IN", "FD-H1", NOW + timedelta(hours=3, minutes=-5)), "event_id": ids[1]},
        device_now=NOW + timedelta(hours=3),
    )
    record(handheld, {**scan("HUB_IN", "FD-H1"), "occurred_at": "1970-01-01T00:00:00Z", "event_id": ids[2]})
    record(handheld, {**scan("HUB_IN", "FD-H1"), "occurred_at": "9999-12-31T23:59:59-14:00", "event_id": ids[3]})
    record(handheld, {**scan("HUB_IN", "FD-H1", NOW + timedelta(seconds=90)), "event_id": ids[4]})
    got = {str(e.event_id): e for e in ScanEvent.objects.all()}
    assert [got[i].effective_at for i in ids] == [
        NOW - timedelta(hours=10), NOW - timedelta(minutes=5), NOW, NOW, NOW,
    ]  # fmt: skip
    assert [(got[i].skewed, got[i].untrusted) for i in ids] == [
        (False, False), (True, False), (False, True), (False, True), (False, False),
    ]  # fmt: skip
