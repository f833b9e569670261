"""A plan from asking to draft: reckoned in a worker, stopped, killed, checked; a trip or a reason for each."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from common.errors import Conflict, Refused
from common.models import Job
from common.services import run_waiting_jobs
from common.states import JobState
from orders.states import GoodsClass
from stations.models import Station
from tests.conftest import NOW, County
from tests.vehicles.people import (
    EVENING,
    TOMORROW,
    add_driver,
    add_vehicle,
    announced,
    ask,
    at_hub,
    collected,
    make_plan,
    ready,
)
from tests.vehicles.timetable import make_line
from vehicles import services
from vehicles.checker import check
from vehicles.figures import Figures
from vehicles.models import Plan, PlanParcel, Transition, Trip
from vehicles.queries.plans import compare, plan_page, plan_progress, plans_of
from vehicles.services import solving
from vehicles.services.snapshots import problem_of
from vehicles.services.tours import Tours
from vehicles.states import PlanState

MONDAY = TOMORROW + timedelta(days=2)


def run(at_attempt: int = 1) -> None:
    run_waiting_jobs(at=NOW + timedelta(hours=at_attempt))


def reasons(plan: Plan) -> dict[int, str]:
    return dict(plan.parcels.filter(trip__isnull=True).values_list("parcel_id", "reason"))


def sentences(plan: Plan) -> list[str]:
    return [row.sentence for row in plan_page(plan).left]


def test_every_parcel_has_a_trip_or_one_reason(county: County):
    ready(county, vans=2)
    carried = [
        *at_hub(county, "o1", 4),
        *at_hub(county, "o3", 2),
        *announced(county, "o2", 3),
        *collected(county, "o2"),
    ]
    (stranger,) = at_hub(county, "o1", carrier="JT")
    plan = make_plan(county)
    assert plan.state == PlanState.DRAFT, plan.job.message
    assert plan.version == 1
    assert plan.estimated
    assert set(plan.parcels.filter(trip__isnull=False).values_list("parcel_id", flat=True)) == {p.pk for p in carried}
    assert reasons(plan) == {stranger.pk: "ORG_SCOPE"}
    assert not plan.trips.filter(live=True).exists()
    assert plan.job.state == JobState.DONE
    assert plan.trace
    assert Transition.objects.filter(entity="plan", entity_id=plan.pk, to_state="draft").exists()
    assert "personal" not in plan.job.params
    assert set(plan.job.params) == {"plan", "language"}


def test_trips_stops_and_loads_agree(county: County):
    ready(county)
    at_hub(county, "o1", 4)
    collected(county, "o1", 2)
    at_hub(county, "o2", 3)
    plan = make_plan(county)
    (trip,) = plan.trips.all()
    assert re.fullmatch(r"T261121-FDH1-\d\d", trip.code)
    stops = list(trip.stops.order_by("seq"))
    assert [stop.seq for stop in stops] == [0, 1, 2, 3]
    assert {stop.station_id for stop in (stops[0], stops[-1])} == {county.h1.pk}
    assert (trip.load_pieces, trip.load_g, stops[0].on_board_pieces) == (7, 7000, 7)
    assert stops[-2].on_board_pieces == 2
    assert sum(stop.down_pieces for stop in stops) == 7
    assert sum(stop.up_pieces for stop in stops) == 2
    assert sum(stop.distance_m for stop in stops) == trip.distance_m > 0
    assert trip.starts_at < trip.departs_at < trip.ends_at < trip.busy_until
    assert trip.driver is not None
    assert all(stop.arrives_at <= stop.leaves_at for stop in stops)
    assert sum(trip.cost for trip in plan.trips.all()) == pytest.approx(plan.cost)
    figures = Figures.from_json(plan.figures)
    assert (figures.vehicle_days, figures.trips, figures.pieces, figures.estimated) == (1, 1, 9, True)
    assert figures.yuan == pytest.approx(plan.cost, abs=1)


def test_the_checker_has_passed_what_is_there(county: County):
    ready(county, vans=2)
    for outlet in ("o1", "o2", "o3"):
        at_hub(county, outlet, 5)
    plan = make_plan(county)
    snapshot = problem_of(plan)
    found = Tours.from_json(plan.incumbent).plan(snapshot.problem)
    report = check(snapshot.problem, found)
    assert report.ok, report.violations
    assert plan.digest


def test_trips_of_a_later_version_get_codes_of_their_own(county: County):
    ready(county)
    at_hub(county, "o1")
    first, second = make_plan(county), make_plan(county)
    assert second.version == 2
    codes = set(Trip.objects.values_list("code", flat=True))
    assert len(codes) == first.trips.count() + second.trips.count() == 2


def test_a_parcel_larger_than_every_vehicle(county: County):
    ready(county)
    (huge,) = at_hub(county, "o1", weight_g=900_000)
    (fine,) = at_hub(county, "o1")
    plan = make_plan(county)
    assert reasons(plan) == {huge.pk: "CAPACITY_WEIGHT"}
    assert plan.parcels.get(parcel=fine).trip_id
    assert any("100" in said for said in sentences(plan)), sentences(plan)


def test_no_cold_vehicle(county: County):
    ready(county)
    (fresh,) = at_hub(county, "o1", goods_class=GoodsClass.FRESH)
    plan = make_plan(county)
    assert reasons(plan) == {fresh.pk: "SKILL_COLD"}
    assert sentences(plan)


def test_a_stop_no_road_reaches(county: County):
    ready(county)
    Station.objects.filter(pk=county.o2.pk).update(lng=None, lat=None)
    (lost,) = at_hub(county, "o2")
    plan = make_plan(county)
    assert reasons(plan) == {lost.pk: "ROAD_CLOSED"}
    assert any(county.o2.name in said for said in sentences(plan)), sentences(plan)


def test_a_window_that_has_passed(county: County):
    ready(county)
    Station.objects.filter(pk=county.o1.pk).update(opening_hours="08:00-09:00")
    (late,) = at_hub(county, "o1")
    plan = make_plan(county, day=TOMORROW, at=EVENING + timedelta(hours=14))  # 10:00 on the day
    assert reasons(plan) == {late.pk: "TIME_WINDOW"}
    assert sentences(plan)


def test_a_bus_carries_what_it_is_cheaper_for_and_rests_on_a_holiday(county: County):
    ready(county)
    make_line(county)
    parcels = at_hub(county, "c1", 3)
    plan = make_plan(county, day=MONDAY)
    (trip,) = plan.trips.all()
    assert trip.departure is not None
    assert (trip.vehicle, trip.driver) == (None, None)
    assert trip.departs_at == trip.starts_at
    assert [stop.station_id for stop in trip.stops.order_by("seq")] == [county.h1.pk, county.c1.pk]
    assert plan.parcels.filter(trip=trip).count() == len(parcels)
    saturday = make_plan(county)
    assert [trip.departure_id for trip in saturday.trips.all()] == [None]


def test_where_only_a_bus_goes_and_it_rests_no_line_is_the_reason(county: County):
    ready(county)
    make_line(county)
    at_hub(county, "c1", 2)
    Station.objects.filter(pk=county.c1.pk).update(lng=None, lat=None)
    saturday = make_plan(county)
    assert set(reasons(saturday).values()) == {"NO_LINE"}
    assert any(county.c1.name in said for said in sentences(saturday))
    assert not reasons(make_plan(county, day=MONDAY))


def test_more_than_the_fleet_can_carry(county: County):
    ready(county)
    at_hub(county, "o1", 3, weight_g=700_000)
    at_hub(county, "o3", 3, weight_g=700_000)
    plan = make_plan(county)
    left = reasons(plan)
    assert left
    assert plan.parcels.count() == 6
    assert plan.trips.exists()
    assert all(sentences(plan))


def test_nothing_to_carry_is_an_empty_draft(county: County):
    ready(county)
    plan = make_plan(county)
    assert (plan.state, plan.trips.count(), plan.parcels.count()) == (PlanState.DRAFT, 0, 0)


def test_a_plan_that_can_t_be_made_says_why(county: County):
    ready(county)
    at_hub(county, "o1")
    Station.objects.filter(pk=county.h1.pk).update(lng=None, lat=None)
    plan = make_plan(county)
    assert plan.state == PlanState.DISCARDED
    assert plan.job.state == JobState.FAILED
    assert plan.job.result["code"] == "hub_not_on_map"
    assert plan.job.message


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"wave": "midnight"}, "unknown_wave"),
        ({"day": TOMORROW - timedelta(days=2)}, "day_passed"),
        ({"day": TOMORROW + timedelta(days=30)}, "day_far"),
        ({"seconds": 0}, "seconds_out_of_range"),
        ({"seconds": 601}, "seconds_out_of_range"),
        ({"members": ["NOBODY"]}, "unknown_member"),
    ],
)
def test_what_can_t_be_asked_for(county: County, change: dict[str, object], code: str):
    with pytest.raises(Refused) as refused:
        ask(county, **change)
    assert refused.value.code == code
    assert not Plan.objects.exists()


def test_a_base_of_another_day_is_refused(county: County):
    ready(county)
    base = make_plan(county)
    with pytest.raises(Refused) as refused:
        ask(county, day=MONDAY, base=base)
    assert refused.value.code == "other_base"


@pytest.mark.django_db(transaction=True)
def test_stopped_in_the_search_it_keeps_the_best(county: County, monkeypatch: pytest.MonkeyPatch):
    """The dispatcher asks while the search runs: the job's next look ends it, long before its ten minutes."""
    ready(county)
    at_hub(county, "o1", 3)
    plan = ask(county, seconds=600)
    look = solving._Watch.look
    once: list[bool] = []

    def asked(watch: solving._Watch) -> None:
        if watch.best is not None and not once:
            once.append(True)
            services.stop_plan(plan_id=plan.pk, by=county.people["hub"], at=NOW)
        look(watch)

    monkeypatch.setattr(solving._Watch, "look", asked)
    run()
    plan.refresh_from_db()
    assert plan.state == PlanState.DRAFT
    assert plan.trips.exists()
    assert plan.job.state == JobState.DONE


def test_stopped_before_it_began_it_is_thrown_away(county: County):
    ready(county)
    plan = services.stop_plan(plan_id=ask(county).pk, by=county.people["officer"], at=NOW)
    assert plan.state == PlanState.DISCARDED
    assert Job.objects.get().state == JobState.CANCELLED
    with pytest.raises(Conflict) as again:
        services.stop_plan(plan_id=plan.pk, by=county.people["officer"], at=NOW)
    assert again.value.code == "not_solving"


class Killed(BaseException):
    """As a worker's end: nothing catches it."""


def kill_in_search(county: County, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker dies in mid-search, after it has stored its best so far."""
    solve = solving.solve

    def dying(problem, **more):
        solve(problem, **{**more, "seconds": 0.5})
        raise Killed

    monkeypatch.setattr(solving, "STORE_S", 0.0)
    monkeypatch.setattr(solving, "solve", dying)
    with pytest.raises(Killed):
        run()
    monkeypatch.setattr(solving, "solve", solve)


def test_killed_in_mid_search_it_is_taken_over_from_its_best(county: County, monkeypatch: pytest.MonkeyPatch):
    ready(county, vans=2)
    for outlet in ("o1", "o2", "o3"):
        at_hub(county, outlet, 3)
    plan = ask(county)
    kill_in_search(county, plan, monkeypatch)
    plan.refresh_from_db()
    assert plan.state == PlanState.SOLVING
    assert plan.incumbent["routes"]
    assert not plan.trips.exists()
    assert not plan.parcels.exists()  # nothing half-written
    at_hub(county, "o1", 2)  # came since: the next version's
    warm: list[object] = []
    solve = solving.solve
    monkeypatch.setattr(solving, "solve", lambda problem, **more: warm.append(more["warm"]) or solve(problem, **more))
    Job.objects.update(lease_until=NOW)
    run(2)
    plan.refresh_from_db()
    assert plan.state == PlanState.DRAFT, plan.job.message
    assert warm[0] is not None
    assert plan.job.attempts == 2
    assert plan.parcels.count() == 9
    assert plan.parcels.filter(trip__isnull=False).count() == 9


def test_killed_for_good_the_best_so_far_can_still_be_had(county: County, monkeypatch: pytest.MonkeyPatch):
    ready(county)
    at_hub(county, "o1", 3)
    plan = ask(county)
    kill_in_search(county, plan, monkeypatch)
    Job.objects.update(state=JobState.FAILED)
    assert plan_progress(Plan.objects.get(pk=plan.pk), EVENING).gone
    plan = services.stop_plan(plan_id=plan.pk, by=county.people["hub"], at=EVENING)
    assert plan.state == PlanState.DRAFT
    assert plan.parcels.filter(trip__isnull=False).count() == 3


def test_run_again_after_it_is_there_it_does_nothing(county: County):
    ready(county)
    at_hub(county, "o1")
    plan = make_plan(county)
    Job.objects.update(state=JobState.WAITING)
    run(2)
    assert plan.trips.count() == 1
    assert Job.objects.get().state == JobState.DONE


def test_a_plan_with_a_fault_is_never_shown(county: County, monkeypatch: pytest.MonkeyPatch):
    """Should the search ever be wrong: the checker's word counts."""
    ready(county)
    at_hub(county, "o1", 3)
    solve = solving.solve

    def wrong(problem, **more):
        solved = solve(problem, **{**more, "on_better": None})
        route = solved.plan.routes[0]
        late = type(route.trips[0])(route.trips[0].depart - 60, route.trips[0].visits, route.trips[0].back)
        plan = type(solved.plan)((type(route)(route.vehicle, (late,)),), solved.plan.cost)
        return type(solved)(plan, solved.trace, solved.iterations, False)

    monkeypatch.setattr(solving, "solve", wrong)
    plan = make_plan(county)
    assert plan.state == PlanState.DISCARDED
    assert not plan.trips.exists()
    assert plan.job.result["code"] == "plan_is_wrong"
    assert plan.job.result["violations"][0]["code"] == "travel_time"


def test_whoever_lost_the_right_makes_no_plan(county: County):
    ready(county)
    at_hub(county, "o1")
    plan = ask(county)
    county.people["hub"].memberships.update(ended_at=NOW - timedelta(days=1))
    run()
    plan.refresh_from_db()
    assert plan.job.state == JobState.FAILED
    assert not plan.trips.exists()


def test_thrown_away_while_it_runs_it_stays_so(county: County, monkeypatch: pytest.MonkeyPatch):
    ready(county)
    at_hub(county, "o1")
    plan = ask(county)
    solve = solving.solve

    def meanwhile(problem, **more):
        services.discard_plan(plan_id=plan.pk, by=county.people["hub"], at=NOW)
        return solve(problem, **more)

    monkeypatch.setattr(solving, "solve", meanwhile)
    run()
    plan.refresh_from_db()
    assert plan.state == PlanState.DISCARDED
    assert not plan.trips.exists()


def test_the_database_wants_a_trip_or_a_reason(county: County):
    ready(county)
    at_hub(county, "o1")
    plan = make_plan(county)
    row = plan.parcels.get()
    for change in ({"trip": None}, {"reason": "ROAD_CLOSED"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PlanParcel.objects.filter(pk=row.pk).update(**change)


def test_locked_trips_and_stops_survive_planning_anew(county: County):
    ready(county, vans=2)
    for outlet in ("o1", "o2", "o3"):
        at_hub(county, outlet, 3)
    base = make_plan(county)
    by = county.people["hub"]
    trips = list(base.trips.order_by("seq"))
    services.lock_trip(trip_id=trips[0].pk, locked=True, by=by, at=EVENING)
    parcels = set(trips[0].parcels.values_list("parcel_id", flat=True))
    at_hub(county, "o1", 2)
    again = make_plan(county, base=base)
    kept = again.trips.get(locked=True)
    assert (kept.vehicle_id, kept.departs_at) == (trips[0].vehicle_id, trips[0].departs_at)
    assert set(kept.parcels.values_list("parcel_id", flat=True)) == parcels
    assert again.parcels.filter(trip__isnull=False).count() == 11
    assert kept.code != trips[0].code
    others = again.trips.exclude(pk=kept.pk).filter(vehicle=kept.vehicle_id)
    assert all(t.starts_at >= kept.busy_until or t.busy_until <= kept.starts_at for t in others)


def test_a_locked_stop_stays_with_its_vehicle(county: County):
    ready(county, vans=2)
    for outlet in ("o1", "o3"):
        at_hub(county, outlet, 3)
    base = make_plan(county)
    by = county.people["hub"]
    stop = base.trips.first().stops.get(seq=1)
    services.lock_stop(stop_id=stop.pk, locked=True, by=by, at=EVENING)
    vehicle = stop.trip.vehicle_id
    again = make_plan(county, base=base)
    rows = again.parcels.filter(station=stop.station)
    assert {row.trip.vehicle_id for row in rows} == {vehicle}
    assert again.trips.get(stops__locked=True).vehicle_id == vehicle


def test_a_locked_trip_whose_van_is_in_repair_is_said(county: County):
    vans = ready(county)
    at_hub(county, "o1")
    base = make_plan(county)
    services.lock_trip(trip_id=base.trips.get().pk, locked=True, by=county.people["hub"], at=EVENING)
    services.set_vehicle_state(vehicle_id=vans[0].pk, to="repair", reason="轮胎", by=county.people["hub"], at=EVENING)
    plan = make_plan(county, base=base)
    assert plan.state == PlanState.DISCARDED
    assert plan.job.result["code"] == "locked_trip_off"
    assert vans[0].plate in plan.job.message


def test_compare_two_versions(county: County):
    ready(county)
    parcels = at_hub(county, "o1", 3)
    one = make_plan(county)
    (late,) = at_hub(county, "o2")
    other = make_plan(county)
    found = compare(one, other)
    assert (found.same_parcels, found.only_other, found.only_one) == (len(parcels), 1, 0)
    assert late.pk
    assert [f.pieces for f in found.figures] == [3, 4]
    assert found.moved == []


def test_the_page_costs_few_queries(county: County, django_assert_max_num_queries):
    ready(county, vans=2)
    for outlet in ("o1", "o2", "o3"):
        at_hub(county, outlet, 3)
    plan = make_plan(county)
    with django_assert_max_num_queries(10):
        page = plan_page(plan)
        assert [len(trip.stop_rows) for trip in page.trips]
    assert (page.carried, page.in_scope, page.left_count) == (9, 9, 0)


def test_plans_are_the_hub_s_and_the_county_s(county: County, neighbour: County):
    ready(county)
    at_hub(county, "o1")
    plan = make_plan(county)
    span = {"hub": county.h1, "first": TOMORROW, "last": TOMORROW}
    assert list(plans_of(county.people["hub"], **span)) == [plan]
    assert list(plans_of(county.people["officer"], **span)) == [plan]
    for who in (county.people["operator"], county.people["courier"], neighbour.people["officer"]):
        assert not plans_of(who, **span)


def test_the_search_stands_in_no_transaction(county: County, monkeypatch: pytest.MonkeyPatch):
    """The job itself opens none; pytest's own is the only one there is."""
    ready(county)
    at_hub(county, "o1")
    depth: list[int] = []
    before = len(connection.savepoint_ids)
    solve = solving.solve
    monkeypatch.setattr(
        solving, "solve", lambda problem, **more: depth.append(len(connection.savepoint_ids)) or solve(problem, **more)
    )
    make_plan(county)
    assert depth == [before]


def test_another_wave_s_trips_keep_their_van_and_their_parcels(county: County):
    ready(county)
    at_hub(county, "o1", 2)
    morning = make_plan(county, wave="morning")
    services.review_plan(plan_id=morning.pk, by=county.people["hub"], at=EVENING)
    services.issue_plan(plan_id=morning.pk, by=county.people["hub"], at=EVENING)
    (late,) = at_hub(county, "o2")
    noon = make_plan(county, wave="noon")
    assert [row.parcel_id for row in noon.parcels.all()] == [late.pk]
    busy = morning.trips.get().busy_until
    assert noon.trips.get().starts_at >= busy


def test_a_second_van_without_a_driver_is_not_used(county: County):
    ready(county)
    add_vehicle(county, "渝F10009")
    at_hub(county, "o1")
    plan = make_plan(county)
    assert plan.trips.get().vehicle.plate == "渝F10001"
    add_driver(county, "another")
    assert make_plan(county).state == PlanState.DRAFT
