"""The project's addresses and two peers: a view that does nothing behind the same doors, and the plain way."""

from django.db import connection, models, transaction
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import clock
from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as project
from orders.models import Parcel
from stations.models import Station
from stations.permissions import DeviceOnly
from tracking.states import RULES, Method, Node

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Noop(APIView):
    """The same middleware, the same token look-up, nothing done."""

    permission_classes = (DeviceOnly,)
    device_allowed = True

    def post(self, request: Request) -> Response:
        return Response({"accepted": 0})


class PlainEvent(models.Model):
    """The event table as a plain model: what an ORM inserts."""

    county_code = models.CharField(max_length=6)
    event_id = models.UUIDField(primary_key=True)
    upload_id = models.BigIntegerField()
    type = models.CharField(max_length=16)
    rank = models.SmallIntegerField()
    carrier = models.CharField(max_length=16)
    waybill_no = models.CharField(max_length=40)
    station_id = models.BigIntegerField()
    station_level = models.CharField(max_length=6)
    device_id = models.BigIntegerField()
    actor_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    method = models.CharField(max_length=6)
    lng = models.FloatField()
    lat = models.FloatField()
    accuracy_m = models.FloatField()
    content_hash = models.BinaryField()

    class Meta:
        app_label = "tracking"
        managed = False
        db_table = "tracking_scanevent"

    def __str__(self) -> str:
        return str(self.event_id)


class PlainScan(serializers.Serializer):
    event_id = serializers.UUIDField()
    seq = serializers.IntegerField(min_value=0)
    type = serializers.ChoiceField(Node.choices)
    carrier = serializers.CharField(max_length=16)
    waybill_no = serializers.RegexField(r"^[A-Z0-9-]{6,40}$")
    station = serializers.CharField(max_length=20)
    occurred_at = serializers.DateTimeField()
    method = serializers.ChoiceField(Method.choices)
    lng = serializers.FloatField(min_value=-180, max_value=180)
    lat = serializers.FloatField(min_value=-90, max_value=90)
    accuracy_m = serializers.FloatField(min_value=0)


class Plain(APIView):
    """The plain way: a serializer for many, one transaction an upload, bulk_create, an update per parcel."""

    permission_classes = (DeviceOnly,)
    device_allowed = True

    def post(self, request: Request) -> Response:
        many = PlainScan(data=request.data["events"], many=True)
        many.is_valid(raise_exception=True)
        device, now = request.auth, clock.now()
        stations = {s.code: s for s in Station.objects.below(device.station)}
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT nextval(pg_get_serial_sequence('tracking_upload', 'id'))")
                number = cursor.fetchone()[0]
            events = [
                PlainEvent(
                    county_code=device.station.county_code,
                    event_id=scan["event_id"],
                    upload_id=number,
                    type=scan["type"],
                    rank=RULES[Node(scan["type"])].rank,
                    carrier=scan["carrier"],
                    waybill_no=scan["waybill_no"],
                    station_id=stations[scan["station"]].pk,
                    station_level=stations[scan["station"]].level,
                    device_id=device.pk,
                    actor_id=device.user_id,
                    seq=scan["seq"],
                    occurred_at=scan["occurred_at"],
                    received_at=now,
                    effective_at=scan["occurred_at"],
                    method=scan["method"],
                    lng=scan["lng"],
                    lat=scan["lat"],
                    accuracy_m=scan["accuracy_m"],
                    content_hash=b"\0",
                )
                for scan in many.validated_data
            ]
            PlainEvent.objects.bulk_create(events, ignore_conflicts=True)
            for event in sorted(events, key=lambda e: (e.carrier, e.waybill_no)):  # in any order they deadlock
                parcel = Parcel.objects.only("pk").get(
                    county_code=event.county_code, carrier=event.carrier, waybill_no=event.waybill_no, leg_no=1
                )
                Parcel.objects.filter(pk=parcel.pk).update(
                    s_state="in_transit",
                    s_station_id=event.station_id,
                    station_id=event.station_id,
                    last_scan_at=event.effective_at,
                )
        return Response({"accepted": len(events)})


urlpatterns = [
    *project,
    path("api/v1/bench/noop/", Noop.as_view()),
    path("api/v1/bench/naive/", Plain.as_view()),
]
