"""A station's life: each step once, by those who may, with its reason; the last hub stays."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEntry
from common.errors import Conflict, Refused
from stations.models import Station, StationTransition
from stations.services import move_station
from stations.states import TRANSITIONS, StationLevel, StationState
from tests.conftest import NOW, make_station

pytestmark = pytest.mark.django_db
S = StationState


def move_page(station: Station) -> str:
    return reverse("stations:station-move", args=[station.pk])


def move(station: Station, to_state: str, reason: str = "屋顶漏水") -> Station:
    return move_station(station_id=station.pk, to_state=to_state, by=None, reason=reason, at=NOW)


def test_a_step_is_taken_with_its_trace(sign_in, county):
    response = sign_in("officer").post(move_page(county.o1), {"to_state": "suspended", "reason": "屋顶漏水"})
    assert response.status_code == 302
    assert Station.objects.get(pk=county.o1.pk).state == S.SUSPENDED
    step = StationTransition.objects.get(station=county.o1)
    assert (step.from_state, step.to_state, step.reason, step.actor) == (
        "active", "suspended", "屋顶漏水", county.people["officer"],
    )  # fmt: skip
    entry = AuditEntry.objects.get(action="station.moved")
    assert (entry.before, entry.after, entry.reason) == ({"state": "active"}, {"state": "suspended"}, "屋顶漏水")


def test_the_whole_way_from_proposed_to_active(county):
    station = make_station("FD-O9", "新点", StationLevel.OUTLET, county.regions["v2"], county.c1, state=S.PROPOSED)
    for state in (S.PUBLICISED, S.APPROVED, S.BUILDING, S.RECTIFYING, S.ACCEPTED, S.ACTIVE):
        move(station, state)
    steps = StationTransition.objects.filter(station=station).order_by("pk")
    assert [step.to_state for step in steps] == [
        "publicised", "approved", "building", "rectifying", "accepted", "active",
    ]  # fmt: skip


def test_only_the_steps_of_its_life_are_possible(county):
    station = make_station("FD-O9", "新点", StationLevel.OUTLET, county.regions["v2"], county.c1)
    for state, following in TRANSITIONS.items():
        for target in set(S) - following:
            Station.objects.filter(pk=station.pk).update(state=state)
            with pytest.raises(Conflict) as refusal:
                move(station, target)
            assert refusal.value.code == "not_possible_now"
            assert "新点" in str(refusal.value.message)
    assert not StationTransition.objects.filter(station=station).exists()


def test_the_same_step_twice_is_taken_once(county):
    move(county.o1, S.SUSPENDED)
    with pytest.raises(Conflict):
        move(county.o1, S.SUSPENDED)
    assert StationTransition.objects.filter(station=county.o1).count() == 1


def test_a_hard_step_needs_its_reason(sign_in, county):
    with pytest.raises(Refused) as refusal:
        move(county.o1, S.SUSPENDED, reason=" \u200b ")
    assert (refusal.value.code, refusal.value.pointer) == ("reason_needed", "/reason")
    response = sign_in("officer").post(move_page(county.o1), {"to_state": "suspended", "reason": ""})
    assert response.status_code == 422
    assert "reason" in response.context["form"].errors


def test_an_unknown_state_is_refused(sign_in, county):
    with pytest.raises(Refused) as refusal:
        move(county.o1, "asleep")
    assert refusal.value.code == "unknown_state"
    assert sign_in("officer").post(move_page(county.o1), {"to_state": "asleep"}).status_code == 422
    assert sign_in("officer").post(move_page(county.o1), {"to_state": "closed", "reason": "x"}).status_code == 422


def test_the_last_active_hub_stays_while_stations_need_it(county):
    with pytest.raises(Refused) as refusal:
        move(county.h1, S.SUSPENDED)
    assert refusal.value.code == "last_hub"
    assert "5" in str(refusal.value.message)
    second = make_station("FD-H2", "二号中心", StationLevel.HUB, county.regions["county"], None)
    move(county.h1, S.SUSPENDED)
    with pytest.raises(Refused):
        move(second, S.SUSPENDED)


def test_who_may(sign_in, county, neighbour):
    body = {"to_state": "suspended", "reason": "x"}
    for who in ("operator", "auditor", "carrier", "clerk", "support", "courier"):
        assert sign_in(who).post(move_page(county.o1), body).status_code == 403
    assert sign_in("township").post(move_page(county.o3), body).status_code == 404
    assert sign_in(neighbour.people["officer"]).post(move_page(county.o1), body).status_code == 404
    assert sign_in("township").post(move_page(county.o1), body).status_code == 302


def race(*steps: tuple[Station, str]) -> list[str]:
    """Take all steps at the same moment in threads; the answers, sorted."""
    gate, answers = threading.Barrier(len(steps)), []

    def run(station: Station, to_state: str) -> None:
        try:
            gate.wait()
            move(station, to_state)
            answers.append("moved")
        except Refused as refusal:
            answers.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=step) for step in steps]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sorted(answers)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_moves(county):
    assert race((county.o1, S.SUSPENDED), (county.o1, S.SUSPENDED)) == ["moved", "not_possible_now"]
    assert StationTransition.objects.filter(station=county.o1).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_hubs_cannot_both_leave_at_once(county):
    second = make_station("FD-H2", "二号中心", StationLevel.HUB, county.regions["county"], None)
    assert race((county.h1, S.SUSPENDED), (second, S.SUSPENDED)) == ["last_hub", "moved"]
