"""A year's award: points with both numbers, ties treated alike, two people, each station once."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from common.errors import Conflict, Refused
from settlement import services
from settlement.models import Adjustment, AwardRound, OutletFact
from settlement.queries import awards as queries
from settlement.services import RoundFields
from settlement.states import AdjustmentKind, AwardState, Grade, Indicator
from tests.conftest import NOW, County
from tests.settlement.people import make_fund, make_policy
from tests.settlement.test_settle import deliver, run

pytestmark = pytest.mark.django_db
WEIGHTS = {
    Indicator.VOLUME: Decimal(30),
    Indicator.EVIDENCE: Decimal(20),
    Indicator.DAYS: Decimal(20),
    Indicator.CLEAN: Decimal(15),
    Indicator.SPEED: Decimal(15),
}
LATER = NOW + timedelta(days=10)


def fields(county: County, **values) -> RoundFields:
    row = {
        "fund_id": make_fund(county).pk,
        "year": 2026,
        "level": "OUTLET",
        "first_day": date(2026, 11, 16),
        "last_day": date(2026, 11, 25),
        "weights": WEIGHTS,
        "pot": Decimal("1000.00"),
    }
    return RoundFields(**{**row, **values})


def make_round(county: County, **values) -> AwardRound:
    return services.draft_round(
        county_code=county.code, fields=fields(county, **values), by=county.people["clerk"], at=NOW
    )


def computed(county: County, **values) -> AwardRound:
    make_policy(county)
    for place, outlet in enumerate(("FD-O1", "FD-O1", "FD-O1", "FD-O2")):
        deliver(county, f"7319055310253{place}", outlet=outlet, at=NOW)
    run(county)
    award = make_round(county, **values)
    services.compute_round(round_id=award.pk, by=county.people["clerk"], at=LATER)
    return award


def approved(county: County) -> AwardRound:
    award = computed(county)
    services.publish_round(round_id=award.pk, by=county.people["clerk"], at=LATER)
    services.check_round(round_id=award.pk, by=county.people["officer"], at=LATER)
    return services.approve_round(round_id=award.pk, by=county.people["approver"], at=LATER)


def test_points_come_from_lines_and_scans(county):
    award = computed(county)
    first, second, third = award.scores.all()
    assert [row.station for row in (first, second, third)] == [county.o1, county.o2, county.o3]
    assert first.indicators == {
        "volume": [3, 3, "30.00"],
        "evidence": first.indicators["evidence"],
        "days": [1, 10, "2.00"],
        "clean": [3, 3, "15.00"],
        "speed": [3, 3, "15.00"],
    }
    assert second.indicators["volume"] == [1, 3, "10.00"]
    assert (third.points, third.grade, third.amount) == (0, Grade.D, 0)
    assert sum(row.amount for row in award.scores.all()) == Decimal("1000.00")


def test_a_centre_is_its_outlets_added_up(county):
    award = computed(county, level="CENTRE")
    first, second = award.scores.all()
    assert (first.station, second.station) == (county.c1, county.c2)
    assert first.indicators["volume"][0] == 4
    assert first.indicators["days"][:2] == [2, 20]


def test_ties_at_the_border_of_a_are_treated_alike_and_the_pot_is_shared_to_the_fen(county):
    award = make_round(county, weights={Indicator.CLEAN: Decimal(100)}, a_limit=Decimal("0.5"))
    pairs = [(100, 100), (90, 100), (90, 100), (50, 100)]
    rows = [queries.Input(n, {Indicator.CLEAN: pair}) for n, pair in enumerate(pairs)]
    scores = queries.scored(award, rows)
    assert [(score.rank, score.grade) for score in scores] == [(1, "A"), (2, "B"), (2, "B"), (4, "C")]
    assert sum(score.amount for score in scores) == Decimal("1000.00")
    assert len([score for score in scores if score.grade == Grade.A]) <= 2
    award.pot, award.yuan_per_point = None, Decimal("2.50")
    assert queries.scored(award, rows)[0].amount == Decimal("250.00")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"weights": {Indicator.VOLUME: Decimal(99)}}, "weights_not_whole"),
        ({"weights": {Indicator.VOLUME: Decimal("NaN")}}, "number_out_of_bounds"),
        ({"weights": {"charm": Decimal(100)}}, "weights_not_whole"),
        ({"pot": None}, "pot_or_points"),
        ({"yuan_per_point": Decimal(5)}, "pot_or_points"),
        ({"pot": Decimal("NaN")}, "amount_out_of_bounds"),
        ({"a_limit": Decimal("1.2")}, "share_out_of_bounds"),
        ({"grade_from": (Decimal(60), Decimal(80), Decimal(40))}, "grade_from_rises"),
        ({"shares": (Decimal("0.5"), Decimal(1), Decimal(0), Decimal(0))}, "grades_rise"),
        ({"last_day": date(2026, 1, 1)}, "award_span"),
        ({"level": "HUB"}, "level_unknown"),
    ],
)
def test_an_award_out_of_bounds_is_refused(county, values, code):
    with pytest.raises(Refused) as refusal:
        make_round(county, **values)
    assert refusal.value.code == code


def test_one_award_a_year_and_level_and_not_before_its_end(county):
    award = make_round(county)
    with pytest.raises(Conflict, match="award_taken"):
        make_round(county)
    with pytest.raises(Refused, match="award_not_over"):
        services.compute_round(round_id=award.pk, by=county.people["clerk"], at=NOW)
    with pytest.raises(Refused, match="award_not_computed"):
        services.publish_round(round_id=award.pk, by=county.people["clerk"], at=LATER)


def test_two_people_approve_and_each_station_is_paid_once(county):
    award = computed(county)
    clerk, officer, approver = (county.people[name] for name in ("clerk", "officer", "approver"))
    with pytest.raises(Conflict, match="state_changed"):
        services.approve_round(round_id=award.pk, by=approver, at=LATER)
    services.publish_round(round_id=award.pk, by=clerk, at=LATER)
    with pytest.raises(Conflict, match="award_not_draft"):
        services.compute_round(round_id=award.pk, by=clerk, at=LATER)
    with pytest.raises(Refused, match="same_person"):
        services.check_round(round_id=award.pk, by=clerk, at=LATER)
    services.check_round(round_id=award.pk, by=officer, at=LATER)
    for who in (clerk, officer):
        with pytest.raises(Refused, match="same_person"):
            services.approve_round(round_id=award.pk, by=who, at=LATER)
    services.approve_round(round_id=award.pk, by=approver, at=LATER)
    with pytest.raises(Conflict, match="state_changed"):
        services.approve_round(round_id=award.pk, by=approver, at=LATER)
    rows = Adjustment.objects.filter(kind=AdjustmentKind.AWARD).order_by("station_id")
    assert [row.source_key for row in rows] == [f"award:{award.pk}-{o.pk}" for o in (county.o1, county.o2)]
    assert {row.period for row in rows} == {date(2026, 11, 1)}
    assert sum(row.amount for row in rows) == Decimal(1000)


def test_a_published_round_goes_back_only_with_a_reason(county):
    award = computed(county)
    services.publish_round(round_id=award.pk, by=county.people["clerk"], at=LATER)
    with pytest.raises(Refused, match="reason_missing"):
        services.reopen_round(round_id=award.pk, reason=" ", by=county.people["officer"], at=LATER)
    row = services.reopen_round(round_id=award.pk, reason="数据有误", by=county.people["officer"], at=LATER)
    assert row.state == AwardState.DRAFT


def test_awards_beyond_the_budget_are_not_approved(county):
    award = computed(county)
    fund = award.fund
    fund.budget = Decimal("999.99")
    fund.save(update_fields=["budget"])
    services.publish_round(round_id=award.pk, by=county.people["clerk"], at=LATER)
    services.check_round(round_id=award.pk, by=county.people["officer"], at=LATER)
    with pytest.raises(Refused, match="fund_budget_exceeded"):
        services.approve_round(round_id=award.pk, by=county.people["approver"], at=LATER)


def test_the_township_enters_the_grade_from_next_month_on(county, sign_in):
    award = approved(county)
    score = award.scores.get(station=county.o1)
    foreign = award.scores.get(station=county.o3)
    township = sign_in("township")
    assert township.post(f"/settlement/awards/scores/{foreign.pk}/grade/").status_code == 404
    assert sign_in("operator").post(f"/settlement/awards/scores/{score.pk}/grade/").status_code == 403
    assert township.post(f"/settlement/awards/scores/{score.pk}/grade/").status_code == 302
    fact = OutletFact.objects.get()
    assert (fact.station, fact.grade, fact.valid_from.day) == (county.o1, score.grade, 1)
    assert township.post(f"/settlement/awards/scores/{score.pk}/grade/").status_code == 409


def test_an_outlet_sees_the_list_with_its_numbers_once_published(county, sign_in):
    award = computed(county)
    page = f"/settlement/awards/{award.pk}/"
    assert sign_in("operator").get(page).status_code == 404
    services.publish_round(round_id=award.pk, by=county.people["clerk"], at=LATER)
    body = sign_in("operator").get(page).content.decode()
    assert county.o1.name in body
    assert "3/3" in body
    table = b"".join(sign_in("operator").get(f"{page}scores.csv").streaming_content).decode()
    assert len(table.splitlines()) == 4
