"""A plan through its pages: asked for, watched, looked at, changed by form, compared, reviewed, issued, thrown away."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from common import clock
from tests.conftest import NOW, County
from tests.vehicles.people import EVENING, at_hub, issued, join, make_plan, ready
from vehicles.models import Plan, PlanChange, Trip
from vehicles.queries.plans import last_change
from vehicles.states import PlanState


def url(name: str, *args: object) -> str:
    return reverse(f"vehicles:{name}", args=args)


def asked(**more: object) -> dict[str, object]:
    day = clock.business_date(clock.now()) + timedelta(days=1)
    values = {"day": f"{day}", "wave": "day", "seconds": "10", "buses": "on", "members": ["YTO", "ZTO"]}
    return {**values, **more}


def draft(county, vans: int = 2) -> Plan:
    """Two vans, parcels for three outlets."""
    ready(county, vans)
    for outlet in ("o1", "o2", "o3"):
        at_hub(county, outlet, 3)
    return make_plan(county)


def stops(plan: Plan) -> list:
    return [stop for trip in plan.trips.order_by("pk") for stop in trip.stops.exclude(station=plan.hub).order_by("seq")]


def said(client: Client, answer: object) -> str:
    return client.get(answer["Location"].split("#")[0]).content.decode()


@pytest.mark.django_db
def test_a_plan_is_asked_for_watched_and_stopped(county, sign_in):
    join(county)
    hub = sign_in("hub")
    assert "还没有计划" in hub.get(url("plans")).content.decode()
    answer = hub.post(url("plan-new"), asked())
    plan = Plan.objects.get()
    assert answer["Location"] == url("plan", plan.pk)
    assert (plan.asked["seconds"], plan.asked["buses"], plan.asked["members"]) == (10, True, None)
    page = hub.get(url("plan", plan.pk)).content.decode()
    assert "停止并保留最优结果" in page
    Plan.objects.filter(pk=plan.pk).update(trace=[[0.4, 900.0, "construct"], [1.2, 700.0, "search"]], cost=700)
    part = hub.get(url("plan-progress", plan.pk), headers={"HX-Request": "true"}).content.decode()
    assert "从 900 元降到 700 元" in part
    assert hub.post(url("plan-stop", plan.pk)).status_code == 302
    plan.refresh_from_db()
    assert plan.state == PlanState.DISCARDED  # it never began
    assert hub.get(url("plan-progress", plan.pk))["HX-Redirect"] == url("plan", plan.pk)
    assert hub.get(url("plan", plan.pk)).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("day", "2020-01-01", ""),
        ("day", "9999-12-31", "最多"),
        ("day", "0001-01-01", ""),
        ("day", "soon", ""),
        ("wave", "night", ""),
        ("seconds", "100000", ""),
        ("members", ["NOBODY"], ""),
        ("members", [], ""),
        ("base", "99999999999999999999999", ""),
    ],
)
def test_what_can_not_be_planned_is_a_sentence(county, sign_in, field, value, words):
    join(county)
    answer = sign_in("hub").post(url("plan-new"), asked(**{field: value}))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Plan.objects.exists()


@pytest.mark.django_db
def test_the_page_shows_figures_trips_map_and_what_is_left_out(county, sign_in):
    plan = draft(county)
    hub = sign_in("hub")
    page = hub.get(url("plan", plan.pk)).content.decode()
    for words in ("出发装载率", "估算", "每件", "9", "锁定车次", "虚线按顺序连接各站", "审核通过"):
        assert words in page
    data = hub.get(url("plan-map", plan.pk)).json()
    assert len(data["trips"]) == plan.trips.count()
    assert all(len(trip["points"]) >= 3 for trip in data["trips"])


@pytest.mark.django_db
def test_stops_move_by_form_and_the_change_is_taken_back(county, sign_in):
    plan = draft(county)
    hub, rows = sign_in("hub"), stops(plan)
    trip = max(plan.trips.all(), key=lambda each: each.stops.count())
    first, second = [stop for stop in rows if stop.trip_id == trip.pk][:2]
    order = [first.station_id, second.station_id]
    later = {"to_trip": trip.pk, "seq": 2, "by": "down", "seen": last_change(plan)}
    answer = hub.post(url("stop-move", first.pk), later)
    assert f"#trip-{trip.pk}" in answer["Location"]
    now = [stop.station_id for stop in stops(plan) if stop.trip_id == trip.pk][:2]
    assert now == order[::-1], said(hub, answer)
    assert "data-focus" in said(hub, answer)
    assert "人工调整过" in said(hub, answer)
    hub.post(url("plan-undo", plan.pk), {"seen": last_change(plan)})
    assert [stop.station_id for stop in stops(plan) if stop.trip_id == trip.pk][:2] == order
    assert PlanChange.objects.filter(undone=True).exists()


@pytest.mark.django_db
def test_a_stale_page_and_a_trip_of_another_plan_are_refused(county, sign_in):
    plan = draft(county)
    other = make_plan(county)
    hub, stop = sign_in("hub"), stops(plan)[0]
    address = url("stop-move", stop.pk)
    assert hub.get(address).status_code == 200
    stale = hub.post(address, {"to_trip": stop.trip_id, "seq": 1, "seen": last_change(plan) + 7})
    assert stale.status_code == 409
    assert hub.post(address, {"to_trip": other.trips.first().pk, "seq": 1}).status_code == 422
    for bad in ({"to_trip": "x", "seq": 1}, {"to_trip": stop.trip_id, "seq": "-3"}, {"seq": "9" * 40}, {}):
        assert hub.post(address, bad).status_code == 422
    assert not PlanChange.objects.exists()


@pytest.mark.django_db
def test_locks_and_a_new_order_by_form(county, sign_in):
    plan = draft(county)
    hub = sign_in("hub")
    stop = stops(plan)[0]
    hub.post(url("stop-lock", stop.pk), {"locked": "1", "seen": last_change(plan)})
    stop.refresh_from_db()
    assert stop.locked
    trip = stop.trip
    hub.post(url("trip-lock", trip.pk), {"locked": "1", "seen": last_change(plan)})
    trip.refresh_from_db()
    assert trip.locked
    ids = [each.pk for each in stops(plan) if each.trip_id == trip.pk]
    answer = hub.post(url("trip-reorder", trip.pk), {"stops": ",".join(map(str, ids[::-1])), "seen": ""})
    assert len(ids) < 2 or "已锁定" in said(hub, answer)
    for bad in ("", "1,x", "9" * 50, "1,,2"):
        assert hub.post(url("trip-reorder", trip.pk), {"stops": bad}).status_code == 302
    hub.post(url("trip-lock", trip.pk), {"locked": "0"})
    trip.refresh_from_db()
    assert not trip.locked


@pytest.mark.django_db
def test_reviewed_issued_once_and_then_unchangeable(county, sign_in, time_machine):
    time_machine.move_to(EVENING)
    plan = draft(county)
    hub = sign_in("hub")
    assert "请先审核" in said(hub, hub.post(url("plan-issue", plan.pk)))
    hub.post(url("plan-review", plan.pk), {"seen": last_change(plan)})
    page = hub.get(url("plan", plan.pk)).content.decode()
    assert "要下发这份计划吗" in page
    hub.post(url("plan-reopen", plan.pk))
    hub.post(url("plan-review", plan.pk))
    answers = [said(hub, hub.post(url("plan-issue", plan.pk))) for _time in range(2)]
    plan.refresh_from_db()
    assert plan.state == PlanState.ISSUED
    assert Trip.objects.filter(plan=plan, live=True).count() == plan.trips.count()
    assert "alert" in answers[1]
    stop = stops(plan)[0]
    assert hub.post(url("stop-move", stop.pk), {"to_trip": stop.trip_id, "seq": 1}).status_code == 409
    assert "锁定车次" not in hub.get(url("plan", plan.pk)).content.decode()


@pytest.mark.django_db
def test_two_versions_stand_side_by_side(county, sign_in):
    one = draft(county)
    two = make_plan(county, members=["YTO"])
    page = sign_in("hub").get(url("plan-compare", one.pk, two.pk)).content.decode()
    assert "两份计划对比" in page
    assert "9 件" in page


@pytest.mark.django_db
def test_thrown_away_and_planned_anew(county, sign_in):
    plan = draft(county)
    hub = sign_in("hub")
    again = hub.get(f"{url('plan-new')}?base={plan.pk}").content.decode()
    assert "的基础上重新计算" in again
    hub.post(url("plan-discard", plan.pk))
    plan.refresh_from_db()
    assert plan.state == PlanState.DISCARDED
    assert hub.get(url("plan", plan.pk)).status_code == 200


@pytest.mark.django_db
def test_wrong_roles_and_the_neighbour(county, neighbour, sign_in):
    plan = draft(county, 1)
    stop = stops(plan)[0]
    foreign = sign_in(neighbour.people["officer"])
    for address in (url("plan", plan.pk), url("plan-map", plan.pk), url("plan-compare", plan.pk, plan.pk)):
        assert foreign.get(address).status_code == 404
    for name, pk in (("plan-issue", plan.pk), ("plan-discard", plan.pk), ("stop-move", stop.pk)):
        assert foreign.post(url(name, pk)).status_code == 404
        assert sign_in("auditor").post(url(name, pk)).status_code == 403
    assert sign_in("auditor").get(url("plan", plan.pk)).status_code == 200
    assert "审核通过" not in sign_in("auditor").get(url("plan", plan.pk)).content.decode()
    assert sign_in("courier").get(url("plans")).status_code == 403
    assert sign_in("operator").get(url("plan", plan.pk)).status_code == 404
    assert sign_in("operator").post(url("plan-new"), asked()).status_code == 403


@pytest.mark.django_db
def test_the_page_of_a_plan_takes_a_handful_of_queries(county, sign_in, django_assert_max_num_queries):
    plan = draft(county)
    hub = sign_in("hub")
    with django_assert_max_num_queries(40):
        hub.get(url("plan", plan.pk))


def test_the_rest_of_an_issued_day_is_planned_anew(county: County, sign_in, time_machine):
    time_machine.move_to(NOW, tick=False)
    ready(county)
    at_hub(county, "o1", 3)
    plan = issued(county, make_plan(county))
    client = sign_in("hub")
    assert "重新计划当天剩余配送" in client.get(reverse("vehicles:plan", args=[plan.pk])).content.decode()
    answer = client.post(reverse("vehicles:plan-rest", args=[plan.pk]))
    made = Plan.objects.latest("pk")
    assert answer.url == reverse("vehicles:plan", args=[made.pk])
    assert (made.base_id, made.asked["anew"], made.version) == (plan.pk, True, plan.version + 1)
    draft = make_plan(county)
    answer = client.post(reverse("vehicles:plan-rest", args=[draft.pk]), follow=True)
    assert "只有正在执行的计划才能在途中重新计划" in answer.content.decode()
