"""Anything at all into the scan endpoint: never a 500, and every answer one the API's description names."""

import json
from functools import cache

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import clock
from stations.models import Device
from tests.conftest import make_device
from tests.tracking.journeys import agree, rolled_back
from tests.tracking.scans import scan
from tracking import services
from tracking.models import ScanEvent, SetAside
from tracking.rules import KEYS, SENTENCES
from tracking.states import Node, Verdict

pytestmark = pytest.mark.django_db
URL = "/api/v1/scan-batches/"
quick = settings(
    deadline=None,
    derandomize=True,
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
more = settings(quick, max_examples=400)  # fewer than a handheld may send in a minute
TEXT = st.text(max_size=12) | st.sampled_from(["\0", "\ud800", "\u202e", "FD-H1", "ZTO", "73190553102532", "1e400"])
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -0.0, 2**53, 2**63, 1e308])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
TIMES = st.sampled_from(
    ["2026-11-20T12:00:00+08:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9-14:00", "noon"]
)


@st.composite
def nearly_good(draw: st.DrawFn) -> dict[str, object]:
    """A scan as it should be, some of its keys replaced by something else, left out or made up."""
    event: dict[str, object] = scan(draw(st.sampled_from(Node.values)), "FD-H1", clock.now(), side="take", bag="B1")
    event["corrects"] = event["event_id"]
    for key in draw(st.lists(st.sampled_from(sorted(KEYS)), max_size=4)):
        event[key] = draw(JSON | TIMES)
    for key in draw(st.lists(st.sampled_from(sorted(event)), max_size=2)):
        event.pop(key, None)
    return event | draw(st.dictionaries(TEXT, JSON, max_size=1))


@cache
def documented() -> set[int]:
    schema = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)
    return {int(status) for status in schema["paths"][URL]["post"]["responses"]}


@pytest.fixture(autouse=True)
def handheld(county) -> Device:
    return make_device(county.h1, county.people["hub"], "a-token")


def check(body: bytes, content_type: str = "application/json", **headers: str) -> dict:
    answer = Client().generic("POST", URL, body, content_type, HTTP_AUTHORIZATION="Device a-token", **headers)
    said = answer.json()
    assert answer.status_code in documented(), said
    if answer.status_code != 200:
        assert answer["Content-Type"] == "application/problem+json"
        assert (said["status"], bool(said["code"]), bool(said["detail"])) == (answer.status_code, True, True)
        return said
    assert all(one["code"] in SENTENCES and one["status"] in Verdict.values for one in said["exceptions"])
    return said


@more
@given(
    body=st.binary(max_size=300) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    content_type=st.sampled_from(["application/json", "application/json; charset=utf-16", "text/plain", "", "ä;=;"]),
    encoding=st.sampled_from(["", "", "gzip", "deflate"]),
)
def test_any_bytes(body, content_type, encoding):
    check(body, content_type, **({"HTTP_CONTENT_ENCODING": encoding} if encoding else {}))


@quick
@given(
    value=JSON | st.fixed_dictionaries({"events": st.lists(JSON, max_size=4)}, optional={"device_now": JSON | TIMES})
)
def test_any_json(value):
    check(json.dumps(value).encode())


@quick
@given(events=st.lists(nearly_good(), min_size=1, max_size=5), envelope=st.dictionaries(TEXT, JSON, max_size=1))
def test_nearly_good_scans_are_stored_or_kept_and_fold(events, envelope):
    """Each is accounted for once; what is stored folds like the reference, none of it poisons the drain."""
    with rolled_back():
        said = check(json.dumps({**envelope, "events": events}).encode())
        if "accepted" not in said:
            return
        assert said["accepted"] + len(said["exceptions"]) == len(events)
        assert ScanEvent.objects.count() == said["accepted"]
        services.fold_waiting(at=clock.now())
        assert not SetAside.objects.filter(code="fold_failed").exists()
        agree()
