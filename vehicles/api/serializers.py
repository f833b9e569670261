"""The shapes of the day's API, for its description and for output; none of them writes."""

from rest_framework import serializers

from vehicles.states import Direction, LoadState, StopState, TripState


class PositionIn(serializers.Serializer):
    """Where the vehicle was. Keys not listed are ignored."""

    client_id = serializers.UUIDField(help_text="Made once by the handheld; the same sent twice is one position.")
    trip = serializers.CharField(max_length=40, help_text="The trip's code.")
    at = serializers.DateTimeField(help_text="The handheld's clock, with its zone.")
    lng = serializers.FloatField(min_value=-180, max_value=180)
    lat = serializers.FloatField(min_value=-90, max_value=90)
    accuracy_m = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=100_000)
    speed_kmh = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=400)


class PositionsIn(serializers.Serializer):
    """At most 200 positions."""

    positions = PositionIn(many=True)


class PositionVerdict(serializers.Serializer):
    index = serializers.IntegerField()
    client_id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=["duplicate", "invalid"])
    code = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField()


class PositionsOut(serializers.Serializer):
    """Whatever is not `invalid` may be forgotten by the handheld."""

    accepted = serializers.IntegerField(help_text="Positions stored for the first time.")
    exceptions = PositionVerdict(many=True, help_text="Only positions that were not plainly stored.")


class TripOut(serializers.Serializer):
    code = serializers.CharField()
    state = serializers.ChoiceField(choices=[str(state) for state in TripState])
    state_label = serializers.CharField(source="get_state_display")
    vehicle = serializers.CharField(source="vehicle.plate", default=None, allow_null=True)
    departs_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    departed_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


class TripListOut(serializers.Serializer):
    results = TripOut(many=True)


class LoadOut(serializers.Serializer):
    carrier = serializers.CharField(source="parcel.carrier_id")
    waybill_no = serializers.CharField(source="parcel.waybill_no")
    state = serializers.ChoiceField(choices=[str(state) for state in LoadState])
    state_label = serializers.CharField(source="label")
    extra = serializers.BooleanField(help_text="On board though it isn't on the list.")


class TripStopOut(serializers.Serializer):
    id = serializers.IntegerField(source="stop.pk")
    seq = serializers.IntegerField(source="stop.seq")
    station = serializers.CharField(source="stop.station.code")
    station_name = serializers.CharField(source="stop.station.name")
    state = serializers.ChoiceField(source="stop.state", choices=[str(state) for state in StopState])
    arrives_at = serializers.DateTimeField(source="stop.arrives_at", help_text="Planned.")
    leaves_at = serializers.DateTimeField(source="stop.leaves_at", help_text="Planned.")
    arrived_at = serializers.DateTimeField(source="stop.arrived_at", allow_null=True, help_text="By the scans.")
    left_at = serializers.DateTimeField(source="stop.left_at", allow_null=True, help_text="By the scans.")
    late_min = serializers.IntegerField(allow_null=True, help_text="Minutes behind the plan, as known or reckoned.")
    drop = LoadOut(
        many=True, help_text=f"To unload here ({Direction.DOWN}, and at the end of the trip {Direction.UP})."
    )
    collect = LoadOut(many=True, help_text="To load here.")


class TripSheetOut(serializers.Serializer):
    trip = TripOut()
    may_leave = serializers.BooleanField(help_text="The check before departure was passed.")
    stops = TripStopOut(many=True)
