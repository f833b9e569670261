"""What the database refuses, whoever asks."""

import uuid
from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from settlement.models import JournalEntry, Line, Policy
from settlement.services import activate_policy
from tests.conftest import NOW, make_parcel
from tests.settlement.people import make_draft, make_policy

pytestmark = pytest.mark.django_db


def make_line(county, policy, parcel, **values):
    entry, _new = JournalEntry.objects.get_or_create(
        county_code=county.code, source_key="settle:1", defaults={"kind": "settle", "at": NOW}
    )
    row = {
        "entry": entry,
        "county_code": county.code,
        "policy": policy,
        "parcel": parcel,
        "station": county.o1,
        "service": "outlet_delivery",
        "turn": 0,
        "period": date(2026, 11, 1),
        "effective_at": NOW,
        "rate": Decimal("0.3"),
        "amount": Decimal("0.3"),
        "reasons": [],
        "evidence": [uuid.uuid4()],
        "created_at": NOW,
    }
    return Line.objects.create(**{**row, **values})


def refused(act) -> bool:
    try:
        with transaction.atomic():
            act()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError:
        return True
    return False


def test_a_line_is_appended_and_stays(county):
    policy, parcel = make_policy(county), make_parcel(county)
    line = make_line(county, policy, parcel)
    assert refused(lambda: Line.objects.filter(pk=line.pk).update(amount=Decimal("0.4")))
    assert refused(line.delete)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute("TRUNCATE settlement_line CASCADE")


def test_a_parcel_has_one_line_a_turn_and_turns_follow(county):
    policy, parcel = make_policy(county), make_parcel(county)
    back = {"turn": 1, "amount": Decimal("-0.3")}
    assert refused(lambda: make_line(county, policy, parcel, **back)), "nothing to reverse"
    make_line(county, policy, parcel)
    assert refused(lambda: make_line(county, policy, parcel)), "twice"
    assert refused(lambda: make_line(county, policy, parcel, turn=2)), "still standing"
    assert refused(lambda: make_line(county, policy, parcel, turn=1)), "a reversal takes back"
    assert refused(lambda: make_line(county, policy, parcel, turn=1, amount=Decimal("-0.2"))), "all of it"
    assert refused(lambda: make_line(county, policy, parcel, station=county.o2, **back)), "from whom it went to"
    assert not refused(lambda: make_line(county, policy, parcel, **back))
    assert not refused(lambda: make_line(county, policy, parcel, turn=2))


@pytest.mark.parametrize(
    "values",
    [
        {"amount": Decimal("-0.3")},
        {"rate": Decimal("2.0001")},
        {"evidence": []},
        {"period": date(2026, 11, 2)},
        {"service": "gift"},
    ],
)
def test_what_no_line_may_say(county, values):
    policy, parcel = make_policy(county), make_parcel(county)
    assert refused(lambda: make_line(county, policy, parcel, **values))


def test_the_seal_covers_every_part(county):
    policy = make_policy(county)
    parcels = [make_parcel(county, f"7319055310254{n}") for n in range(4)]
    proof = uuid.uuid4()
    lines = [
        make_line(county, policy, parcels[0], evidence=[proof]),
        make_line(county, policy, parcels[1], evidence=[proof]),
        make_line(county, policy, parcels[2], evidence=[proof], amount=Decimal("0.3001")),
        make_line(county, policy, parcels[3]),
    ]
    seals = {bytes(Line.objects.get(pk=line.pk).line_hash) for line in lines}
    assert len(seals) == 4
    assert {len(seal) for seal in seals} == {32}


@pytest.mark.parametrize("rate", ["0", "2.0001", "-1"])
@pytest.mark.parametrize("name", ["rate_delivery", "rate_collection"])
def test_rates_have_bounds(county, name, rate):
    assert refused(lambda: make_draft(county, **{name: Decimal(rate)}))


@pytest.mark.parametrize("multiplier", ["0", "-1", "10.1"])
def test_a_factor_has_bounds(county, multiplier):
    assert refused(lambda: make_draft(county, hill=multiplier))


def test_a_factor_is_for_a_word_or_from_a_value_on(county):
    factors = make_draft(county).factors
    assert refused(lambda: factors.create(kind="tier", key="hill", multiplier=1))
    assert refused(lambda: factors.create(kind="terrain", from_value=1, multiplier=1))
    assert refused(lambda: factors.create(kind="terrain", key="hill", multiplier=1))  # a second time
    assert not refused(lambda: factors.create(kind="tier", from_value=100, multiplier=1))


def test_a_policy_in_force_keeps_its_factors(county):
    policy = make_policy(county)
    assert refused(lambda: policy.factors.create(kind="tier", from_value=100, multiplier=1))
    assert refused(lambda: policy.factors.update(multiplier=1))
    assert refused(policy.factors.all().delete)
    assert refused(policy.delete)


def test_an_area_is_the_county_or_some_townships(county):
    assert refused(lambda: make_draft(county, townships=[]))


def test_a_clamp_has_bounds_too(county):
    assert refused(lambda: make_draft(county, clamp_max=Decimal("2.1")))


def test_one_policy_a_day(county, neighbour):
    make_policy(county, valid_from=date(2026, 1, 1), valid_to=date(2026, 7, 1))
    in_force = {"state": "active", "activated_by": county.people["approver"], "activated_at": NOW}
    assert refused(lambda: make_draft(county, number="二", valid_from=date(2026, 6, 30), **in_force))
    assert not refused(lambda: make_draft(county, number="三", valid_from=date(2026, 7, 1), **in_force))
    assert not refused(lambda: make_draft(county, number="四", valid_from=date(2026, 6, 30)))  # a draft may
    assert not refused(lambda: make_draft(neighbour, number="二", by=county.people["clerk"], **in_force))


def test_two_people_put_a_policy_in_force(county):
    clerk = county.people["clerk"]
    in_force = {"state": "active", "activated_by": clerk, "activated_at": NOW}
    assert refused(lambda: make_draft(county, **in_force))


def test_a_policy_in_force_only_ends_earlier(county):
    policy = make_draft(county, valid_to=date(2027, 1, 1))
    activate_policy(policy_id=policy.pk, by=county.people["approver"], at=NOW)
    rows = Policy.objects.filter(pk=policy.pk)
    assert refused(lambda: rows.update(rate_delivery=Decimal("0.31")))
    assert refused(lambda: rows.update(valid_to=date(2027, 2, 1)))
    assert refused(lambda: rows.update(valid_to=None))
    assert refused(lambda: rows.update(state="draft", activated_by=None, activated_at=None))
    assert refused(rows.delete)
    assert not refused(lambda: rows.update(valid_to=date(2026, 12, 1)))


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("column", ["rate_delivery", "rate_collection", "clamp_min", "clamp_max"])
def test_no_rate_is_not_a_number(county, column):
    make_draft(county)
    assert refused(lambda: run(f"UPDATE settlement_policy SET {column} = 'NaN'"))


@pytest.mark.parametrize("column", ["rate", "amount"])
def test_no_line_is_not_a_number(county, column):
    make_line(county, make_policy(county), make_parcel(county))
    other = make_parcel(county, "73190553102599")
    names = (
        "county_code, policy_id, parcel_id, station_id, service, turn, period, effective_at, rate, amount, "
        "reasons, evidence, evidence_class, cause, entry_id, created_at"
    )
    values = names.replace("parcel_id", str(other.pk)).replace(column + ",", "{value},")
    insert = f"INSERT INTO settlement_line ({names}) SELECT {values} FROM settlement_line"
    assert refused(lambda: run(insert.format(value="'NaN'")))
    assert not refused(lambda: run(insert.format(value="0.3")))
