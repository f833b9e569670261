"""Carriers every county knows are there; others are added by command."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from orders.codes import CARRIERS
from stations.models import Organisation

pytestmark = pytest.mark.django_db


def test_the_known_carriers_are_there_from_the_start(known_carriers):
    assert set(CARRIERS) <= set(Organisation.objects.carriers().values_list("code", flat=True))


def test_another_carrier_is_added_once(capsys):
    call_command("add_organisation", "best", "百世快递")
    assert Organisation.objects.get(code="BEST").name == "百世快递"
    assert AuditEntry.objects.get(action="organisation.added").actor_label == "manage.py add_organisation"
    with pytest.raises(CommandError):
        call_command("add_organisation", "BEST", "另一家")
    with pytest.raises(CommandError):
        call_command("add_organisation", "坏", "编号")
    with pytest.raises(CommandError):
        call_command("add_organisation", "OK1", " ")
