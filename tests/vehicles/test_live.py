"""The live map and the dispatcher's pages: last places, late and silent trips, who sees what."""

from datetime import timedelta

import pytest
from django.urls import reverse

from common import clock
from common.ids import uuid7
from tests.conftest import County
from tests.vehicles.issued import Morning
from vehicles.models import Position, Transition
from vehicles.services.trips import follow
from vehicles.states import TripState

pytestmark = pytest.mark.django_db
MIN = timedelta(minutes=1)


@pytest.fixture
def morning(county: County) -> Morning:
    county.h1.lng, county.h1.lat = 107.73, 29.86
    county.h1.save(update_fields=["lng", "lat"])
    return Morning(county, departs_at=clock.now() - 40 * MIN)


def live(client) -> dict:
    (trip,) = client.get(reverse("vehicles:live-data")).json()["trips"]
    return trip


def put(m: Morning, minutes_ago: float) -> None:
    Position.objects.create(
        county_code=m.county.code,
        trip=m.trip,
        client_id=uuid7(),
        at=clock.now() - minutes_ago * MIN,
        received_at=clock.now(),
        lng=107.75,
        lat=29.9,
    )


def test_late_and_silent_trips_are_named(morning: Morning, county: County, sign_in):
    hub = sign_in("hub")
    waiting = live(hub)
    assert (waiting["state"], waiting["alerts"]) == ("assigned", ["晚点 40 分钟"])
    morning.say("DEPARTED", county.h1, clock.now() - 38 * MIN)
    follow(at=clock.now())
    silent = live(hub)
    assert silent["source"] == "scan"
    assert (silent["lng"], silent["lat"]) == (107.73, 29.86)
    assert silent["alerts"] == ["超过 20 分钟没有消息"]  # ten minutes behind the next stop's time: not yet late
    put(morning, 1)
    heard = live(hub)
    assert (heard["source"], heard["lng"], heard["alerts"]) == ("position", 107.75, [])


def test_names_are_masked_for_who_may_not_read_them(morning: Morning, sign_in):
    seen = live(sign_in("courier"))["driver"]
    assert seen not in ("", morning.user.name)


def test_the_outlet_on_the_way_sees_the_trip_another_township_does_not(morning: Morning, county: County, sign_in):
    url = reverse("vehicles:trip", args=[morning.trip.code])
    assert sign_in("operator").get(url).status_code == 200
    assert sign_in("operator2").get(url).status_code == 404
    assert sign_in("operator2").get(reverse("vehicles:live-data")).json()["trips"] == []
    assert sign_in("clerk").get(url).status_code == 403
    for name in ("trip-check", "trip-assign", "trip-cancel", "trip-breakdown"):  # run by the hub alone
        assert sign_in("operator").get(reverse(f"vehicles:{name}", args=[morning.trip.code])).status_code == 404


def test_the_pages_of_a_trip(morning: Morning, county: County, sign_in):
    m, hub = morning, sign_in("hub")
    m.say("LOADED", county.h1, clock.now() - 39 * MIN, waybill_no=m.a.waybill_no)
    m.say("DEPARTED", county.h1, clock.now() - 38 * MIN)
    put(m, 1)
    rows = hub.get(reverse("vehicles:trips")).context["rows"]
    assert [row.trip.code for row in rows] == [m.trip.code]
    url = reverse("vehicles:trip", args=[m.trip.code])
    page = hub.get(url)
    assert page.context["sheet"].left_unchecked
    at = clock.now().astimezone(clock.SHANGHAI)
    asked = hub.get(url, {"waybill": m.a.waybill_no[-4:], "time": f"{at:%H:%M:%S}"}).context["holder"]
    assert asked.trip == m.trip.code
    for bad in ({"waybill": "nobody", "time": "10:00"}, {"waybill": m.a.waybill_no, "time": "25:00"}, {"waybill": ""}):
        assert hub.get(url, bad).context["holder"] is None
    assert m.a.waybill_no in hub.get(reverse("vehicles:trip-manifest", args=[m.trip.code])).content.decode()
    replay = hub.get(reverse("vehicles:replay", args=[m.trip.code]))
    assert len(replay.context["data"]["points"]) == 1
    for path in ("trips/%00/", "trips/x/", "drive/%00/"):
        assert hub.get(f"/vehicles/{path}").status_code == 404
    for day in ("2026-13-45", "0001-01-01", "9999-12-31", "x"):
        assert hub.get(reverse("vehicles:trips"), {"day": day}).status_code == 200


def test_what_the_dispatcher_decides(morning: Morning, county: County, sign_in):
    hub, code = sign_in("hub"), morning.trip.code
    check = reverse("vehicles:trip-check", args=[code])
    assert hub.post(check, {}).status_code == 422
    keys = ("lights", "tyres", "brakes", "load", "doors")
    well = {f"ok-{key}": "yes" for key in keys}
    assert hub.post(check, {**well, "ok-tyres": "no"}).status_code == 422  # says not what
    assert hub.post(check, {**well, "ok-tyres": "no", "note-tyres": "扎钉"}).status_code == 302
    assert morning.now().state == TripState.ASSIGNED
    assert hub.post(check, {**well, "seal_no": "S-7"}).status_code == 302
    assert morning.now().state == TripState.CHECKED
    assign = reverse("vehicles:trip-assign", args=[code])
    assert hub.post(assign, {"driver": "0"}).status_code == 422
    assert hub.post(assign, {"driver": str(morning.driver.pk)}).status_code == 302
    cancel = reverse("vehicles:trip-cancel", args=[code])
    assert hub.post(cancel, {"reason": ""}).status_code == 422
    assert hub.post(cancel, {"reason": "大雾"}).status_code == 302
    assert hub.post(cancel, {"reason": "大雾"}).status_code == 422  # somebody was faster
    last = Transition.objects.filter(entity="trip").order_by("-id").first()
    assert (last.to_state, last.reason, last.by) == ("cancelled", "大雾", county.people["hub"])
