"""Scans as a handheld would send them: short to write, complete to read."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from common.ids import uuid7
from orders.models import Parcel
from stations.models import Device
from tests.conftest import NOW
from tracking import services
from tracking.services import Receipt

WAYBILL = "73190553102532"
_numbers = count(1)


def event_id(at: datetime = NOW) -> str:
    """A UUIDv7 of that instant, different each time, in rising order."""
    return str(uuid7(int(at.timestamp() * 1000), next(_numbers)))


def scan(kind: str, station: str | None, at: datetime = NOW, **more: Any) -> dict[str, Any]:
    """One event; `waybill_no=None` leaves the parcel out."""
    event: dict[str, Any] = {
        "event_id": event_id(at),
        "type": kind,
        "carrier": "ZTO",
        "waybill_no": WAYBILL,
        "station": station,
        "occurred_at": at.isoformat(),
        "method": "scan",
        **more,
    }
    return {key: value for key, value in event.items() if value is not None}


def record(device: Device, *events: object, at: datetime = NOW, **more: Any) -> Receipt:
    """Store them as one upload of that device, unfolded."""
    return services.record_scans(
        sender=services.sender_for_device(device),
        batch_id=more.pop("batch_id", UUID(event_id(at))),
        device_now=more.pop("device_now", at),
        events=list(events),
        received_at=more.pop("received_at", at),
        **more,
    )


def fold(at: datetime = NOW) -> int:
    return services.fold_waiting(at=at + timedelta(seconds=1))


def parcel(waybill_no: str = WAYBILL, carrier: str = "ZTO") -> Parcel:
    return Parcel.objects.get(carrier_id=carrier, waybill_no=waybill_no)
