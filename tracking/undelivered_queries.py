"""What handhelds have scanned and not yet sent, as far as the numbers of their scans tell."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from accounts.models import User
from common import sql
from stations import queries as stations_queries
from stations.models import Device

LEAP = 10_000  # a hole this wide is no missing scan but a counter that was reset or set
SILENT_AFTER = timedelta(days=3)
RECENT = timedelta(days=7)  # uploads that are looked at for their numbers and clocks
HOLES_SHOWN = 5


class Need(IntEnum):
    """How much a handheld needs somebody, worst first."""

    COUNTER = 0  # its counter went back or leapt
    SCANS = 1  # it holds scans that haven't come
    SILENT = 2
    NOTHING = 3


@dataclass(frozen=True)
class Undelivered:
    """One handheld's numbers. `scans` is how many are missing below the highest that came; `holes` the first few as
    [from, to]; `leap` the widest jump; `went_back_at` when numbers came that had been used."""

    device: Device
    need: Need
    last_received_at: datetime | None
    contiguous_seq: int
    highest_seq: int | None
    scans: int
    holes: list[tuple[int, int]]
    more_holes: int
    leap: int | None
    went_back_at: datetime | None


@dataclass(frozen=True)
class DeviceClock:
    """Seconds a handheld's clock was behind the server's at its last upload; None within two minutes of it."""

    behind_s: int | None
    untrusted: bool

    @property
    def minutes(self) -> int:
        """How many, either way."""
        return round(abs(self.behind_s or 0) / 60)


def undelivered(user: User, at: datetime, *, words: str = "", state: str = "") -> list[Undelivered]:
    """The handhelds in the reader's scope, worst first; one that is shut out only if it still holds scans."""
    devices = {device.pk: device for device in stations_queries.handhelds(user, words=words, state=state)}
    params = {
        "devices": list(devices),
        "counties": sorted({device.station.county_code for device in devices.values()}),
        "since": at - RECENT,
        "live": [device.revoked_at is None for device in devices.values()],
        "leap": LEAP,
        "shown": HOLES_SHOWN,
        "silent_before": at - SILENT_AFTER,
    }
    return [
        Undelivered(
            device=devices[row["device_id"]],
            need=Need(row["need"]),
            last_received_at=row["last_received_at"],
            contiguous_seq=row["contiguous_seq"],
            highest_seq=row["highest_seq"],
            scans=row["scans"],
            holes=[(low, high) for low, high in row["holes"] or ()],
            more_holes=max(0, row["ranges"] - HOLES_SHOWN),
            leap=row["leap"],
            went_back_at=row["went_back_at"],
        )
        for row in sql.rows("tracking", "undelivered", params)
    ]


def device_clocks(devices: Collection[Device], at: datetime) -> dict[int, DeviceClock]:
    """By device id; one that stored no scan these seven days is absent."""
    params = {
        "devices": [device.pk for device in devices],
        "counties": sorted({device.station.county_code for device in devices}),
        "since": at - RECENT,
    }
    rows = sql.rows("tracking", "device_clocks", params)
    return {row["device_id"]: DeviceClock(row["behind_s"], row["untrusted"]) for row in rows}
