"""What a parcel is worth: the rule's arithmetic, and that its reasons say the whole of it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from common import money
from settlement.rules import Factor, OutletFacts, Rule, price, reason_sentences
from settlement.states import FactorKind, PaidService, ServiceModel

D = Decimal
DELIVERY, COLLECTION = PaidService.OUTLET_DELIVERY, PaidService.OUTLET_COLLECTION
RULE = Rule(
    policy_id=1,
    number="丰交〔2026〕1号",
    rate_delivery=D("0.30"),
    rate_collection=D("0.40"),
    remote_allowance=D("0.05"),
    remote_from_km=D(20),
    entry_volume=50,
    factors=(
        Factor("tier", D("1.0"), from_value=D(0)),
        Factor("tier", D("1.1"), from_value=D(300)),
        Factor("terrain", D("1.25"), key="mountain"),
        Factor("distance", D("1.05"), from_value=D(10)),
        Factor("density", D("1.2"), from_value=D(0)),
        Factor("density", D("1.0"), from_value=D(100)),
        Factor("model", D("1.1"), key="to_door"),
        Factor("grade", D("0.8"), key="C"),
    ),
)
FACTS = OutletFacts(
    village="大池村",
    township_code="500230101",
    host_kind="shop",
    terrain="plain",
    volume=120,
    volume_month=date(2026, 9, 1),
)


def amount(facts=FACTS, service=DELIVERY, model=ServiceModel.PICKUP, rule=RULE):
    found = price(rule, facts, service, model)
    return found and found.amount


def test_the_base_rate_where_nothing_fits():
    assert amount() == D("0.3000")
    assert amount(service=COLLECTION, model=ServiceModel.COLLECTION) == D("0.4000")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"volume": 300}, "0.3300"),
        ({"volume": 299}, "0.3000"),
        ({"terrain": "mountain"}, "0.3750"),
        ({"distance_km": D("10")}, "0.3150"),
        ({"distance_km": D("20")}, "0.3650"),  # × 1.05, + 0.05
        ({"density": D("99.99")}, "0.3600"),
        ({"density": D(100)}, "0.3000"),
        ({"terrain": "mountain", "volume": 300, "density": D(1), "distance_km": D(30)}, "0.5000"),  # the clamp
        ({"grade": "C"}, "0.3000"),  # 0.24, kept at the least
    ],
)
def test_what_fits_multiplies(change, expected):
    assert amount(replace(FACTS, **change)) == D(expected)


def test_taken_to_the_door():
    assert amount(model=ServiceModel.TO_DOOR) == D("0.3300")


def test_a_new_outlet_counts_as_the_policy_says():
    new = replace(FACTS, volume=None, volume_month=None)
    assert amount(new, rule=replace(RULE, entry_volume=300)) == D("0.3300")


def test_who_is_not_paid():
    assert amount(rule=replace(RULE, rate_collection=None), service=COLLECTION) is None
    assert amount(rule=replace(RULE, host_kinds=("post_office",))) is None
    assert amount(rule=replace(RULE, townships=("500230102",))) is None
    assert amount(rule=replace(RULE, townships=("500230101",), host_kinds=("shop",))) == D("0.3000")


def test_every_step_is_said():
    facts = replace(FACTS, terrain="mountain", distance_km=D("25.5"), density=D(40), grade="C")
    found = price(RULE, facts, DELIVERY, ServiceModel.TO_DOOR)
    assert [reason["code"] for reason in found.reasons] == [
        *("base", "tier", "terrain", "distance", "density", "model", "grade", "remote"),
    ]
    with translation.override("zh-hans"):
        said = reason_sentences(found.reasons)
    assert len(said) == len(found.reasons)
    assert "120" in said[1]
    assert "2026-09" in said[1]
    assert not any(code in "".join(said) for code in ("mountain", "to_door", "outlet_delivery"))


numbers = st.decimals(min_value=0, max_value=50_000, places=2)
facts_of_any_outlet = st.builds(
    OutletFacts,
    village=st.just("村"),
    township_code=st.just("500230101"),
    host_kind=st.just("shop"),
    terrain=st.sampled_from(["plain", "hill", "mountain"]),
    volume=st.none() | st.integers(0, 50_000),
    distance_km=st.none() | numbers,
    density=st.none() | numbers,
    grade=st.sampled_from(["", "A", "B", "C", "D"]),
)


@given(facts_of_any_outlet, st.sampled_from([ServiceModel.PICKUP, ServiceModel.TO_DOOR]))
def test_the_reasons_alone_give_the_amount(facts, model):
    """A line keeps its reasons, not its policy's text: years later they must still give what was paid."""
    found = price(RULE, facts, DELIVERY, model)
    again = D(found.reasons[0]["rate"])
    for reason in found.reasons[1:]:
        if reason["code"] in FactorKind.values:
            again *= D(reason["factor"])
        elif reason["code"] == "remote":
            again += D(reason["yuan"])
        else:
            assert D(reason["was"]) == money.line_yuan(again)
            again = D(reason["to"])
    assert money.line_yuan(again) == found.amount
    assert RULE.clamp_min <= found.amount <= RULE.clamp_max
    assert found.amount == found.amount.quantize(D("0.0001"))
