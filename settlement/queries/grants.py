"""What a grant may come to, which claims a draw takes (anybody can draw again and get the same), and who has claimed an
invoice already."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from django.db.models import QuerySet, Sum

from accounts.models import User
from common import money
from settlement.models import Fund, GrantClaim, GrantInstalment, GrantProof, GrantScheme, Statement, Transition
from settlement.queries.books import fund_money
from settlement.states import Finding, Grade, GrantKind, GrantState, PolicyState, ProofKind, StatementState
from stations.models import Region, Station
from stations.scope import scope_of
from stations.states import RegionLevel, StationLevel, StationState

LEVELS = (StationLevel.HUB, StationLevel.CENTRE, StationLevel.OUTLET)  # in the order of GrantScheme.sample_shares
LEVEL_OF: dict[str, StationLevel] = {
    GrantKind.HUB_NEW: StationLevel.HUB,
    GrantKind.HUB_RENOVATION: StationLevel.HUB,
    GrantKind.CENTRE_WHOLE: StationLevel.CENTRE,
    GrantKind.CENTRE_TOWN: StationLevel.CENTRE,
    GrantKind.OUTLET: StationLevel.OUTLET,
}  # equipment: any
# A station that is still only planned has nothing to be accepted; one that ended gets nothing more.
MAY_CLAIM = (StationState.BUILDING, StationState.ACCEPTED, StationState.RECTIFYING, StationState.ACTIVE)
PROMISED = (GrantState.APPROVED, GrantState.PAYING)


@dataclass(frozen=True)
class Ceiling:
    """How the most that a claim may get comes about; yuan with 2 places."""

    eligible: Decimal
    share: Decimal
    by_share: Decimal
    cap: Decimal
    bonus: Decimal
    grade: str
    grade_share: Decimal
    most: Decimal

    @property
    def bonus_factor(self) -> str:
        return f"{(1 + self.bonus).normalize():f}"

    @property
    def grade_factor(self) -> str:
        return f"{self.grade_share.normalize():f}"


def ceiling(claim: GrantClaim, grade: str, eligible: Decimal | None = None) -> Ceiling:
    """min(share × eligible investment, cap) × (1 + bonus) × the grade's share, and never above the investment."""
    scheme = claim.scheme
    base = eligible if eligible is not None else eligible_yuan(claim)
    bonus = scheme.bonus if claim.station.township_code in scheme.bonus_townships else Decimal(0)
    by_share = money.statement_yuan(scheme.share * base)
    grade_share = scheme.grade_shares[Grade.values.index(grade)] if grade else Decimal(1)
    most = min(money.statement_yuan(min(by_share, scheme.cap) * (1 + bonus) * grade_share), base)
    return Ceiling(base, scheme.share, by_share, scheme.cap, bonus, grade, grade_share, most)


def eligible_yuan(claim: GrantClaim) -> Decimal:
    """The invoices that an inspection didn't strike out, yuan."""
    rows = claim.proofs.filter(kind=ProofKind.INVOICE).exclude(finding=Finding.MISSING)
    return rows.aggregate(yuan=Sum("yuan"))["yuan"] or Decimal(0)


def lot(scheme: GrantScheme, draw: int, claim_id: int) -> str:
    """A claim's lot in a draw: nobody chooses it, and everybody can work it out again (SHA-256, hexadecimal)."""
    seed = f"{scheme.county_code}|{scheme.document}|{scheme.kind}|{draw}|{claim_id}"
    return hashlib.sha256(seed.encode()).hexdigest()


def drawn(scheme: GrantScheme, draw: int, claims: Iterable[tuple[int, str]]) -> set[int]:
    """The ids of those taken out of (id, level of the station): of each level its share, rounded up, by lowest lot."""
    pools: dict[str, list[int]] = {}
    for claim_id, level in claims:
        pools.setdefault(level, []).append(claim_id)
    taken: set[int] = set()
    for level, ids in pools.items():
        share = scheme.sample_shares[LEVELS.index(StationLevel(level))]
        wanted = int((share * len(ids)).to_integral_value(ROUND_CEILING))
        taken |= set(sorted(ids, key=lambda pk: lot(scheme, draw, pk))[:wanted])
    return taken


@dataclass(frozen=True)
class DrawView:
    """A draw as it was, and whether drawing again gives the same."""

    number: int
    claims: list[GrantClaim]
    taken: int
    same: bool


def draws(scheme: GrantScheme, user: User) -> list[DrawView]:
    """A scheme's draws, newest first, with the claims the user may read; `same` is over all of them."""
    if not scheme.draws:
        return []
    rows = list(scheme.claims.filter(draw__isnull=False).select_related("station").order_by("pk"))
    mine = set(GrantClaim.objects.visible_to(user, "grant.read").filter(scheme=scheme).values_list("pk", flat=True))
    views = []
    for number in range(scheme.draws, 0, -1):
        pool = [row for row in rows if row.draw == number]
        again = drawn(scheme, number, [(row.pk, row.station.level) for row in pool])
        views.append(
            DrawView(
                number,
                [row for row in pool if row.pk in mine],
                sum(row.drawn for row in pool),
                again == {row.pk for row in pool if row.drawn},
            )
        )
    return views


def claims_with(county_code: str, kind: str, numbers: Sequence[str]) -> list[GrantProof]:
    """Who has claimed these invoices or machines in the county."""
    return list(
        GrantProof.objects.filter(county_code=county_code, kind=kind, number__in=numbers, counts=True)
        .select_related("claim__station", "claim__scheme")
        .order_by("pk")
    )


@dataclass(frozen=True)
class Room:
    """What a fund's budget still holds, yuan: budget − paid − accrued, approved and sent − grants promised."""

    budget: Decimal
    spent: Decimal
    promised: Decimal

    @property
    def left(self) -> Decimal:
        return self.budget - self.spent - self.promised


def room(fund: Fund) -> Room:
    """Lock the fund's row first if what you write rests on it."""
    books = fund_money(fund)
    promised = GrantInstalment.objects.filter(
        claim__scheme__fund=fund, claim__state__in=PROMISED, adjustment__isnull=True
    ).aggregate(yuan=Sum("amount"))["yuan"]
    return Room(fund.budget, books.paid + books.committed, promised or Decimal(0))


def claims(user: User) -> QuerySet[GrantClaim]:
    """Claims in the user's scope, newest first."""
    return (
        GrantClaim.objects.visible_to(user, "grant.read")
        .select_related("scheme", "station", "applied_by", "accepted_by", "audited_by", "approved_by")
        .order_by("-pk")
    )


def schemes_open(user: User, day: date) -> QuerySet[GrantScheme]:
    """Schemes under which the user could claim on a day."""
    return GrantScheme.objects.visible_to(user, "grant.apply").filter(
        state=PolicyState.ACTIVE, valid_from__lte=day, valid_until__gte=day
    )


def stations_that_may_claim(user: User, scheme: GrantScheme) -> QuerySet[Station]:
    """Stations of the user that fit a scheme; those that claimed under it already are left out."""
    rows = scope_of(user, "grant.apply").filter_stations(Station.objects.all())
    level = LEVEL_OF.get(scheme.kind)
    if level:
        rows = rows.filter(level=level)
    taken = scheme.claims.exclude(state=GrantState.REJECTED).values("station_id")
    return rows.filter(county_code=scheme.county_code, state__in=MAY_CLAIM).exclude(pk__in=taken).order_by("code")


def townships(user: User) -> QuerySet[Region]:
    """The townships of the counties where the person prepares grants."""
    counties = scope_of(user, "grant.prepare").county_codes
    return Region.objects.current().filter(county_code__in=counties, level=RegionLevel.TOWNSHIP).order_by("code")


def history(claim: GrantClaim) -> list[Transition]:
    """The claim's steps, oldest first."""
    return list(
        Transition.objects.filter(county_code=claim.county_code, entity="grantclaim", entity_id=claim.pk)
        .select_related("by")
        .order_by("id")
    )


def statements_of(instalments: Sequence[GrantInstalment], claim: GrantClaim) -> dict[int, Statement]:
    """By instalment: the statement it travels with, once that is drawn up."""
    months = {row.pk: row.adjustment.period for row in instalments if row.adjustment}
    found = {
        row.period: row
        for row in Statement.objects.filter(
            county_code=claim.county_code,
            station=claim.station,
            fund=claim.scheme.fund_id,
            period__in=set(months.values()),
        )
    }
    return {pk: found[month] for pk, month in months.items() if month in found}


def paid_claims(county_code: str) -> list[GrantClaim]:
    """Claims being paid whose instalments were all released and whose statements were all paid."""
    done = []
    rows = GrantClaim.objects.filter(county_code=county_code, state=GrantState.PAYING).select_related("scheme")
    for claim in rows.order_by("pk"):
        parts = list(claim.instalments.select_related("adjustment"))
        statements = statements_of(parts, claim)
        if all(part.pk in statements and statements[part.pk].state == StatementState.PAID for part in parts):
            done.append(claim)
    return done
