"""A claim for what was built or bought: by its invoices, each once in a county; inspected, put right, accepted or
rejected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock, money, text
from common.errors import Conflict, Refused
from settlement.models import GrantClaim, GrantProof, GrantScheme
from settlement.queries import grants as queries
from settlement.services.books import move
from settlement.services.grant_steps import locked_claim, months_later, reason_kept, refuse_self, trace
from settlement.states import Finding, Grade, GrantKind, GrantState, PolicyState, ProofKind
from stations.models import Station

MOST_PROOFS = 60


@dataclass(frozen=True)
class ProofFields:
    """An invoice with its yuan, or a serial number."""

    kind: str
    number: str
    what: str = ""
    yuan: Decimal | None = None


def apply_grant(
    *, scheme_id: int, station_id: int, note: str, proofs: Sequence[ProofFields], by: User, at: datetime
) -> GrantClaim:
    """A claim over the sum of its invoices. Refused for what doesn't fit, Conflict "grant_claimed_already" or
    "proof_taken" (the sentence names the claim that has the invoice or machine)."""
    scheme = GrantScheme.objects.get(pk=scheme_id)
    station = Station.objects.get(pk=station_id)
    _check_claim(scheme, station, clock.business_date(at))
    rows = _clean_proofs(scheme, proofs)
    try:
        with transaction.atomic():
            claim = GrantClaim.objects.create(
                county_code=scheme.county_code,
                scheme=scheme,
                station=station,
                note=text.clean(note)[:300],
                investment=sum((row.yuan or Decimal(0) for row in rows), Decimal(0)),
                applied_by=by,
                applied_at=at,
            )
            GrantProof.objects.bulk_create(
                GrantProof(
                    county_code=scheme.county_code,
                    claim=claim,
                    kind=row.kind,
                    number=row.number,
                    what=row.what,
                    yuan=row.yuan,
                )
                for row in sorted(rows, key=lambda row: (row.kind, row.number))  # two people: one waits, no deadlock
            )
            trace(claim, "grant.applied", by, at, {"investment": str(claim.investment)})
    except IntegrityError as taken:
        for kind in ProofKind:
            numbers = [row.number for row in rows if row.kind == kind]
            for other in queries.claims_with(scheme.county_code, kind, numbers)[:1]:
                raise Conflict(
                    "proof_taken",
                    _(
                        "%(kind)s %(number)s stands in grant claim no. %(claim)s of %(station)s already. "
                        "Nothing is paid twice."
                    )
                    % {
                        "kind": kind.label,
                        "number": other.number,
                        "claim": other.claim_id,
                        "station": other.claim.station.name,
                    },
                    pointer="/proofs",
                ) from taken
        raise Conflict(
            "grant_claimed_already", _("This station has claimed under this scheme already."), pointer="/station"
        ) from taken
    return claim


def _check_claim(scheme: GrantScheme, station: Station, day: date) -> None:
    if scheme.state != PolicyState.ACTIVE or not scheme.valid_from <= day <= scheme.valid_until:
        raise Refused("scheme_closed", _("Nobody can apply under this scheme today."), pointer="/scheme")
    level = queries.LEVEL_OF.get(scheme.kind)
    if station.county_code != scheme.county_code or (level and station.level != level):
        raise Refused("station_does_not_fit", _("This scheme is for other stations."), pointer="/station")
    if station.state not in queries.MAY_CLAIM:
        raise Refused("station_not_built", _("Only a station that is built or at work can apply."), pointer="/station")


def _clean_proofs(scheme: GrantScheme, proofs: Sequence[ProofFields]) -> list[ProofFields]:
    rows: list[ProofFields] = []
    seen: set[tuple[str, str]] = set()
    if len(proofs) > MOST_PROOFS:
        raise Refused("too_many_proofs", _("At most 60 invoices and serial numbers a claim."), pointer="/proofs")
    for place, proof in enumerate(proofs):
        at_row = f"/proofs/{place}"
        number = text.normal_code(proof.number)
        if text.fault(proof.number) or not 4 <= len(number) <= 40:
            raise Refused("number_unreadable", _("A number of 4 to 40 characters."), pointer=at_row)
        if (proof.kind, number) in seen:
            raise Refused("proof_twice", _("%(number)s stands here twice.") % {"number": number}, pointer=at_row)
        seen.add((proof.kind, number))
        if proof.kind == ProofKind.INVOICE:
            yuan = proof.yuan
            if yuan is None or not yuan.is_finite() or not 0 < yuan <= 10**8 or yuan != money.statement_yuan(yuan):
                raise Refused("amount_out_of_bounds", _("An amount in yuan and fen, above 0."), pointer=at_row)
        rows.append(
            ProofFields(
                ProofKind(proof.kind),
                number,
                text.clean(proof.what)[:120],
                proof.yuan if proof.kind == ProofKind.INVOICE else None,
            )
        )
    if not any(row.kind == ProofKind.INVOICE for row in rows):
        raise Refused("no_invoice", _("At least one invoice, please."), pointer="/proofs")
    if sum((row.yuan or Decimal(0) for row in rows), Decimal(0)) > 10**9:
        raise Refused("amount_out_of_bounds", _("An amount in yuan and fen, above 0."), pointer="/proofs")
    if scheme.kind == GrantKind.EQUIPMENT and not any(row.kind == ProofKind.SERIAL for row in rows):
        raise Refused("no_serial", _("The serial number of each machine, please."), pointer="/proofs")
    return rows


_INSPECTED = (GrantState.SAMPLED, GrantState.RECTIFYING)


@transaction.atomic
def inspect_claim(
    *,
    claim_id: int,
    findings: Mapping[int, tuple[str, str]],
    outcome: str,
    grade: str = "",
    finding: str = "",
    by: User,
    at: datetime,
) -> GrantClaim:
    """What an inspection found of each invoice and machine (proof id → finding, remark), and what follows: accepted
    with a grade, to be put right within the scheme's months (once), or rejected. Refused "finding_missing",
    "faults_left", "nothing_found", "grade_missing", "nothing_to_rectify", "reason_missing", "rectification_over",
    "same_person"; Conflict "state_changed"."""
    claim = locked_claim(claim_id)
    if claim.state not in _INSPECTED:
        raise Conflict("state_changed", _("Somebody else was faster: look again."))
    refuse_self([claim.applied_by_id], by)
    rows = list(claim.proofs.all())
    if {row.pk for row in rows} != set(findings) or any(f not in Finding.values for f, _r in findings.values()):
        raise Refused("finding_missing", _("Say of each invoice and machine what was found."), pointer="/findings")
    today, finding = clock.business_date(at), text.clean(finding)[:300]
    late = claim.state == GrantState.RECTIFYING and claim.rectify_until is not None and today > claim.rectify_until
    faulty = any(kind == Finding.FAULTY for kind, _remark in findings.values())
    for row in rows:
        row.finding, row.remark = findings[row.pk][0], text.clean(findings[row.pk][1])[:200]
    GrantProof.objects.bulk_update(rows, ["finding", "remark"])
    if outcome == GrantState.REJECTED:
        return _reject(claim, reason=finding, by=by, at=at)
    if late:
        raise Refused("rectification_over", _("The time to put it right is over: the claim can only be rejected."))
    if outcome == GrantState.RECTIFYING:
        if claim.state == GrantState.RECTIFYING:
            raise Refused("rectified_once", _("It was put right once already: accept or reject it."))
        if not faulty:
            raise Refused("nothing_to_rectify", _("Say what is to be put right."), pointer="/findings")
        until = months_later(today, claim.scheme.rectify_months)
        move(claim, to=outcome, by=by, at=at, reason=finding, allowed=_INSPECTED, rectify_until=until, finding=finding)
    elif outcome == GrantState.ACCEPTED:
        if faulty:
            raise Refused("faults_left", _("What is to be put right comes first."), pointer="/findings")
        if grade not in Grade.values:
            raise Refused("grade_missing", _("A grade from A to D, please."), pointer="/grade")
        if not queries.eligible_yuan(claim):
            raise Refused("nothing_found", _("Nothing of it was there: reject the claim."), pointer="/findings")
        move(
            claim,
            to=outcome,
            by=by,
            at=at,
            reason=finding,
            allowed=_INSPECTED,
            grade=grade,
            finding=finding,
            accepted_by=by,
            accepted_at=at,
        )
    else:
        raise Refused("outcome_unknown", _("Accepted, to be put right, or rejected?"), pointer="/outcome")
    trace(claim, f"grant.{outcome}", by, at, {"grade": grade}, finding)
    return claim


@transaction.atomic
def reject_claim(*, claim_id: int, reason: str, by: User, at: datetime) -> GrantClaim:
    """Reject a claim that isn't audited yet; its invoices are free again. Refused "reason_missing", "same_person"."""
    claim = locked_claim(claim_id)
    refuse_self([claim.applied_by_id], by)
    return _reject(claim, reason=reason, by=by, at=at)


def _reject(claim: GrantClaim, *, reason: str, by: User, at: datetime) -> GrantClaim:
    reason = reason_kept(reason, "/finding")
    open_ones = (GrantState.APPLIED, GrantState.SAMPLED, GrantState.RECTIFYING, GrantState.ACCEPTED)
    move(claim, to=GrantState.REJECTED, by=by, at=at, reason=reason, allowed=open_ones, finding=reason)
    claim.proofs.update(counts=False)
    trace(claim, "grant.rejected", by, at, None, reason)
    return claim
