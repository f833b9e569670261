"""Password sign-in by user name in any case; demo users only from this machine unless DEMO_LAN is set."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from common import net

MAX_PASSWORD = 1024  # longer ones are refused before hashing: argon2 over 10 MB is a free denial of service


class DemoAwareBackend(ModelBackend):
    """ModelBackend with our sign-in; its permissions are never asked for, rights come from memberships."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if not username or password is None or len(password) > MAX_PASSWORD or "\x00" in username:
            return None
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            User().set_password(password)  # the same time as for a known name
            return None
        if not user.check_password(password) or not user.is_active:
            return None
        return user if demo_allowed(request, user) else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


def demo_allowed(request: HttpRequest | None, user: User) -> bool:
    """A demo user's password is public: it is taken from loopback only, or where DEMO_LAN says so."""
    return not user.is_demo or settings.DEMO_LAN or request is None or net.is_loopback(request)


def lockout_name(request: HttpRequest | None, credentials: Mapping[str, Any] | None = None) -> str:
    """AXES_USERNAME_CALLABLE: the name as sign-in reads it. Names count in any case there, so each spelling of one must
    spend the same tries."""
    given = credentials if credentials is not None else request.POST if request is not None else {}
    return str(given.get("username") or "").upper().lower()[:255]  # upper first: PostgreSQL compares UPPER(name)
