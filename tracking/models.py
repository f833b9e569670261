"""The scan stream: events as they came, uploads that carried them, what was refused, and which seqs arrived.

`tracking_scanevent` is partitioned by event_id (UUIDv7 time), made by migration 0002: unique on (county_code,
event_id), so one id is one event whatever its clock said. Rows are inserted, never updated. An upload row is the
drain's work: folded_at is null until its events are in the parcels' registers.
"""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from stations.models import Device, Station
from stations.scope import scope_of
from tracking.states import Method, Node, Verdict

if TYPE_CHECKING:
    from accounts.models import User

_LOOSE: dict[str, Any] = {
    "on_delete": models.DO_NOTHING,
    "db_constraint": False,
    "db_index": False,
    "related_name": "+",
}


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, user: "User", action: str = "queue.read") -> "UploadQuerySet":
        """The counties in scope; below a county what the handhelds at the stations in scope sent."""
        return scope_of(user, action).filter_by_station(self, "device__station_id", "county_code")

    def unfolded(self) -> "UploadQuerySet":
        return self.filter(folded_at__isnull=True)


class Upload(models.Model):
    """One upload's events, stored in one transaction; the drain's unit of work."""

    county_code = models.CharField(max_length=6)
    device = models.ForeignKey(Device, null=True, **_LOOSE)
    batch_id = models.UUIDField(null=True)
    received_at = models.DateTimeField()
    event_count = models.PositiveIntegerField()  # stored now for the first time
    duplicates = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)  # invalid and conflicting ones, kept in SetAside
    first_event = models.UUIDField(null=True)  # the lowest event id: which partitions the drain must read
    last_event = models.UUIDField(null=True)
    first_seq = models.BigIntegerField(null=True)  # of the stored events
    last_seq = models.BigIntegerField(null=True)
    digest = models.BinaryField(max_length=32, null=True)  # of the events as sent: the same batch again is answered
    exceptions = models.JSONField(null=True)  # by what is here: [[index, event_id, verdict, code, pointer], …]
    attempts = models.PositiveSmallIntegerField(default=0)  # counted at claim: a killing poison is counted too
    lease_until = models.DateTimeField(null=True)
    folded_at = models.DateTimeField(null=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["county_code", "received_at"], name="upload_by_time"),
            models.Index(fields=["county_code", "id"], condition=Q(folded_at__isnull=True), name="upload_to_fold"),
            models.Index(fields=["device", "batch_id"], condition=Q(batch_id__isnull=False), name="upload_by_batch"),
            models.Index(fields=["device", "last_seq"], condition=Q(last_seq__isnull=False), name="upload_by_seq"),
        ]

    def __str__(self) -> str:
        return f"upload {self.pk} ({self.event_count})"


class ScanEventQuerySet(models.QuerySet["ScanEvent"]):
    def visible_to(self, user: "User", action: str = "scan.results") -> "ScanEventQuerySet":
        """Events at the stations in scope. A parcel's journey is read through the parcel (queries.journey)."""
        return scope_of(user, action).filter_by_station(self, "station_id", "county_code")


class ScanEvent(models.Model):
    """One immutable scan. `t`-fields by docs/fold.md: occurred (device), received (server), effective (the fold's)."""

    pk = models.CompositePrimaryKey("county_code", "event_id")
    county_code = models.CharField(max_length=6)
    event_id = models.UUIDField()
    upload_id = models.BigIntegerField()
    type = models.CharField(max_length=16, choices=Node.choices)
    rank = models.SmallIntegerField()
    carrier = models.CharField(max_length=16, null=True)
    waybill_no = models.CharField(max_length=40, null=True)
    bag = models.CharField(max_length=40, null=True)
    station = models.ForeignKey(Station, null=True, **_LOOSE)
    station_level = models.CharField(max_length=6, null=True)  # copied at acceptance: a station may move later
    device = models.ForeignKey(Device, null=True, **_LOOSE)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, **_LOOSE)
    seq = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    skewed = models.BooleanField()
    untrusted = models.BooleanField()
    method = models.CharField(max_length=6, choices=Method.choices)
    side = models.CharField(max_length=4, null=True)  # give | take
    trip = models.CharField(max_length=40, null=True)
    counterpart = models.CharField(max_length=60, null=True)
    pickup_code = models.CharField(max_length=20, null=True)
    reason = models.CharField(max_length=120, null=True)
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    accuracy_m = models.FloatField(null=True)
    photo_sha256 = models.BinaryField(max_length=32, null=True)  # a Photo's, which may arrive later or never
    corrects = models.UUIDField(null=True)
    correction_counts = models.BooleanField(null=True)  # the sender had the right to correct; null: no correction
    content_hash = models.BinaryField(max_length=32)
    k = models.BinaryField()  # generated: microseconds of effective_at, rank, event_id; 25 bytes, bytewise ordered

    objects = ScanEventQuerySet.as_manager()

    class Meta:
        managed = False  # migration 0002 makes the partitioned table
        db_table = "tracking_scanevent"

    def __str__(self) -> str:
        return f"{self.type} {self.carrier} {self.waybill_no}"


class SetAsideQuerySet(models.QuerySet["SetAside"]):
    def visible_to(self, user: "User", action: str = "dead.read") -> "SetAsideQuerySet":
        return scope_of(user, action).filter_by_station(self, "device__station_id", "county_code")


class SetAside(models.Model):
    """A scan that can't be used as it is (invalid) or whose id is taken by another (conflict), kept as it came."""

    county_code = models.CharField(max_length=6)
    device = models.ForeignKey(Device, models.PROTECT, null=True, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    batch_id = models.UUIDField(null=True)
    position = models.PositiveIntegerField(default=0)  # index in the upload
    event_id = models.CharField(max_length=64, blank=True)
    seq = models.BigIntegerField(null=True)
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    code = models.CharField(max_length=40)
    pointer = models.CharField(max_length=120, blank=True)
    raw = models.BinaryField()  # the event's JSON (or the first 64 KiB of a body that can't be read), byte by byte
    raw_digest = models.BinaryField(max_length=32)
    received_at = models.DateTimeField()
    device_now = models.DateTimeField(null=True)  # of its upload: replayed later, the scan gets the times it had then
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    close_reason = models.CharField(max_length=200, blank=True)

    objects = SetAsideQuerySet.as_manager()

    class Meta:
        constraints = [  # a device that sends the same bad event again adds nothing
            models.UniqueConstraint(
                fields=["county_code", "device", "event_id", "code", "raw_digest"],
                nulls_distinct=False,
                name="setaside_once",
            )
        ]
        indexes = [
            models.Index(fields=["county_code", "-id"], condition=Q(closed_at__isnull=True), name="setaside_open"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.code}"


class Dismissal(models.Model):
    """A person looked at something odd among the scans (queries of what needs attention) and said why it may stay."""

    county_code = models.CharField(max_length=6)
    kind = models.CharField(max_length=24)  # a kind of tracking.attention
    event_id = models.UUIDField()  # the scan that looks wrong
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["county_code", "kind", "event_id"], name="dismissal_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class Photo(models.Model):
    """A photo or signature by its digest, sent apart from its scan and in pieces; whole once `completed_at` is set."""

    county_code = models.CharField(max_length=6)
    sha256 = models.BinaryField(max_length=32)
    size = models.PositiveIntegerField()  # bytes, as announced
    received = models.PositiveIntegerField(default=0)  # bytes so far: where the next piece begins
    media_type = models.CharField(max_length=40, blank=True)  # by its first bytes, once it is whole
    device = models.ForeignKey(Device, models.PROTECT, null=True, related_name="+")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["county_code", "sha256"], name="photo_once")]
        indexes = [models.Index(fields=["created_at"], condition=Q(completed_at__isnull=True), name="photo_unfinished")]

    def __str__(self) -> str:
        return f"photo {bytes(self.sha256).hex()[:12]}"


class DeviceFeed(models.Model):
    """Which sequence numbers of a device arrived, whatever became of them (migration 0002 adds `received`, an
    int8multirange): its first range's end is the highest contiguous seq, its holes are scans not yet delivered."""

    device = models.OneToOneField(Device, models.PROTECT, primary_key=True, related_name="feed")
    last_received_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"feed of {self.device_id}"
