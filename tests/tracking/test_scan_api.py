"""The scan protocol by URL with real tokens: what is answered and what is stored; bad input is test_bad_scans.py's."""

import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from common import clock
from orders.models import Parcel
from stations.models import Device
from tests.conftest import make_device, make_parcel
from tests.tracking.scans import WAYBILL, scan
from tracking import services
from tracking.models import ScanEvent, SetAside, Upload

pytestmark = pytest.mark.django_db
URL = "/api/v1/scan-batches/"
TOKEN = "token-of-handheld-1"


@pytest.fixture
def handheld(county) -> Device:
    return make_device(county.h1, county.people["hub"], TOKEN)


def post(body: object, *, token: str = TOKEN, content_type: str = "application/json", **headers: str):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra = {"CONTENT_TYPE": content_type, "HTTP_AUTHORIZATION": f"Device {token}", "HTTP_ACCEPT_LANGUAGE": "en"}
    return Client().generic("POST", URL, data, content_type, **(extra | headers))


def batch(*events: object, **more: object) -> dict[str, object]:
    return {"batch_id": str(uuid4()), "device_now": clock.now().isoformat(), "events": list(events), **more}


def fresh(kind: str = "HUB_IN", station: str = "FD-H1", **more: object) -> dict[str, object]:
    return scan(kind, station, clock.now(), **more)


def test_the_answer_names_only_what_was_not_plainly_accepted(handheld):
    events = [fresh(seq=1), fresh("LOADED", seq=2), fresh("NO_SUCH", seq=3)]
    sent = batch(*events)
    answer = post(sent)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"batch_id", "received_at", "server_now", "accepted", "exceptions", "highest_contiguous_seq"}
    assert (body["batch_id"], body["accepted"], body["highest_contiguous_seq"]) == (sent["batch_id"], 2, 3)
    [one] = body["exceptions"]
    assert one.pop("detail")
    assert one == {
        "index": 2,
        "event_id": events[2]["event_id"],
        "status": "invalid",
        "code": "unknown_type",
        "pointer": "/events/2/type",
    }
    again = post(sent).json()
    assert (again["accepted"], [e["status"] for e in again["exceptions"]]) == (0, ["duplicate", "duplicate", "invalid"])
    assert SetAside.objects.count() == 1
    services.fold_waiting(at=clock.now())
    assert Parcel.objects.get().state == "in_transit"


def test_odd_json_inside_an_event(handheld):
    good = json.dumps(fresh())
    twice = good[:-1] + ', "type": "LOADED"}'
    huge = json.dumps(fresh())[:-1] + ', "lat": 1e400}'
    body = f'{{"x": [1, {{"events": 2}}], "events": [{good} , {twice},{huge}, 7, null, "text", []], "z": 1}}'
    answer = post(body.encode()).json()
    assert answer["accepted"] == 1
    assert [(e["index"], e["code"]) for e in answer["exceptions"]] == [
        (1, "duplicate_key"),
        (2, "not_a_number"),
        (3, "not_an_object"),
        (4, "not_an_object"),
        (5, "not_an_object"),
        (6, "not_an_object"),
    ]
    assert bytes(SetAside.objects.get(code="duplicate_key").raw).decode() == twice


def test_who_may_send(handheld, sign_in):
    """Tokens that are none stand in bad_scans.yaml (rows 26 and 27)."""
    assert sign_in("operator").post(URL, b"{}", content_type="application/json").status_code == 403
    assert Client().get(URL, HTTP_AUTHORIZATION=f"Device {TOKEN}").status_code == 405


def test_sentences_come_in_the_readers_language(handheld):
    answer = Client().post(
        URL,
        json.dumps(batch(fresh("NO_SUCH"))),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Device {TOKEN}",
        HTTP_ACCEPT_LANGUAGE="zh-hans",
    )
    assert any("\u4e00" <= ch <= "\u9fff" for ch in answer.json()["exceptions"][0]["detail"])


def test_statements_of_an_upload_do_not_grow(handheld, django_assert_max_num_queries):
    post(batch())
    with django_assert_max_num_queries(8):  # token, stations, carriers, savepoint, events, sequence, release
        assert post(batch(*(fresh(seq=n) for n in range(1, 200)))).json()["accepted"] == 199


@pytest.mark.django_db(transaction=True)
def test_thirty_two_identical_uploads_at_once_store_each_event_once(county):
    make_device(county.h1, county.people["hub"], TOKEN)
    services.make_partitions(at=clock.now())
    sent = json.dumps(batch(*(fresh(seq=n, waybill_no=f"MANY-{n:04}") for n in range(1, 101)))).encode()
    ready, answers = threading.Barrier(32), []

    def send() -> None:
        ready.wait()
        try:
            answers.append(post(sent))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(32)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [a.status_code for a in answers] == [200] * 32
    assert sum(a.json()["accepted"] for a in answers) == 100
    assert all(a.json()["accepted"] + len(a.json()["exceptions"]) == 100 for a in answers)
    assert {a.json()["highest_contiguous_seq"] for a in answers} == {100}
    assert ScanEvent.objects.count() == 100
    assert Upload.objects.filter(folded_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_several_workers_drain_at_once(county):
    devices = [make_device(county.h1, county.people["hub"], f"t-{n}") for n in range(4)]
    for n in range(24):
        events = [
            scan(kind, "FD-H1", clock.now() - timedelta(minutes=(7 * n + m) % 50), waybill_no=f"MANY-{m % 20:04}")
            for m, kind in enumerate(("HUB_IN", "LOADED", "UNLOADED") * 14)
        ]
        services.record_scans(
            sender=services.sender_for_device(devices[n % 4]),
            batch_id=None,
            device_now=None,
            events=events,
            received_at=clock.now(),
        )
    ready, folded, errors = threading.Barrier(4), [], []

    def work() -> None:
        ready.wait()
        try:
            folded.append(services.fold_waiting(at=clock.now()))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not errors
    assert sum(folded) == 24
    assert Parcel.objects.count() == 20
    before = list(Parcel.objects.order_by("pk").values("s_k", "c_k", "h_k", "l_k", "t_k", "f_k", "state"))
    services.refold_parcels(
        county_code=county.code, parcel_ids=list(Parcel.objects.values_list("pk", flat=True)), at=clock.now()
    )
    after = list(Parcel.objects.order_by("pk").values("s_k", "c_k", "h_k", "l_k", "t_k", "f_k", "state"))
    assert before == after


# --- reading ---------------------------------------------------------------------------------------------


@pytest.fixture
def known(county, handheld):
    row = make_parcel(county)
    make_parcel(county, "73190553102599", village="v3", destination="o3")
    post(batch(fresh("HUB_IN", "FD-H1"), fresh("OUTLET_IN", "FD-O1", pickup_code="1-2-3")))
    services.fold_waiting(at=clock.now())
    return row


def test_a_parcel_by_its_waybill(known, sign_in):
    answer = sign_in("operator").get("/api/v1/parcels/", {"carrier": "ZTO", "waybill_no": WAYBILL, "unknown": "x"})
    assert answer.status_code == 200, answer.content
    [row] = answer.json()["results"]
    assert (row["id"], row["state"], row["station"], row["destination"]) == (known.pk, "at_outlet", "FD-O1", "FD-O1")
    assert row["recipient"]["phone"] == "138****1907"
    assert "13812341907" not in answer.content.decode()
    assert sign_in("operator").get(f"/api/v1/parcels/{known.pk}/").json()["id"] == known.pk


def test_the_neighbour_sees_nothing(known, sign_in, neighbour):
    for person in ("operator2", neighbour.people["operator"], neighbour.people["officer"]):
        client = sign_in(person)
        assert client.get("/api/v1/parcels/", {"waybill_no": WAYBILL}).json()["results"] == []
        for path in (f"/api/v1/parcels/{known.pk}/", f"/api/v1/parcels/{known.pk}/events/"):
            assert client.get(path).status_code == 404
    assert sign_in("admin").get("/api/v1/parcels/").status_code == 403
    assert Client().get("/api/v1/parcels/").status_code == 401


def test_a_handheld_reads_what_its_station_may(known, county):
    below = make_device(county.c1, county.people["officer"], "t-c1")
    other = make_device(county.o3, county.people["officer"], "t-o3")
    for device, n in ((below, 1), (other, 0)):
        token = {"t-c1": "t-c1", "t-o3": "t-o3"}["t-c1" if device == below else "t-o3"]
        answer = Client().get("/api/v1/parcels/", {"waybill_no": WAYBILL}, HTTP_AUTHORIZATION=f"Device {token}")
        assert len(answer.json()["results"]) == n


def test_a_parcels_events(known, sign_in):
    answer = sign_in("officer").get(f"/api/v1/parcels/{known.pk}/events/")
    rows = answer.json()["results"]
    assert [(row["type"], row["station"], row["corrected"]) for row in rows] == [
        ("HUB_IN", "FD-H1", False),
        ("OUTLET_IN", "FD-O1", False),
    ]
    assert "1-2-3" not in answer.content.decode()  # who knows the code can claim the parcel


def test_pages_of_parcels(county, sign_in):
    for n in range(5):
        make_parcel(county, f"7319055310250{n}")
    client, seen, cursor = sign_in("officer"), [], None
    while True:
        page = client.get("/api/v1/parcels/", {"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [row["waybill_no"] for row in page["results"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 5
    assert client.get("/api/v1/parcels/", {"limit": 5000}).json()["limit"] == 200


def test_no_such_parcel(county, sign_in):
    for pk in ("0", "9" * 30):
        assert sign_in("officer").get(f"/api/v1/parcels/{pk}/").status_code == 404


def test_the_description_is_valid_and_complete(county, capsys):
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.validation import validate_schema

    schema = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)
    validate_schema(schema)
    assert schema["openapi"].startswith("3.1")
    assert {"/api/v1/scan-batches/", "/api/v1/parcels/", "/api/v1/parcels/{id}/events/"} <= set(schema["paths"])
    said = capsys.readouterr().err
    assert "arning" not in said, said
    assert "rror" not in said, said
