"""An account is entered by one person and confirmed by another; its number is seen by nobody after that."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import AuditEntry
from common.errors import Conflict, Refused
from settlement.models import OutletAccount
from settlement.queries.payments import changed_accounts, current_accounts, pending_accounts, same_number
from settlement.services.accounts import confirm_account, enter_account, looks_mistyped
from tests.conftest import NOW
from tests.settlement.money import NUMBER, give_account


def enter(county, number=NUMBER, station="o1", by="operator", **values):
    row = {"holder": "王大池", "bank": "丰都农商行", **values}
    return enter_account(station=county.stations[station], number=number, by=county.people[by], at=NOW, **row)


@pytest.mark.django_db
def test_a_number_is_kept_encrypted_and_shown_by_its_tail(county):
    account = enter(county, " 6217 0038-1001 2345 678 ")
    assert (account.tail, OutletAccount.objects.get().number) == ("5678", NUMBER)
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM settlement_outletaccount")
        assert NUMBER.encode() not in bytes(cursor.fetchone()[0])
    assert NUMBER not in str(list(AuditEntry.objects.values("before", "after", "entity_label")))


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["", "1234567", "1" * 33, "62170038A0012345", "６２１7００三８１０", "\x00" * 12])
def test_what_is_no_number_is_refused(county, number):
    with pytest.raises(Refused) as refused:
        enter(county, number)
    assert (refused.value.code, refused.value.pointer) == ("account_number", "/number")


@pytest.mark.django_db
@pytest.mark.parametrize("holder", ["", "  ", "=HYPERLINK(1)", "＠cmd", "王" * 81, "\u200b"])
def test_a_holder_is_a_name(county, holder):
    with pytest.raises(Refused) as refused:
        enter(county, holder=holder)
    assert refused.value.code == "holder_unreadable"


@pytest.mark.django_db
def test_a_centre_has_no_account(county):
    with pytest.raises(Refused) as refused:
        enter(county, station="c1", by="township")
    assert refused.value.code == "not_an_outlet"


def test_a_card_number_has_a_check_digit():
    assert not looks_mistyped("6222020200098765439"[:8])  # no card's length
    assert not looks_mistyped("100200300400")
    card = next(f"622202020009876543{digit}" for digit in range(10) if not looks_mistyped(f"622202020009876543{digit}"))
    assert looks_mistyped(card[:-2] + str((int(card[-2]) + 1) % 10) + card[-1])


@pytest.mark.django_db
def test_another_person_confirms_with_the_paper_in_hand(county):
    account = enter(county, by="township")
    assert current_accounts(county.code) == {}
    with pytest.raises(Refused) as refused:
        confirm_account(account_id=account.pk, by=county.people["township"], at=NOW)
    assert refused.value.code == "same_person"
    with pytest.raises(Refused) as refused:
        confirm_account(account_id=account.pk, by=county.people["clerk"], at=NOW, number="6217003810012345679")
    assert refused.value.code == "number_differs"
    confirm_account(account_id=account.pk, by=county.people["clerk"], at=NOW, number=NUMBER)
    assert current_accounts(county.code)[county.o1.pk] == account
    with pytest.raises(Conflict) as twice:
        confirm_account(account_id=account.pk, by=county.people["clerk"], at=NOW)
    assert twice.value.code == "account_confirmed"


@pytest.mark.django_db
def test_the_newest_confirmed_one_counts_and_a_change_is_pointed_out(county):
    first = give_account(county, county.o1)
    assert changed_accounts(county.code, NOW) == {}  # the first is no change
    entered = enter(county, "100200300400")
    assert pending_accounts(OutletAccount.objects.all()) == [entered]
    assert current_accounts(county.code)[county.o1.pk] == first
    confirm_account(account_id=entered.pk, by=county.people["clerk"], at=NOW)
    assert current_accounts(county.code)[county.o1.pk] == entered
    assert list(changed_accounts(county.code, NOW + timedelta(days=29))) == [county.o1.pk]
    assert changed_accounts(county.code, NOW + timedelta(days=31)) == {}


@pytest.mark.django_db
def test_out_of_order_an_older_entry_is_not_confirmed_any_more(county):
    older = enter(county)
    with pytest.raises(Conflict) as known:
        enter(county)
    assert known.value.code == "account_known"
    enter(county, "100200300400")
    with pytest.raises(Conflict) as late:
        confirm_account(account_id=older.pk, by=county.people["clerk"], at=NOW)
    assert late.value.code == "account_superseded"


@pytest.mark.django_db
def test_two_outlets_with_one_number_are_shown_to_the_clerk(county):
    give_account(county, county.o2)
    mine, other = enter(county), enter(county, "622200005678", station="o3", by="operator2")
    found = same_number([mine, other], county.code)
    assert (found[mine.pk], found[other.pk]) == ([county.o2], [])


# --- the page ----------------------------------------------------------------------------------------------

PAGE = "/settlement/accounts/"
SAID = {"holder": "王大池", "bank": "丰都农商行", "number": NUMBER}


@pytest.mark.django_db
def test_an_outlet_enters_its_own_and_sees_its_tail(county, sign_in):
    client = sign_in("operator")
    answer = client.post(PAGE + "new/", {**SAID, "station": county.o1.pk}, follow=True)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "5678" in page
    assert NUMBER not in page
    account = OutletAccount.objects.get()
    assert (account.station, account.entered_by) == (county.o1, county.people["operator"])
    assert NUMBER not in client.get(PAGE).content.decode()


@pytest.mark.django_db
def test_a_bad_number_stands_beside_its_field(county, sign_in):
    answer = sign_in("operator").post(PAGE + "new/", {**SAID, "station": county.o1.pk, "number": "12"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["number"]


@pytest.mark.django_db
def test_nobody_enters_an_account_elsewhere(county, neighbour, sign_in):
    for station in (county.o3, neighbour.no):
        answer = sign_in("operator").post(PAGE + "new/", {**SAID, "station": station.pk})
        assert answer.status_code == 422
    assert sign_in("clerk").post(PAGE + "new/", {**SAID, "station": county.o1.pk}).status_code == 403
    assert not OutletAccount.objects.exists()


@pytest.mark.django_db
def test_the_clerk_confirms_from_the_list(county, sign_in):
    account = enter(county)
    url = f"{PAGE}{account.pk}/confirm/"
    client = sign_in("clerk")
    assert NUMBER not in client.get(PAGE).content.decode()
    assert client.post(url, {"number": "100200300400"}).status_code == 422
    assert client.post(url, {"number": NUMBER}).status_code == 302
    account.refresh_from_db()
    assert account.confirmed_by == county.people["clerk"]
    for who in ("operator", "approver", "township"):
        assert sign_in(who).post(url, {"number": NUMBER}).status_code == 403


@pytest.mark.django_db
def test_the_neighbour_sees_no_account(county, neighbour, sign_in):
    account = enter(county)
    give_account(county, county.o2, "100200300400")
    page = sign_in(neighbour.people["officer"]).get(PAGE).content.decode()
    assert "大池村" not in page
    assert "同德村" not in page
    assert sign_in("clerk").get(f"{PAGE}{account.pk + 9}/confirm/").status_code == 404
