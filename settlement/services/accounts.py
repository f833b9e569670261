"""An outlet's bank account: one person enters it, another confirms it; the newest confirmed one is paid to."""

import re
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common import text
from common.errors import Conflict, Refused
from settlement.models import OutletAccount
from settlement.queries.payments import account_holders
from stations.models import Station
from stations.states import StationLevel

NUMBER = re.compile(r"[0-9]{8,32}")
_CARD_LENGTHS = range(16, 20)
_SPACERS = str.maketrans("", "", " -\u3000\u00a0")
_LIVE = tuple("=+-@＝＋－＠'\"")


def normal_number(number: str) -> str:
    """An account number as digits. Refused "account_number" unless it is 8 to 32 of them."""
    digits = text.normal_code(number.translate(_SPACERS))
    if not NUMBER.fullmatch(digits):
        raise Refused("account_number", _("An account number has 8 to 32 digits."), pointer="/number")
    return digits


def looks_mistyped(number: str) -> bool:
    """Whether a number as long as a bank card's fails the check digit of bank cards (Luhn). Accounts of firms needn't
    have one, so this is a reason to look again and no refusal."""
    if len(number) not in _CARD_LENGTHS or not number.startswith("62"):
        return False
    total = 0
    for place, char in enumerate(reversed(number)):
        doubled = int(char) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 != 0


@transaction.atomic
def enter_account(*, station: Station, holder: str, bank: str, number: str, by: User, at: datetime) -> OutletAccount:
    """Write an account down; it counts once another person confirmed it. Refused "not_an_outlet" (for a centre or hub
    that is owed nothing), "account_number",
    "holder_unreadable", "bank_unreadable", Conflict "account_known" if the newest entry says the same."""
    if station.level != StationLevel.OUTLET and not account_holders(Station.objects.filter(pk=station.pk)).exists():
        raise Refused("not_an_outlet", _("Subsidy is paid to village outlets only."), pointer="/station")
    digits = normal_number(number)
    said = {"holder": _name(holder, "holder", 80), "bank": _name(bank, "bank", 120)}
    Station.objects.select_for_update(no_key=True).get(pk=station.pk)  # two entries at once: one after the other
    newest = OutletAccount.objects.filter(station=station).order_by("-pk").first()
    if newest and (newest.holder, newest.bank, newest.number) == (said["holder"], said["bank"], digits):
        raise Conflict("account_known", _("This account was entered already."), pointer="/number")
    account = OutletAccount.objects.create(
        county_code=station.county_code,
        station=station,
        **said,
        number=digits,
        tail=digits[-4:],
        entered_by=by,
        entered_at=at,
    )
    _audit(account, "account.entered", by, at)
    return account


def _name(value: str, field: str, limit: int) -> str:
    """A holder's or a bank's name; what a spreadsheet would run as a formula is none."""
    cleaned = " ".join(text.clean(value.replace("\x00", "")).split())
    if not cleaned or len(cleaned) > limit or cleaned.startswith(_LIVE):
        raise Refused(f"{field}_unreadable", _("Write the name as the bank has it."), pointer=f"/{field}")
    return cleaned


@transaction.atomic
def confirm_account(*, account_id: int, by: User, at: datetime, number: str | None = None) -> OutletAccount:
    """Say that an account is the outlet's; from now on it is paid to. `number`: as read off the outlet's paper, it must
    be the one entered. Refused "same_person", "number_differs", Conflict "account_confirmed", "account_superseded"."""
    station_id = OutletAccount.objects.values_list("station", flat=True).get(pk=account_id)
    Station.objects.select_for_update(no_key=True).get(pk=station_id)
    account = OutletAccount.objects.select_for_update().select_related("station").get(pk=account_id)
    if account.confirmed_at is not None:
        raise Conflict("account_confirmed", _("This account is confirmed already."))
    if OutletAccount.objects.filter(station=account.station_id, pk__gt=account.pk).exists():
        raise Conflict("account_superseded", _("A newer account was entered meanwhile: look at that one."))
    if account.entered_by_id == by.pk:
        raise Refused("same_person", _("Who entered an account can't confirm it. Ask a second person."))
    if number is not None and normal_number(number) != account.number:
        raise Refused(
            "number_differs",
            _("This is not the number that was entered. Read the paper again, or have the outlet enter it anew."),
            pointer="/number",
        )
    account.confirmed_by, account.confirmed_at = by, at
    account.save(update_fields=["confirmed_by", "confirmed_at"])
    _audit(account, "account.confirmed", by, at)
    return account


def _audit(account: OutletAccount, action: str, by: User, at: datetime) -> None:
    audit(
        actor=by,
        action=action,
        entity="account",
        entity_id=account.pk,
        label=account.station.name,
        county_code=account.county_code,
        after={"bank": account.bank, "tail": account.tail},
        at=at,
    )
