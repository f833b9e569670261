"""Objections as people read them: whose name shows to whom, and the receipt under which the answer is read."""

import base64
import hashlib
import re
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from accounts.roles import CELLS, Role
from common import fields, text
from settlement.models import Appeal, Statement
from stations.scope import memberships_of

_ALPHABET = str.maketrans("IO", "XY")  # base32 has no 0 and 1: so nothing on paper looks like another
_NUMBERS = re.compile(r"\d[\d -]{5,}\d")


def receipt_of(appeal: Appeal) -> str:
    """12-ABCDE-FGHJK: 50 bits of a keyed digest that nobody guesses, computed instead of stored."""
    digest = hashlib.sha256(fields.digest(f"appeal:{appeal.pk}").encode()).digest()
    word = base64.b32encode(digest).decode()[:10].translate(_ALPHABET)
    return f"{appeal.pk}-{word[:5]}-{word[5:]}"


def appeal_of_receipt(receipt: str) -> Appeal | None:
    """The objection of that receipt, None for a wrong one; spaces, dashes and small letters don't matter."""
    typed = text.normal_code(receipt).translate(_ALPHABET)
    found = re.fullmatch(r"(\d{1,18})-?([A-Z2-7]{5})-?([A-Z2-7]{5})", typed)
    if not found:
        return None
    appeal = (
        Appeal.objects.filter(pk=int(found[1])).select_related("station", "adjustment").first()  # the public's too
    )
    given = f"{found[1]}-{found[2]}-{found[3]}"
    return appeal if appeal and fields.digest(receipt_of(appeal)) == fields.digest(given) else None


def appeals(user: User, *, state: str = "") -> QuerySet[Appeal]:
    """The objections in scope: those that wait first, oldest first; then the answered, newest first."""
    rows = Appeal.objects.visible_to(user, "appeal.read").select_related("station", "statement", "clawback")
    if state:
        rows = rows.filter(state=state)
    return rows.order_by("decided_at", "opened_at", "pk") if state == "open" else rows.order_by("-opened_at", "-pk")


def sees_claimant(user: User, appeal: Appeal) -> bool:
    """Whether a name and phone show unmasked: a role whose cell of appeal.read has no "m", in that county."""
    return any(
        "m" not in CELLS.get(("appeal.read", Role(membership.role)), "m")
        for membership in memberships_of(user)
        if membership.county_code == appeal.county_code
    )


@dataclass(frozen=True)
class AppealView:
    """An objection with what the reader may see of whoever wrote it."""

    appeal: Appeal
    name: str
    phone: str
    text: str


def appeal_view(user: User, appeal: Appeal) -> AppealView:
    name, phone = str(appeal.claimant_name or ""), str(appeal.claimant_phone or "")
    if sees_claimant(user, appeal):
        return AppealView(appeal, name, phone, appeal.text)
    written = _NUMBERS.sub(lambda found: text.masked_phone(found[0]), appeal.text)
    if name:
        written = written.replace(name, text.masked_name(name))
    return AppealView(appeal, text.masked_name(name), text.masked_phone(phone), written)


def statements_meant(appeal: Appeal) -> list[Statement]:
    """The statements a public objection's amount may be for; none where it is clear already."""
    if appeal.statement_id or appeal.clawback_id:
        return []
    rows = Statement.objects.filter(county_code=appeal.county_code, period=appeal.period)
    if appeal.station_id:
        rows = rows.filter(station_id=appeal.station_id)
    found = list(rows.select_related("station", "fund").order_by("station__township_code", "station__code"))
    return [] if appeal.station_id and len(found) == 1 else found
