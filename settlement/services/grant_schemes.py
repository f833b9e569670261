"""A grant scheme by two people, and whom to inspect: a draw that anybody can draw again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common.errors import Conflict, Refused
from settlement.models import Fund, GrantScheme
from settlement.queries import grants as queries
from settlement.services.books import move
from settlement.services.grant_steps import LEAST, refuse_self, stored, trace
from settlement.states import GrantKind, GrantState, PolicyState


@dataclass(frozen=True)
class SchemeFields:
    """What a scheme says; shares as fractions of 1, amounts in yuan, days inclusive."""

    fund_id: int
    document: str
    name: str
    kind: str
    share: Decimal
    cap: Decimal
    valid_from: date
    valid_until: date
    bonus: Decimal = Decimal(0)
    bonus_townships: tuple[str, ...] = ()
    grade_shares: tuple[Decimal, ...] = (Decimal(1), Decimal("0.8"), Decimal("0.6"), Decimal(0))
    instalments: tuple[Decimal, ...] = (Decimal("0.3"), Decimal("0.3"), Decimal("0.3"), Decimal("0.1"))
    instalment_months: int = 12
    sample_shares: tuple[Decimal, ...] = (Decimal(1), Decimal("0.35"), Decimal("0.05"))
    rectify_months: int = 3


def draft_scheme(*, county_code: str, fields: SchemeFields, by: User, at: datetime) -> GrantScheme:
    """A new draft. Refused with a pointer to the field that is out of bounds, Conflict "scheme_document_taken"."""
    _check_scheme(county_code, fields)
    values = {**vars(fields)}
    for name in ("bonus_townships", "grade_shares", "instalments", "sample_shares"):
        values[name] = list(values[name])
    try:
        with transaction.atomic():
            scheme = GrantScheme.objects.create(county_code=county_code, created_by=by, created_at=at, **values)
            trace(scheme, "scheme.drafted", by, at)
    except IntegrityError as taken:
        raise Conflict(
            "scheme_document_taken",
            _("This county has a grant of that kind under that document already."),
            pointer="/document",
        ) from taken
    return scheme


def _check_scheme(county_code: str, fields: SchemeFields) -> None:
    def share(name: str, values: Sequence[Decimal], low: Decimal = Decimal(0)) -> None:
        if any(not value.is_finite() or not low <= value <= 1 for value in values):
            raise Refused("share_out_of_bounds", _("A share lies between 0 and 100 %."), pointer=f"/{name}")

    share("share", [fields.share], Decimal("0.0001"))
    share("bonus", [fields.bonus])
    share("grade_shares", fields.grade_shares)
    share("sample_shares", fields.sample_shares)
    share("instalments", fields.instalments, Decimal("0.01"))
    if not fields.cap.is_finite() or not LEAST <= fields.cap <= 10**8:
        raise Refused("cap_out_of_bounds", _("A cap between 100 and 100,000,000 yuan."), pointer="/cap")
    if len(fields.grade_shares) != 4 or list(fields.grade_shares) != sorted(fields.grade_shares, reverse=True):
        raise Refused("grades_rise", _("Four shares, A to D, none above the one before it."), pointer="/grade_shares")
    if len(fields.sample_shares) != 3:
        raise Refused("samples_missing", _("Three shares: hubs, centres, outlets."), pointer="/sample_shares")
    if not 1 <= len(fields.instalments) <= 12 or sum(fields.instalments) != 1:
        raise Refused("instalments_not_whole", _("The instalments add up to 100 %."), pointer="/instalments")
    if not 0 <= fields.instalment_months <= 36:
        raise Refused("months_out_of_bounds", _("From 0 to 36 months."), pointer="/instalment_months")
    if not 1 <= fields.rectify_months <= 12:
        raise Refused("months_out_of_bounds", _("From 1 to 12 months."), pointer="/rectify_months")
    if fields.kind not in GrantKind.values:
        raise Refused("kind_unknown", _("A kind from the list, please."), pointer="/kind")
    if fields.valid_until < fields.valid_from:
        raise Refused("scheme_ends_before_it_begins", _("The last day lies before the first."), pointer="/valid_until")
    if any(not code.startswith(county_code) for code in fields.bonus_townships):
        raise Refused("township_elsewhere", _("A township of this county, please."), pointer="/bonus_townships")
    if not Fund.objects.filter(pk=fields.fund_id, county_code=county_code).exists():
        raise Refused("fund_unknown", _("A fund of this county, please."), pointer="/fund")


@transaction.atomic
def activate_scheme(*, scheme_id: int, by: User, at: datetime) -> GrantScheme:
    """Put a draft in force. Refused "same_person", Conflict "scheme_not_draft"."""
    scheme = GrantScheme.objects.select_for_update().get(pk=scheme_id)
    if scheme.state != PolicyState.DRAFT:
        raise Conflict("scheme_not_draft", _("This scheme is in force already."))
    if scheme.created_by_id == by.pk:
        raise Refused("same_person", _("Who drafted a scheme can't put it in force. Ask a second person."))
    scheme.state, scheme.activated_by, scheme.activated_at = PolicyState.ACTIVE, by, at
    scheme.save(update_fields=["state", "activated_by", "activated_at"])
    trace(scheme, "scheme.activated", by, at)
    return scheme


@transaction.atomic
def discard_scheme(*, scheme_id: int, by: User, at: datetime) -> None:
    """Delete a draft. Conflict "scheme_not_draft" once it is in force."""
    scheme = GrantScheme.objects.select_for_update().get(pk=scheme_id)
    if scheme.state != PolicyState.DRAFT:
        raise Conflict("scheme_not_draft", _("This scheme is in force already."))
    trace(scheme, "scheme.discarded", by, at)
    scheme.delete()


@transaction.atomic
def draw_sample(*, scheme_id: int, by: User, at: datetime) -> tuple[int, int]:
    """Draw whom to inspect among the claims that came in since the last draw; the others pass on their papers.
    (taken, all). Conflict "nothing_to_draw", Refused "same_person" if one is one's own."""
    scheme = GrantScheme.objects.select_for_update().get(pk=scheme_id)
    waiting = list(scheme.claims.filter(state=GrantState.APPLIED).select_related("station").order_by("pk"))
    if not waiting:
        raise Conflict("nothing_to_draw", _("No claim waits for a draw."))
    refuse_self([row.applied_by_id for row in waiting], by)
    number = scheme.draws + 1
    taken = queries.drawn(scheme, number, [(row.pk, row.station.level) for row in waiting])
    scheme.draws = number
    scheme.save(update_fields=["draws"])
    inspected = [row for row in waiting if row.pk in taken]
    passed = [row for row in waiting if row.pk not in taken]
    reason = stored(_("Draw no. %(number)d")) % {"number": number}
    move(inspected, to=GrantState.SAMPLED, by=by, at=at, reason=reason, allowed=_FROM_DRAW, draw=number, drawn=True)
    move(
        passed,
        to=GrantState.ACCEPTED,
        by=by,
        at=at,
        reason=reason,
        allowed=_FROM_DRAW,
        draw=number,
        accepted_by=by,
        accepted_at=at,
    )
    trace(scheme, "scheme.drawn", by, at, {"draw": str(number), "taken": str(len(taken)), "of": str(len(waiting))})
    return len(taken), len(waiting)


_FROM_DRAW = (GrantState.APPLIED,)
