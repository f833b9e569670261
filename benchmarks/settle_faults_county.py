"""The county of `settle-faults`, made through the services everybody uses, and the steps from its scans to the bank."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from accounts.models import User
from accounts.roles import Role
from common import clock
from common.ids import uuid7
from demo import network
from demo.services import build_county
from orders.rules import ParcelLine
from orders.services import import_parcels
from settlement.models import Fund, PaymentBatch, Period, Statement
from settlement.services import accounts, bank_files, funds, payments, periods, policies, results, statements
from settlement.services.settle import settle
from settlement.states import BatchState, PeriodState, StatementState
from stations.models import Membership, Region, Station
from stations.services import enrol_device
from tracking import services as tracking

COUNTY = network.COUNTY
UPLOAD = 500  # events


def build(months: list[date], *, outlets: int, parcels: int, at: datetime) -> str:
    """Everything up to the folded scans; nothing is settled."""
    began = clock.day_start(months[0]) - timedelta(days=40)
    build_county(at=began)
    hub = Station.objects.get(county_code=COUNTY, level="HUB")
    chosen = list(Station.objects.filter(county_code=COUNTY, level="OUTLET").order_by("code")[:outlets])
    clerk, approver = (User.objects.get(username=name) for name in ("clerk", "approver"))
    _second_people(at=began)
    fund = _money(months, clerk=clerk, approver=approver, at=began)
    for station in chosen:
        account = accounts.enter_account(
            station=station,
            holder=station.name,
            bank="丰都农商银行",
            number=f"6230{station.pk:012}",
            by=User.objects.get(username="centre"),
            at=began,
        )
        accounts.confirm_account(account_id=account.pk, by=clerk, at=began)
    operator = Membership.objects.filter(station=hub).select_related("user").first()
    assert operator is not None
    device, _token = enrol_device(station=hub, user=operator.user, name="settle-faults", at=began)
    sender = tracking.sender_for_device(device)
    events: list[dict] = []
    lines: list[ParcelLine] = []
    number = 0
    for month in months:
        for place, station in enumerate(chosen):
            for turn in range(parcels):
                number += 1
                waybill = f"7319{number:010}"
                handed = clock.day_start(month) + timedelta(days=turn % 26, hours=9 + place % 8, seconds=number)
                typed = number % 37 == 0
                lines.append(ParcelLine(number, "ZTO", waybill, "陈秀英", "13800000000", station.region_id))
                events += _journey(hub.code, station.code, waybill, handed, typed, number)
    import_parcels(county_code=COUNTY, lines=lines, at=began, by=None)
    for start in range(0, len(events), UPLOAD):
        part = events[start : start + UPLOAD]
        sent = datetime.fromisoformat(max(event["occurred_at"] for event in part))
        tracking.record_scans(
            sender=sender,
            batch_id=_id(sent, start),
            device_now=sent,
            events=part,
            received_at=sent,
        )
        tracking.fold_waiting(at=sent + timedelta(seconds=1))
    voided = [event for event in events if event["type"] == "SIGNED_PICKUP"][::29]
    tracking.record_scans(
        sender=sender,
        batch_id=_id(at, 1),
        device_now=at - timedelta(days=1),
        received_at=at - timedelta(days=1),
        events=[
            {
                "event_id": str(_id(at, 10_000 + place)),
                "type": "CORRECTION",
                "corrects": event["event_id"],
                "occurred_at": (at - timedelta(days=1)).isoformat(),
                "method": "scan",
                "reason": "误扫",
            }
            for place, event in enumerate(voided)
        ],
    )
    tracking.fold_waiting(at=at)
    return f"{number} parcels, {len(events)} events, {len(voided)} corrected; fund {fund}"


def _id(at: datetime, number: int) -> UUID:
    return UUID(str(uuid7(int(at.timestamp() * 1000), number)))


def _journey(hub: str, outlet: str, waybill: str, handed: datetime, typed: bool, number: int) -> list[dict]:
    """Into the county, out to the outlet, into a villager's hands."""
    return [
        {
            "event_id": str(_id(handed - timedelta(hours=before), number * 10 + place)),
            "type": kind,
            "carrier": "ZTO",
            "waybill_no": waybill,
            "station": station,
            "occurred_at": (handed - timedelta(hours=before)).isoformat(),
            "method": "typed" if typed and before < 4 else "scan",
        }
        for place, (kind, station, before) in enumerate(
            (("HUB_IN", hub, 8), ("LOADED", hub, 5), ("OUTLET_IN", outlet, 2), ("SIGNED_PICKUP", outlet, 0))
        )
    ]


def _second_people(*, at: datetime) -> None:
    """A second of each, so that two may press at once."""
    county = Region.objects.get(pk=f"{COUNTY}000000")
    for role in (Role.SETTLEMENT_CLERK, Role.SETTLEMENT_APPROVER, Role.COUNTY_OFFICER):
        user = User.objects.create(username=f"second-{role.value}", name=str(role.label))
        Membership.objects.create(user=user, role=role, county_code=COUNTY, region=county, created_at=at)


def _money(months: list[date], *, clerk: User, approver: User, at: datetime) -> str:
    fund = funds.create_fund(
        county_code=COUNTY,
        number="FUND-F",
        name="村级寄递补贴",
        source="县财政",
        budget=Decimal(100_000),
        by=clerk,
        at=at,
    )
    funds.appropriate(
        fund_id=fund.pk,
        document="拨款1号",
        amount=Decimal(50_000),
        received_on=clock.business_date(at),
        by=clerk,
        at=at,
    )
    for number, (first, rate) in enumerate(((months[0], "0.30"), (months[1].replace(day=15), "0.35"))):
        policy = policies.draft_policy(
            county_code=COUNTY,
            fields=policies.PolicyFields(
                fund_id=fund.pk,
                number=f"政策{number}",
                name="村级寄递补贴",
                issuer="县交通局",
                rate_delivery=Decimal(rate),
                valid_from=first,
            ),
            by=clerk,
            at=at,
        )
        policies.activate_policy(policy_id=policy.pk, by=approver, at=at)
    return fund.number


def _person(role: Role, who: str) -> User:
    """The demo's person of a role for the first worker, a second one for the second."""
    if who == "second":
        return User.objects.get(username=f"second-{role.value}")
    return Membership.objects.filter(role=role, county_code=COUNTY).order_by("pk").select_related("user")[0].user


def _operator(station_id: int) -> User:
    return Membership.objects.filter(station=station_id).order_by("pk").select_related("user")[0].user


def next_step(months: list[date], *, who: str, at: datetime, later: datetime) -> Callable[[], object] | None:
    """What is to be done next, as the pages would offer it; None when all is paid and closed. Steps of a month follow
    each other; money is sent once both months are approved."""
    clerk, approver = _person(Role.SETTLEMENT_CLERK, who), _person(Role.SETTLEMENT_APPROVER, who)
    officer = _person(Role.COUNTY_OFFICER, who)
    for month in months:
        period = Period.objects.filter(county_code=COUNTY, month=month).first()
        state = period.state if period else PeriodState.OPEN
        base = {"county_code": COUNTY, "month": month}
        if state == PeriodState.OPEN:
            return lambda base=base: periods.freeze_period(**base, by=clerk, at=at)
        if state == PeriodState.FROZEN:
            return lambda base=base: periods.compute_period(**base, by=clerk, at=at)
        if state == PeriodState.COMPUTED:
            return lambda base=base: periods.review_period(**base, by=officer, at=at)
        if state == PeriodState.REVIEWED:
            return lambda base=base: periods.publicise_period(**base, by=clerk, at=at)
        if state == PeriodState.PUBLICISED:
            rows = Statement.objects.filter(county_code=COUNTY, period=month)
            if drafts := list(rows.filter(state=StatementState.DRAFT).order_by("pk")):
                return lambda drafts=drafts: [
                    statements.confirm_statement(statement_id=draft.pk, by=_operator(draft.station_id), at=at)
                    for draft in drafts
                ]
            unchecked = list(rows.exclude(state=StatementState.REVIEWED).values_list("pk", flat=True))
            if unchecked:
                township = _person(Role.TOWNSHIP_MANAGER, "first")
                return lambda: statements.check_statements(ids=unchecked, by=township, at=at)
            return lambda base=base: periods.approve_period(**base, by=approver, at=later)
    return _payment_step(clerk, approver, later)


def _payment_step(clerk: User, approver: User, later: datetime) -> Callable[[], object] | None:
    settle(at=later, county_code=COUNTY)  # the beat goes on
    batch = PaymentBatch.objects.filter(county_code=COUNTY).exclude(state=BatchState.RECONCILED).order_by("pk").first()
    if batch is None:
        unpaid = Statement.objects.filter(
            county_code=COUNTY, payable_yuan__gt=0, state__in=[StatementState.APPROVED, StatementState.FAILED]
        )
        if unpaid.exists():
            fund = Fund.objects.get(county_code=COUNTY, number="FUND-F")
            return lambda: payments.issue_batches(county_code=COUNTY, fund_id=fund.pk, by=clerk, at=later)
        if Period.objects.filter(county_code=COUNTY).exclude(state=PeriodState.CLOSED).exists():
            return lambda: payments.close_paid_periods(county_code=COUNTY, at=later)
        return None
    if batch.state == BatchState.ISSUED:
        return lambda: payments.send_batch(batch_id=batch.pk, by=approver, at=later)
    return lambda: results.read_results(batch_id=batch.pk, file=_answer(batch), by=clerk, at=later)


def _answer(batch: PaymentBatch) -> io.BytesIO:
    """The bank's answer: of the first batch the first payment comes back, all else is paid."""
    form = bank_files.form_of(COUNTY)
    rows = [[form.result_no, form.result_amount, form.result_state, form.result_reason]]
    for place, payment in enumerate(batch.payments.order_by("pk")):
        failed = batch.number == 1 and place == 0
        rows.append([payment.number, payment.amount, "失败" if failed else "成功", "户名不符" if failed else ""])
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return io.BytesIO(text.getvalue().encode(form.encoding))
