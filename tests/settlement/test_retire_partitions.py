"""Months of scans leave the event table once nobody can be paid by them any more, and what was paid stays paid."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection

from common import clock
from settlement import tasks
from settlement.models import Cursor, Line, Period
from settlement.services import retire_months, settle
from settlement.states import PeriodState
from tests.conftest import NOW
from tests.settlement.people import make_policy
from tests.settlement.test_settle import deliver
from tracking.models import ScanEvent
from tracking.queue_queries import attached_months, stored_months

pytestmark = pytest.mark.django_db
LATER = datetime(2037, 1, 15, tzinfo=UTC)


def close(county_code: str, *months: date) -> None:
    for month in months:
        Period.objects.update_or_create(county_code=county_code, month=month, defaults={"state": PeriodState.CLOSED})


@pytest.fixture
def paid(county):
    """One parcel delivered and paid in the first month that is stored."""
    make_policy(county)
    deliver(county, "73190553102532")
    settle(at=NOW)
    with connection.cursor() as cursor:  # else its upload counts as still under way
        cursor.execute("UPDATE tracking_upload SET received_at = %s", [NOW])
    assert Line.objects.count() == 1
    return county


@pytest.fixture
def months():
    found = attached_months()
    assert found[0] <= clock.month_of(NOW)
    return found


def test_an_open_month_keeps_its_scans(paid, months):
    assert retire_months(at=LATER, keep_years=10) == []
    close(paid.code, months[0])
    assert retire_months(at=LATER, keep_years=10) == []  # its last hours, in UTC, are the next month's
    assert attached_months() == months


def test_a_closed_month_that_is_old_enough_leaves(paid, months):
    close(paid.code, *months[:3])
    assert retire_months(at=LATER, keep_years=10) == [m for m in months if m < date(2027, 1, 1)]
    assert [row.attached for row in stored_months() if row.month == months[0]] == [False]
    assert not ScanEvent.objects.exists()
    assert retire_months(at=LATER, keep_years=10) == []


def test_a_month_that_is_not_old_enough_stays(paid, months):
    close(paid.code, *months[:3])
    assert retire_months(at=LATER, keep_years=30) == []


def test_one_county_that_has_not_closed_keeps_it_for_all(paid, neighbour, months):
    close(paid.code, *months[:3])
    Line.objects.filter(pk=Line.objects.get().pk)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tracking_scanevent SET county_code = %s", [neighbour.code])
    assert retire_months(at=LATER, keep_years=10) == []
    close(neighbour.code, *months[:3])
    assert retire_months(at=LATER, keep_years=10)


def test_a_line_moved_into_an_open_month_keeps_its_scans(county, months):
    """A delivery of a frozen month is paid in a later one: its evidence is needed until that is closed, too."""
    close(county.code, *months[:3])
    make_policy(county)
    deliver(county, "73190553102532")
    settle(at=NOW)
    assert Line.objects.get().period not in months[:3]
    assert retire_months(at=LATER, keep_years=10) == []
    close(county.code, Line.objects.get().period)
    assert retire_months(at=LATER, keep_years=10)


def test_what_was_paid_is_not_taken_back_when_its_scans_are_gone(paid, months):
    close(paid.code, *months[:3])
    retire_months(at=LATER, keep_years=10)
    Cursor.objects.update(upto=0)  # as a new policy or a restore does: every parcel is read again
    result = settle(at=LATER)
    assert (result.accrued, result.reversed) == (0, 0)
    assert Line.objects.count() == 1


def test_beat_rings_with_the_setting(paid, months, settings):
    assert settings.SCAN_KEEP_YEARS == 10
    assert tasks.retire_months() == 0
    assert attached_months() == months
