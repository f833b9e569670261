"""The made-up county: the same dice each time, loaded once, never over a person's edits."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from common import clock
from common.models import Job
from common.states import JobState
from demo import network, odd, services, tasks
from demo import simulate as simulation
from demo.simulate import simulate
from orders.codes import waybill_fault
from orders.models import Parcel
from reports.models import Report
from settlement.models import Line
from stations.models import Membership, Region, Station
from stations.scope import scope_of
from stations.states import StationLevel
from tracking.attention_queries import ASIDE, ODD, Kind, Window, findings, grounds, set_asides_of
from tracking.models import Dismissal, Photo, ScanEvent, SetAside, Upload
from tracking.states import Node
from vehicles.models import TransitLine
from vehicles.queries.lines import township_cover

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


def test_scans_are_numbered_without_holes_but_for_the_handheld_that_holds_some(plans):
    made = days(plans, days=6, per_day=1500)
    sent = defaultdict(set)
    for day in made[-simulation.NEWEST :]:
        for upload in day.uploads:
            sent[upload.station] |= {event["seq"] for event in upload.events}
    odd_ones = odd.odd_handhelds(network.network(plans, services.SEED), made[-1].day)
    late = {station for station, seqs in sent.items() if seqs != set(range(1, max(seqs) + 1))}
    assert odd_ones.holds_back in late
    assert len(late) < 12, "the others' scans of the last hours may still be on their way"
    assert not any("seq" in event for upload in made[0].uploads for event in upload.events)
    heard = [upload.received_at for day in made for upload in day.uploads if upload.station == odd_ones.silent]
    assert max(heard) < ANCHOR - timedelta(days=3)


def test_each_batch_has_an_id_of_its_own(plans):
    ids = [upload.batch_id for day in days(plans) for upload in day.uploads]
    assert len(ids) == len(set(ids))


def test_days_nobody_asked_for_come_without_uploads(plans):
    some = days(plans, wanted=range(1, 3))
    assert [bool(day.uploads) for day in some] == [False, True, True, False]
    assert some[1:3] == days(plans)[1:3]


def test_a_bag_travels_for_its_parcels(plans):
    made = list(events(days(plans, per_day=400)).values())
    of_bag = {(e["type"], e["bag"]) for e in made if e.get("bag") and "waybill_no" not in e}
    inside = {(e["type"], e["bag"]) for e in made if e.get("bag") and "waybill_no" in e}
    assert {kind for kind, _bag in of_bag} == {"LOADED", "UNLOADED"}
    assert {kind for kind, _bag in inside} == {"BAGGED", "UNBAGGED"}
    assert {bag for _kind, bag in of_bag} == {bag for _kind, bag in inside}
    by_bag = defaultdict(list)
    for e in sorted((e for e in made if e.get("bag")), key=lambda e: e["occurred_at"]):
        by_bag[e["bag"]].append(e["type"])
    order = ["BAGGED", "LOADED", "UNLOADED", "UNBAGGED"]
    assert all(sorted(types, key=order.index) == types for types in by_bag.values())


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
def test_it_loads_once_and_leaves_edits_alone(monkeypatch, known_carriers, plans, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
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
    assert TransitLine.objects.count() == 14
    cover = township_cover(county_code=network.COUNTY, day=ANCHOR.date())
    assert (len(cover.covered), cover.total) == (24, 30)

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
    for day in services._simulated(ANCHOR, range(services.DAYS - services.FIRST_DAYS, services.DAYS)):
        services.load_day(day)
    assert ScanEvent.objects.count() == stored
    assert Counter(SetAside.objects.values_list("verdict", flat=True)) == {"conflict": 2, "invalid": 6}
    assert Dismissal.objects.count() == 2


@pytest.mark.slow
@pytest.mark.django_db
def test_each_kind_of_attention_appears_a_few_times(monkeypatch, known_carriers, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(services, "PER_DAY", 250)
    monkeypatch.setattr(services, "DAYS", 3)
    services.start_demo(at=ANCHOR, say=lambda _text: None)

    officer, hub, outlet = (User.objects.get(username=name) for name in ("county", "hub", "outlet"))
    window = Window(ANCHOR - timedelta(days=7), clock.now() + timedelta(days=1), ANCHOR)
    where = grounds(scope_of(officer, "attention.read"))
    found = {kind: len(findings(kind, where, window)) for kind in Kind if kind not in ASIDE}
    found |= {kind: set_asides_of(hub, kind).count() for kind in ASIDE}
    assert found.pop(Kind.FAILED) == 0, "nothing breaks the fold"
    assert all(1 <= number <= 20 for number in found.values()), found
    assert 30 < sum(found.values()) < 150
    own = grounds(scope_of(outlet, "attention.read"))
    mine = {kind: len(findings(kind, own, window)) for kind in ODD}
    assert 1 <= sum(mine.values()) <= 8, mine

    taken_back = ScanEvent.objects.filter(type=Node.CORRECTION, device=None, actor=outlet)
    assert [scan.reason for scan in taken_back] == ["清点货架时误扫，件已被取走"]
    bagged = ScanEvent.objects.filter(type=Node.UNBAGGED).values("waybill_no")
    lines = Line.objects.filter(parcel_id__in=Parcel.objects.filter(waybill_no__in=bagged).values("pk"))
    assert lines.exists()
    for line in lines:
        types = set(ScanEvent.objects.filter(event_id__in=line.evidence).values_list("type", flat=True))
        assert {"HUB_IN", "OUTLET_IN"} < types, "arrival and delivery are the parcel's own scans"
    photos = ScanEvent.objects.filter(photo_sha256__isnull=False)
    whole = Photo.objects.filter(completed_at__isnull=False).count()
    assert 0 < whole < photos.count()
    assert ScanEvent.objects.filter(untrusted=True).exists()
    assert ScanEvent.objects.filter(skewed=True, untrusted=False).exists()


def test_the_job_of_the_history_is_registered():
    from common.services import KINDS

    assert KINDS[services.JOB_KIND] is tasks.load_history
    assert Job(state=JobState.DONE).is_open is False
