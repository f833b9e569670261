"""Three months of a county from scans to the bank and back: a policy changed in mid-month, an objection upheld, a paid
parcel taken back and set off, a payment that came back and went again; at the end every yuan still leads to its scans.
"""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.urls import reverse

from common import clock
from settlement import services
from settlement.models import (
    Adjustment,
    Clawback,
    Line,
    OutletMonth,
    Payment,
    PaymentBatch,
    Period,
    Posting,
    Statement,
)
from settlement.queries.books import fund_money, stated_lines, trial_balance
from settlement.services.appeals import decide_appeal
from settlement.services.bank_files import bank_file
from settlement.services.clawbacks import accept_clawback, find_clawbacks, net_clawback, notify_clawback
from settlement.services.payments import issue_batches, send_batch
from settlement.services.recompute import recompute
from settlement.services.results import read_results
from settlement.states import (
    Account,
    AppealState,
    ClawbackState,
    FactorKind,
    PeriodState,
    StatementState,
)
from tests.conftest import make_parcel
from tests.settlement.money import answer, appropriate, give_account
from tests.settlement.months import township2
from tests.settlement.people import make_draft, make_fund
from tests.settlement.test_settle import deliver
from tests.tracking.scans import fold, record, scan
from tracking.models import ScanEvent

pytestmark = pytest.mark.django_db
AUGUST, SEPTEMBER, OCTOBER = (date(2026, month, 1) for month in (8, 9, 10))
OUTLETS = ("FD-O1", "FD-O2", "FD-O3")


def instant(month: date, day: int, hour: int = 4) -> datetime:
    return datetime(month.year, month.month, day, hour, tzinfo=UTC)


def policy(county, number: str, first: date, rate: str):
    draft = make_draft(county, number=number, valid_from=first, rate_delivery=Decimal(rate))
    draft.factors.create(kind=FactorKind.TIER, from_value=6, multiplier=Decimal("1.1"))
    return services.activate_policy(policy_id=draft.pk, by=county.people["approver"], at=instant(AUGUST, 1))


def a_month_of_deliveries(county, month: date) -> None:
    """Seven at each outlet, the last four after the fourteenth."""
    for place, outlet in enumerate(OUTLETS):
        for turn in range(7):
            waybill = f"7319{month:%m}{place}{turn:07}"
            make_parcel(county, waybill, destination=outlet[-2:].lower())
            deliver(county, waybill, outlet=outlet, at=instant(month, 3 + 4 * turn, 5 + place))
    services.settle(at=instant(clock.next_month(month), 1), county_code=county.code)


def pass_month(county, month: date, *, dispute: str = "") -> None:
    """Frozen on the second of the next month, through outlets, townships, officer and notice to the approver."""
    people, at = county.people, instant(clock.next_month(month), 2)
    of = {"county_code": county.code, "month": month}
    services.freeze_period(**of, by=people["clerk"], at=at)
    services.compute_period(**of, by=people["clerk"], at=at)
    for row in Statement.objects.filter(county_code=county.code, period=month).select_related("station"):
        if dispute and row.station == county.o1:
            appeal = services.dispute_statement(statement_id=row.pk, text=dispute, by=people["operator"], at=at)
            decide_appeal(
                appeal_id=appeal.pk,
                upheld=True,
                amount=Decimal("0.33"),
                answer="核实:一件当天断网,纸质登记在案,补发一件。",
                by=people["officer"],
                at=at,
            )
        else:
            services.confirm_statement(statement_id=row.pk, by=people["operator"], at=at)
        manager = township2(county) if row.station == county.o3 else people["township"]
        services.check_statements(ids=[row.pk], by=manager, at=at)
    services.review_period(**of, by=people["officer"], at=at)
    services.publicise_period(**of, by=people["clerk"], at=at)
    services.approve_period(**of, by=people["approver"], at=at + timedelta(days=9))


def pay(county, fund, at: datetime, *, comes_back: bool = False) -> PaymentBatch:
    """One batch to the bank; its answer in the file's own numbers."""
    people = county.people
    (batch,) = issue_batches(county_code=county.code, fund_id=fund.pk, by=people["clerk"], at=at)
    send_batch(batch_id=batch.pk, by=people["approver"], at=at)
    sent = list(csv.reader(io.StringIO(bank_file(batch=batch, kind="csv").decode("gb18030"))))
    assert len(sent) >= batch.payment_count + 1
    payments = list(batch.payments.order_by("pk"))
    rows = [
        (
            payment.number,
            payment.amount,
            "失败" if comes_back and not place else "成功",
            "户名不符" if comes_back else "",
        )
        for place, payment in enumerate(payments)
    ]
    outcome = read_results(batch_id=batch.pk, file=answer(*rows), by=people["clerk"], at=at)
    assert outcome.complete
    assert not outcome.problems
    return batch


def test_three_months_from_scans_to_the_bank_and_back(county, client):
    fund = make_fund(county)
    appropriate(county, "100.00", fund=fund)
    for place, outlet in enumerate((county.o1, county.o2, county.o3)):
        give_account(county, outlet, f"62170038100123456{place:02}", at=instant(AUGUST, 1))
    policy(county, "一号", AUGUST, "0.30")

    # August: seven parcels at each outlet, 0.30, 0.40 and 0.50 yuan; one outlet says that one is missing
    a_month_of_deliveries(county, AUGUST)
    pass_month(county, AUGUST, dispute="少了一件")
    august = {row.station.code: row.payable_yuan for row in Statement.objects.filter(period=AUGUST)}
    assert august == {"FD-O1": Decimal("2.10"), "FD-O2": Decimal("2.80"), "FD-O3": Decimal("3.50")}
    assert pay(county, fund, instant(SEPTEMBER, 15), comes_back=True).total_yuan == Decimal("8.40")
    states = set(Statement.objects.filter(period=AUGUST).values_list("state", flat=True))
    assert states == {StatementState.PAID, StatementState.FAILED}
    assert pay(county, fund, instant(SEPTEMBER, 16)).total_yuan == Decimal("2.10")  # what came back goes again
    assert Period.objects.get(month=AUGUST).state == PeriodState.CLOSED

    # September: the policy changes on the fifteenth; a parcel paid in August comes back
    policy(county, "二号", date(2026, 9, 15), "0.33")
    a_month_of_deliveries(county, SEPTEMBER)
    returned = Line.objects.filter(period=AUGUST, station=county.o2).order_by("effective_at").last()
    waybill = returned.parcel.waybill_no
    record(county.__dict__["handheld"], scan("RETURNED", "FD-O2", instant(SEPTEMBER, 5), waybill_no=waybill))
    fold(instant(SEPTEMBER, 5))
    assert find_clawbacks(at=instant(SEPTEMBER, 6), county_code=county.code) == 1
    assert find_clawbacks(at=instant(SEPTEMBER, 6), county_code=county.code) == 0
    claim = Clawback.objects.get()
    notify_clawback(clawback_id=claim.pk, by=county.people["clerk"], at=instant(SEPTEMBER, 6))
    accept_clawback(clawback_id=claim.pk, by=county.people["operator"], at=instant(SEPTEMBER, 7))
    net_clawback(clawback_id=claim.pk, by=county.people["approver"], at=instant(SEPTEMBER, 8))
    claim.refresh_from_db()
    assert (claim.state, claim.reversal.period) == (ClawbackState.NETTED, SEPTEMBER)
    services.settle(at=instant(SEPTEMBER, 9), county_code=county.code)
    assert claim.reversal == Line.objects.filter(parcel=claim.line.parcel).latest("turn"), "the scans don't pay again"

    pass_month(county, SEPTEMBER)
    rows = {row.station.code: row for row in Statement.objects.filter(period=SEPTEMBER)}
    # three parcels of the first policy and four of the second; August was closed by then: its seven make the tier
    kept = OutletMonth.objects.filter(month=SEPTEMBER).values_list("volume", "volume_month")
    assert set(kept) == {(7, AUGUST)}
    first, second = Decimal("0.33"), Decimal("0.363")
    appeal = Adjustment.objects.get()
    assert appeal.appeal.state == AppealState.UPHELD
    assert rows["FD-O1"].lines_yuan == 3 * first + 4 * second
    assert rows["FD-O1"].payable_yuan == Decimal("2.77")  # 2.4420 + 0.33
    assert rows["FD-O2"].parcels == 6
    pay(county, fund, instant(OCTOBER, 15))

    # October, as it should always be
    a_month_of_deliveries(county, OCTOBER)
    pass_month(county, OCTOBER)
    pay(county, fund, instant(date(2026, 11, 1), 15))
    assert set(Period.objects.values_list("state", flat=True)) == {PeriodState.CLOSED}

    every_yuan_leads_to_its_scans(county, fund)
    page = client.get(reverse("settlement:notice", args=[county.code, SEPTEMBER]))
    assert page.status_code == 200
    assert str(rows["FD-O1"].payable_yuan) in page.content.decode()


def every_yuan_leads_to_its_scans(county, fund) -> None:
    """From the bank back: payments → statements → lines and adjustments → entries → scans."""
    paid = Payment.objects.filter(state="paid").aggregate(yuan=Sum("amount"))["yuan"]
    assert paid == Statement.objects.aggregate(yuan=Sum("payable_yuan"))["yuan"]
    money = fund_money(fund)
    assert (money.paid, money.committed) == (paid, 0)
    assert sum(trial_balance(county.code).values()) == 0
    for row in Statement.objects.all():
        lines = stated_lines(county.code, row.period).filter(station=row.station_id)
        assert lines.aggregate(yuan=Sum("amount"))["yuan"] == row.lines_yuan
    for line in Line.objects.all():
        posted = Posting.objects.filter(
            entry=line.entry_id, account=Account.ACCRUED, station=line.station_id, period=line.period
        )
        assert posted.exists()
        assert ScanEvent.objects.filter(event_id__in=line.evidence).count() == len(line.evidence)
    assert not Posting.objects.values("entry").annotate(yuan=Sum("amount")).exclude(yuan=0).exists()
    drift = recompute(county.code)
    assert (drift.lines, drift.yuan) == (0, 0)
