"""Numbers as people type them: plain digits and one point, full width too; no exponents, no thousands, no units."""

import re
import unicodedata
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_PLAIN = re.compile(r"[+-]?\d{1,15}(\.\d{0,15})?", re.ASCII)


class PlainDecimalField(forms.DecimalField):
    """A decimal of at most `decimal_places`, from `least` to `most`; refuses 1e3, NaN and "1,000 yuan" in words."""

    widget = forms.TextInput

    def __init__(self, *, least: str | None = None, most: str, decimal_places: int, **kwargs: Any) -> None:
        self.least, self.most = Decimal(least) if least is not None else None, Decimal(most)
        super().__init__(decimal_places=decimal_places, **kwargs)
        self.widget.attrs.update(inputmode="decimal", autocomplete="off")

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs say int
        typed = unicodedata.normalize("NFKC", str(value)).strip() if value is not None else ""
        if not typed:
            return None
        if not _PLAIN.fullmatch(typed):
            raise ValidationError(_("Plain digits, such as 0.35."), code="invalid")
        number = Decimal(typed)
        if (self.least is not None and number < self.least) or number > self.most:
            raise ValidationError(
                _("Between %(least)s and %(most)s.") % {"least": f"{self.least or 0:f}", "most": f"{self.most:f}"},
                code="range",
            )
        return number

    def prepare_value(self, value: Any) -> Any:
        return f"{value.normalize():f}" if isinstance(value, Decimal) and value.is_finite() else value


def rate_field(**kwargs: Any) -> PlainDecimalField:
    """Yuan a parcel in steps of 0.001."""
    return PlainDecimalField(most="2", decimal_places=3, **kwargs)


def yuan_field(*, most: str, **kwargs: Any) -> PlainDecimalField:
    """An amount of yuan in whole fen."""
    return PlainDecimalField(least="0.01", most=most, decimal_places=2, **kwargs)


def multiplier_field(**kwargs: Any) -> PlainDecimalField:
    return PlainDecimalField(least="0.000001", most="10", decimal_places=6, **kwargs)
