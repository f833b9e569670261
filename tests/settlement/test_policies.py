"""Drafting, changing, signing and throwing away a policy, and what a draft can't say."""

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from common.errors import Conflict, Refused
from settlement.models import Policy
from settlement.queries.policies import policy_seal, rule_of
from settlement.rules import Factor
from settlement.services import PolicyFields, activate_policy, change_policy, discard_policy, draft_policy
from settlement.services.policies import policy_faults
from settlement.states import FactorKind
from tests.conftest import NOW
from tests.settlement.people import make_draft, make_fund, make_policy


def fields(county, **values) -> PolicyFields:
    row = {
        "fund_id": make_fund(county).pk,
        "number": "丰交〔2026〕9号",
        "name": "冬季补贴",
        "issuer": "丰都县交通运输委员会",
        "rate_delivery": Decimal("0.305"),
        "valid_from": date(2026, 12, 1),
    }
    return PolicyFields(**{**row, **values})


ALL = {
    "rate_collection": Decimal("0.2"),
    "clamp_min": Decimal("0.2"),
    "clamp_max": Decimal("0.6"),
    "remote_allowance": Decimal("0.05"),
    "remote_from_km": Decimal("12.5"),
    "month_cap": Decimal("1500"),
    "entry_volume": 300,
    "host_kinds": ("shop", "post_office"),
    "townships": ("500230101",),
    "clawback_days": 60,
    "award_shares": (Decimal(1), Decimal("0.8"), Decimal("0.6"), Decimal(0)),
    "valid_until": date(2026, 12, 31),
    "factors": (
        Factor(FactorKind.TIER, Decimal("1.1"), from_value=Decimal(500)),
        Factor(FactorKind.TERRAIN, Decimal("1.333333"), key="hill"),
        Factor(FactorKind.MODEL, Decimal("1.2"), key="to_door"),
        Factor(FactorKind.GRADE, Decimal("0.5"), key="D"),
    ),
}


def refusal(county, **values) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        draft_policy(county_code=county.code, fields=fields(county, **values), by=county.people["clerk"], at=NOW)
    assert not Policy.objects.filter(number="丰交〔2026〕9号").exists()
    return refused.value.code, refused.value.pointer


@pytest.mark.django_db
def test_a_draft_keeps_everything_it_says(county):
    draft_policy(county_code=county.code, fields=fields(county, **ALL), by=county.people["clerk"], at=NOW)
    policy = Policy.objects.get()
    rule = rule_of(policy)
    assert (policy.valid_from, policy.valid_to) == (date(2026, 12, 1), date(2027, 1, 1))
    assert (rule.rate_delivery, rule.rate_collection) == (Decimal("0.305"), Decimal("0.2"))
    assert (rule.townships, rule.host_kinds, rule.entry_volume) == (("500230101",), ("shop", "post_office"), 300)
    assert {(f.kind, f.key or f.from_value, f.multiplier) for f in rule.factors} == {
        ("tier", Decimal(500), Decimal("1.1")),
        ("terrain", "hill", Decimal("1.333333")),
        ("model", "to_door", Decimal("1.2")),
        ("grade", "D", Decimal("0.5")),
    }
    assert policy.award_shares == [Decimal(1), Decimal("0.8"), Decimal("0.6"), Decimal(0)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"rate_delivery": Decimal("-0.3")}, ("rate_out_of_range", "/rate_delivery")),
        ({"rate_delivery": Decimal("1000")}, ("rate_out_of_range", "/rate_delivery")),
        ({"rate_delivery": Decimal("NaN")}, ("rate_out_of_range", "/rate_delivery")),
        ({"rate_delivery": Decimal("Infinity")}, ("rate_out_of_range", "/rate_delivery")),
        ({"rate_delivery": Decimal("0.6")}, ("rate_above_clamp", "/rate_delivery")),
        ({"rate_collection": Decimal("0.51")}, ("rate_above_clamp", "/rate_collection")),
        ({"clamp_max": Decimal("NaN")}, ("rate_out_of_range", "/clamp_max")),
        ({"clamp_min": Decimal("0.6")}, ("clamp_upside_down", "/clamp_max")),
        ({"valid_until": date(2026, 11, 30)}, ("policy_ends_before_it_begins", "/valid_until")),
        ({"townships": ()}, ("area_empty", "/townships")),
        ({"townships": ("500101101",)}, ("area_unknown", "/townships")),
        ({"host_kinds": ("moon",)}, ("host_unknown", "/host_kinds")),
        ({"fund_id": 10**9}, ("fund_unknown", "/fund")),
        ({"remote_allowance": Decimal("0.1")}, ("remote_incomplete", "/remote_from_km")),
        ({"remote_from_km": Decimal(5)}, ("remote_incomplete", "/remote_allowance")),
        ({"month_cap": Decimal(0)}, ("cap_out_of_range", "/month_cap")),
        ({"month_cap": Decimal("NaN")}, ("cap_out_of_range", "/month_cap")),
        ({"award_shares": (Decimal(1), Decimal("0.5"), Decimal("0.6"), Decimal(0))},
         ("shares_upside_down", "/award_shares")),
        ({"factors": (Factor("tier", Decimal("NaN"), from_value=Decimal(0)),)}, ("multiplier_out_of_range", "/tier")),
        ({"factors": (Factor("tier", Decimal(0), from_value=Decimal(0)),)}, ("multiplier_out_of_range", "/tier")),
        ({"factors": (Factor("terrain", Decimal(1), key="sea"),)}, ("factor_unknown", "/terrain")),
        ({"factors": (Factor("tier", Decimal(1), from_value=Decimal(5)),
                      Factor("tier", Decimal(2), from_value=Decimal("5.0")))}, ("band_twice", "/tier")),
    ],
)  # fmt: skip
def test_what_a_draft_cannot_say(county, values, answer):
    assert refusal(county, **values) == answer


@pytest.mark.django_db
def test_a_policy_that_begins_no_earlier_is_in_the_way_and_named(county):
    make_policy(county, number="四季度", name="2026年第四季度", valid_from=date(2026, 12, 1), valid_to=date(2027, 1, 1))
    (fault,) = policy_faults(
        county_code=county.code, fields=fields(county, valid_from=date(2026, 11, 10), valid_until=date(2027, 3, 31))
    )
    assert (fault.code, fault.pointer) == ("policy_overlaps", "/valid_from")
    assert "2026年第四季度" in str(fault.message)
    assert "2026年12月1日" in str(fault.message)
    assert "2026年12月31日" in str(fault.message)
    draft = make_draft(county, number="二", valid_from=date(2026, 11, 10))
    with pytest.raises(Conflict) as refused:
        activate_policy(policy_id=draft.pk, by=county.people["approver"], at=NOW)
    assert refused.value.code == "policy_overlaps"


@pytest.mark.django_db
def test_an_earlier_policy_ends_the_day_before(county):
    earlier = make_policy(county)
    made = draft_policy(county_code=county.code, fields=fields(county), by=county.people["clerk"], at=NOW)
    activate_policy(policy_id=made.pk, by=county.people["approver"], at=NOW)
    earlier.refresh_from_db()
    assert earlier.valid_to == date(2026, 12, 1)


@pytest.mark.django_db
def test_a_draft_is_changed_and_one_in_force_is_not(county):
    clerk, approver = county.people["clerk"], county.people["approver"]
    policy = draft_policy(county_code=county.code, fields=fields(county, **ALL), by=clerk, at=NOW)
    seen = policy_seal(policy)
    wanted = replace(fields(county), rate_delivery=Decimal("0.4"))
    change_policy(policy_id=policy.pk, fields=wanted, by=clerk, at=NOW, seen=seen)
    policy.refresh_from_db()
    assert (policy.rate_delivery, policy.valid_to, policy.factors.count()) == (Decimal("0.4"), None, 0)
    with pytest.raises(Conflict, match="policy_changed"):
        change_policy(policy_id=policy.pk, fields=wanted, by=clerk, at=NOW, seen=seen)
    with pytest.raises(Conflict, match="policy_changed"):
        activate_policy(policy_id=policy.pk, by=approver, at=NOW, seen=seen)
    activate_policy(policy_id=policy.pk, by=approver, at=NOW, seen=policy_seal(policy))
    with pytest.raises(Conflict, match="policy_in_use"):
        change_policy(policy_id=policy.pk, fields=wanted, by=clerk, at=NOW)
    with pytest.raises(Conflict, match="policy_not_draft"):
        activate_policy(policy_id=policy.pk, by=approver, at=NOW)
    with pytest.raises(Conflict, match="policy_not_draft"):
        discard_policy(policy_id=policy.pk, by=clerk, at=NOW)


@pytest.mark.django_db
def test_who_changed_a_draft_does_not_sign_it(county):
    policy = draft_policy(county_code=county.code, fields=fields(county), by=county.people["clerk"], at=NOW)
    change_policy(policy_id=policy.pk, fields=fields(county), by=county.people["approver"], at=NOW)
    with pytest.raises(Refused, match="same_person"):
        activate_policy(policy_id=policy.pk, by=county.people["approver"], at=NOW)
    with pytest.raises(Refused, match="same_person"):
        activate_policy(policy_id=policy.pk, by=county.people["clerk"], at=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_drafts_for_the_same_days_are_put_in_force_at_once(county):
    drafts = [make_draft(county, number=number, valid_from=date(2026, 12, 1)) for number in ("一", "二")]
    gate, answers = threading.Barrier(2), []

    def sign(policy: Policy) -> None:
        gate.wait()
        try:
            activate_policy(policy_id=policy.pk, by=county.people["approver"], at=NOW)
            answers.append("active")
        except Conflict as refused:
            answers.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=sign, args=[policy]) for policy in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["active", "policy_overlaps"]
