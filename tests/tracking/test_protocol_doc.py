"""docs/scan-protocol.md is true: its examples are run with curl against a live server, its tables name every code."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from common import clock
from orders.rules import ParcelLine
from orders.services import import_parcels
from stations.models import Device
from stations.services import enrol_device
from tests.conftest import NOW
from tracking import services, strict
from tracking.api import views
from tracking.api.serializers import ScanBatchIn, ScanEventIn
from tracking.rules import KEYS, MAX_EVENTS, SENTENCES
from tracking.states import Node

DOC = Path(__file__).parents[2] / "docs" / "scan-protocol.md"
EXAMPLE = re.compile(r"```sh run=(\d{3})\n(.*?)```\n+```json answer\n(.*?)```", re.S)
MARK = "@@ status "
# What differs from run to run; its kind must be the same.
CHANGING = {"received_at", "server_now", "request_id", "since", "next", "quarantine_id", "id", "last_scan_at"}
CURL = f"curl() {{ command curl -w '\\n{MARK}%{{http_code}}\\n' \"$@\"; }}\n"


def examples() -> Iterator[tuple[int, str, str]]:
    for status, script, answer in EXAMPLE.findall(DOC.read_text(encoding="utf-8")):
        yield int(status), script, answer


def difference(said: Any, got: Any, where: str = "") -> list[str]:
    """Where an answer is not what the page says."""
    if type(said) is not type(got):
        return [f"{where}: {said!r} is {got!r}"]
    if isinstance(said, dict):
        if set(said) != set(got):
            return [f"{where}: keys {sorted(said)} are {sorted(got)}"]
        return [
            line
            for key in said
            for line in (
                [f"{where}/{key}: {said[key]!r} is {got[key]!r}"] * (type(said[key]) is not type(got[key]))
                if key in CHANGING
                else difference(said[key], got[key], f"{where}/{key}")
            )
        ]
    if isinstance(said, list):
        if len(said) != len(got):
            return [f"{where}: {len(said)} rows are {len(got)}"]
        return [
            line for n, pair in enumerate(zip(said, got, strict=True)) for line in difference(*pair, f"{where}/{n}")
        ]
    return [] if said == got else [f"{where}: {said!r} is {got!r}"]


def run(script: str, folder: Path, variables: dict[str, str]) -> tuple[int, Any]:
    """(status, answer) of the last request a script makes."""
    # the test server is on this machine, whatever proxy the machine uses
    environment = {**os.environ, **variables, "NO_PROXY": "*", "no_proxy": "*"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", CURL + script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    body, _mark, status = done.stdout.rstrip().rpartition(MARK)
    return int(status), json.loads(body.rpartition(MARK)[2].lstrip("0123456789\n") if MARK in body else body)


def handhelds(county) -> dict[str, str]:
    """Handhelds enrolled as a manager enrols them, and one announced parcel."""
    line = ParcelLine(
        row=2,
        carrier="ZTO",
        waybill_no="73190553102501",
        recipient="张三丰",
        phone="13812341907",
        village_code=county.regions["v1"].code,
        weight_g=850,
    )
    import_parcels(county_code=county.code, lines=[line], at=clock.now(), by=None)
    tokens = {}
    for name, station, user in (("TOKEN", "h1", "hub"), ("TOKEN_OF_OUTLET", "o1", "operator")):
        device, tokens[name] = enrol_device(
            station=county.stations[station], user=county.people[user], name=name, at=clock.now()
        )
        # it has been in use for a while: the page's scans are of one day
        Device.objects.filter(pk=device.pk).update(enrolled_at=min(device.enrolled_at, NOW.replace(month=10)))
    return tokens


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed (Debian's package `curl`)")
@pytest.mark.django_db(transaction=True)
def test_every_example_answers_as_the_page_says(county, live_server, settings, tmp_path):
    settings.MIN_APP_VERSION = "2.0"
    settings.MEDIA_ROOT = tmp_path / "media"
    variables = {"BASE": live_server.url, **handhelds(county)}
    wrong, count = [], 0
    for status, script, said in examples():
        got_status, got = run(script, tmp_path, variables)
        services.fold_waiting(at=clock.now())  # the drain, which has no worker here
        found = difference(json.loads(said), got)
        if got_status != status:
            found.append(f"status {status} is {got_status}")
        if found:
            wrong.append(script.strip().splitlines()[0] + "\n  " + "\n  ".join(found))
        count += 1
    assert not wrong, "\n".join(wrong)
    assert count >= 14


def test_an_example_that_lies_is_noticed():
    said = {"accepted": 2, "received_at": "then", "exceptions": [{"code": "duplicate"}]}
    assert difference(said, {**said, "received_at": "now"}) == []
    for lie in (
        {**said, "accepted": 3},
        {**said, "received_at": None},
        {**said, "more": 1},
        {**said, "exceptions": []},
        {**said, "exceptions": [{"code": "other"}]},
    ):
        assert difference(said, lie)


def codes(heading: str) -> dict[str, str]:
    """The codes of the table behind a heading, each with the next column."""
    section = DOC.read_text(encoding="utf-8").partition(heading)[2]
    found = {}
    for cells in re.findall(r"^\| (`.*?) \| (.*?) \|", section.partition("\n\n|")[2].partition("\n\n")[0], re.M):
        found |= dict.fromkeys(re.findall(r"`(\w+)`", cells[0]), cells[1])
    return found


def test_every_code_of_an_event_stands_in_the_table():
    with override("en"):
        assert codes("Of one event") == {code: str(sentence) for code, sentence in SENTENCES.items()}


def test_every_code_of_a_request_stands_in_the_table():
    told = codes("Of a whole request")
    assert set(views.SENTENCES) <= set(told)
    source = "".join(
        path.read_text(encoding="utf-8")
        for pattern in (
            "common/limits.py",
            "common/middleware.py",
            "common/views.py",
            "common/problems.py",
            "stations/[ap]*.py",
            "tracking/api/*.py",
            "tracking/services/photo*.py",
        )
        for path in sorted(DOC.parents[1].glob(pattern))
    )
    raised = set(re.findall(r'(?:Refused|Conflict|AuthenticationFailed|PermissionDenied)\(\s*"(\w+)"', source))
    raised |= set(re.findall(r'\),\s*"([a-z_]+)",?\s*\)', source))
    raised |= set(re.findall(r'\brequest,\s*\d{3},\s*"(\w+)"', source))
    page = DOC.read_text(encoding="utf-8")
    unsaid = {code for code in raised - {"invalid"} if f"`{code}`" not in page}
    assert unsaid == set()
    assert {"device_revoked", "token_unknown", "try_later", "too_often"} <= raised


@pytest.mark.django_db
def test_the_frameworks_own_codes_stand_in_the_table(county, sign_in):
    told = codes("Of a whole request")
    token = {"Authorization": f"Device {handhelds(county)['TOKEN']}"}
    path = "/api/v1/expected/"
    for answer in (
        Client().get(path),
        sign_in("hub").get(path),
        Client().delete(path, headers=token),
        Client().get(path, headers={**token, "Accept": "text/html"}),
        Client().get("/api/v1/parcels/0/", headers=token),
        Client().get("/api/v1/nowhere/", headers=token),
    ):
        assert told[answer.json()["code"]] == str(answer.status_code), answer.content


def test_every_key_stands_in_the_tables():
    page = DOC.read_text(encoding="utf-8")
    keys = KEYS | set(ScanEventIn().fields) | set(ScanBatchIn().fields)
    assert [key for key in sorted(keys) if not re.search(rf"^\| [^|]*`{key}`", page, re.M)] == []
    assert set(ScanEventIn().fields) == KEYS
    assert all(node in (DOC.parent / "vocabulary.md").read_text(encoding="utf-8") for node in Node.values)


def test_the_limits_are_the_ones_that_hold():
    page = DOC.read_text(encoding="utf-8")
    assert f"at most {MAX_EVENTS}" in page
    assert f"At most {strict.MAX_PLAIN_BYTES // 1024} KiB" in page
    assert (
        f"{strict.MAX_WIRE_BYTES // 1024} KiB\non the wire" in page
        or f"{strict.MAX_WIRE_BYTES // 1024} KiB on the" in page
    )
    assert f"At most {views.BATCHES_A_MINUTE} uploads" in page.replace("\n", " ")
