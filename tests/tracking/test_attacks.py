"""What was tried against the scan stream and once broke it: kept so that it doesn't again."""

from datetime import timedelta

import pytest
from django.db import connection

from tests.conftest import NOW, County, make_device, make_parcel
from tests.tracking.scans import fold, parcel, record, scan
from tracking import device_queries
from tracking.models import Dismissal, ScanEvent, SetAside

pytestmark = pytest.mark.django_db


@pytest.fixture
def handheld(county: County):
    return make_device(county.h1, county.people["hub"])


@pytest.mark.parametrize(
    ("reason", "answer", "kept"),
    [
        ("\u200b\u200b\u200b", 422, None),
        ("\u202eab", 302, "ab"),
        ("\u0958" * 120, 302, ("\u0915\u093c" * 60)),
    ],
    ids=["nothing to see", "a format character", "twice as long once composed"],
)
def test_a_reason_says_something_and_fits(county, handheld, sign_in, reason, answer, kept):
    make_parcel(county)
    odd = scan("HUB_IN", "FD-H1")
    record(handheld, odd, scan("NONSENSE", "FD-H1"))
    fold()
    row = SetAside.objects.get()
    hub = sign_in("hub")
    assert hub.post(f"/attention/aside/{row.pk}/let-stand/", {"reason": reason}).status_code == answer
    assert hub.post(f"/attention/gap/{odd['event_id']}/let-stand/", {"reason": reason}).status_code == answer
    assert hub.post(f"/attention/scan/{odd['event_id']}/take-back/", {"reason": reason}).status_code == 302
    row.refresh_from_db()
    assert row.close_reason == (kept or "")
    assert list(Dismissal.objects.values_list("reason", flat=True)) == ([kept] if kept else [])
    assert list(ScanEvent.objects.filter(type="CORRECTION").values_list("reason", flat=True)) == (
        [kept] if kept else []
    )


def test_acks_of_many_thousand_holes_are_read_in_time(handheld):
    """Every other number missing: the run's end was looked for once a row."""
    record(handheld, scan("HUB_IN", "FD-H1", seq=1))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tracking_devicefeed SET received = (SELECT range_agg(int8range(2 * n + 1, 2 * n + 2))"
            " FROM generate_series(0, 100000) AS n)"
        )
        cursor.execute("SET LOCAL statement_timeout = '5s'")
    first = device_queries.acks(handheld, -1)
    assert (first.highest_contiguous_seq, len(first.results), first.gaps[0], first.more) == (1, 500, (2, 2), True)
    last = device_queries.acks(handheld, 199_998)
    assert ([ack.seq for ack in last.results], last.gaps, last.more) == (
        [199_999, 200_001],
        [(200_000, 200_000)],
        False,
    )


def test_a_kept_scan_is_shown_without_phones_or_insides(county, handheld, sign_in):
    digest = "ab" * 32
    stored = scan("HUB_IN", "FD-H1", photo_sha256=digest)
    record(handheld, stored)
    record(
        handheld, {**stored, "trip": "13812341907 came", "reason": "打\uff11\uff13\uff18\uff11\uff12\uff13\uff14\uff11"}
    )
    record(handheld, {"type": [{"a": "13812341907"}], "reason": "13812341907"})
    for row in SetAside.objects.all():
        answer = sign_in("hub").get(f"/attention/aside/{row.pk}/")
        html = answer.content.decode()
        assert "13812341907" not in html
        assert "\uff11\uff13\uff18\uff11\uff12" not in html
        assert "memory at 0x" not in html
        for line in answer.context["lines"]:
            assert "object at 0x" not in line.kept
            assert line.label != "photo_sha256" or (line.kept, line.stored, line.differs) == (digest, digest, False)


def test_a_correction_of_anothers_correction_counts_for_nothing(county, handheld):
    make_parcel(county)
    other = make_device(county.h1, county.people["hub"], "token-2")
    taken = scan("HUB_IN", "FD-H1", NOW - timedelta(minutes=1))

    def take_back(device, event) -> dict:
        made = scan("CORRECTION", None, carrier=None, waybill_no=None, corrects=event["event_id"])
        record(device, made)
        fold()
        return made

    record(handheld, taken)
    take_back(other, taken)
    assert parcel().state == "at_hub"
    own = take_back(handheld, taken)
    assert parcel().state == "registered"
    take_back(other, own)
    assert parcel().state == "registered"
    take_back(handheld, own)
    assert parcel().state == "at_hub"
