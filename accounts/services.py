"""Writes on users, and the one way to write the audit."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import password_validation
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEntry, User
from common import logs
from common.errors import Conflict, Refused

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread on paper


def audit(
    *,
    actor: User | None,
    action: str,
    entity: str,
    entity_id: object,
    at: datetime,
    county_code: str = "",
    label: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    actor_label: str = "",
) -> AuditEntry:
    """Append an entry inside the caller's transaction, so that the act and its trace stand or fall together."""
    return AuditEntry.objects.create(
        at=at,
        county_code=county_code,
        actor=actor,
        actor_label=actor_label or (str(actor) if actor else "system"),
        action=action,
        entity=entity,
        entity_id=str(entity_id),
        entity_label=label[:200],
        before=dict(before or {}),
        after=dict(after or {}),
        reason=reason[:400],
        request_id=logs.request_id.get(),
    )


def temporary_password() -> str:
    """Sixteen letters and digits in four groups, to be read out over a phone."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _i in range(4)) for _j in range(4))


def create_user(
    *,
    username: str,
    name: str,
    password: str,
    at: datetime,
    by: User | None = None,
    phone: str = "",
    is_demo: bool = False,
    must_change_password: bool = True,
    county_code: str = "",
) -> User:
    """A new user. Conflict "username_taken" if the name exists in any case; Refused "weak_password"."""
    user = User(
        username=username.strip(),
        name=name.strip(),
        phone=phone,
        is_demo=is_demo,
        must_change_password=must_change_password,
    )
    check_password_strength(password, user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
            audit(
                actor=by,
                action="user.created",
                entity="user",
                entity_id=user.pk,
                label=user.username,
                at=at,
                county_code=county_code,
                after={"username": user.username, "name": user.name},
            )
    except IntegrityError as taken:
        raise Conflict("username_taken", _("This user name is taken."), pointer="/username") from taken
    return user


def check_password_strength(password: str, user: User | None = None) -> None:
    """Refused "weak_password" with the validators' own sentences."""
    if len(password) > 128:
        raise Refused("weak_password", _("A password has at most 128 characters."), pointer="/password")
    try:
        password_validation.validate_password(password, user)
    except ValidationError as weak:
        raise Refused("weak_password", " ".join(weak.messages), pointer="/password") from weak


def set_password(
    *, user: User, password: str, at: datetime, by: User | None, must_change: bool, county_code: str = ""
) -> None:
    """Change or reset a password; every session of the user ends (the session hash no longer fits)."""
    check_password_strength(password, user)
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        row.set_password(password)
        row.must_change_password = must_change
        row.save(update_fields=["password", "must_change_password"])
        audit(
            actor=by,
            action="user.password_reset" if by and by.pk != user.pk else "user.password_changed",
            entity="user",
            entity_id=user.pk,
            label=user.username,
            at=at,
            county_code=county_code,
        )


def set_active(*, user: User, active: bool, at: datetime, by: User, reason: str, county_code: str = "") -> None:
    """Disable or enable a user; a disabled one is out at the next request (the backend refuses inactive users)."""
    with transaction.atomic():
        changed = User.objects.filter(pk=user.pk).exclude(is_active=active).update(is_active=active)
        if changed:
            audit(
                actor=by,
                action="user.enabled" if active else "user.disabled",
                entity="user",
                entity_id=user.pk,
                label=user.username,
                at=at,
                county_code=county_code,
                reason=reason,
            )


def end_expired_sessions(*, at: datetime) -> int:
    """Delete sessions past their date; returns how many."""
    return Session.objects.filter(expire_date__lt=at).delete()[0]


def set_language(*, user: User, language: str) -> None:
    User.objects.filter(pk=user.pk).update(language=language)


def demo_logins() -> list[dict[str, str]]:
    """Name and password of each demo user, for the sign-in page; the password is the user name behind "demo-"."""
    return [
        {"username": user.username, "name": user.name, "password": demo_password(user.username)}
        for user in User.objects.active().filter(is_demo=True, pk__gt=0).order_by("pk")[:20]
    ]


def demo_password(username: str) -> str:
    """Deterministic on purpose: it is printed on the sign-in page and taken from loopback only."""
    return f"demo-{username}-2026"
