"""What proves a delivery: which scans a line names, how good they are, and what is held until somebody helps."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from settlement.models import CaseLine, FraudCase, FraudRule, Hold, JournalEntry, Line, Period, Posting
from settlement.queries.books import stated_lines, trial_balance
from settlement.services import recompute
from settlement.services.holds import close_hold
from settlement.services.lines import reinstate_line, reverse_line
from settlement.states import Account, HoldOutcome, HoldReason
from tests.conftest import NOW, County, make_device, make_parcel
from tests.settlement.people import make_policy
from tests.settlement.test_settle import HOUR, amounts, correct, deliver, run
from tests.tracking.scans import event_id, fold, record, scan

pytestmark = pytest.mark.django_db
WAYBILL = "73190553102501"
ARRIVAL, SIGNATURE = NOW - HOUR, NOW


def send(county: County, *events: dict, at=NOW) -> None:
    device = county.__dict__.setdefault("handheld", None) or make_device(county.h1, county.people["hub"])
    county.__dict__["handheld"] = device
    record(device, *events, at=at)
    fold(at)


def upstream() -> dict:
    return scan("HUB_IN", "FD-H1", NOW - 6 * HOUR, waybill_no=WAYBILL)


def arrival(method: str = "scan", station: str = "FD-O1") -> dict:
    return scan("OUTLET_IN", station, ARRIVAL, waybill_no=WAYBILL, method=method)


def signature(method: str = "scan") -> dict:
    return scan("SIGNED_PICKUP", "FD-O1", SIGNATURE, waybill_no=WAYBILL, method=method)


@pytest.mark.parametrize(
    ("announced", "events", "expected"),
    [
        (True, [upstream(), arrival(), signature()], ("A", None)),
        (False, [upstream(), arrival(), signature()], ("B", None)),
        (True, [arrival(), signature()], ("B", None)),  # nothing upstream
        (True, [upstream(), arrival("typed"), signature()], ("B", None)),
        (True, [upstream(), arrival(), signature("bulk")], ("B", None)),
        (True, [upstream(), arrival("typed"), arrival(), signature()], ("A", None)),  # typed, then scanned
        (True, [upstream(), arrival("typed"), signature("import")], ("C", HoldReason.ALL_TYPED)),
        (True, [upstream(), signature()], ("C", HoldReason.NO_ARRIVAL)),
        (True, [upstream(), arrival(station="FD-O2"), signature()], ("C", HoldReason.NO_ARRIVAL)),
    ],
)
def test_the_class_of_a_delivery(county, announced, events, expected):
    make_policy(county)
    if announced:
        make_parcel(county, WAYBILL)
    # the table above is made once: each test sends scans of its own
    send(county, *({**event, "event_id": event_id(NOW)} for event in events))
    result = run(county)
    line = Line.objects.get()
    hold = Hold.objects.filter(line=line).first()
    assert (line.evidence_class, hold and hold.reason) == expected
    assert result.held == (expected[0] == "C")
    assert line.amount == Decimal("0.3000"), "a held line is accrued like any other"


def test_unloading_and_taking_over_are_arrivals_too(county):
    make_policy(county)
    for number, kind in ((1, {"type": "UNLOADED"}), (2, {"type": "HANDOVER", "side": "take"})):
        waybill = f"7319055310250{number}"
        make_parcel(county, waybill)
        send(
            county,
            scan("HUB_IN", "FD-H1", NOW - 6 * HOUR, waybill_no=waybill),
            {**scan("OUTLET_IN", "FD-O1", ARRIVAL, waybill_no=waybill), **kind},
            scan("SIGNED_SELF", "FD-O1", NOW, waybill_no=waybill),
        )
    run(county)
    assert set(Line.objects.values_list("evidence_class", flat=True)) == {"A"}


def test_scans_of_the_bag_it_was_in_count_and_no_others(county):
    make_policy(county)
    make_parcel(county, WAYBILL)
    in_bag = {"waybill_no": None, "carrier": None, "bag": "BAG-1"}
    before = scan("LOADED", "FD-H1", NOW - 9 * HOUR, **in_bag)
    loaded = scan("LOADED", "FD-H1", NOW - 5 * HOUR, **in_bag)
    voided = scan("UNLOADED", "FD-C1", NOW - 4 * HOUR, **in_bag)
    arrived = scan("UNLOADED", "FD-O1", NOW - 3 * HOUR, **in_bag)
    after = scan("LOADED", "FD-O1", NOW - HOUR, **in_bag)
    send(
        county,
        before,
        scan("BAGGED", "FD-H1", NOW - 6 * HOUR, waybill_no=WAYBILL, bag="BAG-1"),
        loaded,
        voided,
        arrived,
        scan("UNBAGGED", "FD-O1", NOW - 2 * HOUR, waybill_no=WAYBILL, bag="BAG-1"),
        after,
        signed := signature(),
    )
    correct(county, voided["event_id"], NOW)
    deliver(county, "73190553102502")
    run(county)
    line = Line.objects.get(parcel__waybill_no=WAYBILL)
    assert [str(one) for one in line.evidence] == [one["event_id"] for one in (loaded, arrived, signed)]
    assert line.evidence_class == "A"
    assert Line.objects.exclude(pk=line.pk).get().evidence_class == "B"  # nobody announced it
    assert recompute(county.code).lines == 0


def test_a_late_arrival_scan_frees_what_was_held(county):
    make_policy(county)
    make_parcel(county, WAYBILL)
    send(county, upstream(), signature())
    run(county)
    Period.objects.create(county_code=county.code, month=date(2026, 11, 1), state="frozen")
    send(county, arrival(), at=NOW + HOUR)
    result = run(county, NOW + HOUR)
    assert (result.accrued, result.reversed, result.held) == (1, 1, 0)
    hold = Hold.objects.get()
    assert (hold.outcome, hold.stated_in, hold.closed_by) == (HoldOutcome.REVERSED, date(2026, 12, 1), None)
    turns = Line.objects.order_by("turn").values_list("turn", "evidence_class", "period")
    november, december = date(2026, 11, 1), date(2026, 12, 1)
    assert list(turns) == [(0, "C", november), (1, "C", december), (2, "A", december)]
    assert not stated_lines(county.code, november).exists()
    assert sum(line.amount for line in stated_lines(county.code, december)) == Decimal("0.3000")
    assert run(county).accrued == 0


def test_what_was_released_is_not_touched_by_better_scans(county):
    make_policy(county)
    send(county, upstream(), signature())
    run(county)
    close_hold(
        hold=Hold.objects.get(), outcome=HoldOutcome.RELEASED, by=county.people["approver"], at=NOW, reason="核实"
    )
    send(county, arrival(), at=NOW + HOUR)
    run(county, NOW + HOUR)
    assert len(amounts(county)) == 1


def test_a_line_somebody_is_being_asked_about_waits(county):
    make_policy(county)
    send(county, upstream(), signature())
    run(county)
    rule = FraudRule.objects.create(
        county_code=county.code, code="F7", version=1, kind="soft", thresholds={}, created_at=NOW
    )
    case = FraudCase.objects.create(
        county_code=county.code, rule=rule, station=county.o1, subject="x", numbers={}, raised_at=NOW,
        answer_by=NOW.date() + timedelta(days=7),
    )  # fmt: skip
    CaseLine.objects.create(case=case, line=Line.objects.get())
    send(county, arrival(), at=NOW + HOUR)
    run(county, NOW + HOUR)
    assert len(amounts(county)) == 1


def test_a_voided_arrival_sends_the_line_into_hold(county):
    make_policy(county)
    make_parcel(county, WAYBILL)
    came = arrival()
    send(county, upstream(), came, signature())
    run(county)
    correct(county, came["event_id"], NOW + HOUR)
    run(county, NOW + HOUR)
    assert list(Line.objects.order_by("turn").values_list("evidence_class", flat=True)) == ["A", "A", "C"]
    assert Hold.objects.get(closed_at=None).line.turn == 2


def test_a_decision_bars_the_scans(county):
    make_policy(county)
    signed = deliver(county, WAYBILL)
    run(county)
    reverse_line(line=Line.objects.get(), by=county.people["approver"], at=NOW)
    voiding = correct(county, signed, NOW + HOUR)
    correct(county, voiding, NOW + 2 * HOUR)
    assert run(county).accrued == 0
    assert [turn for turn, _yuan in amounts(county)] == [0, 1]
    reinstate_line(line=Line.objects.first(), by=county.people["approver"], at=NOW)
    correct(county, signed, NOW + 3 * HOUR)
    assert run(county).reversed == 1, "what was reinstated stands on its scans again"


def test_one_entry_a_run_and_it_says_what_the_lines_say(county):
    make_policy(county)
    deliver(county, "73190553102501")
    deliver(county, "73190553102502", outlet="FD-O3")
    signed = deliver(county, "73190553102503", at=NOW - timedelta(days=25))
    run(county)
    run(county)
    entry = JournalEntry.objects.get()
    assert entry.source_key == f"settle:{entry.pk}"
    assert set(Line.objects.values_list("entry_id", flat=True)) == {entry.pk}
    owed = Posting.objects.filter(account=Account.ACCRUED).order_by("period", "station_id")
    assert list(owed.values_list("station__code", "period", "amount")) == [
        ("FD-O1", date(2026, 10, 1), Decimal("-0.3000")),
        ("FD-O1", date(2026, 11, 1), Decimal("-0.3000")),
        ("FD-O3", date(2026, 11, 1), Decimal("-0.5000")),
    ]
    correct(county, signed, NOW + HOUR)
    run(county, NOW + HOUR)
    assert JournalEntry.objects.count() == 2
    assert trial_balance(county.code) == {"accrued": Decimal("-0.8000"), "subsidy": Decimal("0.8000")}
