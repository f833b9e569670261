"""What beat and the operator start: the sweep, the months ahead, folding by hand."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from common import clock
from orders.models import Parcel
from tests.conftest import NOW, make_device
from tests.tracking.scans import parcel, record, scan
from tracking import services, tasks
from tracking.services.drain import FOLD_VERSION

pytestmark = pytest.mark.django_db


@pytest.fixture
def handheld(county):
    return make_device(county.h1, county.people["hub"])


def test_the_sweep_folds_what_a_lost_bell_left(handheld):
    record(handheld, scan("HUB_IN", "FD-H1"))
    assert tasks.drain() == 1
    assert parcel().state == "at_hub"
    assert tasks.drain() == 0


def test_months_are_made_two_years_ahead_and_only_once():
    at = clock.now() + timedelta(days=400)
    months = services.make_partitions(at=at)
    assert len(months) == 25
    services.make_partitions(at=at)
    assert tasks.make_partitions() == 25
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname = %s", [f"tracking_scanevent_{months[-1]:%Y%m}"])
        assert cursor.fetchone() == (1,)


def test_folding_by_hand_says_what_differs(handheld, capsys):
    record(handheld, scan("HUB_IN", "FD-H1"))
    call_command("fold_scans")
    assert "1 uploads folded" in capsys.readouterr().out
    Parcel.objects.update(s_state="lost", s_k=b"\x00")
    call_command("fold_scans", again="500230")
    assert "1 parcels folded anew, 1 differ" in capsys.readouterr().out
    assert parcel().state == "at_hub"


def test_rows_of_an_older_fold_are_folded_anew(handheld):
    record(handheld, scan("HUB_IN", "FD-H1", NOW))
    tasks.drain()
    assert services.refold_older(at=NOW) == 0
    Parcel.objects.update(fold_version=0, s_state="lost")
    assert tasks.refold_older() == 1
    assert (parcel().state, parcel().fold_version) == ("at_hub", FOLD_VERSION)
