"""A correction folded while another drain is just making the row of its scan's parcel (the fault run found it)."""

import threading

import pytest
from django.db import connection, transaction

from common import clock
from tests.conftest import NOW, make_device
from tests.tracking.scans import parcel, record, scan
from tracking import services

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_waits_for_that_row_and_refolds_it(county):
    handheld = make_device(county.h1, county.people["hub"])
    services.make_partitions(at=clock.now())
    scanned = scan("SIGNED_SELF", "FD-H1", seq=1, waybill_no="NOBODY-000001")
    first = record(handheld, scanned).upload_id
    folded, commit = threading.Event(), threading.Event()

    def fold_and_hold() -> None:
        try:
            with transaction.atomic():
                services.fold_upload(upload_id=first, at=NOW)
                folded.set()
                commit.wait(10)
        finally:
            connection.close()

    def fold_correction(upload_id: int) -> None:
        try:
            services.fold_upload(upload_id=upload_id, at=NOW)
        finally:
            connection.close()

    one = threading.Thread(target=fold_and_hold)
    one.start()
    assert folded.wait(10)
    correction = scan("CORRECTION", None, seq=2, carrier=None, waybill_no=None, corrects=scanned["event_id"])
    other = threading.Thread(target=fold_correction, args=(record(handheld, correction).upload_id,))
    other.start()
    other.join(0.5)
    commit.set()
    one.join()
    other.join()
    assert parcel("NOBODY-000001").state == "registered"
