"""A parcel collected at a village outlet: one line, held until a scan shows that the outlet passed it on."""

from decimal import Decimal

import pytest

from settlement.models import Hold, Line
from settlement.services import recompute
from settlement.states import HoldOutcome, HoldReason
from tests.conftest import NOW, make_parcel
from tests.settlement.people import make_policy
from tests.settlement.test_evidence import send
from tests.settlement.test_settle import HOUR, correct, run
from tests.tracking.scans import scan

pytestmark = pytest.mark.django_db
WAYBILL = "73190553102501"
FORTY = {"rate_collection": Decimal("0.40")}


def collected(station: str = "FD-O1", method: str = "scan", at=NOW - 5 * HOUR) -> dict:
    return scan("COLLECTED", station, at, waybill_no=WAYBILL, method=method)


def passed_on(station: str = "FD-O1", kind: str = "LOADED", at=NOW - HOUR, method: str = "scan", **more) -> dict:
    return scan(kind, station, at, waybill_no=WAYBILL, method=method, **more)


def only_line() -> tuple[str, str, str, str, str]:
    line = Line.objects.get()
    hold = Hold.objects.filter(line=line).first()
    return (line.service, line.station.code, str(line.amount), line.evidence_class, hold.reason if hold else "")


@pytest.mark.parametrize(
    ("announced", "onward", "method", "expected"),
    [
        (True, passed_on(), "scan", ("A", "")),
        (False, passed_on(), "scan", ("B", "")),
        (True, passed_on(kind="HANDOVER", side="take"), "scan", ("A", "")),
        (True, passed_on("FD-H1", "HUB_IN"), "scan", ("A", "")),  # any scan elsewhere
        (True, passed_on(), "typed", ("B", "")),
        (True, passed_on(method="typed"), "typed", ("C", HoldReason.ALL_TYPED)),
        (True, passed_on(kind="SORTED"), "scan", ("C", HoldReason.NOT_PASSED_ON)),  # still there
        (True, None, "scan", ("C", HoldReason.NOT_PASSED_ON)),
    ],
)
def test_a_collection_becomes_a_line(county, announced, onward, method, expected):
    make_policy(county, **FORTY)
    if announced:
        make_parcel(county, WAYBILL)
    send(
        county,
        collected(method=method),
        *([{**onward, "event_id": scan("LOADED", None)["event_id"]}] if onward else []),
    )
    assert run(county).accrued == 1
    assert only_line() == ("outlet_collection", "FD-O1", "0.4000", *expected)
    assert Line.objects.get().effective_at == NOW - 5 * HOUR


def test_passing_on_ends_the_hold(county):
    make_policy(county, **FORTY)
    make_parcel(county, WAYBILL)
    first = collected()
    send(county, first)
    run(county)
    onward = passed_on()
    send(county, onward, passed_on("FD-H1", "HUB_IN", at=NOW))
    result = run(county)
    assert (result.accrued, result.reversed) == (1, 1)
    assert Hold.objects.get().outcome == HoldOutcome.REVERSED
    line = Line.objects.get(turn=2)
    assert [str(one) for one in line.evidence] == [first["event_id"], onward["event_id"]]
    earlier = passed_on(kind="HANDOVER", side="give", at=NOW - 2 * HOUR)  # comes late, and comes before
    send(county, earlier, at=NOW + HOUR)
    assert run(county).accrued == 0
    assert recompute(county.code).lines == 0
    correct(county, onward["event_id"], NOW + HOUR)
    run(county)
    assert [str(one) for one in Line.objects.get(turn=4).evidence] == [first["event_id"], earlier["event_id"]]


def test_a_bag_that_left_shows_it(county):
    make_policy(county, **FORTY)
    make_parcel(county, WAYBILL)
    left = scan("LOADED", "FD-O1", NOW - HOUR, waybill_no=None, carrier=None, bag="BAG-7")
    send(county, collected(), scan("BAGGED", "FD-O1", NOW - 2 * HOUR, waybill_no=WAYBILL, bag="BAG-7"), left)
    run(county)
    line = Line.objects.get()
    assert (line.evidence_class, str(line.evidence[-1])) == ("A", left["event_id"])


def test_collections_earn_nothing_at_a_centre_or_without_a_rate(county):
    make_policy(county, **FORTY)
    send(county, collected("FD-C1"), passed_on("FD-C1"))
    assert run(county).accrued == 0


def test_a_policy_may_not_pay_collections(county):
    make_policy(county)
    send(county, collected(), passed_on())
    result = run(county)
    assert (result.accrued, result.no_policy) == (0, 0)


def test_a_voided_collection_is_taken_back(county):
    make_policy(county, **FORTY)
    first = collected()
    send(county, first, passed_on())
    run(county)
    correct(county, first["event_id"], NOW + HOUR)
    assert run(county).reversed == 1


def test_one_parcel_earns_at_both_ends(county):
    """From one village of the county to another: the outlet that took it in, and the one that gave it out."""
    make_policy(county, **FORTY)
    make_parcel(county, WAYBILL)
    send(
        county,
        collected(),
        passed_on(at=NOW - 4 * HOUR),
        passed_on("FD-O3", "OUTLET_IN", at=NOW - HOUR),
        scan("SIGNED_SELF", "FD-O3", NOW, waybill_no=WAYBILL),
    )
    assert run(county).accrued == 2
    paid = Line.objects.order_by("service").values_list("service", "station__code", "evidence_class")
    assert list(paid) == [("outlet_collection", "FD-O1", "A"), ("outlet_delivery", "FD-O3", "A")]
