"""Words of a report."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ReportState(TextChoices):
    COMPUTED = "computed", _("Computed")
