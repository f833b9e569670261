"""November 2026 in the small county, few enough parcels to count by hand."""

from datetime import UTC, date, datetime, timedelta

from reports.models import Report
from reports.services import compute_report
from stations.models import Device
from tests.conftest import County, make_device, make_parcel
from tests.tracking.scans import event_id, fold, record, scan

MONTH = date(2026, 11, 1)
COUNTY_REGION, T1, T2 = "500230000000", "500230101000", "500230102000"
START = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
END = datetime(2026, 11, 12, 4, 0, tzinfo=UTC)  # when everything is received; the watermark
HOUR = timedelta(hours=1)


def send(
    device: Device, *scans: tuple[str, str, datetime, str], at: datetime | None = None
) -> dict[tuple[str, str], str]:
    """Scans as (kind, station, when, waybill), received when the last of them happened; {(waybill, kind): id}."""
    received = at or max(when for _kind, _station, when, _waybill in scans)
    ids = {(waybill, kind): event_id(when) for kind, _station, when, waybill in scans}
    events = [
        scan(kind, station, when, waybill_no=waybill, event_id=ids[waybill, kind])
        for kind, station, when, waybill in scans
    ]
    receipt = record(device, *events, at=received)
    assert not receipt.exceptions
    fold(received)
    return ids


def correct(device: Device, target: str, at: datetime = END) -> None:
    record(device, scan("CORRECTION", None, at, waybill_no=None, carrier=None, corrects=target), at=at)
    fold(at)


def the_month(county: County) -> tuple[Device, dict[tuple[str, str], str]]:
    """Six parcels in (four for 虎威镇), one out; see test_compute for what they add up to."""
    device = make_device(county.h1, county.people["hub"])
    names = [f"7319055310250{number}" for number in range(1, 8)]
    one, two, three, four, five, six, seven = names
    make_parcel(county, one, collected_at=START - 20 * HOUR)
    make_parcel(county, two, collected_at=START - 60 * HOUR)
    make_parcel(county, three)
    make_parcel(county, four, collected_at=START - 20 * HOUR)
    make_parcel(county, five, village="v3", destination="o3")
    make_parcel(county, six, village="v4", destination="o3")
    make_parcel(county, seven)
    ids = send(
        device,
        ("HUB_IN", "FD-H1", START, one),
        ("OUTLET_IN", "FD-O1", START + 24 * HOUR, one),
        ("SIGNED_PICKUP", "FD-O1", START + 30 * HOUR, one),  # 50 hours after it was collected
        ("HUB_IN", "FD-H1", START, two),
        ("OUTLET_IN", "FD-O1", START + 25 * HOUR, two),
        ("DAMAGED", "FD-O1", START + 26 * HOUR, two),
        ("SIGNED_SELF", "FD-O1", START + 30 * HOUR, two),  # 90 hours
        ("HUB_IN", "FD-H1", START, three),
        ("OUTLET_IN", "FD-O1", START + HOUR, three),
        ("SIGNED_PICKUP", "FD-O1", START + 9 * HOUR, three),
        ("HUB_IN", "FD-H1", START, four),
        ("LOST", "FD-H1", START + 90 * HOUR, four),
        ("HUB_IN", "FD-H1", START, five),
        ("OUTLET_IN", "FD-O3", START + 2 * HOUR, five),
        ("SIGNED_AGENT", "FD-O3", START + 40 * HOUR, five),
        ("COLLECTED", "FD-O1", START, seven),
        ("HUB_IN", "FD-H1", END - 3 * HOUR, six),
        at=END,
    )
    return device, ids


def compute(county: County, month: date = MONTH) -> Report:
    return compute_report(county_code=county.code, month=month, at=END)
