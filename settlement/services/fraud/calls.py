"""Calls to recipients: a sample nobody can choose, and what those called said. It holds nothing by itself."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import sql
from common.errors import Refused
from settlement.definitions import CHECKS
from settlement.models import CallBack
from settlement.services.fraud.versions import rules_in_force
from settlement.states import CallAnswer


@transaction.atomic
def draw_calls(*, county_code: str, month: date, at: datetime) -> int:
    """Draw a month's lines to call about; again is harmless and adds what came since. Returns how many are new."""
    rule = rules_in_force(county_code=county_code, at=at).get("F14")
    if rule is None:
        return 0
    params = {"county_code": county_code, "month": month, "at": at, **CHECKS["F14"].start, **rule.thresholds}
    return sql.run("settlement", "fraud_draw", params)


@transaction.atomic
def note_call(*, call_id: int, answer: str, by: User, at: datetime) -> CallBack:
    """Note what the recipient said; a later call replaces it. Refused "answer_unknown"."""
    if answer not in CallAnswer.values:
        raise Refused("answer_unknown", _("Choose one of the answers."), pointer="/answer")
    call = CallBack.objects.select_for_update().get(pk=call_id)
    call.answer, call.called_by, call.called_at = answer, by, at
    call.save(update_fields=["answer", "called_by", "called_at"])
    return call
