"""From a delivery to exactly one line, and back when the delivery turns out not to have been one."""

import threading
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import AuditEntry
from orders.models import Parcel
from settlement.models import Cursor, Line, Period
from settlement.services import activate_policy, settle
from tests.conftest import NOW, County, make_device, make_parcel
from tests.settlement.people import make_draft, make_policy
from tests.tracking.scans import event_id, fold, record, scan
from tracking import services as tracking

HOUR = timedelta(hours=1)


def deliver(county: County, waybill: str, *, outlet: str = "FD-O1", at: datetime = NOW) -> str:
    """A parcel's way from the hub to a villager's hands; returns the id of the delivery scan."""
    device = county.__dict__.setdefault("handheld", None) or make_device(county.h1, county.people["hub"])
    county.__dict__["handheld"] = device
    signed = event_id(at)
    record(
        device,
        scan("HUB_IN", device.station.code, at - 6 * HOUR, waybill_no=waybill),
        scan("SORTED", device.station.code, at - 5 * HOUR, waybill_no=waybill),
        scan("LOADED", device.station.code, at - 4 * HOUR, waybill_no=waybill),
        scan("OUTLET_IN", outlet, at - 2 * HOUR, waybill_no=waybill),
        scan("SIGNED_PICKUP", outlet, at, waybill_no=waybill, event_id=signed),
        at=at,
    )
    fold(at)
    return signed


def correct(county: County, target: str, at: datetime) -> str:
    name = event_id(at)
    voiding = scan("CORRECTION", None, at, waybill_no=None, carrier=None, corrects=target, event_id=name, reason="误扫")
    record(county.__dict__["handheld"], voiding, at=at)
    fold(at)
    return name


def run(county: County, at: datetime = NOW):
    return settle(at=at, county_code=county.code)


def run_until_all_is_read(county: County) -> None:
    """Settle until the cursor is past the last fold: a transaction open anywhere in the cluster holds it back."""
    for _attempt in range(300):
        settle(at=NOW)
        newest = max(Parcel.objects.values_list("folded_in", flat=True))
        if Cursor.objects.get(county_code=county.code).upto > newest:
            return
        time.sleep(0.1)
    raise AssertionError("somebody holds a transaction open")


def amounts(county: County) -> list[tuple[int, str]]:
    return [(line.turn, str(line.amount)) for line in Line.objects.filter(county_code=county.code).order_by("id")]


@pytest.mark.django_db
def test_a_delivery_becomes_one_line_that_names_its_scans(county):
    policy = make_policy(county)
    make_parcel(county, "73190553102501")
    signed = deliver(county, "73190553102501", outlet="FD-O3")
    assert run(county).accrued == 1
    line = Line.objects.get()
    assert (line.policy, line.station, line.turn, line.amount) == (policy, county.o3, 0, Decimal("0.5000"))
    assert (line.period, line.effective_at) == (date(2026, 11, 1), NOW)
    assert str(line.evidence[-1]) == signed
    assert len(line.evidence) == 4, "custody only: sorting moves nobody's responsibility"
    assert line.evidence_class == "A"
    assert line.reasons == [
        {"code": "base", "service": "outlet_delivery", "rate": "0.3000", "policy": policy.number},
        {"code": "terrain", "value": "mountain", "factor": "1.666667", "village": "明月村民委员会"},
    ]


@pytest.mark.django_db
def test_each_terrain_has_its_rate(county):
    make_policy(county)
    for number, outlet in enumerate(("FD-O1", "FD-O2", "FD-O3")):
        deliver(county, f"7319055310250{number}", outlet=outlet)
    assert run(county).accrued == 3
    paid = dict(Line.objects.values_list("station__code", "amount"))
    assert paid == {"FD-O1": Decimal("0.30"), "FD-O2": Decimal("0.40"), "FD-O3": Decimal("0.50")}


@pytest.mark.django_db
def test_a_second_run_adds_nothing(county):
    make_policy(county)
    deliver(county, "73190553102501")
    run(county)
    again = run(county)
    assert (again.accrued, again.reversed) == (0, 0)
    Cursor.objects.update(upto=0)  # even reading everything again
    again = run(county)
    assert (again.accrued, again.reversed) == (0, 0)
    assert amounts(county) == [(0, "0.3000")]


@pytest.mark.django_db
def test_a_centre_or_hub_earns_nothing(county):
    make_policy(county)
    deliver(county, "73190553102501", outlet="FD-C1")
    deliver(county, "73190553102502", outlet="FD-H1")
    result = run(county)
    assert (result.accrued, result.no_policy) == (0, 0)


@pytest.mark.django_db
def test_a_voided_delivery_is_taken_back_and_the_next_one_paid(county):
    make_policy(county)
    signed = deliver(county, "73190553102501")
    run(county)
    voiding = correct(county, signed, NOW + HOUR)
    assert Parcel.objects.get().t_k is None
    result = run(county, NOW + 2 * HOUR)
    assert (result.accrued, result.reversed) == (0, 1)
    record(
        county.__dict__["handheld"],
        scan("SIGNED_PICKUP", "FD-O1", NOW + 3 * HOUR, waybill_no="73190553102501"),
        at=NOW + 3 * HOUR,
    )
    fold(NOW + 3 * HOUR)
    assert run(county, NOW + 4 * HOUR).accrued == 1
    assert amounts(county) == [(0, "0.3000"), (1, "-0.3000"), (2, "0.3000")]
    # the correction itself corrected: the first signature is the delivery again
    correct(county, voiding, NOW + 5 * HOUR)
    result = run(county, NOW + 6 * HOUR)
    assert (result.accrued, result.reversed) == (1, 1)
    assert [turn for turn, _a in amounts(county)] == [0, 1, 2, 3, 4]
    assert Line.objects.get(turn=4).effective_at == NOW


@pytest.mark.django_db
def test_a_voided_scan_on_the_way_leaves_the_evidence(county):
    make_policy(county)
    deliver(county, "73190553102501")
    run(county)
    loaded = Line.objects.get().evidence[1]
    correct(county, str(loaded), NOW + HOUR)
    result = run(county, NOW + HOUR)
    assert (result.accrued, result.reversed) == (1, 1)
    assert loaded not in Line.objects.get(turn=2).evidence


@pytest.mark.django_db
def test_a_late_scan_changes_no_line(county):
    make_policy(county)
    deliver(county, "73190553102501")
    run(county)
    late = scan("UNLOADED", "FD-C1", NOW - 3 * HOUR, waybill_no="73190553102501")
    record(county.__dict__["handheld"], late, at=NOW + HOUR)
    fold(NOW + HOUR)
    run(county, NOW + HOUR)
    assert amounts(county) == [(0, "0.3000")]


@pytest.mark.django_db
def test_the_policy_of_the_delivery_day_in_shanghai_counts(county):
    make_policy(county)
    make_policy(county, number="新", valid_from=date(2026, 11, 16), rate_delivery=Decimal("0.35"))
    deliver(county, "73190553102501", at=datetime(2026, 11, 15, 15, 59, 59, tzinfo=UTC))  # a second to midnight
    deliver(county, "73190553102502", at=datetime(2026, 11, 15, 16, 0, tzinfo=UTC))  # midnight there
    assert run(county).accrued == 2
    paid = dict(Line.objects.values_list("parcel__waybill_no", "amount"))
    assert paid == {"73190553102501": Decimal("0.3000"), "73190553102502": Decimal("0.3500")}


@pytest.mark.django_db
def test_a_policy_put_in_force_later_re_rates_what_it_covers(county):
    make_policy(county)
    deliver(county, "73190553102501", at=NOW - timedelta(days=12))
    deliver(county, "73190553102502")
    run(county)
    draft = make_draft(county, number="新", valid_from=date(2026, 11, 16), rate_delivery=Decimal("0.35"))
    activate_policy(policy_id=draft.pk, by=county.people["approver"], at=NOW)
    result = run(county)
    assert (result.accrued, result.reversed) == (1, 1)
    assert sorted(amounts(county)[2:]) == [(1, "-0.3000"), (2, "0.3500")]
    assert list(
        AuditEntry.objects.filter(action__startswith="policy.").order_by("id").values_list("action", flat=True)
    ) == ["policy.activated", "policy.ended", "policy.activated"]


@pytest.mark.django_db
def test_deliveries_wait_for_a_policy(county):
    deliver(county, "73190553102501")
    result = run(county)
    assert (result.accrued, result.no_policy) == (0, 1)
    assert run(county).accrued == 0
    make_policy(county)
    assert run(county).accrued == 1


@pytest.mark.django_db
def test_the_month_turns_at_midnight_in_shanghai(county):
    make_policy(county)
    deliver(county, "73190553102501", at=datetime(2026, 10, 31, 15, 59, tzinfo=UTC))
    deliver(county, "73190553102502", at=datetime(2026, 10, 31, 16, 1, tzinfo=UTC))
    run(county)
    months = dict(Line.objects.values_list("parcel__waybill_no", "period"))
    assert months == {"73190553102501": date(2026, 10, 1), "73190553102502": date(2026, 11, 1)}


@pytest.mark.django_db
def test_a_frozen_month_sends_late_lines_to_the_next_open_one(county):
    make_policy(county)
    at = datetime(2026, 9, 10, 4, 0, tzinfo=UTC)
    signed = deliver(county, "73190553102501", at=at)
    run(county)
    for month in (9, 10):
        Period.objects.create(county_code=county.code, month=date(2026, month, 1), state="frozen")
    deliver(county, "73190553102502", at=at)
    correct(county, signed, at + HOUR)
    run(county)
    late = Line.objects.filter(period=date(2026, 11, 1)).order_by("turn")
    assert [(line.turn, line.effective_at) for line in late] == [(0, at), (1, at)]


@pytest.mark.django_db
def test_all_counties_and_only_their_own_policies(county, neighbour):
    make_policy(county)
    deliver(county, "73190553102501")
    assert settle(at=NOW).accrued == 1
    assert not Line.objects.filter(county_code=neighbour.code).exists()


@pytest.mark.django_db
def test_after_a_restore_everything_is_read_again(county, capsys):
    make_policy(county)
    deliver(county, "73190553102501")
    run(county)
    deliver(county, "73190553102502")
    with connection.cursor() as cursor:  # as in a cluster that has counted far less than the one that was saved
        cursor.execute("UPDATE orders_parcel SET folded_in = '900000000000'::xid8")
        cursor.execute("UPDATE settlement_cursor SET upto = '800000000000'::xid8")
    assert run(county).accrued == 0
    call_command("after_restore")
    assert "2 parcels" in capsys.readouterr().out
    assert run(county).accrued == 1
    call_command("after_restore")
    assert "0 parcels" in capsys.readouterr().out
    assert run(county).accrued == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_pay_once(county):
    make_policy(county)
    for number in range(20):
        deliver(county, f"731905531026{number:02}")
    results = []

    def work() -> None:
        try:
            results.append(settle(at=NOW))
        finally:
            connection.close()

    for _round in range(3):
        threads = [threading.Thread(target=work) for _n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    run_until_all_is_read(county)
    assert sum(result.accrued for result in results) <= 20
    assert Line.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_a_fold_that_commits_late_is_not_missed(county):
    """A transaction that took its id before the run and commits after it: its parcels come with the next run."""
    make_policy(county)
    deliver(county, "73190553102501")
    ready, go = threading.Event(), threading.Event()
    device = county.__dict__["handheld"]

    def slow_fold() -> None:
        from django.db import transaction

        try:
            with transaction.atomic():
                deliver_events = [
                    scan("OUTLET_IN", "FD-O1", NOW - HOUR, waybill_no="73190553102777"),
                    scan("SIGNED_PICKUP", "FD-O1", NOW, waybill_no="73190553102777"),
                ]
                receipt = record(device, *deliver_events)
                tracking.fold_upload(upload_id=receipt.upload_id, at=NOW)
                ready.set()
                go.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=slow_fold)
    thread.start()
    assert ready.wait(20)
    county.__dict__["handheld"] = make_device(county.c1, county.people["centre"], token="another", name="PDA-2")
    deliver(county, "73190553102888", outlet="FD-O2")  # begins and ends while the slow one is open
    settle(at=NOW)
    before = Cursor.objects.get(county_code=county.code).upto
    go.set()
    thread.join()
    assert before <= Parcel.objects.get(waybill_no="73190553102777").folded_in
    run_until_all_is_read(county)
    assert Line.objects.count() == 3
