"""What the endpoints read out of a request: who calls, and parameters that name themselves where they can't be used."""

from typing import cast

from django.utils.translation import gettext as _
from rest_framework.request import Request

from common.errors import Refused
from stations.models import Device


def device_of(request: Request) -> Device:
    """The handheld that calls; DeviceOnly let nobody else in."""
    return cast(Device, request.auth)


def number(request: Request, name: str, default: int, *, least: int = 1) -> int:
    """A whole number from `least` up; Refused "bad_parameter" (400)."""
    value = request.query_params.get(name)
    if value is None:
        return default
    good = value.isascii() and value.isdigit() and len(value) <= 18 and int(value) >= least
    return int(checked(name, value, good))


def checked(name: str, value: str, good: bool) -> str:
    """The value where it is good; Refused "bad_parameter" (400) naming it otherwise."""
    if not good:
        raise bad_parameter(name)
    return value


def bad_parameter(name: str) -> Refused:
    return Refused(
        "bad_parameter", _("A parameter of the address can't be used as it is."), pointer=f"/{name}", status=400
    )
