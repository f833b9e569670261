"""The township's queue and the county's months as people see them: right by right, press by press."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from common import clock
from settlement import services
from settlement.models import Period, Statement
from settlement.states import PeriodState, StatementState
from tests.settlement.months import FREEZE, check_all, compute, freeze, give_money, make_line, publicise
from tests.settlement.people import make_policy
from tracking.models import SetAside

MONTH = "2026-10"


@pytest.fixture
def policy(county):
    return make_policy(county)


@pytest.fixture
def computed(county, policy):
    """o1 has nothing odd, o2 a held parcel; both of the first township. o3 is the other township's."""
    make_line(county, policy, county.o1)
    make_line(county, policy, county.o2)
    make_line(county, policy, county.o2, held="all_typed")
    make_line(county, policy, county.o3)
    freeze(county)
    compute(county)
    return {row.station.code: row for row in Statement.objects.select_related("station")}


def confirm(county, *rows):
    for row in rows:
        services.confirm_statement(statement_id=row.pk, by=county.people["operator"], at=FREEZE)


def state(row) -> str:
    return Statement.objects.get(pk=row.pk).state


# --- the township's queue -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_township_sees_its_own_and_ticks_what_is_clean(county, computed, sign_in):
    confirm(county, *computed.values())
    page = sign_in("township").get(reverse("settlement:queue")).content.decode()
    assert "大池村服务点" in page
    assert "明月村服务点" not in page
    clean, marked = (f'value="{computed[code].pk}"' for code in ("FD-O1", "FD-O2"))
    assert f"{clean} checked" in page
    assert marked in page
    assert f"{marked} checked" not in page


@pytest.mark.django_db
def test_it_passes_the_ticked_ones_only_its_own(county, computed, sign_in):
    confirm(county, *computed.values())
    answer = sign_in("township").post(
        reverse("settlement:queue-check"),
        {"statement": [computed["FD-O1"].pk, computed["FD-O3"].pk, "x", "9" * 30]},
    )
    assert answer.status_code == 302
    assert state(computed["FD-O1"]) == StatementState.REVIEWED
    assert [state(computed[code]) for code in ("FD-O2", "FD-O3")] == [StatementState.CONFIRMED] * 2
    assert "township" in sign_in("township").get(reverse("settlement:queue")).content.decode()  # who did it


@pytest.mark.django_db
def test_a_page_out_of_date_changes_nothing_and_says_so(county, computed, sign_in):
    confirm(county, computed["FD-O1"], computed["FD-O2"])
    client, url = sign_in("township"), reverse("settlement:queue-check")
    client.post(url, {"statement": [computed["FD-O1"].pk]})
    again = client.post(url, {"statement": [computed["FD-O1"].pk, computed["FD-O2"].pk]})
    assert again.status_code == 409
    assert state(computed["FD-O2"]) == StatementState.CONFIRMED
    assert client.post(url, {}).status_code == 302  # nothing ticked: a sentence, no error


@pytest.mark.django_db
def test_disputed_ones_stand_there_with_their_text(county, computed, sign_in):
    services.dispute_statement(
        statement_id=computed["FD-O1"].pk, by=county.people["operator"], at=FREEZE, text="少算了三件"
    )
    assert "少算了三件" in sign_in("township").get(reverse("settlement:queue")).content.decode()


# --- the county's months --------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_months_say_what_is_next_and_whose_it_is(county, policy, sign_in):
    make_line(county, policy, county.o1)
    page = sign_in("auditor").get(reverse("settlement:periods")).content.decode()
    assert "2026年10月" in page
    assert "封账" in page
    assert sign_in("township").get(reverse("settlement:periods")).status_code == 404
    assert sign_in("courier").get(reverse("settlement:periods")).status_code == 403


@pytest.mark.django_db
def test_scans_that_wait_stop_the_freeze_with_count_and_link(county, policy, sign_in):
    make_line(county, policy, county.o1)
    for number in range(14):
        SetAside.objects.create(
            county_code=county.code,
            event_id=str(number),
            verdict="invalid",
            code="carrier_unknown",
            raw=b"{}",
            raw_digest=b"x",
            received_at=clock.day_start(date(2026, 10, 9)) + timedelta(minutes=number),
        )
    client, month = sign_in("clerk"), reverse("settlement:period", args=[MONTH])
    page = client.get(month).content.decode()
    assert "14" in page
    assert reverse("settlement:period-freeze", args=[MONTH]) not in page, "no button that can't work"
    answer = client.post(reverse("settlement:period-freeze", args=[MONTH]))
    assert answer.status_code == 409
    assert "14" in answer.content.decode()
    assert not Period.objects.exclude(state=PeriodState.OPEN).exists()


@pytest.mark.django_db
def test_a_month_passes_from_hand_to_hand(county, policy, sign_in):
    make_line(county, policy, county.o1)
    give_money(county, policy.fund, "10.00")

    def press(who: str, step: str) -> int:
        return sign_in(who).post(reverse(f"settlement:period-{step}", args=[MONTH])).status_code

    assert press("clerk", "approve") == 403
    assert press("clerk", "compute") == 409  # not frozen yet
    assert [press("clerk", step) for step in ("freeze", "compute")] == [302, 302]
    assert press("clerk", "freeze") == 409
    check_all(county)
    assert [press("officer", "review"), press("clerk", "publicise")] == [302, 302]
    answer = sign_in("approver").post(reverse("settlement:period-approve", args=[MONTH]))
    assert answer.status_code == 409  # the notice has begun just now
    Period.objects.update(notice_until=date(2026, 11, 1))
    assert [press("approver", "approve"), press("approver", "approve")] == [302, 409]
    assert Period.objects.get().state == PeriodState.APPROVED
    page = sign_in("auditor").get(reverse("settlement:period", args=[MONTH])).content.decode()
    assert "三方一致" in page


@pytest.mark.django_db
def test_who_may_not_press_reads_who_may(county, computed, sign_in):
    page = sign_in("clerk").get(reverse("settlement:period", args=[MONTH])).content.decode()
    assert reverse("settlement:period-review", args=[MONTH]) not in page
    assert "县级主管" in page
    assert (
        reverse("settlement:period-review", args=[MONTH])
        in sign_in("officer").get(reverse("settlement:period", args=[MONTH])).content.decode()
    )


@pytest.mark.django_db
def test_a_step_back_asks_for_a_reason(county, computed, sign_in):
    client, url = sign_in("officer"), reverse("settlement:period-back", args=[MONTH])
    assert client.post(url, {"reason": ""}).status_code == 422
    assert client.post(url, {"reason": "\x00"}).status_code == 422
    assert client.post(url, {"reason": "漏了一个村"}).status_code == 302
    assert Period.objects.get().state == PeriodState.FROZEN
    assert sign_in("auditor").post(url, {"reason": "漏了"}).status_code == 404


@pytest.mark.django_db
def test_filters_find_statements(county, computed, sign_in):
    client, url = sign_in("officer"), reverse("settlement:period", args=[MONTH])

    def names(**query) -> set[str]:
        page = client.get(url, query, headers={"HX-Request": "true"}).content.decode()
        return {name for name in ("大池村", "同德村", "明月村") if f"{name}服务点" in page}

    assert names() == {"大池村", "同德村", "明月村"}
    assert names(flag="held") == {"同德村"}
    assert names(flag="any") == {"同德村"}
    assert names(flag="no_account") == {"大池村", "同德村", "明月村"}
    assert names(township="500230102000") == {"明月村"}
    assert names(state="confirmed") == set()
    assert names(state="nonsense", page="x") == {"大池村", "同德村", "明月村"}


@pytest.mark.django_db
def test_a_month_that_is_to_come_is_not_there(county, sign_in):
    assert sign_in("clerk").get(reverse("settlement:period", args=["2999-01"])).status_code == 404
    assert sign_in("clerk").post(reverse("settlement:period-freeze", args=["2999-01"])).status_code == 404


@pytest.mark.django_db
def test_a_month_costs_few_queries(county, policy, sign_in, django_assert_max_num_queries):
    for _n in range(3):
        make_line(county, policy, county.o1)
    publicise(county)
    client, url = sign_in("officer"), reverse("settlement:period", args=[MONTH])
    client.get(url)
    with django_assert_max_num_queries(45):
        client.get(url)


@pytest.mark.django_db
def test_tabs_link_only_what_the_role_opens(county, sign_in):
    page = sign_in("operator").get(reverse("settlement:policies")).content.decode()
    assert reverse("settlement:periods") not in page
    page = sign_in("clerk").get(reverse("settlement:periods")).content.decode()
    assert reverse("settlement:ageing") in page
    assert f'href="{reverse("settlement:queue")}"' not in page
