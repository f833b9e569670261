"""What a stranger, a stale page or a broken handheld can send: answered in words, never by falling over."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from django import forms
from django.urls import reverse

from tests.architecture.test_rights import MATRIX, client_of, rows  # noqa: F401
from tests.conftest import County

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(name for name in MATRIX if name.startswith("vehicles:"))
ODD = ("²", "9" * 30, "NaN", "a\x00b", "9999-12-31", "x" * 5000)


def _below(cls: type) -> set[type]:
    return {cls, *(inner for one in cls.__subclasses__() for inner in _below(one))}


def _fields() -> dict[str, list[str]]:
    """What the pages may read: fields with their choices, and names in the source."""
    found: dict[str, list[str]] = {}
    for cls in _below(forms.BaseForm):
        if cls.__module__.startswith("vehicles."):
            for name, field in cls.base_fields.items():
                found.setdefault(name, [])
                found[name] += [str(value) for value, _words in getattr(field, "choices", []) if str(value)][:20]
    for path in (ROOT / "vehicles").rglob("*.py"):
        for name in re.findall(r'(?:GET|POST)(?:\.get\(|\.getlist\(|\[)"(\w+)"', path.read_text("utf-8")):
            found.setdefault(name, [])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_page_falls_over(name: str, county: County, neighbour, rows):  # noqa: F811
    row, fields = MATRIX[name], _fields()
    url = reverse(name, kwargs={key: rows[value] for key, value in row.get("inside", {}).items()})
    for method in ("GET", "POST"):
        if method not in row:
            continue
        allowed = row[method] if isinstance(row[method], list) else ["officer"]
        who = "officer" if "officer" in allowed else allowed[0]
        client = client_of(county, who)
        client.raise_request_exception = False
        for value in ODD:
            data = dict.fromkeys(fields, value)
            answer = client.get(url, data) if method == "GET" else client.post(url, data)
            assert answer.status_code < 500, (method, value, answer.status_code)
            # what has choices is chosen well, so that the rest is looked at
            data = {key: choices[0] if choices else value for key, choices in fields.items()}
            data |= {"event_id": str(uuid4()), "client_id": str(uuid4())}
            answer = client.get(url, data) if method == "GET" else client.post(url, data)
            assert answer.status_code < 500, (method, "chosen", value, answer.status_code)
