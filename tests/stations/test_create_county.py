"""The commands of the machine's owner: a county with its administrator, a handheld's token, the table of rights."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditEntry, User
from accounts.roles import ACTIONS, Role
from common import fields
from stations.models import Device, Membership, Region
from tests.conftest import County

pytestmark = pytest.mark.django_db


def run(*args: str, **options: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def test_an_empty_county_gets_an_administrator_who_can_add_people():
    said = run("create_county", "500236", admin="fengjie", name="奉节县")
    password = next(word for word in said.split() if word.count("-") == 3)
    client = Client()
    signed_in = client.post("/accounts/sign-in/", {"username": "fengjie", "password": password})
    assert signed_in.status_code == 302
    assert client.get("/people/")["Location"] == "/accounts/password/"  # the first password is changed first
    held = Membership.objects.get()
    assert (held.role, held.county_code, held.region_id) == (Role.COUNTY_OFFICER, "500236", "500236000000")
    assert Region.objects.get().initials == "fjx"
    assert AuditEntry.objects.filter(action="county.created", county_code="500236").count() == 1


def test_a_second_run_says_so_and_changes_nothing():
    run("create_county", "500236", admin="fengjie", name="奉节县")
    said = run("create_county", "500236", admin="another")
    assert "奉节县" in said
    assert User.objects.count() == Membership.objects.count() == 1


@pytest.mark.parametrize("code", ["50023", "5002360000001", "abc", "50023６", "0000"])
def test_a_code_that_is_none_is_refused(code: str):
    with pytest.raises(CommandError):
        run("create_county", code, admin="x", name="y")


def test_an_unknown_county_needs_a_name():
    with pytest.raises(CommandError):
        run("create_county", "500236", admin="x")


def test_a_taken_user_name_leaves_no_county_behind(county: County):
    with pytest.raises(CommandError):
        run("create_county", "500236", admin="operator", name="奉节县")
    assert not Membership.objects.filter(county_code="500236").exists()


def test_enrol_device_prints_a_token_once(county: County):
    token = run("enrol_device", station="FD-O1", user="operator").strip()
    assert Device.objects.get().token_digest == fields.digest(token)
    for station, user in [("FD-XX", "operator"), ("FD-O1", "nobody"), ("FD-O1", "operator2")]:
        with pytest.raises(CommandError):
            run("enrol_device", station=station, user=user)


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_the_table_of_rights_can_be_printed(lang: str):
    said = run("print_rights", lang=lang)
    lines = [line for line in said.splitlines() if line.startswith("|")]
    assert len(lines) == len(ACTIONS) + 2
    assert ("县" in lines[0]) == (lang == "zh-hans")
