"""The subsidy's arithmetic and its words, as plain calculation. The amounts of lines are computed by sql/settle.sql
with PostgreSQL's numeric; here stands what the pages say about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from common import money
from stations.states import Terrain

CLAMP_MIN = Decimal("0.3000")  # yuan a parcel; a policy may name another band inside RATE_MAX
CLAMP_MAX = Decimal("0.5000")
RATE_MAX = Decimal("2.0000")


@dataclass(frozen=True)
class Payable:
    """A sum of lines as it will stand on a statement: 2 places, and what rounding leaves over."""

    exact: Decimal

    @property
    def rounded(self) -> Decimal:
        return money.statement_yuan(self.exact)

    @property
    def remainder(self) -> Decimal:
        return money.line_yuan(self.exact - self.rounded)


def reason_sentences(reasons: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why a line has its rate, one sentence a reason, in the reader's language."""
    sentences = []
    for reason in reasons:
        if reason.get("code") == "terrain":
            sentences.append(
                _("%(terrain)s, %(rate)s yuan: %(village)s counts as %(terrain)s under policy %(policy)s.")
                % {
                    "terrain": Terrain(reason["terrain"]).label,
                    "rate": reason["rate"],
                    "village": reason["village"],
                    "policy": reason["policy"],
                }
            )
    return sentences
