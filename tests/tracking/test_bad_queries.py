"""Row 31 of the table of bad input: whatever stands behind the question mark, no address falls over.

The addresses are those of tests/rights.yaml, the parameters those the API describes and those the pages' forms and
filters have, so that a new one is asked without being written here.
"""

import re
from pathlib import Path
from urllib.parse import quote, urlencode

import django_filters
import pytest
from django import forms
from django.test import Client
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.architecture.test_rights import MATRIX, client_of, rows  # noqa: F401
from tests.conftest import make_device

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "common", "config", "stations", "orders", "tracking", "settlement", "reports")
UNREADABLE = ("a%00b", "%FF", "%ED%A0%80")  # NUL, no UTF-8, half a character
ODD = ("9" * 30, "-1", "xyz", "0001-01-01", "9999-12-31", "٣", "\u202e")
ODDER = (*ODD, "1e9", "2026-13-45", "'\"<script>", "x" * 1000, "", "NaN", "1970-01")
PAGES = sorted(name for name, row in MATRIX.items() if "GET" in row)


def _below(cls: type) -> set[type]:
    return {cls, *(inner for one in cls.__subclasses__() for inner in _below(one))}


def parameters(app: str) -> list[str]:
    """What an app's pages may read from the address: fields of its forms and filters, and names in its source."""
    found = {"page", "limit", "cursor"}
    for cls in _below(forms.BaseForm) | _below(django_filters.FilterSet):
        if cls.__module__.startswith(f"{app}."):
            found |= set(getattr(cls, "base_fields", None) or getattr(cls, "base_filters", {}))
    for path in (ROOT / app).rglob("*.py"):
        found |= set(re.findall(r'(?:GET|query_params)(?:\.get\(|\.getlist\(|\[)"(\w+)"', path.read_text("utf-8")))
    return sorted(found)


@pytest.fixture
def ask(county, neighbour, rows):  # noqa: F811
    """`ask(name, query)`: the answer at an address of the matrix to somebody who may read it."""
    make_device(county.c1, county.people["courier"], token="a-token")
    clients: dict[str, Client] = {}

    def get(name: str, query: str):
        row = MATRIX[name]
        right = row["GET"]
        who = right[0] if isinstance(right, list) else "officer"
        client = clients.setdefault(who, client_of(county, who))
        headers = {"Authorization": "Device a-token"} if right == "device" else {}
        url = reverse(name, kwargs={key: rows[value] for key, value in row.get("inside", {}).items()})
        return client.get(f"{url}?{query}", headers=headers)

    return get


@pytest.mark.parametrize("name", PAGES)
def test_no_address_falls_over(ask, name):
    names = parameters(name.split(":")[0] if ":" in name else "tracking")
    for value in UNREADABLE:
        answer = ask(name, f"{names[0]}={value}")
        assert answer.status_code == 400, value
        if answer["Content-Type"].startswith("application/problem+json"):
            problem = answer.json()
            assert (problem["code"], problem["pointer"]) == ("bad_parameter", f"/{names[0]}")
    assert ask(name, f"{names[0]}={'x' * 100_000}").status_code == 414
    assert ask(name, "a%00b=1").status_code == 400
    for value in ODD:
        answer = ask(name, urlencode(dict.fromkeys(names, value)))
        assert answer.status_code < 500, (name, value)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_mixture_of_parameters_makes_an_address_fall_over(ask, data):
    name = data.draw(st.sampled_from(PAGES))
    names = parameters(name.split(":")[0] if ":" in name else "tracking")
    value = st.sampled_from(ODDER) | st.text(st.characters(codec="utf-8"), max_size=30) | st.integers().map(str)
    query = data.draw(
        st.dictionaries(st.sampled_from(names) | st.text(st.characters(codec="utf-8"), max_size=5), value, max_size=6)
    )
    answer = ask(name, urlencode(query))
    assert answer.status_code < 500, (name, query)


def _described() -> list[tuple[str, str, str]]:
    """(path, parameter, its type) of every GET of the API that reads one from the address."""
    schema = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)
    return sorted(
        (path, one["name"], str(one["schema"].get("type")))
        for path, methods in schema["paths"].items()
        for one in methods.get("get", {}).get("parameters", [])
        if one["in"] == "query" and path.startswith("/api/v1/") and "{" not in path
    )


def test_every_parameter_of_the_api_is_named_when_it_is_bad(county, sign_in):
    make_device(county.c1, county.people["courier"], token="a-token")
    by_person, by_device = sign_in("officer"), Client(HTTP_AUTHORIZATION="Device a-token")
    found = _described()
    assert {("/api/v1/parcels/", "limit"), ("/api/v1/parcels/", "cursor")} <= {one[:2] for one in found}
    for path, name, kind in found:
        client = by_device if by_person.get(path).status_code == 403 else by_person
        numbers = ["0x1", "1e9", "1.5", "x", "", "-1", "9" * 30, "٣"] if kind == "integer" else []
        for value in (*UNREADABLE, *(quote(one) for one in numbers)):
            answer = client.get(f"{path}?{name}={value}")
            said = (path, name, value, answer.content[:200])
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter"), said
            assert answer.json()["pointer"] == f"/{name}", said
        for value in ODDER:
            answer = client.get(path, {name: value})
            assert answer.status_code in (200, 400), (path, name, value, answer.content[:200])
            if answer.status_code == 400:
                assert answer.json()["pointer"] == f"/{name}", (path, name, value)
        if name == "limit":
            assert client.get(path, {name: 10**9}).json().get("limit", 200) == 200


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=-1", "limit=1e9", "limit=x", "cursor=xyz", "cursor=" + "9" * 30, "waybill_no=abc"),
        *("waybill_no=a%00b", "waybill_no=%FF", "carrier=" + "x" * 100, "waybill_no=" + "x" * 5000),
    ],
)
def test_a_bad_parameter_is_named(county, sign_in, query):
    answer = sign_in("officer").get(f"/api/v1/parcels/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    assert answer.json()["pointer"] == "/" + query.split("=")[0]
