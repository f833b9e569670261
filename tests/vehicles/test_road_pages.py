"""Pages of roads and incidents: who sees, who acts, and the report that needs no sign-in."""

import json

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from common.models import Job
from tests.conftest import COUNTY, County
from tests.vehicles.roads import SPOTS, make_roads
from tests.vehicles.test_incidents import NEAR_O1, report
from vehicles.models import RoadIncident, RoadSegment
from vehicles.views.incidents import PER_ADDRESS

REPORT = reverse("vehicles:incident-report", args=[COUNTY])
POINT = {"lng": str(NEAR_O1["lng"]), "lat": str(NEAR_O1["lat"])}
SAID = {"kind": "flood", "effect": "closed", "note": "桥下积水", **POINT}


def test_the_overview_counts_kilometres_by_class(county: County, sign_in, django_assert_max_num_queries) -> None:
    make_roads(county)
    client = sign_in("officer")
    client.get(reverse("vehicles:roads"))
    with django_assert_max_num_queries(40):
        page = client.get(reverse("vehicles:roads"))
    total = sum(s.length_m for s in RoadSegment.objects.all())
    good = sum(s.length_m for s in RoadSegment.objects.filter(road_class="3"))
    assert page.context["figures"].metres == total
    assert page.context["figures"].good_m == good
    assert (page.context["joined"].reached, page.context["joined"].total) == (6, 6)
    text = page.content.decode()
    assert "县道一号" in text
    part = client.get(reverse("vehicles:roads") + "?road_class=5", headers={"HX-Request": "true"}).content.decode()
    assert "明月路" in part
    assert "县道一号" not in part


def test_a_closed_road_is_told_and_drawn(county: County, sign_in) -> None:
    make_roads(county)
    report()
    RoadIncident.objects.update(state="confirmed")
    page = sign_in("operator2").get(reverse("vehicles:roads"))
    assert [name for _pk, name, _why in page.context["away"]] == []  # an outlet's operator sees only their own
    page = sign_in("officer").get(reverse("vehicles:roads"))
    assert [name for _pk, name, _why in page.context["away"]] == ["大池村服务点"]
    data = json.loads(sign_in("officer").get(reverse("vehicles:roads-data")).content)
    assert sum(line["x"] for line in data["roads"]) == 1
    assert len(data["incidents"]) == 1


def test_a_county_without_roads_says_what_that_means(county: County, sign_in) -> None:
    assert "估算" in sign_in("officer").get(reverse("vehicles:roads")).content.decode()
    assert sign_in("courier").get(reverse("vehicles:roads")).status_code == 200


def test_the_county_enters_and_changes_roads(county: County, sign_in) -> None:
    make_roads(county)
    officer = sign_in("officer")
    form = {"points": "FD-O1\n107.83 29.90", "road_class": "4", "responsible": "village", "name": "新修路"}
    done = officer.post(reverse("vehicles:road-new"), form)
    assert done.status_code == 302
    added = RoadSegment.objects.get(name="新修路")
    assert (added.source.lng, added.source.lat) == SPOTS["o1"]
    officer.post(reverse("vehicles:road-new"), form)
    assert RoadSegment.objects.filter(name="新修路").count() == 1
    wrong = officer.post(reverse("vehicles:road-new"), {**form, "points": "nowhere"})
    assert wrong.status_code == 422
    page = reverse("vehicles:road", args=[added.pk])
    change = {"name": "新修路", "road_class": "3", "responsible": "township", "closed_from": "12", "closed_to": "2"}
    assert officer.post(page, {**change, "width_m": "4.5"}).status_code == 302
    added.refresh_from_db()
    assert (added.road_class, added.width_cm, added.closed_from) == ("3", 450, 12)
    assert officer.post(page, {**change, "closed_to": ""}).status_code == 422
    assert sign_in("operator").post(page, change).status_code == 302
    assert sign_in("operator").get(page).context["form"] is None
    assert sign_in("township").get(reverse("vehicles:road-new")).status_code == 403


def test_an_import_is_a_job(county: County, sign_in) -> None:
    make_roads(county)
    officer = sign_in("officer")
    file = SimpleUploadedFile("roads.csv", b"points,class\nFD-C1; FD-O2,IV\n")
    done = officer.post(reverse("vehicles:roads-import"), {"county": COUNTY, "source": "hand", "file": file})
    job = Job.objects.get(kind="vehicles.import_roads")
    assert done.url == reverse("common:job", args=[job.pk])
    assert job.params["source"] == "hand"
    file = SimpleUploadedFile("roads.csv", b"x")
    wrong = officer.post(reverse("vehicles:roads-import"), {"county": COUNTY, "source": "osm", "file": file})
    assert wrong.status_code == 422
    file = SimpleUploadedFile("roads.csv", b"x")
    foreign = officer.post(reverse("vehicles:roads-import"), {"county": "500101", "source": "hand", "file": file})
    assert foreign.status_code == 422
    assert "points" in b"".join(officer.get(reverse("vehicles:roads-template")).streaming_content).decode("utf-8-sig")


def test_a_villager_reports_without_signing_in(county: County) -> None:
    make_roads(county)
    client = Client()
    page = client.get(REPORT)
    assert page.status_code == 200
    number = page.context["form"]["client_id"].value()
    done = client.post(REPORT, {**SAID, "client_id": str(number)})
    assert done.context["sent"]
    client.post(REPORT, {**SAID, "client_id": str(number)})
    incident = RoadIncident.objects.get()
    assert incident.reported_by is None
    assert incident.segment
    assert incident.segment.name == "大池路"
    assert client.post(REPORT, {"kind": "flood", "effect": "closed"}).status_code == 422
    assert client.post(REPORT, {**SAID, "lng": "x", "client_id": "y", "note": "\x00"}).status_code == 422
    data = json.loads(client.get(reverse("vehicles:report-data", args=[COUNTY])).content)
    assert len(data["stations"]) == 6
    assert client.get(reverse("vehicles:incident-report", args=["999999"])).status_code == 404
    assert client.get(reverse("vehicles:report-data", args=["999999"])).status_code == 404


def test_reports_from_one_address_are_limited(county: County) -> None:
    client = Client()
    answers = [client.post(REPORT, SAID).status_code for _n in range(PER_ADDRESS + 1)]
    assert answers == [200] * PER_ADDRESS + [429]


def test_a_couriers_report_carries_their_name_a_strangers_does_not(county: County, neighbour: County, sign_in) -> None:
    make_roads(county)
    sign_in("courier").post(REPORT, SAID)
    sign_in(neighbour.people["operator"]).post(REPORT, SAID)
    assert [row.reported_by for row in RoadIncident.objects.order_by("pk")] == [county.people["courier"], None]


def test_the_township_confirms_gives_and_opens(county: County, sign_in) -> None:
    make_roads(county)
    incident = report()
    client = sign_in("township")
    page = client.get(reverse("vehicles:incident", args=[incident.pk]))
    segment = page.context["confirm_form"].fields["segment"].choices[0][0]
    assert segment == str(incident.segment_id)
    yes = {"segment": segment, "effect": "slowed", "slow_factor": "4"}
    confirm = reverse("vehicles:incident-confirm", args=[incident.pk])
    assert client.post(confirm, {**yes, "segment": "0"}).status_code == 422
    assert client.post(confirm, yes).status_code == 302
    twice = client.post(confirm, yes)
    assert twice.status_code == 409
    assert client.post(reverse("vehicles:incident-assign", args=[incident.pk]), {"level": "village"}).status_code == 302
    page = client.get(reverse("vehicles:incident", args=[incident.pk])).content.decode()
    assert "4 倍" in page
    assert client.post(reverse("vehicles:incident-reopen", args=[incident.pk])).status_code == 302
    incident.refresh_from_db()
    assert (incident.state, incident.effect) == ("reopened", "slowed")
    assert "恢复" in client.get(reverse("vehicles:incident", args=[incident.pk])).content.decode()


def test_who_may_not_decide_and_who_sees_nothing(county: County, neighbour: County, sign_in) -> None:
    make_roads(county)
    incident = report()
    address = reverse("vehicles:incident", args=[incident.pk])
    reject = reverse("vehicles:incident-reject", args=[incident.pk])
    for who in ("operator", "courier", "clerk"):
        assert sign_in(who).post(reject, {"reject-reason": "x"}).status_code == 403
        assert "confirm_form" not in sign_in(who).get(address).context
    foreign = sign_in(neighbour.people["officer"])
    assert foreign.get(address).status_code == 404
    assert foreign.post(reject, {"reject-reason": "x"}).status_code == 404
    assert not foreign.get(reverse("vehicles:incidents")).context["page"].object_list
    assert sign_in("carrier").get(reverse("vehicles:incidents")).status_code == 403
    without = sign_in("officer").post(reject, {"reject-reason": ""})
    assert without.status_code == 422
    assert sign_in("officer").post(reject, {"reject-reason": "路是通的"}).status_code == 302
    assert len(sign_in("officer").get(reverse("vehicles:incidents") + "?state=rejected").context["page"]) == 1
    assert len(sign_in("officer").get(reverse("vehicles:incidents")).context["page"]) == 0
