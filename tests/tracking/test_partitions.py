"""Months of the event table: made over what DEFAULT holds, detached with nothing lost that is still in use."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import OperationalError, connection

from accounts.models import AuditEntry
from common import clock
from common.ids import uuid7
from orders.models import Parcel
from tests.conftest import NOW, make_device
from tests.tracking.scans import event_id, fold, parcel, record, scan
from tracking import queue_queries, services
from tracking.models import ScanEvent

pytestmark = pytest.mark.django_db
FAR = datetime(2039, 3, 10, tzinfo=UTC)  # in no month that is made


@pytest.fixture
def handheld(county):
    return make_device(county.h1, county.people["hub"])


def where(event: str) -> str:
    """The table that holds the event."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM tracking_scanevent WHERE event_id = %s", [event])
        found = cursor.fetchall()
    assert len(found) == 1
    return found[0][0]


def first_month() -> date:
    return queue_queries.attached_months()[0]


def test_a_month_is_made_where_default_already_holds_scans_of_it(handheld):
    ahead, further, past = (
        event_id(FAR),
        event_id(FAR + timedelta(days=40 * 365)),
        event_id(datetime(1971, 1, 1, tzinfo=UTC)),
    )
    receipt = record(handheld, *(scan("HUB_IN", "FD-H1", event_id=name) for name in (ahead, further, past)))
    assert receipt.accepted == 3
    assert where(ahead) == where(further) == "tracking_scanevent_default"
    assert where(past) == f"tracking_scanevent_{first_month():%Y%m}"
    before = ScanEvent.objects.get(event_id=ahead)

    assert date(2039, 3, 1) in services.make_partitions(at=FAR)

    assert where(ahead) == "tracking_scanevent_203903"
    assert where(further) == "tracking_scanevent_default"
    assert bytes(ScanEvent.objects.get(event_id=ahead).k) == bytes(before.k)
    again = record(handheld, scan("HUB_IN", "FD-H1", event_id=ahead), batch_id=uuid7())
    assert again.accepted == 0  # one id is one event, in whatever table it lies
    assert fold() >= 1
    assert parcel().state == "at_hub"


def test_a_month_that_is_moved_has_every_index(handheld):
    record(handheld, scan("HUB_IN", "FD-H1", event_id=event_id(FAR)))
    services.make_partitions(at=FAR)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
            " WHERE c.relname IN ('tracking_scanevent_203903', %s) GROUP BY 1",
            [f"tracking_scanevent_{first_month():%Y%m}"],
        )
        counts = dict(cursor.fetchall())
        cursor.execute(
            "SELECT count(*) FROM pg_inherits h JOIN pg_index i ON i.indexrelid = h.inhrelid"
            " WHERE i.indrelid = 'tracking_scanevent_203903'::regclass"
        )
        assert set(counts.values()) == {cursor.fetchone()[0]}
        assert len(counts) == 2


def test_the_oldest_month_is_detached_and_stays_readable(handheld, county):
    month = first_month()
    old = event_id(datetime(month.year, month.month, 2, tzinfo=UTC))
    record(handheld, scan("HUB_IN", "FD-H1", event_id=old))
    fold()
    later = clock.now() + timedelta(days=11 * 365)

    done = services.detach_partition(month=month, received_before=later, at=NOW)

    assert done.kept_back == 0
    assert archived(month) == 1
    assert queue_queries.attached_months()[0] == clock.next_month(month)
    assert [row.attached for row in queue_queries.stored_months() if row.month == month] == [False]
    entry = AuditEntry.objects.get(action="scans.month_detached")
    assert (entry.county_code, entry.entity_label) == (county.code, f"{month:%Y-%m}")
    since = queue_queries.scans_kept_since()
    assert since == datetime(clock.next_month(month).year, clock.next_month(month).month, 1, tzinfo=UTC)
    assert services.make_partitions(at=datetime(month.year, month.month, 9, tzinfo=UTC))[0] == month  # not made twice
    assert queue_queries.attached_months()[0] != month


def archived(month: date) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM tracking_scanevent_{month:%Y%m}")
        return cursor.fetchone()[0]


def test_recent_scans_of_a_clock_in_1970_stay_with_their_parcel(handheld):
    month = first_month()
    wrong_clock = event_id(datetime(1970, 1, 2, tzinfo=UTC))
    old = event_id(datetime(month.year, month.month, 1, 5, tzinfo=UTC))
    then = datetime(month.year, month.month, 1, 5, tzinfo=UTC)
    record(handheld, scan("COLLECTED", "FD-H1", then, event_id=old), at=then)
    fold()
    # what is still under way is told by upload number: these are long ended
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tracking_upload SET received_at = %s", [then])
    record(handheld, scan("HUB_IN", "FD-H1", event_id=wrong_clock), at=NOW)

    done = services.detach_partition(month=month, received_before=NOW - timedelta(days=1), at=NOW)

    assert done.kept_back == 1
    assert where(wrong_clock) == "tracking_scanevent_default"
    assert archived(month) == 1
    fold()
    assert parcel().state == "at_hub"
    again = record(handheld, scan("HUB_IN", "FD-H1", event_id=wrong_clock), at=NOW + timedelta(hours=1))
    assert again.accepted == 0


def test_ids_below_what_is_kept_are_still_taken(handheld):
    month = first_month()
    services.detach_partition(month=month, received_before=NOW, at=NOW)
    name = event_id(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert record(handheld, scan("HUB_IN", "FD-H1", event_id=name)).accepted == 1
    assert where(name) == "tracking_scanevent_default"
    assert fold() == 1
    assert parcel().state == "at_hub"


def test_a_scan_sent_again_after_its_month_left_changes_no_parcel(handheld):
    month = first_month()
    then = datetime(month.year, month.month, 1, 5, tzinfo=UTC)
    name = event_id(then)
    old = scan("HUB_IN", "FD-H1", then, event_id=name)
    record(handheld, old, at=then)
    fold()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tracking_upload SET received_at = %s", [then])
    before = Parcel.objects.values_list("s_k", "s_state", "state").get()
    services.detach_partition(month=month, received_before=NOW + timedelta(days=1), at=NOW)
    assert archived(month) == 1

    record(handheld, old, at=then + timedelta(hours=1), batch_id=uuid7())
    fold()

    assert Parcel.objects.values_list("s_k", "s_state", "state").get() == before


def test_only_the_oldest_month_can_be_detached():
    second = queue_queries.attached_months()[1]
    with pytest.raises(ValueError, match="not the oldest"):
        services.detach_partition(month=second, received_before=NOW, at=NOW)


def test_counties_are_found_one_by_one(handheld, neighbour):
    record(handheld, scan("HUB_IN", "FD-H1"))
    record(make_device(neighbour.nh, neighbour.people["operator"], "t2"), scan("HUB_IN", "WZ-H1"))
    assert queue_queries.counties_with_scans(until=date(2027, 1, 1)) == ["500101", "500230"]
    assert queue_queries.counties_with_scans(until=date(2001, 1, 1)) == []


@pytest.mark.django_db(transaction=True)
def test_an_upload_under_way_is_not_pushed_aside(known_carriers, county):
    """The event table can't be had for two seconds: nothing changes, the next round tries again."""
    device = make_device(county.h1, county.people["hub"])
    name = event_id(datetime(1970, 1, 2, tzinfo=UTC))
    record(device, scan("HUB_IN", "FD-H1", event_id=name))
    month = first_month()
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:  # what a drain or an upload holds until it commits
            cursor.execute("SELECT count(*) FROM tracking_scanevent")
        with pytest.raises(OperationalError, match="lock timeout"):
            services.detach_partition(month=month, received_before=NOW, at=NOW)
        other.rollback()
    finally:
        other.close()
    assert first_month() == month
    assert where(name) == f"tracking_scanevent_{month:%Y%m}"
    assert not AuditEntry.objects.exists()
