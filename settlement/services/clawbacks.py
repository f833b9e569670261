"""Taking back what was paid: proposed (by a person or found in the scans), told to the outlet, which accepts or appeals
or stays silent; then set off by a reversing line in the next open month, or waived. Who proposed does not decide."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock, logs, sql
from common.errors import Conflict, NotAllowed, Refused
from settlement.models import Appeal, Clawback, Hold, Line, Statement, Transition
from settlement.queries.clawbacks import was_accepted
from settlement.services.appeals import TEXT_MAX, open_appeal, text_given
from settlement.services.books import move
from settlement.services.holds import reason_given
from settlement.services.lines import lock_county, reverse_line
from settlement.states import APPROVED_STATEMENTS, AppealState, ClawbackCause, ClawbackState
from stations.queries import counties_with_stations

log = logs.get_logger("settlement")
ANSWER_DAYS = 7
REASON_MAX = 300
# A parcel scanned later than this after its delivery is outside every policy's days (at most about a year is sensible),
# and one that was paid this late is seen by a person.
_LOOK_BACK = timedelta(days=500)
_CAUSE_OF = {"RETURNED": ClawbackCause.RETURN, "LOST": ClawbackCause.LOSS}


@transaction.atomic
def propose_clawback(
    *, line_id: int, cause: str, reason: str, evidence: Sequence[str], by: User | None, at: datetime
) -> Clawback:
    """Propose to take back a line that stands and is of an approved or paid statement. `evidence`: ids of scans or a
    complaint's number. Refused with what to do instead: "line_reversed", "line_held", "line_not_approved"; Conflict
    "clawback_exists"."""
    kept = reason_given(reason, most=REASON_MAX)
    if cause not in ClawbackCause.values:
        raise Refused("cause_unknown", _("Choose why."), pointer="/cause")
    line = Line.objects.select_related("policy").get(pk=line_id)
    lock_county(county_code=line.county_code)
    _must_be_claimable(line)
    try:
        with transaction.atomic():
            clawback = Clawback.objects.create(
                county_code=line.county_code,
                line=line,
                station_id=line.station_id,
                cause=cause,
                reason=kept,
                evidence=[str(piece)[:80] for piece in evidence][:50],
                proposed_by=by,
                proposed_at=at,
            )
    except IntegrityError as twice:
        raise Conflict("clawback_exists", _("It was proposed already to take this back.")) from twice
    _note_proposed([clawback], by=by, at=at)
    return clawback


def _must_be_claimable(line: Line) -> None:
    last = Line.objects.filter(county_code=line.county_code, parcel=line.parcel_id, service=line.service).latest("turn")
    if line.is_reversal or last.pk != line.pk:
        raise Refused("line_reversed", _("This line was taken back already: there is nothing to claim."))
    hold = Hold.objects.filter(line=line).first()
    if hold and hold.closed_at is None:
        raise Refused("line_held", _("This parcel is held and not paid: refuse it among the held parcels instead."))
    stated = hold.stated_in if hold and hold.stated_in else line.period
    approved = Statement.objects.filter(
        county_code=line.county_code,
        period=stated,
        station_id=line.station_id,
        fund_id=line.policy.fund_id,
        state__in=APPROVED_STATEMENTS,
    )
    if not approved.exists():
        raise Refused(
            "line_not_approved",
            _("Its month isn't approved yet: correct the wrong scan instead, the line then goes by itself."),
        )


def _note_proposed(clawbacks: Sequence[Clawback], *, by: User | None, at: datetime) -> None:
    Transition.objects.bulk_create(
        Transition(
            county_code=row.county_code,
            entity="clawback",
            entity_id=row.pk,
            to_state=ClawbackState.PROPOSED,
            by=by,
            reason=row.reason,
            at=at,
        )
        for row in clawbacks
    )


@transaction.atomic
def notify_clawback(*, clawback_id: int, by: User, at: datetime) -> Clawback:
    """Tell the outlet; it has ANSWER_DAYS days to answer. Conflict "state_changed" if it was told or waived."""
    row = Clawback.objects.get(pk=clawback_id)
    answer_by = clock.business_date(at) + timedelta(days=ANSWER_DAYS)
    move(row, to=ClawbackState.NOTIFIED, by=by, at=at, allowed=[ClawbackState.PROPOSED], answer_by=answer_by)
    return row


@transaction.atomic
def accept_clawback(*, clawback_id: int, by: User, at: datetime) -> Clawback:
    """The outlet agrees. Conflict "state_changed" unless it is waiting for its answer."""
    row = Clawback.objects.get(pk=clawback_id)
    move(row, to=ClawbackState.ACCEPTED, by=by, at=at, allowed=[ClawbackState.NOTIFIED])
    return row


@transaction.atomic
def appeal_clawback(*, clawback_id: int, text: str, by: User, at: datetime) -> Appeal:
    """The outlet objects, once: while it is asked, or after its silence was counted as consent. Conflict "appealed"
    if it did before, "state_changed" if it accepted or the claim was waived; Refused "text_needed"."""
    kept = text_given(text, most=TEXT_MAX)
    row = Clawback.objects.select_for_update().select_related("line").get(pk=clawback_id)
    if row.appeals.exists():
        raise Conflict("appealed", _("You objected to this already."))
    if row.state == ClawbackState.NETTED:  # it stays set off until somebody decides
        if was_accepted(row):
            raise Conflict("accepted", _("You accepted this: it can't be appealed any more."))
    else:
        move(row, to=ClawbackState.APPEALED, by=by, at=at, allowed=[ClawbackState.NOTIFIED])
    return open_appeal(county_code=row.county_code, period=row.line.period, text=kept, clawback=row, by=by, at=at)


@transaction.atomic
def net_clawback(*, clawback_id: int, by: User, at: datetime) -> Clawback:
    """Set the claim off by a reversing line in the next open month, once the outlet accepted, its appeal was rejected
    or it was silent past its day: else Refused "answer_awaited". NotAllowed "own_clawback"; Conflict "line_reversed".
    """
    lock_county(county_code=Clawback.objects.values_list("county_code", flat=True).get(pk=clawback_id))
    row = Clawback.objects.select_for_update().get(pk=clawback_id)
    _must_be_another(row, by)
    if row.state == ClawbackState.NOTIFIED and not (
        (row.answer_by and clock.business_date(at) > row.answer_by)
        or row.appeals.filter(state=AppealState.REJECTED).exists()
    ):
        raise Refused("answer_awaited", _("The outlet may still answer: wait until its last day is over."))
    if row.state not in (ClawbackState.NOTIFIED, ClawbackState.ACCEPTED):
        raise Conflict("state_changed", _("Somebody else was faster: look again."))
    reversal = reverse_line(line=row.line, by=by, at=at)
    move(
        row,
        to=ClawbackState.NETTED,
        by=by,
        at=at,
        allowed=[row.state],
        reversal=reversal,
        decided_by=by,
        decided_at=at,
    )
    return row


@transaction.atomic
def waive_clawback(*, clawback_id: int, by: User, at: datetime, reason: str) -> Clawback:
    """Let the claim go, with a reason. NotAllowed "own_clawback"; Conflict "state_changed" once appealed or netted."""
    kept = reason_given(reason, most=REASON_MAX)
    row = Clawback.objects.select_for_update().get(pk=clawback_id)
    _must_be_another(row, by)
    move(
        row,
        to=ClawbackState.WAIVED,
        by=by,
        at=at,
        reason=kept,
        allowed=[ClawbackState.PROPOSED, ClawbackState.NOTIFIED, ClawbackState.ACCEPTED],
        decided_by=by,
        decided_at=at,
    )
    return row


def _must_be_another(row: Clawback, by: User) -> None:
    if row.proposed_by_id == by.pk:
        raise NotAllowed(_("Who proposed it doesn't decide it: ask a colleague."), code="own_clawback")


def find_clawbacks(*, at: datetime, county_code: str | None = None) -> int:
    """Propose, once a line, what the scans speak against: returned or lost after the delivery within the policy's days,
    or signed for at a second outlet. All counties without one. Returns how many; running it again adds none."""
    return sum(_find(code, at) for code in ([county_code] if county_code else counties_with_stations()))


@transaction.atomic
def _find(county_code: str, at: datetime) -> int:
    lock_county(county_code=county_code)
    found = sql.rows("settlement", "find_clawbacks", {"county_code": county_code, "since": at - _LOOK_BACK})
    rows = Clawback.objects.bulk_create(
        Clawback(
            county_code=county_code,
            line_id=row["line_id"],
            station_id=row["station_id"],
            cause=(cause := _CAUSE_OF.get(row["type"], ClawbackCause.FALSE_SIGNATURE)),
            reason=str(cause),  # the page says it in words and shows the scan
            evidence=[str(row["event_id"])],
            proposed_by=None,
            proposed_at=at,
        )
        for row in found
    )
    _note_proposed(rows, by=None, at=at)
    if rows:
        log.info("clawbacks_found", county=county_code, count=len(rows))
    return len(rows)
