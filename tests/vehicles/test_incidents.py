"""An incident from the report to the open road: by whom, how often, on which road."""

import threading
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection

from common.errors import Conflict, Refused
from tests.conftest import COUNTY, NEIGHBOUR, NOW, County
from tests.vehicles.roads import SPOTS, make_roads
from vehicles.graph import MODES, Reach
from vehicles.models import RoadIncident, Transition
from vehicles.services import incidents as service
from vehicles.services.matrices import matrices

NEAR_O1 = {"lng": 107.7901, "lat": 29.8852}
ONE = UUID("01939c2e-0000-7000-8000-000000000001")


def report(**more: object) -> RoadIncident:
    values = {"county_code": COUNTY, "kind": "landslide", "effect": "closed", "at": NOW, **NEAR_O1, **more}
    return service.report_incident(**values)  # type: ignore[arg-type]


def reach_of_o1() -> int:
    return int(matrices(county_code=COUNTY, points=list(SPOTS.values()), modes=[MODES["van"]], at=NOW)[0].reach[2])


def test_a_report_finds_its_road_and_closes_nothing_yet(county: County) -> None:
    make_roads(county)
    incident = report()
    assert incident.segment
    assert (incident.segment.name, incident.responsible, incident.state) == ("大池路", "township", "reported")
    assert reach_of_o1() == Reach.ON_ROAD


def test_the_whole_way_of_an_incident(county: County) -> None:
    make_roads(county)
    officer = county.people["officer"]
    incident = report()
    service.confirm_incident(incident=incident, by=officer, at=NOW)
    assert reach_of_o1() == Reach.CLOSED
    service.assign_incident(incident=incident, level="village", by=officer, at=NOW, reason="村里先清")
    service.assign_incident(incident=incident, level="county", by=officer, at=NOW)
    assert incident.responsible == "county"
    assert reach_of_o1() == Reach.CLOSED
    service.reopen_incident(incident=incident, by=officer, at=NOW)
    assert (incident.state, incident.ended_at) == ("reopened", NOW)
    assert reach_of_o1() == Reach.ON_ROAD
    steps = Transition.objects.filter(entity="incident", entity_id=incident.pk).order_by("id")
    assert [step.to_state for step in steps] == ["confirmed", "assigned", "assigned", "reopened"]


def test_what_has_ended_stays_ended(county: County) -> None:
    make_roads(county)
    officer = county.people["officer"]
    incident = report()
    with pytest.raises(Refused):
        service.reject_incident(incident=incident, by=officer, at=NOW, reason="  ")
    service.reject_incident(incident=incident, by=officer, at=NOW, reason="路是通的")
    for act in (
        lambda: service.confirm_incident(incident=incident, by=officer, at=NOW),
        lambda: service.assign_incident(incident=incident, level="county", by=officer, at=NOW),
        lambda: service.reopen_incident(incident=incident, by=officer, at=NOW),
        lambda: service.reject_incident(incident=incident, by=officer, at=NOW, reason="again"),
    ):
        with pytest.raises(Conflict):
            act()
    assert reach_of_o1() == Reach.ON_ROAD


def test_a_mere_report_is_neither_assigned_nor_reopened(county: County) -> None:
    make_roads(county)
    incident = report()
    with pytest.raises(Conflict):
        service.assign_incident(incident=incident, level="county", by=county.people["officer"], at=NOW)
    with pytest.raises(Conflict):
        service.reopen_incident(incident=incident, by=county.people["officer"], at=NOW)


def test_sent_twice_it_is_one(county: County) -> None:
    make_roads(county)
    assert report(client_id=ONE).pk == report(client_id=ONE, effect="slowed").pk
    assert RoadIncident.objects.count() == 1
    with pytest.raises(Conflict):  # another county's number tells nothing
        report(client_id=ONE, county_code=NEIGHBOUR)


def test_a_station_stands_for_the_place(county: County) -> None:
    make_roads(county)
    incident = report(lng=None, lat=None, station=county.o3)
    assert (incident.lng, incident.lat) == SPOTS["o3"]
    assert incident.segment
    assert incident.segment.name == "明月路"


def test_where_no_road_is_near_somebody_chooses_one(county: County, neighbour: County) -> None:
    edition = make_roads(county)
    officer = county.people["officer"]
    incident = report(lng=108.4, lat=30.2)
    assert incident.segment is None
    with pytest.raises(Refused) as refused:
        service.confirm_incident(incident=incident, by=officer, at=NOW)
    assert refused.value.code == "no_road"
    segment = edition.segments.get(name="同德路")
    service.confirm_incident(
        incident=incident, by=officer, at=NOW, segment=segment, effect="slowed", slow_factor=Decimal(4)
    )
    incident.refresh_from_db()
    assert (incident.segment, incident.way, incident.effect) == (segment, segment.way, "slowed")
    assert incident.slow_factor == 4


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"lng": None, "lat": None}, "no_place"),
        ({"lng": 200.0, "lat": 29.0}, "off_earth"),
        ({"kind": "dragon"}, "bad_kind"),
        ({"effect": "flying"}, "bad_kind"),
    ],
)
def test_what_says_nothing_is_refused(county: County, more: dict[str, object], code: str) -> None:
    with pytest.raises(Refused) as refused:
        report(**more)
    assert refused.value.code == code


def test_another_countys_station_is_refused(county: County, neighbour: County) -> None:
    with pytest.raises(Refused) as refused:
        report(station=neighbour.no)
    assert refused.value.code == "other_county"


def test_a_county_without_roads_takes_reports_too(county: County) -> None:
    assert report().segment is None


@pytest.mark.django_db(transaction=True)
def test_two_who_decide_at_once(county: County) -> None:
    make_roads(county)
    incident = report()
    officer = county.people["officer"]
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def decide(act) -> None:
        mine = RoadIncident.objects.get(pk=incident.pk)
        gate.wait()
        try:
            act(mine)
            outcomes.append("moved")
        except Conflict as conflict:
            outcomes.append(conflict.code)
        finally:
            connection.close()

    acts = (
        lambda row: service.confirm_incident(incident=row, by=officer, at=NOW),
        lambda row: service.confirm_incident(incident=row, by=county.people["township"], at=NOW),
    )
    threads = [threading.Thread(target=decide, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["moved", "state_changed"]
    assert Transition.objects.filter(entity="incident", entity_id=incident.pk).count() == 1
