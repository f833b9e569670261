"""Grants for what was built or bought: no invoice twice, nobody alone, every instalment once."""

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from common.errors import Conflict, Refused
from settlement import services
from settlement.models import Adjustment, GrantClaim, GrantScheme, Period, Posting, Transition
from settlement.queries import grants as queries
from settlement.services import ProofFields, SchemeFields
from settlement.states import Account, AdjustmentKind, GrantKind, GrantState, PeriodState, ProofKind
from stations.models import Station
from tests.conftest import NOW, County
from tests.settlement.people import make_fund

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NAN = Decimal("NaN")


def fields(county: County, **values) -> SchemeFields:
    row = {
        "fund_id": make_fund(county, budget=Decimal("5000000")).pk,
        "document": "豫交规〔2025〕17号",
        "name": "村级服务点建设补助",
        "kind": GrantKind.OUTLET,
        "share": Decimal("0.5"),
        "cap": Decimal("10000"),
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2026, 12, 31),
    }
    return SchemeFields(**{**row, **values})


def make_scheme(county: County, **values) -> GrantScheme:
    draft = services.draft_scheme(
        county_code=county.code, fields=fields(county, **values), by=county.people["clerk"], at=NOW
    )
    return services.activate_scheme(scheme_id=draft.pk, by=county.people["approver"], at=NOW)


def invoice(number: str = "25502000000012345678", yuan: str = "8000.00") -> ProofFields:
    return ProofFields(ProofKind.INVOICE, number, "货架和柜台", Decimal(yuan))


def make_claim(county: County, scheme: GrantScheme | None = None, *, station: Station | None = None, proofs=None):
    scheme = scheme or make_scheme(county, sample_shares=(Decimal(1), Decimal(1), Decimal(1)))
    return services.apply_grant(
        scheme_id=scheme.pk,
        station_id=(station or county.o1).pk,
        note="改造服务点",
        proofs=proofs or [invoice()],
        by=county.people["township"],
        at=NOW,
    )


def inspect(county: County, claim: GrantClaim, outcome: str = "accepted", *, found="found", grade="A", at=NOW, **more):
    findings = {row.pk: (found, "") for row in claim.proofs.all()}
    return services.inspect_claim(
        claim_id=claim.pk,
        findings=findings,
        outcome=outcome,
        grade=grade,
        finding=more.pop("finding", "现场看过"),
        by=county.people["officer"],
        at=at,
    )


def audited(county: County, claim: GrantClaim | None = None, amount: str = "4000.00") -> GrantClaim:
    claim = claim or make_claim(county)
    services.draw_sample(scheme_id=claim.scheme_id, by=county.people["officer"], at=NOW)
    inspect(county, claim)
    return services.audit_claim(
        claim_id=claim.pk, amount=Decimal(amount), grade="", note="核过发票", by=county.people["clerk"], at=NOW
    )


def approved(county: County) -> GrantClaim:
    claim = audited(county)
    return services.approve_claim(claim_id=claim.pk, by=county.people["approver"], at=NOW)


def prepare(county: County, part, at=NOW):
    return services.prepare_instalment(instalment_id=part.pk, note="运行正常", by=county.people["clerk"], at=at)


def release(county: County, part, at=NOW):
    return services.release_instalment(instalment_id=part.pk, by=county.people["approver"], at=at)


def test_from_an_invoice_to_an_adjustment_in_the_next_open_month(county):
    Period.objects.create(county_code=county.code, month=date(2026, 11, 1), state=PeriodState.FROZEN)
    claim = approved(county)
    parts = list(claim.instalments.all())
    assert [part.amount for part in parts] == [Decimal("1200.00")] * 3 + [Decimal("400.00")]
    assert [part.due_on for part in parts][:2] == [date(2026, 11, 20), date(2027, 11, 20)]
    prepare(county, parts[0])
    released = release(county, parts[0])
    row = Adjustment.objects.get(source_key=f"grant:{claim.pk}-1")
    assert released.adjustment == row
    assert (row.period, row.kind, row.amount) == (date(2026, 12, 1), AdjustmentKind.GRANT, Decimal("1200.0000"))
    legs = dict(Posting.objects.filter(entry=row.entry).values_list("account", "amount"))
    assert legs == {Account.SUBSIDY: Decimal("1200"), Account.ACCRUED: Decimal("-1200")}
    claim.refresh_from_db()
    assert claim.state == GrantState.PAYING
    steps = Transition.objects.filter(entity="grantclaim", entity_id=claim.pk).order_by("id")
    assert [step.to_state for step in steps] == ["sampled", "accepted", "audited", "approved", "paying"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"share": Decimal("1.01")}, "share_out_of_bounds"),
        ({"share": NAN}, "share_out_of_bounds"),
        ({"share": Decimal(0)}, "share_out_of_bounds"),
        ({"bonus": Decimal("-0.2")}, "share_out_of_bounds"),
        ({"cap": NAN}, "cap_out_of_bounds"),
        ({"cap": Decimal("1e12")}, "cap_out_of_bounds"),
        ({"instalments": (Decimal("0.5"), Decimal("0.4"))}, "instalments_not_whole"),
        ({"instalments": (Decimal("0.5"), NAN)}, "share_out_of_bounds"),
        ({"grade_shares": (Decimal("0.8"), Decimal(1), Decimal("0.6"), Decimal(0))}, "grades_rise"),
        ({"sample_shares": (Decimal(1),)}, "samples_missing"),
        ({"rectify_months": 0}, "months_out_of_bounds"),
        ({"valid_until": date(2025, 1, 1)}, "scheme_ends_before_it_begins"),
        ({"bonus_townships": ("500101101",)}, "township_elsewhere"),
        ({"kind": "palace"}, "kind_unknown"),
    ],
)
def test_a_scheme_out_of_bounds_is_refused(county, values, code):
    with pytest.raises(Refused) as refusal:
        services.draft_scheme(
            county_code=county.code, fields=fields(county, **values), by=county.people["clerk"], at=NOW
        )
    assert refusal.value.code == code


def test_a_scheme_takes_two_people_and_never_changes(county):
    draft = services.draft_scheme(county_code=county.code, fields=fields(county), by=county.people["clerk"], at=NOW)
    with pytest.raises(Refused, match="same_person"):
        services.activate_scheme(scheme_id=draft.pk, by=county.people["clerk"], at=NOW)
    services.activate_scheme(scheme_id=draft.pk, by=county.people["approver"], at=NOW)
    with pytest.raises(Conflict, match="scheme_not_draft"):
        services.activate_scheme(scheme_id=draft.pk, by=county.people["approver"], at=NOW)
    for change in ("share = 0.9", "cap = 1", "valid_until = '2099-01-01'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as db:
            db.execute(f"UPDATE settlement_grantscheme SET {change} WHERE id = %s", [draft.pk])
    with pytest.raises(Conflict, match="scheme_not_draft"):
        services.discard_scheme(scheme_id=draft.pk, by=county.people["clerk"], at=NOW)


def test_no_invoice_is_paid_twice_whatever_the_scheme(county):
    first = make_claim(county)
    other = make_scheme(county, kind=GrantKind.EQUIPMENT, document="设备补贴1号")
    with pytest.raises(Conflict) as refusal:
        make_claim(
            county,
            other,
            station=county.o2,
            proofs=[invoice(" ２５502000000012345678 "), ProofFields(ProofKind.SERIAL, "SN-0001")],
        )
    assert refusal.value.code == "proof_taken"
    assert str(first.pk) in str(refusal.value.message)
    assert county.o1.name in str(refusal.value.message)
    with pytest.raises(Conflict, match="grant_claimed_already"):
        make_claim(county, first.scheme, proofs=[invoice("25502000000099999999")])
    services.reject_claim(claim_id=first.pk, reason="材料不全", by=county.people["officer"], at=NOW)
    make_claim(county, first.scheme)  # rejected: the invoice and the station are free again


@pytest.mark.parametrize(
    ("proofs", "code"),
    [
        ([], "no_invoice"),
        ([invoice(yuan="NaN")], "amount_out_of_bounds"),
        ([invoice(yuan="-5")], "amount_out_of_bounds"),
        ([invoice(yuan="1.005")], "amount_out_of_bounds"),
        ([invoice("12")], "number_unreadable"),
        ([invoice("1234\x00")], "number_unreadable"),
        ([invoice(), invoice()], "proof_twice"),
        ([invoice(f"FP{n:06}") for n in range(61)], "too_many_proofs"),
        ([ProofFields(ProofKind.SERIAL, "SN-0001")], "no_invoice"),
    ],
)
def test_a_claim_without_good_proof_is_refused(county, proofs, code):
    scheme = make_scheme(county)
    with pytest.raises(Refused) as refusal:
        services.apply_grant(
            scheme_id=scheme.pk,
            station_id=county.o1.pk,
            note="x",
            proofs=proofs,
            by=county.people["township"],
            at=NOW,
        )
    assert refusal.value.code == code
    assert not GrantClaim.objects.exists()


def test_a_claim_fits_the_scheme_its_days_and_its_level(county, neighbour):
    scheme = make_scheme(county)
    for station in (county.c1, neighbour.no):
        with pytest.raises(Refused, match="station_does_not_fit"):
            make_claim(county, scheme, station=station)
    late = {"note": "x", "proofs": [invoice()], "by": county.people["township"], "at": NOW + 60 * DAY}
    with pytest.raises(Refused, match="scheme_closed"):
        services.apply_grant(scheme_id=scheme.pk, station_id=county.o1.pk, **late)


def test_the_draw_can_be_drawn_again_and_takes_at_least_one(county):
    scheme = make_scheme(county)  # outlets 5 %
    claims = [
        make_claim(county, scheme, station=station, proofs=[invoice(f"2550200000001234567{place}")])
        for place, station in enumerate((county.o1, county.o2, county.o3))
    ]
    assert services.draw_sample(scheme_id=scheme.pk, by=county.people["officer"], at=NOW) == (1, 3)
    rows = {row.pk: row for row in GrantClaim.objects.all()}
    taken = {pk for pk, row in rows.items() if row.drawn}
    assert taken == {min(claims, key=lambda claim: queries.lot(scheme, 1, claim.pk)).pk}
    assert {row.state for pk, row in rows.items() if pk not in taken} == {GrantState.ACCEPTED}
    scheme.refresh_from_db()
    (view,) = queries.draws(scheme, county.people["officer"])
    assert (view.taken, view.same) == (1, True)
    with pytest.raises(Conflict, match="nothing_to_draw"):
        services.draw_sample(scheme_id=scheme.pk, by=county.people["officer"], at=NOW)


def test_what_is_faulty_is_put_right_once_and_in_time(county):
    claim = make_claim(county)
    with pytest.raises(Conflict, match="state_changed"):
        inspect(county, claim)  # not drawn yet
    services.draw_sample(scheme_id=claim.scheme_id, by=county.people["officer"], at=NOW)
    with pytest.raises(Refused, match="nothing_to_rectify"):
        inspect(county, claim, "rectifying")
    with pytest.raises(Refused, match="faults_left"):
        inspect(county, claim, found="faulty")
    with pytest.raises(Refused, match="nothing_found"):
        inspect(county, claim, found="missing")
    with pytest.raises(Refused, match="grade_missing"):
        inspect(county, claim, grade="E")
    inspect(county, claim, "rectifying", found="faulty")
    claim.refresh_from_db()
    assert claim.rectify_until == date(2027, 2, 20)
    with pytest.raises(Refused, match="rectified_once"):
        inspect(county, claim, "rectifying", found="faulty")
    with pytest.raises(Refused, match="rectification_over"):
        inspect(county, claim, at=NOW + 100 * DAY)
    inspect(county, claim, at=NOW + 90 * DAY)


def test_the_ceiling_is_share_cap_bonus_and_grade(county):
    scheme = make_scheme(county, bonus=Decimal("0.2"), bonus_townships=("500230101",))
    claim = make_claim(county, scheme, proofs=[invoice(yuan="30000.00")])
    assert queries.ceiling(claim, "A").most == Decimal("12000.00")  # min(15000, 10000) × 1.2
    assert queries.ceiling(claim, "C").most == Decimal("7200.00")
    assert queries.ceiling(claim, "D").most == 0
    plain = make_claim(county, scheme, station=county.o3, proofs=[invoice("25502000000077777777", "9000.00")])
    assert queries.ceiling(plain, "B").most == Decimal("3600.00")


@pytest.mark.parametrize("amount", ["4000.01", "NaN", "Infinity", "-1", "0", "99.99", "100.005"])
def test_an_audit_above_the_ceiling_or_no_amount_is_refused(county, amount):
    claim = make_claim(county)
    services.draw_sample(scheme_id=claim.scheme_id, by=county.people["officer"], at=NOW)
    inspect(county, claim)
    with pytest.raises(Refused) as refusal:
        services.audit_claim(
            claim_id=claim.pk, amount=Decimal(amount), grade="", note="", by=county.people["clerk"], at=NOW
        )
    assert refusal.value.code in ("above_the_ceiling", "amount_out_of_bounds")


def test_nobody_has_two_parts_in_a_grant(county):
    claim = audited(county)
    for who in ("clerk", "officer", "township"):
        with pytest.raises(Refused, match="same_person"):
            services.approve_claim(claim_id=claim.pk, by=county.people[who], at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        GrantClaim.objects.filter(pk=claim.pk).update(approved_by=county.people["clerk"])
    services.approve_claim(claim_id=claim.pk, by=county.people["approver"], at=NOW)
    part = claim.instalments.first()
    prepare(county, part)
    with pytest.raises(Refused, match="same_person"):
        services.release_instalment(instalment_id=part.pk, by=county.people["clerk"], at=NOW)


def test_a_grant_beyond_the_budget_is_not_approved(county):
    claim = audited(county)
    fund = claim.scheme.fund
    fund.budget = Decimal("3999.99")
    fund.save(update_fields=["budget"])
    with pytest.raises(Refused, match="fund_budget_exceeded"):
        services.approve_claim(claim_id=claim.pk, by=county.people["approver"], at=NOW)
    returned = services.return_claim(claim_id=claim.pk, reason="核低一点", by=county.people["approver"], at=NOW)
    assert (returned.state, returned.amount, returned.grade) == (GrantState.ACCEPTED, None, "A")


def test_instalments_come_once_in_order_and_when_due(county):
    claim = approved(county)
    first, second, *_rest = claim.instalments.all()
    with pytest.raises(Conflict, match="instalment_not_prepared"):
        release(county, first)
    with pytest.raises(Conflict, match="instalment_out_of_order"):
        prepare(county, second, at=NOW + 400 * DAY)
    prepare(county, first)
    with pytest.raises(Conflict, match="instalment_prepared"):
        prepare(county, first)
    release(county, first)
    with pytest.raises(Conflict, match="instalment_released"):
        release(county, first)
    with pytest.raises(Refused, match="instalment_not_due"):
        prepare(county, second)
    Station.objects.filter(pk=county.o1.pk).update(state="suspended")
    with pytest.raises(Refused, match="station_not_active"):
        prepare(county, second, at=NOW + 400 * DAY)
    assert Adjustment.objects.count() == 1


def together(*acts):
    """Run the acts at once on connections of their own; what each returned or raised."""
    results, gate = [], threading.Barrier(len(acts))

    def run(act) -> None:
        try:
            gate.wait()
            results.append(act())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_people_with_one_invoice_at_once_get_one_claim(county, known_carriers):
    scheme = make_scheme(county)
    numbers = ["25502000000011111111", "25502000000022222222"]
    results = together(
        lambda: make_claim(county, scheme, station=county.o1, proofs=[invoice(n) for n in numbers]),
        lambda: make_claim(county, scheme, station=county.o2, proofs=[invoice(n) for n in reversed(numbers)]),
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "GrantClaim"]
    assert GrantClaim.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_approvers_release_an_instalment_once(county, known_carriers):
    part = approved(county).instalments.first()
    prepare(county, part)
    results = together(lambda: release(county, part), lambda: release(county, part))
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "GrantInstalment"]
    assert Adjustment.objects.count() == 1


def test_a_claim_is_made_and_inspected_on_its_pages(county, sign_in):
    scheme = make_scheme(county, sample_shares=(Decimal(1), Decimal(1), Decimal(1)))
    apply = f"/settlement/grants/schemes/{scheme.pk}/apply/"
    township, officer = sign_in("township"), sign_in("officer")
    good = {
        "station": county.o1.pk,
        "note": "货架",
        "number_0": "25502000000012345678",
        "yuan_0": "8,000.00",
        "serials_0": "SN-0001 SN-0002",
    }
    for change in (
        {"yuan_0": "NaN"},
        {"yuan_0": "-1"},
        {"number_0": ""},
        {"station": county.o3.pk},
        {"note": "\u200b"},
    ):
        assert township.post(apply, {**good, **change}).status_code == 422
    answer = township.post(apply, good)
    assert answer.status_code == 302
    claim = GrantClaim.objects.get()
    assert claim.proofs.count() == 3
    again = township.post(apply, {**good, "station": county.o2.pk})
    assert again.status_code == 422
    assert f"第 {claim.pk} 号" in again.content.decode()
    assert officer.post(f"/settlement/grants/schemes/{scheme.pk}/draw/").status_code == 302
    page = f"/settlement/grants/{claim.pk}/"
    findings = {f"finding_{row.pk}": "found" for row in claim.proofs.all()}
    assert officer.post(f"{page}inspect/", {**findings, "outcome": "accepted"}).status_code == 422  # no grade
    done = officer.post(f"{page}inspect/", {**findings, "outcome": "accepted", "grade": "B"})
    assert done.status_code == 302
    clerk = sign_in("clerk")
    assert clerk.post(f"{page}audit/", {"amount": "3200.01"}).status_code == 422
    assert clerk.post(f"{page}audit/", {"amount": "3200"}).status_code == 302
    assert sign_in("approver").post(f"{page}approve/").status_code == 302
    assert sign_in("operator").get(page).status_code == 200
    assert sign_in("operator2").get(page).status_code == 404
    assert "25502000000012345678" in sign_in("operator").get(f"{page}print/").content.decode()
