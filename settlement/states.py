"""Words of the subsidy: a policy's life, a month's, and what is paid for."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class PolicyState(TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("In force")


class PeriodState(TextChoices):
    OPEN = "open", _("Open")
    FROZEN = "frozen", _("Frozen")


class PaidService(TextChoices):
    OUTLET_DELIVERY = "outlet_delivery", _("Delivery at a village outlet")
