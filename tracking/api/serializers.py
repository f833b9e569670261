"""The shapes of the API, for its description and for output; none of them writes."""

from rest_framework import serializers

from common.problems import CONTENT_TYPE
from orders.models import Parcel
from orders.states import CustodianKind, ParcelState
from tracking.device_queries import ACK_STATUSES
from tracking.queries import FLAGS
from tracking.states import Method, Node, Verdict


class ProblemError(serializers.Serializer):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A sentence in the reader's language (Accept-Language).")
    code = serializers.CharField(help_text="Stable; programs go by this.")
    instance = serializers.CharField()
    request_id = serializers.CharField()
    pointer = serializers.CharField(required=False, help_text="JSON pointer to what is wrong.")
    errors = ProblemError(many=True, required=False)  # type: ignore[assignment]
    limits = serializers.DictField(child=serializers.IntegerField(), required=False)
    quarantine_id = serializers.IntegerField(required=False, allow_null=True)
    offset = serializers.IntegerField(required=False, help_text="The byte where reading failed.")
    retry_after_s = serializers.IntegerField(required=False)


def problems(*statuses: int) -> dict[tuple[int, str], type[Problem]]:
    """Problem answers of these statuses, for @extend_schema."""
    return {(status, CONTENT_TYPE): Problem for status in statuses}


class ScanEventIn(serializers.Serializer):
    """One scan. Keys not listed here are ignored."""

    event_id = serializers.UUIDField(help_text="Made once by the device, UUIDv7.")
    seq = serializers.IntegerField(required=False, help_text="Rising by one with each scan of the device, from 1.")
    type = serializers.ChoiceField(choices=[str(node) for node in Node])
    carrier = serializers.CharField(required=False, max_length=16)
    waybill_no = serializers.RegexField(r"^[A-Z0-9-]{6,40}$", required=False)
    bag = serializers.CharField(required=False, max_length=40)
    station = serializers.CharField(required=False, max_length=20)
    occurred_at = serializers.DateTimeField(help_text="The device's clock, with its zone.")
    method = serializers.ChoiceField(choices=[str(method) for method in Method], required=False)
    side = serializers.ChoiceField(choices=["give", "take"], required=False, help_text="HANDOVER only.")
    trip = serializers.CharField(required=False, max_length=40)
    counterpart = serializers.CharField(required=False, max_length=60)
    pickup_code = serializers.CharField(required=False, max_length=20)
    reason = serializers.CharField(required=False, max_length=120)
    lng = serializers.FloatField(required=False, min_value=-180, max_value=180)
    lat = serializers.FloatField(required=False, min_value=-90, max_value=90)
    accuracy_m = serializers.FloatField(required=False, min_value=0, max_value=1_000_000)
    photo_sha256 = serializers.RegexField(
        r"^[0-9a-f]{64}$", required=False, help_text="Of a photo or signature that goes up by itself."
    )
    corrects = serializers.UUIDField(required=False, help_text="CORRECTION only: the scan it takes back.")


class ScanBatchIn(serializers.Serializer):
    """An upload, at most 500 events and 512 KiB (gzip: 128 KiB, 1 MiB unpacked)."""

    batch_id = serializers.UUIDField(required=False, allow_null=True)
    device_now = serializers.DateTimeField(required=False, allow_null=True, help_text="Set anew at each attempt.")
    events = ScanEventIn(many=True)


class ScanExceptionOut(serializers.Serializer):
    index = serializers.IntegerField()
    event_id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=[str(verdict) for verdict in Verdict])
    code = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField()


class ReceiptOut(serializers.Serializer):
    """The answer, once the events are durably stored. Whatever is neither `invalid` nor `conflict` may be
    forgotten by the device."""

    batch_id = serializers.UUIDField(allow_null=True)
    received_at = serializers.DateTimeField()
    server_now = serializers.DateTimeField()
    accepted = serializers.IntegerField(help_text="Events stored for the first time.")
    exceptions = ScanExceptionOut(many=True, help_text="Only events that were not plainly accepted.")
    highest_contiguous_seq = serializers.IntegerField(allow_null=True)


class RecipientOut(serializers.Serializer):
    """Masked."""

    name = serializers.CharField(source="name_masked")
    phone = serializers.CharField(source="phone_masked")


class ParcelOut(serializers.Serializer):
    id = serializers.IntegerField()
    carrier = serializers.CharField(source="carrier_id")
    waybill_no = serializers.CharField()
    announced = serializers.BooleanField()
    state = serializers.ChoiceField(choices=[str(state) for state in ParcelState])
    state_label = serializers.CharField(source="get_state_display")
    station = serializers.CharField(source="station.code", default=None, allow_null=True)
    destination = serializers.CharField(source="destination.code", default=None, allow_null=True)
    village = serializers.CharField(source="village_id", allow_null=True)
    custodian = serializers.ChoiceField(source="custodian_kind", choices=[str(kind) for kind in CustodianKind if kind])
    on_hold = serializers.BooleanField()
    hold = serializers.CharField(source="h_node", allow_null=True)
    damaged = serializers.BooleanField()
    collected_at = serializers.DateTimeField(allow_null=True)
    last_scan_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(source="t_at", allow_null=True)
    recipient = serializers.SerializerMethodField()

    def get_recipient(self, parcel: Parcel) -> dict[str, str] | None:
        found = getattr(parcel, "recipient", None)
        return None if found is None else dict(RecipientOut(found).data)


class ParcelPage(serializers.Serializer):
    results = ParcelOut(many=True)
    limit = serializers.IntegerField(help_text="At most 200.")
    next = serializers.CharField(allow_null=True, help_text="The cursor of the next page.")


class EventOut(serializers.Serializer):
    event_id = serializers.UUIDField(source="event.event_id")
    type = serializers.ChoiceField(source="node", choices=[str(node) for node in Node])
    label = serializers.CharField()  # type: ignore[assignment]
    station = serializers.CharField(source="station_code", allow_null=True)
    station_name = serializers.CharField()
    occurred_at = serializers.DateTimeField(source="event.occurred_at")
    received_at = serializers.DateTimeField(source="event.received_at")
    effective_at = serializers.DateTimeField(source="event.effective_at")
    method = serializers.ChoiceField(source="event.method", choices=[str(method) for method in Method])
    actor = serializers.CharField(help_text="Masked.")
    side = serializers.ChoiceField(source="event.side", choices=["give", "take"], allow_null=True)
    side_label = serializers.CharField(source="side", help_text="Which half of a handover, in words.")
    lng = serializers.FloatField(source="event.lng", allow_null=True)
    lat = serializers.FloatField(source="event.lat", allow_null=True)
    accuracy_m = serializers.FloatField(source="event.accuracy_m", allow_null=True)
    photo_sha256 = serializers.CharField(source="photo", help_text="Empty where the scan names none.")
    photo_arrived = serializers.BooleanField(source="photo_whole")
    trip = serializers.CharField(source="event.trip", allow_null=True)
    reason = serializers.CharField(source="event.reason", allow_null=True)
    corrected = serializers.BooleanField(source="voided")
    flags = serializers.ListField(child=serializers.ChoiceField(choices=list(FLAGS)))


class EventList(serializers.Serializer):
    results = EventOut(many=True)


class AckOut(serializers.Serializer):
    seq = serializers.IntegerField()
    event_id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=list(ACK_STATUSES))
    code = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True, help_text="A sentence in the reader's language.")


class AcksOut(serializers.Serializer):
    """One page of verdicts. Ask again with `after_seq` = `up_to` while `more`."""

    after_seq = serializers.IntegerField()
    up_to = serializers.IntegerField(help_text="The last number of this page.")
    results = AckOut(many=True)
    gaps = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="[from, to] of numbers that have not arrived, both included.",
    )
    highest_contiguous_seq = serializers.IntegerField()
    more = serializers.BooleanField()


class GoneOut(serializers.Serializer):
    carrier = serializers.CharField(source="carrier_id")
    waybill_no = serializers.CharField()
    state = serializers.ChoiceField(choices=[str(state) for state in ParcelState], help_text="Why: where it is now.")


class ExpectedOut(serializers.Serializer):
    """One page. While `next` is set read on with `cursor`; at the end keep `since` for the next question."""

    station = serializers.SerializerMethodField(help_text="The handheld's.")
    full = serializers.BooleanField(help_text="The list replaces what was known before.")
    results = ParcelOut(many=True)
    gone = GoneOut(many=True, help_text="No longer expected; some of them may never have been.")
    next = serializers.CharField(allow_null=True)
    since = serializers.CharField(allow_null=True)

    def get_station(self, page: object) -> str:
        return str(self.context["station"])
