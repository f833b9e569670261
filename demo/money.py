"""The demo county's money: a fund, a policy, what townships entered, accounts; and the last ended month on its way.

That month stops where each demo login has something to do: the outlet disputes its statement, the county answers, the
township checks what is left of its own, the approver signs, the clerk makes the payment batch and reads the bank's
answer. All through the services the pages use; what is there already is left alone.
"""

import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import asin, cos, radians, sqrt
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.roles import Role
from common import clock
from common.errors import Refused
from demo import network as plan
from settlement.models import OutletAccount, OutletFact, Period, Policy, Statement
from settlement.rules import Factor
from settlement.services import (
    PolicyFields,
    activate_policy,
    appropriate,
    check_statements,
    compute_period,
    confirm_statement,
    create_fund,
    dispute_statement,
    draft_policy,
    end_month,
    enter_fact,
    publicise_period,
    review_period,
)
from settlement.services.accounts import confirm_account, enter_account
from settlement.services.clawbacks import find_clawbacks
from settlement.states import FactKind, FactorKind, StatementState
from stations.models import Membership, Region, Station
from stations.states import StationLevel

WAY = timedelta(days=9)  # from the notice to the day the demo is loaded: its five working days are over
ROAD = Decimal("1.4")  # of a straight line, to make up a distance by road
GRADES = ("A", "B", "B", "A", "C", "B")
PATIENCE_S = 60
WITHOUT_ACCOUNT = 3  # outlets, so that one sees what happens


def outlets() -> list[Station]:
    rows = Station.objects.filter(county_code=plan.COUNTY, level=StationLevel.OUTLET)
    return list(rows.select_related("parent").order_by("code"))


def person(username: str) -> User:
    return User.objects.get(username=username)


@transaction.atomic
def open_books(*, began: datetime, first_day: date, at: datetime) -> None:
    """Fund, policy and facts, in force from before the first parcel on."""
    if Policy.objects.filter(county_code=plan.COUNTY).exists():
        return
    clerk = person("clerk")
    fund = create_fund(
        county_code=plan.COUNTY,
        number="丰财农〔2026〕8号",
        name="农村寄递物流补贴专项资金",
        source="县级财政预算",
        budget=Decimal("1200000.00"),
        by=clerk,
        at=at,
    )
    appropriate(
        fund_id=fund.pk,
        document="丰财拨〔2026〕21号",
        amount=Decimal("600000.00"),
        received_on=clock.month_of(began),
        by=clerk,
        at=at,
    )
    words = {
        FactorKind.TERRAIN: (("hill", "1.20"), ("mountain", "1.40")),
        FactorKind.GRADE: (("A", "1.05"), ("C", "0.95"), ("D", "0.90")),
        FactorKind.MODEL: (("to_door", "1.10"),),
    }
    bands = {
        FactorKind.TIER: (("0", "1"), ("300", "1.02"), ("1500", "1.05")),
        FactorKind.DISTANCE: (("0", "1"), ("5", "1.03"), ("10", "1.06")),
    }
    policy = draft_policy(
        county_code=plan.COUNTY,
        fields=PolicyFields(
            fund_id=fund.pk,
            number="丰商务〔2026〕12号",
            name="农村寄递物流末端配送补贴",
            issuer="丰都县商务委员会",
            rate_delivery=Decimal("0.30"),
            rate_collection=Decimal("0.40"),
            valid_from=clock.month_of(began - timedelta(days=31)),
            factors=(
                *(Factor(kind, Decimal(times), key=key) for kind, rows in words.items() for key, times in rows),
                *(
                    Factor(kind, Decimal(times), from_value=Decimal(low))
                    for kind, rows in bands.items()
                    for low, times in rows
                ),
            ),
        ),
        by=clerk,
        at=at,
    )
    activate_policy(policy_id=policy.pk, by=person("approver"), at=at)
    _facts(began=began, first_day=first_day)


def _facts(*, began: datetime, first_day: date) -> None:
    by = person("township")
    for number, outlet in enumerate(outlets()):
        if not OutletFact.objects.filter(station=outlet).exists() and outlet.parent:
            base: dict[str, Any] = {"station_id": outlet.pk, "valid_from": first_day, "by": by, "at": began}
            enter_fact(**base, kind=FactKind.GRADE, grade=GRADES[number % len(GRADES)], reason="年初考核")
            enter_fact(**base, kind=FactKind.DISTANCE, value=_road_km(outlet, outlet.parent), reason="按村道里程表")


def _road_km(one: Station, other: Station) -> Decimal:
    """A made-up distance by road between two stations, km with one place."""
    lng, lat, lng2, lat2 = (radians(float(value or 0)) for value in (one.lng, one.lat, other.lng, other.lat))
    chord = sqrt(((1 - cos(lat2 - lat)) + cos(lat) * cos(lat2) * (1 - cos(lng2 - lng))) / 2)
    return (Decimal(12742 * asin(chord)) * ROAD).quantize(Decimal("0.1"))


def send_last_month_on(*, at: datetime) -> None:
    """The last ended month as far as its notice; a county whose scans begin this month has none yet."""
    month = clock.previous_month(clock.month_of(at))
    if Period.objects.filter(county_code=plan.COUNTY, month=month).exists():
        return
    _accounts(at=at)
    when = max(at - WAY, clock.day_start(clock.next_month(month)) + timedelta(hours=9))
    of: dict[str, Any] = {"county_code": plan.COUNTY, "month": month}
    clerk = person("clerk")
    for left in reversed(range(PATIENCE_S)):
        try:
            end_month(**of, by=clerk, at=when)
            break
        except Refused as refusal:
            if refusal.code != "scans_waiting" or not left:
                return  # something of that month waits for a person: then it is theirs to freeze
            time.sleep(1)  # a transaction that is open somewhere holds the reading back for a moment
    compute_period(**of, by=clerk, at=when)
    _answers(month, when)
    review_period(**of, by=person("county"), at=when)
    publicise_period(**of, by=clerk, at=when)
    find_clawbacks(county_code=plan.COUNTY, at=at)


def _accounts(*, at: datetime) -> None:
    clerk, manager = person("clerk"), person("township")
    for number, outlet in enumerate(outlets()[WITHOUT_ACCOUNT:]):
        if not OutletAccount.objects.filter(station=outlet).exists():
            entered = enter_account(
                station=outlet,
                holder=outlet.contact_name or outlet.name,
                bank="丰都农村商业银行",
                number=f"6228{number:012}",
                by=manager,
                at=at,
            )
            confirm_account(account_id=entered.pk, by=clerk, at=at)


def _answers(month: date, when: datetime) -> None:
    """Everybody agrees but the demo's own outlet; each township checks but the demo's own, which leaves some."""
    operators = {
        m.station_id: m.user
        for m in Membership.objects.filter(role=Role.STATION_OPERATOR, station__isnull=False).select_related("user")
    }
    mine = Membership.objects.get(user=person("outlet")).station
    home = Membership.objects.get(user=person("township")).region
    managers = _managers(home, when)
    rows = Statement.objects.filter(county_code=plan.COUNTY, period=month).select_related("station").order_by("pk")
    for row in rows:
        by = operators.get(row.station_id)
        if by is None:  # a hub or centre: nobody earns there
            continue
        if row.station == mine:
            dispute_statement(statement_id=row.pk, by=by, at=when, text="少了三件：那天断网，纸质登记本上有，请核对。")
            continue
        confirm_statement(statement_id=row.pk, by=by, at=when)
    for township, manager in managers.items():
        checked = rows.filter(state=StatementState.CONFIRMED, station__township_code=township)
        check_statements(ids=list(checked.values_list("pk", flat=True)), by=manager, at=when)


def _managers(home: Region | None, at: datetime) -> dict[str, User]:
    """A manager for each other township, whom nobody signs in as."""
    townships = {outlet.township_code for outlet in outlets()} - {home.code[:9] if home else ""}
    found = {}
    for code in sorted(townships):
        user, new = User.objects.get_or_create(
            username=f"tm-{code}",
            defaults={"name": "乡镇管理员", "password": "!demo"},
        )
        if new:
            Membership.objects.create(
                user=user,
                role=Role.TOWNSHIP_MANAGER,
                county_code=plan.COUNTY,
                region=Region.objects.get(pk=f"{code}000"),
                created_at=at - timedelta(days=1),
            )
        found[code] = user
    return found
