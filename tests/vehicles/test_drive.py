"""The driver's page: every act one scan event, twice is once, nobody else's trip, wrong stops held back."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.urls import reverse

from common import clock
from common.ids import uuid7
from tests.conftest import County
from tests.vehicles.issued import Morning, make_trip, make_vehicle, second_driver
from tracking.models import ScanEvent, SetAside
from vehicles.models import DepartureCheck, Trip
from vehicles.queries.sheets import trip_sheet
from vehicles.services.trips import cancel_trip, follow
from vehicles.states import LoadState, TripState

pytestmark = pytest.mark.django_db
MIN = timedelta(minutes=1)


@pytest.fixture
def morning(county: County) -> Morning:
    return Morning(county, departs_at=clock.now())


@pytest.fixture
def phone(morning: Morning, sign_in):
    """`phone("leave", …)` posts one act as the page does; returns what the result bar says: (tone, the page)."""
    client = sign_in("courier")

    def act(what: str, *, trip: Trip | None = None, as_page: bool = False, **more: object):
        data = {"act": what, "event_id": str(uuid7()), **more}
        headers = {} if as_page else {"HX-Request": "true"}
        url = reverse("vehicles:drive-trip", args=[(trip or morning.trip).code])
        answer = client.post(url, data, headers=headers)
        assert answer.status_code == 200, answer.status_code
        return answer.context["done"]

    act.client = client
    return act


def passed(trip: Trip) -> None:
    DepartureCheck.objects.create(trip=trip, items=[], passed=True, at=clock.now())


def load(m: Morning, parcel) -> LoadState:
    return next(x for x in trip_sheet(m.now(), clock.now()).loads if x.parcel.pk == parcel.pk).state


def test_the_whole_trip_by_posted_forms(morning: Morning, phone, county: County):
    m = morning
    assert phone("leave").tone == "error"  # no check yet
    passed(m.trip)
    assert phone("load_all").detail == "3 件"
    assert phone("leave").tone == "ok"
    o1, o2, hub = m.stops()[1:]
    assert phone("leave").tone == "error"  # on the road already
    assert phone("arrive", stop=o1.pk).tone == "ok"
    assert phone("arrive", stop=o1.pk).tone == "again"
    assert phone("unload_all", as_page=True).detail == "2 件"  # the form without JavaScript
    assert phone("unload_all").tone == "again"
    phone("leave")
    phone("arrive", stop=o2.pk)
    assert phone("scan", code=m.c.waybill_no[-4:]).tone == "ok"
    assert phone("load_all").detail == "1 件"
    phone("leave")
    phone("arrive", stop=hub.pk)
    assert phone("unload_all").tone == "ok"
    assert m.now().state == TripState.COMPLETED
    assert {load(m, p) for p in (m.a, m.b, m.c, m.up)} == {LoadState.DONE}
    assert set(ScanEvent.objects.values_list("method", flat=True)) == {"bulk", "typed"}
    assert not SetAside.objects.exists()


def test_an_act_sent_twice_is_one(morning: Morning, phone):
    event_id = str(uuid7())
    first = phone("load_all", event_id=event_id, occurred_at=clock.now().isoformat())
    again = phone("load_all", event_id=event_id, occurred_at=(clock.now() + MIN).isoformat())
    assert (first.tone, again.tone) == ("ok", "again")
    assert ScanEvent.objects.count() == 3
    assert not SetAside.objects.exists()


def test_an_act_sent_again_after_the_cache_forgot_is_one(morning: Morning, phone):
    event_id = str(uuid7())
    phone("load_all", event_id=event_id)
    cache.clear()
    assert phone("load_all", event_id=event_id).tone == "again"
    assert ScanEvent.objects.count() == 3
    assert not SetAside.objects.exists()


def test_an_act_keeps_the_time_of_the_phone(morning: Morning, phone):
    """Pressed without a network, sent twenty minutes later, by a clock that is an hour fast."""
    now = clock.now()
    phone("load_all", occurred_at=(now + 40 * MIN).isoformat(), device_now=(now + 60 * MIN).isoformat())
    event = ScanEvent.objects.first()
    assert abs(event.effective_at - (now - 20 * MIN)) < MIN
    assert event.skewed


def test_a_parcel_of_another_stop_is_held_back_until_forced(morning: Morning, phone, county: County):
    m = morning
    for parcel in (m.a, m.c):
        m.say("LOADED", county.h1, clock.now(), waybill_no=parcel.waybill_no)
    m.say("DEPARTED", county.h1, clock.now())
    m.say("ARRIVED", county.o1, clock.now())
    follow(at=clock.now())
    held = phone("scan", code=m.c.waybill_no)
    assert (held.tone, held.anyway) == ("error", m.c.waybill_no)
    assert "同德村服务点" in held.detail
    assert load(m, m.c) == LoadState.ON_BOARD
    assert phone("scan", code=m.c.waybill_no, force="1").tone == "again"
    assert load(m, m.c) == LoadState.WRONG_STOP


def test_a_parcel_nobody_planned_is_loaded_only_if_said_so(morning: Morning, phone):
    stranger = "73190553109999"
    asked = phone("scan", code=stranger)
    assert (asked.tone, asked.anyway) == ("error", stranger)
    assert not ScanEvent.objects.exists()
    which = phone("scan", code=stranger, force="1")
    assert ("ZTO", "中通快递") in which.carriers
    assert not ScanEvent.objects.exists()
    assert phone("scan", code=stranger, force="1", carrier="ZTO").tone == "again"
    assert trip_sheet(morning.trip, clock.now()).extras == 1
    assert phone("scan", code="!!").tone == "error"
    assert phone("scan", code="x" * 190).tone == "error"
    assert phone("scan", code="ABCDEFG", force="1").tone == "error"  # whose it is can't be told


def test_a_problem_a_handover_and_an_undo(morning: Morning, phone, county: County, sign_in):
    m, other = morning, second_driver(county)
    away = make_trip(
        county.h1, [county.o3], vehicle=make_vehicle(county.h1, "渝F9"), driver=other, departs_at=clock.now()
    )
    phone("load_all")
    assert phone("problem", code=m.a.waybill_no[-4:], reason="damaged").tone == "ok"
    m.a.refresh_from_db()
    assert m.a.damaged
    assert phone("give", to=away.code).detail == "3 件"
    url = reverse("vehicles:drive-trip", args=[away.code])
    theirs = sign_in(other.user)
    assert len(theirs.get(url).context["offers"]) == 3
    taken = theirs.post(url, {"act": "take", "event_id": str(uuid7())})
    assert (taken.context["done"].tone, taken.context["offers"]) == ("ok", [])
    m.b.refresh_from_db()
    assert (m.b.c_ref, m.b.c_trip) == (other.user_id, away.code)
    assert load(m, m.b) == LoadState.GIVEN
    mine = ScanEvent.objects.get(type="DAMAGED").event_id
    assert phone("undo", target=str(mine)).tone == "ok"
    assert phone("undo", target=str(mine)).tone == "again"
    m.a.refresh_from_db()
    assert not m.a.damaged
    assert phone("undo", target=str(uuid4())).tone == "again"


def test_another_drivers_trip_is_not_found(morning: Morning, county: County, sign_in):
    other = second_driver(county)
    url = reverse("vehicles:drive-trip", args=[morning.trip.code])
    theirs = sign_in(other.user)
    assert theirs.get(url).status_code == 404
    assert theirs.post(url, {"act": "leave", "event_id": str(uuid7())}).status_code == 404
    assert theirs.get(reverse("vehicles:drive")).context["rows"] == []
    assert sign_in("hub").get(url).status_code == 404  # the dispatcher has a page of their own
    assert sign_in("carrier").get(url).status_code == 403
    assert not ScanEvent.objects.exists()


def test_a_draft_is_no_trip_of_anybodys_day(morning: Morning, phone):
    Trip.objects.filter(pk=morning.trip.pk).update(live=False)
    assert phone.client.get(reverse("vehicles:drive")).context["rows"] == []
    assert phone.client.get(reverse("vehicles:drive-trip", args=[morning.trip.code])).status_code == 404


def test_a_trip_called_off_takes_no_more_scans(morning: Morning, phone, county: County):
    cancel_trip(trip_id=morning.trip.pk, reason="大雾", by=county.people["hub"], at=clock.now())
    answer = phone.client.get(reverse("vehicles:drive-trip", args=[morning.trip.code]))
    assert answer.status_code == 404  # it isn't theirs any more


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"act": "fly", "event_id": str(uuid7())},
        {"act": "leave", "event_id": "x"},
        {"act": "arrive", "event_id": str(uuid7()), "stop": "99999999999999999999"},
        {"act": "scan", "event_id": str(uuid7()), "code": "\x00"},
        {"act": "scan", "event_id": str(uuid7()), "code": "73190553100011", "lng": "nan", "lat": "inf"},
        {"act": "scan", "event_id": str(uuid7()), "code": "73190553100011", "occurred_at": "9999-12-31T23:59:59+14:00"},
        {"act": "give", "event_id": str(uuid7()), "to": "\ud800"},
    ],
)
def test_nothing_a_phone_sends_gives_a_500(morning: Morning, phone, data):
    url = reverse("vehicles:drive-trip", args=[morning.trip.code])
    data = {key: value.encode("utf-8", "replace").decode() for key, value in data.items()}
    assert phone.client.post(url, data).status_code == 200


def test_killed_between_the_scan_and_the_follow(morning: Morning, county: County):
    """The event is stored, the process dies: the next look, whoever takes it, finds it."""
    morning.say("DEPARTED", county.h1, clock.now())  # nobody followed
    assert Trip.objects.get(pk=morning.trip.pk).state == TripState.ASSIGNED
    assert follow(at=clock.now()) == 1
    assert Trip.objects.get(pk=morning.trip.pk).state == TripState.DEPARTED


def test_a_breakdown_before_and_after_leaving(morning: Morning, phone, county: County):
    """Before, it is no trip of theirs any more; after, what is on board can still be handed over."""
    m, url = morning, reverse("vehicles:trip-breakdown", args=[morning.trip.code])
    m.say("LOADED", county.h1, clock.now(), waybill_no=m.a.waybill_no)
    m.say("DEPARTED", county.h1, clock.now())
    answer = phone.client.post(url, {"reason": "爆胎"}, follow=True)
    assert answer.redirect_chain == [(reverse("vehicles:drive-trip", args=[m.trip.code]), 302)]
    assert m.now().state == TripState.BROKEN_DOWN
    assert phone("give", to="FD-O1").tone == "ok"
    second = make_trip(
        county.h1, [county.o1], vehicle=make_vehicle(county.h1, "渝F7"), driver=m.driver, departs_at=clock.now()
    )
    answer = phone.client.post(reverse("vehicles:trip-breakdown", args=[second.code]), {"reason": "电瓶"}, follow=True)
    assert answer.redirect_chain == [(reverse("vehicles:drive"), 302)]
