"""Trying again what was set aside: with its own times and sender, once, under the rights of the person who asks."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

import tracking.tasks  # noqa: F401  # registers the job
from accounts.models import AuditEntry
from common.models import Job
from common.services import run_waiting_jobs
from stations.models import Organisation
from stations.states import OrganisationKind
from tests.conftest import NOW, County, make_device, make_parcel
from tests.tracking.scans import fold, parcel, record, scan
from tracking import services
from tracking.models import ScanEvent, SetAside
from tracking.services import replay as replays

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def device(county: County):
    return make_device(county.o1, county.people["operator"])


def unknown_carrier(device, at=NOW, **more) -> SetAside:
    """A scan of a carrier nobody knows yet, from a handheld whose clock is an hour behind."""
    made = at - HOUR - timedelta(minutes=5)
    event = scan("OUTLET_IN", "FD-O1", made, carrier="NEWEX", waybill_no="NX0000000001", **more)
    record(device, event, at=at, device_now=at - HOUR)
    return SetAside.objects.latest("id")


def known_by_now() -> None:
    Organisation.objects.create(code="NEWEX", name="新快递", kind=OrganisationKind.CARRIER)


def test_what_is_known_by_now_is_used_with_the_times_it_had(county, device, sign_in):
    row = unknown_carrier(device)
    operator = sign_in("operator")
    assert operator.post(f"/attention/aside/{row.pk}/again/").status_code == 302
    row.refresh_from_db()
    assert row.closed_at is None, "still not known: it stays, and nothing was written"
    assert SetAside.objects.count() == 1
    assert not ScanEvent.objects.exists()
    known_by_now()
    page = operator.post(f"/attention/aside/{row.pk}/again/", follow=True)
    assert page.status_code == 200
    event = ScanEvent.objects.get()
    assert (event.received_at, event.skewed, event.device_id) == (NOW, True, device.pk)
    assert event.effective_at == NOW - timedelta(minutes=5), "the clock's offset of that moment"
    assert event.actor_id == device.user_id
    row.refresh_from_db()
    assert (row.close_reason, row.closed_by) == ("replayed", county.people["operator"])
    assert AuditEntry.objects.get(action="set_aside.replay").entity_id == str(row.pk)
    assert parcel("NX0000000001", "NEWEX").state == "at_outlet"


def test_twice_is_harmless(county, device):
    row = unknown_carrier(device)
    known_by_now()
    hub = county.people["hub"]
    first = replays.replay(user=hub, set_aside_id=row.pk, at=NOW + HOUR)
    second = replays.replay(user=hub, set_aside_id=row.pk, at=NOW + HOUR)
    assert first.done
    assert second.done
    assert ScanEvent.objects.count() == 1
    assert AuditEntry.objects.filter(action="set_aside.replay").count() == 1


def test_sent_again_meanwhile_it_is_a_duplicate(county, device):
    row = unknown_carrier(device)
    known_by_now()
    sent = scan("OUTLET_IN", "FD-O1", carrier="NEWEX", waybill_no="NX0000000001", event_id=row.event_id)
    sent["occurred_at"] = (NOW - HOUR - timedelta(minutes=5)).isoformat()
    assert record(device, sent).accepted == 1
    assert replays.replay(user=county.people["hub"], set_aside_id=row.pk, at=NOW + HOUR).done
    assert ScanEvent.objects.count() == 1
    row.refresh_from_db()
    assert row.close_reason == "replayed"


def test_an_id_taken_by_another_scan_stays_aside(county, device):
    row = unknown_carrier(device)
    known_by_now()
    record(device, scan("HELD", "FD-O1", event_id=row.event_id))
    tried = replays.replay(user=county.people["hub"], set_aside_id=row.pk, at=NOW + HOUR)
    assert not tried.done
    assert tried.sentence
    assert SetAside.objects.get().closed_at is None


@pytest.mark.parametrize("odd", ["", "{", "[1]", '{"type":"HUB_IN"}', '{"a":1},{"b":2}', "\\ud800", '{"lat": NaN}'])
def test_nonsense_is_still_nonsense(county, device, odd):
    row = SetAside.objects.create(
        county_code=county.code, device=device, verdict="invalid", code="missing", raw=odd.encode(), raw_digest=b"1",
        received_at=NOW,
    )  # fmt: skip
    assert not replays.replay(user=county.people["hub"], set_aside_id=row.pk, at=NOW).done
    assert SetAside.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_race_and_one_scan_is_stored(known_carriers, county, device):
    row = unknown_carrier(device)
    known_by_now()
    barrier = threading.Barrier(2)
    done: list[bool] = []

    def act(who: str) -> None:
        barrier.wait()
        try:
            done.append(replays.replay(user=county.people[who], set_aside_id=row.pk, at=NOW + HOUR).done)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(who,)) for who in ("hub", "operator")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True, True]
    assert ScanEvent.objects.count() == 1
    assert AuditEntry.objects.filter(action="set_aside.replay").count() == 1


def test_who_may(county, neighbour, device, sign_in):
    row = unknown_carrier(device)
    for who, answer in {"courier": 403, "officer": 403, "auditor": 403, "operator2": 404, "support": 302}.items():
        assert sign_in(who).post(f"/attention/aside/{row.pk}/again/").status_code == answer, who
    foreign = sign_in(neighbour.people["operator"])
    for act in ("", "again/", "let-stand/", "back/"):
        method = foreign.post if act else foreign.get
        assert method(f"/attention/aside/{row.pk}/{act}", {"reason": "看看"}).status_code == 404
    assert sign_in("support").post(f"/attention/aside/{row.pk}/let-stand/", {"reason": "看看"}).status_code == 403


def test_let_stand_and_back(county, device, sign_in):
    row = unknown_carrier(device)
    operator = sign_in("operator")
    assert operator.post(f"/attention/aside/{row.pk}/let-stand/", {"reason": ""}).status_code == 422
    assert operator.post(f"/attention/aside/{row.pk}/let-stand/", {"reason": "试用的件"}).status_code == 302
    assert not operator.get("/attention/?kind=invalid").context["rows"]
    assert operator.post(f"/attention/aside/{row.pk}/again/").status_code == 302
    assert not ScanEvent.objects.exists(), "let stand: nobody tries it behind that person's back"
    assert operator.post(f"/attention/aside/{row.pk}/back/").status_code == 302
    assert len(operator.get("/attention/?kind=invalid").context["rows"]) == 1
    known_by_now()
    operator.post(f"/attention/aside/{row.pk}/again/")
    operator.post(f"/attention/aside/{row.pk}/back/")
    row.refresh_from_db()
    assert row.close_reason == "replayed", "what is used can't be brought back"


def test_an_unreadable_body_is_only_let_stand(county, device, sign_in):
    services.keep_unreadable(device=device, raw=b"{{{", received_at=NOW)
    row = SetAside.objects.get()
    page = sign_in("operator").get(f"/attention/aside/{row.pk}/")
    assert not page.context["may_replay"]
    assert not replays.replay(user=county.people["hub"], set_aside_id=row.pk, at=NOW).done


def test_a_scan_that_could_not_be_folded_is_folded(county, device, sign_in):
    make_parcel(county)
    event = scan("OUTLET_IN", "FD-O1")
    record(device, event)
    fold()
    row = SetAside.objects.create(
        county_code=county.code, device=device, event_id=event["event_id"], verdict="invalid", code="fold_failed",
        raw=b"{}", raw_digest=b"1", received_at=NOW,
    )  # fmt: skip
    hub = sign_in("hub")
    assert [one.aside for one in hub.get("/attention/?kind=fold_failed").context["rows"]] == [row]
    assert hub.post(f"/attention/aside/{row.pk}/again/").status_code == 302
    row.refresh_from_db()
    assert (row.close_reason, row.closed_by) == ("replayed", county.people["hub"])


def test_a_few_at_once_and_many_as_a_job(county, device, sign_in, monkeypatch):
    for n in range(3):
        event = scan("OUTLET_IN", "FD-O1", NOW - HOUR, carrier="NEWEX", waybill_no=f"NX000000000{n}")
        record(device, event, at=NOW)
    known_by_now()
    monkeypatch.setattr(replays, "AT_ONCE", 2)
    hub = sign_in("hub")
    answer = hub.post("/attention/again/", {"code": "carrier_unknown"})
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/jobs/{job.pk}/"
    run_waiting_jobs(at=NOW)
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"used": 3, "still": 0})
    assert ScanEvent.objects.count() == 3
    SetAside.objects.update(closed_at=None)
    monkeypatch.setattr(replays, "AT_ONCE", 50)
    assert hub.post("/attention/again/", {"code": "carrier_unknown"}).status_code == 302
    assert (Job.objects.count(), ScanEvent.objects.count()) == (1, 3)
    assert not SetAside.objects.filter(closed_at=None).exists()


def test_a_device_revoked_since_still_counts_for_what_it_sent(county, device):
    row = unknown_carrier(device)
    known_by_now()
    device.revoked_at = NOW
    device.save(update_fields=["revoked_at"])
    assert replays.replay(user=county.people["hub"], set_aside_id=row.pk, at=NOW + HOUR).done
    assert str(ScanEvent.objects.get().event_id) == row.event_id
