"""The tags and filters every page uses; registered as builtins, so no template loads them."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import segno
from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, FileInput, RadioSelect, Select
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common import money, text

register = template.Library()

NOTHING = "—"
SMALL_SAMPLE = 30  # below this many, a percentage says nothing: it is shown grey and marked

# A state's tone; the word beside it always says the same, so that nobody depends on the colour.
TONES = {
    "ok": ("done", "active", "delivered", "accepted", "paid", "confirmed", "closed_month", "success", "completed"),
    "busy": ("running", "in_transit", "out_for_delivery", "in_network", "info", "departed"),
    "shelf": ("at_hub", "at_centre", "at_outlet"),
    "wait": (
        "waiting", "registered", "proposed", "approved", "building", "trial", "draft", "open", "suspended",
        "on_hold", "warning", "assigned",
    ),
    "bad": ("failed", "lost", "damaged", "refused", "rejected", "revoked", "returned", "error", "danger",
            "broken_down"),
    "off": ("cancelled", "closed", "expired", "replaced", "secondary"),
}  # fmt: skip
_TONE_OF = {state: tone for tone, states in TONES.items() for state in states} | {tone: tone for tone in TONES}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A drawing of static/img/icons.svg; give `label` only where no word stands beside it."""
    href = f"{static('img/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"></use></svg>', href)


@register.simple_tag
def badge(label: Any, tone: Any = "off") -> SafeString:
    """A state as a word in a box: `{% badge row.get_state_display row.state %}`; or a key of TONES."""
    return format_html('<span class="state state-{}">{}</span>', _TONE_OF.get(str(tone), "off"), label)


@register.inclusion_tag("partials/field.html")
def field(bound: BoundField, hide_label: bool = False, mark_optional: bool = True) -> dict[str, Any]:
    """A form field with its label, help and errors beside it: `{% field form.name %}`."""
    widget = bound.field.widget
    kind = "input"
    attributes: dict[str, str | bool] = {}
    if isinstance(widget, (RadioSelect, CheckboxSelectMultiple)):
        kind = "choices"
    elif isinstance(widget, CheckboxInput):
        kind, attributes["class"] = "check", "form-check-input"
    elif isinstance(widget, Select):
        attributes["class"] = "form-select"
    else:
        attributes["class"] = "form-control"
        if isinstance(widget, FileInput):
            kind = "file"
    if bound.errors and "class" in attributes:
        attributes["class"] = f"{attributes['class']} is-invalid"
    if "class" in widget.attrs and "class" in attributes:
        attributes["class"] = f"{attributes['class']} {widget.attrs['class']}"
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attributes),
        "kind": kind,
        "hidden": bound.is_hidden,
        "hide_label": hide_label,
        "optional": mark_optional and not bound.field.required,
    }


@register.simple_tag
def ratio(numerator: int | None, denominator: int | None, small: int = SMALL_SAMPLE) -> SafeString:
    """ "87.5 %" over "7/8"; a dash where the denominator is 0; grey and marked under `small` cases."""
    if not denominator:
        return format_html('<span class="share"><span>{}</span><small>0/0</small></span>', NOTHING)
    share = f"{Decimal(numerator or 0) * 100 / Decimal(denominator):.1f}"
    parts = f"{numerator or 0}/{denominator}"
    if denominator < small:
        return format_html(
            '<span class="share few"><span>{} %</span><small>{} · <em>{}</em></small></span>',
            share, parts, _("too few"),
        )  # fmt: skip
    return format_html('<span class="share"><span>{} %</span><small>{}</small></span>', share, parts)


@register.simple_tag
def qr(content: str, label: str = "", scale: int = 4) -> SafeString:
    """The text as a QR code: an <img> whose source is a data: URI, so nothing is fetched."""
    code = segno.make(str(content), error="m", micro=False)
    return format_html(
        '<img class="qr" alt="{}" src="{}">', label or _("QR code"), code.svg_data_uri(scale=scale, border=4)
    )


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """3 minutes ago, the exact time behind it; a date beyond a week, the exact time if it lies ahead."""
    if not at:
        return NOTHING
    passed_s = int((timezone.now() - at).total_seconds())
    exact = _exact(at)
    if passed_s < -60:
        words = exact
    elif passed_s < 60:
        words = _("just now")
    elif passed_s < 3600:
        words = ngettext("%(count)d minute ago", "%(count)d minutes ago", passed_s // 60) % {"count": passed_s // 60}
    elif passed_s < 86_400:
        words = ngettext("%(count)d hour ago", "%(count)d hours ago", passed_s // 3600) % {"count": passed_s // 3600}
    elif passed_s < 7 * 86_400:
        words = ngettext("%(count)d day ago", "%(count)d days ago", passed_s // 86_400) % {"count": passed_s // 86_400}
    else:
        words = business_date(at)
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, words)


@register.filter
def exact(at: datetime | None) -> SafeString | str:
    """ "2026-11-22 18:05:09" in the county's time."""
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), _exact(at)) if at else NOTHING


def _exact(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}"


@register.filter
def business_date(day: date | datetime | None) -> str:
    """The calendar day in the county's time: 2026年11月22日."""
    if not day:
        return NOTHING
    return date_format(timezone.localtime(day).date() if isinstance(day, datetime) else day, "DATE_FORMAT")


@register.filter
def business_month(day: date | None) -> str:
    """2026年11月."""
    return date_format(day, "YEAR_MONTH_FORMAT") if day else NOTHING


@register.filter
def yuan(amount: Decimal | None, places: int = 2) -> str:
    """¥1,234.50; `places` 4 for the amount on a line."""
    if amount is None or amount == "":
        return NOTHING
    try:
        value = Decimal(amount)
    except (InvalidOperation, TypeError):
        return NOTHING
    value = money.line_yuan(value) if int(places) == 4 else money.statement_yuan(value)
    return f"{'-' if value < 0 else ''}¥{abs(value):,}"


@register.filter
def masked_name(name: str | None) -> str:
    """张*丰; what the reader's right doesn't cover never reaches the page."""
    return text.masked_name(name or "") or NOTHING


@register.filter
def masked_phone(phone: str | None) -> str:
    """138****1907."""
    return text.masked_phone(phone or "") or NOTHING


@register.filter
def or_dash(value: Any) -> Any:
    """The value, a dash where it is empty; 0 stays 0."""
    return NOTHING if value is None or value == "" else value


_ALERTS = {
    "debug": "secondary",
    "info": "info",
    "success": "success",
    "warning": "warning",
    "error": "danger",
}


@register.filter
def alert_tone(level: str) -> str:
    """A Django message level as a Bootstrap alert class."""
    return _ALERTS.get(level, "info")
