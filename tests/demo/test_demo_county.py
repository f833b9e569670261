"""The made-up county: the same dice each time, loaded once, never over a person's edits."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from common.models import Job
from common.states import JobState
from demo import network, services, tasks
from demo.simulate import simulate
from orders.codes import waybill_fault
from orders.models import Parcel
from reports.models import Report
from settlement.models import Line
from stations.models import Membership, Region, Station
from stations.states import StationLevel
from tracking.models import ScanEvent, SetAside, Upload

ANCHOR = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)  # four in the afternoon


@pytest.fixture(scope="module")
def plans():
    return network.stations(network.divisions(), services.SEED)


def days(plans, anchor=ANCHOR, **more):
    values = {"days": 4, "per_day": 60, "seed": 7, **more}
    return simulate(network.network(plans, services.SEED), anchor=anchor, **values)


def events(made) -> dict[str, dict]:
    return {event["event_id"]: event for day in made for upload in day.uploads for event in upload.events}


def test_the_same_dice_fall_the_same_way(plans):
    assert days(plans) == days(plans)
    assert events(days(plans)) != events(days(plans, seed=8))


def test_a_later_anchor_only_adds(plans):
    early, late = events(days(plans)), events(days(plans, anchor=ANCHOR + timedelta(hours=5)))
    assert len(late) > len(early)
    assert early.items() <= late.items()


def test_nothing_happens_after_the_anchor(plans):
    made = days(plans)
    assert all(upload.received_at <= ANCHOR for day in made for upload in day.uploads)


def test_waybills_have_their_carriers_form(plans):
    announced = [a for day in days(plans) for a in day.announcements]
    assert all(waybill_fault(a.carrier, a.waybill_no) == "" for a in announced)
    assert len({a.carrier for a in announced}) > 5


def test_outlets_stand_in_about_nine_villages_of_ten(plans):
    villages = sum(row["level"] == "village" for row in network.divisions())
    outlets = sum(plan.level == StationLevel.OUTLET for plan in plans)
    assert 0.87 <= outlets / villages <= 0.93


@pytest.mark.slow
@pytest.mark.django_db
def test_it_loads_once_and_leaves_edits_alone(monkeypatch, known_carriers, plans):
    monkeypatch.setattr(services, "PER_DAY", 60)
    monkeypatch.setattr(services, "DAYS", 5)
    said: list[str] = []
    job = services.start_demo(at=ANCHOR, say=said.append)
    assert job is not None
    assert len(said) == 1 + services.FIRST_DAYS
    assert Region.objects.filter(county_code=network.COUNTY).count() == 369
    assert Station.objects.filter(level=StationLevel.CENTRE).count() == 30
    assert {m.role for m in Membership.objects.all()} >= {"station_operator", "county_officer", "auditor", "carrier"}
    loaded = Parcel.objects.count()
    assert loaded > 100
    assert Report.objects.exists()

    outlet = Station.objects.filter(level=StationLevel.OUTLET).first()
    Station.objects.filter(pk=outlet.pk).update(contact_name="改过的")
    assert services.start_demo(at=ANCHOR + timedelta(days=1), say=said.append) is None
    assert not services.build_county(at=ANCHOR)
    outlet.refresh_from_db()
    assert outlet.contact_name == "改过的"

    steps: list[tuple[int, int, str]] = []
    services.load_history(anchor=ANCHOR, step=lambda *step: steps.append(step))
    assert steps[-1][0] == steps[-1][1] == 2
    stored = ScanEvent.objects.count()
    assert Parcel.objects.count() > loaded
    assert not Upload.objects.filter(folded_at=None).exists()
    states = Counter(Parcel.objects.values_list("state", flat=True))
    assert states["delivered"] > states["at_outlet"] > 0
    assert Line.objects.exists()

    services.load_history(anchor=ANCHOR, step=lambda *step: None)  # broken off and begun anew
    assert ScanEvent.objects.count() == stored
    assert not SetAside.objects.exists(), "no conflict, nothing invalid"


def test_the_job_of_the_history_is_registered():
    from common.services import KINDS

    assert KINDS[services.JOB_KIND] is tasks.load_history
    assert Job(state=JobState.DONE).is_open is False
