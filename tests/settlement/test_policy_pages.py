"""Policies in the browser: a draft typed and tried, bad input beside its field, the register, the second signature."""

import pytest
from django.urls import reverse

from settlement.models import Policy
from tests.settlement.people import make_draft, make_fund, make_policy

pytestmark = pytest.mark.django_db
NEW = "settlement:policy-new"


def draft(county, **values) -> dict[str, object]:
    row = {
        "fund": make_fund(county).pk,
        "number": "丰交〔2026〕9号",
        "name": "冬季补贴",
        "issuer": "丰都县交通运输委员会",
        "valid_from": "2026-11-16",
        "valid_until": "",
        "rate_delivery": "0.305",
        "clamp_min": "0.3",
        "clamp_max": "0.5",
        "clawback_days": "90",
        "area": "county",
        "terrain_hill": "1.333333",
        "tier_from": ["500", "2000", ""],
        "tier_times": ["1.05", "1.1", ""],
    }
    return {**row, **values}


def test_a_draft_and_a_second_person(county, sign_in):
    clerk, approver = sign_in("clerk"), sign_in("approver")
    said = clerk.get(reverse("settlement:policy-sentence"), draft(county)).content.decode()
    assert "自2026年11月16日起，在村级服务点每投递一件，基础补贴 0.305 元；揽收不补贴。" in said
    assert "按地形：平原 × 1、丘陵 × 1.333333、山区 × 1。" in said
    assert "0 起 × 1、500 起 × 1.05、2000 起 × 1.1" in said
    assert "平原 0.305 元、丘陵 0.4067 元" in said
    answer = clerk.post(reverse(NEW), draft(county))
    policy = Policy.objects.get()
    assert (answer.status_code, policy.state, policy.factors.count()) == (302, "draft", 3)
    activate = reverse("settlement:policy-activate", args=[policy.pk])
    assert clerk.post(activate).status_code == 403
    assert sign_in("officer").post(activate).status_code == 403
    seen = approver.get(reverse("settlement:policy", args=[policy.pk])).context["seen"]
    assert approver.post(activate, {"seen": seen}).status_code == 302
    policy.refresh_from_db()
    assert (policy.state, policy.activated_by) == ("active", county.people["approver"])
    assert approver.post(activate).status_code == 409
    assert clerk.post(reverse("settlement:policy-discard", args=[policy.pk])).status_code == 409


def test_what_was_changed_since_it_was_read_is_not_signed(county, sign_in):
    policy = make_draft(county)
    clerk, approver = sign_in("clerk"), sign_in("approver")
    seen = approver.get(reverse("settlement:policy", args=[policy.pk])).context["seen"]
    edit = reverse("settlement:policy-edit", args=[policy.pk])
    assert clerk.get(edit).status_code == 200
    assert clerk.post(edit, draft(county, number=policy.number, rate_delivery="0.4")).status_code == 302
    answer = approver.post(reverse("settlement:policy-activate", args=[policy.pk]), {"seen": seen})
    assert answer.status_code == 409
    assert "有人改过这份草稿" in answer.content.decode()
    assert clerk.post(edit, {**draft(county), "seen": seen}).status_code == 409


def test_a_policy_in_force_is_not_changed_but_copied(county, sign_in):
    policy = make_policy(county)
    clerk = sign_in("clerk")
    edit = reverse("settlement:policy-edit", args=[policy.pk])
    for answer in (clerk.get(edit), clerk.post(edit, draft(county))):
        assert answer.status_code == 409
        assert "复制为新版本" in answer.content.decode()
    page = clerk.get(reverse("settlement:policy", args=[policy.pk]))
    copy = f"{reverse(NEW)}?from={policy.pk}"
    assert copy in page.content.decode()
    form = clerk.get(copy).context["form"]
    assert form["terrain_hill"].value() == "1.333333"
    assert form["number"].value() == ""
    for senseless in ("x", "9" * 30, "²", "-1"):
        assert clerk.get(reverse(NEW), {"from": senseless}).status_code == 200


def test_more_rows_without_a_script(county, sign_in):
    answer = sign_in("clerk").post(reverse(NEW), {**draft(county), "more": "tier"})
    assert answer.status_code == 200
    (tier,) = [table for table in answer.context["form"].bands if table.kind == "tier"]
    assert len(tier.rows) > 3
    assert not Policy.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("rate_delivery", "-0.3", "须大于 0"),
        ("rate_delivery", "0", "须大于 0"),
        ("rate_delivery", "2.001", "应在"),
        ("rate_delivery", "1e3", "请只填数字"),
        ("rate_delivery", "1e400", "请只填数字"),
        ("rate_delivery", "NaN", "请只填数字"),
        ("rate_delivery", "1,000 yuan", "请只填数字"),
        ("rate_delivery", "0.3055", "3"),
        ("rate_delivery", "0.6", "高于每件最高"),
        ("rate_collection", "abc", "请只填数字"),
        ("clamp_max", "0.2", "最高低于最低"),
        ("clamp_max", "9" * 400, "请只填数字"),
        ("terrain_hill", "11", "应在"),
        ("terrain_hill", "0", "应在"),
        ("grade_A", "1,5", "请只填数字"),
        ("valid_from", "2026-02-30", "日期"),
        ("valid_from", "9999-12-31", "2000"),
        ("valid_until", "2026-11-15", "结束日期早于开始日期"),
        ("townships", "999999999", ""),
        ("area", "moon", ""),
        ("host_kinds", "moon", ""),
        ("fund", "999999", ""),
        ("fund", "x", ""),
        ("entry_volume", "-1", ""),
        ("entry_volume", "1e3", ""),
        ("clawback_days", "99999999999999999999", ""),
        ("month_cap", "0", "应在"),
        ("remote_allowance", "x", "请只填数字"),
        ("share_A", "101", "应在"),
        ("award_a_limit", "101", "应在"),
        ("tier_times", ["NaN"], "请只填数字"),
        ("tier_times", ["1"], "两格都要填"),
        ("tier_from", ["500", "500"], "起点相同"),
        ("number", "", ""),
        ("number", "a\x00b", ""),
        ("number", "\u200b", ""),
        ("name", "长" * 121, ""),
    ],
)
def test_a_bad_draft_says_it_beside_the_field(county, sign_in, field, value, said):
    values = draft(county, **{field: value})
    if value == ["NaN"]:
        values["tier_from"] = ["5"]
    answer = sign_in("clerk").post(reverse(NEW), values)
    assert answer.status_code in (400, 422)
    assert not Policy.objects.exists()
    if answer.status_code == 422:
        form = answer.context["form"]
        table = [row.errors or table.faults for table in form.bands for row in table.filled]
        errors = str(form.errors.get(field, "")) + (str(table) if field.startswith("tier") else "")
        assert errors, form.errors
        assert said in errors
        assert "冬季补贴" in answer.content.decode() or field == "name", "what was typed is kept"


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"remote_allowance": "0.1"}, "remote_from_km", "偏远补助和距离要一起填"),
        ({"remote_from_km": "5"}, "remote_allowance", "偏远补助和距离要一起填"),
        ({"share_A": "100"}, "share_B", "四个等级都要填"),
        ({"share_A": "50", "share_B": "60", "share_C": "0", "share_D": "0"}, "share_A", "等级高的"),
    ],
)
def test_what_belongs_together_is_asked_for(county, sign_in, values, field, said):
    answer = sign_in("clerk").post(reverse(NEW), draft(county, **values))
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors[field])


def test_an_empty_area_is_refused(county, sign_in):
    answer = sign_in("clerk").post(reverse(NEW), draft(county, area="chosen"))
    assert answer.status_code == 422
    assert "请至少选择一个乡镇" in str(answer.context["form"].errors["townships"])


def test_full_width_digits_are_numbers(county, sign_in):
    assert sign_in("clerk").post(reverse(NEW), draft(county, rate_delivery="０．３５")).status_code == 302
    assert str(Policy.objects.get().rate_delivery) == "0.3500"


def test_an_overlap_names_the_policy_and_the_days(county, sign_in):
    make_policy(county, number="四季度", name="四季度补贴", valid_from="2026-12-01", valid_to="2027-01-01")
    clerk = sign_in("clerk")
    answer = clerk.post(reverse(NEW), draft(county))
    assert answer.status_code == 422
    said = str(answer.context["form"].errors["valid_from"])
    assert "四季度补贴" in said
    assert "2026年12月1日至2026年12月31日" in said
    assert Policy.objects.count() == 1


def test_a_gap_is_told(county, sign_in):
    make_policy(county, valid_to="2026-11-10")
    clerk = sign_in("clerk")
    said = clerk.get(reverse("settlement:policy-sentence"), draft(county, valid_until="2026-12-31")).content.decode()
    assert "2026年11月10日 起、2026年11月16日 前没有政策" in said
    assert "从 2027年1月1日 起还没有政策" in said
    assert (
        "没有政策"
        not in clerk.get(reverse("settlement:policy-sentence"), draft(county, valid_from="2026-11-05")).content.decode()
    )


@pytest.mark.parametrize("query", [{}, {"valid_from": "x"}, {"rate_delivery": "NaN"}, {"tier_from": "9" * 99}])
def test_the_sentence_waits_for_what_is_missing(county, sign_in, query):
    answer = sign_in("clerk").get(reverse("settlement:policy-sentence"), query)
    assert answer.status_code == 200
    assert "这里用一句话说明规则" in answer.content.decode()


def test_a_number_is_used_once(county, sign_in):
    make_draft(county, number="丰交〔2026〕9号")
    answer = sign_in("clerk").post(reverse(NEW), draft(county))
    assert answer.status_code == 422
    assert "本县已有同一文号的政策" in answer.content.decode()


def test_the_register_shows_what_is_covered_twice(county, sign_in):
    make_policy(county)
    make_draft(county, number="二", name="新政策", valid_from="2026-12-01", townships=["500230101"])
    context = sign_in("auditor").get(reverse("settlement:policies")).context
    assert context["pairs"] == 1
    ((row, services, places),) = context["overlaps"]
    assert (row.outcome, len(services), places) == ("takes_over", 1, ["虎威镇"])
    assert str(row.first) == "2026-12-01"


def test_who_drafted_it_does_not_sign_it(county, sign_in):
    policy = make_draft(county, by=county.people["approver"])
    answer = sign_in("approver").post(reverse("settlement:policy-activate", args=[policy.pk]))
    assert answer.status_code == 422
    assert "起草人不能批准自己的政策" in answer.content.decode()


def test_a_policy_in_the_way_from_the_same_day_refuses(county, sign_in):
    make_policy(county, valid_from="2026-11-16")
    policy = make_draft(county, number="二", valid_from="2026-11-16")
    assert sign_in("approver").post(reverse("settlement:policy-activate", args=[policy.pk])).status_code == 409


def test_a_draft_can_be_thrown_away(county, sign_in):
    policy = make_draft(county)
    assert sign_in("approver").post(reverse("settlement:policy-discard", args=[policy.pk])).status_code == 403
    assert sign_in("clerk").post(reverse("settlement:policy-discard", args=[policy.pk])).status_code == 302
    assert not Policy.objects.exists()


def test_the_neighbour_sees_none_of_it(county, neighbour, sign_in):
    policy = make_draft(county)
    client = sign_in(neighbour.people["officer"])
    for name in ("policy", "policy-preview"):
        assert client.get(reverse(f"settlement:{name}", args=[policy.pk])).status_code == 404
    assert policy.name not in client.get(reverse("settlement:policies")).content.decode()
