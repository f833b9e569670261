"""Organisations beyond the carriers every county knows: a local carrier, a bus company, a cooperative."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, Refused
from common.text import clean, fault, normal_code
from stations.models import Organisation
from stations.states import OrganisationKind


def add_organisation(*, code: str, name: str, kind: str, at: datetime, by: User | None = None) -> Organisation:
    """A new organisation. Refused "code_form", "name_missing" or "kind_unknown", Conflict "code_taken"."""
    if kind not in OrganisationKind.values:
        raise Refused("kind_unknown", _("Kinds are: %(kinds)s.") % {"kinds": ", ".join(OrganisationKind.values)})
    if fault(name) or not clean(name):
        raise Refused("name_missing", _("An organisation needs a name."), pointer="/name")
    try:
        with transaction.atomic():
            row = Organisation.objects.create(code=normal_code(code), name=clean(name)[:80], kind=kind)
            audit(
                actor=by,
                actor_label="" if by else "manage.py add_organisation",
                action="organisation.added",
                entity="organisation",
                entity_id=row.pk,
                label=f"{row.code} {row.name}",
                at=at,
            )
    except IntegrityError as refused:
        if "organisation_code_form" in str(refused):
            raise Refused(
                "code_form", _("A code has 2 to 16 capital letters, digits or hyphens."), pointer="/code"
            ) from refused
        raise Conflict("code_taken", _("An organisation of that code exists already."), pointer="/code") from refused
    return row
