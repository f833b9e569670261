"""Worlds of benchmarks/journeys.py in the tests' small county: sent, stored, folded, compared with the reference."""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from hypothesis import strategies as st

from benchmarks.journeys import CLOCKS, EVENT_FIELDS, SPAN_MINUTES, Sent, expected, named_parcels, row_of, world
from orders.models import Parcel
from tests.conftest import NOW, County, make_device
from tracking import services
from tracking.fold import Event
from tracking.models import ScanEvent, Upload
from tracking.services import Sender

BASE = NOW - timedelta(minutes=SPAN_MINUTES + 60)
STATIONS = ("FD-H1", "FD-C1", "FD-O1", "FD-O3")
NAMES = {"a": STATIONS, "b": STATIONS, "hub": ("FD-H1",), "courier": ("FD-C1",)}


def worlds(most: int = 3) -> st.SearchStrategy[list[Sent]]:
    """A world as Hypothesis draws it, die by die, so that a failure shrinks."""
    return st.randoms(use_true_random=False).map(lambda dice: world(dice, 1, base=BASE, senders=NAMES, most=most))


def numbered_world(number: int) -> list[Sent]:
    return world(random.Random(number), number, base=BASE, senders=NAMES)


@dataclass(frozen=True)
class Hands:
    """Who sends: two handhelds at the hub, its operator (who may correct others' scans), a courier (who may not)."""

    senders: dict[str, Sender]

    @classmethod
    def of(cls, county: County) -> "Hands":
        people = county.people
        return cls(
            {
                "a": services.sender_for_device(make_device(county.h1, people["hub"], token="t-a")),
                "b": services.sender_for_device(make_device(county.h1, people["courier"], token="t-b", name="PDA-2")),
                "hub": services.sender_for_user(people["hub"], county.h1),
                "courier": services.sender_for_user(people["courier"], county.c1),
            }
        )

    def record(self, sent: Iterable[Sent], *, received_at: datetime = NOW) -> list[int]:
        """One upload a sender and clock; the numbers of those that stored something."""
        lanes: dict[tuple[str, str], list[dict]] = {}
        for one in sent:
            lanes.setdefault((one.sender, one.clock), []).append(one.event)
        found = []
        for (who, clock), events in lanes.items():
            ahead = CLOCKS[clock]
            receipt = services.record_scans(
                sender=self.senders[who],
                batch_id=None,
                device_now=None if ahead is None else received_at + ahead,
                events=events,
                received_at=received_at,
            )
            assert all(one.status != "invalid" for one in receipt.exceptions), receipt.exceptions
            found += [receipt.upload_id] if receipt.upload_id else []
        return found


def fold() -> int:
    """Fold all that waits; says so where the database was too busy and the drain left some for later."""
    folded = services.fold_waiting(at=NOW + timedelta(seconds=1))
    assert not Upload.objects.filter(folded_at=None).exists(), "left for later: see the drain's log"
    return folded


@contextmanager
def rolled_back() -> Iterator[None]:
    """Nothing written inside stays. Deleting would leave the rows dead but not gone until the test's transaction
    ends, and each example would wade through those of all before."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def unfold() -> list[int]:
    """All parcels forgotten, all uploads work again, each event kept; the uploads' numbers."""
    Parcel.objects.all().delete()
    Upload.objects.update(folded_at=None, lease_until=None, attempts=0)
    return list(Upload.objects.filter(event_count__gt=0).order_by("pk").values_list("pk", flat=True))


def split_anew(parts: Sequence[Sequence[UUID]]) -> list[int]:
    """The stored events divided over other uploads, whoever sent them."""
    Upload.objects.update(event_count=0, folded_at=F("received_at"))
    numbers = []
    for part in parts:
        upload = Upload.objects.create(
            county_code="500230",
            received_at=NOW,
            event_count=len(part),
            first_event=min(part),
            last_event=max(part),
        )
        ScanEvent.objects.filter(event_id__in=part).update(upload_id=upload.pk)
        numbers.append(upload.pk)
    return numbers


def stored_events() -> list[Event]:
    return [Event(**row) for row in ScanEvent.objects.values(*EVENT_FIELDS)]


def refold() -> None:
    ids = list(Parcel.objects.values_list("pk", flat=True))
    services.refold_parcels(county_code="500230", parcel_ids=ids, at=NOW)


def rows() -> dict[tuple[str, str], dict]:
    return {(one.carrier_id, one.waybill_no): row_of(one) for one in Parcel.objects.all()}


def expected_rows(events: list[Event], as_of: datetime | None = None) -> dict[tuple[str, str], dict]:
    """What the reference says of every parcel that has a row."""
    keys = Parcel.objects.values_list("carrier_id", "waybill_no")
    return {(carrier, waybill_no): expected(carrier, waybill_no, events, as_of) for carrier, waybill_no in keys}


def state_hash() -> str:
    """A digest over all registers of all parcels."""
    return hashlib.sha256(repr(sorted(rows().items())).encode()).hexdigest()


def agree() -> None:
    """Rows as the drain left them == the reference == rows refolded."""
    events = stored_events()
    drained = rows()
    assert set(drained) >= named_parcels(events)
    assert drained == expected_rows(events)
    refold()
    assert rows() == drained
