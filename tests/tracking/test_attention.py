"""What needs attention: each kind is found for the station and the hub, not for the neighbour; what people do about it
takes it away, and undoing brings it back."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from accounts.models import AuditEntry, User
from common import clock
from tests.conftest import County, make_device, make_parcel
from tests.tracking.scans import WAYBILL, scan
from tracking import services
from tracking.attention_queries import DONE, ODD, Kind
from tracking.models import Dismissal, ScanEvent, SetAside
from tracking.services import attention as acts

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def send(county: County):
    """`send("o1", "OUTLET_IN", hours_ago)` stores and folds one scan of that station's handheld; its id."""
    devices: dict[str, Any] = {}
    now = clock.now()

    def make(station: str, kind: str, hours_ago: float = 5, **more: Any) -> str:
        if station not in devices:
            who = {"o1": "operator", "o3": "operator2", "c1": "centre"}.get(station, "hub")
            devices[station] = make_device(
                county.stations[station], county.people[who], f"t-{station}", f"PDA-{station}"
            )
        at = now - hours_ago * HOUR
        event = scan(kind, county.stations[station].code, at, **more)
        received_at = more.pop("received_at", at + timedelta(seconds=30))
        receipt = services.record_scans(
            sender=services.sender_for_device(devices[station]),
            batch_id=None,
            device_now=None,
            events=[event],
            received_at=received_at,
        )
        if receipt.upload_id:
            services.fold_upload(upload_id=receipt.upload_id, at=received_at)
        return str(event["event_id"])

    return make


def listed(client: Client, kind: str, query: str = "") -> set[str]:
    page = client.get(f"/attention/?kind={kind}{query}")
    assert page.status_code == 200
    return {str(row.finding.event_id) for row in page.context["rows"]}


def second_end(send) -> str:
    send("h1", "HUB_IN", 9)
    send("o1", "OUTLET_IN", 8)
    send("o1", "SIGNED_PICKUP", 7)
    return send("o3", "SIGNED_PICKUP", 6)


def two_places(send) -> str:
    send("h1", "HUB_IN", 9)
    now = clock.now()
    hours = (now - (now - 5 * HOUR).replace(second=5, microsecond=0)) / HOUR  # inside one minute, whatever the time
    send("c1", "UNLOADED", hours)
    return send("o1", "OUTLET_IN", hours - 20 / 3600)


def after_end(send) -> str:
    send("h1", "HUB_IN", 9)
    send("o1", "OUTLET_IN", 8)
    send("o1", "SIGNED_PICKUP", 7)
    return send("o1", "OUTLET_IN", 6)


def cancelled(send) -> str:
    send("h1", "HUB_IN", 9)
    send("o1", "OUTLET_IN", 7)
    return send("o1", "CANCELLED", 6)


def one_sided(send) -> str:
    return send("o1", "HANDOVER", 5, side="give")


def gap(send) -> str:
    return send("o1", "OUTLET_IN", 5)


def unshelved(send) -> str:
    send("h1", "HUB_IN", 9)
    return send("o1", "SIGNED_PICKUP", 5)


def found(send) -> str:
    send("h1", "HUB_IN", 50)
    send("c1", "LOST", 20)
    return send("o1", "OUTLET_IN", 5)


def wrong_clock(send) -> str:
    return send("o1", "OUTLET_IN", 5, occurred_at="1970-01-01T00:00:00Z")


def unannounced(send) -> str:
    return send("o1", "OUTLET_IN", 5, waybill_no="YT1234567890123", carrier="YTO")


CASES = [
    (Kind.SECOND_END, second_end),
    (Kind.TWO_PLACES, two_places),
    (Kind.AFTER_END, after_end),
    (Kind.CANCELLED, cancelled),
    (Kind.ONE_SIDED, one_sided),
    (Kind.GAP, gap),
    (Kind.GAP, unshelved),
    (Kind.FOUND, found),
    (Kind.CLOCK, wrong_clock),
    (Kind.UNANNOUNCED, unannounced),
]
IDS = [case.__name__ for _kind, case in CASES]


@pytest.mark.parametrize(("kind", "case"), CASES, ids=IDS)
def test_each_kind_is_seen_by_station_and_hub_and_not_next_door(county, neighbour, sign_in, send, kind, case):
    make_parcel(county)
    odd = case(send)
    for who in ("operator", "centre", "township", "hub", "officer"):
        assert odd in listed(sign_in(who), kind), who
        item = sign_in(who).get(f"/attention/{kind}/{odd}/")
        assert item.status_code == 200
        assert UUID(odd) in {line.event.event_id for line in item.context["scans"]}
    for who in (neighbour.people["operator"], neighbour.people["officer"]):
        assert listed(sign_in(who), kind) == set()
        assert sign_in(who).get(f"/attention/{kind}/{odd}/").status_code == 404
    for act in (f"scan/{odd}/take-back/", f"{kind}/{odd}/let-stand/"):
        answer = sign_in(neighbour.people["operator"]).post(f"/attention/{act}", {"reason": "不是我们的"})
        assert answer.status_code == 404
    assert sign_in("courier").get("/attention/").status_code == 403
    assert sign_in("officer").post(f"/attention/scan/{odd}/take-back/", {"reason": "看看"}).status_code == 403


@pytest.mark.parametrize(("kind", "case"), CASES, ids=IDS)
def test_let_stand_it_is_gone_and_comes_back(county, sign_in, send, kind, case):
    make_parcel(county)
    odd = case(send)
    hub = sign_in("hub")
    assert hub.post(f"/attention/{kind}/{odd}/let-stand/", {"reason": " "}).status_code == 422, "a reason is needed"
    assert hub.post(f"/attention/{kind}/{odd}/let-stand/", {"reason": "已电话核实"}).status_code == 302
    assert odd not in listed(sign_in("operator"), kind)
    row = Dismissal.objects.get()
    assert (row.reason, row.by, row.kind) == ("已电话核实", county.people["hub"], kind)
    assert odd in listed(hub, Kind.DISMISSED)
    assert hub.post(f"/attention/let-stand/{row.pk}/back/").status_code == 302
    assert odd in listed(sign_in("operator"), kind)
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)[:2]) == [
        "attention.dismiss",
        "attention.restore",
    ]


@pytest.mark.parametrize(
    ("kind", "case"), [c for c in CASES if c[0] != Kind.UNANNOUNCED], ids=[i for i in IDS if i != "unannounced"]
)
def test_taken_back_it_is_gone_and_the_undo_brings_it_back(county, sign_in, send, kind, case):
    parcel = make_parcel(county)
    odd = case(send)
    parcel.refresh_from_db()
    before = (parcel.state, parcel.l_k and bytes(parcel.l_k), parcel.station_id)
    client = sign_in("hub")
    if kind != Kind.CLOCK:  # its line is about the clock: the scan's own time stays wrong, taken back or not
        assert client.post(f"/attention/scan/{odd}/take-back/", {"reason": "误扫"}).status_code == 302
        assert odd not in listed(client, kind)
    else:
        client.post(f"/attention/scan/{odd}/take-back/", {"reason": "误扫"})
    correction = ScanEvent.objects.get(type="CORRECTION")
    assert (str(correction.corrects), correction.reason, correction.correction_counts) == (odd, "误扫", True)
    assert str(correction.event_id) in listed(client, Kind.CORRECTED)
    assert client.post(f"/attention/scan/{odd}/take-back/", {"reason": "再来"}).status_code == 302
    assert ScanEvent.objects.filter(type="CORRECTION").count() == 1, "void is void"
    assert client.post(f"/attention/scan/{correction.event_id}/count-again/").status_code == 302
    assert odd in listed(client, kind)
    client.post(f"/attention/scan/{correction.event_id}/count-again/")
    assert ScanEvent.objects.filter(type="CORRECTION").count() == 2, "undone once is undone"
    parcel.refresh_from_db()
    assert (parcel.state, parcel.l_k and bytes(parcel.l_k), parcel.station_id) == before
    acted = AuditEntry.objects.filter(action__startswith="attention.").order_by("id").values_list("action", flat=True)
    assert list(acted) == ["attention.correct", "attention.undo_correction"]


def test_an_undo_is_not_undone_again_by_a_later_taking_back(county, sign_in, send):
    make_parcel(county)
    odd = after_end(send)
    client = sign_in("hub")
    client.post(f"/attention/scan/{odd}/take-back/", {"reason": "误扫"})
    first = ScanEvent.objects.get(type="CORRECTION")
    client.post(f"/attention/scan/{first.event_id}/count-again/")
    client.post(f"/attention/scan/{odd}/take-back/", {"reason": "还是误扫"})
    client.post(f"/attention/scan/{first.event_id}/count-again/")
    assert ScanEvent.objects.filter(type="CORRECTION").count() == 3
    assert odd not in listed(client, Kind.AFTER_END)


def test_what_is_in_order_is_not_listed(county, sign_in, send):
    make_parcel(county)
    send("h1", "HUB_IN", 20)
    send("h1", "HANDOVER", 19, side="give")
    send("c1", "HANDOVER", 18, side="take")
    send("c1", "UNLOADED", 17)
    send("o1", "OUTLET_IN", 10)
    send("o1", "SIGNED_PICKUP", 5)
    page = sign_in("officer").get("/attention/")
    assert all(not listed(sign_in("officer"), kind) for kind in (*ODD, *DONE))
    assert [active for _label, _url, active in page.context["tabs"]].count(True) == 1


def test_two_people_at_once_make_one_correction(county, sign_in, send):
    """Sequential here: the lock on the scan's id is what the racing test below relies on."""
    make_parcel(county)
    odd = gap(send)
    event = ScanEvent.objects.get(event_id=odd)
    first = acts.correct(user=county.people["hub"], event=event, reason="误扫", at=clock.now())
    second = acts.correct(user=county.people["operator"], event=event, reason="误扫", at=clock.now())
    assert (first.done, second.done) == (True, False)
    one = acts.dismiss(user=county.people["hub"], kind="gap", event=event, reason="先", at=clock.now())
    two = acts.dismiss(user=county.people["operator"], kind="gap", event=event, reason="后", at=clock.now())
    assert (one.done, two.done, Dismissal.objects.get().reason) == (True, False, "先")


@pytest.mark.django_db(transaction=True)
def test_two_people_race(known_carriers, county, send):
    make_parcel(county)
    odd = gap(send)
    event = ScanEvent.objects.get(event_id=odd)
    barrier = threading.Barrier(4)
    done: list[bool] = []

    def act(user: User, what: str) -> None:
        barrier.wait()
        try:
            if what == "correct":
                done.append(acts.correct(user=user, event=event, reason="误扫", at=clock.now()).done)
            else:
                acts.dismiss(user=user, kind="gap", event=event, reason="看过", at=clock.now())
        finally:
            connection.close()

    people = [county.people["hub"], county.people["operator"]]
    threads = [threading.Thread(target=act, args=(who, what)) for who in people for what in ("correct", "dismiss")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]
    assert ScanEvent.objects.filter(type="CORRECTION").count() == 1
    assert Dismissal.objects.count() == 1
    assert AuditEntry.objects.filter(action="attention.correct").count() == 1


def test_a_neighbouring_outlet_sees_only_its_own_side(county, sign_in, send):
    make_parcel(county)
    odd = gap(send)
    operator2 = sign_in("operator2")  # o3, another township
    assert listed(operator2, Kind.GAP) == set()
    assert operator2.get(f"/attention/gap/{odd}/").status_code == 404
    assert operator2.post(f"/attention/scan/{odd}/take-back/", {"reason": "误扫"}).status_code == 404


def test_both_ends_see_the_second_end_and_each_takes_back_its_own(county, sign_in, send):
    make_parcel(county)
    odd = second_end(send)
    first = str(ScanEvent.objects.get(type="SIGNED_PICKUP", station=county.o1).event_id)
    operator = sign_in("operator")  # the first end is theirs, the second is o3's
    assert odd in listed(operator, Kind.SECOND_END)
    assert operator.post(f"/attention/scan/{odd}/take-back/", {"reason": "不是他们"}).status_code == 404
    assert operator.post(f"/attention/scan/{first}/take-back/", {"reason": "我们误扫"}).status_code == 302
    assert listed(operator, Kind.SECOND_END) == set()


def test_a_window_and_a_station_narrow_the_list(county, sign_in, send):
    make_parcel(county)
    odd = gap(send)
    officer = sign_in("officer")
    assert odd in listed(officer, Kind.GAP, f"&station={county.o1.pk}")
    assert odd not in listed(officer, Kind.GAP, f"&station={county.o3.pk}")
    week_ago = clock.business_date(clock.now()) - timedelta(days=7)
    assert odd not in listed(officer, Kind.GAP, f"&until={week_ago}")
    for nonsense in ("&until=x&days=99&station=no", "&days=-1", "&page=zzz", "&until=0001-01-01", "&until=9999-12-31"):
        assert officer.get(f"/attention/?kind=gap{nonsense}").status_code == 200
    assert officer.get("/attention/?kind=nothing").status_code == 200
    assert officer.get(f"/attention/nothing/{odd}/").status_code == 404


def test_old_unannounced_parcels_are_marked(county, sign_in, send):
    odd = send("o1", "OUTLET_IN", 24 * 8, waybill_no="YT1234567890123", carrier="YTO")
    page = sign_in("hub").get("/attention/?kind=unannounced")
    assert [(str(row.finding.event_id), row.old) for row in page.context["rows"]] == [(odd, True)]


def test_a_day_of_wrong_clocks_opens(county, sign_in, send):
    event_id = [send("o1", "OUTLET_IN", 5, occurred_at="1970-01-01T00:00:00Z") for _n in range(32)][-1]
    client = sign_in("operator")
    page = client.get(f"/attention/clock/{event_id}/")
    assert page.status_code == 200
    assert len(page.context["scans"]) == 30
    trusted = send("o1", "OUTLET_IN", 4)
    assert client.get(f"/attention/clock/{trusted}/").status_code == 200


def test_a_conflict_shows_both_contents(county, sign_in, send):
    make_parcel(county)
    odd = send("o1", "OUTLET_IN", 5, pickup_code="3-2-2041")
    send("o1", "HELD", 4, event_id=odd, counterpart="13812345678")
    kept = SetAside.objects.get()
    operator = sign_in("operator")
    assert [row.aside for row in operator.get("/attention/?kind=conflict").context["rows"]] == [kept]
    page = operator.get(f"/attention/aside/{kept.pk}/")
    by_label = {str(line.label): line for line in page.context["lines"]}
    what = next(line for line in page.context["lines"] if line.differs)
    assert what.kept != what.stored
    assert b"13812345678" not in page.content
    assert b"3-2-2041" not in page.content, "a pickup code is as good as the parcel"
    assert len(by_label) > 5
    assert operator.post(f"/attention/aside/{kept.pk}/raw/", {"raw-reason": "看看"}).status_code == 403
    raw = sign_in("auditor").post(f"/attention/aside/{kept.pk}/raw/", {"raw-reason": "核对"})
    assert b"13812345678" in raw.content
    assert AuditEntry.objects.get(action="set_aside.raw").reason == "核对"


def test_the_counts_are_few_statements(county, sign_in, send, django_assert_max_num_queries):
    make_parcel(county)
    second_end(send)
    client = sign_in("officer")
    with django_assert_max_num_queries(45):
        client.get("/attention/")


def test_a_parcels_page_says_the_same(county, sign_in, send):
    parcel = make_parcel(county)
    odd = after_end(send)
    words = sign_in("hub").get(f"/attention/after_end/{odd}/").context["words"]
    assert str(words) in sign_in("hub").get(f"/parcels/{parcel.pk}/").content.decode()
    assert WAYBILL in sign_in("hub").get("/attention/?kind=after_end").content.decode()
