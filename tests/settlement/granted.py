"""A grant scheme with a claim and an instalment, a published award with a score, and a policy in force."""

from datetime import date
from decimal import Decimal

from accounts.models import User
from settlement.models import AwardRound, GrantClaim, GrantScheme, Policy
from settlement.states import AwardState, GrantKind, PolicyState
from stations.models import Station
from tests.conftest import NOW, County
from tests.settlement.people import make_fund


def make_granted(place: County, outlet: Station, people: dict[str, User], prefix: str = "") -> dict[str, int]:
    """Their ids, as the matrix of rights names them."""
    fund = make_fund(place, number="补助1号", created_by=people["clerk"])
    scheme = GrantScheme.objects.create(
        county_code=place.code,
        fund=fund,
        document="1号",
        name="建设补助",
        kind=GrantKind.OUTLET,
        share=Decimal("0.5"),
        cap=Decimal(10000),
        grade_shares=[1, Decimal("0.8"), Decimal("0.6"), 0],
        instalments=[1],
        sample_shares=[1, 1, 1],
        valid_from=date(2026, 1, 1),
        valid_until=date(2099, 1, 1),
        state=PolicyState.ACTIVE,
        created_by=people["clerk"],
        created_at=NOW,
        activated_by=people["approver"],
        activated_at=NOW,
    )
    claim = GrantClaim.objects.create(
        county_code=place.code,
        scheme=scheme,
        station=outlet,
        note="货架",
        investment=Decimal(8000),
        applied_by=people["centre"],
        applied_at=NOW,
    )
    award = AwardRound.objects.create(
        county_code=place.code,
        year=2025,
        level="OUTLET",
        fund=fund,
        pot=Decimal(1000),
        weights={"volume": "100"},
        a_limit=Decimal("0.45"),
        grade_from=[80, 60, 40],
        shares=[1, 1, 1, 0],
        first_day=date(2025, 1, 1),
        last_day=date(2025, 12, 31),
        state=AwardState.PUBLISHED,
        created_by=people["clerk"],
        created_at=NOW,
    )
    policy = Policy.objects.filter(county_code=place.code, state=PolicyState.ACTIVE).first()
    policy = policy or Policy.objects.create(
        county_code=place.code,
        fund=fund,
        number="9号",
        name="补贴",
        issuer="商务委",
        rate_delivery=Decimal("0.3"),
        valid_from=date(2026, 1, 1),
        state=PolicyState.ACTIVE,
        created_by=people["clerk"],
        created_at=NOW,
        activated_by=people["approver"],
        activated_at=NOW,
    )
    part = claim.instalments.create(county_code=place.code, number=1, amount=Decimal(100), due_on=date(2026, 1, 1))
    score = award.scores.create(
        county_code=place.code, station=outlet, indicators={}, points=50, rank=1, grade="B", amount=Decimal(10)
    )
    return {
        f"{prefix}scheme": scheme.pk,
        f"{prefix}claim": claim.pk,
        f"{prefix}instalment": part.pk,
        f"{prefix}award": award.pk,
        f"{prefix}score": score.pk,
        f"{prefix}active_policy": policy.pk,
    }
