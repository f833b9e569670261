"""Who calls the API: a handheld by its token, or a signed-in person at a browser (same origin, CSRF-checked)."""

from datetime import timedelta

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.models import User
from common import clock, fields
from stations.models import Device

SEEN_EVERY = timedelta(minutes=1)


class DeviceAuthentication(authentication.BaseAuthentication):
    """`Authorization: Device <token>`; one indexed look-up of the token's keyed digest."""

    keyword = "Device"

    def authenticate_header(self, request: HttpRequest) -> str:
        return self.keyword

    def authenticate(self, request: HttpRequest) -> tuple[User, Device] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        parts = header.split(" ")
        if len(parts) != 2 or parts[0] != self.keyword or not parts[1].isascii() or len(parts[1]) > 128:
            raise AuthenticationFailed(_("The token can't be read. Enrol this handheld again."), "token_unreadable")
        device = Device.objects.select_related("station", "user").filter(token_digest=fields.digest(parts[1])).first()
        if device is None:
            raise AuthenticationFailed(_("This token is not known. Enrol this handheld again."), "token_unknown")
        if device.revoked_at is not None or not device.user.is_active:
            raise AuthenticationFailed(
                _("This handheld is shut out. Its scans are safe on it; ask your manager to enrol it again."),
                "device_revoked",
            )
        now = clock.now()
        if device.last_seen_at is None or now - device.last_seen_at > SEEN_EVERY:
            Device.objects.filter(pk=device.pk).update(last_seen_at=now)
        return device.user, device


class SessionAuthentication(authentication.SessionAuthentication):
    """DRF's own, answering 401 (not 403) to nobody. A first password opens nothing but the page that changes it."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found = super().authenticate(request)
        if found is not None and found[0].must_change_password:
            raise PermissionDenied(_("Change your first password before anything else."), "first_password")
        return found

    def authenticate_header(self, request: HttpRequest) -> str:
        return "Session"


class DeviceScheme(OpenApiAuthenticationExtension):
    target_class = "stations.authentication.DeviceAuthentication"
    name = "deviceToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Device <token>`"}


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "stations.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
