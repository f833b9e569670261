"""Policies and statements in the browser: who sees what, and that every total is the sum of its lines."""

import csv
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.urls import reverse

from settlement.models import Line, Policy
from settlement.services import settle
from tests.conftest import NOW
from tests.settlement.people import make_draft, make_policy
from tests.settlement.test_settle import correct, deliver

pytestmark = pytest.mark.django_db
MONTH = "2026-11"
DRAFT = {
    "number": "丰交〔2026〕9号",
    "name": "冬季补贴",
    "issuer": "丰都县交通运输委员会",
    "valid_from": "2026-11-16",
    "valid_until": "",
    "rate_plain": "0.33",
    "rate_hill": "0.44",
    "rate_mountain": "0.50",
}


def rows(response) -> list[list[str]]:
    return list(csv.reader(b"".join(response.streaming_content).decode("utf-8-sig").splitlines()))


@pytest.fixture
def paid(county):
    """Three parcels at 大池 (one taken back), one at 明月; 0.3333 yuan makes rounding leave something."""
    make_policy(county, rate_plain=Decimal("0.3333"))
    deliver(county, "73190553102501", at=NOW - timedelta(hours=9))
    deliver(county, "73190553102502", at=NOW - timedelta(hours=8))
    voided = deliver(county, "73190553102503", at=NOW - timedelta(hours=7))
    deliver(county, "73190553102504", outlet="FD-O3")
    settle(at=NOW, county_code=county.code)
    correct(county, voided, NOW)
    settle(at=NOW, county_code=county.code)
    return county


def statement_of(outlet, name: str = "statement") -> str:
    return reverse(f"settlement:{name}", args=[outlet.pk, MONTH])


def test_the_operator_reads_what_the_outlet_earned(paid, sign_in):
    page = sign_in("operator").get(statement_of(paid.o1)).content.decode()
    assert "2 件，0.67 元" in page
    assert "平原 0.3333 元：大池村民委员会为平原" in page
    assert "73190553102501" in page
    assert "依据 4 条扫描" in page
    assert "冲回" in page


def test_the_statement_is_the_rounded_sum_and_shows_the_rest(paid, sign_in):
    exact = Line.objects.filter(station=paid.o1).aggregate(sum=Sum("amount"))["sum"]
    assert exact == Decimal("0.6666")
    context = sign_in("clerk").get(statement_of(paid.o1)).context
    assert context["totals"].payable.rounded == Decimal("0.67")
    assert context["totals"].payable.remainder == Decimal("-0.0034")
    assert context["totals"].lines == 4


def test_the_table_of_lines_adds_up_to_the_page(paid, sign_in):
    table = rows(sign_in("operator").get(statement_of(paid.o1, "statement-csv")))
    lines, total, payable = table[1:-2], table[-2], table[-1]
    assert sum(Decimal(line[5]) for line in lines) == Decimal(total[5]) == Decimal("0.6666")
    assert Decimal(payable[5]) == Decimal("0.67")
    assert len(lines) == 4
    assert {len(line[8]) for line in lines} == {64}


def test_the_list_of_outlets_adds_up(paid, sign_in):
    client = sign_in("officer")
    context = client.get(reverse("settlement:statements"), {"month": MONTH}).context
    assert [(row.station.code, row.parcels, row.payable.rounded) for row in context["rows"]] == [
        ("FD-O1", 2, Decimal("0.67")),
        ("FD-O3", 1, Decimal("0.50")),
    ]
    table = rows(client.get(reverse("settlement:statements-csv"), {"month": MONTH}))
    assert Decimal(table[-1][4]) == context["totals"].paid == Decimal("1.17")
    only = client.get(
        reverse("settlement:statements"), {"month": MONTH, "township": "500230102000"}, headers={"HX-Request": "true"}
    )
    assert [row.station.code for row in only.context["rows"]] == ["FD-O3"]
    assert "<html" not in only.content.decode()


def test_who_has_one_outlet_goes_straight_to_it(paid, sign_in):
    answer = sign_in("operator").get(reverse("settlement:statements"))
    assert answer.status_code == 302
    assert f"/outlets/{paid.o1.pk}/" in answer.url


def test_deliveries_without_a_policy_are_told(county, sign_in):
    deliver(county, "73190553102501")
    settle(at=NOW, county_code=county.code)
    page = sign_in("clerk").get(reverse("settlement:statements"), {"month": MONTH}).content.decode()
    assert "本月有 1 件没有适用的补贴政策" in page


@pytest.mark.parametrize(
    ("who", "outlet", "answer"),
    [
        ("operator", "o1", 200),
        ("operator", "o2", 404),
        ("operator2", "o3", 200),
        ("township", "o2", 200),
        ("township", "o3", 404),
        ("officer", "o3", 200),
        ("clerk", "o3", 200),
        ("approver", "o3", 200),
        ("auditor", "o3", 200),
        ("courier", "o1", 403),
        ("carrier", "o1", 403),
        ("support", "o1", 403),
        ("admin", "o1", 403),
    ],
)
def test_who_reads_which_statement(paid, sign_in, who, outlet, answer):
    for name in ("statement", "statement-csv"):
        assert sign_in(who).get(statement_of(getattr(paid, outlet), name)).status_code == answer


def test_the_neighbour_sees_nothing(paid, neighbour, sign_in):
    policy = Policy.objects.get()
    client = sign_in(neighbour.people["officer"])
    assert client.get(statement_of(paid.o1)).status_code == 404
    assert client.get(reverse("settlement:policy", args=[policy.pk])).status_code == 404
    assert policy.name not in client.get(reverse("settlement:policies")).content.decode()
    assert client.get(reverse("settlement:statements"), {"month": MONTH}).context["rows"] == []


def test_nobody_is_sent_to_sign_in(paid, client):
    for name in ("settlement:statements", "settlement:policies"):
        assert client.get(reverse(name)).status_code == 302


def test_a_draft_and_a_second_person(county, sign_in):
    clerk, approver = sign_in("clerk"), sign_in("approver")
    said = clerk.get(reverse("settlement:policy-sentence"), DRAFT).content.decode()
    assert (
        "自2026年11月16日起，在村级服务点签收的包裹，每件补贴服务点：平原 0.33 元，丘陵 0.44 元，山区 0.5 元。" in said
    )
    answer = clerk.post(reverse("settlement:policy-new"), DRAFT)
    policy = Policy.objects.get()
    assert (answer.status_code, policy.state) == (302, "draft")
    activate = reverse("settlement:policy-activate", args=[policy.pk])
    assert clerk.post(activate).status_code == 403
    assert sign_in("officer").post(activate).status_code == 403
    assert approver.post(activate).status_code == 302
    policy.refresh_from_db()
    assert (policy.state, policy.activated_by) == ("active", county.people["approver"])
    assert approver.post(activate).status_code == 409
    assert clerk.post(reverse("settlement:policy-discard", args=[policy.pk])).status_code == 409


def test_who_drafted_it_does_not_sign_it(county, sign_in):
    draft = make_draft(county, by=county.people["approver"])
    answer = sign_in("approver").post(reverse("settlement:policy-activate", args=[draft.pk]))
    assert answer.status_code == 422
    assert "起草人不能批准自己的政策" in answer.content.decode()


def test_a_policy_in_the_way_from_the_same_day_refuses(county, sign_in):
    make_policy(county, valid_from="2026-11-16")
    draft = make_draft(county, number="二", valid_from="2026-11-16")
    assert sign_in("approver").post(reverse("settlement:policy-activate", args=[draft.pk])).status_code == 409


def test_a_draft_can_be_thrown_away(county, sign_in):
    draft = make_draft(county)
    assert sign_in("approver").post(reverse("settlement:policy-discard", args=[draft.pk])).status_code == 403
    assert sign_in("clerk").post(reverse("settlement:policy-discard", args=[draft.pk])).status_code == 302
    assert not Policy.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate_plain", "0.6"),
        ("rate_plain", "NaN"),
        ("rate_plain", "-0.3"),
        ("rate_plain", "1e400"),
        ("rate_hill", "0.33333"),
        ("rate_hill", "abc"),
        ("valid_from", "2026-02-30"),
        ("valid_from", "9999-12-31"),
        ("valid_until", "2026-11-15"),
        ("number", ""),
        ("number", "a\x00b"),
        ("number", "\u200b"),
        ("name", "长" * 121),
    ],
)
def test_a_bad_draft_says_which_field(county, sign_in, field, value):
    answer = sign_in("clerk").post(reverse("settlement:policy-new"), {**DRAFT, field: value})
    assert answer.status_code in (400, 422)
    assert not Policy.objects.exists()


def test_a_number_is_used_once(county, sign_in):
    make_draft(county, number=DRAFT["number"])
    answer = sign_in("clerk").post(reverse("settlement:policy-new"), DRAFT)
    assert answer.status_code == 422
    assert "本县已有同一文号的政策" in answer.content.decode()


@pytest.mark.parametrize("query", [{"month": "x"}, {"month": "2026-13"}, {"township": "1' OR 1=1"}, {"month": "９９"}])
def test_a_senseless_filter_is_no_error(paid, sign_in, query):
    assert sign_in("officer").get(reverse("settlement:statements"), query).status_code == 200


def test_a_month_that_is_none_is_not_found(paid, sign_in):
    assert sign_in("officer").get(f"/settlement/outlets/{paid.o1.pk}/2026-13/").status_code == 404
    assert sign_in("officer").get(f"/settlement/outlets/{paid.o1.pk}/2026-11/?page=x").status_code == 200


def test_pages_take_few_queries(paid, sign_in, django_assert_max_num_queries):
    client = sign_in("officer")
    for address in (reverse("settlement:statements") + f"?month={MONTH}", statement_of(paid.o1)):
        client.get(address)
        with django_assert_max_num_queries(12):
            assert client.get(address).status_code == 200
