"""What the steps of a grant and of an award share: reasons, the trace, and that nobody has two parts in one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from accounts.models import User
from accounts.services import audit
from common import clock, text
from common.errors import Refused
from settlement.models import AwardRound, GrantClaim, GrantScheme

LEAST = Decimal(100)  # yuan: below, instalments can't be cut to whole fen


def locked_claim(claim_id: int) -> GrantClaim:
    return GrantClaim.objects.select_for_update(of=("self",)).select_related("scheme", "station").get(pk=claim_id)


def refuse_self(people: Sequence[int | None], by: User) -> None:
    if by.pk in people:
        raise Refused("same_person", _("You had a part in this already. Ask a second person."))


def months_later(day: date, months: int) -> date:
    """The same day some months on, or the last of a shorter month."""
    first = day.replace(day=1)
    for _n in range(months):
        first = clock.next_month(first)
    last = (clock.next_month(first) - first).days
    return first.replace(day=min(day.day, last))


def reason_kept(reason: str, pointer: str = "/reason") -> str:
    """A reason as it is kept. Refused "reason_missing" below two characters."""
    kept = text.clean(reason)[:300]
    if len(kept) < 2:
        raise Refused("reason_missing", _("A reason, please."), pointer=pointer)
    return kept


_ENTITIES: dict[type, str] = {GrantScheme: "scheme", GrantClaim: "grant", AwardRound: "award"}


def trace(
    row: GrantScheme | GrantClaim | AwardRound,
    action: str,
    by: User | None,
    at: datetime,
    after: Mapping[str, str] | None = None,
    reason: str = "",
) -> None:
    audit(
        actor=by,
        action=action,
        entity=_ENTITIES[type(row)],
        entity_id=row.pk,
        label=str(row),
        at=at,
        county_code=row.county_code,
        after=after or {},
        reason=reason,
    )


def stored(said: object) -> str:
    """A lazy sentence as it is kept: in the county's language, for whoever reads it later."""
    with override(settings.LANGUAGE_CODE):
        return str(said)
