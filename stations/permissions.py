"""What a view asks of its caller: an action of accounts/roles.py, or a reason why it is public; silence denies."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.roles import roles_that_may
from common.errors import NotAllowed
from common.http import PageRequest
from stations.models import Device
from stations.scope import may

Page = TypeVar("Page", bound=Callable[..., HttpResponseBase])


class DenyAll(BasePermission):
    """The default of every API view: a view that names nothing answers nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class MayAct(BasePermission):
    """Reads `view.action_needed`: a signed-in person needs a role for it; a handheld only where `device_allowed`."""

    message = _("Your role may not do this.")
    code = "not_allowed"

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, Device):
            return bool(getattr(view, "device_allowed", False))
        return bool(request.user.is_authenticated and may(request.user, view.action_needed))


class DeviceOnly(BasePermission):
    """Handhelds and nobody else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Device)


def require(action: str) -> Callable[[Page], Page]:
    """Page decorator: 403 unless one of the user's roles has `action`. Rows still go through visible_to."""
    roles_that_may(action)  # a misspelt action fails at import

    def decorate(view: Page) -> Page:
        @wraps(view)
        def inner(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request.user, action):
                raise NotAllowed(_("Your role may not do this."))
            return view(request, *args, **kwargs)

        vars(inner)["action_needed"] = action  # read by the architecture and matrix tests
        return cast(Page, inner)

    return decorate
