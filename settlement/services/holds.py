"""Held lines: a person looks at the evidence and says whether the parcel is paid. A line that a fraud case is about is
decided with its case (services.fraud), which closes the hold through `close_hold`."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import text
from common.errors import Conflict, Refused
from settlement.models import CaseLine, Hold
from settlement.queries.books import next_open_month
from settlement.services.lines import lock_county, reverse_line
from settlement.states import OPEN_CASES, HoldOutcome, HoldReason

REASON_MAX = 200
BULK_MAX = 500  # holds a person closes with one reason


def reason_given(reason: str, *, most: int = REASON_MAX) -> str:
    """The reason as it is kept. Refused "reason_needed" where nothing readable is left."""
    kept = text.clean(reason.replace("\x00", ""))[:most].strip()
    if not any(char.isalnum() for char in kept):
        raise Refused("reason_needed", _("Say why, in a few words."), pointer="/reason")
    return kept


@transaction.atomic
def close_hold(*, hold: Hold, outcome: str, by: User | None, at: datetime, reason: str) -> Hold:
    """End a hold, once: the line is stated in the next open month. A refused one's reversal stands in that same month,
    so that they cancel. Conflict "hold_closed" if somebody was faster, "line_reversed" if the scans took it back."""
    lock_county(county_code=hold.county_code)
    line = hold.line
    month = next_open_month(hold.county_code, line.period)
    closed = Hold.objects.filter(pk=hold.pk, closed_at__isnull=True).update(
        closed_at=at, outcome=outcome, closed_by=by, close_reason=reason[:REASON_MAX], stated_in=month
    )
    if not closed:
        raise Conflict("hold_closed", _("Somebody decided this already."))
    if outcome == HoldOutcome.REFUSED:
        reverse_line(line=line, by=by, at=at, month=month)
    hold.refresh_from_db()
    return hold


@transaction.atomic
def release_holds(*, hold_ids: Iterable[int], by: User, at: datetime, reason: str) -> int:
    """Pay up to BULK_MAX held lines of one county after all, with one reason, all or none; returns how many. Refused
    "hold_of_a_case" or "reason_needed", Conflict "case_open" or "hold_closed"."""
    kept = reason_given(reason)
    holds = _decidable(hold_ids)
    by_period: dict[date, list[int]] = {}
    for hold in holds:
        by_period.setdefault(hold.line.period, []).append(hold.pk)
    closed = 0
    for period, ids in by_period.items():
        closed += Hold.objects.filter(pk__in=ids, closed_at__isnull=True).update(
            closed_at=at,
            outcome=HoldOutcome.RELEASED,
            closed_by=by,
            close_reason=kept,
            stated_in=next_open_month(holds[0].county_code, period),
        )
    if closed != len(holds):
        raise Conflict("hold_closed", _("Somebody decided this already."))
    return closed


@transaction.atomic
def refuse_holds(*, hold_ids: Iterable[int], by: User, at: datetime, reason: str) -> int:
    """Not pay them: they are taken back by decision. Else like `release_holds`."""
    kept = reason_given(reason)
    holds = _decidable(hold_ids)
    for hold in holds:  # each writes its own reversal and entry
        close_hold(hold=hold, outcome=HoldOutcome.REFUSED, by=by, at=at, reason=kept)
    return len(holds)


def _decidable(hold_ids: Iterable[int]) -> list[Hold]:
    """The open holds of one county that no case decides, the county locked."""
    ids = sorted(set(hold_ids))
    if not ids or len(ids) > BULK_MAX:
        raise Refused("hold_number", _("Choose between 1 and %(most)d held parcels.") % {"most": BULK_MAX})
    counties = set(Hold.objects.filter(pk__in=ids).values_list("county_code", flat=True))
    if len(counties) != 1:
        raise Refused("hold_of_two_counties", _("Choose held parcels of one county."))
    lock_county(county_code=counties.pop())
    holds = list(Hold.objects.filter(pk__in=ids).select_related("line").order_by("pk"))
    if any(hold.closed_at for hold in holds) or len(holds) != len(ids):
        raise Conflict("hold_closed", _("Somebody decided this already."))
    if any(hold.reason == HoldReason.FRAUD for hold in holds):
        raise Refused("hold_of_a_case", _("A check holds this parcel: decide its case, the parcel follows."))
    lines = [hold.line_id for hold in holds]
    if CaseLine.objects.filter(line_id__in=lines, case__state__in=OPEN_CASES).exists():
        raise Conflict("case_open", _("A case about this parcel is still open: decide the case first."))
    return holds
